//! What this node measured itself: rates and answer lengths as moving averages, failures as apparent
//! load that fades.

use std::collections::BTreeMap;

use pumasi_protocol::{ModelAdvert, ModelName, NodeId, Rate, Timings, Usage};

use crate::config::Config;
use crate::limits;
use crate::rank::Measured;
use crate::time::Time;

/// Samples after which an own average outranks an advertised number.
const TRUSTED_SAMPLES: u32 = 3;
/// Answers whose lengths a moving average remembers, and after which an own average of lengths
/// outranks an advertised one.
const LENGTH_SAMPLES: u32 = 64;
/// Fewest tokens that make a sample of prefill: below, fixed costs dominate.
const PREFILL_SAMPLE_TOKENS: u32 = 16;
/// Fewest intervals between tokens that make a sample of decode.
const DECODE_SAMPLE_TOKENS: u32 = 4;

/// An exponential moving average in which the newest sample weighs a quarter.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    value: u32,
    samples: u32,
}

impl Average {
    fn add(&mut self, sample: u32) {
        let (old, new) = (u64::from(self.value), u64::from(sample));
        let mixed = if self.samples == 0 { new } else { (old * 3 + new) / 4 };
        self.value = u32::try_from(mixed).expect("an average of 32-bit numbers fits 32 bits");
        self.samples = self.samples.saturating_add(1);
    }

    /// The average, or 0 while it rests on too few samples.
    fn trusted(self) -> u32 {
        if self.samples >= TRUSTED_SAMPLES { self.value } else { 0 }
    }
}

/// The usual length of an answer. Lengths have heavy tails, so that a few of them say little: a plain
/// mean at first, then a slow moving average.
#[derive(Debug, Clone, Copy, Default)]
struct UsualLength {
    /// In 256ths of a token, so that rounding does not pile up.
    value: u64,
    samples: u32,
}

impl UsualLength {
    fn add(&mut self, tokens: u32) {
        self.samples = self.samples.saturating_add(1);
        let weight = u64::from(self.samples.min(LENGTH_SAMPLES));
        let mixed = self.value * (weight - 1) + u64::from(tokens) * 256;
        self.value = mixed / weight;
    }

    fn after(self, samples: u32) -> u32 {
        let tokens = u32::try_from(self.value.div_ceil(256)).unwrap_or(u32::MAX);
        if self.samples >= samples { tokens } else { 0 }
    }
}

/// Averages of one model on one node.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measurement {
    prefill: Average,
    decode: Average,
    tokens: UsualLength,
    used: Time,
}

impl Measurement {
    /// Adds one attempt that was slowed to `slowdown_permille` of its time alone by other slots.
    pub(crate) fn add(&mut self, usage: Usage, timings: Timings, slowdown_permille: u32) {
        let alone = |rate: Rate| {
            let scaled = u64::from(rate.0) * u64::from(slowdown_permille) / 1_000;
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        let read = usage.prompt.saturating_sub(usage.cached);
        if read >= PREFILL_SAMPLE_TOKENS {
            self.prefill.add(alone(Rate::measured(read, timings.prefill_us)));
        }
        let intervals = usage.completion.saturating_sub(1);
        if intervals >= DECODE_SAMPLE_TOKENS {
            self.decode.add(alone(Rate::measured(intervals, timings.decode_us)));
        }
        if usage.completion > 0 {
            self.tokens.add(usage.completion);
        }
    }

    /// What rests on enough samples; zeros for the rest.
    pub(crate) fn trusted(&self) -> Measured {
        Measured {
            prefill: Rate(self.prefill.trusted()),
            decode: Rate(self.decode.trusted()),
            usual_tokens: self.tokens.after(TRUSTED_SAMPLES),
        }
    }

    /// The same of another node, whose own mean of lengths rests on more answers than this one
    /// until there are many.
    fn trusted_of_other(&self) -> Measured {
        Measured { usual_tokens: self.tokens.after(LENGTH_SAMPLES), ..self.trusted() }
    }
}

/// Measurements of models on other nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measurements {
    by_node: BTreeMap<NodeId, BTreeMap<ModelName, Measurement>>,
    count: usize,
}

impl Measurements {
    /// Adds a sample. Returns the node of a measurement that gave way, if one did.
    pub(crate) fn add(
        &mut self,
        (node, model): (NodeId, ModelName),
        usage: Usage,
        timings: Timings,
        slowdown_permille: u32,
        now: Time,
    ) -> Option<NodeId> {
        let known = self.by_node.get(&node).is_some_and(|models| models.contains_key(&model));
        let full = !known && self.count >= limits::MEASURED;
        let forgotten = if full { self.forget_longest_unused() } else { None };
        self.count += usize::from(!known);
        let measurement = self.by_node.entry(node).or_default().entry(model).or_default();
        measurement.add(usage, timings, slowdown_permille);
        measurement.used = now;
        forgotten
    }

    /// What is trusted of each of a node's models, in their order; empty if nothing was measured.
    pub(crate) fn of(&self, node: NodeId, models: &[ModelAdvert]) -> Vec<Measured> {
        let Some(known) = self.by_node.get(&node) else { return Vec::new() };
        let trusted = |m: &ModelAdvert| known.get(&m.name).map(Measurement::trusted_of_other);
        models.iter().map(|m| trusted(m).unwrap_or_default()).collect()
    }

    fn forget_longest_unused(&mut self) -> Option<NodeId> {
        let all = self.by_node.iter().flat_map(|(node, models)| {
            models.iter().map(|(name, measurement)| (measurement.used, *node, name))
        });
        let (_, node, name) = all.min()?;
        let name = name.clone();
        let models = self.by_node.get_mut(&node)?;
        models.remove(&name);
        if models.is_empty() {
            self.by_node.remove(&node);
        }
        self.count -= 1;
        Some(node)
    }
}

/// Apparent load by failures: each adds to it, and it halves with time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Failures {
    ms: u32,
    at: Time,
}

impl Failures {
    pub(crate) fn add(&mut self, now: Time, config: &Config) {
        self.ms = self.now_ms(now, config).saturating_add(config.failure_ms);
        self.at = now;
    }

    /// What is left of it: halved per half-life, and straight lines between.
    pub(crate) fn now_ms(&self, now: Time, config: &Config) -> u32 {
        if self.ms == 0 {
            return 0;
        }
        let half_life = u64::from(config.failure_half_life_ms.max(1));
        let elapsed = now.ms_since(self.at);
        let halvings = u32::try_from(elapsed / half_life).unwrap_or(u32::MAX);
        let left = self.ms.checked_shr(halvings).unwrap_or(0);
        let further = u64::from(left) * (elapsed % half_life) / (2 * half_life);
        left - u32::try_from(further).expect("at most half of a 32-bit number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt: u32, completion: u32) -> Usage {
        Usage { prompt, cached: 0, completion }
    }

    fn timings(prefill_us: u64, decode_us: u64) -> Timings {
        Timings { queued_us: 0, prefill_us, decode_us }
    }

    #[test]
    fn averages_are_trusted_after_three_samples() {
        let mut measurement = Measurement::default();
        for expected in [Rate(0), Rate(0), Rate(100_000)] {
            measurement.add(usage(100, 51), timings(1_000_000, 1_000_000), 1_000);
            assert_eq!(measurement.trusted().prefill, expected);
        }
        assert_eq!(measurement.trusted().decode, Rate(50_000));
        assert_eq!(measurement.trusted().usual_tokens, 51);
    }

    #[test]
    fn a_slot_that_was_slowed_is_counted_at_its_speed_alone() {
        let mut measurement = Measurement::default();
        for _ in 0..3 {
            measurement.add(usage(100, 51), timings(2_000_000, 2_000_000), 2_000);
        }
        assert_eq!(measurement.trusted().decode, Rate(50_000));
    }

    #[test]
    fn short_prompts_and_answers_are_no_samples() {
        let mut measurement = Measurement::default();
        for _ in 0..9 {
            measurement.add(usage(15, 4), timings(10, 10), 1_000);
        }
        assert_eq!(measurement.trusted().prefill, Rate(0));
        assert_eq!(measurement.trusted().decode, Rate(0));
        assert_eq!(measurement.trusted().usual_tokens, 4);
    }

    #[test]
    fn failures_add_up_and_fade() {
        let config = Config::default();
        let mut failures = Failures::default();
        failures.add(Time::START, &config);
        assert_eq!(failures.now_ms(Time::START, &config), 5_000);
        assert_eq!(failures.now_ms(Time::from_ms(15_000), &config), 3_750);
        assert_eq!(failures.now_ms(Time::from_ms(30_000), &config), 2_500);
        failures.add(Time::from_ms(30_000), &config);
        assert_eq!(failures.now_ms(Time::from_ms(30_000), &config), 7_500);
        assert_eq!(failures.now_ms(Time::from_ms(10_000_000), &config), 0);
    }

    #[test]
    fn the_longest_unused_measurement_is_forgotten_at_the_bound() {
        let mut measurements = Measurements::default();
        let key = |n: usize| {
            let name = format!("m{n}").parse().expect("a model name");
            (NodeId([1; 32]), name)
        };
        for n in 0..=limits::MEASURED {
            let now = Time(n as u64);
            measurements.add(key(n), usage(0, 9), timings(0, 0), 1_000, now);
        }
        let models = &measurements.by_node[&key(0).0];
        assert_eq!((models.len(), measurements.count), (limits::MEASURED, limits::MEASURED));
        assert!(!models.contains_key(&key(0).1));
    }
}

//! Which idle model makes room for another: the one whose return is expected to cost the least, that
//! is, its load time over the time until it is probably used again. Pinned ones only where
//! nothing else keeps a promise that was made before they were pinned.

use pumasi_protocol::ModelName;

use crate::time::Time;

use super::models::{LocalModel, Models};

/// Costs are counted in millionths, so that whole numbers tell them apart.
const MILLIONTHS: u64 = 1_000_000;
/// What the time between two uses weighs against what was known of it before.
const LATEST_IN: u64 = 4;

/// A model that may go.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    name: &'a ModelName,
    bytes: u64,
    cost: u64,
    last_used: Time,
}

impl LocalModel {
    /// It is used from this moment on.
    pub(super) fn on_use(&mut self, now: Time) {
        let gap_ms = now.ms_since(self.last_used);
        self.gap_ms = match self.gap_ms {
            // The first use comes after nothing.
            _ if self.last_used == Time::START => 0,
            0 => gap_ms,
            known => known - known / LATEST_IN + gap_ms / LATEST_IN,
        };
        self.last_used = now;
    }

    /// Load time per time until the next use, which comes after the usual gap, or after as long again
    /// as it has been unused (Lindy's rule).
    fn cost_of_reloading(&self, now: Time) -> u64 {
        let unused_ms = now.ms_since(self.last_used);
        let load_ms = u64::from(self.facts.load_ms.max(1));
        load_ms.saturating_mul(MILLIONTHS) / unused_ms.max(self.gap_ms).max(1)
    }
}

impl Models {
    /// The next model to evict so that `bytes` more can become resident; `None` when what is
    /// unloading already suffices, or nothing is idle.
    pub(super) fn next_to_evict(&self, bytes: u64, now: Time) -> Option<ModelName> {
        let missing = self.missing_bytes(bytes)?;
        let idle = |pinned: bool| {
            let of = move |m: &LocalModel| m.is_idle() && m.facts.memory > 0 && m.pinned == pinned;
            let mut idle: Vec<Candidate<'_>> = self
                .iter()
                .filter(|(_, model)| of(model))
                .map(|(name, model)| Candidate {
                    name,
                    bytes: model.facts.memory,
                    cost: model.cost_of_reloading(now),
                    last_used: model.last_used,
                })
                .collect();
            idle.sort_by_key(|candidate| (candidate.cost, candidate.last_used, candidate.name));
            cheapest(&idle, missing).map(|candidate| candidate.name.clone())
        };
        idle(false).or_else(|| idle(true))
    }
}

/// Of the cheapest ones, the first as many as suffice, or the one that suffices alone for less. Where
/// all together do not suffice, the cheapest.
fn cheapest<'a>(idle: &[Candidate<'a>], missing: u64) -> Option<Candidate<'a>> {
    let (mut freed, mut together) = (0_u64, 0_u64);
    for candidate in idle {
        if freed >= missing {
            break;
        }
        freed = freed.saturating_add(candidate.bytes);
        together = together.saturating_add(candidate.cost);
    }
    let alone = idle.iter().find(|candidate| candidate.bytes >= missing);
    let alone = alone.filter(|candidate| candidate.cost < together);
    alone.or(idle.first()).copied()
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::{
        Admission, BlobId, Capabilities, EngineKind, ModelAdvert, ModelState, NodeAdvert, NodeId,
        NodeName, Rate, advert::Queue,
    };

    use super::*;
    use crate::view::Residence;

    fn name(text: &str) -> ModelName {
        ModelName::try_from(text.to_owned()).expect("a name")
    }

    fn advert(models: &[(&str, u64)]) -> NodeAdvert {
        let model = |(text, memory): &(&str, u64)| ModelAdvert {
            name: name(text),
            file: BlobId([1; 32]),
            size: *memory,
            engine: EngineKind::Llama,
            capabilities: Capabilities::default(),
            context: 64,
            state: ModelState::Held,
            memory: *memory,
            prefill: Rate(1),
            decode: Rate(1),
            load_ms: 0,
            usual_tokens: 0,
        };
        NodeAdvert {
            node: NodeId([1; 32]),
            incarnation: 1,
            sequence: 0,
            name: NodeName::try_from("desk".to_owned()).expect("a name"),
            version: String::new(),
            platform: String::new(),
            devices: Vec::new(),
            memory_total: 0,
            memory_free: 0,
            engines: Vec::new(),
            models: models.iter().map(model).collect(),
            queue: Queue::default(),
            admission: Admission::Accepting,
            data: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// Loaded models: name, memory, load time in seconds, uses in seconds since the start.
    fn loaded(models: &[(&str, u64, u32, &[u64])], budget: u64) -> Models {
        let mut all = Models::default();
        let sizes: Vec<(&str, u64)> = models.iter().map(|m| (m.0, m.1)).collect();
        all.on_local(&advert(&sizes), budget);
        for (text, _, load_s, uses) in models {
            let model = all.reserved(&name(text));
            model.residence = Residence::Loaded;
            model.facts.load_ms = load_s * 1_000;
            uses.iter().for_each(|at_s| model.on_use(Time(at_s * 1_000_000)));
        }
        all
    }

    fn evicted(models: &Models, bytes: u64) -> Option<String> {
        models.next_to_evict(bytes, Time(100_000_000)).map(|name| name.to_string())
    }

    #[test]
    fn of_equals_the_one_unused_for_longest_goes() {
        let models = loaded(&[("a", 10, 5, &[90]), ("b", 10, 5, &[40]), ("c", 10, 5, &[70])], 30);
        assert_eq!(evicted(&models, 10).as_deref(), Some("b"));
        assert_eq!(evicted(&models, 0), None, "there is room");
    }

    #[test]
    fn what_is_dear_to_load_stays_although_it_was_unused_for_longer() {
        let models = loaded(&[("dear", 10, 60, &[40]), ("cheap", 10, 1, &[80])], 20);
        assert_eq!(evicted(&models, 10).as_deref(), Some("cheap"));
    }

    #[test]
    fn what_is_used_often_stays() {
        let (often, rare): (&[u64], &[u64]) = (&[60, 65, 70, 75, 80], &[10, 60, 90]);
        let models = loaded(&[("often", 10, 5, often), ("rare", 10, 5, rare)], 20);
        assert_eq!(evicted(&models, 10).as_deref(), Some("rare"), "although it was used later");
    }

    #[test]
    fn one_that_suffices_alone_goes_before_many_small_ones() {
        let small: [&[u64]; 2] = [&[50], &[50]];
        let models = loaded(
            &[("large", 20, 6, &[50]), ("one", 10, 5, small[0]), ("two", 10, 5, small[1])],
            40,
        );
        assert_eq!(evicted(&models, 20).as_deref(), Some("large"));
        assert_eq!(evicted(&models, 10).as_deref(), Some("one"));
    }

    #[test]
    fn a_pinned_model_stays_and_its_memory_is_promised_to_nobody() {
        let mut models = loaded(&[("pinned", 10, 1, &[1]), ("other", 10, 9, &[99])], 20);
        models.reserved(&name("pinned")).pinned = true;
        assert_eq!(evicted(&models, 10).as_deref(), Some("other"));
        assert_eq!(evicted(&models, 20).as_deref(), Some("other"), "as far as it goes");
        models.on_local(&advert(&[("pinned", 10), ("other", 10), ("third", 15)]), 20);
        assert!(!models.can_require(&name("third")));
        models.reserved(&name("pinned")).leaving = true;
        assert!(models.can_require(&name("third")), "a person let it go");
    }
}

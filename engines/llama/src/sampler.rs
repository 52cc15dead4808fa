//! Draws the next token from the logits, in this order: bias, penalties, grammar, temperature,
//! top-k, top-p, min-p, draw. Everything is in Rust and depends only on the request and the tokens
//! so far, so that a continuation on another machine draws the same numbers.

mod candidates;
mod penalties;

use pumasi_protocol::generate::Sampling;

use candidates::Candidates;
pub(crate) use candidates::{Scored, log_probabilities};
use penalties::Penalties;

/// Sampling with every default filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    pub(crate) temperature: f32,
    pub(crate) top_k: u32,
    pub(crate) top_p: f32,
    pub(crate) min_p: f32,
    pub(crate) repeat_penalty: f32,
}

impl Default for Settings {
    /// llama.cpp's own defaults (`common_params_sampling`).
    fn default() -> Self {
        Self { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, repeat_penalty: 1.0 }
    }
}

/// Makes what a grammar forbids impossible.
pub(crate) type Allowed<'a> = &'a dyn Fn(&mut [f32]);

/// The buffers that drawing needs; one set serves all slots.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    logits: Vec<f32>,
    candidates: Candidates,
}

/// One request's sampler.
#[derive(Debug)]
pub(crate) struct Sampler {
    settings: Settings,
    bias: Vec<(u32, f32)>,
    penalties: Penalties,
    seed: u64,
}

/// What the numbers of one place of one answer begin with.
fn place_key(seed: u64, position: u32) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"pumasi draw 1").update(&seed.to_le_bytes()).update(&position.to_le_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(key)
}

/// Index of the largest logit, the first of equals. Blocks of 16 let the compiler use vectors.
fn argmax(logits: &[f32]) -> u32 {
    const BLOCK: usize = 16;
    let mut best = (f32::NEG_INFINITY, 0);
    for (index, block) in logits.chunks(BLOCK).enumerate() {
        let high = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if high > best.0 {
            best = (high, index);
        }
    }
    let begin = best.1 * BLOCK;
    let end = logits.len().min(begin + BLOCK);
    let within = logits[begin..end].iter().position(|logit| *logit == best.0).unwrap_or(0);
    u32::try_from(begin + within).unwrap_or(u32::MAX)
}

impl Sampler {
    /// `defaults` fill in what the request leaves open; `banned` tokens are never drawn.
    pub(crate) fn new(request: &Sampling, defaults: Settings, banned: &[u32]) -> Self {
        let settings = Settings {
            temperature: request.temperature.unwrap_or(defaults.temperature),
            top_k: request.top_k.unwrap_or(defaults.top_k),
            top_p: request.top_p.unwrap_or(defaults.top_p),
            min_p: request.min_p.unwrap_or(defaults.min_p),
            repeat_penalty: request.repeat_penalty.unwrap_or(defaults.repeat_penalty),
        };
        let mut bias = request.logit_bias.clone();
        bias.extend(banned.iter().map(|id| (*id, f32::NEG_INFINITY)));
        let penalties = Penalties::new(
            settings.repeat_penalty,
            request.frequency_penalty.unwrap_or(0.0),
            request.presence_penalty.unwrap_or(0.0),
        );
        Self { settings, bias, penalties, seed: request.seed.unwrap_or(0) }
    }

    /// A token of the prompt, in order.
    pub(crate) fn see_prompt(&mut self, prompt: &[u32]) {
        self.penalties.see_prompt(prompt);
    }

    /// A token of the answer, in order: drawn, forced, or delivered by an earlier attempt.
    pub(crate) fn accept(&mut self, id: u32) {
        self.penalties.accept(id);
    }

    /// Draws the token at `position` of the answer. `allowed` says which tokens the grammar
    /// permits; `None` if that leaves none.
    pub(crate) fn draw(
        &self,
        logits: &[f32],
        position: u32,
        allowed: Option<Allowed<'_>>,
        scratch: &mut Scratch,
    ) -> Option<u32> {
        let plain = allowed.is_none() && self.bias.is_empty() && self.penalties.are_off();
        if plain && self.settings.temperature <= 0.0 {
            return Some(argmax(logits));
        }
        let Scratch { logits: adjusted, candidates } = scratch;
        let logits = if plain {
            logits
        } else {
            adjusted.clear();
            adjusted.extend_from_slice(logits);
            self.adjust(adjusted, allowed);
            adjusted.as_slice()
        };
        let best = argmax(logits);
        if logits.get(best as usize).is_none_or(|logit| *logit == f32::NEG_INFINITY) {
            return None;
        }
        if self.settings.temperature <= 0.0 {
            return Some(best);
        }
        candidates.fill(logits, logits[best as usize], self.settings.temperature);
        candidates.keep_top_k(self.settings.top_k);
        candidates.keep_top_p(self.settings.top_p);
        candidates.keep_min_p(self.settings.min_p);
        Some(candidates.draw(place_key(self.seed, position)))
    }

    fn adjust(&self, logits: &mut [f32], allowed: Option<Allowed<'_>>) {
        for (id, bias) in &self.bias {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit += bias;
            }
        }
        self.penalties.apply(logits);
        if let Some(allowed) = allowed {
            allowed(logits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(change: impl FnOnce(&mut Sampling)) -> Sampler {
        let mut request = Sampling::default();
        change(&mut request);
        Sampler::new(&request, Settings::default(), &[])
    }

    fn draws(sampler: &Sampler, logits: &[f32], count: u32) -> Vec<u32> {
        let mut scratch = Scratch::default();
        let draw = |position| sampler.draw(logits, position, None, &mut scratch);
        (0..count).map(draw).map(|id| id.expect("some token is allowed")).collect()
    }

    fn share(drawn: &[u32], id: u32) -> f64 {
        drawn.iter().filter(|d| **d == id).count() as f64 / drawn.len() as f64
    }

    #[test]
    fn argmax_takes_the_first_of_equals_anywhere() {
        for at in [0, 1, 15, 16, 17, 99] {
            let mut logits = vec![-3.0; 100];
            logits[at] = 2.0;
            logits[99] = 2.0;
            assert_eq!(argmax(&logits), u32::try_from(at).expect("small"));
        }
        assert_eq!(argmax(&[f32::NEG_INFINITY; 40]), 0);
    }

    #[test]
    fn the_numbers_depend_on_seed_and_position_only() {
        assert_eq!(place_key(7, 3), place_key(7, 3));
        assert_ne!(place_key(7, 3), place_key(7, 4));
        assert_ne!(place_key(7, 3), place_key(8, 3));
    }

    #[test]
    fn rounding_of_the_logits_hardly_ever_changes_a_draw() {
        let open = sampler(|s| (s.temperature, s.top_k) = (Some(1.5), Some(40)));
        let logits: Vec<f32> = (0..500).map(|i| ((i * 37) % 500) as f32 * 0.02).collect();
        let rounded: Vec<f32> = logits
            .iter()
            .enumerate()
            .map(|(i, l)| l + if i % 2 == 0 { 1e-3 } else { -1e-3 })
            .collect();
        let (exact, other) = (draws(&open, &logits, 4_000), draws(&open, &rounded, 4_000));
        let changed = exact.iter().zip(&other).filter(|(a, b)| a != b).count();
        assert!(changed < 20, "{changed} of 4000");
    }

    #[test]
    fn draws_follow_the_softmax_of_the_logits() {
        let sampler = sampler(|s| {
            (s.temperature, s.top_k, s.top_p) = (Some(1.0), Some(0), Some(1.0));
            (s.min_p, s.seed) = (Some(0.0), Some(5));
        });
        let drawn = draws(&sampler, &[0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()], 20_000);
        for (id, probability) in [(0, 0.5), (1, 0.3), (2, 0.2)] {
            let share = share(&drawn, id);
            assert!((share - probability).abs() < 0.02, "{id}: {share}");
        }
        assert_eq!(drawn, draws(&sampler, &[0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()], 20_000));
    }

    #[test]
    fn temperature_zero_is_greedy_and_a_high_one_flattens() {
        let logits = [1.0, 2.0, 0.0];
        let greedy = sampler(|s| s.temperature = Some(0.0));
        assert_eq!(draws(&greedy, &logits, 3), [1, 1, 1]);
        let open = |temperature| {
            sampler(|s| {
                (s.temperature, s.top_k) = (Some(temperature), Some(0));
                (s.top_p, s.min_p) = (Some(1.0), Some(0.0));
            })
        };
        let cold = share(&draws(&open(0.5), &logits, 4_000), 1);
        let hot = share(&draws(&open(2.0), &logits, 4_000), 1);
        assert!(cold > 0.8 && hot < 0.6, "{cold} {hot}");
    }

    #[test]
    fn top_k_top_p_and_min_p_cut_the_tail() {
        let logits = [0.4f32.ln(), 0.3f32.ln(), 0.2f32.ln(), 0.1f32.ln()];
        let kept = |top_k, top_p, min_p| {
            let sampler = sampler(|s| {
                (s.temperature, s.top_k) = (Some(1.0), Some(top_k));
                (s.top_p, s.min_p) = (Some(top_p), Some(min_p));
            });
            let mut drawn = draws(&sampler, &logits, 2_000);
            drawn.sort_unstable();
            drawn.dedup();
            drawn
        };
        assert_eq!(kept(0, 1.0, 0.0), [0, 1, 2, 3]);
        assert_eq!(kept(2, 1.0, 0.0), [0, 1]);
        assert_eq!(kept(0, 0.69, 0.0), [0, 1]);
        assert_eq!(kept(0, 0.0, 0.0), [0], "the likeliest always stays");
        assert_eq!(kept(0, 1.0, 0.4), [0, 1, 2]);
    }

    #[test]
    fn bias_penalties_and_bans_change_the_choice() {
        let logits = [1.0, 2.0, 0.0];
        let greedy = |change: fn(&mut Sampling), banned: &[u32], answer: &[u32]| {
            let mut request = Sampling { temperature: Some(0.0), ..Sampling::default() };
            change(&mut request);
            let mut sampler = Sampler::new(&request, Settings::default(), banned);
            answer.iter().for_each(|id| sampler.accept(*id));
            draws(&sampler, &logits, 1)[0]
        };
        assert_eq!(greedy(|s| s.logit_bias = vec![(2, 5.0), (77, 9.0)], &[], &[]), 2);
        assert_eq!(greedy(|_| {}, &[1], &[]), 0);
        assert_eq!(greedy(|s| s.presence_penalty = Some(2.0), &[], &[1]), 0);
        assert_eq!(greedy(|s| s.frequency_penalty = Some(0.4), &[], &[1]), 1);
        assert_eq!(greedy(|s| s.frequency_penalty = Some(0.4), &[], &[1, 1, 1]), 0);
        assert_eq!(greedy(|s| s.repeat_penalty = Some(3.0), &[], &[1]), 0);
    }

    #[test]
    fn a_grammar_that_allows_nothing_gives_nothing() {
        let sampler = sampler(|s| s.temperature = Some(1.0));
        let none: &dyn Fn(&mut [f32]) = &|logits| logits.fill(f32::NEG_INFINITY);
        let third: &dyn Fn(&mut [f32]) = &|logits| logits[..2].fill(f32::NEG_INFINITY);
        let mut scratch = Scratch::default();
        assert_eq!(sampler.draw(&[1.0, 2.0, 0.0], 0, Some(none), &mut scratch), None);
        assert_eq!(sampler.draw(&[1.0, 2.0, 0.0], 0, Some(third), &mut scratch), Some(2));
    }
}

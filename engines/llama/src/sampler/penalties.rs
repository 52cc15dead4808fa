//! Penalties on tokens that occurred. `repeat_penalty` looks at the last tokens of prompt and
//! answer and scales (Keskar et al., CTRL, 2019, section 4.1); `frequency_penalty` and
//! `presence_penalty` look at the whole answer and subtract (OpenAI's API reference).

use std::collections::{BTreeMap, VecDeque};

use crate::limits::REPEAT_WINDOW;

/// What occurred so far.
#[derive(Debug)]
pub(crate) struct Penalties {
    repeat: f32,
    frequency: f32,
    presence: f32,
    recent: VecDeque<u32>,
    /// How often each token stands in the answer.
    counts: BTreeMap<u32, u32>,
}

impl Penalties {
    pub(crate) fn new(repeat: f32, frequency: f32, presence: f32) -> Self {
        Self { repeat, frequency, presence, recent: VecDeque::new(), counts: BTreeMap::new() }
    }

    pub(crate) fn are_off(&self) -> bool {
        self.repeat == 1.0 && !self.subtract()
    }

    fn subtract(&self) -> bool {
        self.frequency != 0.0 || self.presence != 0.0
    }

    pub(crate) fn see_prompt(&mut self, prompt: &[u32]) {
        let tail = &prompt[prompt.len().saturating_sub(REPEAT_WINDOW)..];
        tail.iter().for_each(|id| self.remember(*id));
    }

    fn remember(&mut self, id: u32) {
        if self.repeat == 1.0 {
            return;
        }
        if self.recent.len() == REPEAT_WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    pub(crate) fn accept(&mut self, id: u32) {
        self.remember(id);
        if self.subtract() {
            *self.counts.entry(id).or_default() += 1;
        }
    }

    pub(crate) fn apply(&self, logits: &mut [f32]) {
        for (place, id) in self.recent.iter().enumerate() {
            let first = !self.recent.iter().take(place).any(|earlier| earlier == id);
            if let Some(logit) = logits.get_mut(*id as usize).filter(|_| first) {
                *logit = if *logit > 0.0 { *logit / self.repeat } else { *logit * self.repeat };
            }
        }
        for (id, count) in &self.counts {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit -= *count as f32 * self.frequency + self.presence;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(penalties: &Penalties) -> [f32; 3] {
        let mut logits = [2.0, -2.0, 1.0];
        penalties.apply(&mut logits);
        logits
    }

    #[test]
    fn repeated_tokens_are_scaled_once_towards_unlikely() {
        let mut penalties = Penalties::new(2.0, 0.0, 0.0);
        penalties.see_prompt(&[0, 0]);
        penalties.accept(1);
        assert_eq!(applied(&penalties), [1.0, -4.0, 1.0]);
        (0..REPEAT_WINDOW).for_each(|_| penalties.accept(2));
        assert_eq!(applied(&penalties), [2.0, -2.0, 0.5], "what is long past is forgotten");
    }

    #[test]
    fn frequency_and_presence_count_the_answer_only() {
        let mut penalties = Penalties::new(1.0, 0.25, 1.0);
        penalties.see_prompt(&[2]);
        [0, 0].iter().for_each(|id| penalties.accept(*id));
        assert_eq!(applied(&penalties), [0.5, -2.0, 1.0]);
        assert!(!penalties.are_off());
        assert!(Penalties::new(1.0, 0.0, 0.0).are_off());
    }
}

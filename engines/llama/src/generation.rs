//! One generation: its ids, its sampler, grammar, stop strings and thinking block, and what each
//! next row of logits makes of it. Knows no slot, no library and no clock but its own durations.

use std::collections::VecDeque;
use std::time::Instant;

use pumasi_protocol::engine::{Alternative, OutputSyntax, Tempo, Token};
use pumasi_protocol::worker::{Drafts, RequestId};
use pumasi_protocol::{Fault, Finish, Phase, Timings, Usage};

use crate::grammar::{Grammar, Mask};
use crate::sampler::{Sampler, Scratch, log_probabilities};
use crate::stop::StopMatcher;
use crate::thinking::Thinking;
use crate::vocabulary::Vocabulary;

/// What a generation is made of, ready for a slot.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) request: RequestId,
    /// Rendered prompt, then the answer.
    pub(crate) ids: Vec<u32>,
    pub(crate) prompt_len: usize,
    /// Of the answer, what an earlier attempt delivered.
    pub(crate) delivered: usize,
    pub(crate) syntax: OutputSyntax,
    /// Ceiling of the whole answer, in tokens.
    pub(crate) max_tokens: usize,
    pub(crate) logprobs: Option<u8>,
    pub(crate) sampler: Sampler,
    pub(crate) grammar: Option<Grammar>,
    pub(crate) stop: StopMatcher,
    pub(crate) thinking: Thinking,
    /// Tokens that come next whatever the model says.
    pub(crate) forced: VecDeque<u32>,
    /// `</think>` as tokens.
    pub(crate) close_thinking: Vec<u32>,
    /// Of the prompt, found in the KV cache.
    pub(crate) cached: usize,
    pub(crate) clock: Clock,
    pub(crate) tempo: Tempo,
    /// What was drafted of the answer.
    pub(crate) drafts: Drafts,
}

/// When what happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) arrived: Instant,
    pub(crate) prefill_began: Option<Instant>,
    pub(crate) first_token: Option<Instant>,
    pub(crate) last_token: Option<Instant>,
    pub(crate) paused_at: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(arrived: Instant) -> Self {
        Self { arrived, prefill_began: None, first_token: None, last_token: None, paused_at: None }
    }

    /// A pause ends: it counts nowhere, as if all had been so much later.
    fn resume(&mut self, now: Instant) {
        let Some(paused_at) = self.paused_at.take() else { return };
        let pause = now.saturating_duration_since(paused_at);
        self.arrived += pause;
        for moment in [&mut self.prefill_began, &mut self.first_token, &mut self.last_token] {
            *moment = moment.map(|moment| moment + pause);
        }
    }

    fn timings(&self, now: Instant) -> Timings {
        let micros = |from: Instant, to: Option<Instant>| {
            let span = to.unwrap_or(now).saturating_duration_since(from);
            u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
        };
        Timings {
            queued_us: micros(self.arrived, self.prefill_began),
            prefill_us: self.prefill_began.map_or(0, |from| micros(from, self.first_token)),
            decode_us: self.first_token.map_or(0, |from| micros(from, self.last_token)),
        }
    }
}

/// What a row of logits made of a generation.
#[derive(Debug, Default)]
pub(crate) struct Advance {
    /// The next token of the answer, unless it ended without one.
    pub(crate) token: Option<Token>,
    /// Why it ended.
    pub(crate) finish: Option<Finish>,
}

impl Advance {
    fn ended(finish: Finish) -> Self {
        Self { token: None, finish: Some(finish) }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Generation {
    /// Tokens of the answer so far, delivered ones included.
    pub(crate) fn answered(&self) -> usize {
        self.ids.len() - self.prompt_len
    }

    /// Counts as they stand.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            prompt: count(self.prompt_len),
            cached: count(self.cached.min(self.prompt_len)),
            completion: count(self.answered()),
        }
    }

    /// Durations as they stand.
    pub(crate) fn timings(&self) -> Timings {
        self.clock.timings(Instant::now())
    }

    /// Runs at another tempo from here on; the phase that this puts it in.
    pub(crate) fn set_tempo(&mut self, tempo: Tempo) -> Phase {
        self.tempo = tempo;
        let now = Instant::now();
        match tempo {
            Tempo::Paused => {
                self.clock.paused_at.get_or_insert(now);
                Phase::Paused
            }
            Tempo::Full | Tempo::Slow => {
                self.clock.resume(now);
                match (self.clock.prefill_began, self.clock.first_token) {
                    (None, _) => Phase::Queued,
                    (Some(_), None) => Phase::Prefill,
                    (Some(_), Some(_)) => Phase::Decode,
                }
            }
        }
    }

    /// Follows the ids that an earlier attempt delivered; says if the answer was complete.
    pub(crate) fn replay(
        &mut self,
        delivered: &[u32],
        vocabulary: &Vocabulary,
    ) -> Result<Option<Finish>, Fault> {
        self.delivered = delivered.len();
        let mut finish = None;
        for id in delivered {
            if self.forced.front() == Some(id) {
                self.forced.pop_front();
            }
            finish = finish.or(self.accept(*id, vocabulary)?);
            self.force();
        }
        Ok(finish)
    }

    /// Takes the logits behind the last id and goes one token further.
    pub(crate) fn advance(
        &mut self,
        logits: &[f32],
        vocabulary: &Vocabulary,
        scratch: &mut Scratch,
    ) -> Result<Advance, Fault> {
        let id = match self.forced.pop_front() {
            Some(id) => id,
            None => match self.draw(logits, scratch)? {
                None => return Ok(Advance::ended(Finish::Grammar)),
                Some(id) if vocabulary.ends_answer(id) => return Ok(Advance::ended(Finish::Stop)),
                Some(id) => id,
            },
        };
        let now = Instant::now();
        self.clock.first_token.get_or_insert(now);
        self.clock.last_token = Some(now);
        let token = self.token(id, logits, vocabulary);
        let finish = self.accept(id, vocabulary)?;
        self.force();
        Ok(Advance { token: Some(token), finish })
    }

    fn draw(&mut self, logits: &[f32], scratch: &mut Scratch) -> Result<Option<u32>, Fault> {
        let position = count(self.answered());
        let bound = self.thinking.is_outside();
        let Some(grammar) = self.grammar.as_mut().filter(|_| bound) else {
            return Ok(self.sampler.draw(logits, position, None, scratch));
        };
        let mask: Mask = match grammar.mask().map_err(|_| Fault::Grammar)? {
            Some(mask) => mask,
            None => return Ok(None),
        };
        let allowed = |logits: &mut [f32]| mask.apply(logits);
        Ok(self.sampler.draw(logits, position, Some(&allowed), scratch))
    }

    fn token(&self, id: u32, logits: &[f32], vocabulary: &Vocabulary) -> Token {
        let bytes = vocabulary.bytes(id).to_vec();
        let Some(alternatives) = self.logprobs else {
            return Token { id, bytes, logprob: None, top: Vec::new() };
        };
        let (logprob, top) = log_probabilities(logits, id, usize::from(alternatives));
        let known = top.iter().filter(|scored| vocabulary.contains(scored.id));
        let alternative = |scored: &crate::sampler::Scored| Alternative {
            id: scored.id,
            bytes: vocabulary.bytes(scored.id).to_vec(),
            logprob: scored.score,
        };
        Token { id, bytes, logprob: Some(logprob), top: known.map(alternative).collect() }
    }

    /// Makes `id` the next token of the answer; says if that ends it.
    fn accept(&mut self, id: u32, vocabulary: &Vocabulary) -> Result<Option<Finish>, Fault> {
        let bound = self.thinking.is_outside();
        if let Some(grammar) = self.grammar.as_mut().filter(|_| bound) {
            grammar.accept(id).map_err(|_| Fault::Grammar)?;
        }
        self.ids.push(id);
        self.sampler.accept(id);
        let outside = self.thinking.feed(vocabulary.bytes(id));
        if self.stop.feed(&outside) {
            return Ok(Some(Finish::StopString));
        }
        if bound && self.grammar.as_ref().is_some_and(Grammar::is_complete) {
            return Ok(Some(Finish::Grammar));
        }
        Ok((self.answered() >= self.max_tokens).then_some(Finish::Length))
    }

    /// Closes the thinking block once its budget is spent.
    fn force(&mut self) {
        if self.thinking.is_spent() && self.forced.is_empty() {
            self.forced.extend(&self.close_thinking);
        }
    }
}

//! The data plane's stream of one attempt: one frame in, events out, in order, until a last event.

use serde::{Deserialize, Serialize};

use crate::blob::BlobAsk;
use crate::document::DocumentPart;
use crate::engine::{Embedded, Finish, OutputSyntax, Phase, Timings, Token, Usage};
use crate::fault::Fault;
use crate::ids::AttemptId;
use crate::job::Work;
use crate::limits;
use crate::name::ModelName;
use crate::providing::ProviderAsk;

/// What an owner sends on an attempt's stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum OwnerFrame {
    /// First frame: the work of an attempt that is bound here.
    Open {
        /// Which attempt.
        attempt: AttemptId,
        /// Which model, as the offer named it.
        model: ModelName,
        /// What to run.
        work: Work,
    },
    /// End it; the last event still comes.
    Cancel,
    /// The only frame of another sort of stream: a file is asked for; [`crate::blob::BlobFrame`]s answer.
    Blob(BlobAsk),
    /// The only frame of a third sort: [`crate::copy::CopyAsk`]s follow, and are answered.
    Copy,
    /// The first frame of a fourth sort of stream: a provider of this node is to be asked, or which
    /// providers there are; [`crate::providing::ProviderFrame`]s answer.
    Provider(Box<ProviderAsk>),
}

/// What an executor sends on an attempt's stream. `Finished`, `Embedded` and `Failed` are last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttemptEvent {
    /// Sign of life, every 250 ms while nothing else is sent.
    Alive {
        /// What is being done.
        phase: Phase,
        /// How far.
        step: u32,
    },
    /// The slot is taken and the prompt rendered.
    Started {
        /// The rendered prompt's ids.
        prompt: Vec<u32>,
        /// Of these, taken from the KV cache.
        cached: u32,
        /// How to read the answer.
        syntax: OutputSyntax,
    },
    /// Further tokens.
    Tokens {
        /// Position of the first of them in the answer.
        index: u32,
        /// The tokens.
        tokens: Vec<Token>,
    },
    /// The answer is complete.
    Finished {
        /// Why it ended.
        finish: Finish,
        /// Counts.
        usage: Usage,
        /// Durations.
        timings: Timings,
    },
    /// The embeddings, complete.
    Embedded {
        /// One per input.
        embedded: Vec<Embedded>,
        /// Durations.
        timings: Timings,
    },
    /// It ended without a result.
    Failed(Fault),
    /// A piece of a document's answer.
    Part {
        /// Its place among all pieces, from 0.
        index: u32,
        /// The piece.
        part: DocumentPart,
    },
}

impl AttemptEvent {
    /// Whether nothing may follow.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match self {
            Self::Finished { .. } | Self::Embedded { .. } | Self::Failed(_) => true,
            Self::Alive { .. } | Self::Started { .. } | Self::Tokens { .. } | Self::Part { .. } => {
                false
            }
        }
    }
}

/// How an executor broke the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Tokens before the start.
    #[error("tokens before the start")]
    TokensBeforeStart,
    /// A second start.
    #[error("a second start")]
    SecondStart,
    /// An index that jumps, repeats or goes back.
    #[error("expected token {expected}, got {got}")]
    Index {
        /// The next index.
        expected: u32,
        /// What came.
        got: u32,
    },
    /// No tokens, too many, or one that is too large.
    #[error("an event of impossible size")]
    Size,
    /// An event after the last.
    #[error("an event after the last")]
    AfterEnd,
}

/// Checks one attempt's events: start once, indices without jump, one end (invariant I5).
#[derive(Debug, Clone)]
pub struct EventOrder {
    started: bool,
    ended: bool,
    next: u32,
}

impl EventOrder {
    /// For an attempt that continues after `delivered` tokens.
    #[must_use]
    pub fn after(delivered: u32) -> Self {
        Self { started: false, ended: false, next: delivered }
    }

    /// Checks the next event.
    ///
    /// # Errors
    /// What the executor did wrong. The attempt must then be failed.
    pub fn check(&mut self, event: &AttemptEvent) -> Result<(), OrderError> {
        if self.ended {
            return Err(OrderError::AfterEnd);
        }
        self.ended = event.is_last();
        match event {
            AttemptEvent::Started { .. } if self.started => Err(OrderError::SecondStart),
            AttemptEvent::Started { .. } => {
                self.started = true;
                Ok(())
            }
            AttemptEvent::Tokens { index, tokens } => self.check_tokens(*index, tokens),
            AttemptEvent::Part { index, part } => {
                let fits = part.is_within_limits();
                self.count(*index, u32::from(fits))
            }
            AttemptEvent::Alive { .. }
            | AttemptEvent::Finished { .. }
            | AttemptEvent::Embedded { .. }
            | AttemptEvent::Failed(_) => Ok(()),
        }
    }

    fn check_tokens(&mut self, index: u32, tokens: &[Token]) -> Result<(), OrderError> {
        if !self.started {
            return Err(OrderError::TokensBeforeStart);
        }
        let sized = !tokens.is_empty()
            && tokens.len() <= limits::TOKENS_PER_EVENT
            && tokens.iter().all(Token::is_within_limits);
        let count = u32::try_from(tokens.len()).unwrap_or(0);
        self.count(index, if sized { count } else { 0 })
    }

    /// Goes on by `count` from where `index` must be; nothing is what has an impossible size.
    fn count(&mut self, index: u32, count: u32) -> Result<(), OrderError> {
        if index != self.next {
            return Err(OrderError::Index { expected: self.next, got: index });
        }
        let next = self.next.checked_add(count).filter(|next| *next > self.next);
        self.next = next.ok_or(OrderError::Size)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(index: u32, count: usize) -> AttemptEvent {
        let token = Token { id: 1, bytes: b"a".to_vec(), logprob: None, top: Vec::new() };
        AttemptEvent::Tokens { index, tokens: vec![token; count] }
    }

    fn started() -> AttemptEvent {
        let syntax = OutputSyntax::default();
        AttemptEvent::Started { prompt: vec![1], cached: 0, syntax }
    }

    #[test]
    fn cat_p20_token_indices_that_jump_repeat_or_go_back_are_refused() {
        let cases: [(u32, OrderError); 3] = [
            (4, OrderError::Index { expected: 3, got: 4 }),
            (0, OrderError::Index { expected: 3, got: 0 }),
            (2, OrderError::Index { expected: 3, got: 2 }),
        ];
        for (index, error) in cases {
            let mut order = EventOrder::after(0);
            assert_eq!(order.check(&started()), Ok(()));
            assert_eq!(order.check(&tokens(0, 3)), Ok(()));
            assert_eq!(order.check(&tokens(index, 1)), Err(error));
        }
    }

    #[test]
    fn cat_p20_chunks_after_the_end_two_ends_and_no_start_are_refused() {
        let end = AttemptEvent::Failed(Fault::Cancelled);
        let mut order = EventOrder::after(0);
        assert_eq!(order.check(&tokens(0, 1)), Err(OrderError::TokensBeforeStart));
        let mut order = EventOrder::after(5);
        assert_eq!(order.check(&started()), Ok(()));
        assert_eq!(order.check(&started()), Err(OrderError::SecondStart));
        assert_eq!(order.check(&tokens(5, 0)), Err(OrderError::Size));
        assert_eq!(order.check(&tokens(5, limits::TOKENS_PER_EVENT + 1)), Err(OrderError::Size));
        assert_eq!(order.check(&end), Ok(()));
        assert_eq!(order.check(&tokens(5, 1)), Err(OrderError::AfterEnd));
        assert_eq!(order.check(&end), Err(OrderError::AfterEnd));
    }

    #[test]
    fn cat_p20_parts_of_a_document_that_jump_or_are_too_large_are_refused() {
        let part = |index, length| AttemptEvent::Part {
            index,
            part: DocumentPart {
                file: 0,
                number: 1,
                kind: crate::document::PartKind::Markdown,
                bytes: vec![b'x'; length],
                more: false,
            },
        };
        let mut order = EventOrder::after(2);
        let jump = OrderError::Index { expected: 2, got: 0 };
        assert_eq!(order.check(&part(0, 1)), Err(jump));
        assert_eq!(order.check(&part(2, 0)), Ok(()));
        assert_eq!(order.check(&part(3, limits::PART_BYTES + 1)), Err(OrderError::Size));
    }
}

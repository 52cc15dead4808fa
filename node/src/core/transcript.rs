//! What an owner knows of an answer so far, across attempts: enough to continue it elsewhere without
//! repeat or gap, and to bring every attempt's events into one sequence for the client.

use std::time::{Duration, Instant};

use pumasi_protocol::generate::Resume;
use pumasi_protocol::stream::{AttemptEvent, EventOrder, OrderError};
use pumasi_protocol::{Usage, Work};

/// An answer's token ids, as they were delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// The rendered prompt, as the first attempt reported it.
    prompt: Option<Vec<u32>>,
    /// Ids of the answer that the client has.
    delivered: Vec<u32>,
    /// Parts of a document that the client has.
    parts: u32,
    /// When the last of them came.
    last: Option<Instant>,
    /// The attempt that is under way has written something, and that was not yet told.
    fresh: Fresh,
}

/// The beginning of an attempt's own tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fresh {
    #[default]
    Awaited,
    /// They came, this long after those of an attempt before.
    Untold(Option<Duration>),
    Told,
}

impl Transcript {
    /// Whether the client has seen anything of the answer.
    pub(crate) fn has_begun(&self) -> bool {
        !self.delivered.is_empty()
    }

    /// How many tokens the client has.
    pub(crate) fn delivered(&self) -> u32 {
        u32::try_from(self.delivered.len()).expect("answers are bounded by contexts")
    }

    /// A further attempt begins.
    pub(crate) fn attempt_begins(&mut self) {
        self.fresh = Fresh::Awaited;
    }

    /// Once for each attempt that wrote something: how long after the attempt before that was.
    pub(crate) fn first_tokens(&mut self) -> Option<Option<Duration>> {
        let Fresh::Untold(gap) = self.fresh else { return None };
        self.fresh = Fresh::Told;
        Some(gap)
    }

    /// The order that the next attempt's events must have.
    pub(crate) fn order(&self) -> EventOrder {
        EventOrder::after(self.delivered() + self.parts)
    }

    /// The work of the next attempt: the original, or its continuation.
    pub(crate) fn continuation(&self, work: &Work) -> Work {
        let mut work = work.clone();
        if let (Work::Generate(generate), Some(prompt), true) =
            (&mut work, &self.prompt, self.has_begun())
        {
            let (prompt, delivered) = (prompt.clone(), self.delivered.clone());
            generate.resume = Some(Resume { prompt, delivered });
        }
        if let Work::Document(document) = &mut work {
            document.skip = self.parts;
        }
        work
    }

    /// Checks an event against `order`, takes it over, and returns what the client gets of it.
    pub(crate) fn take(
        &mut self,
        order: &mut EventOrder,
        event: AttemptEvent,
    ) -> Result<Option<AttemptEvent>, OrderError> {
        order.check(&event)?;
        match &event {
            AttemptEvent::Started { prompt, .. } => {
                // As long as nothing was written, another file or template may read it anew.
                let is_new = !self.has_begun();
                if is_new {
                    self.prompt = Some(prompt.clone());
                }
                Ok(is_new.then_some(event))
            }
            AttemptEvent::Tokens { tokens, .. } => {
                let now = Instant::now();
                if self.fresh == Fresh::Awaited {
                    self.fresh = Fresh::Untold(self.last.map(|last| now - last));
                }
                self.last = Some(now);
                self.delivered.extend(tokens.iter().map(|token| token.id));
                Ok(Some(event))
            }
            AttemptEvent::Finished { finish, usage, timings } => {
                let usage = self.total(*usage);
                Ok(Some(AttemptEvent::Finished { finish: *finish, usage, timings: *timings }))
            }
            AttemptEvent::Part { .. } => {
                self.parts += 1;
                Ok(Some(event))
            }
            AttemptEvent::Alive { .. }
            | AttemptEvent::Embedded { .. }
            | AttemptEvent::Failed(_) => Ok(Some(event)),
        }
    }

    /// Counts the answer once, however many attempts it took. What the engine computed beyond what
    /// was delivered counts as it says.
    fn total(&self, last: Usage) -> Usage {
        let prompt = self.prompt.as_ref().map_or(last.prompt, |ids| {
            u32::try_from(ids.len()).expect("prompts are bounded by contexts")
        });
        Usage {
            prompt,
            cached: last.cached.min(prompt),
            completion: self.delivered().max(last.completion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pumasi_protocol::engine::OutputSyntax;
    use pumasi_protocol::{Finish, Generate, Prompt, Timings, Token};

    fn started() -> AttemptEvent {
        let syntax = OutputSyntax::default();
        AttemptEvent::Started { prompt: vec![7, 8], cached: 0, syntax }
    }

    fn tokens(index: u32, ids: &[u32]) -> AttemptEvent {
        let token = |id: &u32| Token { id: *id, bytes: Vec::new(), logprob: None, top: Vec::new() };
        AttemptEvent::Tokens { index, tokens: ids.iter().map(token).collect() }
    }

    #[test]
    fn until_something_is_written_the_latest_reading_of_the_prompt_counts() {
        let work = Work::Generate(Box::new(Generate::new(Prompt::Text("x".to_owned()))));
        let mut transcript = Transcript::default();
        transcript.take(&mut transcript.order(), started()).expect("in order");
        let syntax = OutputSyntax { thinking: true, ..OutputSyntax::default() };
        let other = AttemptEvent::Started { prompt: vec![9], cached: 0, syntax };
        let mut order = transcript.order();
        let told = transcript.take(&mut order, other.clone());
        assert_eq!(told, Ok(Some(other)), "the client reads the answer by it");
        transcript.take(&mut order, tokens(0, &[1])).expect("in order");
        let Work::Generate(next) = transcript.continuation(&work) else {
            panic!("generation stays generation");
        };
        assert_eq!(next.resume, Some(Resume { prompt: vec![9], delivered: vec![1] }));
    }

    #[test]
    fn each_attempt_tells_once_that_it_writes() {
        let mut transcript = Transcript::default();
        let mut order = transcript.order();
        transcript.take(&mut order, started()).expect("in order");
        assert_eq!(transcript.first_tokens(), None);
        transcript.take(&mut order, tokens(0, &[1])).expect("in order");
        assert_eq!(transcript.first_tokens(), Some(None));
        assert_eq!(transcript.first_tokens(), None);
        transcript.attempt_begins();
        let mut order = transcript.order();
        transcript.take(&mut order, started()).expect("in order");
        assert_eq!(transcript.first_tokens(), None);
        transcript.take(&mut order, tokens(1, &[2])).expect("in order");
        assert!(transcript.first_tokens().is_some_and(|gap| gap.is_some()));
    }

    #[test]
    fn a_second_attempt_continues_from_the_delivered_ids_and_starts_only_once_for_the_client() {
        let work = Work::Generate(Box::new(Generate::new(Prompt::Text("x".to_owned()))));
        let mut transcript = Transcript::default();
        assert_eq!(transcript.continuation(&work), work);
        let mut order = transcript.order();
        assert!(transcript.take(&mut order, started()).expect("in order").is_some());
        assert!(transcript.take(&mut order, tokens(0, &[1, 2])).expect("in order").is_some());

        let Work::Generate(next) = transcript.continuation(&work) else {
            panic!("generation stays generation");
        };
        assert_eq!(next.resume, Some(Resume { prompt: vec![7, 8], delivered: vec![1, 2] }));
        let mut order = transcript.order();
        assert_eq!(transcript.take(&mut order, started()), Ok(None));
        let repeated = transcript.take(&mut order, tokens(1, &[2]));
        assert_eq!(repeated, Err(OrderError::Index { expected: 2, got: 1 }));
        let mut order = transcript.order();
        transcript.take(&mut order, started()).expect("in order");
        transcript.take(&mut order, tokens(2, &[3])).expect("in order");
        let usage = Usage { prompt: 4, cached: 9, completion: 1 };
        let end =
            AttemptEvent::Finished { finish: Finish::Stop, usage, timings: Timings::default() };
        let end = transcript.take(&mut order, end).expect("in order");
        let total = Usage { prompt: 2, cached: 2, completion: 3 };
        let expected = AttemptEvent::Finished {
            finish: Finish::Stop,
            usage: total,
            timings: Timings::default(),
        };
        assert_eq!(end, Some(expected));
    }
}

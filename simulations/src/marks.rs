//! What a space-time diagram shows of a run: messages, attempts, states. Kept only while tracing.

use pumasi_protocol::{AttemptId, Control, JobState};
use pumasi_scheduler::{Outcome, Time};

/// Most marks of a kind that are kept.
const MARKS: usize = 20_000;

/// A message between two machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When it was sent, in microseconds.
    pub at_us: u64,
    /// Between which machines.
    pub from: usize,
    /// See `from`.
    pub to: usize,
    /// Its kind.
    pub kind: &'static str,
}

/// An attempt, as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Which.
    pub attempt: AttemptId,
    /// Its job's number in the scenario.
    pub job: u64,
    /// Whose job, and on which machine it ran.
    pub owner: usize,
    /// See `owner`.
    pub executor: usize,
    /// From when to when, in microseconds.
    pub from_us: u64,
    /// See `from_us`; `None`: to the end of the run.
    pub to_us: Option<u64>,
    /// How it ended, in a word.
    pub end: String,
}

/// A job at its owner comes to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When, in microseconds.
    pub at_us: u64,
    /// Where.
    pub node: usize,
    /// Which job.
    pub job: u64,
    /// To which state.
    pub state: &'static str,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Messages.
    pub messages: Vec<Message>,
    /// Attempts.
    pub bars: Vec<Bar>,
    /// States.
    pub steps: Vec<Step>,
}

impl Marks {
    pub(crate) fn message(&mut self, on: bool, now: Time, link: (usize, usize), what: &Control) {
        if !on || self.messages.len() >= MARKS {
            return;
        }
        let kind = match what {
            Control::Offer(_) => "offer",
            Control::Idle => "idle",
            Control::Bid { .. } => "bid",
            Control::Refuse { .. } => "refuse",
            Control::Claim { .. } => "claim",
            Control::Bind { .. } => "bind",
            Control::Gone { .. } => "gone",
            Control::Unbound { .. } => "unbound",
        };
        self.messages.push(Message { at_us: now.0, from: link.0, to: link.1, kind });
    }

    pub(crate) fn bound(
        &mut self,
        on: bool,
        now: Time,
        owner: usize,
        executor: usize,
        attempt: AttemptId,
        job: u64,
    ) {
        if on && self.bars.len() < MARKS {
            let (from_us, to_us, end) = (now.0, None, String::new());
            self.bars.push(Bar { attempt, job, owner, executor, from_us, to_us, end });
        }
    }

    pub(crate) fn ended(&mut self, on: bool, now: Time, attempt: AttemptId, outcome: &Outcome) {
        if !on {
            return;
        }
        let open = |bar: &&mut Bar| bar.attempt == attempt && bar.to_us.is_none();
        if let Some(bar) = self.bars.iter_mut().rev().find(open) {
            bar.to_us = Some(now.0);
            bar.end = match outcome {
                Outcome::Completed { .. } => "completed".to_owned(),
                Outcome::Failed(fault) => fault.code().to_owned(),
                Outcome::Cancelled => "cancelled".to_owned(),
            };
        }
    }

    pub(crate) fn state(&mut self, on: bool, now: Time, node: usize, job: u64, state: &JobState) {
        if !on || self.steps.len() >= MARKS {
            return;
        }
        let state = match state {
            JobState::Waiting => "waiting",
            JobState::Bound(_) => "bound",
            JobState::Running(_) => "running",
            JobState::Completed(_) => "completed",
            JobState::Failed(_) => "failed",
            JobState::Cancelled => "cancelled",
        };
        self.steps.push(Step { at_us: now.0, node, job, state });
    }
}

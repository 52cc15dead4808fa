//! What must hold, checked from outside the schedulers by one who sees all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pumasi_protocol::{AttemptId, Epoch, Fault, JobId, JobState, NodeId};
use pumasi_scheduler::Time;
use serde::Serialize;

use crate::engine::Engines;

/// What was violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Invariant {
    /// I4: one attempt on two nodes, or news of an old epoch taken.
    Fencing,
    /// I8: more memory or slots taken than there are.
    Memory,
    /// I9: failed for want of a candidate while a node could run it.
    Overlooked,
    /// A second terminal state.
    TerminalOnce,
    /// A job of a living node never ended.
    Ends,
    /// I13: something is left when nothing is to be done.
    Leak,
}

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// In words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {} µs: {}", self.invariant, self.at_us, self.what)
    }
}

/// What is remembered of each job.
#[derive(Debug, Clone)]
struct Followed {
    owner: NodeId,
    dispatched: Epoch,
    ended: Option<JobState>,
}

/// The observer of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    jobs: BTreeMap<JobId, Followed>,
    /// Where each attempt was expected or run.
    bound: BTreeMap<AttemptId, NodeId>,
    /// Jobs whose owner died: they end with it.
    orphaned: BTreeSet<JobId>,
    pub(crate) violations: Vec<Violation>,
}

impl Oracle {
    pub(crate) fn violate(&mut self, invariant: Invariant, now: Time, what: String) {
        self.violations.push(Violation { invariant, at_us: now.0, what });
    }

    pub(crate) fn on_submit(&mut self, job: JobId, owner: NodeId) {
        let followed = Followed { owner, dispatched: Epoch(0), ended: None };
        self.jobs.insert(job, followed);
    }

    pub(crate) fn on_owner_died(&mut self, owner: NodeId) {
        let theirs = self.jobs.iter().filter(|(_, f)| f.owner == owner && f.ended.is_none());
        self.orphaned.extend(theirs.map(|(job, _)| *job).collect::<Vec<_>>());
    }

    pub(crate) fn is_over(&self, job: JobId) -> bool {
        self.orphaned.contains(&job) || self.jobs.get(&job).is_none_or(|f| f.ended.is_some())
    }

    /// Jobs that have not ended although their owners live.
    pub(crate) fn unended(&self) -> Vec<JobId> {
        self.jobs.keys().copied().filter(|job| !self.is_over(*job)).collect()
    }

    pub(crate) fn count_ended(&self, matches: impl Fn(&JobState) -> bool) -> u64 {
        self.jobs.values().filter_map(|f| f.ended.as_ref()).filter(|s| matches(s)).count() as u64
    }

    /// An owner bound an attempt: epochs only rise.
    pub(crate) fn on_dispatch(&mut self, now: Time, attempt: AttemptId) {
        let Some(followed) = self.jobs.get_mut(&attempt.job) else { return };
        let before = followed.dispatched;
        followed.dispatched = attempt.epoch;
        if before >= attempt.epoch {
            let what = format!("{attempt:?} was dispatched after epoch {}", before.0);
            self.violate(Invariant::Fencing, now, what);
        }
    }

    /// A node believes that an attempt is bound to it.
    pub(crate) fn on_bound(&mut self, now: Time, attempt: AttemptId, node: NodeId) {
        match self.bound.insert(attempt, node) {
            Some(other) if other != node => {
                let what = format!("{attempt:?} is bound to {other:?} and to {node:?}");
                self.violate(Invariant::Fencing, now, what);
            }
            Some(_) | None => {}
        }
    }

    /// Whether an attempt is older than the newest that its owner bound.
    pub(crate) fn is_stale(&self, attempt: AttemptId) -> bool {
        self.jobs.get(&attempt.job).is_some_and(|f| f.dispatched > attempt.epoch)
    }

    /// A job changed its state. `stale`: because of news of an attempt that does not stand.
    pub(crate) fn on_state(&mut self, now: Time, job: JobId, state: &JobState, stale: bool) {
        let Some(followed) = self.jobs.get_mut(&job) else { return };
        if let Some(before) = &followed.ended {
            let what = format!("{job:?} became {state:?} after {before:?}");
            return self.violate(Invariant::TerminalOnce, now, what);
        }
        if state.is_terminal() {
            followed.ended = Some(state.clone());
        }
        if stale {
            let what = format!("news of an old epoch made {job:?} {state:?}");
            self.violate(Invariant::Fencing, now, what);
        }
    }

    /// What a machine really does, after each step on it.
    pub(crate) fn on_step(&mut self, now: Time, node: NodeId, engines: &Engines) {
        let resident = engines.resident();
        if resident > engines.budget {
            let what = format!("{node:?} has {resident} bytes in use of {}", engines.budget);
            self.violate(Invariant::Memory, now, what);
        }
        for (name, model) in &engines.models {
            if model.running.len() > usize::from(model.slots) {
                let what = format!("{node:?} runs {} on {name}", model.running.len());
                self.violate(Invariant::Memory, now, what);
            }
        }
    }
}

/// Whether a failure says that nobody could run the job.
pub(crate) fn blames_the_mesh(fault: &Fault) -> bool {
    matches!(fault, Fault::NoCandidate | Fault::Refused(_))
}

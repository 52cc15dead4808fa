//! Deadlines with their reasons. Setting one again moves it.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::{AttemptId, JobId, ModelName};
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wakeup {
    /// Owner: place this job, decide on its bids, renew its reservations or try again.
    Job(JobId),
    /// Owner: this job's first token is late; it may be begun a second time.
    Hedge(JobId),
    /// Owner: this job has waited as long as it may.
    QueueDeadline(JobId),
    /// Executor: this reservation expires, or its claim is repeated.
    Reservation(AttemptId),
    /// Executor: this attempt has been paused for the person at the desk as long as it may.
    Yield(AttemptId),
    /// Executor: a model that failed to load may be tried again.
    LoadBackoff(ModelName),
}

/// The pending deadlines.
#[derive(Debug, Clone)]
pub(crate) struct Timers<R = Wakeup> {
    by_time: BTreeSet<(Time, R)>,
    by_reason: BTreeMap<R, Time>,
}

impl<R> Default for Timers<R> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_reason: BTreeMap::new() }
    }
}

impl<R: Ord + Clone> Timers<R> {
    pub(crate) fn set(&mut self, reason: R, at: Time) {
        self.clear(&reason);
        self.by_time.insert((at, reason.clone()));
        self.by_reason.insert(reason, at);
    }

    /// Sets a deadline, unless it stands earlier already.
    pub(crate) fn bring_forward(&mut self, reason: R, at: Time) {
        if self.by_reason.get(&reason).is_none_or(|before| *before > at) {
            self.set(reason, at);
        }
    }

    pub(crate) fn clear(&mut self, reason: &R) {
        if let Some((reason, at)) = self.by_reason.remove_entry(reason) {
            self.by_time.remove(&(at, reason));
        }
    }

    pub(crate) fn next(&self) -> Option<(Time, R)> {
        self.by_time.first().cloned()
    }

    /// Takes the earliest deadline that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<R> {
        let (at, reason) = self.next().filter(|(at, _)| *at <= now)?;
        self.by_reason.remove(&reason);
        self.by_time.remove(&(at, reason.clone()));
        Some(reason)
    }
}

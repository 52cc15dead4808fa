//! What happened in a run, how often, and what came of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::marks::Marks;
use crate::oracle::Violation;
use crate::situations::Situations;

/// How often what happened in a run. The names are what a report prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Jobs submitted.
    pub jobs: u64,
    /// Ended with a result.
    pub completed: u64,
    /// Ended without.
    pub failed: u64,
    /// Ended by a person.
    pub cancelled: u64,
    /// Ended with their owner.
    pub orphaned: u64,
    /// Control messages sent.
    pub messages: u64,
    /// Offers sent to other nodes.
    pub offers: u64,
    /// Claims of waiting reservations.
    pub claims: u64,
    /// Bindings of all jobs.
    pub bindings: u64,
    /// Of these, on another node than the owner.
    pub remote: u64,
    /// Of these, second and later ones of a job.
    pub retries: u64,
    /// Bindings that the executor did not know.
    pub unbound: u64,
    /// Models loaded.
    pub loads: u64,
    /// Models evicted or released.
    pub unloads: u64,
    /// Engines that crashed under running attempts.
    pub crashes: u64,
    /// Attempts stopped by their executor.
    pub stops: u64,
    /// Streams that broke under a bound attempt.
    pub broken: u64,
    /// Faults that began.
    pub faults: u64,
    /// Lasting jobs handed in.
    pub lasting: u64,
    /// Lasting jobs acknowledged.
    pub acknowledged: u64,
    /// Ends of lasting jobs shown, again after each start.
    pub shown: u64,
    /// Messages between keepers of lasting jobs.
    pub custody_messages: u64,
    /// Steps on schedulers.
    pub steps: u64,
}

impl Counts {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.orphaned += other.orphaned;
        self.messages += other.messages;
        self.offers += other.offers;
        self.claims += other.claims;
        self.bindings += other.bindings;
        self.remote += other.remote;
        self.retries += other.retries;
        self.unbound += other.unbound;
        self.loads += other.loads;
        self.unloads += other.unloads;
        self.crashes += other.crashes;
        self.stops += other.stops;
        self.broken += other.broken;
        self.faults += other.faults;
        self.lasting += other.lasting;
        self.acknowledged += other.acknowledged;
        self.shown += other.shown;
        self.custody_messages += other.custody_messages;
        self.steps += other.steps;
    }

    /// The counts with their names, for summaries and for the list of situations that must occur.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 23] {
        [
            ("jobs", self.jobs),
            ("completed", self.completed),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
            ("orphaned", self.orphaned),
            ("messages", self.messages),
            ("offers", self.offers),
            ("claims", self.claims),
            ("bindings", self.bindings),
            ("remote", self.remote),
            ("retries", self.retries),
            ("unbound", self.unbound),
            ("loads", self.loads),
            ("unloads", self.unloads),
            ("crashes", self.crashes),
            ("stops", self.stops),
            ("broken", self.broken),
            ("faults", self.faults),
            ("lasting jobs", self.lasting),
            ("acknowledged", self.acknowledged),
            ("ends shown", self.shown),
            ("messages of keepers", self.custody_messages),
            ("steps", self.steps),
        ]
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first violation, if there was one; the run ends with it.
    pub violation: Option<Violation>,
    /// What happened how often.
    pub counts: Counts,
    /// The situations that occurred.
    pub situations: Situations,
    /// Faults by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// A hash over every action and input: equal runs have equal digests.
    pub digest: String,
    /// Virtual time of the run, in milliseconds.
    pub virtual_ms: u64,
    /// The last lines of the trace, if one was kept.
    pub trace: Vec<String>,
    /// What a diagram shows, if a trace was kept.
    pub marks: Marks,
}

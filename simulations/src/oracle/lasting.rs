//! What must hold of lasting jobs, by one who sees all disks and all that people are told: I1 to I4,
//! I16. An end is the same for everybody (I1), save after an adoption by hand, whose end counts.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::custody::Ended;
use pumasi_protocol::{JobId, NodeId, Term};

/// The observer of lasting jobs.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastingOracle {
    /// Person and key of each job that was handed in with one.
    pub(crate) keys: BTreeMap<JobId, (u8, u8)>,
    acked: BTreeSet<JobId>,
    /// Acknowledged, and its end was not shown to anybody yet.
    awaited: BTreeSet<JobId>,
    ended: BTreeMap<JobId, Ended>,
    adopted: BTreeSet<JobId>,
    owners: BTreeMap<(JobId, Term), NodeId>,
    /// A keeper's disk was replaced by an older copy: promises may be broken.
    exempt: BTreeSet<JobId>,
}

impl LastingOracle {
    pub(crate) fn is_acked(&self, job: JobId) -> bool {
        self.acked.contains(&job)
    }

    pub(crate) fn is_adopted(&self, job: JobId) -> bool {
        self.adopted.contains(&job)
    }

    pub(crate) fn is_exempt(&self, job: JobId) -> bool {
        self.exempt.contains(&job)
    }

    pub(crate) fn awaited(&self) -> impl Iterator<Item = JobId> {
        self.awaited.iter().copied()
    }

    pub(crate) fn has_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    pub(crate) fn on_acknowledged(&mut self, job: JobId) {
        self.acked.insert(job);
        if !self.ended.contains_key(&job) {
            self.awaited.insert(job);
        }
    }

    pub(crate) fn on_adopted(&mut self, job: JobId) {
        self.adopted.insert(job);
    }

    pub(crate) fn on_exempt(&mut self, job: JobId) {
        self.exempt.insert(job);
    }

    /// I4: a node owns a job in a term; the other one that does, if there is one.
    pub(crate) fn on_owner(&mut self, job: JobId, term: Term, node: NodeId) -> Option<NodeId> {
        let first = *self.owners.entry((job, term)).or_insert(node);
        (first != node && !self.adopted.contains(&job)).then_some(first)
    }

    /// I1: somebody was shown an end, or may be from now on. Another one that was shown before.
    pub(crate) fn on_end(&mut self, job: JobId, ended: &Ended) -> Option<Ended> {
        self.awaited.remove(&job);
        if self.adopted.contains(&job) {
            self.ended.insert(job, ended.clone());
            return None;
        }
        let first = self.ended.entry(job).or_insert_with(|| ended.clone());
        (first != ended && !self.exempt.contains(&job)).then(|| first.clone())
    }
}

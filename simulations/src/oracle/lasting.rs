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
    /// Machines whose disks were replaced by copies that had another state of it.
    restored: BTreeMap<JobId, BTreeSet<usize>>,
    /// Restored where no majority could hold against that: promises may be broken.
    broken: BTreeSet<JobId>,
}

impl LastingOracle {
    pub(crate) fn is_acked(&self, job: JobId) -> bool {
        self.acked.contains(&job)
    }

    pub(crate) fn is_adopted(&self, job: JobId) -> bool {
        self.adopted.contains(&job)
    }

    /// Whether what one disk had of it may be gone.
    pub(crate) fn is_restored(&self, job: JobId) -> bool {
        self.restored.contains_key(&job)
    }

    /// Whether so many disks were replaced by older copies that promises may be broken.
    pub(crate) fn is_broken(&self, job: JobId) -> bool {
        self.broken.contains(&job)
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

    /// The disk of a machine was replaced by a copy that had another state of a job. `majority`: the
    /// job has so many holders that they outvote one.
    pub(crate) fn on_restored(&mut self, job: JobId, machine: usize, majority: bool) {
        let restored = self.restored.entry(job).or_default();
        restored.insert(machine);
        if !majority || restored.len() > 1 {
            self.broken.insert(job);
        }
    }

    /// I4: a node owns a job in a term; the other one that does, if there is one.
    pub(crate) fn on_owner(&mut self, job: JobId, term: Term, node: NodeId) -> Option<NodeId> {
        let first = *self.owners.entry((job, term)).or_insert(node);
        let counts = !self.adopted.contains(&job) && !self.is_broken(job);
        (first != node && counts).then_some(first)
    }

    /// I1: somebody was shown an end, or may be from now on. Another one that was shown before.
    pub(crate) fn on_end(&mut self, job: JobId, ended: &Ended) -> Option<Ended> {
        self.awaited.remove(&job);
        if self.adopted.contains(&job) {
            self.ended.insert(job, ended.clone());
            return None;
        }
        let first = self.ended.entry(job).or_insert_with(|| ended.clone());
        let (differs, first) = (first != ended, first.clone());
        (differs && !self.is_broken(job)).then_some(first)
    }
}

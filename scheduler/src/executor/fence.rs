//! The highest epoch that this node has seen of each job from each owner, so that what is older is
//! ignored (I4). By owner, because a member could else invent an epoch of another's job, and that
//! job would be refused here for ever.

use std::collections::BTreeMap;

use pumasi_protocol::{AttemptId, Epoch, JobId, NodeId};

use crate::limits;

#[derive(Debug, Clone, Copy)]
struct Fence {
    epoch: Epoch,
    /// The binding of that epoch has been here and is over.
    over: bool,
    seen: u64,
}

/// What a fence says of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its epoch is the newest that was seen, or newer.
    Current,
    /// It was bound here and has ended: whatever speaks of it is late.
    Over,
    /// A newer epoch was seen.
    Old,
}

/// Bounded: the longest unseen job is forgotten first.
#[derive(Debug, Clone, Default)]
pub(super) struct Fences {
    by_job: BTreeMap<(JobId, NodeId), Fence>,
    by_seen: BTreeMap<u64, (JobId, NodeId)>,
    seen: u64,
}

impl Fences {
    pub(super) fn standing(&self, owner: NodeId, attempt: AttemptId) -> Standing {
        match self.by_job.get(&(attempt.job, owner)) {
            Some(fence) if fence.epoch > attempt.epoch => Standing::Old,
            Some(fence) if fence.epoch == attempt.epoch && fence.over => Standing::Over,
            Some(_) | None => Standing::Current,
        }
    }

    /// Raises the fence to an attempt that is not old.
    pub(super) fn raise(&mut self, owner: NodeId, attempt: AttemptId) {
        let over = self.standing(owner, attempt) == Standing::Over;
        self.put(owner, attempt, over);
    }

    /// The attempt was bound here and has ended.
    pub(super) fn close(&mut self, owner: NodeId, attempt: AttemptId) {
        if self.standing(owner, attempt) != Standing::Old {
            self.put(owner, attempt, true);
        }
    }

    fn put(&mut self, owner: NodeId, attempt: AttemptId, over: bool) {
        self.seen += 1;
        let fence = Fence { epoch: attempt.epoch, over, seen: self.seen };
        if let Some(before) = self.by_job.insert((attempt.job, owner), fence) {
            self.by_seen.remove(&before.seen);
        }
        self.by_seen.insert(self.seen, (attempt.job, owner));
        if self.by_job.len() > limits::FENCES
            && let Some((_, oldest)) = self.by_seen.pop_first()
        {
            self.by_job.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: NodeId = NodeId([1; 32]);

    fn attempt(job: u64, epoch: u32) -> AttemptId {
        AttemptId { job: JobId::from_parts(job, [0; 10]), epoch: Epoch(epoch) }
    }

    #[test]
    fn older_epochs_stay_old_and_ended_ones_stay_over() {
        let mut fences = Fences::default();
        fences.raise(OWNER, attempt(1, 2));
        assert_eq!(fences.standing(OWNER, attempt(1, 1)), Standing::Old);
        assert_eq!(fences.standing(OWNER, attempt(1, 2)), Standing::Current);
        fences.close(OWNER, attempt(1, 2));
        fences.raise(OWNER, attempt(1, 2));
        assert_eq!(fences.standing(OWNER, attempt(1, 2)), Standing::Over);
        assert_eq!(fences.standing(OWNER, attempt(1, 3)), Standing::Current);
        fences.raise(OWNER, attempt(1, 3));
        fences.close(OWNER, attempt(1, 2));
        assert_eq!(fences.standing(OWNER, attempt(1, 3)), Standing::Current);
    }

    #[test]
    fn another_node_raises_no_fence_for_this_owners_job() {
        let mut fences = Fences::default();
        fences.raise(NodeId([2; 32]), attempt(1, 7));
        fences.close(NodeId([2; 32]), attempt(1, 7));
        assert_eq!(fences.standing(OWNER, attempt(1, 1)), Standing::Current);
        assert_eq!(fences.standing(OWNER, attempt(1, 7)), Standing::Current);
    }

    #[test]
    fn the_longest_unseen_job_is_forgotten_first() {
        let mut fences = Fences::default();
        for job in 0..limits::FENCES as u64 {
            fences.raise(OWNER, attempt(job, 5));
        }
        fences.raise(OWNER, attempt(0, 5));
        fences.raise(OWNER, attempt(u64::from(u32::MAX), 5));
        assert_eq!(fences.standing(OWNER, attempt(0, 1)), Standing::Old);
        assert_eq!(fences.standing(OWNER, attempt(1, 1)), Standing::Current);
        assert_eq!(fences.by_job.len(), limits::FENCES);
    }
}

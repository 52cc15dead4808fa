//! Forgetting: ended jobs go by age and by count, on each holder by itself; nothing that has not ended
//! goes, save copies for owners that never acknowledged them.

use pumasi_protocol::JobId;
use pumasi_protocol::custody::CustodyMessage;

use super::Custody;
use super::job::{Job, Role};
use crate::limits;

impl Custody {
    pub(super) fn on_forget(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.record().settled) else { return };
        let record = job.record();
        let (owner, after) = (record.owner(), Some(record.version));
        if owner == self.env.me {
            for node in record.keepers() {
                self.env.send(node, CustodyMessage::Drop { job: id, after });
            }
        }
        self.erase(id);
    }

    pub(super) fn on_retain(&mut self, since_ms: u64) {
        self.since_ms = self.since_ms.max(since_ms);
        let (me, since_ms) = (self.env.me, self.since_ms);
        let is_old = |job: &&Job| {
            let record = job.record();
            let ended_ms = record.ended.as_ref().map(|ended| ended.at_ms);
            let is_copy = !record.is_held_by(me) && matches!(job.role, Role::Holder);
            let is_left_over = is_copy && job.want.overridden.is_none();
            // Not before somebody could see how it ended.
            job.shown && record.settled && ended_ms.is_some_and(|at| at < since_ms)
                || is_left_over && record.accepted_ms < since_ms
        };
        let old: Vec<JobId> = self.jobs.values().filter(is_old).map(Job::id).collect();
        old.into_iter().for_each(|id| self.erase(id));
        self.forget_above_bound();
    }

    /// Half of the room is for jobs that have not ended.
    fn forget_above_bound(&mut self) {
        let ended = self.jobs.values().filter(|job| job.shown && job.record().settled);
        let mut ended: Vec<(u64, JobId)> = ended
            .map(|job| (job.record().ended.as_ref().map_or(0, |ended| ended.at_ms), job.id()))
            .collect();
        let above = ended.len().saturating_sub(limits::HOLDINGS / 2);
        ended.sort_unstable();
        ended.into_iter().take(above).for_each(|(_, id)| self.erase(id));
    }
}

//! What makes way: jobs that ended long ago, and those above a number. Never one that is not over.

use pumasi_protocol::JobId;

use super::job::JobRecord;
use super::limits::SWEPT_JOBS;
use super::record::Table;
use super::{Store, StoreError};

/// How much is kept of jobs that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Days after their end; 0: for ever.
    pub days: u32,
    /// How many.
    pub jobs: u32,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Store {
    /// Forgets jobs that need not be kept any more, oldest first, and their files; not all at once
    /// if they are many. Gives those that it forgot.
    ///
    /// # Errors
    /// When the disk refuses or a record is damaged.
    pub async fn sweep(&self, keep: Keep, now_ms: u64) -> Result<Vec<JobId>, StoreError> {
        let rows = self.inner.database.scan::<JobRecord>(Table::Job)?;
        let due = due(rows.into_iter().map(|(_, record)| record), keep, now_ms);
        let forgotten = due.into_iter().map(|job| async move {
            let over = |record: Option<JobRecord>| {
                let is_over = record.as_ref().is_some_and(|r| r.line.state.is_terminal());
                Ok::<_, StoreError>((is_over, record.filter(|_| !is_over)))
            };
            let is_over = self.change_job(job, over).await??;
            Ok(is_over.then_some(job))
        });
        let forgotten: Vec<Result<Option<JobId>, StoreError>> =
            futures::future::join_all(forgotten).await;
        forgotten.into_iter().filter_map(Result::transpose).collect()
    }
}

fn due(records: impl Iterator<Item = JobRecord>, keep: Keep, now_ms: u64) -> Vec<JobId> {
    let over = records.filter(|record| record.line.state.is_terminal());
    let ended = |r: JobRecord| (r.ended_ms.unwrap_or(r.line.accepted_ms), r.line.job);
    let mut ended: Vec<(u64, JobId)> = over.map(ended).collect();
    ended.sort_unstable();
    let too_many = ended.len().saturating_sub(usize::try_from(keep.jobs).unwrap_or(usize::MAX));
    let oldest_ms = match keep.days {
        0 => 0,
        days => now_ms.saturating_sub(u64::from(days) * DAY_MS),
    };
    let due = ended.iter().enumerate().filter(|(n, (ms, _))| *n < too_many || *ms < oldest_ms);
    due.map(|(_, (_, job))| *job).take(SWEPT_JOBS).collect()
}

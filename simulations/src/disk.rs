//! One machine's disk: the rows and files that are synced, and the writes that are on their way to it,
//! in their order. A crash keeps some of those, a power cut any part of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pumasi_protocol::custody::{Blob, Ended};
use pumasi_protocol::{BlobId, JobId, Term};
use pumasi_scheduler::{Draft, Holding, Time};

/// A change that is to be synced.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A job's row.
    Put { ticket: u64, holding: Box<Holding> },
    /// A job's row goes, and its files with it.
    Remove { job: JobId },
    /// A file comes, for this reason.
    File { blob: BlobId, then: Then },
}

/// What goes on once a file is on the disk.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// It is what a person asks.
    Accept(Box<Draft>),
    /// It came from another holder.
    Fetched,
    /// It is the result of work that this node had placed.
    Ended { job: JobId, term: Term, ended: Box<Ended> },
}

/// Everything that is synced.
#[derive(Debug, Clone, Default)]
struct Kept {
    rows: BTreeMap<JobId, Holding>,
    /// Whether each file still is what it was.
    files: BTreeMap<BlobId, bool>,
}

/// A disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    kept: Kept,
    waiting: VecDeque<(u64, Change)>,
    last_number: u64,
    last_at: Time,
    backup: Option<Kept>,
    /// Files that a row is yet to name: those of a row that goes meanwhile stay.
    fresh: BTreeSet<BlobId>,
    /// How many faults of a kind it has.
    pub(crate) full: u32,
    pub(crate) slow_ms: Vec<u64>,
    /// A sync failed: nothing is written until the next start.
    pub(crate) failed: bool,
}

impl Disk {
    /// Whether it takes no new rows and files.
    pub(crate) fn refuses(&self) -> bool {
        self.full > 0 || self.failed
    }

    /// Takes a change, to be synced at `at` or later: its number and that time.
    pub(crate) fn write(&mut self, at: Time, change: Change) -> (u64, Time) {
        if let Change::Put { holding, .. } = &change {
            // What comes back before it went, keeps its files.
            let goes = |change: &Change| match change {
                Change::Remove { job } => *job == holding.record.job,
                Change::Put { .. } | Change::File { .. } => false,
            };
            self.waiting.retain(|(_, change)| !goes(change));
        }
        self.last_number += 1;
        self.last_at = at.max(Time(self.last_at.0 + 1));
        self.waiting.push_back((self.last_number, change));
        (self.last_number, self.last_at)
    }

    /// The time of a sync is here: the change, and whether it is on the disk.
    pub(crate) fn sync(&mut self, number: u64) -> Option<(Change, bool)> {
        let place = self.waiting.iter().position(|(waits, _)| *waits == number)?;
        let (_, change) = self.waiting.remove(place)?;
        let done = !self.refuses() || matches!(change, Change::Remove { .. }) && !self.failed;
        if done {
            self.take(&change);
        }
        Some((change, done))
    }

    /// The machine stops: of what was not synced, that is kept for which `keeps` says so (by its
    /// place, from the first). How much is lost.
    pub(crate) fn stop(&mut self, keeps: impl Fn(usize) -> bool) -> usize {
        let waiting = std::mem::take(&mut self.waiting);
        let count = waiting.len();
        let mut kept = 0;
        for (place, (_, change)) in waiting.into_iter().enumerate() {
            if !self.refuses() && keeps(place) {
                self.take(&change);
                kept += 1;
            }
        }
        self.failed = false;
        self.fresh.clear();
        count - kept
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.kept.clone());
    }

    /// The copy replaces everything. The jobs whose rows differ.
    pub(crate) fn restore_backup(&mut self) -> Vec<JobId> {
        let Some(backup) = self.backup.take() else { return Vec::new() };
        let now = std::mem::replace(&mut self.kept, backup);
        let jobs = now.rows.keys().chain(self.kept.rows.keys());
        let differs = |job: &&JobId| now.rows.get(job) != self.kept.rows.get(job);
        jobs.filter(differs).copied().collect()
    }

    /// A bit of one of its files flips.
    pub(crate) fn rot(&mut self, draw: u64) -> bool {
        let index = draw % (self.kept.files.len().max(1) as u64);
        let mut files = self.kept.files.values_mut();
        let file = files.nth(usize::try_from(index).expect("below a length"));
        file.is_some_and(|good| std::mem::replace(good, false))
    }

    /// Whether a file is here and what it was.
    pub(crate) fn has(&self, blob: BlobId) -> bool {
        self.kept.files.get(&blob).copied().unwrap_or(false)
    }

    /// The same for a file that a row is about to name.
    pub(crate) fn find(&mut self, blob: BlobId) -> bool {
        let here = self.has(blob);
        if here {
            self.fresh.insert(blob);
        }
        here
    }

    /// Whether a file came here once.
    pub(crate) fn had(&self, blob: &Blob) -> bool {
        self.kept.files.contains_key(&blob.id)
    }

    pub(crate) fn row(&self, job: JobId) -> Option<&Holding> {
        self.kept.rows.get(&job)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Holding> {
        self.kept.rows.values()
    }

    /// Gives up a file that was written for a row that did not come; one that a row names stays.
    pub(crate) fn give_up(&mut self, blob: BlobId) {
        let names = |row: &Holding| row.record.blobs().iter().any(|named| named.id == blob);
        let waits = |(_, change): &(u64, Change)| match change {
            Change::Put { holding, .. } => names(holding),
            Change::Remove { .. } | Change::File { .. } => false,
        };
        self.fresh.remove(&blob);
        if !self.kept.rows.values().any(names) && !self.waiting.iter().any(waits) {
            self.kept.files.remove(&blob);
        }
    }
}

impl Disk {
    fn take(&mut self, change: &Change) {
        match change {
            Change::Put { holding, .. } => {
                holding.record.blobs().iter().for_each(|blob| {
                    self.fresh.remove(&blob.id);
                });
                self.kept.rows.insert(holding.record.job, holding.as_ref().clone());
            }
            Change::Remove { job } => {
                let Some(row) = self.kept.rows.remove(job) else { return };
                for blob in row.record.blobs() {
                    if !self.fresh.contains(&blob.id) {
                        self.kept.files.remove(&blob.id);
                    }
                }
            }
            Change::File { blob, .. } => {
                self.kept.files.insert(*blob, true);
                self.fresh.insert(*blob);
            }
        }
    }
}

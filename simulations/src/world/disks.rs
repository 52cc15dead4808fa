//! Disks: what is written is synced later, in order; machines stop with what was not; older copies
//! come back; and the checks that a machine finds what was promised.

use pumasi_protocol::JobId;
use pumasi_protocol::custody::Record;
use pumasi_scheduler::{CustodyInput, Holding, Time};

use crate::canary::Canary;
use crate::disk::{Change, Then};
use crate::oracle::Invariant;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// How long a sync takes at most on a disk that is well, in microseconds.
const SYNC_US: u64 = 20_000;
/// How long a result waits for a disk that refuses it, in microseconds.
const WRITE_AGAIN_US: u64 = 2_000_000;

impl World<'_> {
    pub(super) fn write(&mut self, node: usize, change: Change) {
        let draw = self.draw(&[node as u64, 21]) % SYNC_US;
        let disk = &mut self.shells[node].disk;
        let slow_us = disk.slow_ms.iter().max().map_or(0, |ms| ms * 1_000);
        let at = Time(self.now.0 + 500 + draw.max(slow_us));
        if slow_us > 0 {
            self.saw(Situation::SlowSync);
        }
        let (number, at) = self.shells[node].disk.write(at, change);
        let boot = self.shells[node].boots;
        self.at(at, Event::Synced { node, boot, number });
    }

    pub(super) fn on_synced(&mut self, node: usize, boot: u64, number: u64) {
        if self.shells[node].boots != boot {
            return;
        }
        let Some((change, done)) = self.shells[node].disk.sync(number) else { return };
        if !done {
            self.saw(if self.shells[node].disk.failed {
                Situation::SyncFailed
            } else {
                Situation::DiskFull
            });
        }
        match change {
            Change::Put { ticket, holding } => self.on_row(node, ticket, &holding, done),
            Change::Remove { .. } => self.saw(Situation::Erased),
            Change::File { blob, then } => self.on_file(node, blob, then, done),
        }
    }

    fn on_row(&mut self, node: usize, ticket: u64, holding: &Holding, done: bool) {
        let job = holding.record.job;
        if done {
            self.check_row(node, holding);
        }
        if self.canary != Some(Canary::AckBeforeSync) {
            self.tell_custody(
                node,
                match done {
                    true => CustodyInput::Persisted { job, ticket },
                    false => CustodyInput::PersistFailed { job, ticket },
                },
            );
        }
    }

    /// I15: what a row names is on the same disk. I1: an end that is final is the same everywhere.
    fn check_row(&mut self, node: usize, holding: &Holding) {
        let record = &holding.record;
        let disk = &self.shells[node].disk;
        if let Some(blob) = record.blobs().iter().find(|blob| !disk.had(blob)) {
            let what = format!("node {node} keeps {:?} without its file {:?}", record.job, blob.id);
            self.violate(Invariant::BlobIntegrity, what);
        }
        if let Some(ended) = record.ended.as_ref().filter(|_| record.settled) {
            self.check_end(node, record.job, ended);
        }
    }

    fn on_file(&mut self, node: usize, blob: pumasi_protocol::BlobId, then: Then, done: bool) {
        match then {
            Then::Accept(draft) if done => {
                self.tell_custody(node, CustodyInput::Accept(draft));
            }
            Then::Accept(_) => self.saw(Situation::RefusedDisk),
            Then::Fetched => self.tell_custody(
                node,
                match done {
                    true => CustodyInput::Fetched { blob },
                    false => CustodyInput::FetchFailed { blob },
                },
            ),
            Then::Ended { job, term, ended } if done => {
                self.tell_custody(node, CustodyInput::Ended { job, term, ended: *ended });
            }
            then @ Then::Ended { .. } => {
                let boot = self.shells[node].boots;
                self.later(WRITE_AGAIN_US, Event::WriteAgain { node, boot, blob, then });
            }
        }
    }

    /// A machine stops. What was written before some moment is kept by its system; after a power cut
    /// any part of it may be.
    pub(super) fn stop_disk(&mut self, node: usize, power: bool) {
        let draw = self.draw(&[node as u64, 22]);
        let lost = self.shells[node].disk.stop(|place| match power {
            true => crate::chance::hash(&[draw, place as u64]).is_multiple_of(2),
            false => (place as u64) < draw % 3,
        });
        if lost > 0 {
            self.saw(if power { Situation::LostByPowerCut } else { Situation::LostByKill });
        }
    }

    pub(super) fn cut_power(&mut self, node: usize) {
        if self.shells[node].is_alive() && self.shells[node].sleeps == 0 {
            self.stop_disk(node, true);
            self.kill(node);
        }
    }

    pub(super) fn note_owner_stops(&mut self, node: usize) {
        let Some(keeping) = self.shells[node].keeping.as_ref() else { return };
        let is_open = |record: &Record| record.ended.is_some() && !record.settled;
        if keeping.custody.jobs().any(|view| is_open(view.record)) {
            self.saw(Situation::DiedBeforeEndWasFinal);
        }
    }

    /// Somebody starts a machine again.
    pub(super) fn start_again(&mut self, node: usize) {
        if self.shells[node].is_alive() && self.shells[node].sleeps == 0 {
            self.kill(node);
            self.boot(node);
        }
        self.shells[node].disk.failed = false;
    }

    /// A machine gets an older copy of its disk. Who kept what differs may break its promises.
    pub(super) fn restore_backup(&mut self, node: usize) {
        if self.shells[node].sleeps > 0 {
            return;
        }
        let was_alive = self.shells[node].is_alive();
        if was_alive {
            self.kill(node);
        }
        let differ = self.shells[node].disk.restore_backup();
        if !differ.is_empty() {
            self.saw(Situation::OlderLedger);
        }
        for job in differ {
            let rows = self.shells.iter().filter_map(|shell| shell.disk.row(job));
            let majority = rows.map(|row| row.record.holders.len()).min().is_some_and(|n| n >= 3);
            self.oracle.lasting.on_restored(job, node, majority);
        }
        if was_alive {
            // Who notices nothing must not forget by age what may be missing here; most do not notice.
            self.shells[node].doubtful = self.scenario.keep_ms.is_some();
            self.boot(node);
            self.shells[node].doubtful = false;
        }
    }

    pub(super) fn rot(&mut self, node: usize) {
        let draw = self.draw(&[node as u64, 23]);
        if self.shells[node].disk.rot(draw) {
            self.saw(Situation::Rotten);
        }
    }

    /// I19: a machine that starts knows what its disk has of what was acknowledged.
    pub(super) fn check_recovered(&mut self, node: usize) {
        let shell = &self.shells[node];
        let Some(keeping) = shell.keeping.as_ref() else { return };
        let known = |job: JobId| keeping.custody.job(job).is_some();
        let rows = shell.disk.rows().map(|row| row.record.job);
        let lasting = &self.oracle.lasting;
        let counts = |job: &JobId| lasting.is_acked(*job) && !lasting.is_restored(*job);
        let forgotten: Vec<JobId> = rows.filter(|job| counts(job) && !known(*job)).collect();
        if let Some(job) = forgotten.first() {
            let what = format!("node {node} has {job:?} on its disk and starts without it");
            self.violate(Invariant::Recovery, what);
        }
    }
}

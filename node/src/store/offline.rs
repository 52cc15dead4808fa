//! The ledger of a node that does not run: checked, exported, put back from an export.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pumasi_protocol::BlobId;
use serde::Serialize;

use super::conversation::{ConversationRecord, MessageRecord};
use super::copies;
use super::database::{Batch, Database};
use super::export::{self, ExportHead, Section};
use super::file::Files;
use super::job::JobRecord;
use super::lock::Lock;
use super::opening::{self, LEDGER};
use super::record::{self, Record, Table};
use super::salvage::{self, Salvaged};
use super::{StoreError, identity, sync_dir};

/// The stopped node's ledger; nobody else opens it while this lives.
pub struct Offline {
    dir: PathBuf,
    _lock: Lock,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the ledger opens, every record is whole, and every file that is needed is there.
    pub whole: bool,
    /// Whether the ledger itself opens.
    pub opens: bool,
    /// Records that can be read.
    pub records: u64,
    /// Of these, jobs.
    pub jobs: u64,
    /// Records that are there and damaged; where the ledger does not open, more may be lost.
    pub broken_records: u64,
    /// Files that jobs and conversations need.
    pub files: u64,
    /// Of these, those that are not there.
    pub missing_files: Vec<String>,
    /// Of these, those that are damaged.
    pub damaged_files: Vec<String>,
    /// The newest daily copy, if there is one.
    pub newest_copy: Option<PathBuf>,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Records in it.
    pub records: u64,
    /// Kept files in it.
    pub files: u64,
    /// Records that were damaged and are not in it.
    pub broken_records: u64,
    /// Files that are needed and that are not in it, because they are lost or damaged.
    pub lost_files: u64,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Records of the ledger now.
    pub records: u64,
    /// Files that came with them.
    pub files: u64,
    /// When the export was made, Unix time in milliseconds: what was accepted later is not in it.
    pub written_ms: u64,
    /// Where the ledger before lies now, if there was one.
    pub before: Option<PathBuf>,
}

/// Names that a ledger gets that made way for another.
const ASIDE: usize = 1_000;

impl Offline {
    /// # Errors
    /// When the node runs, or the folder cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        std::fs::metadata(data_dir).map_err(|error| StoreError::io(data_dir, &error))?;
        Ok(Self { dir: data_dir.to_owned(), _lock: Lock::take(data_dir)? })
    }

    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The records as far as they can be read, and whether the ledger opens. Changes nothing.
    fn records(&self) -> Result<(Salvaged, bool), StoreError> {
        match Database::rows_of_closed(&self.store()) {
            Ok(rows) => Ok((Salvaged { records: rows.into_iter().collect(), broken: 0 }, true)),
            Err(StoreError::Damaged { .. }) => {
                // Verifying left a copy, and may have changed it.
                let copy = opening::copy_of(&self.store());
                let io = |error: std::io::Error| StoreError::io(&copy, &error);
                let ledger = copy.join(LEDGER);
                std::fs::copy(self.store().join(LEDGER), &ledger).map_err(io)?;
                let salvaged = salvage::salvage(&ledger).map_err(io)?;
                std::fs::remove_dir_all(&copy).map_err(io)?;
                Ok((salvaged, false))
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at every record and at every file that is needed.
    ///
    /// # Errors
    /// When the ledger is gone or the disk cannot be read.
    pub fn check(&self) -> Result<Report, StoreError> {
        let (salvaged, opens) = self.records()?;
        let jobs = jobs(&salvaged.records);
        let files = needed(&salvaged.records);
        let (mut missing, mut damaged) = (Vec::new(), Vec::new());
        for id in &files {
            match Files::read_in(&self.dir.join("files"), *id) {
                Ok(Some(_)) => {}
                Ok(None) => missing.push(id.to_string()),
                Err(_) => damaged.push(id.to_string()),
            }
        }
        Ok(Report {
            whole: opens && salvaged.broken == 0 && missing.is_empty() && damaged.is_empty(),
            opens,
            records: count(salvaged.records.len()),
            jobs: count(jobs.len()),
            broken_records: salvaged.broken,
            files: count(files.len()),
            missing_files: missing,
            damaged_files: damaged,
            newest_copy: self.newest_copy(),
        })
    }

    /// Writes what can be read into one file.
    ///
    /// # Errors
    /// When the ledger is gone or the disk refuses.
    pub fn export(&self, to: &Path, with_files: bool, now_ms: u64) -> Result<Exported, StoreError> {
        let (salvaged, _) = self.records()?;
        let dir = self.dir.join("files");
        let read = |id| Files::read_in(&dir, id);
        let needed = if with_files { needed(&salvaged.records) } else { BTreeSet::new() };
        let wanted = needed.len();
        let there = |id: &BlobId| matches!(read(*id), Ok(Some(_)));
        let files: Vec<BlobId> = needed.into_iter().filter(there).collect();
        let records: Vec<_> = salvaged.records.into_iter().collect();
        let ExportHead { records, files: written, .. } =
            export::write(to, now_ms, &records, &files, read)?;
        Ok(Exported {
            records,
            files: written,
            broken_records: salvaged.broken,
            lost_files: count(wanted - files.len()),
        })
    }

    /// Replaces the ledger by what an export holds. The one before is moved aside, not deleted.
    ///
    /// # Errors
    /// When the export is not whole, and then nothing is changed, or the disk refuses.
    pub fn import(&self, from: &Path) -> Result<Imported, StoreError> {
        let head = export::verify(from)?;
        let new = self.dir.join("store.new");
        let io = |error: std::io::Error| StoreError::io(&new, &error);
        match std::fs::remove_dir_all(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => {}
        }
        let database = Database::open(&new, true)?;
        let files = Files::open(&self.dir.join("files"), std::iter::empty())?;
        database.change(|changing| {
            let mut batch = Batch::default();
            export::read(from, |section| match section {
                Section::Record(key, record) => {
                    let bad = |_| StoreError::NotAnExport { path: from.to_owned() };
                    record::body(&key, &record).map_err(bad)?;
                    batch.put_raw(key, record);
                    Ok(())
                }
                Section::File(id, bytes) if files.put(&bytes)? == id => Ok(()),
                Section::File(..) => Err(StoreError::NotAnExport { path: from.to_owned() }),
            })?;
            changing.apply(batch)
        })?;
        // Counted as a start that this ledger does not know of: the next one knows that it is older.
        let known: Option<u64> = database.read(Table::Node, super::INCARNATION)?;
        let last = known.unwrap_or_default().max(identity::last_start(&self.dir));
        identity::keep_start(&self.dir, last.saturating_add(1))?;
        drop(database);
        let before = self.move_aside()?;
        std::fs::rename(&new, self.store()).map_err(io)?;
        sync_dir(&self.dir).map_err(io)?;
        let ExportHead { records, files, written_ms } = head;
        Ok(Imported { records, files, written_ms, before })
    }

    fn move_aside(&self) -> Result<Option<PathBuf>, StoreError> {
        let store = self.store();
        let io = |error: std::io::Error| StoreError::io(&store, &error);
        if !store.try_exists().map_err(io)? {
            return Ok(None);
        }
        let names = (1..ASIDE).map(|n| self.dir.join(format!("store.before-{n}")));
        let free = names.into_iter().find(|name| !name.exists());
        let free = free.ok_or(StoreError::TooManyAside { dir: self.dir.clone() })?;
        std::fs::rename(&store, &free).map_err(io)?;
        Ok(Some(free))
    }

    /// The newest daily copy that is whole.
    #[must_use]
    pub fn newest_copy(&self) -> Option<PathBuf> {
        let mut copies = copies::list(&self.dir);
        copies.reverse();
        copies.into_iter().find(|copy| export::verify(copy).is_ok())
    }
}

fn jobs(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<JobRecord> {
    of(records, Table::Job).collect()
}

/// The files that jobs and conversations name.
fn needed(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeSet<BlobId> {
    let of_jobs = jobs(records);
    let settings = of::<ConversationRecord>(records, Table::Conversation);
    let messages = of::<MessageRecord>(records, Table::Message);
    let texts = settings.filter_map(|record| record.settings.file());
    let texts = texts.chain(messages.filter_map(|record| record.message.file()));
    of_jobs.iter().flat_map(JobRecord::files).chain(texts).collect()
}

fn of<T: Record>(records: &BTreeMap<Vec<u8>, Vec<u8>>, table: Table) -> impl Iterator<Item = T> {
    let (from, to) = table.range();
    records.range(from..to).filter_map(|(key, value)| record::decode(key, value).ok())
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

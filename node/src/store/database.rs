//! The only file that names sled. Its `flush` does not reach the disk's platter and its large values
//! are never synced, so a change lasts only after `flush` and `fdatasync` of its file here, and
//! records stay small. Opening recovers, and recovering writes, so after an unclean end a copy is
//! opened and verified first.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{self, Table};
use super::{StoreError, create_private_dir, sync_dir};

/// Memory for pages, in bytes (the records of an office's mesh take less).
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// A file that is there only between a clean end and the next start; holds the hash of the others.
const CLEAN: &str = "closed-cleanly";

/// Changes that are made together or not at all.
#[derive(Default)]
pub(super) struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    pub(super) fn put<T: Serialize>(
        &mut self,
        table: Table,
        key: &[u8],
        value: &T,
    ) -> Result<(), StoreError> {
        let key = table.key(key);
        let record = record::encode(&key, value).map_err(|bytes| StoreError::TooLarge { bytes })?;
        self.changes.push((key, Some(record)));
        Ok(())
    }

    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.changes.push((table.key(key), None));
    }
}

/// An open database. Cheap to clone; closed cleanly when the last one is dropped.
#[derive(Clone)]
pub(super) struct Database {
    open: Arc<Open>,
}

struct Open {
    /// Taken out only when dropped.
    db: Option<sled::Db>,
    /// A handle of sled's one data file, for `fdatasync`.
    file: File,
    path: PathBuf,
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| StoreError::io(path, &error);
        let parent = path.parent().expect("the store lies in the data directory");
        let clean = path.join(CLEAN);
        let existed = path.join("db").exists();
        create_private_dir(path).map_err(io)?;
        match std::fs::read(&clean) {
            Ok(hash) if existed && hash != files_hash(path).map_err(io)? => {
                return Err(StoreError::Damaged { path: path.to_owned() });
            }
            Err(_) if existed => verify_copy(path)?,
            Ok(_) | Err(_) => {}
        }
        match std::fs::remove_file(&clean) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => sync_dir(path).map_err(io)?,
        }
        let db = open_sled(path)?;
        let file = File::options().write(true).open(path.join("db")).map_err(io)?;
        file.sync_all().map_err(io)?;
        sync_dir(path).and_then(|()| sync_dir(parent)).map_err(io)?;
        let open = Open { db: Some(db), file, path: path.to_owned() };
        let database = Self { open: Arc::new(open) };
        database.verify()?;
        Ok(database)
    }

    fn db(&self) -> &sled::Db {
        self.open.db.as_ref().expect("taken out only when dropped")
    }

    fn damaged(&self) -> StoreError {
        StoreError::Damaged { path: self.open.path.clone() }
    }

    /// Whether every record is whole.
    fn verify(&self) -> Result<(), StoreError> {
        for row in self.db().iter() {
            let (key, value) = row.map_err(|_| self.damaged())?;
            record::body(&key, &value).ok_or_else(|| self.damaged())?;
        }
        Ok(())
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let key = table.key(key);
        let Some(value) = self.db().get(&key).map_err(|_| self.damaged())? else {
            return Ok(None);
        };
        record::decode(&key, &value).map(Some).ok_or_else(|| self.damaged())
    }

    /// All records of a table, in the order of their keys.
    pub(super) fn scan<T: DeserializeOwned>(
        &self,
        table: Table,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let rows = self.db().scan_prefix(table.key(&[]));
        rows.map(|row| self.decode_row(row)).collect()
    }

    /// The records with the highest keys, highest first.
    pub(super) fn newest<T: DeserializeOwned>(
        &self,
        table: Table,
        at_most: usize,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.db().scan_prefix(table.key(&[])).rev().take(at_most);
        rows.map(|row| Ok(self.decode_row(row)?.1)).collect()
    }

    fn decode_row<T: DeserializeOwned>(
        &self,
        row: sled::Result<(sled::IVec, sled::IVec)>,
    ) -> Result<(Vec<u8>, T), StoreError> {
        let (key, value) = row.map_err(|_| self.damaged())?;
        let decoded = record::decode(&key, &value).ok_or_else(|| self.damaged())?;
        Ok((key[1..].to_vec(), decoded))
    }

    /// Makes changes visible; they last after the next [`Self::sync`].
    pub(super) fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch.changes {
            match value {
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        self.db().apply_batch(changes).map_err(|_| StoreError::Stopped)
    }

    /// Returns once all applied changes are on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db().flush().map_err(|_| StoreError::Stopped)?;
        self.open.file.sync_data().map_err(|_| StoreError::Stopped)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        let flushed = db.flush().is_ok();
        drop(db);
        // The marker is written last: without it, the next start verifies a copy.
        if flushed && self.file.sync_all().is_ok() && mark_clean(&self.path).is_err() {
            tracing::debug!("the store could not be marked as closed cleanly");
        }
    }
}

fn mark_clean(path: &Path) -> std::io::Result<()> {
    let hash = files_hash(path)?;
    let mut marker = File::create(path.join(CLEAN))?;
    marker.write_all(&hash)?;
    marker.sync_all()?;
    sync_dir(path)
}

/// A hash over the names and contents of the database's files.
fn files_hash(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut hasher = blake3::Hasher::new();
    for file in files_in(path)? {
        hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes()).update(b"/");
        std::io::copy(&mut File::open(file)?, &mut hasher)?;
    }
    Ok(hasher.finalize().as_bytes().to_vec())
}

/// The files of the database itself, by name.
fn files_in(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != CLEAN {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn open_sled(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    // Recovery of a damaged file can panic inside sled.
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(error))) => Err(StoreError::io(path, &error)),
        Ok(Err(_)) | Err(_) => Err(StoreError::Damaged { path: path.to_owned() }),
    }
}

/// Opens a copy of the database and verifies it, so that a damaged one is not touched.
fn verify_copy(path: &Path) -> Result<(), StoreError> {
    let copy = path.with_extension("check");
    let io = |error: std::io::Error| StoreError::io(&copy, &error);
    remove_dir(&copy).map_err(io)?;
    create_private_dir(&copy).map_err(io)?;
    for file in files_in(path).map_err(io)? {
        let name = file.file_name().unwrap_or_default();
        std::fs::copy(&file, copy.join(name)).map_err(io)?;
    }
    let damaged = |_| StoreError::Damaged { path: path.to_owned() };
    let db = open_sled(&copy).map_err(damaged)?;
    for row in db.iter() {
        let whole = row.is_ok_and(|(key, value)| record::body(&key, &value).is_some());
        if !whole {
            return Err(StoreError::Damaged { path: path.to_owned() });
        }
    }
    drop(db);
    remove_dir(&copy).map_err(io)
}

fn remove_dir(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

//! The ledger's file from its first byte: begun under another name, opened, marked when it was closed.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::{RECORDS, damaged};
use super::disk::{Disk, Trouble};
use super::{StoreError, sync_dir};

/// The one file.
pub(super) const LEDGER: &str = "ledger";
/// A file that is there only between a clean end and the next start; holds the hash of the other.
pub(super) const CLEAN: &str = "closed-cleanly";
/// Memory for pages, in bytes (the records of an office's mesh take less).
const CACHE_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn mark_clean(path: &Path) -> std::io::Result<()> {
    let hash = file_hash(&path.join(LEDGER))?;
    let new = path.join("closed-cleanly.new");
    let mut marker = File::create(&new)?;
    marker.write_all(&hash).and_then(|()| marker.sync_all())?;
    std::fs::rename(&new, path.join(CLEAN))?;
    sync_dir(path)
}

pub(super) fn file_hash(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().as_bytes().to_vec())
}

/// Makes an empty ledger under another name first, so that one under its own name is always whole.
pub(super) fn begin(path: &Path) -> Result<(), StoreError> {
    let new = path.join("ledger.new");
    let io = |error: std::io::Error| StoreError::io(&new, &error);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        Ok(()) | Err(_) => {}
    }
    let trouble = Arc::new(Trouble::default());
    let refused = |_| if trouble.is_only_full() { StoreError::Full } else { StoreError::Stopped };
    let db = open_file(&new, &trouble, false)?;
    let mut writing = db.begin_write().map_err(|_| StoreError::Stopped)?;
    writing.set_two_phase_commit(true);
    drop(writing.open_table(RECORDS).map_err(|_| StoreError::Stopped)?);
    writing.commit().map_err(refused)?;
    drop(db);
    File::open(&new).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&new, path.join(LEDGER)).map_err(io)?;
    sync_dir(path).map_err(io)
}

pub(super) fn open_file(
    file: &Path,
    trouble: &Arc<Trouble>,
    check: bool,
) -> Result<redb::Database, StoreError> {
    let path = file.parent().expect("a ledger lies in a folder");
    let io = |error: std::io::Error| StoreError::io(file, &error);
    let disk = Disk::open(file, trouble.clone()).map_err(io)?;
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(check);
    // What recovers a file that was damaged may panic.
    let opened = catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(disk)));
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(redb::DatabaseError::Storage(redb::StorageError::Io(error)))) => {
            use std::io::ErrorKind::{InvalidData, UnexpectedEof};
            let cut = matches!(error.kind(), InvalidData | UnexpectedEof);
            Err(if cut { damaged(path) } else { io(error) })
        }
        Ok(Err(_)) | Err(_) => Err(damaged(path)),
    }
}

/// Where a copy is opened.
pub(super) fn copy_of(path: &Path) -> PathBuf {
    path.with_extension("check")
}

pub(super) fn remove_dir(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

//! Files named by their BLAKE3 hash. A file has its name only once it is whole and on the disk, and
//! loses it once no record names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pumasi_protocol::BlobId;

use super::{StoreError, create_private_dir, sync_dir};

/// A file that no record names is kept this long at least, so that a ledger that was put back from a
/// copy does not cost what newer records named.
const UNNAMED_FOR: Duration = Duration::from_hours(24);

pub(super) struct Files {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tells files that are being written apart.
    written: u64,
    /// How many records name each.
    named: BTreeMap<BlobId, u32>,
    /// Written since the start, for a record that is yet to come.
    fresh: BTreeSet<BlobId>,
}

impl Files {
    /// Opens the folder; `named` are the files of all records, each as often as it is named.
    pub(super) fn open(
        dir: &Path,
        named: impl Iterator<Item = BlobId>,
    ) -> Result<Self, StoreError> {
        let new = dir.join("new");
        let io = |error: std::io::Error| StoreError::io(dir, &error);
        match std::fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => create_private_dir(&new).map_err(io)?,
        }
        let parent = dir.parent().expect("the files lie in the data directory");
        sync_dir(dir).and_then(|()| sync_dir(parent)).map_err(io)?;
        let files = Self { dir: dir.to_owned(), state: Mutex::default() };
        named.for_each(|id| files.name(id));
        files.sweep().map_err(io)?;
        Ok(files)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// Writes a file, and keeps it at least until a record has named it and none does any more.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<BlobId, StoreError> {
        let id = BlobId(*blake3::hash(bytes).as_bytes());
        let path = self.path(id);
        let number = {
            let mut state = self.state();
            state.fresh.insert(id);
            state.written += 1;
            state.written
        };
        // One that is damaged is written anew.
        if !matches!(self.read(id), Ok(Some(_))) {
            let new = self.dir.join("new").join(number.to_string());
            let written = write_synced(&new, bytes).and_then(|()| std::fs::rename(&new, &path));
            written.map_err(|error| {
                // What is left of it is removed at the next start otherwise.
                let _ = std::fs::remove_file(&new);
                StoreError::io(&new, &error)
            })?;
        }
        // Also a name that was there may be one that no sync has covered.
        sync_dir(&self.dir).map_err(|error| StoreError::io(&path, &error))?;
        Ok(id)
    }

    /// A record names it now.
    pub(super) fn name(&self, id: BlobId) {
        let mut state = self.state();
        state.fresh.remove(&id);
        *state.named.entry(id).or_default() += 1;
    }

    /// A record does not name it any more; with the last, the file goes.
    pub(super) fn unname(&self, id: BlobId) {
        let mut state = self.state();
        let left = state.named.get(&id).copied().unwrap_or_default().saturating_sub(1);
        if left > 0 {
            state.named.insert(id, left);
        } else {
            state.named.remove(&id);
            remove_unless_fresh(&state, id, &self.path(id));
        }
    }

    /// Gives up a file that was written for a record that did not come.
    pub(super) fn give_up(&self, id: BlobId) {
        let mut state = self.state();
        state.fresh.remove(&id);
        if !state.named.contains_key(&id) {
            remove_unless_fresh(&state, id, &self.path(id));
        }
    }

    pub(super) fn open_one(&self, id: BlobId) -> Result<Option<(File, u64)>, StoreError> {
        let path = self.path(id);
        let opened = File::open(&path).and_then(|file| {
            let size = file.metadata()?.len();
            Ok((file, size))
        });
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(&path, &error)),
        }
    }

    pub(super) fn read(&self, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        Self::read_in(&self.dir, id)
    }

    /// As [`Self::read`], where the folder is not open.
    pub(super) fn read_in(dir: &Path, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let path = dir.join(id.to_string());
        match std::fs::read(&path) {
            Ok(bytes) if blake3::hash(&bytes).as_bytes() == &id.0 => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::Damaged { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(&path, &error)),
        }
    }

    /// Removes old files that no record names. Other files are not ours to judge.
    fn sweep(&self) -> std::io::Result<()> {
        let state = self.state();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if !state.named.contains_key(&id) && age > UNNAMED_FOR {
                remove_unless_fresh(&state, id, &entry.path());
            }
        }
        Ok(())
    }
}

/// The lock on the state is held, so that no writer relies on a name that is about to go.
fn remove_unless_fresh(state: &State, id: BlobId, path: &Path) {
    if state.fresh.contains(&id) {
        return;
    }
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        // A later start tries again.
        tracing::debug!(%error, "a file that no job needs could not be removed");
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

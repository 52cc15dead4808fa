//! Files named by their BLAKE3 hash. A file has its name only once it is whole and on the disk.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pumasi_protocol::BlobId;

use super::{StoreError, create_private_dir, sync_dir};

pub(super) struct Files {
    dir: PathBuf,
    /// Tells files that are being written apart.
    writing: AtomicU64,
}

impl Files {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let new = dir.join("new");
        let io = |error: std::io::Error| StoreError::io(dir, &error);
        match std::fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => create_private_dir(&new).map_err(io)?,
        }
        Ok(Self { dir: dir.to_owned(), writing: AtomicU64::new(0) })
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    pub(super) fn put(&self, bytes: &[u8]) -> Result<BlobId, StoreError> {
        let id = BlobId(*blake3::hash(bytes).as_bytes());
        let path = self.path(id);
        if path.exists() {
            return Ok(id);
        }
        let number = self.writing.fetch_add(1, Ordering::Relaxed);
        let new = self.dir.join("new").join(number.to_string());
        let io = |error: std::io::Error| StoreError::io(&new, &error);
        let mut file = File::create_new(&new).map_err(io)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&new, &path).map_err(io)?;
        sync_dir(&self.dir).map_err(io)?;
        Ok(id)
    }

    pub(super) fn read(&self, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(id);
        match std::fs::read(&path) {
            Ok(bytes) if blake3::hash(&bytes).as_bytes() == &id.0 => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::Damaged { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(&path, &error)),
        }
    }
}

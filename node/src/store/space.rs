//! Free space of the disk under the store: new jobs are refused before it is gone, so that what is
//! under way can still be written down.

use std::path::Path;

use super::limits::RESERVE_BYTES;
use super::{Store, StoreError};

impl Store {
    /// Whether something new of this size may be taken: a reserve stays for what was taken before.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn check_space(&self, bytes: usize) -> Result<(), StoreError> {
        let needed = RESERVE_BYTES.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        match free_bytes(&self.inner.dir) {
            Some(free) if free < needed => Err(StoreError::Full),
            Some(_) | None => Ok(()),
        }
    }
}

/// None where the system does not say.
#[cfg(unix)]
fn free_bytes(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_dir: &Path) -> Option<u64> {
    None
}

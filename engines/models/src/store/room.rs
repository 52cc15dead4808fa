//! How much may still come: what the disk has free, less a reserve, and what the quota leaves.

use std::fs;

use crate::limits::{RESERVE_BYTES, RESERVE_PERCENT};

use super::{Store, StoreError};

/// Space for models, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Taken by blobs and their trees.
    pub used: u64,
    /// Taken by what is under way.
    pub partial: u64,
    /// The most that models may take; none: as much as the disk has.
    pub quota: Option<u64>,
    /// Free on the disk; none: the system does not say.
    pub disk_free: Option<u64>,
    /// Of these, left for everything else.
    pub reserve: u64,
    /// What may still come.
    pub free: u64,
}

impl Store {
    /// Counts what is there, and what may still come. Hard links to files elsewhere count as well.
    pub fn room(&self) -> Room {
        let used = self.blobs().iter().map(|blob| blob.bytes + length(&blob.tree)).sum();
        let partial = fs::read_dir(self.layout.partials()).map_or(0, |entries| {
            entries
                .take(PARTIALS_MAX)
                .flatten()
                .filter_map(|entry| entry.metadata().ok())
                .map(taken)
                .sum()
        });
        let disk = disk(self.root());
        let reserve = disk.map_or(0, |(total, _)| RESERVE_BYTES.min(total / 100 * RESERVE_PERCENT));
        let by_disk = disk.map_or(u64::MAX, |(_, free)| free.saturating_sub(reserve));
        let quota = self.quota();
        let by_quota = quota.map_or(u64::MAX, |quota| quota.saturating_sub(used + partial));
        let free = by_disk.min(by_quota);
        Room { used, partial, quota, disk_free: disk.map(|(_, free)| free), reserve, free }
    }

    /// Whether so many more bytes may come.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`], with what is missing.
    pub fn check_room(&self, needed: u64) -> Result<(), StoreError> {
        let free = self.room().free;
        if needed > free { Err(StoreError::NoRoom { needed, free }) } else { Ok(()) }
    }
}

/// Most files of the folder of what is under way that are counted.
const PARTIALS_MAX: usize = 4_096;

fn length(path: &std::path::Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

/// Bytes on the disk: a file that is put together in any order has holes.
#[cfg(unix)]
fn taken(metadata: fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&metadata).saturating_mul(512)
}

#[cfg(not(unix))]
fn taken(metadata: fs::Metadata) -> u64 {
    metadata.len()
}

/// Size of the disk and what of it is free for this user.
#[cfg(unix)]
fn disk(path: &std::path::Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some((disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize)))
}

/// Elsewhere a write says it.
#[cfg(not(unix))]
fn disk(_path: &std::path::Path) -> Option<(u64, u64)> {
    None
}

//! Reading a blob again, whole, and comparing both hashes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::ControlFlow;

use sha2::Digest;

use crate::hash::FileHash;
use crate::limits::HASH_CHUNK_BYTES;
use crate::open::{OpenError, OpenedModel, open_blob};

use super::tree::TreeBuilder;
use super::{Sha256, Store, StoreError, StoredBlob};

/// Both hashes of a file, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hashed {
    pub(super) sha256: Sha256,
    pub(super) blake3: FileHash,
    pub(super) bytes: u64,
}

/// Is told the bytes done, and can stop.
pub type Watch<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

impl Store {
    /// Reads a blob and compares it with its name. What it was found to be is written down, so that
    /// a damaged one is not read again before it changes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where it differs.
    pub fn verify(&self, blob: &StoredBlob, watch: Watch<'_>) -> Result<(), StoreError> {
        let mut opened = open_blob(&blob.path)?;
        let identity = opened.identity;
        let hashed = hash(&mut opened, watch)?;
        let is_right =
            hashed.sha256 == blob.sha256 && hashed.blake3 == blob.id && hashed.bytes == blob.bytes;
        self.change(|rows| {
            if let Some(row) = rows.blobs.get_mut(&blob.sha256) {
                row.damaged = (!is_right).then_some(identity);
                if is_right {
                    row.identity = identity;
                }
            }
            Ok(())
        })?;
        if is_right { Ok(()) } else { Err(StoreError::Damaged { expected: blob.id }) }
    }

    /// Whether a blob is in the state in which it was checked; one that was touched is read again.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where its content differs.
    pub fn recheck(&self, blob: &StoredBlob) -> Result<(), StoreError> {
        let found = open_blob(&blob.path)?.identity;
        let row = self.rows().blobs.get(&blob.sha256).copied();
        let row = row.ok_or(StoreError::Open(OpenError::NotFound))?;
        if row.damaged == Some(found) || found.bytes != blob.bytes {
            return Err(StoreError::Damaged { expected: blob.id });
        }
        if row.identity == found {
            return Ok(());
        }
        self.verify(blob, &mut |_| ControlFlow::Continue(()))
    }
}

/// Reads a file to its end, through both hashes.
pub(super) fn hash(opened: &mut OpenedModel, watch: Watch<'_>) -> Result<Hashed, StoreError> {
    let (mut sha256, mut blake3) = (sha2::Sha256::new(), blake3::Hasher::new());
    let bytes = read_through(opened, watch, |chunk| {
        sha256.update(chunk);
        blake3.update(chunk);
        Ok(())
    })?;
    let sha256 = Sha256::from_bytes(sha256.finalize().into());
    Ok(Hashed { sha256, blake3: FileHash::from_bytes(*blake3.finalize().as_bytes()), bytes })
}

/// The same, and its tree into an empty file.
pub(super) fn hash_with_tree(
    opened: &mut OpenedModel,
    tree: File,
    watch: Watch<'_>,
) -> Result<Hashed, StoreError> {
    let mut sha256 = sha2::Sha256::new();
    let mut builder = TreeBuilder::new(opened.identity.bytes, tree)?;
    let bytes = read_through(opened, watch, |chunk| {
        sha256.update(chunk);
        Ok(builder.update(chunk)?)
    })?;
    let (blake3, tree) = builder.finish().map_err(|_| OpenError::Changed)?;
    tree.sync_all()?;
    Ok(Hashed { sha256: Sha256::from_bytes(sha256.finalize().into()), blake3, bytes })
}

fn read_through(
    opened: &mut OpenedModel,
    watch: Watch<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = match opened.file.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        take(&chunk[..read])?;
        bytes += read as u64;
        if watch(bytes).is_break() {
            return Err(StoreError::Stopped);
        }
    }
}

//! The store: model files by content, checked before they get their name. `blobs/sha256-…` is whole
//! and read-only, `blobs/sha256-….tree` beside it proves ranges of it to peers, `partial/` is what is
//! under way, and `rows.json` says which names mean which blobs. One process at a time opens it.
//! It knows no network.

pub mod digest;
mod error;
mod found;
pub mod groups;
mod import;
mod keeping;
mod layout;
pub mod partial;
mod placing;
mod room;
mod rows;
#[cfg(test)]
mod test_support;
pub mod tree;
mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

pub use digest::{DigestSyntax, Sha256};
pub use error::StoreError;
pub use found::{Candidate, Program, candidates};
pub use import::{Imported, Taken};
pub use keeping::{Garbage, Swept};
pub use layout::BLOB_PREFIX;
pub use placing::Complete;
pub use room::Room;
pub use rows::{Blob, Origin, Row};
pub use verify::Watch;

use crate::hash::FileHash;
use crate::name::ModelName;
use layout::Layout;
use rows::Rows;

/// Whether a file name is that of a blob.
pub(crate) fn is_blob_name(name: &str) -> bool {
    layout::blob_name(name).is_some()
}

/// A store, open in this process and no other.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    rows: Mutex<Rows>,
    quota: Option<u64>,
    importing: Mutex<()>,
    /// Held for as long as the store is open.
    _lock: File,
}

/// A whole file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// BLAKE3 of the file: what the mesh calls it by.
    pub id: FileHash,
    /// SHA-256 of the file: what hubs call it by, and its name here.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub bytes: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// Where the tree over its ranges lies, if it was made.
    pub tree: PathBuf,
}

/// A name of the store, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModel {
    /// The name.
    pub name: ModelName,
    /// What is written down of it.
    pub row: Row,
    /// Its files, the one to load first.
    pub blobs: Vec<StoredBlob>,
}

impl Store {
    /// Opens the store in `root`, which it makes if need be.
    ///
    /// # Errors
    /// When the folder cannot be written, can be changed by others, is open already, or what it
    /// holds was written by a later version.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let layout = Layout::open(root)?;
        let lock = layout.lock()?;
        let rows = Rows::load(&layout.rows())?;
        import::clear_left_over(&layout.partials());
        Ok(Self {
            layout,
            rows: Mutex::new(rows),
            quota: None,
            importing: Mutex::new(()),
            _lock: lock,
        })
    }

    /// The same store, which takes so many bytes at most; none: as many as the disk has.
    #[must_use]
    pub fn with_quota(self, quota: Option<u64>) -> Self {
        Self { quota, ..self }
    }

    fn quota(&self) -> Option<u64> {
        self.quota
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// A blob by the BLAKE3 of its content.
    pub fn blob(&self, id: &FileHash) -> Option<StoredBlob> {
        let rows = self.rows();
        let (sha256, blob) = rows.blobs.iter().find(|(_, blob)| blob.blake3 == *id)?;
        Some(self.stored(sha256, blob))
    }

    /// A blob by its SHA-256.
    pub fn blob_of(&self, sha256: &Sha256) -> Option<StoredBlob> {
        let rows = self.rows();
        rows.blobs.get(sha256).map(|blob| self.stored(sha256, blob))
    }

    /// All blobs, in the order of their SHA-256.
    pub fn blobs(&self) -> Vec<StoredBlob> {
        let rows = self.rows();
        rows.blobs.iter().map(|(sha256, blob)| self.stored(sha256, blob)).collect()
    }

    /// All names, in their order.
    pub fn models(&self) -> Vec<StoredModel> {
        let rows = self.rows();
        rows.models.values().map(|row| self.model_of(&rows, row)).collect()
    }

    /// One name, in any case.
    pub fn model(&self, name: &ModelName) -> Option<StoredModel> {
        let rows = self.rows();
        rows.models.get(&name.folded()).map(|row| self.model_of(&rows, row))
    }

    /// Where what is under way for this blob lies.
    pub fn partial(&self, sha256: &Sha256) -> PathBuf {
        self.layout.partial(sha256)
    }

    /// The folder of what is under way.
    pub fn partials(&self) -> PathBuf {
        self.layout.partials()
    }

    /// Where the tree of a file outside the store lies, by the file's BLAKE3.
    pub fn outside_tree(&self, id: &FileHash) -> PathBuf {
        self.layout.outside_tree(id)
    }

    fn stored(&self, sha256: &Sha256, blob: &Blob) -> StoredBlob {
        StoredBlob {
            id: blob.blake3,
            sha256: *sha256,
            bytes: blob.bytes,
            path: self.layout.blob(sha256),
            tree: self.layout.tree(sha256),
        }
    }

    fn model_of(&self, rows: &Rows, row: &Row) -> StoredModel {
        let blobs = row.files.iter().filter_map(|sha256| {
            let blob = rows.blobs.get(sha256)?;
            Some(self.stored(sha256, blob))
        });
        StoredModel { name: row.name.clone(), blobs: blobs.collect(), row: row.clone() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // A change is made on a copy and put in place whole, so a panic elsewhere leaves good rows.
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the rows: on the disk first, then here.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Rows) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut rows = self.rows();
        let mut changed = rows.clone();
        let outcome = change(&mut changed)?;
        changed.store(&self.layout.rows())?;
        *rows = changed;
        Ok(outcome)
    }
}

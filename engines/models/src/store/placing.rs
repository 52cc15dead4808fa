//! What is whole gets its final name and its row.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::hash::FileHash;
use crate::limits::MODEL_FILES_MAX;
use crate::name::ModelName;
use crate::open::{FileIdentity, OpenError, open_blob};

use super::rows::{Blob, Origin, Row, sync_folder};
use super::{Sha256, Store, StoreError, StoredBlob};

/// A file whose content was checked and is on the disk: what becomes a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Where it lies, within the store's `partial` folder.
    pub data: PathBuf,
    /// The tree over its ranges, if one was made; in the same folder.
    pub tree: Option<PathBuf>,
    /// BLAKE3 of the content.
    pub id: FileHash,
    /// SHA-256 of the content.
    pub sha256: Sha256,
    /// Length in bytes.
    pub bytes: u64,
}

impl Store {
    /// Takes a checked file over: it becomes a blob, and the name means it.
    ///
    /// # Errors
    /// When the name means something else, or the disk says no. Then `data` is where it was.
    pub fn add_finished(
        &self,
        complete: &Complete,
        name: &ModelName,
    ) -> Result<StoredBlob, StoreError> {
        self.check_name(name, &[complete.sha256])?;
        let stored = self.add_blob(complete)?;
        self.name_blobs(name, &[complete.sha256], None)?;
        Ok(stored)
    }

    /// Takes a checked file over without a name. Unnamed blobs are garbage in time.
    ///
    /// # Errors
    /// When the disk says no, or the file is not as long as it was said to be.
    pub fn add_blob(&self, complete: &Complete) -> Result<StoredBlob, StoreError> {
        let path = self.layout.blob(&complete.sha256);
        if let Some(known) = self.blob_of(&complete.sha256)
            && self.recheck(&known).is_ok()
        {
            let _ = fs::remove_file(&complete.data);
            self.place_tree(complete)?;
            return Ok(known);
        }
        let opened = open_blob(&complete.data)?;
        if opened.identity.bytes != complete.bytes {
            return Err(OpenError::Changed.into());
        }
        make_read_only(&opened.file)?;
        opened.file.sync_all()?;
        self.place_tree(complete)?;
        fs::rename(&complete.data, &path)?;
        sync_folder(&path);
        self.write_blob(complete)
    }

    fn write_blob(&self, complete: &Complete) -> Result<StoredBlob, StoreError> {
        let identity = open_blob(&self.layout.blob(&complete.sha256))?.identity;
        let blob = Blob { blake3: complete.id, bytes: complete.bytes, identity, damaged: None };
        self.change(|rows| {
            rows.blobs.insert(complete.sha256, blob);
            Ok(())
        })?;
        Ok(self.stored(&complete.sha256, &blob))
    }

    pub(super) fn place_tree(&self, complete: &Complete) -> Result<(), StoreError> {
        if let Some(tree) = &complete.tree {
            fs::rename(tree, self.layout.tree(&complete.sha256))?;
        }
        Ok(())
    }

    /// Lets a name mean these blobs, the one to load first. The same again changes nothing but the
    /// origin.
    ///
    /// # Errors
    /// When the name means something else, a blob is not there, or the disk says no.
    pub fn name_blobs(
        &self,
        name: &ModelName,
        files: &[Sha256],
        origin: Option<Origin>,
    ) -> Result<(), StoreError> {
        self.check_name(name, files)?;
        self.put_row(name, files, origin)
    }

    /// Lets a name mean these blobs, whatever it meant before.
    ///
    /// # Errors
    /// When a blob is not there, or the disk says no.
    pub fn rename_blobs(
        &self,
        name: &ModelName,
        files: &[Sha256],
        origin: Option<Origin>,
    ) -> Result<(), StoreError> {
        self.put_row(name, files, origin)
    }

    fn put_row(
        &self,
        name: &ModelName,
        files: &[Sha256],
        origin: Option<Origin>,
    ) -> Result<(), StoreError> {
        self.change(|rows| {
            let is_there = files.iter().all(|file| rows.blobs.contains_key(file));
            if !is_there || files.is_empty() || files.len() > MODEL_FILES_MAX {
                return Err(StoreError::NoModel { name: name.clone() });
            }
            let before = rows.models.remove(&name.folded());
            let row = Row {
                name: name.clone(),
                files: files.to_vec(),
                origin: origin.or_else(|| before.as_ref().and_then(|row| row.origin.clone())),
                pinned: before.as_ref().is_some_and(|row| row.pinned),
                added_s: before.as_ref().map_or_else(now_s, |row| row.added_s),
                used_s: before.as_ref().map_or(0, |row| row.used_s),
            };
            rows.models.insert(name.folded(), row);
            Ok(())
        })
    }

    /// Whether the name is free, or means these blobs.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`].
    pub fn check_name(&self, name: &ModelName, files: &[Sha256]) -> Result<(), StoreError> {
        match self.rows().models.get(&name.folded()) {
            Some(row) if row.files != files => {
                Err(StoreError::NameTaken { name: row.name.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The state in which a blob was checked.
    pub fn checked(&self, sha256: &Sha256) -> Option<FileIdentity> {
        self.rows().blobs.get(sha256).map(|blob| blob.identity)
    }
}

/// Unix time in seconds.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Only its user reads it, and nobody writes. A file that has a name elsewhere, too, keeps its mode.
#[cfg(unix)]
fn make_read_only(file: &fs::File) -> Result<(), StoreError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if file.metadata()?.nlink() > 1 {
        return Ok(());
    }
    Ok(file.set_permissions(fs::Permissions::from_mode(0o400))?)
}

/// Elsewhere a read-only file could not be removed.
#[cfg(not(unix))]
fn make_read_only(_file: &fs::File) -> Result<(), StoreError> {
    Ok(())
}

//! Names and blobs as rows of one file, which is replaced whole: a crash leaves the rows before or
//! after a change, and `rows.json.before` is one change older.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hash::FileHash;
use crate::limits::{ROWS_BYTES_MAX, STORE_MODELS_MAX};
use crate::name::ModelName;
use crate::open::FileIdentity;

use super::layout::no_follow;
use super::{Sha256, StoreError};

/// Version of the file; a later one is not touched.
const VERSION: u32 = 1;

/// What is written down.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rows {
    version: u32,
    /// By SHA-256.
    pub(super) blobs: BTreeMap<Sha256, Blob>,
    /// By the name in lower case, so that two names never differ in case only.
    pub(super) models: BTreeMap<String, Row>,
}

/// A blob, as it was when it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// BLAKE3 of the content.
    pub blake3: FileHash,
    /// Length in bytes.
    pub bytes: u64,
    /// The state of the file that was checked.
    pub identity: FileIdentity,
    /// The state of the file in which it was found to be damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<FileIdentity>,
}

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// As a person sees it.
    pub name: ModelName,
    /// Its files, the one to load first.
    pub files: Vec<Sha256>,
    /// Where it came from; none: from a file of this computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Never removed to make room.
    #[serde(default)]
    pub pinned: bool,
    /// When it came, Unix time in seconds.
    pub added_s: u64,
    /// When it was last loaded, Unix time in seconds; 0: never.
    #[serde(default)]
    pub used_s: u64,
}

/// Where a model came from: enough to know whether the hub still offers the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The hub's address.
    pub hub: String,
    /// `owner/name`.
    pub repo: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// The file in that repository, the first one of a split model.
    pub file: String,
}

impl Rows {
    pub(super) fn load(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true);
        no_follow(&mut options);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, ..Self::default() });
            }
            Err(error) => return Err(error.into()),
        };
        let mut text = Vec::new();
        file.take(ROWS_BYTES_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > ROWS_BYTES_MAX {
            return Err(StoreError::RowsDamaged);
        }
        read(&text)
    }

    /// Writes the rows by way of a second file, synced before it gets its name.
    pub(super) fn store(&self, path: &Path) -> Result<(), StoreError> {
        if self.models.len() > STORE_MODELS_MAX {
            return Err(StoreError::Full);
        }
        let text = serde_json::to_vec_pretty(self).expect("rows are plain data");
        let unfinished = path.with_extension("json.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        no_follow(&mut options);
        let mut file = options.open(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        let before = path.with_extension("json.before");
        let _ = fs::remove_file(&before);
        // Without the older copy nothing is lost but a way back.
        let _ = fs::hard_link(path, &before);
        fs::rename(&unfinished, path)?;
        sync_folder(path);
        Ok(())
    }
}

fn read(text: &[u8]) -> Result<Rows, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let version: Version = serde_json::from_slice(text).map_err(|_| StoreError::RowsDamaged)?;
    if version.version > VERSION {
        return Err(StoreError::Later);
    }
    let rows: Rows = serde_json::from_slice(text).map_err(|_| StoreError::RowsDamaged)?;
    let folded = rows.models.iter().all(|(key, row)| *key == row.name.folded());
    if folded { Ok(rows) } else { Err(StoreError::RowsDamaged) }
}

/// A rename is only on the disk once its folder is.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) {
    // Some file systems cannot sync folders; they order renames themselves.
    let folder = path.parent().and_then(|folder| fs::File::open(folder).ok());
    let _ = folder.map(|folder| folder.sync_all());
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) {}

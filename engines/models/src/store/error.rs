//! What can be wrong with the store. A person reads it: what happened and what to do next.

use std::io;

use crate::gguf::GgufError;
use crate::hash::FileHash;
use crate::name::ModelName;
use crate::open::OpenError;

use super::Sha256;

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("The model store cannot be read or written ({kind}). Check the disk.")]
    Disk {
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// Others can write into it.
    #[error(
        "The model store can be changed by other users, or is a link. \
         Make it an ordinary folder of yours with mode 0700."
    )]
    Exposed,
    /// Another process has it open.
    #[error("The model store is in use by another Pumasi. Stop that one first.")]
    InUse,
    /// Its rows were written by a later version.
    #[error("The model store was written by a later version of Pumasi. Update this one.")]
    Later,
    /// Its rows cannot be read.
    #[error(
        "The list of stored models is damaged. Put the copy rows.json.before in the place of \
         rows.json, or remove both and import or download the models again."
    )]
    RowsDamaged,
    /// There is no model of this name.
    #[error("There is no stored model {name}. `pumasi models disk` lists what there is.")]
    NoModel {
        /// The name.
        name: ModelName,
    },
    /// The name means something else.
    #[error("The name {name} is taken by another stored model. Pick another name, or remove it.")]
    NameTaken {
        /// The name that is there.
        name: ModelName,
    },
    /// No more names fit.
    #[error("The model store holds its most names. Remove models that are not needed any more.")]
    Full,
    /// It would not fit.
    #[error(
        "This needs {needed} bytes and {free} are free for models. Free some space, raise the \
         quota, or run `pumasi models gc`."
    )]
    NoRoom {
        /// Bytes that are missing a place.
        needed: u64,
        /// Bytes that may be used.
        free: u64,
    },
    /// The content is not what it should be.
    #[error("The content is not what was asked for (SHA-256 {found} instead of {expected}).")]
    Mismatch {
        /// What was expected.
        expected: Sha256,
        /// What was found.
        found: Sha256,
    },
    /// The content is not what it was.
    #[error("The stored model is damaged: its content has changed. Download or import it again.")]
    Damaged {
        /// Its BLAKE3, as it was.
        expected: FileHash,
    },
    /// It is pinned.
    #[error("The model {name} is pinned. Unpin it first.")]
    Pinned {
        /// The name.
        name: ModelName,
    },
    /// The caller stopped it.
    #[error("This was stopped.")]
    Stopped,
    /// It is damaged, or no model.
    #[error(transparent)]
    NotAModel {
        /// What is wrong with it.
        error: GgufError,
    },
    /// A file to be taken in cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl StoreError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Disk { .. } => "store_disk",
            StoreError::Exposed => "store_exposed",
            StoreError::InUse => "store_in_use",
            StoreError::Later => "store_later",
            StoreError::RowsDamaged => "store_damaged",
            StoreError::NoModel { .. } => "model_not_found",
            StoreError::NameTaken { .. } => "name_taken",
            StoreError::Full => "store_full",
            StoreError::NoRoom { .. } => "no_room",
            StoreError::Mismatch { .. } => "hash_mismatch",
            StoreError::Damaged { .. } => "model_damaged",
            StoreError::Pinned { .. } => "model_pinned",
            StoreError::Stopped => "stopped",
            StoreError::NotAModel { error } => error.code(),
            StoreError::Open(error) => error.code(),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Disk { kind: error.kind() }
    }
}

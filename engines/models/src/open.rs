//! Opening model files: only `.gguf`, only regular files, never through a link, and in a way that
//! lets a later reader notice that the file is another one now.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::gguf::Excerpt;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Length in bytes.
    pub bytes: u64,
    /// Time of the last change, nanoseconds since 1970; 0 where the system does not say.
    pub modified_ns: i128,
    /// Device and inode; 0 where the system has none.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
}

/// Why a file is not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a `.gguf` file. Other formats can hold programs and are never opened.
    #[error("{extension} files are not opened as models. Use the GGUF version of the model.")]
    FormatNotAllowed {
        /// What follows the last dot of the name.
        extension: Excerpt,
    },
    /// A link, directory, pipe or device.
    #[error("This is no ordinary file. Put the model file itself here, not a link to it.")]
    NotRegular,
    /// There is no such file.
    #[error("The model file is gone. Copy or download it again.")]
    NotFound,
    /// The system refused.
    #[error("The model file could not be opened ({kind}). Check the disk and its permissions.")]
    Failed {
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The file is not the one that was checked.
    #[error(
        "The model file is damaged or was replaced since it was checked. \
         Check it again, or download it again."
    )]
    Changed,
}

impl OpenError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            OpenError::FormatNotAllowed { .. } => "format_not_allowed",
            OpenError::NotRegular => "not_a_regular_file",
            OpenError::NotFound => "model_not_found",
            OpenError::Failed { .. } => "model_unreadable",
            OpenError::Changed => "model_damaged",
        }
    }
}

/// A model file, open for reading.
#[derive(Debug)]
pub struct OpenedModel {
    /// The file.
    pub file: File,
    /// Which state of it was opened.
    pub identity: FileIdentity,
}

/// Whether the name ends in `.gguf`, in any case.
pub fn check_extension(path: &Path) -> Result<(), OpenError> {
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("gguf") {
        return Ok(());
    }
    let extension = Excerpt::of(extension.to_string_lossy().as_bytes());
    Err(OpenError::FormatNotAllowed { extension })
}

/// Opens a model file for reading: one that ends in `.gguf`, or a blob of a store, which was checked
/// to be one before it got its name.
pub fn open_model(path: &Path) -> Result<OpenedModel, OpenError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if crate::store::is_blob_name(&name) {
        return open_blob(path);
    }
    check_extension(path)?;
    open_blob(path)
}

/// Opens a file of a store, whatever its name ends in.
pub(crate) fn open_blob(path: &Path) -> Result<OpenedModel, OpenError> {
    let file = open_no_follow(path)?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(OpenError::NotRegular);
    }
    Ok(OpenedModel { identity: identity(&metadata), file })
}

/// Opens a model file that was checked before, if it is still the same. Between this and a load by
/// path the file can change once more: hand the open file to the loader, or ask again after it.
pub fn open_unchanged(path: &Path, checked: &FileIdentity) -> Result<OpenedModel, OpenError> {
    let opened = open_model(path)?;
    if opened.identity != *checked {
        return Err(OpenError::Changed);
    }
    Ok(opened)
}

/// Whether the file at `path` is still in the state that was checked.
pub fn check_unchanged(path: &Path, checked: &FileIdentity) -> Result<(), OpenError> {
    open_unchanged(path, checked).map(|_| ())
}

/// Whether the file at `path` is still in the state that was checked, whatever its name ends in.
pub(crate) fn check_unchanged_blob(path: &Path, checked: &FileIdentity) -> Result<(), OpenError> {
    if open_blob(path)?.identity == *checked { Ok(()) } else { Err(OpenError::Changed) }
}

fn failed(error: &io::Error) -> OpenError {
    if error.kind() == io::ErrorKind::NotFound {
        return OpenError::NotFound;
    }
    OpenError::Failed { kind: error.kind() }
}

/// `O_NONBLOCK`, so that a pipe in a model's place does not wait for a writer.
#[cfg(unix)]
fn open_no_follow(path: &Path) -> Result<File, OpenError> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        match error.raw_os_error() {
            // A link; FreeBSD says EMLINK. A socket gives ENXIO.
            Some(libc::ELOOP | libc::EMLINK | libc::ENXIO) => OpenError::NotRegular,
            _ => failed(&error),
        }
    })
}

#[cfg(not(unix))]
fn open_no_follow(path: &Path) -> Result<File, OpenError> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(OpenError::NotRegular);
    }
    OpenOptions::new().read(true).open(path).map_err(|error| failed(&error))
}

fn identity(metadata: &Metadata) -> FileIdentity {
    let modified = metadata.modified().ok();
    let modified_ns = modified.map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    });
    let (device, inode) = device_and_inode(metadata);
    FileIdentity { bytes: metadata.len(), modified_ns, device, inode }
}

#[cfg(unix)]
fn device_and_inode(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn device_and_inode(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

//! BLAKE3 of whole files. The hash names a model's content in the mesh, so that a request continues
//! elsewhere only on the very same weights.

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::limits::HASH_CHUNK_BYTES;
use crate::open::{OpenError, check_unchanged, open_model};

/// BLAKE3 of a file, shown and stored as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileHash([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A file hash consists of 64 digits from 0 to 9 and a to f.")]
pub struct HashSyntax;

/// Why a file could not be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It could not be opened, or changed while it was read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading failed.
    #[error("The model file could not be read ({kind}). Check the disk and try again.")]
    Read {
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// Its content is not what it was.
    #[error("The model file is damaged: its content has changed. Download the model again.")]
    Mismatch {
        /// What was expected.
        expected: FileHash,
        /// What the file has.
        found: FileHash,
    },
    /// The caller stopped it.
    #[error("Checking the model file was stopped.")]
    Stopped,
}

impl VerifyError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::Open(error) => error.code(),
            VerifyError::Read { .. } => "model_unreadable",
            VerifyError::Mismatch { .. } => "model_damaged",
            VerifyError::Stopped => "stopped",
        }
    }
}

impl FileHash {
    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes the bytes of a hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 lower-case hexadecimal digits and nothing else.
    pub fn parse(text: &str) -> Result<Self, HashSyntax> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(HashSyntax);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashSyntax)?;
        Ok(Self(bytes))
    }
}

/// Hashes the file at `path`. `progress` is told the bytes done, about once a megabyte, and can stop
/// it. A file that changes meanwhile gives [`OpenError::Changed`].
pub fn hash_file(
    path: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<FileHash, VerifyError> {
    let mut opened = open_model(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    let mut done: u64 = 0;
    loop {
        let read = match opened.file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(VerifyError::Read { kind: error.kind() }),
        };
        hasher.update(&chunk[..read]);
        done += read as u64;
        if progress(done).is_break() {
            return Err(VerifyError::Stopped);
        }
    }
    if done != opened.identity.bytes {
        return Err(OpenError::Changed.into());
    }
    check_unchanged(path, &opened.identity)?;
    Ok(FileHash(*hasher.finalize().as_bytes()))
}

/// Reads the whole file and compares.
pub fn verify(
    path: &Path,
    expected: FileHash,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), VerifyError> {
    let found = hash_file(path, progress)?;
    if found != expected {
        return Err(VerifyError::Mismatch { expected, found });
    }
    Ok(())
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHash({self})")
    }
}

impl TryFrom<String> for FileHash {
    type Error = HashSyntax;

    fn try_from(text: String) -> Result<Self, HashSyntax> {
        Self::parse(&text)
    }
}

impl From<FileHash> for String {
    fn from(hash: FileHash) -> Self {
        hash.to_string()
    }
}

//! Where keys lie: in the store of the operating system, or in files that only this user can read.
//! Calls block for as long as the disk or the system takes; async code makes them on a thread for that.

mod files;
mod system;

use std::path::PathBuf;

use crate::secret::Secret;
use crate::settings::ProviderId;

/// Where keys lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStore {
    /// The keychain of macOS, the credential manager of Windows. Linux has none that needs no desktop.
    Os,
    /// A file for each key in this folder.
    File(PathBuf),
}

/// Why a key store does not serve. A person reads it; no path and no key is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// There is none.
    #[error("this system has no key store that could be used; keys can lie in a file")]
    NoStore,
    /// The system's store said no.
    #[error("the system's key store did not allow it; unlock it and try again")]
    Denied,
    /// Others may read or replace it.
    #[error(
        "a key's file or its folder can be read or replaced by others; make the folder yours with \
         mode 0700 and the file with mode 0600"
    )]
    Exposed,
    /// What lies there is no key.
    #[error("what lies in the key store is not a key; enter it again")]
    Odd,
    /// The disk said no.
    #[error("the key's file cannot be read or written: {0}")]
    Disk(std::io::ErrorKind),
}

impl KeyStore {
    /// The system's where there is one that can be used, else files in this folder.
    #[must_use]
    pub fn usual(folder: PathBuf) -> Self {
        if system::EXISTS { Self::Os } else { Self::File(folder) }
    }

    /// The provider's key, if there is one.
    ///
    /// # Errors
    /// The store does not serve, or what lies there is no key or was in others' reach.
    pub fn get(&self, id: &ProviderId) -> Result<Option<Secret>, KeyStoreError> {
        match self {
            Self::Os => system::get(id),
            Self::File(folder) => files::get(folder, id),
        }
    }

    /// Keeps the provider's key in place of an earlier one.
    ///
    /// # Errors
    /// The store does not serve.
    pub fn put(&self, id: &ProviderId, key: &Secret) -> Result<(), KeyStoreError> {
        match self {
            Self::Os => system::put(id, key),
            Self::File(folder) => files::put(folder, id, key),
        }
    }

    /// Forgets the provider's key; whether there was one.
    ///
    /// # Errors
    /// The store does not serve.
    pub fn remove(&self, id: &ProviderId) -> Result<bool, KeyStoreError> {
        match self {
            Self::Os => system::remove(id),
            Self::File(folder) => files::remove(folder, id),
        }
    }
}

fn key(bytes: Vec<u8>) -> Result<Secret, KeyStoreError> {
    let text = String::from_utf8(bytes).map_err(|_| KeyStoreError::Odd)?;
    Secret::new(text).map_err(|_| KeyStoreError::Odd)
}

//! The key store of the operating system.

use crate::keystore::KeyStoreError;
use crate::secret::Secret;
use crate::settings::ProviderId;

/// Whether there is one.
pub(super) const EXISTS: bool = false;

pub(super) fn get(_: &ProviderId) -> Result<Option<Secret>, KeyStoreError> {
    Err(KeyStoreError::NoStore)
}

pub(super) fn put(_: &ProviderId, _: &Secret) -> Result<(), KeyStoreError> {
    Err(KeyStoreError::NoStore)
}

pub(super) fn remove(_: &ProviderId) -> Result<bool, KeyStoreError> {
    Err(KeyStoreError::NoStore)
}

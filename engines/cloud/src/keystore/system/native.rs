//! macOS's keychain and Windows' credential manager.

use std::sync::Arc;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
#[cfg(windows)]
use windows_native_keyring_store::Store;

use crate::keystore::{KeyStoreError, key};
use crate::secret::Secret;
use crate::settings::ProviderId;

/// Under which name a person finds the keys there.
const SERVICE: &str = "pumasi";

pub(in crate::keystore) fn get(id: &ProviderId) -> Result<Option<Secret>, KeyStoreError> {
    match entry(id)?.get_secret() {
        Ok(bytes) => key(bytes).map(Some),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(fault(&error)),
    }
}

pub(in crate::keystore) fn put(id: &ProviderId, key: &Secret) -> Result<(), KeyStoreError> {
    entry(id)?.set_secret(key.reveal()).map_err(|error| fault(&error))
}

pub(in crate::keystore) fn remove(id: &ProviderId) -> Result<bool, KeyStoreError> {
    match entry(id)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(fault(&error)),
    }
}

fn entry(id: &ProviderId) -> Result<Entry, KeyStoreError> {
    let store: Arc<Store> = Store::new().map_err(|error| fault(&error))?;
    store.build(SERVICE, id.as_str(), None).map_err(|error| fault(&error))
}

/// The system's own words are dropped: in some of them are the bytes of the key.
fn fault(error: &Error) -> KeyStoreError {
    if matches!(error, Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::Ambiguous(_)) {
        KeyStoreError::Odd
    } else if matches!(error, Error::NotSupportedByStore(_) | Error::NoDefaultStore) {
        KeyStoreError::NoStore
    } else {
        KeyStoreError::Denied
    }
}

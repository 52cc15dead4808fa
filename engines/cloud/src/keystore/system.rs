//! The key store of the operating system. On Linux it would be the desktop's secret service: that needs a
//! session with D-Bus, which a node on a server has not, and some hundred crates.

#[cfg(any(target_os = "macos", windows))]
mod native;

#[cfg(any(target_os = "macos", windows))]
pub(super) use native::{get, put, remove};

#[cfg(not(any(target_os = "macos", windows)))]
pub(super) use none::{get, put, remove};

/// Whether there is one.
pub(super) const EXISTS: bool = cfg!(any(target_os = "macos", windows));

#[cfg(not(any(target_os = "macos", windows)))]
mod none {
    use crate::keystore::KeyStoreError;
    use crate::secret::Secret;
    use crate::settings::ProviderId;

    pub(in crate::keystore) fn get(_: &ProviderId) -> Result<Option<Secret>, KeyStoreError> {
        Err(KeyStoreError::NoStore)
    }

    pub(in crate::keystore) fn put(_: &ProviderId, _: &Secret) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::NoStore)
    }

    pub(in crate::keystore) fn remove(_: &ProviderId) -> Result<bool, KeyStoreError> {
        Err(KeyStoreError::NoStore)
    }
}

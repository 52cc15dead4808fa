//! Providers and routing as they are kept: `router.toml` in the data directory, which this node writes,
//! and keys apart from it, where the system keeps secrets.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pumasi_cloud::{KeyStore, KeyStoreError, ProviderId, Secret, Settings};
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

use super::policy::{Routing, RoutingFault};
use super::sharing::{Shared, SharingFault};

/// Name of the file.
const FILE: &str = "router.toml";
/// Largest file that is read, in bytes.
const FILE_BYTES: u64 = 1024 * 1024;
/// Providers, at most.
pub(super) const PROVIDERS: usize = 64;
/// Providers of which a person has said how they are shared: those, and what was found and is gone.
const SHARED: usize = 2 * PROVIDERS;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Page {
    pub(super) routing: Routing,
    #[serde(rename = "provider")]
    pub(super) providers: Vec<Settings>,
    /// How providers are shared, by their ids, where a person has said so; also those that were found.
    #[serde(skip_serializing_if = "Shared::is_empty")]
    pub(super) sharing: Shared,
}

/// Why the book cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The world failed.
    #[error("the list of providers cannot be read or written ({0}): is the disk full?")]
    Io(#[from] std::io::Error),
    /// It is not what this node writes.
    #[error("router.toml in the data directory is damaged: mend or remove it")]
    Damaged,
    /// It cannot be settled like that.
    #[error("{0}")]
    Routing(#[from] RoutingFault),
    /// It cannot be shared like that.
    #[error("{0}")]
    Sharing(#[from] SharingFault),
    /// What others used cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A key cannot be kept.
    #[error("{0}")]
    Key(#[from] KeyStoreError),
    /// There are too many.
    #[error("there are 64 providers already: remove one first")]
    TooMany,
}

/// Where it is kept.
#[derive(Debug)]
pub(crate) struct Book {
    folder: PathBuf,
    keys: KeyStore,
    /// One change after the other.
    page: Mutex<Page>,
}

impl Book {
    /// Opens the book of a data directory.
    pub(crate) fn open(folder: PathBuf, keys: KeyStore) -> Result<Self, BookError> {
        let page = read(&folder)?;
        Ok(Self { folder, keys, page: Mutex::new(page) })
    }

    pub(super) fn page(&self) -> Page {
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        self.page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the page and writes it down; if that fails, nothing has changed.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Page) -> Result<(), BookError>,
    ) -> Result<(), BookError> {
        let mut kept = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = kept.clone();
        change(&mut page)?;
        page.routing.check()?;
        page.sharing.values().try_for_each(super::sharing::Sharing::check)?;
        if page.sharing.len() > SHARED || page.providers.len() > PROVIDERS {
            return Err(BookError::TooMany);
        }
        self.write(&page)?;
        *kept = page;
        Ok(())
    }

    fn write(&self, page: &Page) -> Result<(), BookError> {
        let text = toml::to_string(page).map_err(|_| BookError::Damaged)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(FILE)).map_err(|error| error.error)?;
        Ok(())
    }

    /// A provider's key; none: it has none, or none can be read.
    pub(super) fn key(&self, id: &ProviderId) -> Option<Secret> {
        match self.keys.get(id) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(%error, provider = %id, "a provider's key cannot be read");
                None
            }
        }
    }

    pub(super) fn keep_key(&self, id: &ProviderId, key: &Secret) -> Result<(), BookError> {
        Ok(self.keys.put(id, key)?)
    }

    pub(super) fn forget_key(&self, id: &ProviderId) -> Result<(), BookError> {
        self.keys.remove(id)?;
        Ok(())
    }
}

fn read(folder: &std::path::Path) -> Result<Page, BookError> {
    let path = folder.join(FILE);
    let size = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Page::default()),
        Err(error) => return Err(error.into()),
    };
    if size > FILE_BYTES {
        return Err(BookError::Damaged);
    }
    let text = std::fs::read_to_string(&path)?;
    let page: Page = toml::from_str(&text).map_err(|_| BookError::Damaged)?;
    page.routing.check()?;
    page.sharing.values().try_for_each(super::sharing::Sharing::check)?;
    Ok(page)
}

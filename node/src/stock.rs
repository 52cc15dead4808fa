//! This node's model store and its hub: what the HTTP face asks of them, downloads under way, and
//! telling the loop when there are other models than before.

mod convert;
mod hub;
mod importing;
mod keeping;
mod pull;
mod pulls;
mod record;
mod scanning;
mod serving;
mod speed;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pumasi_cloud::{KeyStore, KeyStoreError, ProviderId, Secret};
use pumasi_hub::{Hub, HubConfig, HubToken, Retry};
use pumasi_models::store::Store;
use pumasi_web::api;
use tokio::sync::{Semaphore, broadcast};

use crate::config::HubSettings;

use pulls::Pulls;
pub(crate) use scanning::Rescan;

/// Folder of the data directory with the hub's token, where the system keeps none.
const KEYS: &str = "hub-keys";
/// Under which name the token is kept.
const TOKEN: &str = "hub-token";
/// Where other programs have the hub's token.
const TOKEN_VARIABLE: &str = "HF_TOKEN";
/// Downloads at a time (guess: one fills a line, and a small one need not wait for a large one).
const PULLS_AT_A_TIME: usize = 2;

/// The store, the hub, and what goes on between them. A copy shares everything.
#[derive(Clone)]
pub(crate) struct Stock {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<Store>,
    settings: HubSettings,
    hub: RwLock<Hub>,
    has_token: RwLock<bool>,
    keys: KeyStore,
    pulls: Mutex<Pulls>,
    places: Semaphore,
    changes: broadcast::Sender<api::Event>,
    rescan: Rescan,
    retry: Retry,
}

impl Stock {
    /// Opens both; downloads that were under way wait for [`begin`](Self::begin).
    pub(crate) fn open(
        data_dir: PathBuf,
        store: Arc<Store>,
        settings: HubSettings,
        changes: broadcast::Sender<api::Event>,
        rescan: Rescan,
    ) -> Self {
        let keys = KeyStore::usual(data_dir.join(KEYS));
        let token = kept_token(&keys);
        let has_token = token.is_some();
        let hub = client(&settings, token);
        let pulls = Pulls::restore(&store);
        let inner = Inner {
            store,
            settings,
            hub: RwLock::new(hub),
            has_token: RwLock::new(has_token),
            keys,
            pulls: Mutex::new(pulls),
            places: Semaphore::new(PULLS_AT_A_TIME),
            changes,
            rescan,
            retry: Retry::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Goes on with downloads that were under way when the node stopped.
    pub(crate) fn begin(&self) {
        let waiting = self.pulls().to_go_on();
        for id in waiting {
            self.start(&id);
        }
    }

    fn store(&self) -> &Arc<Store> {
        &self.inner.store
    }

    fn hub(&self) -> Hub {
        self.inner.hub.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn pulls(&self) -> MutexGuard<'_, Pulls> {
        // Each change is small and leaves it whole.
        self.inner.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, event: api::Event) {
        // Without listeners there is nobody to tell.
        let _ = self.inner.changes.send(event);
    }

    /// Keeps the token, or forgets it, and asks with it from now on. Blocks on the key store.
    fn keep_token(&self, token: Option<&str>) -> Result<(), TokenError> {
        let id = token_id();
        let parsed = token.map(HubToken::new).transpose().map_err(|_| TokenError::Odd)?;
        match token {
            Some(token) => {
                let secret = Secret::new(token).map_err(|_| TokenError::Odd)?;
                self.inner.keys.put(&id, &secret)?;
            }
            None => drop(self.inner.keys.remove(&id)?),
        }
        let has_token = parsed.is_some();
        let hub = client(&self.inner.settings, parsed);
        *self.inner.hub.write().unwrap_or_else(PoisonError::into_inner) = hub;
        *self.inner.has_token.write().unwrap_or_else(PoisonError::into_inner) = has_token;
        Ok(())
    }
}

/// Why a token was not kept.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    /// It is none.
    #[error("this is no token: it is up to 1,024 visible ASCII characters, such as hf_…")]
    Odd,
    /// It cannot be kept.
    #[error("{0}")]
    Keys(#[from] KeyStoreError),
}

fn token_id() -> ProviderId {
    TOKEN.parse().expect("it is an id")
}

/// The token that a person gave, or else the one that other programs use.
fn kept_token(keys: &KeyStore) -> Option<HubToken> {
    let kept = keys.get(&token_id()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the hub's token cannot be read");
        None
    });
    let kept = kept.and_then(|secret| HubToken::new(secret.reveal_text()).ok());
    kept.or_else(|| HubToken::new(&std::env::var(TOKEN_VARIABLE).ok()?).ok())
}

fn client(settings: &HubSettings, token: Option<HubToken>) -> Hub {
    let config = HubConfig::new(settings.endpoint.clone());
    Hub::new(HubConfig { cdn: settings.cdn.clone(), token, ..config })
}

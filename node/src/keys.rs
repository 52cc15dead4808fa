//! API keys between the HTTP face, which judges them, and the store, which keeps them.

use std::sync::Arc;
use std::time::Duration;

use pumasi_web::Keyring;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How often it is written down what was used of keys. A kill forgets that much.
const KEEP_USED_EVERY: Duration = Duration::from_secs(30);

/// The keys that were kept.
pub(crate) fn restore(store: &Store) -> Result<Arc<Keyring>, StoreError> {
    Ok(Arc::new(Keyring::new(store.keys()?)))
}

/// Writes down what was used, now and then and at the end, when `closing` says so.
pub(crate) async fn keep_used(store: Store, keys: Arc<Keyring>, closing: CancellationToken) {
    let mut due = tokio::time::interval(KEEP_USED_EVERY);
    loop {
        let is_over = tokio::select! {
            _ = due.tick() => false,
            () = closing.cancelled() => true,
        };
        let used = keys.take_used();
        if !used.is_empty()
            && let Err(error) = store.put_used(used).await
        {
            tracing::warn!(%error, "what was used of API keys could not be written down");
        }
        if is_over {
            return;
        }
    }
}

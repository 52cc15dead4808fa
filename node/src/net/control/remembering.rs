//! Where members were, on the disk, for a start on a network without multicast: written as soon as it
//! changes, one write at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Control;

/// The setting under which members' addresses are kept.
const REMEMBERED: &str = "net.addresses";

/// Whether they are being written.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    writing: Arc<AtomicBool>,
}

impl Control {
    /// Takes in the addresses of the last start.
    pub(super) fn recall(&mut self, now: Instant) {
        match self.setup.store.setting(REMEMBERED) {
            Ok(text) => self.book.recall(&text.unwrap_or_default(), now),
            Err(error) => tracing::warn!(%error, "addresses of the last start cannot be read"),
        }
    }

    /// Stores addresses that changed, if nothing is being stored; else with the next tick.
    pub(super) fn remember(&mut self) {
        if let Some(storing) = self.storing() {
            tokio::spawn(storing);
        }
    }

    /// Stores addresses that changed, once it is awaited; `None`: nothing changed, or a write is under
    /// way, after which the next one follows by itself.
    pub(super) fn storing(&mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let writing = self.remembered.writing.clone();
        if writing.load(Ordering::Acquire) {
            return None;
        }
        let text = self.book.changes()?;
        writing.store(true, Ordering::Release);
        let store = self.setup.store.clone();
        Some(async move {
            if let Err(error) = store.set_setting(REMEMBERED, Some(text)).await {
                tracing::warn!(%error, "addresses of members were not stored");
            }
            writing.store(false, Ordering::Release);
        })
    }
}

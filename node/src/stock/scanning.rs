//! Looks at the model folders and the store again, one look after the other, and tells the loop.

use std::path::PathBuf;
use std::sync::Arc;

use pumasi_models::store::Store;
use tokio::sync::{Notify, mpsc};

use crate::config::EngineConfig;
use crate::core::event::Event;
use crate::models;

/// Asks for another look. A copy asks the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rescan(Arc<Notify>);

impl Rescan {
    /// Looks again as soon as the look before is over.
    pub(crate) fn soon(&self) {
        self.0.notify_one();
    }

    /// Looks once, and again whenever it is asked to, until nobody listens.
    pub(crate) fn run(
        self,
        store: Arc<Store>,
        folders: Vec<PathBuf>,
        engine: EngineConfig,
        events: mpsc::Sender<Event>,
    ) {
        self.soon();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = self.0.notified() => {}
                    () = events.closed() => return,
                }
                let (store, folders) = (Arc::clone(&store), folders.clone());
                let look =
                    tokio::task::spawn_blocking(move || models::scan(&store, &folders, &engine));
                let Ok(models) = look.await else { continue };
                if events.send(Event::Scanned(models)).await.is_err() {
                    return;
                }
            }
        });
    }
}

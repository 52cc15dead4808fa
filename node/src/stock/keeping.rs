//! What stays in the store and what goes, for whoever asks over HTTP. Everything here blocks on the disk
//! and runs on a thread for that.

use std::time::Duration;

use pumasi_models::name::ModelName;
use pumasi_models::store::{Garbage, Sha256};
use pumasi_web::api;
use pumasi_web::mesh::StockError;

use super::{Stock, convert};

/// What is under way and nobody touched for so long was given up (guess: longer than a holiday).
const PARTIAL_KEPT: Duration = Duration::from_hours(24 * 30);

impl Stock {
    /// Runs what blocks.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StockError> + Send + 'static,
    ) -> Result<T, StockError> {
        let stock = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&stock)).await;
        done.unwrap_or_else(|_| Err(convert::failed()))
    }

    pub(super) fn inventory(&self) -> api::Stock {
        let room = self.store().room();
        let has_token = self.inner.has_token.read();
        api::Stock {
            models: self.store().models().into_iter().map(convert::stored).collect(),
            used_bytes: room.used,
            partial_bytes: room.partial,
            quota_bytes: room.quota,
            disk_free_bytes: room.disk_free,
            free_bytes: room.free,
            hub: self.hub().endpoint().to_string(),
            hub_token: *has_token.unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    pub(super) fn pin_model(&self, model: &str, pinned: bool) -> Result<(), StockError> {
        let name = parse(model)?;
        self.store().pin(&name, pinned).map_err(|error| convert::of_store(&error))
    }

    pub(super) fn remove_model(&self, model: &str) -> Result<(), StockError> {
        let name = parse(model)?;
        self.store().remove(&name).map_err(|error| convert::of_store(&error))?;
        self.inner.rescan.soon();
        Ok(())
    }

    pub(super) fn copy_model(&self, from: &str, to: &str) -> Result<(), StockError> {
        let (from, to) = (parse(from)?, parse(to)?);
        self.store().copy(&from, &to).map_err(|error| convert::of_store(&error))?;
        self.inner.rescan.soon();
        Ok(())
    }

    pub(super) fn verify_models(
        &self,
        model: Option<&str>,
    ) -> Result<Vec<api::Verified>, StockError> {
        let models = match model {
            Some(model) => {
                let name = parse(model)?;
                let none = || pumasi_models::store::StoreError::NoModel { name: name.clone() };
                let found = self.store().model(&name).ok_or_else(none);
                vec![found.map_err(|error| convert::of_store(&error))?]
            }
            None => self.store().models(),
        };
        let verified = models.into_iter().map(|model| {
            let mut go_on = |_| std::ops::ControlFlow::Continue(());
            let check = |blob| self.store().verify(blob, &mut go_on);
            let outcome = model.blobs.iter().try_for_each(check);
            api::Verified {
                name: model.name.to_string(),
                whole: outcome.is_ok(),
                message: outcome.err().map(|error| error.to_string()),
            }
        });
        let verified: Vec<api::Verified> = verified.collect();
        if verified.iter().any(|one| !one.whole) {
            self.inner.rescan.soon();
        }
        Ok(verified)
    }

    pub(super) fn sweep_up(&self, request: &api::SweepRequest) -> Result<api::Swept, StockError> {
        let day = Duration::from_hours(24);
        let garbage = Garbage {
            unused: request.unused_days.map(|days| day * days),
            partial: PARTIAL_KEPT,
            dry: request.dry,
        };
        let needed: std::collections::BTreeSet<Sha256> = self.pulls().needed();
        let swept = self.store().sweep(&garbage, &needed);
        let swept = swept.map_err(|error| convert::of_store(&error))?;
        if !request.dry {
            self.inner.rescan.soon();
        }
        Ok(api::Swept {
            models: swept.models.iter().map(ToString::to_string).collect(),
            files: swept.blobs + swept.partials,
            bytes: swept.bytes,
        })
    }
}

/// A name as it is typed, also as Ollama's programs write names of a hub.
pub(super) fn parse(text: &str) -> Result<ModelName, StockError> {
    let bare = text.strip_prefix("hf.co/").or_else(|| text.strip_prefix("huggingface.co/"));
    let bare = bare.unwrap_or(text);
    let bare = bare.strip_suffix(":latest").unwrap_or(bare);
    ModelName::parse(bare).map_err(|error| convert::of_name(&error))
}

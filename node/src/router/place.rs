//! One provider of this node: how it is asked, and what it has.

use std::sync::{Arc, PoisonError, RwLock};

use pumasi_cloud::{ModelInfo, Provider};

/// A provider, and the models that it last listed.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) provider: Provider,
    /// Found by itself on this computer, not set up by a person.
    pub(super) is_found: bool,
    models: RwLock<Arc<[ModelInfo]>>,
}

impl Place {
    pub(super) fn new(provider: Provider, is_found: bool) -> Self {
        let models: Arc<[ModelInfo]> = Arc::default();
        Self { provider, is_found, models: RwLock::new(models) }
    }

    pub(super) fn id(&self) -> &str {
        self.provider.settings().id.as_str()
    }

    pub(super) fn name(&self) -> &str {
        &self.provider.kind().name
    }

    /// Whether text that goes there leaves the office.
    pub(super) fn is_outside(&self) -> bool {
        self.provider.is_outside()
    }

    /// What it last listed.
    pub(super) fn models(&self) -> Arc<[ModelInfo]> {
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        Arc::clone(&self.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_models(&self, models: Vec<ModelInfo>) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = models.into();
    }

    pub(super) fn has(&self, model: &str) -> bool {
        let listed = self.provider.settings().models.iter().any(|name| name == model);
        listed || self.models().iter().any(|info| info.name == model)
    }
}

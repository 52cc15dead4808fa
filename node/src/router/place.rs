//! One provider of this node: how it is asked, and what it has.

use std::sync::{Arc, PoisonError, RwLock};

use pumasi_cloud::{ModelInfo, Provider};

use super::budget::Budget;
use super::far::Far;

/// A provider, and the models that it last listed.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) provider: Provider,
    /// Found by itself on this computer, not set up by a person.
    pub(super) is_found: bool,
    /// Whether a key is kept for it; read once, where the key itself is.
    pub(super) has_key: bool,
    models: RwLock<Arc<[ModelInfo]>>,
    /// How often it may be asked again.
    pub(super) budget: Budget,
    /// Another member has it; none: it is this node's own.
    far: Option<Box<Far>>,
}

impl Place {
    pub(super) fn new(provider: Provider, is_found: bool) -> Self {
        let models: Arc<[ModelInfo]> = Arc::default();
        let models = RwLock::new(models);
        let budget = Budget::default();
        Self { provider, is_found, has_key: false, models, budget, far: None }
    }

    /// One that another member has.
    pub(super) fn of_another(provider: Provider, far: Far) -> Self {
        Self { far: Some(Box::new(far)), ..Self::new(provider, false) }
    }

    /// Whose it is, if another member has it.
    pub(super) fn far(&self) -> Option<&Far> {
        self.far.as_deref()
    }

    /// The same, with or without a key.
    pub(super) fn holding(self, has_key: bool) -> Self {
        Self { has_key, ..self }
    }

    pub(super) fn id(&self) -> &str {
        match &self.far {
            Some(far) => &far.id,
            None => self.short(),
        }
    }

    /// Its id at the node that has it.
    pub(super) fn short(&self) -> &str {
        self.provider.settings().id.as_str()
    }

    pub(super) fn name(&self) -> &str {
        match &self.far {
            Some(far) => &far.label,
            None => &self.provider.kind().name,
        }
    }

    /// Whether text that goes there leaves the office.
    pub(super) fn is_outside(&self) -> bool {
        self.provider.is_outside()
    }

    /// Whether it keeps nothing that it is sent and learns nothing from it: it is in the office, a person
    /// vouches for it, or it takes the word that says so on.
    pub(super) fn is_discreet(&self) -> bool {
        let passes_on = self.provider.kind().quirks.routing_words;
        let vouched = match &self.far {
            Some(far) => far.told().keeps_nothing,
            None => self.provider.settings().keeps_nothing,
        };
        !self.is_outside() || vouched || passes_on
    }

    /// What it last listed.
    pub(super) fn models(&self) -> Arc<[ModelInfo]> {
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        Arc::clone(&self.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_models(&self, models: Vec<ModelInfo>) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = models.into();
    }

    /// Whether it may be asked for a model that it does not list.
    pub(super) fn may_have(&self, model: &str) -> bool {
        let any = match &self.far {
            Some(far) => far.told().any_model,
            None => self.provider.settings().models.is_empty(),
        };
        any || self.has(model)
    }

    pub(super) fn has(&self, model: &str) -> bool {
        let listed = self.provider.settings().models.iter().any(|name| name == model);
        listed || self.models().iter().any(|info| info.name == model)
    }
}

/// Places for tests; nobody is there.
#[cfg(test)]
pub(super) mod samples {
    use pumasi_cloud::{Client, ClientConfig, Secret, Settings};

    use super::*;

    /// A cloud and a server near by; both list `both` and one model of their own.
    pub(in crate::router) fn places() -> Vec<Arc<Place>> {
        vec![
            place("cloud", "openai", None, "gpt"),
            place("lab", "openai-compatible", Some("http://127.0.0.1:1/v1"), "llama"),
        ]
    }

    pub(in crate::router) fn place(
        id: &str,
        kind: &str,
        base: Option<&str>,
        own: &str,
    ) -> Arc<Place> {
        let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).expect("a certificate");
        let authorities = vec![made.cert.der().clone()];
        let client = Client::new(&ClientConfig { authorities, only_these: true });
        let id = id.parse().expect("an id");
        let settings = Settings { base: base.map(str::to_owned), ..Settings::new(id, kind) };
        let key = Secret::new("sk-x").expect("a key");
        let provider = Provider::new(client, settings, Some(key)).expect("settings");
        let place = Place::new(provider, false);
        place.set_models(vec![ModelInfo::named("both"), ModelInfo::named(own)]);
        Arc::new(place)
    }
}

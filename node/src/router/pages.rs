//! What pages are told of providers: each of their models that comes, changes or goes, and that something
//! else about providers is new.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use pumasi_protocol::{NodeId, NodeName};
use pumasi_web::api;
use tokio::sync::broadcast;

use super::Router;

/// What was told.
pub(super) struct Pages {
    changes: broadcast::Sender<api::Event>,
    me: api::NodeRef,
    models: Mutex<BTreeMap<String, api::Model>>,
}

impl Pages {
    pub(super) fn new(changes: broadcast::Sender<api::Event>, me: NodeId, name: &NodeName) -> Self {
        Self { changes, me: api::NodeRef::new(me, name.as_str()), models: Mutex::default() }
    }

    fn say(&self, event: api::Event) {
        // Without listeners there is nobody to tell.
        let _ = self.changes.send(event);
    }

    /// Tells what is new.
    fn tell(&self, models: Vec<api::Model>) {
        let now: BTreeMap<String, api::Model> =
            models.into_iter().map(|model| (model.name.clone(), model)).collect();
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        let mut told = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        for name in told.keys().filter(|name| !now.contains_key(*name)) {
            self.say(api::Event::ModelGone { name: name.clone() });
        }
        for model in now.values().filter(|model| told.get(&model.name) != Some(model)) {
            self.say(api::Event::Model { model: model.clone() });
        }
        *told = now;
    }
}

impl Router {
    /// Something about providers changed: models, sharing, how they stand, or how requests are routed.
    pub(super) fn tell_pages(&self) {
        self.pages.tell(self.models(&self.pages.me));
        self.pages.say(api::Event::Providers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, at: &[&str]) -> api::Model {
        let node = |name: &&str| api::NodeRef { id: String::new(), name: (*name).to_owned() };
        api::Model {
            name: name.to_owned(),
            engine: api::EngineKind::Cloud,
            size_bytes: 0,
            context_tokens: 0,
            capabilities: Vec::new(),
            starter: false,
            created_s: 0,
            provider: Some("openai".to_owned()),
            at: at.iter().map(node).collect(),
            places: Vec::new(),
            best: None,
        }
    }

    #[test]
    fn each_model_that_comes_changes_or_goes_is_told_once() {
        let (changes, mut heard) = broadcast::channel(16);
        let name = "desk".parse().expect("a name");
        let pages = Pages::new(changes, NodeId([1; 32]), &name);
        let mut told = |models: Vec<api::Model>| {
            pages.tell(models);
            let mut words = Vec::new();
            while let Ok(event) = heard.try_recv() {
                words.push(if let api::Event::Model { model } = event {
                    format!("{} at {}", model.name, model.at.len())
                } else if let api::Event::ModelGone { name } = event {
                    format!("{name} gone")
                } else {
                    panic!("nothing else is told: {event:?}")
                });
            }
            words
        };
        assert_eq!(told(vec![model("a", &["desk"]), model("b", &["desk"])]), ["a at 1", "b at 1"]);
        assert!(told(vec![model("a", &["desk"]), model("b", &["desk"])]).is_empty());
        assert_eq!(told(vec![model("a", &["desk", "lab"])]), ["b gone", "a at 2"]);
    }
}

//! Which nodes hold a model of some name, and where in their adverts it stands.

use std::collections::BTreeMap;

use pumasi_protocol::{ModelAdvert, ModelName};

/// The slot of a node, and the index of a model in its advert.
type Place = (u16, u16);

/// Places by model, in the order of slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    by_name: BTreeMap<ModelName, Vec<Place>>,
}

impl Holders {
    /// Where a model is held, in the order of slots.
    pub(super) fn of(&self, name: &ModelName) -> &[Place] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The models of the node in `slot` are others, or stand elsewhere.
    pub(super) fn change(&mut self, slot: u16, old: &[ModelAdvert], new: &[ModelAdvert]) {
        if old.iter().map(|m| &m.name).eq(new.iter().map(|m| &m.name)) {
            return;
        }
        self.remove(slot, old);
        for (index, model) in (0..).zip(new) {
            let places = self.by_name.entry(model.name.clone()).or_default();
            match places.binary_search_by_key(&slot, |place| place.0) {
                Ok(at) => places[at] = (slot, index),
                Err(at) => places.insert(at, (slot, index)),
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u16, models: &[ModelAdvert]) {
        for model in models {
            if let Some(places) = self.by_name.get_mut(&model.name) {
                if let Ok(at) = places.binary_search_by_key(&slot, |place| place.0) {
                    places.remove(at);
                }
                if places.is_empty() {
                    self.by_name.remove(&model.name);
                }
            }
        }
    }
}

//! Which nodes hold a model of some name, and where in their adverts it stands.

use std::collections::BTreeMap;

use pumasi_protocol::{ModelAdvert, ModelName, NodeId};

/// Nodes and indexes by model.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    by_name: BTreeMap<ModelName, BTreeMap<NodeId, u16>>,
}

impl Holders {
    /// Its holders in the order of their ids, each with the model's index in its advert.
    pub(super) fn of(&self, name: &ModelName) -> impl Iterator<Item = (&NodeId, u16)> {
        self.by_name.get(name).into_iter().flatten().map(|(node, index)| (node, *index))
    }

    /// A node's models are others, or stand elsewhere.
    pub(super) fn change(&mut self, node: NodeId, old: &[ModelAdvert], new: &[ModelAdvert]) {
        if old.iter().map(|m| &m.name).eq(new.iter().map(|m| &m.name)) {
            return;
        }
        self.remove(node, old);
        for (index, model) in (0..).zip(new) {
            self.by_name.entry(model.name.clone()).or_default().insert(node, index);
        }
    }

    pub(super) fn remove(&mut self, node: NodeId, models: &[ModelAdvert]) {
        for model in models {
            if let Some(nodes) = self.by_name.get_mut(&model.name) {
                nodes.remove(&node);
                if nodes.is_empty() {
                    self.by_name.remove(&model.name);
                }
            }
        }
    }
}

//! Who asks to be let in: this node, which announces it, and others, of whom discovery tells.

use std::net::SocketAddr;
use std::sync::Arc;

use pumasi_protocol::NodeId;

use super::super::event::Candidate;
use super::super::join::{Askers, Porch};
use super::Control;
use super::book::is_dialable;

/// What the interface and the door know of it, too.
pub(in crate::net) struct Asking {
    pub(in crate::net) porch: Arc<Porch>,
    pub(in crate::net) askers: Arc<Askers>,
    /// Whether it was announced that this node asks.
    pub(in crate::net) told: bool,
}

impl Control {
    /// Announces that this node asks to be let in, or no more.
    pub(super) fn tell_asking(&mut self) {
        let Some(asking) = &mut self.asking else { return };
        let roster = self.setup.membership.members().roster();
        let asks = roster.is_none() && asking.porch.is_open();
        if asks == std::mem::replace(&mut asking.told, asks) {
            return;
        }
        if let Some(discovery) = &self.discovery {
            discovery.announce(roster.as_deref(), asks);
        }
    }

    /// Somebody was seen who may ask.
    pub(super) fn note_candidate(&self, candidate: &Candidate) {
        let Some(asking) = &self.asking else { return };
        let dialable = |address: &&SocketAddr| is_dialable(address, false);
        let doors = candidate.join.iter().filter(dialable).copied().collect();
        asking.askers.see(candidate, doors);
    }

    pub(super) fn forget_candidate(&self, node: &NodeId) {
        if let Some(asking) = &self.asking {
            asking.askers.forget(node);
        }
    }
}

//! What the control plane does with members that misbehave: cut off, and let in again when their time
//! is over.

use std::time::Instant;

use pumasi_protocol::NodeId;

use super::super::conduct::Kind;
use super::super::event::NetEvent;
use super::super::identity::peer_id;
use super::Control;

impl Control {
    /// Counts what no honest node sends; too much of it ends the connection for a while.
    pub(super) fn note_misbehaviour(&mut self, node: NodeId) {
        self.setup.conduct.blame(node, Instant::now());
    }

    /// A member says of itself what cannot be.
    pub(super) fn doubt(&mut self, from: NodeId) {
        tracing::debug!(peer = %from.short(), "an advert that cannot be");
        self.emit(NetEvent::Implausible { from });
    }

    /// Counts what a member sends; false: it is not to be looked at.
    pub(super) fn spend(&self, node: NodeId, kind: Kind, cost: usize) -> bool {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.setup.conduct.spend(node, kind, cost, Instant::now())
    }

    /// Lets a member connect, unless it is cut off.
    pub(super) fn allow(&mut self, node: &NodeId) {
        if let Some(peer) = peer_id(node).filter(|_| !self.setup.conduct.is_cut_off(node)) {
            self.swarm.behaviour_mut().members.allow_peer(peer);
        }
    }

    /// Closes all connections of those that are cut off, on both planes, and refuses new ones.
    pub(super) fn cut_off_due(&mut self) {
        for cut_off in self.setup.conduct.newly_cut_off() {
            let node = cut_off.node;
            tracing::warn!(
                peer = %node.short(), why = ?cut_off.offence, seconds = cut_off.lasts.as_secs(),
                "a member misbehaves and is cut off for a while"
            );
            if let Some(peer) = peer_id(&node) {
                self.swarm.behaviour_mut().members.disallow_peer(peer);
            }
            self.setup.data.drop_connections(node);
            self.emit(NetEvent::Misbehaved(cut_off));
        }
    }

    /// Whose time is over may connect again.
    pub(super) fn let_in_again(&mut self) {
        let now = Instant::now();
        for node in self.setup.conduct.returning(now) {
            if self.applied.contains(&node) {
                self.allow(&node);
                self.book.hurry(node, now);
            }
            self.emit(NetEvent::Behaves { node });
        }
    }
}

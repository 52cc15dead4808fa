//! What a change of the roster means for the control plane: who may connect, who is dialled, who hears
//! of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use pumasi_protocol::NodeId;
use pumasi_protocol::roster::Roster;

use super::super::event::NetEvent;
use super::super::identity::peer_id;
use super::Control;

impl Control {
    /// A node of a mesh allows its members, and only them, on all planes; one that was removed from it
    /// allows nobody.
    pub(super) fn on_roster(&mut self, roster: Option<Arc<Roster>>) {
        let Some(roster) = roster else { return };
        let others = roster.members.keys().filter(|node| **node != self.me).copied();
        let members: BTreeSet<NodeId> =
            if roster.contains(&self.me) { others.collect() } else { BTreeSet::new() };
        for node in self.applied.difference(&members).filter_map(peer_id) {
            self.swarm.behaviour_mut().members.disallow_peer(node);
        }
        let now = Instant::now();
        for node in members.difference(&self.applied).copied().collect::<Vec<_>>() {
            self.allow(&node);
            if let Some(seat) = self.sighted.take(&node) {
                self.learn_seat(node, seat);
            }
            self.book.hurry(node, now);
        }
        self.applied = members;
        self.noticed.turned_away.retain(|node, _| self.applied.contains(node));
        self.setup.data.keep_members();
        self.hearsay.keep(|node| roster.contains(node));
        self.setup.conduct.keep(|node| roster.contains(node));
        self.book.keep(|node| self.applied.contains(node));
        self.subscribe(&roster);
        self.announce_soon();
        if let Some(discovery) = &self.discovery {
            discovery.announce(Some(&roster), false);
        }
        self.emit(NetEvent::RosterChanged(roster));
        self.dial_due();
    }
}

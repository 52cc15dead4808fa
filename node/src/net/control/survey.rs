//! What the control plane knows of how to reach whom, for whoever looks for what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use pumasi_protocol::NodeId;

use super::super::discovery::Sighting;
use super::super::event::NetEvent;
use super::super::limits::{ADDRESSES, CANDIDATES};
use super::Control;

/// What the control plane notices on the way, and only the doctor asks about.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    /// Whom discovery sees.
    pub(super) sightings: BTreeMap<NodeId, Sighting>,
    /// Connections with members that ended before they were of use.
    pub(super) turned_away: BTreeMap<NodeId, u32>,
    /// Where computers with this node's key were.
    twins: BTreeSet<SocketAddr>,
}

/// What is known of the way to everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    /// All other members.
    pub(crate) members: Vec<Route>,
    /// Addresses that a person gave, and who answered there.
    pub(crate) given: Vec<(String, Option<NodeId>)>,
    /// Whom discovery sees.
    pub(crate) seen: Vec<Sighting>,
    /// Where computers with this node's key were.
    pub(crate) twins: Vec<SocketAddr>,
}

/// The way to a member.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) node: NodeId,
    /// Where it may be: what worked last, what members told, what discovery saw.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Its connection, if it is here, and whether that is QUIC (else TCP).
    pub(crate) connected: Option<(SocketAddr, bool)>,
    /// Connections that ended before the rosters were in step, since the last that was.
    pub(crate) turned_away: u32,
    /// The number of its latest start, which began as the time of that start on its clock.
    pub(crate) run: Option<u64>,
}

impl Control {
    pub(super) fn survey(&self) -> Survey {
        let members = self.applied.iter().map(|node| self.route(*node)).collect();
        let seen = self.noticed.sightings.values().cloned().collect();
        let twins = self.noticed.twins.iter().copied().collect();
        Survey { members, given: self.book.given(), seen, twins }
    }

    fn route(&self, node: NodeId) -> Route {
        let peer = self.peers.get(&node).filter(|peer| peer.is_here());
        let connected = peer.and_then(|peer| peer.links.values().next_back());
        Route {
            node,
            addresses: self.book.addresses(&node),
            connected: connected.map(|link| (link.remote, link.quic)),
            turned_away: self.noticed.turned_away.get(&node).copied().unwrap_or_default(),
            run: self.hearsay.run(&node).or_else(|| self.noticed.sightings.get(&node)?.run),
        }
    }

    /// Remembers whom discovery sees, up to as many as discovery itself does.
    pub(super) fn remember_sighting(&mut self, sighting: &Sighting) {
        let node = sighting.candidate.node;
        if self.noticed.sightings.contains_key(&node) || self.noticed.sightings.len() < CANDIDATES {
            self.noticed.sightings.insert(node, sighting.clone());
        }
    }

    /// A connection ended that was never of use: the other side may not want this node.
    pub(super) fn note_turned_away(&mut self, node: NodeId) {
        let count = self.noticed.turned_away.entry(node).or_default();
        *count = count.saturating_add(1);
    }

    /// Another computer runs with this node's key; `withdrawn`: this one left the mesh to it.
    pub(super) fn note_twin(&mut self, address: SocketAddr, withdrawn: bool) {
        if self.noticed.twins.len() < ADDRESSES {
            self.noticed.twins.insert(address);
        }
        self.emit(NetEvent::SameKey { address, withdrawn });
    }
}

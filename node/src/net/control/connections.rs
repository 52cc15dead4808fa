//! Connections of the control plane: dialling what is due, one connection a pair, who is up or down.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::net::SocketAddr;
use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionError, ConnectionId, SwarmEvent};
use libp2p::{PeerId, ping};
use pumasi_protocol::NodeId;

use super::super::conduct::Kind;
use super::super::discovery::Sighting;
use super::super::event::{Listening, NetEvent};
use super::super::identity::{node_id, peer_id};
use super::behaviour::{dialled, socket_address};
use super::requests::Sync;
use super::sighted::Seat;
use super::{BehaviourEvent, Control, Link, Notice, Peer, is_dialable};
use crate::config::PeerAddress;

impl Control {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(&event),
            SwarmEvent::Behaviour(BehaviourEvent::States(event)) => self.on_state_event(event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => self.on_request_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                let in_order = cause.as_ref().is_some_and(closed_in_order);
                self.on_closed(peer_id, connection_id, in_order);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.dialling.remove(&connection_id);
                self.on_dial_error(&error);
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_listen(&address, true),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_listen(&address, false),
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "a control-plane listener has trouble");
            }
            // The rest is bookkeeping of libp2p, whose event type is open.
            _ => {}
        }
    }

    fn on_listen(&mut self, address: &Multiaddr, added: bool) {
        let Some(address) = socket_address(address) else { return };
        let mut control = self.setup.listening.borrow().control.clone();
        match (added, control.iter().position(|known| *known == address)) {
            (true, None) => control.push(address),
            (false, Some(at)) => drop(control.remove(at)),
            (true, Some(_)) | (false, None) => return,
        }
        control.sort_by_key(|address| (address.ip().is_loopback(), *address));
        let on = |port| {
            let with_port = |address: &SocketAddr| SocketAddr::new(address.ip(), port);
            control.iter().map(with_port).collect::<Vec<_>>()
        };
        let (data, join) = (on(self.data_port), on(self.join_port));
        let listening = Listening { control, data, join };
        self.setup.listening.send_replace(listening.clone());
        self.emit(NetEvent::Listening(listening));
        self.announce_soon();
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let remote = socket_address(endpoint.get_remote_address());
        let (Some(node), Some(remote)) = (node_id(&peer), remote) else {
            self.swarm.close_connection(connection);
            return;
        };
        if endpoint.is_listener() && !self.spend(node, Kind::Connection, 1) {
            self.swarm.close_connection(connection);
        }
        if let Some(address) = self.dialling.remove(&connection) {
            self.book.answered(&address, node);
            self.book.learn(node, &[remote], Instant::now());
        }
        if endpoint.is_dialer() {
            self.book.connected(node, remote);
        }
        let now = Instant::now();
        let dialled_by_me = endpoint.is_dialer();
        let quic = endpoint.get_remote_address().iter().any(|part| part == Protocol::QuicV1);
        let link = Link { remote, dialled_by_me, since: now, carries: false, quic };
        let first = !self.peers.contains_key(&node);
        let peer = self.peers.entry(node).or_insert_with(|| Peer::new(now));
        peer.links.insert(connection, link);
        if first {
            self.start_sync(node);
        } else {
            self.close_surplus(node, connection);
        }
    }

    /// One connection a pair stays.
    fn close_surplus(&mut self, node: NodeId, new: ConnectionId) {
        let Some(peer) = self.peers.get(&node) else { return };
        for connection in peer.surplus(new, self.me < node) {
            self.swarm.close_connection(connection);
        }
    }

    /// Begins anew with a member that dialled again, having lost these connections: it may have
    /// started again.
    pub(super) fn replace(&mut self, node: NodeId, lost: &[ConnectionId]) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let was_here = peer.is_here();
        peer.links.retain(|connection, _| !lost.contains(connection));
        (peer.up, peer.down_since, peer.sync) = (false, None, Sync::default());
        self.link_spread(node);
        for connection in lost {
            self.swarm.close_connection(*connection);
        }
        self.setup.data.drop_connections(node);
        if was_here {
            self.emit(NetEvent::PeerDown { node });
        }
        self.start_sync(node);
    }

    /// `in_order`: the other side said that it closes.
    fn on_closed(&mut self, peer: PeerId, connection: ConnectionId, in_order: bool) {
        let Some(node) = node_id(&peer) else { return };
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.links.remove(&connection);
        if !peer.links.is_empty() {
            return self.link_spread(node);
        }
        let (was_here, was_up) = (peer.is_here(), peer.up);
        (peer.up, peer.down_since) = (false, None);
        self.link_spread(node);
        self.peers.remove(&node);
        if !was_up {
            self.note_turned_away(node);
        }
        self.book.disconnected(node, Instant::now());
        self.setup.data.let_go(node, in_order);
        if was_here {
            self.emit(NetEvent::PeerDown { node });
        }
        if !was_up {
            self.show_chain(node);
        }
    }

    /// A member closed its door before the rosters were in step: perhaps it has not heard of this node.
    fn show_chain(&mut self, node: NodeId) {
        if !self.applied.contains(&node) {
            return;
        }
        let doors = self.book.doors_due(&node, Instant::now());
        if doors.is_empty() {
            return;
        }
        let (presenter, notices) = (self.setup.presenter.clone(), self.setup.notices.clone());
        tokio::spawn(async move {
            if presenter.present(node, &doors).await {
                let _ = notices.send(Notice::Welcomed { node }).await;
            }
        });
    }

    /// A connection that failed, whatever the state plane hears, is closed.
    fn on_ping(&mut self, event: &ping::Event) {
        if let Err(ping::Failure::Timeout | ping::Failure::Other { .. }) = &event.result {
            self.swarm.close_connection(event.connection);
        }
    }

    pub(super) fn dial_due(&mut self) {
        let now = Instant::now();
        if !self.subscribed {
            return;
        }
        let (peers, applied, conduct) = (&self.peers, &self.applied, &self.setup.conduct);
        let due = self.book.due_nodes(now, |node| {
            applied.contains(node) && !peers.contains_key(node) && !conduct.is_cut_off(node)
        });
        let given =
            self.book.due_given(now, |node| node.is_none_or(|node| !peers.contains_key(node)));
        for (node, addresses) in due {
            self.dial_node(node, &addresses);
        }
        for address in given {
            let notices = self.setup.notices.clone();
            tokio::task::spawn_blocking(move || {
                let found = address.resolve().unwrap_or_default();
                // Full: the address is due again soon.
                let _ = notices.try_send(Notice::Resolved { address, found });
            });
        }
    }

    fn dial_node(&mut self, node: NodeId, addresses: &[SocketAddr]) {
        let Some(peer) = peer_id(&node) else { return };
        let dial = DialOpts::peer_id(peer)
            .addresses(dialled(addresses))
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .allocate_new_port()
            .build();
        if let Err(error) = self.swarm.dial(dial) {
            tracing::debug!(peer = %node.short(), %error, "a member was not dialled");
        }
    }

    /// Dials an address without knowing whose it is; whoever answers must be a member.
    pub(super) fn dial_given(&mut self, address: &PeerAddress, found: &[SocketAddr]) {
        for target in found {
            let links = self
                .peers
                .iter()
                .flat_map(|(node, peer)| peer.links.values().map(move |l| (node, l)));
            let connected = links.filter(|(_, link)| link.dialled_by_me);
            let there = connected.into_iter().find(|(_, link)| link.remote == *target);
            if let Some(node) = there.map(|(node, _)| *node) {
                self.book.answered(address, node);
                return;
            }
        }
        // TCP and QUIC are different addresses here, and each answer would be a connection.
        for target in dialled(found) {
            let dial = DialOpts::unknown_peer_id().address(target).allocate_new_port().build();
            let connection = dial.connection_id();
            if self.swarm.dial(dial).is_ok() {
                self.dialling.insert(connection, address.clone());
            }
        }
    }

    pub(super) fn learn_seat(&mut self, node: NodeId, seat: Seat) {
        self.book.learn(node, &seat.control, Instant::now());
        self.book.learn_doors(node, seat.doors);
    }

    pub(super) fn on_sighting(&mut self, sighting: Sighting) {
        let Sighting { candidate, control, run, record: _ } = sighting;
        if candidate.node == self.me {
            if let Some(run) = run.filter(|run| *run != self.setup.incarnation) {
                self.suspect_copy(run, &control);
            }
            return;
        }
        self.note_candidate(&candidate);
        self.remember_sighting(&Sighting {
            candidate: candidate.clone(),
            control: control.clone(),
            run,
            record: String::new(),
        });
        let dialable = |list: Vec<SocketAddr>| -> Vec<SocketAddr> {
            list.into_iter().filter(|address| is_dialable(address, false)).collect()
        };
        let seat = Seat { control: dialable(control), doors: dialable(candidate.join.clone()) };
        if self.applied.contains(&candidate.node) {
            self.learn_seat(candidate.node, seat);
            self.dial_due();
        } else {
            self.sighted.note(candidate.node, seat);
        }
        // One of many: no harm if the loop misses it.
        let _ = self.setup.events.try_send(NetEvent::Found(candidate));
    }
}

/// Whether the other side of a QUIC connection said that it closes it: a process that was killed, or a
/// network that is gone, says nothing.
fn closed_in_order(cause: &ConnectionError) -> bool {
    match cause {
        ConnectionError::IO(error) => {
            error.get_ref().is_some_and(|error| error.to_string().contains("closed by peer"))
        }
        _ => false,
    }
}

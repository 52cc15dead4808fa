//! Stands in front of gossipsub: counts what each member sends before gossipsub keeps any of it, and
//! lets nothing through that no honest node sends. Gossipsub itself stores messages of any topic and
//! answers any control message; without peer scores nobody would ever stop that.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::gossipsub;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use pumasi_protocol::NodeId;

use super::super::conduct::{Conduct, Kind};
use super::super::identity::node_id;
use super::behaviour::OneTopic;

type Inner = gossipsub::Behaviour<gossipsub::IdentityTransform, OneTopic>;
type Event = <Inner as NetworkBehaviour>::ToSwarm;
type Packet = THandlerOutEvent<Inner>;

pub(super) struct GuardedGossip {
    pub(super) inner: Inner,
    topic: OneTopic,
    conduct: Arc<Conduct>,
}

/// How much one packet brings.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Load {
    messages: usize,
    bytes: usize,
    control: usize,
    /// What no honest node sends: broken signatures, other topics.
    nonsense: usize,
}

fn saturate(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl GuardedGossip {
    pub(super) fn new(inner: Inner, topic: OneTopic, conduct: Arc<Conduct>) -> Self {
        Self { inner, topic, conduct }
    }

    /// Whether gossipsub gets to see what is left of a packet.
    fn admits(&self, from: &PeerId, packet: &mut Packet) -> bool {
        let Some(from) = node_id(from) else { return false };
        let Packet::Message { rpc, invalid_messages } = packet else { return true };
        let came = rpc.messages.len() + invalid_messages.len();
        let bytes = rpc.messages.iter().chain(invalid_messages.iter().map(|(message, _)| message));
        let bytes = bytes.map(|message| message.data.len()).sum();
        let broken = invalid_messages.len();
        // Nobody is asked for other topics, so nobody passes them on.
        rpc.messages.retain(|message| self.topic.is(&message.topic));
        invalid_messages.clear();
        let nonsense = came - rpc.messages.len();
        debug_assert!(nonsense >= broken, "broken messages are nonsense");
        let control = rpc.subscriptions.len() + rpc.control_msgs.len();
        self.allows(from, Load { messages: came, bytes, control, nonsense })
    }

    fn allows(&self, from: NodeId, load: Load) -> bool {
        let now = Instant::now();
        (0..load.nonsense).for_each(|_| self.conduct.blame(from, now));
        // An empty packet costs its sender as much as a message.
        let messages = saturate(load.messages.max(1));
        self.conduct.spend(from, Kind::Gossip, messages, now)
            && self.conduct.spend(from, Kind::GossipBytes, saturate(load.bytes), now)
            && self.conduct.spend(from, Kind::GossipControl, saturate(load.control), now)
    }
}

impl NetworkBehaviour for GuardedGossip {
    type ConnectionHandler = THandler<Inner>;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        mut packet: Packet,
    ) {
        if self.admits(&peer, &mut packet) {
            self.inner.on_connection_handler_event(peer, connection, packet);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        self.inner.poll(cx)
    }
}

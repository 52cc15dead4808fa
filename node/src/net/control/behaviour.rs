//! The libp2p swarm of the control plane. Nobody gets past the allow-list, whoever dialled; only one
//! topic exists. There is no identify: members gossip their addresses, and a stranger learns nothing.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{self, MessageAuthenticity, TopicHash, ValidationMode};
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{Swarm, SwarmBuilder, noise, ping, tcp, yamux};
use pumasi_protocol::{MeshId, limits};

use super::super::conduct::Conduct;
use super::super::handle::NetError;
use super::super::identity::Identity;
use super::super::limits::{
    CONNECTIONS, CONNECTIONS_PER_PEER, CONTROL_CONNECTION_BYTES, CONTROL_DIAL, CONTROL_IDLE,
    CONTROL_KEEP_ALIVE, CONTROL_STREAM_BYTES, CONTROL_STREAMS, CONTROL_STREAMS_IN_ALL,
    CONTROL_STREAMS_UNNAMED, DIALLED, GOSSIP_OUTBOX, PENDING_CONNECTIONS, PING_INTERVAL,
    PING_TIMEOUT, REQUEST_TIMEOUT,
};
use super::super::traffic::Traffic;
use super::codec::{Codec, PROTOCOL};
use super::doorkeeper::Doorkeeper;
use super::gossip_guard::GuardedGossip;
use super::states::States;

/// The one topic of this node's mesh, once it belongs to one; everything else is not subscribed to.
#[derive(Debug, Clone, Default)]
pub(super) struct OneTopic(Arc<OnceLock<TopicHash>>);

impl OneTopic {
    pub(super) fn set(&self, topic: TopicHash) {
        // A node belongs to one mesh for the time of a start.
        let _ = self.0.set(topic);
    }

    pub(super) fn is(&self, topic: &TopicHash) -> bool {
        self.0.get() == Some(topic)
    }
}

impl gossipsub::TopicSubscriptionFilter for OneTopic {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        self.is(topic)
    }
}

type Gossipsub = gossipsub::Behaviour<gossipsub::IdentityTransform, OneTopic>;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    // First, so that no other behaviour hears of a connection that is refused.
    pub(super) members: allow_block_list::Behaviour<AllowedPeers>,
    pub(super) doorkeeper: Doorkeeper,
    pub(super) limits: connection_limits::Behaviour,
    /// Answers those of a former version; the state plane finds out who is here.
    pub(super) ping: ping::Behaviour,
    pub(super) states: States,
    pub(super) gossip: GuardedGossip,
    pub(super) requests: request_response::Behaviour<Codec>,
}

fn gossip(identity: &Identity, topic: OneTopic) -> Gossipsub {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        // The envelope inside is within its limit. libp2p counts libp2p's own fields, and what it has
        // read of the next packet, too, and ends the stream above this.
        .max_transmit_size(2 * limits::GOSSIP_BYTES)
        .connection_handler_queue_len(GOSSIP_OUTBOX)
        .build()
        .expect("the settings agree with each other");
    let authenticity = MessageAuthenticity::Signed(identity.keypair().clone());
    Gossipsub::new_with_subscription_filter(authenticity, config, topic)
        .expect("strict validation and signing agree")
}

fn limits() -> connection_limits::Behaviour {
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_CONNECTIONS))
        .with_max_pending_outgoing(Some(PENDING_CONNECTIONS))
        .with_max_established(Some(CONNECTIONS))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER));
    connection_limits::Behaviour::new(limits)
}

fn behaviour(
    identity: &Identity,
    topic: OneTopic,
    traffic: Arc<Traffic>,
    conduct: Arc<Conduct>,
) -> Behaviour {
    let requests = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(CONTROL_STREAMS);
    let ping = ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT);
    Behaviour {
        members: allow_block_list::Behaviour::default(),
        doorkeeper: Doorkeeper::default(),
        limits: limits(),
        ping: ping::Behaviour::new(ping),
        states: States::new(traffic),
        gossip: GuardedGossip::new(gossip(identity, topic.clone()), topic, conduct),
        requests: request_response::Behaviour::with_codec(
            Codec,
            [(PROTOCOL, ProtocolSupport::Full)],
            requests,
        ),
    }
}

pub(super) fn swarm(
    identity: &Identity,
    topic: OneTopic,
    traffic: Arc<Traffic>,
    conduct: Arc<Conduct>,
) -> Swarm<Behaviour> {
    let tcp = tcp::Config::default().nodelay(true);
    SwarmBuilder::with_existing_identity(identity.keypair().clone())
        .with_tokio()
        .with_tcp(tcp, noise::Config::new, multiplexer)
        .expect("an Ed25519 key is a noise key")
        .with_quic_config(|mut quic| {
            quic.keep_alive_interval = CONTROL_KEEP_ALIVE;
            quic.max_idle_timeout =
                u32::try_from(CONTROL_IDLE.as_millis()).expect("a minute in milliseconds fits");
            quic.handshake_timeout = CONTROL_DIAL;
            quic.max_concurrent_stream_limit = CONTROL_STREAMS_IN_ALL;
            quic.max_stream_data = CONTROL_STREAM_BYTES;
            quic.max_connection_data = CONTROL_CONNECTION_BYTES;
            quic
        })
        .with_behaviour(|_| behaviour(identity, topic, traffic, conduct))
        .expect("making the behaviour cannot fail")
        .with_swarm_config(|config| {
            // The stream of states keeps a connection in use; what has no stream was refused.
            config
                .with_idle_connection_timeout(Duration::from_secs(60))
                .with_max_negotiating_inbound_streams(CONTROL_STREAMS_UNNAMED)
        })
        .with_connection_timeout(CONTROL_DIAL)
        .build()
}

fn multiplexer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(CONTROL_STREAMS_IN_ALL as usize);
    config
}

/// The topic on which a mesh gossips; tells who does not know the mesh id nothing.
pub(super) fn topic(mesh: &MeshId) -> gossipsub::IdentTopic {
    let name = blake3::derive_key("pumasi gossip topic 1", &mesh.0);
    gossipsub::IdentTopic::new(hex::encode(&name[..16]))
}

fn quic(address: SocketAddr) -> Multiaddr {
    let base = Multiaddr::from(address.ip());
    base.with(Protocol::Udp(address.port())).with(Protocol::QuicV1)
}

fn plain(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// What to dial to reach these control addresses: QUIC, and TCP where UDP is blocked. All are tried
/// at once, and the first that is through wins.
pub(super) fn dialled(addresses: &[SocketAddr]) -> Vec<Multiaddr> {
    addresses.iter().take(DIALLED).flat_map(|address| [quic(*address), plain(*address)]).collect()
}

/// The socket address in a libp2p address, whichever transport.
pub(super) fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// Listens with QUIC and TCP on one port, and says which.
pub(super) fn listen(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> Result<u16, NetError> {
    // A port that was free a moment ago can be gone: a given one is an error, a picked one is not.
    let tries = if address.port() == 0 { 16 } else { 1 };
    let mut last = None;
    for _ in 0..tries {
        let port = pick_port(address)?;
        match listen_on(swarm, SocketAddr::new(address.ip(), port)) {
            Ok(()) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let error = last.expect("tried at least once");
    Err(NetError::Listen { plane: "control plane", error: std::io::Error::other(error) })
}

fn listen_on(
    swarm: &mut Swarm<Behaviour>,
    address: SocketAddr,
) -> Result<(), libp2p::TransportError<std::io::Error>> {
    let mut addresses = vec![quic(address), plain(address)];
    if address.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED) {
        // libp2p's IPv6 sockets do not take IPv4.
        let also = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
        addresses.extend([quic(also), plain(also)]);
    }
    let mut listeners = Vec::new();
    for address in addresses {
        match swarm.listen_on(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                for listener in listeners {
                    swarm.remove_listener(listener);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A port that is free for both transports, or the given one.
fn pick_port(address: SocketAddr) -> Result<u16, NetError> {
    let plane = "control plane";
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => NetError::PortTaken { plane, port: address.port() },
        _ => NetError::Listen { plane, error },
    };
    let tcp = std::net::TcpListener::bind(address).map_err(failed)?;
    let port = tcp.local_addr().map_err(failed)?.port();
    match std::net::UdpSocket::bind(SocketAddr::new(address.ip(), port)) {
        Ok(_) => Ok(port),
        // Listening fails, too, and says so or picks another.
        Err(_) if address.port() == 0 => Ok(port),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;
    use libp2p::core::ConnectedPoint;
    use libp2p::gossipsub::TopicSubscriptionFilter;
    use libp2p::swarm::behaviour::ConnectionEstablished;
    use libp2p::swarm::{ConnectionId, FromSwarm};

    use super::*;

    /// Whether one more connection of a peer is taken.
    fn takes(limits: &mut connection_limits::Behaviour, number: usize, peer_id: PeerId) -> bool {
        let connection_id = ConnectionId::new_unchecked(number);
        let [local_addr, send_back_addr] =
            ["127.0.0.1:1", "127.0.0.1:2"].map(|text| quic(text.parse().expect("an address")));
        let is_taken = limits
            .handle_established_inbound_connection(
                connection_id,
                peer_id,
                &local_addr,
                &send_back_addr,
            )
            .is_ok();
        if is_taken {
            let endpoint = &ConnectedPoint::Listener { local_addr, send_back_addr };
            limits.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                failed_addresses: &[],
                other_established: 0,
            }));
        }
        is_taken
    }

    #[test]
    fn cat_p17_one_member_has_four_control_connections_and_all_have_1024() {
        let mut limits = limits();
        let peers: Vec<_> = (0..=CONNECTIONS).map(|_| PeerId::random()).collect();
        let taken = (0..10).filter(|n| takes(&mut limits, *n, peers[0])).count();
        assert_eq!(taken, CONNECTIONS_PER_PEER as usize);
        let others = (10..).zip(&peers[1..]);
        let others = others.filter(|(n, peer)| takes(&mut limits, *n, **peer)).count();
        assert_eq!(taken + others, CONNECTIONS as usize);
    }

    #[test]
    fn cat_p13_nobody_subscribes_to_another_topic() {
        let own = topic(&MeshId([1; 32])).hash();
        let mut one = OneTopic::default();
        assert!(!one.can_subscribe(&own), "there is no mesh yet");
        one.set(own.clone());
        assert!(one.can_subscribe(&own));
        for other in [topic(&MeshId([2; 32])).hash(), TopicHash::from_raw("")] {
            assert!(!one.can_subscribe(&other));
        }
    }

    #[test]
    fn socket_addresses_survive_the_way_through_libp2p() {
        for text in ["10.0.0.7:7863", "[fd00::7]:7863"] {
            let address: SocketAddr = text.parse().expect("an address");
            for dialled in dialled(&[address]) {
                assert_eq!(socket_address(&dialled), Some(address));
            }
        }
        assert_eq!(socket_address(&Multiaddr::empty()), None);
    }
}

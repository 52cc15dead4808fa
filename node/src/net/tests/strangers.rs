//! Who does not belong gets nothing: as dialler and as listener, on all planes.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use libp2p::Swarm;
use libp2p::futures::StreamExt;
use libp2p::swarm::{SwarmEvent, dial_opts::DialOpts};
use libp2p::{identify, noise, tcp, yamux};
use quinn::{ClientConfig, ConnectionError, Endpoint, ServerConfig};

use super::*;
use crate::net::tls::{Accept, Certificate, SERVER_NAME, peer_of};
use crate::net::{data, join};

fn stranger() -> Identity {
    Identity::from_seed([99; 32])
}

/// What a curious program brings: identify, which lists the protocols of the other side.
fn curious(identity: &Identity) -> Swarm<identify::Behaviour> {
    let keypair = identity.keypair().clone();
    libp2p::SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("an Ed25519 key")
        .with_quic()
        .with_behaviour(|key| {
            identify::Behaviour::new(identify::Config::new("/x/1".to_owned(), key.public()))
        })
        .expect("a behaviour")
        .build()
}

#[tokio::test]
async fn cat_p01_a_stranger_at_the_control_plane_is_closed_without_a_list_of_protocols() {
    let a = Node::founder("first").await;
    let at = a.net.listening().control[0];
    for address in [
        format!("/ip4/{}/tcp/{}", at.ip(), at.port()),
        format!("/ip4/{}/udp/{}/quic-v1", at.ip(), at.port()),
    ] {
        let mut swarm = curious(&stranger());
        let address: libp2p::Multiaddr = address.parse().expect("an address");
        swarm.dial(DialOpts::unknown_peer_id().address(address).build()).expect("dialled");
        let closed = async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionClosed { .. }
                    | SwarmEvent::OutgoingConnectionError { .. } => return,
                    SwarmEvent::Behaviour(identify::Event::Received { info, .. }) => {
                        panic!("told its protocols: {:?}", info.protocols);
                    }
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, closed).await.expect("closed soon");
    }
    assert_eq!(a.net.roster().expect("a mesh").members.len(), 1);
}

#[tokio::test]
async fn cat_p03_a_stranger_that_is_dialled_gets_no_connection_either() {
    let a = Node::founder("first").await;
    let mut swarm = curious(&stranger());
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address")).expect("listens");
    let listening = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let port = listening.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let seat = format!("127.0.0.1:{}", port.expect("a TCP address"));
    a.net.dial(seat.parse().expect("an address")).expect("queued");
    let closed = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionClosed { .. }
                | SwarmEvent::IncomingConnectionError { .. } => return,
                SwarmEvent::Behaviour(identify::Event::Received { info, .. }) => {
                    panic!("told its protocols: {:?}", info.protocols);
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, closed).await.expect("closed soon");
    let refused = a.net.request(stranger().node(), Request::Advert).await;
    assert!(matches!(refused, Err(NetError::NotConnected)), "{refused:?}");
}

/// Dials one of a node's QUIC endpoints with a key and a protocol; how the first stream ends.
async fn knock(
    identity: &Identity,
    at: std::net::SocketAddr,
    protocol: &[u8],
) -> Result<(), ConnectionError> {
    let tls = Certificate::make(identity).client(protocol, Accept::Anybody);
    let endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let dial = endpoint.connect_with(ClientConfig::new(tls), at, SERVER_NAME).expect("an address");
    let tried = async {
        let connection = dial.await?;
        let (mut out, mut input) = connection.open_bi().await?;
        // Whether the handshake's refusal or this write comes first is left to chance.
        let _ = out.write_all(&[0; 64]).await;
        match input.read_to_end(1_024).await {
            Ok(_) => Ok(()),
            Err(_) => Err(connection.closed().await),
        }
    };
    timeout(PATIENCE, tried).await.expect("refused soon")
}

#[tokio::test]
async fn cat_p03_a_stranger_at_the_data_plane_is_refused_in_the_handshake() {
    let a = Node::founder("first").await;
    let at = a.net.listening().data[0];
    let refused = knock(&stranger(), at, data::PROTOCOL).await;
    assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    for protocol in [b"libp2p".as_slice(), b"h3", b"pumasi-data/0"] {
        let refused = knock(&stranger(), at, protocol).await;
        assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn cat_p03_a_stranger_where_a_members_data_plane_should_be_gets_no_work() {
    let (a, b) = pair().await;
    let tls = Certificate::make(&stranger()).server(&[data::PROTOCOL], Accept::Anybody);
    let at = "127.0.0.1:0".parse().expect("an address");
    let impostor = Endpoint::server(ServerConfig::with_crypto(tls), at).expect("a port");
    let seat = impostor.local_addr().expect("bound");
    b.net.shutdown().await;
    a.net.data.drop_connections(b.id());
    a.net.data.set_addresses(b.id(), vec![seat]);
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), "m".parse().expect("good"), work());
    let incoming = timeout(PATIENCE, impostor.accept()).await.expect("in time").expect("dialled");
    assert!(incoming.await.is_err(), "the dialler looks at the key before it says anything");
    let last = timeout(PATIENCE, attempt.events.recv()).await.expect("in time");
    assert_eq!(last, Some(AttemptEvent::Failed(Fault::Connection)));
}

#[tokio::test]
async fn cat_p01_the_join_door_speaks_one_protocol_and_says_nothing_to_noise() {
    let a = Node::founder("first").await;
    let door = a.net.listening().join[0];
    let refused = knock(&stranger(), door, data::PROTOCOL).await;
    assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    let noise = knock(&stranger(), door, join::PROTOCOL).await;
    assert!(matches!(noise, Err(ConnectionError::ApplicationClosed(_))), "{noise:?}");
}

#[tokio::test]
async fn cat_p06_what_a_member_says_for_another_node_is_not_believed() {
    let (mut a, mut b) = pair().await;
    // Its own advert, asked for on connecting, and with somebody else's name on it.
    let asked = b.until(|e| matches!(e, NetEvent::Request { request: Request::Advert, .. })).await;
    let NetEvent::Request { reply, .. } = asked else { unreachable!("waited for it") };
    let forged = NodeAdvert { node: a.id(), ..advert(&b, 9) };
    reply.send(Response::Advert(Box::new(forged))).expect("still asked");
    b.net.publish(delta(a.id(), 1 << 60, 1)).expect("queued");
    // What comes after it on the same connection shows that it was dropped.
    let control = Control::Gone { attempt: attempt_id(1) };
    b.net.send_control(a.id(), control).expect("queued");
    let first = a.until(|e| matches!(e, NetEvent::Gossip { .. } | NetEvent::Control { .. })).await;
    assert!(matches!(first, NetEvent::Control { .. }), "{first:?}");
}

#[tokio::test]
async fn cat_p17_more_connections_than_a_peer_may_have_are_closed() {
    let (a, b) = pair().await;
    let identity = Identity::from_seed(b.store.identity_seed());
    let tls = Certificate::make(&identity).client(data::PROTOCOL, Accept::Node(a.id()));
    let endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let at = a.net.listening().data[0];
    let mut open = Vec::new();
    for _ in 0..12 {
        let config = ClientConfig::new(tls.clone());
        let dial = endpoint.connect_with(config, at, SERVER_NAME).expect("an address");
        let connection = timeout(PATIENCE, dial).await.expect("in time").expect("a member");
        assert_eq!(peer_of(&connection), Some(a.id()));
        open.push(connection);
    }
    let closed = open.iter().map(|connection| Box::pin(connection.closed()));
    let eight = libp2p::futures::stream::FuturesUnordered::from_iter(closed).take(8);
    timeout(PATIENCE, eight.collect::<Vec<_>>()).await.expect("all but four are closed");
}

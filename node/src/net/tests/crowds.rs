//! How much there may be of something at a time, or one after the other: at each limit, and one beyond
//! it, with clients on several addresses of this computer.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pumasi_protocol::frame;
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::stream::OwnerFrame;
use pumasi_tests::peer;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::hostile::Attack;
use super::*;
use crate::net::conduct::{Allowance, Kind};
use crate::net::limits::{
    DATA_FRAMES_KIB, DATA_UNPROVEN, HANDSHAKES_PER_SOURCE, JOIN_CONNECTIONS, JOIN_DEADLINE,
    JOIN_PER_SOURCE, PENDING_CONNECTIONS,
};
use crate::net::tls::{Accept, Certificate, SERVER_NAME};
use crate::net::{Offence, frames, join};

/// Kinds of long packets (RFC 9000, section 17.2).
const INITIAL: u8 = 0;
const RETRY: u8 = 3;

/// One of this computer's addresses.
fn address(n: usize) -> IpAddr {
    IpAddr::from([127, 0, 7, u8::try_from(n).expect("a few")])
}

type Visit = (Connection, Endpoint);

/// A visitor of the join door that says nothing.
async fn visit(from: IpAddr, door: SocketAddr) -> Result<Visit, ConnectionError> {
    let certificate = Certificate::make(&Identity::from_seed([96; 32]));
    let tls = certificate.client(join::PAIRING_PROTOCOL, Accept::Anybody);
    let endpoint = peer::socket(from);
    let dial = endpoint.connect_with(ClientConfig::new(tls), door, SERVER_NAME);
    let dial = dial.expect("an address");
    Ok((timeout(PATIENCE, dial).await.expect("in time")?, endpoint))
}

async fn visits(from: IpAddr, door: SocketAddr, count: usize) -> Vec<Visit> {
    let mut here = Vec::new();
    for n in 0..count {
        here.push(visit(from, door).await.unwrap_or_else(|error| panic!("visitor {n}: {error}")));
    }
    here
}

/// Somebody is let in once the door has noticed that somebody else left.
async fn until_let_in(from: IpAddr, door: SocketAddr) -> Visit {
    let trying = async {
        loop {
            match visit(from, door).await {
                Ok(visit) => return visit,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(PATIENCE, trying).await.expect("its place is free")
}

fn is_turned_away<T>(outcome: &Result<T, ConnectionError>) -> bool {
    matches!(outcome, Err(ConnectionError::ConnectionClosed(_)))
}

#[tokio::test]
async fn cat_p17_one_address_has_eight_visitors_at_the_join_door_and_no_more() {
    let a = Node::founder("first").await;
    let door = a.net.listening().join[0];
    let mut here = visits(address(1), door, JOIN_PER_SOURCE).await;
    assert!(is_turned_away(&visit(address(1), door).await));
    visit(address(2), door).await.expect("another address has places of its own");
    here.pop();
    until_let_in(address(1), door).await;
}

#[tokio::test]
async fn cat_p17_sixteen_visitors_are_at_the_join_door_and_no_more() {
    let a = Node::founder("first").await;
    let door = a.net.listening().join[0];
    let mut here = Vec::new();
    for n in 0..JOIN_CONNECTIONS / JOIN_PER_SOURCE {
        here.extend(visits(address(1 + n), door, JOIN_PER_SOURCE).await);
    }
    assert_eq!(here.len(), JOIN_CONNECTIONS);
    assert!(is_turned_away(&visit(address(9), door).await));
    here.pop();
    until_let_in(address(9), door).await;
}

#[tokio::test]
async fn cat_p17_a_visitor_of_the_join_door_has_ten_seconds() {
    let a = Node::founder("first").await;
    let door = a.net.listening().join[0];
    let (connection, _endpoint) = visit(address(1), door).await.expect("it is let in");
    // Neither side has given up the silent connection by then.
    tokio::time::pause();
    tokio::time::advance(JOIN_DEADLINE - Duration::from_secs(2)).await;
    tokio::time::resume();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(connection.close_reason(), None);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    let closed = timeout(PATIENCE, connection.closed()).await.expect("the door closes it");
    assert!(matches!(closed, ConnectionError::ApplicationClosed(_)), "{closed:?}");
}

/// Clients at one socket that each said their first word to a port and are deaf to every answer.
struct Deaf {
    socket: UdpSocket,
    port: SocketAddr,
    _dials: JoinSet<()>,
}

impl Deaf {
    async fn begin(from: IpAddr, port: SocketAddr, protocol: &'static [u8], count: usize) -> Self {
        let socket = UdpSocket::bind((from, 0)).await.expect("an address of this computer");
        let seat = socket.local_addr().expect("bound");
        let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
        let mut dials = JoinSet::new();
        for _ in 0..count {
            let endpoint = endpoint.clone();
            dials.spawn(async move {
                // Nobody answers here.
                let _ = peer::dial(&endpoint, &peer::key([99; 32]), seat, protocol).await;
            });
        }
        // What is said first to this socket is passed on; what is said again is not.
        let (mut said, mut packet) = (BTreeSet::new(), [0; 2_048]);
        while said.len() < count {
            let heard = timeout(PATIENCE, socket.recv_from(&mut packet)).await;
            let (length, from) = heard.expect("they dial").expect("a socket");
            let id_length = usize::from(packet[5]);
            if from != port && said.insert(packet[6..6 + id_length].to_vec()) {
                socket.send_to(&packet[..length], port).await.expect("it is sent");
            }
        }
        Self { socket, port, _dials: dials }
    }

    /// The kind of the packet that the port answers with.
    async fn answer(&self) -> u8 {
        let mut packet = [0; 2_048];
        let hearing = async {
            loop {
                let (_, from) = self.socket.recv_from(&mut packet).await.expect("a socket");
                if from == self.port {
                    return packet[0] >> 4 & 3;
                }
            }
        };
        timeout(PATIENCE, hearing).await.expect("it answers")
    }
}

#[tokio::test]
async fn cat_p17_an_address_that_did_not_prove_itself_takes_no_place_at_the_join_door() {
    let a = Node::founder("first").await;
    let door = a.net.listening().join[0];
    let _many = Deaf::begin(address(1), door, join::PROTOCOL, 2 * JOIN_CONNECTIONS).await;
    let one = Deaf::begin(address(2), door, join::PROTOCOL, 1).await;
    assert_eq!(one.answer().await, RETRY);
    visit(address(1), door).await.expect("nobody has its place");
}

#[tokio::test]
async fn cat_p17_one_address_has_sixteen_handshakes_on_the_data_plane_and_no_more() {
    let attack = Attack::begin().await;
    let at = attack.victim.net.listening().data[0];
    let dial = async |from: usize| {
        peer::dial(&peer::socket(address(from)), &attack.key, at, peer::DATA).await
    };
    let most = HANDSHAKES_PER_SOURCE as usize;
    let _held = Deaf::begin(address(1), at, peer::DATA, most - 1).await;
    let member = dial(1).await.expect("one is left");
    // What is answered on it comes after its handshake was counted as over.
    let small = frame::encode(&OwnerFrame::Cancel, FRAME_BYTES).expect("it is small");
    let (_out, mut input) = say(&member, &small).await;
    assert_eq!(answer(&mut input).await, AttemptEvent::Failed(Fault::BadRequest));
    let _last = Deaf::begin(address(1), at, peer::DATA, 1).await;
    let refused = dial(1).await.expect_err("none is left");
    assert!(refused.contains("refused"), "{refused}");
    dial(2).await.expect("another address has its own");
}

#[tokio::test]
async fn cat_p17_where_many_handshakes_are_under_way_an_address_proves_itself_first() {
    let attack = Attack::begin().await;
    let at = attack.victim.net.listening().data[0];
    let each = HANDSHAKES_PER_SOURCE as usize;
    let mut held = vec![Deaf::begin(address(1), at, peer::DATA, each).await];
    held.push(Deaf::begin(address(2), at, peer::DATA, DATA_UNPROVEN - each - 1).await);
    let last = Deaf::begin(address(3), at, peer::DATA, 1).await;
    assert_eq!(last.answer().await, INITIAL, "its handshake goes on");
    let next = Deaf::begin(address(4), at, peer::DATA, 1).await;
    assert_eq!(next.answer().await, RETRY);
    let member = peer::dial(&peer::socket(address(4)), &attack.key, at, peer::DATA).await;
    member.expect("who proves its address is let in");
}

/// A connection to the control plane on which nothing is said.
async fn silent(from: IpAddr, at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this computer");
    timeout(PATIENCE, socket.connect(at)).await.expect("in time").expect("it listens")
}

fn is_open(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0]);
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

async fn until_closed(stream: &TcpStream) {
    while is_open(stream) {
        timeout(PATIENCE, stream.readable()).await.expect("it is closed").expect("a socket");
    }
}

#[tokio::test]
async fn cat_p17_one_address_has_sixteen_handshakes_on_the_control_plane_and_no_more() {
    let a = Node::founder("first").await;
    let at = a.net.listening().control[0];
    let mut open = vec![silent(address(2), at).await];
    for _ in 0..HANDSHAKES_PER_SOURCE {
        open.push(silent(address(1), at).await);
    }
    until_closed(&silent(address(1), at).await).await;
    // All others have their time, which began earlier.
    assert!(open.iter().all(is_open));
}

#[tokio::test]
async fn cat_p17_all_addresses_have_256_handshakes_on_the_control_plane_and_no_more() {
    let a = Node::founder("first").await;
    let at = a.net.listening().control[0];
    let mut open = Vec::new();
    for n in 0..PENDING_CONNECTIONS {
        let from = address(1 + (n / HANDSHAKES_PER_SOURCE) as usize);
        open.push(silent(from, at).await);
    }
    until_closed(&silent(address(99), at).await).await;
    assert!(open.iter().all(is_open));
}

#[tokio::test]
async fn cat_p17_who_dials_again_and_again_is_cut_off_on_either_plane() {
    let most = Allowance::default().connections;
    for plane in [peer::CONTROL, peer::DATA] {
        let mut attack = Attack::begin().await;
        let listening = attack.victim.net.listening();
        let at = if plane == peer::CONTROL { listening.control[0] } else { listening.data[0] };
        let (endpoint, key) = (attack.endpoint.clone(), attack.key.clone());
        let mut dialled = 0;
        let dialling = async {
            loop {
                dialled += 1;
                if let Ok(connection) = peer::dial(&endpoint, &key, at, plane).await {
                    connection.close(0u32.into(), b"");
                }
            }
        };
        let cut_off = tokio::select! {
            cut_off = attack.until_cut_off() => cut_off,
            () = dialling => unreachable!("it dials for ever"),
        };
        assert_eq!(cut_off.offence, Offence::Flood(Kind::Connection));
        // The first ones are taken, and as many are let go; some were spent before the attack.
        assert!(dialled + 8 > 2 * most.burst, "{dialled}");
    }
}

/// Says something on a stream of its own.
async fn say(connection: &Connection, bytes: &[u8]) -> (SendStream, RecvStream) {
    let (mut out, input) = connection.open_bi().await.expect("streams are free");
    out.write_all(bytes).await.expect("it is connected");
    (out, input)
}

async fn answer(input: &mut RecvStream) -> AttemptEvent {
    let read = frames::read::<AttemptEvent>(input, FRAME_BYTES);
    timeout(PATIENCE, read).await.expect("in time").expect("an answer")
}

#[tokio::test]
async fn cat_p17_first_frames_of_one_member_wait_until_there_is_room_for_them() {
    let mut attack = Attack::begin().await;
    let at = attack.victim.net.listening().data[0];
    let dialled = peer::dial(&attack.endpoint, &attack.key, at, peer::DATA).await;
    let connection = dialled.expect("a member is let in");
    // Each says that it has as much as may be, and sends little of it.
    let largest = u32::try_from(FRAME_BYTES).expect("it fits").to_le_bytes();
    let begun = [&largest[..], &[0; 8]].concat();
    // Small, whole and nonsense: it is answered as soon as there is room to read it.
    let small = frame::encode(&OwnerFrame::Cancel, FRAME_BYTES).expect("it is small");
    let refused = AttemptEvent::Failed(Fault::BadRequest);

    let mut held = Vec::new();
    for _ in 1..DATA_FRAMES_KIB * 1_024 / FRAME_BYTES {
        held.push(say(&connection, &begun).await);
    }
    let (_out, mut input) = say(&connection, &small).await;
    assert_eq!(answer(&mut input).await, refused, "there is room for one more");
    held.push(say(&connection, &begun).await);
    let (_out, mut input) = say(&connection, &small).await;
    let waited = timeout(Duration::from_millis(300), input.read_chunk(1, true)).await;
    assert!(waited.is_err(), "32 MiB are taken: {waited:?}");

    // Another member has room of its own.
    let third = Node::joined("third", &attack.victim).await;
    let model = "m".parse().expect("a good name");
    let attempt = third.net.open_attempt(attack.victim.id(), attempt_id(1), model, work());
    attack.victim.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    drop(attempt);
    held.pop();
    assert_eq!(answer(&mut input).await, refused, "its turn has come");
}

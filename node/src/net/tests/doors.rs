//! What comes before a member is known: certificates of all kinds, noise instead of packets, more
//! handshakes, connections and streams than there is room for. Members still get in.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libp2p::identity::Keypair;
use pumasi_protocol::join::{Answer, Ask};
use pumasi_tests::peer;
use pumasi_tests::peer::forge::{self, Forgery, Frames, Parameter, Parameters};
use quinn::{ClientConfig, Connection, Endpoint};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpStream, UdpSocket};

use super::hostile::Attack;
use super::*;
use crate::net::limits::{ATTEMPT_STREAMS, JOIN_ANSWER_BYTES, JOIN_ASK_BYTES};
use crate::net::tls::{Accept, Certificate, SERVER_NAME};
use crate::net::{data, frames, join};

/// The object identifier of libp2p's extension.
const LIBP2P: [u64; 9] = [1, 3, 6, 1, 4, 1, 53594, 1, 1];
/// What the key of a node signs first.
const HANDSHAKE: &[u8] = b"libp2p-tls-handshake:";

/// A part of DER below 128 bytes.
fn der(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(bytes.len()).expect("it is short")][..], bytes].concat()
}

/// The extension in which `signer` says that the certificate is of `claimed`.
fn extension(claimed: &Keypair, signer: &Keypair, certificate_key: &[u8]) -> Vec<u8> {
    let public = claimed.public().encode_protobuf();
    let signature = signer.sign(&[HANDSHAKE, certificate_key].concat()).expect("Ed25519 signs");
    der(0x30, &[der(0x04, &public), der(0x04, &signature)].concat())
}

/// A certificate with these extensions, and its key; `is_over`: its time is.
fn parts(
    extensions: impl FnOnce(&[u8]) -> Vec<Vec<u8>>,
    is_over: bool,
) -> (CertificateDer<'static>, Vec<u8>) {
    let key = KeyPair::generate().expect("a key is made");
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names are good names");
    if is_over {
        parameters.not_before = rcgen::date_time_ymd(2001, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2002, 1, 1);
    }
    let public = rcgen::PublicKeyData::subject_public_key_info(&key);
    let custom = extensions(&public).into_iter().map(|content| {
        let mut extension = CustomExtension::from_oid_content(&LIBP2P, content);
        extension.set_criticality(true);
        extension
    });
    parameters.custom_extensions = custom.collect();
    let made = parameters.self_signed(&key).expect("it is signed");
    (made.der().clone(), key.serialize_der())
}

fn certificate(extensions: impl FnOnce(&[u8]) -> Vec<Vec<u8>>, is_over: bool) -> Certificate {
    let (certificate, key) = parts(extensions, is_over);
    Certificate::from_parts(vec![certificate], key)
}

/// Whether a port of a node lets this certificate in: it must answer on a stream.
async fn is_let_in(certificate: &Certificate, at: SocketAddr, protocol: &[u8]) -> bool {
    let tls = certificate.client(protocol, Accept::Anybody);
    let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
    let dial = endpoint.connect_with(ClientConfig::new(tls), at, SERVER_NAME).expect("an address");
    let tried = async {
        let connection = dial.await.ok()?;
        let (mut out, mut input) = connection.open_bi().await.ok()?;
        out.write_all(&[peer::line("/multistream/1.0.0"), vec![0; 8]].concat()).await.ok()?;
        input.read(&mut [0; 64]).await.ok()?
    };
    timeout(PATIENCE, tried).await.expect("decided soon").is_some()
}

/// Whether the join door answers a newcomer with this certificate, if only that it knows no such
/// invitation.
async fn is_heard(certificate: &Certificate, door: SocketAddr) -> bool {
    let tls = certificate.client(join::PROTOCOL, Accept::Anybody);
    let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
    let dial = endpoint.connect_with(ClientConfig::new(tls), door, SERVER_NAME);
    let ask = Ask { secret: [0; 16], name: name("desk"), person: None };
    let tried = async {
        let connection = dial.expect("an address").await.ok()?;
        let (mut out, mut input) = connection.open_bi().await.ok()?;
        frames::write(&mut out, &ask, JOIN_ASK_BYTES).await.ok()?;
        frames::read::<Answer>(&mut input, JOIN_ANSWER_BYTES).await.ok()
    };
    timeout(PATIENCE, tried).await.expect("decided soon").is_some()
}

#[tokio::test]
async fn cat_p14_one_certificate_is_taken_and_no_chain() {
    let attack = Attack::begin().await;
    let member = attack.key.clone();
    let good = || parts(|key| vec![extension(&member, &member, key)], false);
    let ((one, key), (other, _)) = (good(), good());
    let alone = Certificate::from_parts(vec![one.clone()], key.clone());
    let chain = Certificate::from_parts(vec![one, other], key);
    let listening = attack.victim.net.listening();
    for (at, protocol) in [(listening.control[0], peer::CONTROL), (listening.data[0], peer::DATA)] {
        assert!(is_let_in(&alone, at, protocol).await);
        assert!(!is_let_in(&chain, at, protocol).await, "at {at}");
    }
    assert!(is_heard(&alone, listening.join[0]).await);
    assert!(!is_heard(&chain, listening.join[0]).await);
}

#[tokio::test]
async fn cat_p14_expired_foreign_and_garbled_certificates_are_refused() {
    let attack = Attack::begin().await;
    let (member, stranger) = (attack.key.clone(), peer::key([99; 32]));
    let listening = attack.victim.net.listening();
    let mut garbled = extension(&member, &member, b"");
    garbled.truncate(40);
    let bad: Vec<(&str, Certificate)> = vec![
        ("without extension", certificate(|_| Vec::new(), false)),
        ("garbled extension", certificate(|_| vec![garbled.clone()], false)),
        ("empty extension", certificate(|_| vec![Vec::new()], false)),
        (
            "signed by a stranger",
            certificate(|key| vec![extension(&member, &stranger, key)], false),
        ),
        ("signed for another", certificate(|_| vec![extension(&member, &member, b"x")], false)),
        ("two extensions", certificate(|key| vec![extension(&member, &member, key); 2], false)),
        ("expired", certificate(|key| vec![extension(&member, &member, key)], true)),
        ("of a stranger", certificate(|key| vec![extension(&stranger, &stranger, key)], false)),
    ];
    let good = certificate(|key| vec![extension(&member, &member, key)], false);
    let planes = [(listening.control[0], peer::CONTROL), (listening.data[0], data::PROTOCOL)];
    for (at, protocol) in planes {
        assert!(is_let_in(&good, at, protocol).await, "made by hand, and good");
        for (what, certificate) in &bad {
            assert!(!is_let_in(certificate, at, protocol).await, "{what} at {at}");
        }
    }
    // The join door takes strangers, but no broken papers.
    let door = listening.join[0];
    assert!(
        is_heard(&certificate(|key| vec![extension(&stranger, &stranger, key)], false), door).await
    );
    for (what, certificate) in &bad[..7] {
        assert!(!is_heard(certificate, door).await, "{what}");
    }
    let broken = Certificate::from_parts(
        vec![vec![0x30, 0x82, 0xff, 0xff, 1, 2, 3].into()],
        KeyPair::generate().expect("a key is made").serialize_der(),
    );
    for (at, protocol) in planes {
        assert!(!is_let_in(&broken, at, protocol).await, "no certificate at all");
    }
}

/// Sends what a client sends, changed: cut, repeated, with other bytes in it. Nothing comes back.
async fn spoil(client: UdpSocket, node: SocketAddr) {
    let out = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut packet = [0; 2_048];
    let mut turn = 0usize;
    while let Ok((length, _)) = client.recv_from(&mut packet).await {
        for n in 0..64 {
            turn += 1;
            let mut spoilt = packet[..length].to_vec();
            let at = turn.wrapping_mul(2_654_435_761) % length;
            match n % 4 {
                0 => spoilt.truncate(at.max(1)),
                1 => spoilt[at] ^= 1 << (turn % 8),
                2 => spoilt[at..].fill(0xff),
                _ => spoilt.rotate_left(at),
            }
            let _ = out.send_to(&spoilt, node).await;
        }
    }
}

#[tokio::test]
async fn cat_p15_noise_and_spoilt_packets_change_nothing() {
    let mut a = Node::founder("first").await;
    let listening = a.net.listening();
    let ports = [listening.control[0], listening.data[0], listening.join[0]];
    let noise = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    for n in 0..10_000u32 {
        let bytes = blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof();
        let mut packet = vec![0; 1 + (n as usize * 7) % 1_400];
        let mut bytes = bytes;
        bytes.fill(&mut packet);
        for port in ports {
            let _ = noise.send_to(&packet, port).await;
        }
    }
    for (at, protocol) in ports.into_iter().zip([peer::CONTROL, peer::DATA, peer::JOIN[0]]) {
        let between = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let seat = between.local_addr().expect("bound");
        let spoiling = tokio::spawn(spoil(between, at));
        let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
        let dials = (0..8).map(|_| {
            let key = peer::key([99; 32]);
            let endpoint = endpoint.clone();
            async move {
                timeout(Duration::from_secs(2), peer::dial(&endpoint, &key, seat, protocol)).await
            }
        });
        for dialled in libp2p::futures::future::join_all(dials).await {
            assert!(!matches!(dialled, Ok(Ok(_))), "no answer finds its way back");
        }
        spoiling.abort();
    }
    let mut b = Node::joined("second", &a).await;
    let (first, second) = (a.id(), b.id());
    tokio::join!(a.until_up(second), b.until_up(first));
}

/// Changes one parameter of QUIC's handshake, adds it, or takes it away.
fn with(number: u64, value: Option<Vec<u8>>) -> Parameters {
    Arc::new(move |mut all: Vec<Parameter>| {
        all.retain(|(known, _)| *known != number);
        all.extend(value.clone().map(|value| (number, value)));
        Some(all)
    })
}

/// Parameters that no client may send (RFC 9000, sections 7.4 and 18.2), by what is wrong.
fn bad_parameters() -> Vec<(&'static str, Parameters)> {
    let of = |number, value| with(number, Some(peer::varint_of_quic(value)));
    let twice = |mut all: Vec<Parameter>| {
        // One that is known, whose order in the handshake is drawn.
        let known = all.iter().find(|(number, _)| *number == 4).cloned();
        all.extend(known);
        Some(all)
    };
    let cut_short = |mut all: Vec<Parameter>| {
        // The number of a known one, and an eight-byte number of which one byte is there.
        all.retain(|(number, _)| *number != 4);
        all.push((4, vec![0xc0]));
        Some(all)
    };
    vec![
        ("none at all", Arc::new(|_| None)),
        ("one twice", Arc::new(twice)),
        ("one cut short", Arc::new(cut_short)),
        ("packets of 1,199 bytes", of(0x03, 1_199)),
        ("an exponent of 21", of(0x0a, 21)),
        ("an answer after 16,384 ms", of(0x0b, 1 << 14)),
        ("one connection id", of(0x0e, 1)),
        ("more streams than there are numbers", of(0x08, (1 << 60) + 1)),
        ("an original destination", with(0x00, Some(vec![1; 8]))),
        ("a reset token", with(0x02, Some(vec![1; 16]))),
        ("a preferred address", with(0x0d, Some(vec![1; 41]))),
        ("the source of a retry", with(0x10, Some(vec![1; 8]))),
        ("another source", with(0x0f, Some(vec![1; 8]))),
        ("no source", with(0x0f, None)),
    ]
}

#[tokio::test]
async fn cat_p15_bad_transport_parameters_are_refused_for_what_they_are() {
    let attack = Attack::begin().await;
    let listening = attack.victim.net.listening();
    let planes = [
        (listening.control[0], peer::CONTROL),
        (listening.data[0], peer::DATA),
        (listening.join[0], peer::JOIN[0]),
    ];
    for (at, protocol) in planes {
        let dial = async |parameters: Option<Parameters>| {
            let forgery = Forgery { parameters, ..Forgery::default() };
            let config = forge::client(&attack.key, protocol, forgery);
            let dial = attack.endpoint.connect_with(config, at, "l").expect("an address");
            timeout(PATIENCE, dial).await.expect("in time")
        };
        let same: Parameters = Arc::new(Some);
        dial(Some(same)).await.expect("a member, whose parameters were only written again");
        for (what, parameters) in bad_parameters() {
            let refused = dial(Some(parameters)).await.expect_err(what).to_string();
            let why = ["transport parameters", "MissingQuicTransportParameters"];
            assert!(why.iter().any(|why| refused.contains(why)), "{what} at {at}: {refused}");
        }
        dial(None).await.expect("as before");
    }
}

/// Fills packets with pieces of one byte each, and leaves out every second byte of what is sent.
struct Gaps {
    sent: AtomicU64,
    armed: AtomicBool,
}

/// Pieces that one stream may have: its window holds this many bytes.
const PIECES: u64 = 600_000;

impl Gaps {
    fn pieces(&self, room: usize) -> Option<Vec<u8>> {
        if !self.armed.load(Ordering::SeqCst) {
            return None;
        }
        let mut frames = Vec::new();
        loop {
            let piece = self.sent.load(Ordering::SeqCst);
            let (stream, offset) = (piece / PIECES * 4, piece % PIECES * 2);
            // STREAM with offset and length.
            let number = peer::varint_of_quic;
            let frame = [vec![0x0e], number(stream), number(offset), vec![1, 0x55]].concat();
            if frames.len() + frame.len() > room {
                return Some(frames);
            }
            frames.extend(frame);
            self.sent.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Memory of this process, in KiB.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cat_p15_a_million_pieces_of_streams_with_gaps_cost_little_and_keep_nobody_out() {
    let mut attack = Attack::begin().await;
    let at = attack.victim.net.listening().data[0];
    let gaps = Arc::new(Gaps { sent: AtomicU64::new(0), armed: AtomicBool::new(false) });
    let later: Frames = Arc::new({
        let gaps = gaps.clone();
        move |room| gaps.pieces(room)
    });
    let forgery = Forgery { later: Some(later), ..Forgery::default() };
    let config = forge::client(&attack.key, peer::DATA, forgery);
    let dial = attack.endpoint.connect_with(config, at, "l").expect("an address");
    let connection = timeout(PATIENCE, dial).await.expect("in time").expect("a member");
    let before = memory_kib();
    gaps.armed.store(true, Ordering::SeqCst);
    // What is written here only makes packets.
    let writing = async {
        while gaps.sent.load(Ordering::SeqCst) < 1_000_000 {
            let Ok((mut out, _input)) = connection.open_bi().await else { break };
            let _ = timeout(Duration::from_secs(1), out.write_all(&vec![0; 1_200_000])).await;
        }
    };
    timeout(PATIENCE, writing).await.expect("it is sent, or the connection closed");
    let sent = gaps.sent.load(Ordering::SeqCst);
    let closed = connection.close_reason();
    assert!(sent >= 1_000_000 || closed.is_some(), "{sent} pieces");
    let more = memory_kib().saturating_sub(before);
    assert!(more < 64 * 1_024, "{more} KiB for {sent} pieces");
    let mut third = Node::joined("third", &attack.victim).await;
    let (first, third_id) = (attack.victim.id(), third.id());
    tokio::join!(attack.victim.until_up(third_id), third.until_up(first));
}

#[tokio::test]
async fn cat_p15_first_flights_in_pieces_with_gaps_are_never_put_together() {
    let mut attack = Attack::begin().await;
    let listening = attack.victim.net.listening();
    let first: Frames = Arc::new(|room| {
        let number = peer::varint_of_quic;
        // CRYPTO frames of one byte, from the second byte on.
        let pieces = (0..).map(|n| [vec![0x06], number(n * 2 + 1), vec![1, 0x55]].concat());
        let mut frames = Vec::new();
        for piece in pieces {
            if frames.len() + piece.len() > room {
                break;
            }
            frames.extend(piece);
        }
        Some(frames)
    });
    let forgery = Forgery { first: Some(first), ..Forgery::default() };
    for (at, protocol) in [(listening.control[0], peer::CONTROL), (listening.data[0], peer::DATA)] {
        for _ in 0..200 {
            let config = forge::client(&peer::key([99; 32]), protocol, forgery.clone());
            let dial = attack.endpoint.connect_with(config, at, "l").expect("an address");
            let dialled = timeout(Duration::from_millis(20), dial).await;
            assert!(!matches!(dialled, Ok(Ok(_))), "nothing was said");
        }
    }
    let mut third = Node::joined("third", &attack.victim).await;
    let (first, third_id) = (attack.victim.id(), third.id());
    tokio::join!(attack.victim.until_up(third_id), third.until_up(first));
}

/// Begins connections to a port and says nothing more, from another address of this computer.
async fn half_open(at: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.2:0".parse().expect("an address")).expect("this computer's address");
        if let Ok(Ok(stream)) = timeout(Duration::from_secs(1), socket.connect(at)).await {
            open.push(stream);
        }
        // What the node closed needs no file here.
        if open.len() >= 512 {
            open.retain(|stream| stream.try_read(&mut [0]).is_err());
        }
    }
    open
}

#[tokio::test]
async fn cat_p17_half_open_connections_do_not_keep_members_out() {
    let mut a = Node::founder("first").await;
    let listening = a.net.listening();
    let tcp = half_open(listening.control[0], 10_000).await;
    // On QUIC: what a client says first, and never its answer to anything.
    let silent = Endpoint::client("127.0.0.2:0".parse().expect("an address")).expect("a port");
    let sink = UdpSocket::bind("127.0.0.2:0").await.expect("a port");
    let seat = sink.local_addr().expect("bound");
    for at in [listening.control[0], listening.data[0]] {
        let key = peer::key([99; 32]);
        let mut packet = [0; 2_048];
        for _ in 0..2_500 {
            // The first packet goes to us, and we pass it on: no answer will come back here.
            let dial = tokio::spawn({
                let (silent, key) = (silent.clone(), key.clone());
                async move { peer::dial(&silent, &key, seat, peer::CONTROL).await.map(drop) }
            });
            let (length, _) = sink.recv_from(&mut packet).await.expect("it dials");
            let _ = sink.send_to(&packet[..length], at).await;
            dial.abort();
        }
    }
    let mut b = Node::joined("second", &a).await;
    let (first, second) = (a.id(), b.id());
    tokio::join!(a.until_up(second), b.until_up(first));
    let mut attempt = b.net.open_attempt(first, attempt_id(1), "m".parse().expect("good"), work());
    a.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    attempt.events.close();
    drop(tcp);
}

/// How many of these are still open, once nothing closes any more.
async fn open_in_the_end(connections: &[Connection]) -> usize {
    let mut last = connections.len() + 1;
    loop {
        let open = connections.iter().filter(|c| c.close_reason().is_none()).count();
        if open == last {
            return open;
        }
        last = open;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn cat_p17_a_thousand_connections_of_one_member_do_not_keep_others_out() {
    for (plane, protocol) in [("control", peer::CONTROL), ("data", peer::DATA)] {
        let mut attack = Attack::begin().await;
        let listening = attack.victim.net.listening();
        let at = if plane == "control" { listening.control[0] } else { listening.data[0] };
        let mut open = Vec::new();
        for _ in 0..1_200 {
            if let Ok(connection) = peer::dial(&attack.endpoint, &attack.key, at, protocol).await {
                open.push(connection);
            }
        }
        assert!(open_in_the_end(&open).await <= 4, "{plane}");
        let mut third = Node::joined("third", &attack.victim).await;
        let (first, third_id) = (attack.victim.id(), third.id());
        tokio::join!(attack.victim.until_up(third_id), third.until_up(first));
    }
}

#[tokio::test]
async fn cat_p17_a_thousand_streams_that_say_nothing_do_not_keep_others_out() {
    let mut attack = Attack::begin().await;
    let control = attack.connect().await;
    let at = attack.victim.net.listening().data[0];
    let data = peer::dial(&attack.endpoint, &attack.key, at, peer::DATA).await.expect("a member");
    let mut streams = Vec::new();
    for (connection, most) in [(&control, 144), (&data, ATTEMPT_STREAMS as usize)] {
        let before = streams.len();
        for _ in 0..1_000 {
            let opening = timeout(Duration::from_millis(100), connection.open_bi());
            let Ok(Ok((mut out, input))) = opening.await else { break };
            let _ = out.write_all(&[0x13]).await;
            streams.push((out, input));
        }
        assert!(streams.len() - before <= most, "{} streams", streams.len() - before);
    }
    let mut third = Node::joined("third", &attack.victim).await;
    let (first, third_id) = (attack.victim.id(), third.id());
    tokio::join!(attack.victim.until_up(third_id), third.until_up(first));
    let mut attempt =
        third.net.open_attempt(first, attempt_id(1), "m".parse().expect("good"), work());
    attack.victim.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    attempt.events.close();
}

//! A member that sends what it should not: too much of everything, and what no honest node sends. It
//! has a member's key and writes by hand; the node must cut it off, and serve the others.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use libp2p::identity::Keypair;
use pumasi_protocol::envelope::Envelope;
use pumasi_protocol::state::Seen;
use pumasi_protocol::{StateMessage, frame, limits};
use pumasi_tests::peer::{self, gossip};
use quinn::{Connection, Endpoint, RecvStream, SendStream};

use super::*;
use crate::net::Offence;
use crate::net::conduct::{CutOff, Kind};
use crate::net::control::gossip_topic;

/// A node, and a member beside it whose key somebody hostile has.
pub(super) struct Attack {
    pub(super) victim: Node,
    pub(super) seed: [u8; 32],
    pub(super) key: Keypair,
    pub(super) endpoint: Endpoint,
    pub(super) topic: String,
}

impl Attack {
    pub(super) async fn begin() -> Self {
        let (mut victim, member) = pair().await;
        let (seed, id) = (member.store.identity_seed(), member.id());
        member.net.shutdown().await;
        victim.until_down(id).await;
        let roster = victim.net.roster().expect("a mesh");
        Self {
            victim,
            seed,
            key: peer::key(seed),
            endpoint: peer::socket("127.0.0.1".parse().expect("an address")),
            topic: gossip_topic(&roster.mesh),
        }
    }

    pub(super) fn id(&self) -> NodeId {
        NodeId(self.signing().verifying_key().to_bytes())
    }

    pub(super) fn signing(&self) -> SigningKey {
        SigningKey::from_bytes(&self.seed)
    }

    fn control(&self) -> SocketAddr {
        self.victim.net.listening().control[0]
    }

    pub(super) fn data(&self) -> SocketAddr {
        self.victim.net.listening().data[0]
    }

    /// A control connection on which the victim may say what it likes.
    pub(super) async fn connect(&self) -> Connection {
        let dialled = peer::dial(&self.endpoint, &self.key, self.control(), peer::CONTROL).await;
        let connection = dialled.expect("a member is let in");
        peer::ignore(&connection);
        connection
    }

    pub(super) async fn gossip(&self) -> (Connection, SendStream, RecvStream) {
        let connection = self.connect().await;
        let opened = peer::open(&connection, "/meshsub/1.2.0").await;
        let (out, input) = opened.expect("a member may gossip");
        (connection, out, input)
    }

    /// Waits for the verdict, while nobody reads what else happens.
    pub(super) async fn until_cut_off(&mut self) -> CutOff {
        let event = self.victim.until(|event| matches!(event, NetEvent::Misbehaved(_))).await;
        let NetEvent::Misbehaved(cut_off) = event else { unreachable!("waited for it") };
        assert_eq!(cut_off.node, self.id());
        cut_off
    }

    /// Who is cut off gets nowhere, on neither plane, and others do.
    async fn stays_out(&mut self) {
        for (at, plane) in [(self.control(), peer::CONTROL), (self.data(), peer::DATA)] {
            let Ok(again) = peer::dial(&self.endpoint, &self.key, at, plane).await else {
                continue;
            };
            timeout(PATIENCE, again.closed()).await.expect("it is closed at once");
        }
        let id = self.id();
        let refused = self.victim.net.request(id, Request::Advert).await;
        assert!(matches!(refused, Err(NetError::NotConnected)), "{refused:?}");
        let mut third = Node::joined("third", &self.victim).await;
        let first = self.victim.id();
        let third_id = third.id();
        tokio::join!(self.victim.until_up(third_id), third.until_up(first));
        // A change of the roster does not bring it back.
        for (at, plane) in [(self.control(), peer::CONTROL), (self.data(), peer::DATA)] {
            if let Ok(again) = peer::dial(&self.endpoint, &self.key, at, plane).await {
                timeout(PATIENCE, again.closed()).await.expect("it is closed at once");
            }
        }
        // Its return is not told before its time.
        while let Ok(event) = self.victim.events.try_recv() {
            assert!(!matches!(event, NetEvent::Misbehaved(_) | NetEvent::Behaves { .. }));
        }
    }
}

/// Writes pieces until the other side has enough.
async fn pour(mut out: SendStream, mut piece: impl FnMut(u64) -> Vec<u8>) {
    for n in 0..1_000_000 {
        if out.write_all(&piece(n)).await.is_err() {
            return;
        }
    }
}

/// Pours gossip of a kind; the verdict.
async fn flood_gossip(
    piece: impl FnMut(&Keypair, &str, u64) -> Vec<u8> + Send + 'static,
) -> (Attack, CutOff) {
    let mut attack = Attack::begin().await;
    let (connection, out, _input) = attack.gossip().await;
    let (key, topic) = (attack.key.clone(), attack.topic.clone());
    let mut piece = piece;
    let pouring = tokio::spawn(pour(out, move |n| piece(&key, &topic, n)));
    let cut_off = attack.until_cut_off().await;
    timeout(PATIENCE, connection.closed()).await.expect("its connection is closed");
    timeout(PATIENCE, pouring).await.expect("it ends").expect("it does not panic");
    (attack, cut_off)
}

#[tokio::test]
async fn cat_p09_a_flood_of_good_gossip_is_cut_off_and_stays_out() {
    let mut attack = Attack::begin().await;
    let (connection, out, _input) = attack.gossip().await;
    let (signing, key, topic) = (attack.signing(), attack.key.clone(), attack.topic.clone());
    let (mesh, id) = (attack.victim.net.roster().expect("a mesh").mesh, attack.id());
    let pouring = tokio::spawn(pour(out, move |n| {
        let sealed = Envelope::seal(&signing, &mesh, &delta(id, u64::MAX - 1, n));
        gossip::message(&key, n, &topic, &sealed.expect("it is small"))
    }));
    let cut_off = attack.until_cut_off().await;
    assert_eq!(cut_off.offence, Offence::Flood(Kind::Authored));
    timeout(PATIENCE, connection.closed()).await.expect("its connection is closed");
    timeout(PATIENCE, pouring).await.expect("it ends").expect("it does not panic");
    attack.stays_out().await;
}

#[tokio::test]
async fn cat_p09_other_topics_and_large_messages_are_cut_off() {
    let (_, cut_off) = flood_gossip(|key, _, n| {
        let topic = format!("topic {n}");
        gossip::message(key, n, &topic, &[7; 60 * 1_024])
    })
    .await;
    assert_eq!(cut_off.offence, Offence::Nonsense, "nobody asked for these topics");
}

/// The same message again and again: what it says is judged once.
async fn flood_with_one(data: Vec<u8>) -> CutOff {
    let mut message = None;
    let again = move |key: &Keypair, topic: &str, _| {
        message.get_or_insert_with(|| gossip::message(key, 0, topic, &data)).clone()
    };
    flood_gossip(again).await.1
}

#[tokio::test]
async fn cat_p09_one_message_again_and_again_is_a_flood_of_messages_or_of_bytes() {
    let small = flood_with_one(b"small".to_vec()).await;
    assert_eq!(small.offence, Offence::Flood(Kind::Gossip));
    let large = flood_with_one(vec![7; 60 * 1_024]).await;
    assert_eq!(large.offence, Offence::Flood(Kind::GossipBytes));
}

#[tokio::test]
async fn cat_p09_a_flood_of_kinds_that_nobody_knows_yet_is_counted_for_its_author() {
    let mut attack = Attack::begin().await;
    let (_connection, out, _input) = attack.gossip().await;
    let (signing, key, topic) = (attack.signing(), attack.key.clone(), attack.topic.clone());
    let mesh = attack.victim.net.roster().expect("a mesh").mesh;
    let pouring = tokio::spawn(pour(out, move |n| {
        gossip::message(&key, n, &topic, &future_envelope(&signing, &mesh, 1))
    }));
    let cut_off = attack.until_cut_off().await;
    assert_eq!(cut_off.offence, Offence::Flood(Kind::Authored));
    timeout(PATIENCE, pouring).await.expect("it ends").expect("it does not panic");
}

#[tokio::test]
async fn cat_p08_states_that_cannot_be_are_blamed_on_who_sends_them() {
    let seen = Seen::of(&NodeId([1; 32]), 1, 1);
    let ping = StateMessage::Ping { nonce: 1, seen: vec![seen; limits::STATE_SEEN + 1] };
    let impossible = ping.encode().expect("within a message");
    let cut = StateMessage::Beat { sequence: 1 << 40 }.encode().expect("it is small");
    for message in [impossible, cut[..cut.len() - 1].to_vec()] {
        let length = u16::try_from(message.len()).expect("it is small").to_le_bytes();
        let mut attack = Attack::begin().await;
        let connection = attack.connect().await;
        let (out, _input) = peer::open(&connection, "/pumasi/state/1").await.expect("it may");
        let pouring = tokio::spawn(pour(out, move |_| [&length[..], &message].concat()));
        assert_eq!(attack.until_cut_off().await.offence, Offence::Nonsense);
        timeout(PATIENCE, pouring).await.expect("it ends").expect("it does not panic");
    }
}

#[tokio::test]
async fn cat_p05_lengths_that_no_state_has_are_blamed_on_who_sends_them() {
    let mut attack = Attack::begin().await;
    let connection = attack.connect().await;
    let opening = async {
        // Each ends its stream; a new one takes its place.
        while let Ok((mut out, _input)) = peer::open(&connection, "/pumasi/state/1").await {
            let _ = out.write_all(&[0, 0, 7]).await;
        }
        std::future::pending::<()>().await;
    };
    let cut_off = tokio::select! {
        cut_off = attack.until_cut_off() => cut_off,
        () = opening => unreachable!("it waits for the verdict"),
    };
    assert_eq!(cut_off.offence, Offence::Nonsense);
}

#[tokio::test]
async fn cat_p06_messages_of_nobody_and_for_others_are_blamed_on_who_brings_them() {
    let (_, cut_off) = flood_gossip(|key, topic, n| gossip::unsigned(key, n, topic, b"x")).await;
    assert_eq!(cut_off.offence, Offence::Nonsense);
    let (_, cut_off) = flood_gossip(|key, topic, n| {
        // Rightly signed on the way, and within it for nobody of the mesh.
        gossip::message(key, n, topic, b"no envelope")
    })
    .await;
    assert_eq!(cut_off.offence, Offence::Nonsense);
}

#[tokio::test]
async fn cat_p13_control_messages_of_gossip_for_a_million_topics_are_cut_off() {
    type Piece = fn(&Keypair, &str, u64) -> Vec<u8>;
    // A hundred parts in each packet.
    let many: [Piece; 3] = [
        |_, _, n| gossip::subscribe(names(n).iter().map(String::as_str)),
        |_, _, n| gossip::graft(names(n).iter().map(String::as_str)),
        |_, _, n| gossip::prune(names(n).iter().map(String::as_str), n),
    ];
    for piece in many {
        let (_, cut_off) = flood_gossip(piece).await;
        assert_eq!(cut_off.offence, Offence::Flood(Kind::GossipControl));
    }
    // One part that names a hundred messages: a packet costs as much as a part.
    let one: [Piece; 2] =
        [|_, topic, n| gossip::have(topic, &ids(n)), |_, _, n| gossip::want(&ids(n))];
    for piece in one {
        let (_, cut_off) = flood_gossip(piece).await;
        assert!(
            matches!(cut_off.offence, Offence::Flood(Kind::GossipControl | Kind::Gossip)),
            "{cut_off:?}"
        );
    }
}

fn names(n: u64) -> Vec<String> {
    (0..100).map(|k| format!("topic {n} {k}")).collect()
}

fn ids(n: u64) -> Vec<Vec<u8>> {
    (0..100u64).map(|k| [n.to_le_bytes(), k.to_le_bytes()].concat()).collect()
}

#[tokio::test]
async fn cat_p11_absurd_back_offs_of_a_prune_change_nothing() {
    let attack = Attack::begin().await;
    let (_connection, mut out, _input) = attack.gossip().await;
    // What a 64-bit clock in seconds, or in nanoseconds, holds at most.
    let most = [u64::MAX, u64::MAX - 1, i64::MAX as u64, i64::MAX as u64 / 1_000_000_000, 0];
    for back_off in most.into_iter().flat_map(|s| [s, s.saturating_sub(60), s.saturating_sub(90)]) {
        let topic = attack.topic.as_str();
        let packet = gossip::subscribe([topic].into_iter());
        let prune = gossip::prune([topic].into_iter(), back_off);
        out.write_all(&[packet, prune].concat()).await.expect("it is connected");
    }
    let Attack { mut victim, .. } = attack;
    let third = Node::joined("third", &victim).await;
    let mut sequence = 0;
    loop {
        sequence += 1;
        third.net.publish(delta(third.id(), third.store.incarnation(), sequence)).expect("queued");
        let heard = victim.until(|event| matches!(event, NetEvent::Gossip { .. }));
        if timeout(Duration::from_millis(200), heard).await.is_ok() {
            break;
        }
        assert!(sequence < 300, "gossip goes on");
    }
}

#[tokio::test]
async fn cat_p09_floods_of_states_requests_and_entries_are_cut_off() {
    let beat = StateMessage::Beat { sequence: 1 }.encode().expect("it is small");
    let length = u16::try_from(beat.len()).expect("it is small").to_le_bytes();
    let mut attack = Attack::begin().await;
    let connection = attack.connect().await;
    let (out, _input) = peer::open(&connection, "/pumasi/state/1").await.expect("it may");
    let pouring = tokio::spawn(pour(out, move |_| [&length[..], &beat].concat()));
    assert_eq!(attack.until_cut_off().await.offence, Offence::Flood(Kind::State));
    timeout(PATIENCE, pouring).await.expect("it ends").expect("it does not panic");
    attack.stays_out().await;

    let founding = attack.victim.store.roster().expect("it is read").expect("a mesh").1;
    let many = founding.into_iter().cycle().take(500).collect::<Vec<_>>();
    for (request, kind) in [
        (Request::Scheduler(Control::Idle), Kind::Request),
        (Request::Roster { known: vec![[0; 32], [255; 32]] }, Kind::RosterSync),
        (Request::RosterEntries(many), Kind::RosterEntry),
    ] {
        let mut attack = Attack::begin().await;
        let connection = attack.connect().await;
        let framed = frame::encode(&request, limits::CONTROL_BYTES).expect("it is small enough");
        let asking = (0..32).map(|_| ask_without_end(&connection, &framed));
        let asking = libp2p::futures::future::join_all(asking);
        let (cut_off, _) = tokio::join!(attack.until_cut_off(), asking);
        assert_eq!(cut_off.offence, Offence::Flood(kind));
    }
}

async fn ask_without_end(connection: &Connection, framed: &[u8]) {
    while let Ok((mut out, mut input)) = peer::open(connection, "/pumasi/control/1").await {
        let _ = out.write_all(framed).await;
        let _ = out.finish();
        let _ = input.read_to_end(limits::CONTROL_BYTES + 4).await;
    }
}

#[tokio::test]
async fn cat_p09_a_flood_of_streams_on_the_data_plane_is_cut_off() {
    let mut attack = Attack::begin().await;
    let dialled = peer::dial(&attack.endpoint, &attack.key, attack.data(), peer::DATA).await;
    let connection = dialled.expect("a member is let in");
    let opening = async {
        while let Ok((mut out, mut input)) = connection.open_bi().await {
            let _ = out.write_all(&[0; 8]).await;
            let _ = out.finish();
            tokio::spawn(async move { input.read_to_end(64).await.map(drop) });
        }
    };
    let (cut_off, ()) = tokio::join!(attack.until_cut_off(), opening);
    assert_eq!(cut_off.offence, Offence::Flood(Kind::Stream));
    attack.stays_out().await;
}

#[tokio::test]
async fn cat_p08_impossible_adverts_leave_the_last_good_one_in_doubt() {
    let mut attack = Attack::begin().await;
    let (connection, mut out, _input) = attack.gossip().await;
    let (id, mesh) = (attack.id(), attack.victim.net.roster().expect("a mesh").mesh);
    let good = NodeAdvert { node: id, incarnation: u64::MAX - 1, ..advert(&attack.victim, 1) };
    let bad = |sequence| NodeAdvert { sequence, memory_free: 3, memory_total: 2, ..good.clone() };
    let huge = |sequence| NodeAdvert { sequence, memory_total: u64::MAX, ..good.clone() };
    let late = NodeAdvert { sequence: 9, ..good.clone() };
    for (n, advert) in [good.clone(), bad(2), huge(3), late.clone()].into_iter().enumerate() {
        let gossip = Gossip::Advert(Box::new(advert));
        let sealed = Envelope::seal(&attack.signing(), &mesh, &gossip).expect("it is small");
        let packet = gossip::message(&attack.key, n as u64, &attack.topic, &sealed);
        out.write_all(&packet).await.expect("it is connected");
    }
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let event = attack
            .victim
            .until(|event| matches!(event, NetEvent::Gossip { .. } | NetEvent::Implausible { .. }));
        let event = event.await;
        let NetEvent::Gossip { gossip: Gossip::Advert(advert), .. } = event else {
            heard.push(None);
            continue;
        };
        heard.push(Some(advert.sequence));
    }
    assert_eq!(heard, [Some(1), None, None, Some(9)]);
    assert!(connection.close_reason().is_none(), "two are no flood");
}

/// The same layout as an envelope of any version, with a kind that nobody knows yet.
fn future_envelope(signing: &SigningKey, mesh: &pumasi_protocol::MeshId, n: u8) -> Vec<u8> {
    use ed25519_dalek::Signer;
    let (author, kind, version, body) =
        (NodeId(signing.verifying_key().to_bytes()), 77u16, 1u16, vec![n; 9]);
    let signed = [
        b"pumasi gossip envelope 1\0".as_slice(),
        &mesh.0,
        &kind.to_le_bytes(),
        &version.to_le_bytes(),
        &body,
    ];
    let signature = signing.sign(&signed.concat()).to_bytes().to_vec();
    frame::encode_body(&(author, kind, version, body, signature), 1_024).expect("it is small")
}

#[tokio::test]
async fn cat_p26_what_a_later_version_says_is_left_and_costs_it_nothing() {
    let mut attack = Attack::begin().await;
    let (connection, mut gossiping, _input) = attack.gossip().await;
    let mesh = attack.victim.net.roster().expect("a mesh").mesh;
    let good = frame::encode(&Request::Scheduler(Control::Idle), 64).expect("it is small");
    let extra = [&[good[0] + 3], &good[1..], &[1, 2, 3]].concat();
    for n in 0..50 {
        // A request of an unknown kind, and a known one with more in it.
        for unknown in [&[3, 0, 0, 0, 200, 1, 2][..], &extra] {
            let opened = peer::open(&connection, "/pumasi/control/1").await;
            let (mut out, mut input) = opened.expect("it is connected");
            out.write_all(unknown).await.expect("it is connected");
            let _ = out.finish();
            let answer = input.read_to_end(64).await;
            assert!(answer.is_err() || answer.is_ok_and(|answer| answer.is_empty()));
        }
        // A state of another version, and gossip of another kind.
        let (mut out, _input) = peer::open(&connection, "/pumasi/state/1").await.expect("it may");
        out.write_all(&[4, 0, 99, 1, 2, 3]).await.expect("it is connected");
        let future = future_envelope(&attack.signing(), &mesh, n);
        let packet = gossip::message(&attack.key, u64::from(n), &attack.topic, &future);
        gossiping.write_all(&packet).await.expect("it is connected");
    }
    let (mut out, mut input) = peer::open(&connection, "/pumasi/control/1").await.expect("it may");
    out.write_all(&good).await.expect("it is connected");
    let _ = out.finish();
    let (event, answer) = tokio::join!(
        attack.victim.until(|e| matches!(e, NetEvent::Control { .. } | NetEvent::Misbehaved(_))),
        input.read_to_end(64)
    );
    assert!(matches!(event, NetEvent::Control { .. }), "{event:?}");
    assert_eq!(answer.expect("answered"), frame::encode(&Response::Done, 64).expect("small"));
}

/// A gossipsub as the node's, whose heart beats a hundred times as fast.
fn fast_gossip(topic: &str) -> libp2p::Swarm<libp2p::gossipsub::Behaviour> {
    use libp2p::gossipsub::{Behaviour, ConfigBuilder, IdentTopic, MessageAuthenticity};
    let key = peer::key([5; 32]);
    let config = ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(10))
        .prune_backoff(Duration::from_millis(600))
        .build()
        .expect("the settings agree");
    let mut gossip: Behaviour =
        Behaviour::new(MessageAuthenticity::Signed(key.clone()), config).expect("they agree");
    gossip.subscribe(&IdentTopic::new(topic)).expect("it may");
    libp2p::SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_quic()
        .with_behaviour(|_| gossip)
        .expect("a behaviour")
        .build()
}

#[tokio::test]
async fn cat_p12_heartbeats_long_after_absurd_back_offs_go_on() {
    use libp2p::futures::StreamExt;
    use libp2p::swarm::SwarmEvent;
    let mut swarm = fast_gossip("t");
    swarm.listen_on("/ip4/127.0.0.1/udp/0/quic-v1".parse().expect("an address")).expect("listens");
    let port = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            let port = address.iter().find_map(|part| match part {
                libp2p::multiaddr::Protocol::Udp(port) => Some(port),
                _ => None,
            });
            break port.expect("a port of UDP");
        }
    };
    let attacking = tokio::spawn(async move {
        let endpoint = peer::socket("127.0.0.1".parse().expect("an address"));
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let connection = peer::dial(&endpoint, &peer::key([6; 32]), at, peer::CONTROL).await;
        let connection = connection.expect("anybody may dial it");
        peer::ignore(&connection);
        let (mut out, _input) = peer::open(&connection, "/meshsub/1.2.0").await.expect("it may");
        // An instant is seconds in 63 bits, counted from the start of the machine.
        let up_s = 100_000_000;
        let most = i64::MAX as u64;
        for back_off in [u64::MAX, most, most - 1, most - 90, most - up_s, most - up_s - 90] {
            out.write_all(&gossip::subscribe(["t"].into_iter())).await.expect("it is connected");
            let prune = gossip::prune(["t"].into_iter(), back_off);
            out.write_all(&prune).await.expect("it is connected");
        }
        connection
    });
    // Two hundred heartbeats: three times as many as back-offs are spread over.
    let beating = async {
        loop {
            swarm.select_next_some().await;
        }
    };
    let _ = timeout(Duration::from_secs(2), beating).await;
    let connection = attacking.await.expect("it does not panic");
    assert!(connection.close_reason().is_none());
    assert_eq!(swarm.behaviour().all_peers().count(), 1);
}

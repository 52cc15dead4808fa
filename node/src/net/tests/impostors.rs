//! Who lets a computer in may lie about the mesh: with a good invitation, or with the right digits. The
//! newcomer takes only a roster that is the one meant, and admits it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pumasi_protocol::MeshId;
use pumasi_protocol::invitation::Token;
use pumasi_protocol::join::{Answer, Ask};
use pumasi_protocol::limits::{CONTROL_BYTES, PAIRING_BYTES};
use pumasi_protocol::pairing::{
    Approver, Digits, Hello, PairingMessage, PairingRefusal, Parties, Standing,
};
use pumasi_protocol::roster::{RosterLog, SignedEntry};
use pumasi_tests::peer;
use quinn::ClientConfig;

use super::*;
use crate::net::limits::{JOIN_ANSWERS, JOIN_ASK_BYTES};
use crate::net::tls::{Accept, Certificate, SERVER_NAME};
use crate::net::{frames, join};

const LIAR: [u8; 32] = [31; 32];
const OTHER: [u8; 32] = [32; 32];

/// A mesh by its founder, and whom it admits: the id, and all entries.
fn mesh_of(
    founder: [u8; 32],
    nonce: u8,
    admitted: &[(NodeId, NodeRole)],
) -> (MeshId, Vec<SignedEntry>) {
    let founder = Identity::from_seed(founder);
    let (mesh_name, node_name, person) = (name("office"), name("front"), name("kim"));
    let found = Change::Found { mesh_name, node_name, person, nonce: [nonce; 16] };
    let found = SignedEntry::sign(founder.signing(), None, Vec::new(), 1, &found);
    let mut log = RosterLog::begin(found.expect("small")).expect("it founds a mesh");
    for (node, role) in admitted {
        let roles = BTreeSet::from([*role]);
        let admit = Change::Admit { node: *node, name: name("desk"), person: None, roles };
        let entry = log.sign(founder.signing(), 2, &admit).expect("a founder admits");
        assert_eq!(log.take(vec![entry]).new.len(), 1);
    }
    (log.roster().mesh, log.entries().cloned().collect())
}

/// Answers one newcomer with these messages, as if it were the issuer of its invitation.
async fn issue(door: quinn::Endpoint, answers: Vec<Answer>) {
    let connection = door.accept().await.expect("somebody dials").await.expect("a newcomer");
    let (mut out, mut input) = connection.accept_bi().await.expect("it asks");
    let ask: Ask = frames::read(&mut input, JOIN_ASK_BYTES).await.expect("it asks");
    assert_eq!(ask.secret, [9; 16], "the issuer's key is there, so it shows the secret");
    for answer in &answers {
        // Who has heard enough leaves.
        let _ = frames::write(&mut out, answer, CONTROL_BYTES).await;
    }
    let _ = out.finish();
    connection.closed().await;
}

#[tokio::test]
async fn cat_p19_with_an_invitation_only_a_roster_that_admits_the_newcomer_is_taken() {
    let b = Node::start("second").await;
    let me = (b.id(), NodeRole::Member);
    let (mesh, good) = mesh_of(LIAR, 1, &[me]);
    let stranger = (Identity::from_seed(OTHER).node(), NodeRole::Member);
    let (same_mesh, without) = mesh_of(LIAR, 1, &[stranger]);
    assert_eq!(mesh, same_mesh);
    let done = Answer::Done { control_port: 9, data_port: 9 };
    let mut endless = vec![Answer::Entries(Vec::new()); JOIN_ANSWERS];
    endless.extend([Answer::Entries(good.clone()), done.clone()]);
    for (what, answers, is_good) in [
        ("a roster without it", vec![Answer::Entries(without), done.clone()], false),
        ("nothing", vec![done.clone()], false),
        ("another mesh", vec![Answer::Entries(mesh_of(LIAR, 2, &[me]).1), done.clone()], false),
        ("more messages than a roster takes", endless, false),
        ("the roster", vec![Answer::Entries(good), done], true),
    ] {
        let door = peer::listen(&peer::key(LIAR), &[join::PROTOCOL]);
        let at = door.local_addr().expect("bound");
        let issuer = Identity::from_seed(LIAR).node();
        let token = Token { mesh, issuer, secret: [9; 16], expires_s: u64::MAX, doors: vec![at] };
        let issuing = tokio::spawn(issue(door, answers));
        let who = JoinAs { name: name("second"), person: None };
        let joined = timeout(PATIENCE, b.net.join(&token, who)).await.expect("in time");
        match joined {
            Ok(_) => assert!(is_good, "{what}"),
            Err(error) => {
                assert!(!is_good && matches!(error, JoinError::Answer), "{what}: {error}")
            }
        }
        assert_eq!(b.net.roster().is_some(), is_good, "{what}");
        issuing.await.expect("it does not panic");
    }
}

/// What somebody who knows the digits says to be, and what it hands over then.
struct Lie {
    mesh: MeshId,
    mesh_name: NodeName,
    entries: Vec<SignedEntry>,
}

fn shown(node: &Node) -> Digits {
    match node.net.ask_in(false).expect("no mesh yet") {
        Standing::Open(shown, _) => shown.digits,
        Standing::Closed | Standing::Shut => panic!("a person looks"),
    }
}

/// Proves the right digits to a newcomer, and hands over the entries; its last word.
async fn approve(newcomer: &Node, lie: Lie) -> PairingMessage {
    let digits = shown(newcomer);
    let liar = Identity::from_seed(LIAR);
    let tls = Certificate::make(&liar).client(join::PAIRING_PROTOCOL, Accept::Anybody);
    let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
    let door: SocketAddr = newcomer.net.listening().join[0];
    let dial = endpoint.connect_with(ClientConfig::new(tls), door, SERVER_NAME);
    let connection = dial.expect("an address").await.expect("the door opens to anybody");
    let (mut out, mut input) = connection.open_bi().await.expect("one stream is allowed");

    let parties = Parties { approver: liar.node(), newcomer: newcomer.id() };
    let Lie { mesh, mesh_name, entries } = lie;
    let hello = Hello { mesh, mesh_name, name: name("front"), element: [0; 32] };
    let (approver, hello) = Approver::begin(digits, parties, hello, [7; 64]);
    let say = PairingMessage::Hello(hello);
    frames::write(&mut out, &say, PAIRING_BYTES).await.expect("it listens");
    let here = frames::read(&mut input, PAIRING_BYTES).await.expect("it answers");
    let PairingMessage::Here(here) = here else { panic!("{here:?}") };
    let (awaiting, proof) = approver.answer(&here).expect("a sound point");
    let say = PairingMessage::Proof(proof);
    frames::write(&mut out, &say, PAIRING_BYTES).await.expect("it listens");
    let proof = frames::read(&mut input, PAIRING_BYTES).await.expect("it answers");
    let PairingMessage::Proof(proof) = proof else { panic!("{proof:?}") };
    awaiting.check(&proof).expect("both know the digits");
    let done = Answer::Done { control_port: 9, data_port: 9 };
    for answer in [Answer::Entries(entries), done] {
        frames::write(&mut out, &answer, CONTROL_BYTES).await.expect("it listens");
    }
    let last = frames::read(&mut input, PAIRING_BYTES);
    timeout(PATIENCE, last).await.expect("in time").expect("its last word")
}

#[tokio::test]
async fn cat_p19_by_digits_only_the_roster_that_was_agreed_on_is_taken() {
    let b = Node::start("second").await;
    let me = (b.id(), NodeRole::Member);
    let liar = Identity::from_seed(LIAR).node();
    let of = |(mesh, entries): (MeshId, Vec<SignedEntry>)| Lie {
        mesh,
        mesh_name: name("office"),
        entries,
    };
    let another_mesh = Lie { mesh: mesh_of(LIAR, 1, &[me]).0, ..of(mesh_of(LIAR, 2, &[me])) };
    let another_name = Lie { mesh_name: name("bank"), ..of(mesh_of(LIAR, 1, &[me])) };
    let no_admin = of(mesh_of(OTHER, 1, &[me, (liar, NodeRole::Member)]));
    let no_member = of(mesh_of(OTHER, 1, &[me]));
    let without = of(mesh_of(LIAR, 1, &[]));
    for (what, lie) in [
        ("a roster of another mesh", another_mesh),
        ("of another name", another_name),
        ("in which the approver is no admin", no_admin),
        ("in which it is no member", no_member),
        ("in which the newcomer is none", without),
    ] {
        let last = approve(&b, lie).await;
        assert_eq!(last, PairingMessage::Refused(PairingRefusal::Protocol), "{what}");
        assert!(b.net.roster().is_none(), "{what}");
    }
    let last = approve(&b, of(mesh_of(LIAR, 1, &[me]))).await;
    assert_eq!(last, PairingMessage::Joined);
    assert!(b.net.roster().is_some());
}

//! Pairing by six digits: who gets in, who does not, and what it costs an attacker.

use std::net::SocketAddr;

use pumasi_protocol::limits::{
    PAIRING_BYTES, PAIRING_DIGITS_MS, PAIRING_FAILURES, PAIRING_OPEN_MS, PAIRING_SOURCE_FAILURES,
    PAIRING_SOURCE_MS,
};
use pumasi_protocol::pairing::{Digits, Hello, PairingMessage, PairingRefusal, Standing};

use super::*;
use crate::net::tls::{Accept, Certificate, SERVER_NAME};
use crate::net::{frames, join};

fn shown(node: &Node) -> Digits {
    match node.net.ask_in(false).expect("no mesh yet") {
        Standing::Open(shown, _) => shown.digits,
        Standing::Closed | Standing::Shut => panic!("a person looks"),
    }
}

fn wrong(right: Digits) -> Digits {
    let other = if right.to_string() == "000000" { "000001" } else { "000000" };
    other.parse().expect("six digits")
}

fn approval(newcomer: &Node, digits: Digits) -> Approval {
    let doors = newcomer.net.listening().join;
    let roles = [NodeRole::Member].into();
    Approval { digits, node: Some(newcomer.id()), doors, person: None, roles }
}

fn refusal(outcome: Result<Approved, ApproveError>) -> PairingRefusal {
    let error = outcome.expect_err("nobody is let in");
    let ApproveError::Refused(refusal) = error else { panic!("another reason: {error}") };
    refusal
}

async fn as_person(called: &str, person: &str) -> Node {
    let dir = TempDir::new().expect("a folder");
    Node::start_as(dir, called, Some(name(person))).await
}

#[tokio::test]
async fn six_digits_let_a_newcomer_in_and_both_are_up() {
    let mut a = Node::founder("first").await;
    let mut b = Node::start("second").await;
    let approved = a.net.approve(approval(&b, shown(&b))).await.expect("the digits are right");
    let expected = Approved { node: b.id(), name: name("second"), person: None };
    assert_eq!(approved, expected);
    let (ours, theirs) = (a.net.roster().expect("a mesh"), b.net.roster().expect("a mesh"));
    assert_eq!(ours, theirs);
    assert_eq!(ours.members[&b.id()].admitted_by, a.id());
    let ids = (a.id(), b.id());
    tokio::join!(a.until_up(ids.1), b.until_up(ids.0));
    let again = a.net.approve(approval(&b, wrong_any())).await;
    assert_eq!(refusal(again), PairingRefusal::HasMesh);
    assert_eq!(b.net.ask_in(true), Err(PairingRefusal::HasMesh));
}

fn wrong_any() -> Digits {
    "123456".parse().expect("six digits")
}

#[tokio::test]
async fn cat_p19_wrong_digits_are_spent_and_new_ones_let_in() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    let first = shown(&b);
    assert_eq!(refusal(a.net.approve(approval(&b, wrong(first))).await), PairingRefusal::Wrong);
    let second = shown(&b);
    assert_ne!(first, second);
    assert_eq!(refusal(a.net.approve(approval(&b, first)).await), PairingRefusal::Wrong);
    assert!(b.net.roster().is_none() && a.net.roster().expect("a mesh").members.len() == 1);
    a.net.approve(approval(&b, shown(&b))).await.expect("these are right");
}

#[tokio::test]
async fn cat_p19_a_source_of_wrong_digits_waits_and_after_ten_a_person_opens_again() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    for _ in 0..PAIRING_SOURCE_FAILURES {
        let refused = a.net.approve(approval(&b, wrong(shown(&b)))).await;
        assert_eq!(refusal(refused), PairingRefusal::Wrong);
    }
    let refused = a.net.approve(approval(&b, shown(&b))).await;
    assert_eq!(refusal(refused), PairingRefusal::Throttled);
    // Others, from other addresses, add up to ten.
    let door = b.net.listening().join[0];
    for n in PAIRING_SOURCE_FAILURES..PAIRING_FAILURES {
        shown(&b);
        let [.., last] = n.to_be_bytes();
        let heard = answers([127, 0, 0, 2 + last], door, &[sound(), guess()]).await;
        assert_eq!(heard.last(), Some(&PairingMessage::Refused(PairingRefusal::Wrong)));
    }
    assert_eq!(b.net.ask_in(false), Ok(Standing::Shut));
    let refused = a.net.approve(approval(&b, wrong_any())).await;
    assert_eq!(refusal(refused), PairingRefusal::Shut);
    assert!(matches!(b.net.ask_in(true), Ok(Standing::Open(_, 0))));
}

#[tokio::test]
async fn cat_p19_digits_end_after_their_time_and_the_door_closes_when_nobody_looks() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    let porch = b.net.pairing.porch.clone();
    let first = shown(&b);
    porch.skip(PAIRING_DIGITS_MS);
    let late = a.net.approve(approval(&b, first)).await;
    assert_eq!(refusal(late), PairingRefusal::Spent, "others take their place");
    let second = shown(&b);
    assert_ne!(first, second);
    porch.skip(PAIRING_OPEN_MS);
    assert_eq!(refusal(a.net.approve(approval(&b, second)).await), PairingRefusal::Closed);
    // Not before their time.
    let third = shown(&b);
    porch.skip(PAIRING_DIGITS_MS - 60_000);
    assert_eq!(shown(&b), third);
    a.net.approve(approval(&b, third)).await.expect("in time");
}

#[tokio::test]
async fn cat_p19_a_source_of_wrong_digits_is_heard_again_after_a_minute() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    for _ in 0..PAIRING_SOURCE_FAILURES {
        let refused = a.net.approve(approval(&b, wrong(shown(&b)))).await;
        assert_eq!(refusal(refused), PairingRefusal::Wrong);
    }
    let digits = shown(&b);
    assert_eq!(refusal(a.net.approve(approval(&b, digits)).await), PairingRefusal::Throttled);
    b.net.pairing.porch.skip(PAIRING_SOURCE_MS);
    assert_eq!(shown(&b), digits, "waiting costs the digits nothing");
    a.net.approve(approval(&b, digits)).await.expect("it is heard again");
}

#[tokio::test]
async fn cat_p19_a_door_at_which_nobody_looks_and_who_may_not_admit_let_nobody_in() {
    let a = Node::founder("first").await;
    let (b, c) = (Node::start("second").await, Node::joined("third", &a).await);
    let refused = a.net.approve(approval(&b, wrong_any())).await;
    assert_eq!(refusal(refused), PairingRefusal::Closed);
    let digits = shown(&b);
    let refused = c.net.approve(approval(&b, digits)).await;
    assert!(matches!(refused, Err(ApproveError::Net(NetError::NotAdmin))), "{refused:?}");
    let stranger = Node::start("fourth").await;
    let refused = stranger.net.approve(approval(&b, digits)).await;
    assert!(matches!(refused, Err(ApproveError::Net(NetError::NoMesh))), "{refused:?}");
    // The door answers with another key than discovery named.
    let elsewhere = Approval { node: Some(stranger.id()), ..approval(&b, digits) };
    let refused = a.net.approve(elsewhere).await;
    assert!(matches!(refused, Err(ApproveError::Unreachable)), "{refused:?}");
    let nowhere = Approval { doors: Vec::new(), ..approval(&b, digits) };
    let refused = a.net.approve(nowhere).await;
    assert!(matches!(refused, Err(ApproveError::Unreachable)), "{refused:?}");
    // None of it cost the digits anything.
    a.net.approve(Approval { node: None, ..approval(&b, digits) }).await.expect("by address");
}

#[tokio::test]
async fn a_newcomer_names_its_person_and_the_admin_decides_about_known_ones() {
    let a = Node::founder("first").await;
    let (b, c) = (as_person("second", "lee").await, as_person("third", "KIM").await);
    let approved = a.net.approve(approval(&b, shown(&b))).await.expect("a new person");
    assert_eq!(approved.person, Some(name("lee")));
    let digits = shown(&c);
    let refused = a.net.approve(approval(&c, digits)).await;
    assert_eq!(refusal(refused), PairingRefusal::PersonTaken);
    // The digits were not spent on it.
    let kims = Approval { person: Some(name("kim")), ..approval(&c, digits) };
    a.net.approve(kims).await.expect("the admin says so");
    let roster = c.net.roster().expect("a mesh");
    assert_eq!(roster.person(&c.id()), roster.person(&a.id()));
}

#[tokio::test]
async fn a_revoked_key_is_not_let_in_by_digits() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    let admit = Change::Admit {
        node: b.id(),
        name: name("second"),
        person: None,
        roles: [NodeRole::Member].into(),
    };
    a.net.change_roster(admit).await.expect("an admin admits");
    let revoke = Change::Revoke { node: b.id(), heads: Vec::new() };
    a.net.change_roster(revoke).await.expect("an admin revokes");
    let refused = a.net.approve(approval(&b, shown(&b))).await;
    assert_eq!(refusal(refused), PairingRefusal::Revoked);
    assert!(b.net.roster().is_none());
}

/// A stranger at a newcomer's door, which speaks as it likes.
async fn dial(from: [u8; 4], door: SocketAddr) -> (quinn::Connection, quinn::Endpoint) {
    let certificate = Certificate::make(&Identity::from_seed([98; 32]));
    let tls = certificate.client(join::PAIRING_PROTOCOL, Accept::Anybody);
    let endpoint = quinn::Endpoint::client((from, 0).into());
    let endpoint = endpoint.expect("a socket");
    let config = quinn::ClientConfig::new(tls);
    let dial = endpoint.connect_with(config, door, SERVER_NAME).expect("a good address");
    (dial.await.expect("the door opens to anybody"), endpoint)
}

fn hello(element: [u8; 32]) -> PairingMessage {
    let mesh = pumasi_protocol::MeshId([5; 32]);
    PairingMessage::Hello(Hello { mesh, mesh_name: name("office"), name: name("evil"), element })
}

/// A point of the right group: any key is one.
fn sound() -> PairingMessage {
    hello(Identity::from_seed([3; 32]).node().0)
}

/// A proof out of the air.
fn guess() -> PairingMessage {
    PairingMessage::Proof([7; 32])
}

const NEIGHBOUR: [u8; 4] = [127, 0, 0, 1];

/// What the door answers to these words, up to its last.
async fn answers(from: [u8; 4], door: SocketAddr, words: &[PairingMessage]) -> Vec<PairingMessage> {
    let (connection, _endpoint) = dial(from, door).await;
    let (mut out, mut input) = connection.open_bi().await.expect("one stream is allowed");
    let mut heard = Vec::new();
    for word in words {
        frames::write(&mut out, word, PAIRING_BYTES).await.expect("written");
        let answer = timeout(PATIENCE, frames::read(&mut input, PAIRING_BYTES)).await;
        match answer.expect("the door answers") {
            Ok(answer) => heard.push(answer),
            Err(_) => break,
        }
    }
    heard
}

#[tokio::test]
async fn cat_p19_the_door_is_closed_once_somebody_was_let_in() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    let digits = shown(&b);
    assert!(b.net.pairing.porch.is_open());
    a.net.approve(approval(&b, digits)).await.expect("the digits are right");
    assert_eq!(b.net.pairing.porch.standing(), Ok(Standing::Closed));
    assert!(!b.net.pairing.porch.is_open());
}

#[tokio::test]
async fn cat_p19_low_order_points_and_reflected_words_get_nothing() {
    let b = Node::start("second").await;
    let digits = shown(&b);
    let door = b.net.listening().join[0];
    let refused = |refusal| vec![PairingMessage::Refused(refusal)];
    for first in [0_u8, 1] {
        let mut element = [0; 32];
        element[0] = first;
        assert_eq!(
            answers(NEIGHBOUR, door, &[hello(element)]).await,
            refused(PairingRefusal::Protocol)
        );
    }
    for word in [PairingMessage::Joined, PairingMessage::Proof([0; 32])] {
        assert_eq!(answers(NEIGHBOUR, door, &[word]).await, refused(PairingRefusal::Protocol));
    }
    assert_eq!(shown(&b), digits, "nothing of it was a guess");
    // A sound point, and a proof out of the air: one guess.
    let heard = answers(NEIGHBOUR, door, &[sound(), guess()]).await;
    let [PairingMessage::Here(here), last] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(
        (&here.name, last),
        (&name("second"), &PairingMessage::Refused(PairingRefusal::Wrong))
    );
    assert_ne!(shown(&b), digits);
    assert!(b.net.roster().is_none());
}

#[tokio::test]
async fn cat_p19_who_holds_the_door_does_not_keep_an_admin_out() {
    let a = Node::founder("first").await;
    let b = Node::start("second").await;
    let digits = shown(&b);
    let door = b.net.listening().join[0];
    // A neighbour begins as often as the door lets one address, and says nothing more.
    let mut held = Vec::new();
    for _ in 0..4 {
        let (connection, endpoint) = dial(NEIGHBOUR, door).await;
        let (mut out, input) = connection.open_bi().await.expect("one stream is allowed");
        frames::write(&mut out, &sound(), PAIRING_BYTES).await.expect("written");
        held.push((connection, endpoint, out, input));
    }
    a.net.approve(approval(&b, digits)).await.expect("the digits are still good");
}

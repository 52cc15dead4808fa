//! What strangers say at the join door: pairing by digits, invitations. The first byte chooses.

use std::net::{IpAddr, Ipv4Addr};

use pumasi_protocol::invitation::{TOKEN_DOORS, Token};
use pumasi_protocol::join::{Answer, Ask};
use pumasi_protocol::pairing::{
    Approver, Digits, Doorstep, Hello, Here, Newcomer, PairingMessage, Parties, Standing,
};
use pumasi_protocol::{MeshId, limits};

use crate::keys::{founding, name, node};
use crate::{body, seed};

/// See the module.
///
/// # Panics
/// When a stranger is taken for somebody who knows the digits, or gets more guesses than there are.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 6 {
        0 => said(bytes),
        1 => {
            body::<Ask>(bytes, limits::CONTROL_BYTES);
        }
        2 => {
            body::<Answer>(bytes, limits::CONTROL_BYTES);
        }
        3 => token(bytes),
        4 => exchange(bytes),
        _ => doorstep(bytes),
    }
}

fn digits(code: u64) -> Digits {
    Digits::from_random(code.to_le_bytes())
}

fn parties() -> Parties {
    Parties { approver: node(0), newcomer: node(2) }
}

/// One message of a pairing, taken by both sides.
fn said(bytes: &[u8]) {
    match body::<PairingMessage>(bytes, limits::PAIRING_BYTES) {
        Some(PairingMessage::Hello(hello)) => hears(&hello),
        Some(PairingMessage::Here(here)) => answered(&here),
        Some(PairingMessage::Proof(_) | PairingMessage::Refused(_) | PairingMessage::Joined)
        | None => {}
    }
}

fn here() -> Here {
    Here { name: name("new"), person: None, element: [0; 32] }
}

fn hello() -> Hello {
    let (mesh, element) = (MeshId([5; 32]), [0; 32]);
    Hello { mesh, mesh_name: name("office"), name: name("first"), element }
}

/// The newcomer hears somebody who does not know the digits: no fixed proof is good.
fn hears(hello: &Hello) {
    let first = Newcomer::answer(digits(123_456), parties(), hello, here(), [1; 64]);
    let Ok((newcomer, answer)) = first else { return };
    assert_ne!(answer.element, hello.element, "a reflection");
    assert!(newcomer.check(&hello.element).is_err(), "a guess without the digits was right");
}

/// The approver hears the same.
fn answered(here: &Here) {
    let (approver, _) = Approver::begin(digits(123_456), parties(), hello(), [2; 64]);
    let Ok((awaiting, proof)) = approver.answer(here) else { return };
    assert!(awaiting.check(&proof).is_err(), "its own proof was taken");
}

/// Two honest sides with digits of the fuzzer's choice: they agree if the digits are the same.
fn exchange(bytes: &[u8]) {
    let Some((codes, _)) = bytes.split_first_chunk::<16>() else { return };
    let (ours, theirs) = codes.split_at(8);
    let code = |bytes: &[u8]| Digits::from_random(bytes.try_into().expect("eight bytes"));
    let (ours, theirs) = (code(ours), code(theirs));
    let (approver, hello) = Approver::begin(ours, parties(), hello(), [3; 64]);
    let answer = Newcomer::answer(theirs, parties(), &hello, here(), [4; 64]);
    let (newcomer, here) = answer.expect("an honest element");
    let (awaiting, proof) = approver.answer(&here).expect("an honest element");
    match newcomer.check(&proof) {
        Ok(proof) => {
            assert_eq!(ours, theirs, "other digits were right");
            awaiting.check(&proof).expect("both know the digits");
        }
        Err(_) => assert_ne!(ours, theirs, "the right digits were wrong"),
    }
}

fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<Digits>();
    let Ok(token) = text.parse::<Token>() else { return };
    assert!(token.doors.len() <= TOKEN_DOORS);
    assert_eq!(token.to_string().parse(), Ok(token));
}

/// Visitors of the doorstep: two bytes each, what they do and how many seconds later.
fn doorstep(bytes: &[u8]) {
    let (mut step, mut now_ms, mut wrong) = (Doorstep::default(), 0u64, 0u32);
    for (count, visit) in (0..).zip(bytes.chunks_exact(2)) {
        now_ms += u64::from(visit[1]) * 1_000;
        let fresh = digits(count);
        if visit[0] & 3 == 0 {
            let again = visit[0] & 4 != 0;
            if again {
                wrong = 0;
            }
            step.look(now_ms, again, fresh);
            continue;
        }
        let source = IpAddr::V4(Ipv4Addr::new(10, 0, 0, visit[0] >> 4)).into();
        let Ok(trial) = step.begin(now_ms, source, fresh) else { continue };
        assert!(wrong < limits::PAIRING_FAILURES, "a guess too many");
        let spent = step.spend(now_ms, trial);
        assert!(spent.is_ok(), "nobody was between");
        assert!(step.spend(now_ms, trial).is_err(), "the same digits were tried twice");
        if visit[0] & 3 != 3 {
            step.note_wrong(now_ms, trial);
            wrong += 1;
        }
        if let Standing::Open(shown, failures) = step.standing(now_ms, digits(count + 500_000)) {
            assert!(shown.digits != trial.digits && failures == wrong);
        }
    }
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let token = Token {
        mesh: MeshId([1; 32]),
        issuer: node(0),
        secret: [3; 16],
        expires_s: 1_800_000_000,
        doors: vec!["10.0.0.7:7865".parse().expect("an address")],
    };
    let (_, hello) = Approver::begin(digits(7), parties(), hello(), [9; 64]);
    let begun = Newcomer::answer(digits(7), parties(), &hello, here(), [8; 64]);
    let (_, here) = begun.expect("an honest element");
    let ask = Ask { secret: [1; 16], name: name("new"), person: Some(name("somebody")) };
    vec![
        seed(0, &PairingMessage::Hello(hello)),
        seed(0, &PairingMessage::Here(here)),
        seed(0, &PairingMessage::Joined),
        seed(1, &ask),
        seed(2, &Answer::Entries(vec![founding()])),
        seed(2, &Answer::Done { control_port: 1, data_port: 2 }),
        [&[3], token.to_string().as_bytes()].concat(),
        b"\x03123 456".to_vec(),
        [[4].as_slice(), &[7; 16]].concat(),
        vec![5, 0, 1, 0x11, 1, 0x11, 1, 0x11, 70, 0x23, 1, 4, 200, 0x12, 0],
    ]
}

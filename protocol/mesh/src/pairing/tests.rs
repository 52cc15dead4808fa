//! What an attacker may try: guesses, replays, reflections, points that are none, other keys, other
//! names, many sources.

use proptest::prelude::*;
use spake2::{Ed25519Group, Group};

use super::*;
use crate::frame::{self, FrameError};
use crate::limits::{
    PAIRING_BYTES, PAIRING_DIGITS_MS, PAIRING_FAILURES, PAIRING_OPEN_MS, PAIRING_SOURCE_FAILURES,
    PAIRING_SOURCE_MS, PAIRING_SOURCES,
};
use crate::{MeshId, NodeId, NodeName};

fn digits(text: &str) -> Digits {
    text.parse().expect("six digits")
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

const PARTIES: Parties = Parties { approver: NodeId([1; 32]), newcomer: NodeId([2; 32]) };

fn hello() -> Hello {
    let (mesh, mesh_name) = (MeshId([3; 32]), name("office"));
    Hello { mesh, mesh_name, name: name("front desk"), element: [0; 32] }
}

fn here() -> Here {
    Here { name: name("창가"), person: Some(name("kim")), element: [0; 32] }
}

/// What both sides said, and what they think of it.
struct Run {
    hello: Hello,
    here: Here,
    awaiting: Awaiting,
    proof: Proof,
    newcomer: Newcomer,
}

/// An exchange up to the first proof. `between` changes what each side hears.
fn run(
    typed: &str,
    shown: &str,
    (a, b): (Parties, Parties),
    between: impl Fn(&mut Hello, &mut Here),
) -> Result<Run, PairingError> {
    let (approver, sent) = Approver::begin(digits(typed), a, hello(), [7; 64]);
    let (mut heard, mut untouched) = (sent.clone(), here());
    between(&mut heard, &mut untouched);
    let (newcomer, here) = Newcomer::answer(digits(shown), b, &heard, here(), [8; 64])?;
    let mut answer = here.clone();
    between(&mut hello(), &mut answer);
    let (awaiting, proof) = approver.answer(&answer)?;
    Ok(Run { hello: sent, here, awaiting, proof, newcomer })
}

fn honest(typed: &str, shown: &str) -> Run {
    run(typed, shown, (PARTIES, PARTIES), |_, _| ()).expect("sound elements")
}

#[test]
fn the_same_digits_convince_both_sides() {
    let run = honest("048291", "048291");
    let proof = run.newcomer.check(&run.proof).expect("the approver knows the digits");
    assert_eq!(run.awaiting.check(&proof), Ok(()));
    assert_ne!(proof, run.proof);
}

#[test]
fn cat_p19_wrong_digits_convince_neither_side() {
    let run = honest("048291", "048292");
    assert_eq!(run.newcomer.check(&run.proof), Err(PairingError::Proof));
    let guessed = honest("048291", "048292").newcomer.proofs.newcomer;
    assert_eq!(run.awaiting.check(&guessed), Err(PairingError::Proof));
}

#[test]
fn cat_p19_proofs_cannot_be_reflected_or_used_again() {
    let run = honest("048291", "048291");
    assert_eq!(run.awaiting.check(&run.proof), Err(PairingError::Proof), "its own proof");
    // The approver's own element comes back to it as the newcomer's.
    let (approver, hello) = Approver::begin(digits("048291"), PARTIES, hello(), [7; 64]);
    let mirrored = Here { element: hello.element, ..here() };
    let (awaiting, proof) = approver.answer(&mirrored).expect("a sound element");
    assert_eq!(awaiting.check(&proof), Err(PairingError::Proof));
    // An old exchange, word for word, meets fresh random numbers.
    let (again, _) = Newcomer::answer(digits("048291"), PARTIES, &run.hello, here(), [9; 64])
        .expect("a sound element");
    assert_eq!(again.check(&run.proof), Err(PairingError::Proof));
    let (again, _) = Approver::begin(digits("048291"), PARTIES, super::tests::hello(), [9; 64]);
    let (awaiting, _) = again.answer(&run.here).expect("a sound element");
    let old = run.newcomer.check(&run.proof).expect("right then");
    assert_eq!(awaiting.check(&old), Err(PairingError::Proof));
}

#[test]
fn cat_p19_who_stands_between_has_another_key() {
    let between = NodeId([9; 32]);
    let swapped = Parties { approver: PARTIES.newcomer, newcomer: PARTIES.approver };
    let cases = [
        (Parties { newcomer: between, ..PARTIES }, Parties { approver: between, ..PARTIES }),
        (PARTIES, Parties { approver: between, ..PARTIES }),
        (Parties { newcomer: between, ..PARTIES }, PARTIES),
        (PARTIES, swapped),
    ];
    for parties in cases {
        let run = run("048291", "048291", parties, |_, _| ()).expect("sound elements");
        assert_eq!(run.newcomer.check(&run.proof), Err(PairingError::Proof), "{parties:?}");
    }
}

#[test]
fn cat_p19_mesh_names_and_persons_are_bound() {
    type Change = fn(&mut Hello, &mut Here);
    let changes: [Change; 7] = [
        |hello, _| hello.mesh = MeshId([4; 32]),
        |hello, _| hello.mesh_name = name("lab"),
        |hello, _| hello.name = name("back desk"),
        |_, here| here.name = name("window"),
        |_, here| here.person = Some(name("lee")),
        |_, here| here.person = None,
        // What one part loses, the next gains.
        |hello, _| (hello.mesh_name, hello.name) = (name("officefront"), name("desk")),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let run = run("048291", "048291", (PARTIES, PARTIES), change).expect("sound elements");
        assert_eq!(run.newcomer.check(&run.proof), Err(PairingError::Proof), "{number}");
    }
}

/// Points of order 1, 2, 4, 4 and 8 (four times), in their one encoding.
const LOW_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// The same y in another encoding, y above the prime, and what is not on the curve.
const NO_POINTS: [&str; 5] = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0200000000000000000000000000000000000000000000000000000000000000",
];

fn element(hex: &str) -> Element {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex, &mut bytes).expect("hexadecimal digits");
    bytes
}

fn encoded(point: &<Ed25519Group as Group>::Element) -> Element {
    Ed25519Group::element_to_bytes(point).try_into().expect("32 bytes")
}

/// An honest point with a part of low order.
fn mixed(low: &str) -> Element {
    let low = Ed25519Group::bytes_to_element(&element(low)).expect("on the curve");
    let scalar = Ed25519Group::hash_to_scalar(b"any");
    encoded(&Ed25519Group::add(&Ed25519Group::basepoint_mult(&scalar), &low))
}

#[test]
fn cat_p19_the_identity_low_orders_and_other_encodings_are_refused() {
    let plain = LOW_ORDER.iter().chain(&NO_POINTS).map(|hex| element(hex));
    let wrong: Vec<Element> = plain.chain(LOW_ORDER[1..].iter().map(|low| mixed(low))).collect();
    assert_eq!(wrong.len(), 20);
    for element in wrong {
        let heard = Hello { element, ..hello() };
        let newcomer = Newcomer::answer(digits("048291"), PARTIES, &heard, here(), [8; 64]);
        assert_eq!(newcomer.err(), Some(PairingError::Element), "{}", hex::encode(element));
        let (approver, _) = Approver::begin(digits("048291"), PARTIES, hello(), [7; 64]);
        let answer = approver.answer(&Here { element, ..here() });
        assert_eq!(answer.err(), Some(PairingError::Element), "{}", hex::encode(element));
    }
}

/// Nothing but what a side adds for the digits: the shared secret is the identity.
fn bare(blinding: &<Ed25519Group as Group>::Element, guess: &str) -> Element {
    let guess = Ed25519Group::hash_to_scalar(guess.as_bytes());
    encoded(&Ed25519Group::scalarmult(blinding, &guess))
}

#[test]
fn cat_p19_a_secret_that_everybody_knows_is_refused_without_telling_why() {
    for guess in ["048291", "048292"] {
        let heard = Hello { element: bare(&Ed25519Group::const_m(), guess), ..hello() };
        // An answer comes whether the guess is right or not: else guessing would cost nothing.
        let (newcomer, _) =
            Newcomer::answer(digits("048291"), PARTIES, &heard, here(), [8; 64]).expect("sound");
        let right = newcomer.proofs.approver;
        assert_eq!(newcomer.check(&right).is_ok(), guess != "048291");
    }
    let (approver, _) = Approver::begin(digits("048291"), PARTIES, hello(), [7; 64]);
    let element = bare(&Ed25519Group::const_n(), "048291");
    assert_eq!(approver.answer(&Here { element, ..here() }).err(), Some(PairingError::Element));
}

#[test]
fn cat_p05_pairing_messages_that_are_cut_or_too_long_are_refused() {
    let longest = name(&"힣".repeat(64));
    let hello = Hello { mesh_name: longest.clone(), name: longest.clone(), ..hello() };
    let here = Here { name: longest.clone(), person: Some(longest), ..here() };
    for message in [PairingMessage::Hello(hello), PairingMessage::Here(here)] {
        let body = frame::encode_body(&message, PAIRING_BYTES).expect("the longest fits");
        for cut in 0..body.len() {
            let decoded = frame::decode_body::<PairingMessage>(&body[..cut]);
            assert_eq!(decoded, Err(FrameError::Body), "{cut}");
        }
        let longer = [body.as_slice(), &[0]].concat();
        assert_eq!(frame::decode_body::<PairingMessage>(&longer), Err(FrameError::Trailing(1)));
    }
}

// The doorstep.

fn source(last: u8) -> Source {
    std::net::IpAddr::from([10, 0, 0, last]).into()
}

fn fresh(number: u64) -> Digits {
    Digits::from_random(number.to_le_bytes())
}

fn open() -> Doorstep {
    let mut doorstep = Doorstep::default();
    doorstep.look(0, false, fresh(1));
    doorstep
}

/// A wrong guess from a source, if it comes that far.
fn guess(doorstep: &mut Doorstep, now_ms: u64, from: u8, n: u64) -> Result<(), PairingRefusal> {
    let trial = doorstep.begin(now_ms, source(from), fresh(n))?;
    doorstep.spend(now_ms, trial)?;
    doorstep.note_wrong(now_ms, trial);
    Ok(())
}

#[test]
fn cat_p19_of_a_hundred_guesses_at_once_one_counts() {
    let mut doorstep = open();
    let trials: Vec<Trial> = (0..100)
        .map(|n| doorstep.begin(1, source(n), fresh(2)).expect("beginning costs nothing"))
        .collect();
    assert!(trials.iter().all(|trial| trial.digits == fresh(1)));
    assert_eq!(doorstep.spend(2, trials[40]), Ok(()));
    doorstep.note_wrong(2, trials[40]);
    let late: Vec<_> = trials.iter().map(|trial| doorstep.spend(3, *trial)).collect();
    assert!(late.iter().all(|outcome| *outcome == Err(PairingRefusal::Spent)));
    // Also once other digits are shown.
    let Standing::Open(shown, 1) = doorstep.standing(4, fresh(2)) else { panic!("open") };
    assert_eq!(shown.digits, fresh(2));
    assert_eq!(doorstep.spend(4, trials[41]), Err(PairingRefusal::Spent));
}

#[test]
fn cat_p19_who_only_begins_burns_nothing() {
    let mut doorstep = open();
    for n in 0..10_000 {
        doorstep.begin(n, source(9), fresh(2)).expect("open");
    }
    let shown = Shown { digits: fresh(1), until_ms: PAIRING_DIGITS_MS };
    assert_eq!(doorstep.standing(10_000, fresh(2)), Standing::Open(shown, 0));
}

#[test]
fn cat_p19_a_source_that_burns_digits_waits_and_others_do_not() {
    let mut doorstep = open();
    for n in 0..PAIRING_SOURCE_FAILURES {
        // Digits that nobody saw are not to be tried: the screen shows them first.
        doorstep.standing(u64::from(n), fresh(2));
        assert_eq!(guess(&mut doorstep, u64::from(n), 1, 3), Ok(()));
    }
    doorstep.standing(10, fresh(4));
    assert_eq!(guess(&mut doorstep, 10, 1, 5), Err(PairingRefusal::Throttled));
    let trial = doorstep.begin(10, source(2), fresh(5)).expect("another source");
    assert_eq!(trial.digits, fresh(4));
    assert_eq!(doorstep.spend(11, trial), Ok(()));
    doorstep.standing(PAIRING_SOURCE_MS, fresh(6));
    assert!(doorstep.begin(PAIRING_SOURCE_MS, source(1), fresh(7)).is_ok());
}

#[test]
fn cat_p19_after_ten_wrong_digits_a_person_must_open_again() {
    let mut doorstep = open();
    for n in 0..PAIRING_FAILURES {
        doorstep.standing(5, fresh(2));
        let from = u8::try_from(n).expect("few");
        assert_eq!(guess(&mut doorstep, 5, from, 3), Ok(()));
    }
    assert_eq!(doorstep.standing(6, fresh(4)), Standing::Shut);
    assert!(!doorstep.is_open(6), "nor does it say that it asks");
    // A page that is merely open does not open it.
    assert_eq!(doorstep.look(6, false, fresh(4)), Standing::Shut);
    assert_eq!(guess(&mut doorstep, 6, 200, 4), Err(PairingRefusal::Shut));
    let Standing::Open(shown, 0) = doorstep.look(7, true, fresh(5)) else { panic!("open") };
    assert_eq!(shown.digits, fresh(5));
    assert!(doorstep.begin(8, source(200), fresh(6)).is_ok());
}

#[test]
fn cat_p19_a_source_of_wrong_digits_waits_with_what_it_had_begun_as_well() {
    let mut doorstep = open();
    for n in 1..PAIRING_SOURCE_FAILURES {
        doorstep.standing(5, fresh(2));
        assert_eq!(guess(&mut doorstep, 5, 1, u64::from(n) + 3), Ok(()));
    }
    doorstep.standing(5, fresh(7));
    let last = doorstep.begin(5, source(1), fresh(8)).expect("one is left");
    doorstep.spend(5, last).expect("nobody was between");
    doorstep.standing(5, fresh(9));
    let early = doorstep.begin(5, source(1), fresh(10)).expect("its proof is not judged yet");
    doorstep.note_wrong(5, last);
    assert_eq!(doorstep.spend(5, early), Err(PairingRefusal::Throttled));
    let next = doorstep.begin(5, source(1), fresh(11));
    assert_eq!(next, Err(PairingRefusal::Throttled));
    assert!(doorstep.begin(5, source(2), fresh(12)).is_ok(), "others do not wait");
}

#[test]
fn digits_expire_and_a_door_that_nobody_looks_at_closes() {
    let mut doorstep = open();
    let old = doorstep.begin(PAIRING_DIGITS_MS - 1, source(1), fresh(2)).expect("in time");
    let late = doorstep.begin(PAIRING_DIGITS_MS, source(1), fresh(2));
    assert_eq!(late, Err(PairingRefusal::Spent));
    assert_eq!(doorstep.spend(PAIRING_DIGITS_MS, old), Err(PairingRefusal::Spent));
    let trial = doorstep.begin(PAIRING_DIGITS_MS, source(1), fresh(3)).expect("the new ones");
    assert_eq!(trial.digits, fresh(2));
    assert_eq!(doorstep.standing(PAIRING_OPEN_MS, fresh(3)), Standing::Closed);
    assert_eq!(doorstep.spend(PAIRING_OPEN_MS, trial), Err(PairingRefusal::Spent));
    let refused = doorstep.begin(PAIRING_OPEN_MS, source(1), fresh(3));
    assert_eq!(refused, Err(PairingRefusal::Closed));
    assert_eq!(Doorstep::default().standing(0, fresh(1)), Standing::Closed);
}

#[test]
fn one_computer_is_one_source_however_many_addresses_it_has() {
    let source = |text: &str| Source::from(text.parse::<std::net::IpAddr>().expect("an address"));
    assert_eq!(source("fd00::1"), source("fd00::ffff:1:2:3"));
    assert_ne!(source("fd00::1"), source("fd00:0:0:1::1"));
    assert_eq!(source("::ffff:10.0.0.7"), source("10.0.0.7"));
    assert_ne!(source("10.0.0.7"), source("10.0.0.8"));
}

#[test]
fn cat_p19_sources_are_bounded() {
    let mut doorstep = open();
    for n in 0..1_000_u64 {
        doorstep.look(n, true, fresh(n));
        let trial = doorstep.begin(n, Source::from(ip(n)), fresh(n)).expect("open");
        doorstep.spend(n, trial).expect("the first");
        doorstep.note_wrong(n, trial);
        assert!(doorstep.sources.len() <= PAIRING_SOURCES);
    }
}

fn ip(n: u64) -> std::net::IpAddr {
    let [.., a, b] = n.to_be_bytes();
    [10, 1, a, b].into()
}

/// What somebody does at the door.
#[derive(Debug, Clone)]
enum Step {
    Look(bool),
    Begin(u8),
    /// One of the exchanges that were begun goes on, with a wrong proof.
    Guess(prop::sample::Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Look),
        (0..6_u8).prop_map(Step::Begin),
        any::<prop::sample::Index>().prop_map(Step::Guess),
        (0..90_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn two_sides_agree_exactly_if_the_digits_are_the_same(a in 0..20_u32, b in 0..20_u32) {
        let run = honest(&format!("{a:06}"), &format!("{b:06}"));
        prop_assert_eq!(run.newcomer.check(&run.proof).is_ok(), a == b);
    }

    #[test]
    fn any_element_is_refused_or_calculated_with(element: [u8; 32], proof: [u8; 32]) {
        let heard = Hello { element, ..hello() };
        if let Ok((newcomer, _)) =
            Newcomer::answer(digits("048291"), PARTIES, &heard, here(), [8; 64])
        {
            prop_assert_eq!(newcomer.check(&proof), Err(PairingError::Proof));
        }
    }

    #[test]
    fn decoders_take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = frame::decode_body::<PairingMessage>(&bytes);
    }

    /// Counted by who knows nothing of how the doorstep works.
    #[test]
    fn guesses_are_few_whatever_is_done(steps in proptest::collection::vec(step(), 1..200)) {
        let mut doorstep = Doorstep::default();
        let (mut now_ms, mut drawn) = (0, 0);
        let mut begun: Vec<(u8, Trial)> = Vec::new();
        let (mut tried, mut since_opened) = (Vec::new(), 0);
        let mut guesses: Vec<(u8, u64)> = Vec::new();
        for step in steps {
            drawn += 1;
            match step {
                Step::Look(again) => {
                    doorstep.look(now_ms, again, fresh(drawn));
                    since_opened = if again { 0 } else { since_opened };
                }
                Step::Wait(ms) => now_ms += ms,
                Step::Begin(from) => {
                    let trial = doorstep.begin(now_ms, source(from), fresh(drawn));
                    begun.extend(trial.map(|trial| (from, trial)));
                }
                Step::Guess(index) if !begun.is_empty() => {
                    let (from, trial) = *index.get(&begun);
                    if doorstep.spend(now_ms, trial).is_ok() {
                        doorstep.note_wrong(now_ms, trial);
                        prop_assert!(!tried.contains(&trial.digits.to_string()), "one guess each");
                        tried.push(trial.digits.to_string());
                        since_opened += 1;
                        guesses.push((from, now_ms));
                    }
                }
                Step::Guess(_) => {}
            }
            prop_assert!(since_opened <= PAIRING_FAILURES);
            let lately = |from| guesses.iter().rev().take_while(move |(_, at)| {
                now_ms - at < PAIRING_SOURCE_MS / 2
            }).filter(move |(f, _)| *f == from).count();
            // Windows begin with the first wrong guess: two may touch within half of one.
            let most = 2 * PAIRING_SOURCE_FAILURES as usize;
            prop_assert!((0..6).all(|from| lately(from) <= most));
        }
    }
}

//! Who sees which entries, and what they say.

use ed25519_dalek::SigningKey;
use pumasi_protocol::roster::{RosterLog, SignedEntry};
use pumasi_protocol::{JobId, JobKind, Usage};

use super::*;

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn id(n: u8) -> NodeId {
    NodeId(key(n).verifying_key().to_bytes())
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

/// Kim founds; Lee's computer 2 is a member, 3 is removed again.
fn office() -> RosterLog {
    let found = Change::Found {
        mesh_name: name("office"),
        node_name: name("front"),
        person: name("kim"),
        nonce: [0; 16],
    };
    let found = SignedEntry::sign(&key(1), None, Vec::new(), 100, &found).expect("small");
    let mut log = RosterLog::begin(found).expect("it founds");
    let admit = |n: u8, of: &str, person: Option<&str>| Change::Admit {
        node: id(n),
        name: name(of),
        person: person.map(name),
        roles: BTreeSet::from([NodeRole::Member]),
    };
    for (at_ms, change) in [
        (200, admit(2, "window", Some("lee"))),
        (300, admit(3, "lab", None)),
        (400, Change::Revoke { node: id(3), heads: Vec::new() }),
    ] {
        let entry = log.sign(&key(1), at_ms, &change).expect("an admin signs");
        log.take(vec![entry]);
    }
    log
}

fn job(person: Option<&str>, key: Option<&str>, owner: u8) -> Box<JobNote> {
    Box::new(JobNote {
        job: JobId::from_parts(1, [1; 10]),
        kind: JobKind::Chat,
        model: "starter-chat".parse().expect("a name"),
        person: person.map(name),
        key: key.map(ToOwned::to_owned),
        owner: id(owner),
        ran_on: Some(id(2)),
        asked_bytes: 5,
        usage: Usage { prompt: 3, cached: 1, completion: 2 },
        attempts: 1,
        accepted_ms: 450,
        outcome: Outcome::Failed("connection_lost".to_owned()),
    })
}

fn records() -> Vec<AuditRecord> {
    let at = |at_ms, act| AuditRecord { at_ms, act };
    vec![
        at(500, Act::Asked(job(Some("kim"), None, 1))),
        at(600, Act::Asked(job(Some("lee"), Some("abc"), 1))),
        at(700, Act::Ran(job(Some("lee"), None, 2))),
        at(800, Act::Lend { lend: api::Lend::Paused, until_ms: None }),
    ]
}

/// What a caller at computer `me` sees, oldest first, in short.
fn seen(me: u8, caller: &Caller, filter: &AuditFilter) -> Vec<String> {
    let log = office();
    let sources = Sources {
        me: id(me),
        name: &name("self"),
        person: None,
        roster: Some(log.roster()),
        history: &log.history(),
        records: records(),
    };
    let short = |entry: AuditEntry| {
        let about = entry.about.map(|about| about.name).or(entry.key).unwrap_or_default();
        let person = entry.person.unwrap_or_default();
        format!("{} {} {person} {about}", entry.at_ms, entry.act.word()).trim().to_owned()
    };
    let mut seen: Vec<String> = view(&sources, caller, filter).into_iter().map(short).collect();
    seen.reverse();
    seen
}

fn all() -> AuditFilter {
    AuditFilter { since_ms: 0, person: None, limit: 100 }
}

#[test]
fn an_admin_sees_who_let_in_and_removed_whom_and_who_ran_what() {
    assert_eq!(
        seen(1, &Caller::Install, &all()),
        [
            "100 founded kim office",
            "200 admitted kim window",
            "300 admitted kim lab",
            "400 removed kim lab",
            "500 asked kim",
            "600 asked lee abc",
            "700 ran lee",
            "800 lending_set kim paused",
        ]
    );
    let late = AuditFilter { since_ms: 500, person: Some("lee".to_owned()), limit: 1 };
    assert_eq!(seen(1, &Caller::Install, &late), ["700 ran lee"]);
    let lee = AuditFilter { person: Some("lee".to_owned()), ..all() };
    let of_lee = ["200 admitted kim window", "600 asked lee abc", "700 ran lee"];
    assert_eq!(seen(1, &Caller::Install, &lee), of_lee);
}

#[test]
fn others_see_their_own() {
    // At Lee's computer, which is no admin's, nothing of Kim's jobs shows.
    let own = ["200 admitted kim window", "600 asked lee abc", "700 ran lee"];
    let here = "800 lending_set lee paused";
    let expected: Vec<&str> = own.into_iter().chain([here]).collect();
    assert_eq!(seen(2, &Caller::Install, &all()), expected);
    // A key sees what its person asked, and nothing of the mesh.
    let key = |person: &str| Caller::Key { person: person.to_owned(), id: None };
    assert_eq!(seen(1, &key("lee"), &all()), ["600 asked lee abc", "700 ran lee"]);
    assert_eq!(seen(1, &key("nobody"), &all()), [""; 0]);
    let kim = AuditFilter { person: Some("kim".to_owned()), ..all() };
    assert_eq!(seen(1, &key("lee"), &kim), [""; 0], "asking for others' gives nothing");
    assert_eq!(seen(1, &Caller::Loopback, &all()), [""; 0]);
}

#[test]
fn a_job_is_told_in_numbers_and_closed_words() {
    let log = office();
    let sources = Sources {
        me: id(1),
        name: &name("self"),
        person: None,
        roster: Some(log.roster()),
        history: &[],
        records: vec![records().swap_remove(1)],
    };
    let entries = view(&sources, &Caller::Install, &all());
    let job = entries[0].job.clone().expect("a job");
    assert_eq!(
        (job.owner.name.as_str(), job.ran_on.expect("a place").name),
        ("front", "window".to_owned())
    );
    assert_eq!((job.asked_bytes, job.prompt_tokens, job.completion_tokens), (5, 3, 2));
    assert_eq!(
        (job.outcome, job.error.as_deref()),
        (AuditOutcome::Failed, Some("connection_lost"))
    );
}

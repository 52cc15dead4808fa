//! The audit log: in its bounds, and across starts.

use super::super::limits::{AUDITED_ACTS, AUDITED_JOBS};
use super::*;
use pumasi_protocol::roster::NodeRole;
use pumasi_protocol::{JobKind, NodeId, Usage};
use pumasi_web::api::{KeyScope, Lend};
use pumasi_web::keys::KeyStep;

fn job(number: u64) -> AuditRecord {
    let note = JobNote {
        job: JobId::from_parts(number, [0; 10]),
        kind: JobKind::Chat,
        model: "starter-chat".parse().expect("a name"),
        person: None,
        key: None,
        owner: NodeId([1; 32]),
        ran_on: None,
        asked_bytes: 1,
        usage: Usage::default(),
        attempts: 0,
        accepted_ms: number,
        outcome: Outcome::Cancelled,
    };
    AuditRecord { at_ms: number, act: Act::Asked(Box::new(note)) }
}

pub(super) fn started(version: &str) -> Act {
    Act::Started { version: version.to_owned() }
}

pub(super) fn key() -> Act {
    Act::Key {
        change: KeyStep::Changed,
        id: "0123456789ab".to_owned(),
        name: "bot".parse().expect("a name"),
        person: "lee".parse().expect("a name"),
        scopes: [KeyScope::Inference].into(),
    }
}

pub(super) fn invited() -> Act {
    let (id, person) = ("ba98".to_owned(), Some("lee".parse().expect("a name")));
    Act::Invited { id, person, roles: [NodeRole::Member, NodeRole::Admin].into(), uses: 3 }
}

pub(super) fn withdrawn() -> Act {
    Act::Withdrawn { id: "ba98".to_owned() }
}

pub(super) fn told() -> Act {
    Act::Lend { lend: Lend::Paused, until_ms: Some(7_000) }
}

/// With everything in it that a job can have.
fn note(outcome: Outcome) -> Box<JobNote> {
    Box::new(JobNote {
        job: JobId::from_parts(1_800_000_000_000, [3; 10]),
        kind: JobKind::Embedding,
        model: "starter-chat".parse().expect("a name"),
        person: Some("kim".parse().expect("a name")),
        key: Some("0123456789ab".to_owned()),
        owner: NodeId([1; 32]),
        ran_on: Some(NodeId([2; 32])),
        asked_bytes: 70_000,
        usage: Usage { prompt: 300, cached: 200, completion: 5 },
        attempts: 2,
        accepted_ms: 1_800_000_000_001,
        outcome,
    })
}

pub(super) fn asked() -> Act {
    Act::Asked(note(Outcome::Failed("not_continued".to_owned())))
}

pub(super) fn provided() -> Act {
    Act::Provided { note: note(Outcome::Completed), provider: "openai".to_owned() }
}

pub(super) fn ran() -> Act {
    Act::Ran(note(Outcome::Completed))
}

fn start(at_ms: u64) -> AuditRecord {
    AuditRecord { at_ms, act: started("1") }
}

#[tokio::test]
async fn the_oldest_makes_way_and_jobs_never_push_out_what_people_changed() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.note(vec![start(1)]).await.expect("it is kept");
    for first in (0..AUDITED_JOBS + 500).step_by(500) {
        store.note((first..first + 500).map(job).collect()).await.expect("it is kept");
    }
    let of_jobs = |records: &[AuditRecord]| {
        let jobs = records.iter().filter(|record| matches!(record.act, Act::Asked(_)));
        jobs.map(|record| record.at_ms).collect::<Vec<_>>()
    };
    let records = store.audit().expect("it is read");
    let jobs = of_jobs(&records);
    let (least, most) = (jobs.iter().min().copied(), jobs.iter().max().copied());
    assert_eq!((jobs.len() as u64, least), (AUDITED_JOBS, Some(500)));
    assert_eq!(most, Some(AUDITED_JOBS + 499));
    assert!(records.contains(&start(1)));
    drop(store);

    // The next start goes on where the last one was.
    let store = open(&dir);
    store.note(vec![job(99_999), start(2)]).await.expect("it is kept");
    let records = store.audit().expect("it is read");
    let jobs = of_jobs(&records);
    assert_eq!((jobs.len() as u64, jobs.iter().min().copied()), (AUDITED_JOBS, Some(501)));
    assert!(jobs.contains(&99_999) && records.contains(&start(2)));

    let many = (0..AUDITED_ACTS + 10).map(start).collect();
    store.note(many).await.expect("it is kept");
    let records = store.audit().expect("it is read");
    let acts = records.iter().filter(|record| matches!(record.act, Act::Started { .. }));
    assert_eq!(acts.count() as u64, AUDITED_ACTS);
}

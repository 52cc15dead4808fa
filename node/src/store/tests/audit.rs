//! The audit log: in its bounds, and across starts.

use super::super::limits::{AUDITED_ACTS, AUDITED_JOBS};
use super::*;
use pumasi_protocol::{JobKind, NodeId, Usage};

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

fn started(at_ms: u64) -> AuditRecord {
    AuditRecord { at_ms, act: Act::Started { version: "1".to_owned() } }
}

#[tokio::test]
async fn the_oldest_makes_way_and_jobs_never_push_out_what_people_changed() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.note(vec![started(1)]).await.expect("it is kept");
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
    assert!(records.contains(&started(1)));
    drop(store);

    // The next start goes on where the last one was.
    let store = open(&dir);
    store.note(vec![job(99_999), started(2)]).await.expect("it is kept");
    let records = store.audit().expect("it is read");
    let jobs = of_jobs(&records);
    assert_eq!((jobs.len() as u64, jobs.iter().min().copied()), (AUDITED_JOBS, Some(501)));
    assert!(jobs.contains(&99_999) && records.contains(&started(2)));

    let many = (0..AUDITED_ACTS + 10).map(started).collect();
    store.note(many).await.expect("it is kept");
    let records = store.audit().expect("it is read");
    let acts = records.iter().filter(|record| matches!(record.act, Act::Started { .. }));
    assert_eq!(acts.count() as u64, AUDITED_ACTS);
}

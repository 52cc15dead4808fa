//! What goes into the audit log when a provider answered: who asked, which model, which provider, how
//! much, how it ended. Requests that the mesh answered are noted by the loop.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pumasi_dialects::Counts;
use pumasi_protocol::{JobId, NodeId, NodeName, Usage};
use pumasi_web::api;
use pumasi_web::mesh::Caller;

use super::journal::Record;
use super::lending::Loan;
use crate::audit::Notes;
use crate::core::unix_ms;
use crate::net::bucket::{Bucket, Rate};
use crate::store::{Act, AuditRecord, JobNote, Outcome};

/// What is noted: far more than people ask, and little enough that programs which ask without an end
/// neither keep the disk busy nor push out what people did. Usage counts all of them.
const NOTED: Rate = Rate { per_s: 20, burst: 200 };

/// Whose requests are noted, and where.
#[derive(Debug)]
pub(crate) struct Noting {
    me: NodeId,
    person: Option<NodeName>,
    notes: Notes,
    left: Mutex<Bucket>,
}

impl Noting {
    pub(crate) fn new(me: NodeId, person: Option<NodeName>, notes: Notes) -> Self {
        let left = Mutex::new(Bucket::new(NOTED, Instant::now()));
        Self { me, person, notes, left }
    }

    fn may_note(&self) -> bool {
        // A count stays whole even if a thread ended while it held the lock.
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let may = left.take(1, Instant::now());
        if !may {
            tracing::debug!("more requests to providers than the audit log takes");
        }
        may
    }

    /// A request's record is final.
    pub(super) fn note(&self, record: &Record) {
        // None: the mesh had it last, or nobody.
        let Some(provider) = record.provider.clone() else { return };
        if !self.may_note() {
            return;
        }
        let at_ms = record.ended_ms.unwrap_or_else(unix_ms);
        let note = Box::new(self.of(record));
        self.notes.note(AuditRecord { at_ms, act: Act::Provided { note, provider } });
    }

    /// A member's call of a provider of this node is over.
    pub(super) fn lent(
        &self,
        loan: &Loan,
        (job, accepted_ms): (JobId, u64),
        counts: Counts,
        outcome: Outcome,
    ) {
        if !self.may_note() {
            return;
        }
        let provider = loan.place.id().to_owned();
        // Names of providers' models are less strict than those of the mesh.
        let model = loan.model.parse().or_else(|_| provider.parse());
        let Ok(model) = model else { return };
        let note = JobNote {
            job,
            kind: loan.kind(),
            model,
            person: loan.person.clone(),
            key: None,
            owner: loan.from,
            ran_on: Some(self.me),
            asked_bytes: loan.asked,
            usage: usage(counts),
            attempts: 1,
            accepted_ms,
            outcome,
        };
        let act = Act::Provided { note: Box::new(note), provider };
        self.notes.note(AuditRecord { at_ms: unix_ms(), act });
    }

    fn of(&self, record: &Record) -> JobNote {
        let (person, key) = match &record.caller {
            Caller::Key { person, id } => (person.parse().ok(), id.clone()),
            Caller::Install | Caller::Loopback => (self.person.clone(), None),
        };
        JobNote {
            job: record.job,
            kind: record.kind,
            model: record.model.clone(),
            person,
            key,
            owner: self.me,
            ran_on: None,
            asked_bytes: record.asked_bytes,
            usage: usage(record.counts.unwrap_or_default()),
            attempts: small(record.tries.len() as u64),
            accepted_ms: record.accepted_ms,
            outcome: outcome(record),
        }
    }
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn usage(counts: Counts) -> Usage {
    Usage {
        prompt: small(counts.prompt),
        cached: small(counts.cached),
        completion: small(counts.completion),
    }
}

fn outcome(record: &Record) -> Outcome {
    let failed = || {
        let code = record.tries.iter().rev().find_map(|one| one.code);
        Outcome::Failed(code.unwrap_or("provider_unavailable").to_owned())
    };
    match record.state {
        api::JobState::Completed => Outcome::Completed,
        api::JobState::Cancelled => Outcome::Cancelled,
        api::JobState::Failed => failed(),
        // It is only asked of what has ended.
        api::JobState::Waiting | api::JobState::Bound | api::JobState::Running => {
            Outcome::Cancelled
        }
    }
}

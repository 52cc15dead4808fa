//! What was routed where, and what came of it: for the list of jobs and for why. It holds names and
//! numbers, never text, and lives as long as the node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pumasi_dialects::Counts;
use pumasi_protocol::{JobId, JobKind, ModelName};
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobLookupError, Placed};

use crate::core::unix_ms;

/// Requests that are remembered; the oldest is forgotten first.
const RECORDS: usize = 1_000;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    /// The provider's id, or the mesh's computer, or the mesh.
    pub(super) place: String,
    /// Why it failed; none: it did not, or not yet.
    pub(super) code: Option<&'static str>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) job: JobId,
    pub(super) caller: Caller,
    pub(super) kind: JobKind,
    pub(super) model: ModelName,
    pub(super) accepted_ms: u64,
    pub(super) ended_ms: Option<u64>,
    pub(super) state: api::JobState,
    pub(super) tries: Vec<Try>,
    /// Where it is, or ended: a provider's id; none: on the mesh.
    pub(super) provider: Option<String>,
    pub(super) node: Option<api::NodeRef>,
    pub(super) counts: Option<Counts>,
    pub(super) why: String,
}

/// All requests that providers had a say in.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<BTreeMap<JobId, Record>>);

impl Journal {
    fn records(&self) -> MutexGuard<'_, BTreeMap<JobId, Record>> {
        // Each record is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a record. `why`: why the first place is the first.
    pub(super) fn open(
        self: &Arc<Self>,
        job: JobId,
        caller: Caller,
        kind: JobKind,
        model: ModelName,
        why: String,
    ) -> Entry {
        let record = Record {
            job,
            caller,
            kind,
            model,
            accepted_ms: unix_ms(),
            ended_ms: None,
            state: api::JobState::Waiting,
            tries: Vec::new(),
            provider: None,
            node: None,
            counts: None,
            why,
        };
        let mut records = self.records();
        records.insert(job, record);
        while records.len() > RECORDS {
            records.pop_first();
        }
        Entry { journal: Arc::clone(self), job }
    }

    fn change(&self, job: JobId, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.records().get_mut(&job) {
            change(record);
        }
    }

    pub(super) fn account(&self, job: JobId, counts: Counts) {
        self.change(job, |record| record.counts = Some(counts));
    }

    /// Those that the caller may see, newest first.
    pub(super) fn list(&self, caller: &Caller, most: usize) -> Vec<Record> {
        let records = self.records();
        let seen = records.values().rev().filter(|record| may_see(caller, record));
        seen.take(most).cloned().collect()
    }

    pub(super) fn find(&self, caller: &Caller, job: JobId) -> Result<Record, JobLookupError> {
        let records = self.records();
        let record = records.get(&job).filter(|record| may_see(caller, record));
        record.cloned().ok_or(JobLookupError::NotFound)
    }
}

/// This install sees all that its own programs asked; a person what their keys did.
fn may_see(caller: &Caller, record: &Record) -> bool {
    match caller {
        Caller::Install => true,
        Caller::Loopback => false,
        Caller::Key { person, .. } => {
            matches!(&record.caller, Caller::Key { person: owner, .. } if owner == person)
        }
    }
}

/// A record that is being written. Dropped before its end, its client has left.
#[derive(Debug)]
pub(super) struct Entry {
    journal: Arc<Journal>,
    job: JobId,
}

impl Entry {
    fn change(&self, change: impl FnOnce(&mut Record)) {
        self.journal.change(self.job, change);
    }

    pub(super) fn job(&self) -> JobId {
        self.job
    }

    pub(super) fn why(&self) -> String {
        let records = self.journal.records();
        records.get(&self.job).map(|record| record.why.clone()).unwrap_or_default()
    }

    /// A provider is asked.
    pub(super) fn tries(&self, id: &str) {
        self.change(|record| {
            record.tries.push(Try { place: id.to_owned(), code: None });
            record.provider = Some(id.to_owned());
            record.node = None;
            record.state = api::JobState::Bound;
        });
    }

    /// The mesh is asked.
    pub(super) fn tries_mesh(&self, model: &ModelName) {
        self.change(|record| {
            record.tries.push(Try { place: format!("mesh: {model}"), code: None });
            record.provider = None;
            record.state = api::JobState::Waiting;
        });
    }

    /// The mesh has bound it.
    pub(super) fn placed(&self, placed: &Placed) {
        self.change(|record| {
            record.node = Some(api::NodeRef::new(placed.node, placed.name.as_str()));
            record.state = api::JobState::Running;
        });
    }

    /// The answer has begun.
    pub(super) fn runs(&self) {
        self.change(|record| record.state = api::JobState::Running);
    }

    pub(super) fn failed_here(&self, code: &'static str) {
        self.change(|record| {
            if let Some(last) = record.tries.last_mut() {
                last.code = Some(code);
            }
        });
    }

    pub(super) fn counted(&self, counts: Counts) {
        self.change(|record| record.counts = Some(counts));
    }

    pub(super) fn done(&self) {
        self.end(api::JobState::Completed);
    }

    pub(super) fn failed(&self) {
        self.end(api::JobState::Failed);
    }

    pub(super) fn left(&self) {
        self.end(api::JobState::Cancelled);
    }

    /// There is nothing to remember.
    pub(super) fn withdraw(self) {
        self.journal.records().remove(&self.job);
    }

    fn end(&self, state: api::JobState) {
        self.change(|record| {
            if !record.state.is_terminal() {
                record.state = state;
                record.ended_ms = Some(unix_ms());
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.left();
    }
}

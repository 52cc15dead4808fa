//! What was routed where, and what came of it: for the list of jobs and for why. It holds names and
//! numbers, never text, and lives as long as the node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pumasi_dialects::Counts;
use pumasi_protocol::{JobId, JobKind, ModelName};
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobLookupError, Placed};

use super::noting::Noting;
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
    /// Bytes of what was asked.
    pub(super) asked_bytes: u64,
    pub(super) accepted_ms: u64,
    pub(super) ended_ms: Option<u64>,
    pub(super) state: api::JobState,
    pub(super) tries: Vec<Try>,
    /// Where it is, or ended: a provider's id; none: on the mesh.
    pub(super) provider: Option<String>,
    pub(super) node: Option<api::NodeRef>,
    pub(super) counts: Option<Counts>,
    pub(super) why: String,
    /// What the provider calls the model, and since when it has been writing; none: that is not measured.
    writing: Option<(String, Instant)>,
}

/// A record and its lock, which its request alone takes, but for those who list what there is.
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<Record>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Record> {
        // Each record is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast a provider wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pace {
    /// The provider's id, and what it calls the model.
    pub(super) provider: String,
    pub(super) model: String,
    /// Since its first byte.
    pub(super) time: Duration,
}

/// All requests that providers had a say in.
#[derive(Debug)]
pub(super) struct Journal {
    records: Mutex<BTreeMap<JobId, Shared>>,
    noting: Noting,
}

impl Journal {
    pub(super) fn new(noting: Noting) -> Self {
        Self { records: Mutex::default(), noting }
    }

    pub(super) fn noting(&self) -> &Noting {
        &self.noting
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<JobId, Shared>> {
        // Records are put in and taken out whole.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a record. `why`: why the first place is the first.
    pub(super) fn open(
        self: &Arc<Self>,
        job: JobId,
        caller: Caller,
        kind: JobKind,
        (model, asked_bytes): (ModelName, u64),
        why: String,
    ) -> Entry {
        let record = Record {
            job,
            caller,
            kind,
            model,
            asked_bytes,
            accepted_ms: unix_ms(),
            ended_ms: None,
            state: api::JobState::Waiting,
            tries: Vec::new(),
            provider: None,
            node: None,
            counts: None,
            why,
            writing: None,
        };
        let record = Shared(Arc::new(Mutex::new(record)));
        let mut records = self.records();
        records.insert(job, record.clone());
        while records.len() > RECORDS {
            records.pop_first();
        }
        drop(records);
        Entry { journal: Arc::clone(self), job, record, is_withdrawn: false }
    }

    fn shared(&self, job: JobId) -> Option<Shared> {
        self.records().get(&job).cloned()
    }

    /// What a request cost; and how fast it was written, where that was measured.
    pub(super) fn account(&self, job: JobId, counts: Counts) -> Option<Pace> {
        let shared = self.shared(job)?;
        let mut record = shared.lock();
        record.counts = Some(counts);
        let (model, since) = record.writing.take()?;
        Some(Pace { provider: record.provider.clone()?, model, time: since.elapsed() })
    }

    /// Those that the caller may see, newest first.
    pub(super) fn list(&self, caller: &Caller, most: usize) -> Vec<Record> {
        let records: Vec<Shared> = self.records().values().rev().cloned().collect();
        let seen = records.iter().filter_map(|record| {
            let record = record.lock();
            may_see(caller, &record).then(|| record.clone())
        });
        seen.take(most).collect()
    }

    pub(super) fn find(&self, caller: &Caller, job: JobId) -> Result<Record, JobLookupError> {
        let shared = self.shared(job).ok_or(JobLookupError::NotFound)?;
        let record = shared.lock();
        if may_see(caller, &record) { Ok(record.clone()) } else { Err(JobLookupError::NotFound) }
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
    record: Shared,
    is_withdrawn: bool,
}

impl Entry {
    fn change(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock());
    }

    pub(super) fn job(&self) -> JobId {
        self.job
    }

    pub(super) fn why(&self) -> String {
        self.record.lock().why.clone()
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

    /// A provider has begun to answer. `model`: what it calls the model, if its pace is to be measured.
    pub(super) fn runs(&self, id: &str, model: Option<&str>) {
        self.change(|record| {
            if record.provider.as_deref() != Some(id) {
                record.provider = Some(id.to_owned());
            }
            record.writing = model.map(|model| (model.to_owned(), Instant::now()));
            record.state = api::JobState::Running;
        });
    }

    /// The try where it is failed.
    pub(super) fn failed_here(&self, code: &'static str) {
        self.change(|record| {
            let Record { tries, provider, .. } = record;
            let is_here = |one: &&mut Try| provider.as_ref().is_none_or(|id| one.place == *id);
            fail(tries.iter_mut().rev().filter(is_here), code);
        });
    }

    /// The try at this provider failed.
    pub(super) fn failed_at(&self, id: &str, code: &'static str) {
        self.change(|record| fail(record.tries.iter_mut().rev().filter(|t| t.place == id), code));
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
    pub(super) fn withdraw(mut self) {
        self.is_withdrawn = true;
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

/// Notes a failure once.
fn fail<'a>(mut tries: impl Iterator<Item = &'a mut Try>, code: &'static str) {
    if let Some(one) = tries.find(|one| one.code.is_none()) {
        one.code = Some(code);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.left();
        if !self.is_withdrawn {
            self.journal.noting.note(&self.record.lock());
        }
    }
}

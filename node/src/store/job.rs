//! Jobs as their owner keeps them. Inputs and results are files; the record only names them.

use std::collections::BTreeSet;

use pumasi_protocol::job::JobLine;
use pumasi_protocol::{BlobId, Epoch, JobId, JobState, frame};
use pumasi_scheduler::Holding;
use serde::{Deserialize, Serialize};

use super::database::{Batch, Changing};
use super::record::{Record, Table};
use super::{Store, StoreError};

/// What is kept of a job. A new field is a new layout: raise [`Record::VERSION`] once a release has
/// written the old one, and let [`Record::from_previous`] read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// What a job list shows.
    pub line: JobLine,
    /// The file with what was asked.
    pub input: Option<BlobId>,
    /// The file with the result.
    pub result: Option<BlobId>,
    /// When it ended, Unix time in milliseconds on this node's clock.
    pub ended_ms: Option<u64>,
    /// Bindings so far.
    pub attempts: u32,
    /// The last binding; what carries an older epoch is ignored.
    pub epoch: Epoch,
    /// What tells a repeated request from a new one, if its asker gave a key.
    pub repeat: Option<RepeatKey>,
    /// What its holders agree on, and this node's part in it.
    pub custody: Option<Box<Holding>>,
}

/// An idempotency key as it is kept and compared: hashes, never the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepeatKey {
    /// Of person and key: equal for the same key of the same person, on every node.
    pub key: [u8; 32],
    /// Of what was asked.
    pub body: [u8; 32],
}

impl JobRecord {
    /// The record of a job that was just accepted.
    #[must_use]
    pub fn new(line: JobLine) -> Self {
        Self {
            line,
            input: None,
            result: None,
            ended_ms: None,
            attempts: 0,
            epoch: Epoch(0),
            repeat: None,
            custody: None,
        }
    }

    /// The record of a job that this node keeps.
    #[must_use]
    pub fn of(holding: Holding, repeat: Option<RepeatKey>) -> Self {
        let record = &holding.record;
        let ended = record.ended.as_ref().filter(|_| record.settled);
        let line = JobLine {
            job: record.job,
            kind: record.need.kind,
            model: record.need.model.clone(),
            person: record.person(),
            owner: record.owner(),
            state: ended.map_or(JobState::Waiting, |ended| ended.end.state()),
            accepted_ms: record.accepted_ms,
        };
        let input = record.inputs.first().map(|blob| blob.id);
        let result = ended.and_then(|ended| ended.end.result()).map(|blob| blob.id);
        let ended_ms = ended.map(|ended| ended.at_ms);
        let epoch = record.version.term.floor();
        let kept = Self { input, result, ended_ms, epoch, repeat, ..Self::new(line) };
        Self { custody: Some(Box::new(holding)), ..kept }
    }

    /// The files that it needs.
    pub(super) fn files(&self) -> impl Iterator<Item = BlobId> {
        let named: BTreeSet<BlobId> = match &self.custody {
            Some(holding) => holding.record.blobs().into_iter().map(|blob| blob.id).collect(),
            None => self.input.into_iter().chain(self.result).collect(),
        };
        named.into_iter()
    }
}

impl Record for JobRecord {
    const VERSION: u8 = 2;

    fn from_previous(body: &[u8]) -> Option<Self> {
        let First { line, input, result, ended_ms } = frame::decode_body(body).ok()?;
        Some(Self { input, result, ended_ms, ..Self::new(line) })
    }
}

impl Store {
    /// Keeps a job's record, or replaces it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn put_job(&self, record: JobRecord) -> Result<(), StoreError> {
        let job = record.line.job;
        self.change_job(job, move |_| Ok::<_, StoreError>(((), Some(record)))).await?
    }

    /// Decides on the record of a job as it is at that moment (none: it is not known), and keeps what
    /// is decided (none: it is forgotten); nothing comes between. The answer comes once it lasts, an
    /// error of `decide` at once, and then nothing is changed.
    ///
    /// # Errors
    /// When the disk refuses or the record is damaged; inside, what `decide` says.
    pub async fn change_job<T, E, F>(
        &self,
        job: JobId,
        decide: F,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(Option<JobRecord>) -> Result<(T, Option<JobRecord>), E> + Send + 'static,
    {
        let files = self.inner.files.clone();
        let change = move |ledger: &Changing<'_>| {
            let before: Option<JobRecord> = ledger.read(Table::Job, job.0.as_bytes())?;
            let named_before = files_of(before.as_ref());
            let (value, after) = decide(before)?;
            let named_after = files_of(after.as_ref());
            let mut batch = Batch::default();
            match &after {
                Some(record) => batch.put(Table::Job, job.0.as_bytes(), record)?,
                None => batch.remove(Table::Job, job.0.as_bytes()),
            }
            Ok::<_, E>(((value, named_before, named_after), batch))
        };
        let rename = move |(_, before, after): &(T, Vec<BlobId>, Vec<BlobId>)| {
            after.iter().for_each(|id| files.name(*id));
            before.iter().for_each(|id| files.unname(*id));
        };
        let changed = self.inner.writer.apply_then(change, rename).await?;
        Ok(changed.map(|(value, ..)| value))
    }

    /// A job's record.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn job(&self, job: JobId) -> Result<Option<JobRecord>, StoreError> {
        self.inner.database.read(Table::Job, job.0.as_bytes())
    }

    /// The newest jobs, newest first.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn jobs(&self, at_most: usize) -> Result<Vec<JobRecord>, StoreError> {
        self.inner.database.newest(Table::Job, at_most)
    }

    /// Forgets a job, and those of its files that no other job names.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn remove_job(&self, job: JobId) -> Result<(), StoreError> {
        self.change_job(job, |_| Ok::<_, StoreError>(((), None))).await?
    }
}

fn files_of(record: Option<&JobRecord>) -> Vec<BlobId> {
    record.into_iter().flat_map(JobRecord::files).collect()
}

/// Layout 1.
#[derive(Serialize, Deserialize)]
struct First {
    line: JobLine,
    input: Option<BlobId>,
    result: Option<BlobId>,
    ended_ms: Option<u64>,
}

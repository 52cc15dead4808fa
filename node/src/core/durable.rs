//! Lasting jobs: what was asked is on the disk before it is acknowledged, the outcome before it is
//! shown, and what was under way when the node stopped goes on when it starts again.

use std::time::Duration;

use pumasi_protocol::job::JobLine;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    BlobId, Constraints, Fault, JobId, JobKind, JobState, ModelName, NodeId, NodeName, Priority,
    Work, frame,
};
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobLookupError, Kept, Placed, Repeat, Run, RunError, RunEvent};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::owned::OwnedJob;
use super::owner::is_kept;
use super::{Core, Event, repeats, unix_ms};
use crate::store::{JobRecord, Store, StoreError};

/// Largest kept question or outcome, in bytes: sixteen times the largest frame.
const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Lasting jobs that are over and are known again after a start.
const RESTORED_JOBS: usize = 1_000;

/// How long an outcome waits for space before it is tried again.
const FULL_WAIT: Duration = Duration::from_secs(2);

/// Questions for results that are being written down.
const ASKED_RESULTS: usize = 1_024;

/// Where the answer to a submission goes.
pub(super) type Submitted = oneshot::Sender<Result<api::Job, RunError>>;

/// Somebody asked for a result that is being written down.
pub(super) struct AskedResult {
    caller: Caller,
    job: JobId,
    reply: oneshot::Sender<Result<Kept, JobLookupError>>,
}

/// What was asked, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Question {
    kind: JobKind,
    model: ModelName,
    work: Work,
    constraints: Constraints,
    priority: Priority,
    /// The API key's person; none: this install itself.
    key: Option<String>,
    person: Option<String>,
}

/// What came of it, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Outcome {
    node: Option<(NodeId, NodeName, String, u32)>,
    events: Vec<AttemptEvent>,
    ended_ms: u64,
}

/// A lasting job that the store knows.
pub(crate) struct Restored {
    record: JobRecord,
    question: Question,
}

impl Question {
    fn of(job: &OwnedJob) -> Self {
        let key = match &job.run.caller {
            Caller::Key { person } => Some(person.clone()),
            Caller::Loopback | Caller::Install => None,
        };
        Self {
            kind: job.run.kind,
            model: job.run.model.clone(),
            work: job.run.work.clone(),
            constraints: job.run.constraints.clone(),
            priority: job.run.priority,
            key,
            person: job.person.clone(),
        }
    }

    fn into_run(self) -> Run {
        Run {
            caller: self.key.map_or(Caller::Install, |person| Caller::Key { person }),
            kind: self.kind,
            model: self.model,
            work: self.work,
            constraints: self.constraints,
            priority: self.priority,
        }
    }
}

/// Reads the lasting jobs of earlier starts. Blocks.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn restore(store: &Store) -> Result<Vec<Restored>, StoreError> {
    let mut restored = Vec::new();
    let mut over = 0;
    for record in store.jobs(usize::MAX)? {
        // Of those that are over, the newest; what is under way goes on, however old it is.
        over += usize::from(record.line.state.is_terminal());
        if record.line.state.is_terminal() && over > RESTORED_JOBS {
            continue;
        }
        let Some(input) = record.input else { continue };
        let bytes = store.file(input)?;
        if let Some(question) = bytes.and_then(|b| frame::decode_body(&b).ok()) {
            restored.push(Restored { record, question });
        }
    }
    Ok(restored)
}

impl Core {
    /// Takes up the lasting jobs of earlier starts, oldest first.
    pub(super) fn restore_jobs(&mut self, restored: Vec<Restored>) {
        for Restored { record, question } in restored.into_iter().rev() {
            let person = question.person.clone();
            let run = question.into_run();
            let (need, _) = self.need(&run);
            let mut job = OwnedJob::new(record.line.job, run, need, record.line.accepted_ms);
            job.person = person;
            job.durable = true;
            job.repeat = record.repeat;
            self.owned.repeats.begin(record.repeat, job.id);
            self.owned.repeats.end(record.repeat, true);
            job.ended_ms = record.ended_ms;
            job.kept = record.line.state.is_terminal();
            if record.line.state.is_terminal() {
                job.node = ended_on(&record.line.state);
                job.state = record.line.state;
                self.owned.ended.push_back(job);
            } else {
                self.start_durable(job, record.input);
            }
        }
    }

    pub(super) fn submit(&mut self, run: Run, repeat: Option<Repeat>, reply: Submitted) {
        let person = self.person(&run.caller).0;
        let repeat = repeat.map(|repeat| repeats::key(person, &repeat));
        // A repeated request gets its job even where a new one would be refused.
        let Some(reply) = self.answer_repeated(repeat, reply) else { return };
        let mut job = match self.new_job(run) {
            Ok(job) => job,
            Err(error) => return drop(reply.send(Err(error))),
        };
        job.durable = true;
        job.repeat = repeat;
        self.owned.repeats.begin(repeat, job.id);
        let record = JobRecord { repeat, ..JobRecord::new(self.job_line(&job)) };
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let input = keep_question(&store, &job, record).await;
            let input = input.map_err(|error| {
                tracing::error!(%error, "a lasting job could not be written down");
                refusal(&error)
            });
            // At the node's end nobody listens any more; what is kept goes on at the next start.
            let _ = events.send(Event::Stored(Box::new(job), input, reply)).await;
        });
    }

    pub(super) fn on_stored(
        &mut self,
        job: OwnedJob,
        input: Result<BlobId, RunError>,
        reply: Submitted,
    ) {
        let (id, repeat) = (job.id, job.repeat);
        self.notice_refusal(input.as_ref().err());
        let outcome = input.map(|input| {
            self.start_durable(job, Some(input));
            self.owned.find(id).map(|job| self.job_view(job))
        });
        let outcome = outcome.and_then(|view| view.ok_or(RunError::Stopping));
        for waiting in self.owned.repeats.end(repeat, outcome.is_ok()) {
            drop(waiting.send(outcome.clone()));
        }
        drop(reply.send(outcome));
    }

    /// Shows, or no longer shows, that lasting jobs cannot be written down.
    fn notice_refusal(&mut self, refused: Option<&RunError>) {
        let (code, message) = match refused {
            Some(error @ RunError::DiskFull) => ("disk_full", error.to_string()),
            Some(RunError::NotStored) => ("store_stopped", StoreError::Stopped.to_string()),
            Some(
                RunError::ModelNotFound(_)
                | RunError::ModelLoading { .. }
                | RunError::Capability(_)
                | RunError::UnknownNode(_)
                | RunError::Busy { .. }
                | RunError::KeyReused
                | RunError::NotAllowed
                | RunError::Stopping
                | RunError::Fault(_),
            ) => return,
            None => return drop(self.notices.remove("disk_full")),
        };
        let level = api::NoticeLevel::Trouble;
        self.notices.insert(code, api::Notice { level, code: code.to_owned(), message });
    }

    /// Forgets a job that is over.
    pub(super) fn forget_job(
        &mut self,
        caller: &Caller,
        job: JobId,
        reply: oneshot::Sender<Result<(), JobLookupError>>,
    ) {
        let found = self.seen_by(caller, job).and_then(|job| {
            let over = job.state.is_terminal() && (job.kept || !job.durable);
            if over { Ok(job.durable) } else { Err(JobLookupError::NotOver) }
        });
        let durable = match found {
            Ok(durable) => durable,
            Err(error) => {
                // Whoever does not wait for the answer any more does not need it.
                let _ = reply.send(Err(error));
                return;
            }
        };
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let removed = if durable { store.remove_job(job).await } else { Ok(()) };
            match &removed {
                // At the node's end nobody listens any more.
                Ok(()) => drop(events.send(Event::Forgotten(vec![job])).await),
                Err(error) => tracing::error!(%error, "a job could not be forgotten"),
            }
            // As above.
            let _ = reply.send(removed.map_err(|_| JobLookupError::Unreachable));
        });
    }

    pub(super) fn on_forgotten(&mut self, jobs: &[JobId]) {
        self.owned.ended.retain(|job| !jobs.contains(&job.id));
        self.owned.repeats.forget(jobs);
    }

    fn start_durable(&mut self, job: OwnedJob, input: Option<BlobId>) {
        let (line, repeat) = (self.job_line(&job), job.repeat);
        let source = self.accept_job(job);
        let record = JobRecord { input, repeat, ..JobRecord::new(line) };
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let id = record.line.job;
            if let Err(error) = collect(&store, record, source).await {
                tracing::error!(%error, job = %id.short(), "an outcome could not be written down");
            }
            // At the node's end nobody listens any more.
            let _ = events.send(Event::Kept(id)).await;
        });
    }

    /// The outcome of a lasting job is on the disk: who asked for it gets it.
    pub(super) fn on_kept(&mut self, job: JobId) {
        if let Some(job) = self.owned.find_mut(job) {
            job.kept = true;
        }
        let asked = std::mem::take(&mut self.owned.results);
        let (now, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.job == job);
        self.owned.results = later;
        for asked in now {
            self.result(&asked.caller, asked.job, asked.reply);
        }
        self.publish_job(job);
    }

    pub(super) fn result(
        &mut self,
        caller: &Caller,
        job: JobId,
        reply: oneshot::Sender<Result<Kept, JobLookupError>>,
    ) {
        let found = self.seen_by(caller, job).and_then(|job| match &job.state {
            _ if !job.durable => Err(JobLookupError::NotKept),
            JobState::Completed(_) => Ok((job.run.clone(), job.kept)),
            JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => {
                Err(JobLookupError::NotOver)
            }
            JobState::Failed(_) | JobState::Cancelled => Err(JobLookupError::NotKept),
        });
        let store = self.store.clone();
        match found {
            Ok((run, true)) => drop(tokio::task::spawn_blocking(move || {
                drop(reply.send(read_outcome(&store, job, run)));
            })),
            // Between its last event and the disk, an outcome is not there yet.
            Ok((_, false)) if self.owned.results.len() < ASKED_RESULTS => {
                self.owned.results.push(AskedResult { caller: caller.clone(), job, reply });
            }
            Ok((_, false)) => drop(reply.send(Err(JobLookupError::NotOver))),
            Err(error) => drop(reply.send(Err(error))),
        }
    }
}

fn ended_on(state: &JobState) -> Option<NodeId> {
    match state {
        JobState::Completed(node) | JobState::Bound(node) | JobState::Running(node) => Some(*node),
        JobState::Waiting | JobState::Failed(_) | JobState::Cancelled => None,
    }
}

fn read_outcome(store: &Store, job: JobId, run: Run) -> Result<Kept, JobLookupError> {
    let record = store.job(job).ok().flatten().ok_or(JobLookupError::NotKept)?;
    let result = record.result.ok_or(JobLookupError::NotKept)?;
    let bytes = store.file(result).ok().flatten().ok_or(JobLookupError::NotKept)?;
    let outcome: Outcome = frame::decode_body(&bytes).map_err(|_| JobLookupError::NotKept)?;
    let placed = outcome.node.map(|(node, name, why, epoch)| Placed {
        node,
        name,
        why,
        epoch: pumasi_protocol::Epoch(epoch),
        after: None,
    });
    Ok(Kept { run, placed, events: outcome.events, ended_ms: outcome.ended_ms })
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    frame::encode_body(value, KEPT_BYTES).map_err(|_| StoreError::TooLarge { bytes: KEPT_BYTES })
}

/// Writes a file; on the disk when this returns.
async fn put(store: &Store, bytes: Vec<u8>) -> Result<BlobId, StoreError> {
    let store = store.clone();
    let written = tokio::task::spawn_blocking(move || store.put_file(&bytes));
    written.await.unwrap_or(Err(StoreError::Stopped))
}

/// What came of a job waits while the disk is full.
async fn with_space<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match write().await {
            Err(StoreError::Full) => tokio::time::sleep(FULL_WAIT).await,
            other => return other,
        }
    }
}

async fn keep_question(
    store: &Store,
    job: &OwnedJob,
    record: JobRecord,
) -> Result<BlobId, StoreError> {
    let question = encode(&Question::of(job))?;
    store.check_space(question.len())?;
    let input = put(store, question).await?;
    let kept = store.put_job(JobRecord { input: Some(input), ..record }).await;
    kept.inspect_err(|_| store.give_up_file(input))?;
    Ok(input)
}

/// What the asker is told of a job that could not be written down.
fn refusal(error: &StoreError) -> RunError {
    match error {
        StoreError::Full => RunError::DiskFull,
        StoreError::TooLarge { .. } => RunError::Fault(Fault::BadRequest),
        StoreError::InUse { .. }
        | StoreError::Io { .. }
        | StoreError::Damaged { .. }
        | StoreError::Missing { .. }
        | StoreError::Newer { .. }
        | StoreError::NotAnExport { .. }
        | StoreError::TooManyAside { .. }
        | StoreError::Stopped
        | StoreError::Random => RunError::NotStored,
    }
}

/// Gathers a job's events until its last, and keeps the outcome.
async fn collect(
    store: &Store,
    mut record: JobRecord,
    mut source: mpsc::Receiver<RunEvent>,
) -> Result<(), StoreError> {
    let mut outcome = Outcome { node: None, events: Vec::new(), ended_ms: 0 };
    let mut state = JobState::Cancelled;
    while let Some(event) = source.recv().await {
        match event {
            RunEvent::Placed(p) => outcome.node = Some((p.node, p.name, p.why, p.epoch.0)),
            RunEvent::Failed(fault) => state = JobState::Failed(fault),
            RunEvent::Attempt(event) => {
                if let (true, Some((node, ..))) = (event.is_last(), &outcome.node) {
                    state = JobState::Completed(*node);
                }
                if is_kept(&event) {
                    merge(&mut outcome.events, event);
                }
            }
        }
    }
    outcome.ended_ms = unix_ms();
    record.ended_ms = Some(outcome.ended_ms);
    if let JobState::Completed(_) = state {
        record.result = match encode(&outcome) {
            Ok(bytes) => Some(with_space(|| put(store, bytes.clone())).await?),
            Err(_) => {
                state = JobState::Failed(Fault::BadRequest);
                None
            }
        };
    }
    record.line = JobLine { state, ..record.line };
    with_space(|| store.put_job(record.clone())).await
}

/// Adjacent tokens become one event, as far as one event may hold.
fn merge(events: &mut Vec<AttemptEvent>, event: AttemptEvent) {
    match (events.last_mut(), event) {
        (
            Some(AttemptEvent::Tokens { tokens, .. }),
            AttemptEvent::Tokens { tokens: mut more, .. },
        ) if tokens.len() + more.len() <= pumasi_protocol::limits::TOKENS_PER_EVENT => {
            tokens.append(&mut more);
        }
        (_, event) => events.push(event),
    }
}

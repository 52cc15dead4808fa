//! Lasting jobs: what was asked is with all its holders before it is acknowledged, the outcome is
//! final before it is shown, and what was under way when the node stopped goes on.

use pumasi_protocol::custody::Blob;
use pumasi_protocol::{Epoch, Fault, JobId, JobState, Term, Work};
use pumasi_scheduler::CustodyInput;
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobLookupError, Kept, Repeat, Run, RunError};
use tokio::sync::oneshot;

use super::kept::{Question, collect, keep_question, read_files};
use super::owned::OwnedJob;
use super::{Core, Event, repeats};
use crate::store::{RepeatKey, StoreError};

/// Questions for results that are being written down.
const ASKED_RESULTS: usize = 1_024;

/// Where the answer to a submission goes.
pub(super) type Submitted = oneshot::Sender<Result<api::Job, RunError>>;

/// Somebody asked for a result that is not final yet.
pub(super) struct AskedResult {
    caller: Caller,
    job: JobId,
    reply: oneshot::Sender<Result<Kept, JobLookupError>>,
}

/// A job between being asked for and being acknowledged.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Until it is given to the scheduler.
    job: Option<Box<OwnedJob>>,
    input: Blob,
    repeat: Option<RepeatKey>,
    /// Until it is acknowledged.
    reply: Option<Submitted>,
}

impl Draft {
    pub(super) fn repeat(&self) -> Option<RepeatKey> {
        self.repeat
    }
}

/// What became of writing down what a job asks.
pub(crate) type Stored = Result<Box<Draft>, (Option<RepeatKey>, RunError, Submitted)>;

impl Core {
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
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let id = job.id;
            let written = keep_question(&store, &job).await;
            let stored = match written {
                Ok(input) => {
                    let job = Some(Box::new(job));
                    Ok(Box::new(Draft { job, input, repeat, reply: Some(reply) }))
                }
                Err(error) => {
                    tracing::error!(%error, "a lasting job could not be written down");
                    Err((repeat, refusal(&error), reply))
                }
            };
            // At the node's end nobody listens any more, and nothing was acknowledged.
            let _ = events.send(Event::Stored(id, stored)).await;
        });
    }

    pub(super) fn on_stored(&mut self, id: JobId, stored: Stored) {
        let draft = match stored {
            Ok(draft) => draft,
            Err((repeat, error, reply)) => return self.tell_submitted(repeat, &Err(error), reply),
        };
        let Some(job) = &draft.job else { return };
        let mut need = job.need.clone();
        need.prefix.clear();
        let asked = pumasi_scheduler::Draft {
            job: id,
            need,
            key: draft.repeat.map(|repeat| repeat.key),
            inputs: inputs(draft.input, &job.run.work),
            accepted_ms: job.accepted_ms,
        };
        self.keeping.drafts.insert(id, *draft);
        self.tell_custody(CustodyInput::Accept(Box::new(asked)));
    }

    /// Tells who handed a job in, and who asked the same meanwhile.
    fn tell_submitted(
        &mut self,
        repeat: Option<RepeatKey>,
        answer: &Result<api::Job, RunError>,
        reply: Submitted,
    ) {
        self.notice_refusal(answer.as_ref().err());
        for waiting in self.owned.repeats.end(repeat, answer.is_ok()) {
            drop(waiting.send(answer.clone()));
        }
        drop(reply.send(answer.clone()));
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
                | RunError::NoHolder
                | RunError::NotAllowed
                | RunError::Stopping
                | RunError::Unsayable(_)
                | RunError::NoProvider(_)
                | RunError::NoPlaceLeft { .. }
                | RunError::Provider(_)
                | RunError::Fault(_),
            ) => return,
            None => return drop(self.notices.remove("disk_full")),
        };
        let level = api::NoticeLevel::Trouble;
        self.notices.insert(code, api::Notice { level, code: code.to_owned(), message });
    }

    /// All its holders have it: who handed it in is told.
    pub(super) fn acknowledge(&mut self, id: JobId) {
        let Some(draft) = self.keeping.drafts.get_mut(&id) else { return };
        let (reply, repeat) = (draft.reply.take(), draft.repeat);
        let job = self.keeping.drafts.get(&id).and_then(|draft| draft.job.as_deref());
        let view = job.or_else(|| self.owned.find(id)).map(|job| self.job_view(job));
        if let (Some(reply), Some(view)) = (reply, view) {
            self.tell_submitted(repeat, &Ok(view), reply);
        }
        self.drop_finished_draft(id);
    }

    fn drop_finished_draft(&mut self, id: JobId) {
        let is_finished = |draft: &Draft| draft.job.is_none() && draft.reply.is_none();
        if self.keeping.drafts.get(&id).is_some_and(is_finished) {
            self.keeping.drafts.remove(&id);
        }
    }

    pub(super) fn refuse_draft(&mut self, id: JobId, error: RunError) {
        let Some(draft) = self.keeping.drafts.remove(&id) else { return };
        self.give_up(&draft);
        if let Some(reply) = draft.reply {
            self.tell_submitted(draft.repeat, &Err(error), reply);
        }
    }

    /// The key was given at another node before: for the same request that job is the answer.
    pub(super) fn answer_same(&mut self, id: JobId, existing: JobId) {
        let Some(draft) = self.keeping.drafts.remove(&id) else { return };
        self.give_up(&draft);
        // Whoever asked the same here meanwhile asks again, and gets that job.
        let busy = RunError::Busy { retry_s: 1 };
        for waiting in self.owned.repeats.end(draft.repeat, false) {
            drop(waiting.send(Err(busy.clone())));
        }
        if let (Some(reply), Some(job)) = (draft.reply, draft.job) {
            let body = draft.repeat.map(|repeat| repeat.body);
            self.answer_repeat(&job.run.caller, existing, body, reply);
        }
    }

    fn give_up(&self, draft: &Draft) {
        let store = self.store.clone();
        let files = match &draft.job {
            Some(job) => inputs(draft.input, &job.run.work),
            None => vec![draft.input],
        };
        drop(tokio::task::spawn_blocking(move || {
            files.into_iter().for_each(|file| store.give_up_file(file.id));
        }));
    }

    /// This node owns the job in this term: it goes to the scheduler.
    pub(super) fn place_job(&mut self, id: JobId, term: Term, floor: Epoch) {
        let draft = self.keeping.drafts.get_mut(&id);
        match draft.and_then(|draft| Some((draft.job.take()?, draft.input))) {
            Some((mut job, input)) => {
                job.input = Some(input.id);
                self.start_durable(*job, term, floor);
                self.drop_finished_draft(id);
            }
            None => self.read_question(id, term, floor),
        }
    }

    pub(super) fn on_question(&mut self, id: JobId, term: Term, question: Question) {
        let is_wanted = self.keeping.placing.get(&id).is_some_and(|placing| placing.term == term);
        let Some(placing) = self.keeping.placing.remove(&id).filter(|_| is_wanted) else { return };
        let Some(record) = self.record(id) else { return };
        let (person, accepted_ms) = (record.person(), record.accepted_ms);
        let input = record.inputs.first().map(|blob| blob.id);
        let key = record.key;
        let constraints = record.need.constraints.clone();
        let repeat = key.zip(question.body()).map(|(key, body)| RepeatKey { key, body });
        let run = Run { constraints, ..question.into_run() };
        let (mut need, name) = self.need(&run);
        // Whose job it is, its record says, not who runs this node.
        let name = if need.person == person { name } else { self.person_name(person) };
        need.person = person;
        let mut job = OwnedJob::new(id, run, need, accepted_ms);
        job.person = name;
        job.durable = true;
        job.input = input;
        job.repeat = repeat;
        self.start_durable(job, term, placing.floor);
    }

    fn start_durable(&mut self, job: OwnedJob, term: Term, floor: Epoch) {
        let id = job.id;
        self.owned.ended.retain(|ended| ended.id != id);
        let source = match &job.run.work {
            Work::Documents(_) => self.accept_documents(job, floor),
            Work::Generate(_) | Work::Embed(_) | Work::Document(_) => self.accept_job(job, floor),
        };
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            if let Some(ended) = collect(&store, id, source).await {
                let ended = CustodyInput::Ended { job: id, term, ended };
                // At the node's end nobody listens any more: the job goes on at the next start.
                let _ = events.send(Event::Custody(Box::new(ended))).await;
            }
        });
    }

    /// The end of a job is final: who asked for its result gets it.
    pub(super) fn answer_results(&mut self, job: JobId) {
        let asked = std::mem::take(&mut self.owned.results);
        let (now, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.job == job);
        self.owned.results = later;
        for asked in now {
            self.result(&asked.caller, asked.job, asked.reply);
        }
    }

    /// The result of a job of this node.
    pub(super) fn result(
        &mut self,
        caller: &Caller,
        job: JobId,
        reply: oneshot::Sender<Result<Kept, JobLookupError>>,
    ) {
        let found = self.seen_by(caller, job).and_then(|job| match &job.state {
            _ if !job.durable => Err(JobLookupError::NotKept),
            JobState::Completed(_) => Ok((job.input, job.result)),
            JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => {
                // Its last event came: a moment later its end is final.
                Err(if job.over.is_cancelled() {
                    JobLookupError::Over
                } else {
                    JobLookupError::NotOver
                })
            }
            JobState::Failed(_) | JobState::Cancelled => Err(JobLookupError::NotKept),
        });
        let store = self.store.clone();
        match found {
            Ok((Some(input), Some(result))) => drop(tokio::task::spawn_blocking(move || {
                drop(reply.send(read_files(&store, input, result).ok_or(JobLookupError::NotKept)));
            })),
            Ok(_) => drop(reply.send(Err(JobLookupError::NotKept))),
            Err(JobLookupError::Over) if self.owned.results.len() < ASKED_RESULTS => {
                self.owned.results.push(AskedResult { caller: caller.clone(), job, reply });
            }
            Err(JobLookupError::Over) => drop(reply.send(Err(JobLookupError::NotOver))),
            Err(error) => drop(reply.send(Err(error))),
        }
    }
}

/// The files of a job, the one with what was asked first.
fn inputs(question: Blob, work: &Work) -> Vec<Blob> {
    let mut inputs = vec![question];
    for file in work.files() {
        if !inputs.contains(&file) {
            inputs.push(file);
        }
    }
    inputs
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

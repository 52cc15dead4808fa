//! Jobs that this node accepted: from the asker's work to the client's events, over as many attempts
//! as the scheduler makes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    AttemptId, BlobId, Epoch, Fault, JobId, JobState, ModelName, NodeId, Refusal, Work,
};
use pumasi_scheduler::{Input, Outcome};
use pumasi_web::mesh::{Placed, Run, RunError, RunEvent, Running};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::durable::AskedResult;
use super::owned::{Next, OwnedJob, Try};
use super::pump::{OwnerPump, OwnerReport, Voice};
use super::repeats::Repeats;
use super::silence::{Ear, PATIENCE, Questions};
use super::transcript::Transcript;
use super::{Core, Event, unix_ms};
use crate::net::{Attempt, Opening};

/// Events that a job's client may lag behind before the job pauses.
const CLIENT_EVENTS: usize = 64;
/// Events between engine and owner on one node.
const LOCAL_EVENTS: usize = 64;
/// How long somebody who reads half an answer waits for a computer that can go on with it.
const READER_PATIENCE: Duration = Duration::from_secs(20);
/// The same for a lasting job, for which nobody waits at a screen.
const LASTING_PATIENCE: Duration = Duration::from_secs(600);
/// Jobs of this node that are not over, beyond which new ones are refused.
const LIVE_JOBS: usize = 4_096;
/// Jobs that are over and still listed.
const ENDED_JOBS: usize = 1_000;
/// Changes between two numbers of starts, which are milliseconds apart.
const REVISIONS: u64 = 1_000_000;

/// The jobs of this node as an owner.
#[derive(Default)]
pub(super) struct Owned {
    pub(super) live: BTreeMap<JobId, OwnedJob>,
    /// Which job each second try is of.
    pub(super) hedges: BTreeMap<JobId, JobId>,
    /// Newest last.
    pub(super) ended: VecDeque<OwnedJob>,
    /// Who waits for results that are not final yet.
    pub(super) results: Vec<AskedResult>,
    /// Which jobs came with an idempotency key.
    pub(super) repeats: Repeats,
    /// Counts the changes of all jobs, from a start's number on, so that it never goes back.
    pub(super) revision: u64,
    /// Where that count began.
    pub(super) began: u64,
}

impl Owned {
    /// For a start of this number: its changes count from above those of every earlier start.
    pub(super) fn beginning(incarnation: u64) -> Self {
        let began = incarnation.saturating_mul(REVISIONS);
        Self { began, revision: began, ..Self::default() }
    }

    pub(super) fn find(&self, job: JobId) -> Option<&OwnedJob> {
        self.live.get(&job).or_else(|| self.ended.iter().find(|ended| ended.id == job))
    }

    pub(super) fn find_mut(&mut self, job: JobId) -> Option<&mut OwnedJob> {
        let ended = self.ended.iter_mut().find(|ended| ended.id == job);
        self.live.get_mut(&job).or(ended)
    }

    /// The live job that a try is of.
    pub(super) fn of_try(&mut self, id: JobId) -> Option<&mut OwnedJob> {
        let job = self.hedges.get(&id).copied().unwrap_or(id);
        self.live.get_mut(&job)
    }

    /// A job changed in a way that others may want to know.
    pub(super) fn touch(&mut self, job: JobId) {
        let next = self.revision + 1;
        if let Some(job) = self.find_mut(job) {
            job.revision = next;
            self.revision = next;
        }
    }

    /// The job is not this node's any more, or not kept any more.
    pub(super) fn forget(&mut self, job: JobId) {
        self.ended.retain(|ended| ended.id != job);
    }

    pub(super) fn end(&mut self, job: JobId) {
        if let Some(job) = self.live.remove(&job) {
            if let Some(second) = &job.second {
                self.hedges.remove(&second.id);
            }
            self.ended.push_back(job);
        }
        while self.ended.len() > ENDED_JOBS {
            self.ended.pop_front();
        }
    }
}

impl Core {
    /// Takes a job for somebody who listens.
    pub(super) fn start_run(&mut self, run: Run) -> Result<Running, RunError> {
        let job = self.new_job(run)?;
        let id = job.id;
        let events = self.accept_job(job, Epoch(0));
        Ok(Running { job: id, events })
    }

    /// Makes the record of a job, if it can be taken at all.
    pub(super) fn new_job(&mut self, run: Run) -> Result<OwnedJob, RunError> {
        if self.owned.live.len() >= LIVE_JOBS {
            return Err(RunError::Busy { retry_s: 5 });
        }
        self.check_run(&run)?;
        let mut random = [0; 10];
        getrandom::fill(&mut random).expect("the operating system has random bytes");
        let id = JobId::from_parts(unix_ms(), random);
        let (need, person) = self.need(&run);
        let mut job = OwnedJob::new(id, run, need, unix_ms());
        job.person = person;
        Ok(job)
    }

    /// Hands a job to the scheduler, for epochs above `floor`. The receiver gets its events; dropping
    /// it cancels the job.
    pub(super) fn accept_job(
        &mut self,
        mut job: OwnedJob,
        floor: Epoch,
    ) -> mpsc::Receiver<RunEvent> {
        let (client, events) = mpsc::channel(CLIENT_EVENTS);
        let (id, need) = (job.id, Box::new(job.need.clone()));
        tokio::spawn(watch_client(id, client.clone(), job.over.clone(), self.events.clone()));
        job.client = Some(client);
        self.owned.live.insert(id, job);
        self.owned.touch(id);
        self.tell(Input::Submit { job: id, need, floor });
        events
    }

    /// Makes an attempt; at once, or as soon as the one before has given its transcript back.
    pub(super) fn dispatch(&mut self, attempt: AttemptId, executor: NodeId, model: ModelName) {
        let job = self.owned.of_try(attempt.job);
        if let Some(current) = job.and_then(|job| job.try_mut(attempt.job)) {
            current.next = Some(Next { attempt, executor, model });
            self.dispatch_next(attempt.job);
        }
    }

    fn dispatch_next(&mut self, id: JobId) {
        let Some(job) = self.owned.of_try(id) else { return };
        let Some(client) = job.client.clone() else { return };
        let Some(current) = job.try_mut(id) else { return };
        let Some(transcript) = current.transcript.take() else { return };
        let Some(Next { attempt, executor, model }) = current.next.take() else {
            current.transcript = Some(transcript);
            return;
        };
        let begun_with = current.file;
        let known = begun_with.filter(|_| transcript.has_begun());
        let file = self.file_at(executor, &model, known);
        let mut placed = self.placed(attempt, executor);
        let Some(job) = self.owned.of_try(id) else { return };
        placed.after = job.latest_fault().map(|fault| fault.code());
        let Some(current) = job.try_mut(id) else { return };
        // Token ids mean nothing to another file: an answer that has begun goes on with its own.
        if transcript.has_begun() && file != begun_with {
            current.transcript = Some(transcript);
            let outcome = Outcome::Failed(Fault::Refused(Refusal::ModelAbsent));
            return self.tell(Input::AttemptEnded { attempt, outcome });
        }
        let cancelled = CancellationToken::new();
        current.file = file;
        current.attempt = Some((attempt, cancelled.clone()));
        current.placed = Some(placed.clone());
        job.attempts += 1;
        job.begin_passage(attempt.epoch);
        let race = Arc::clone(&job.race);
        // A second try is not seen before it writes.
        let held = (id != job.id && race.winner() != Some(id)).then(Vec::new);
        if held.is_none() {
            job.show(&placed);
        }
        let work = transcript.continuation(&job.run.work);
        let ear = self.listen(attempt, executor, model, work);
        let reports = self.events.clone();
        let voice = Voice { id, client, race, held };
        let pump = OwnerPump { attempt, placed, transcript, ear, voice, cancelled, reports };
        tokio::spawn(pump.run());
    }

    /// Hands the work over, and listens for what comes of it.
    fn listen(
        &mut self,
        attempt: AttemptId,
        executor: NodeId,
        model: ModelName,
        work: Work,
    ) -> Ear {
        if executor == self.me {
            let (events, source) = mpsc::channel(LOCAL_EVENTS);
            self.accept(attempt, work, events);
            let (_, opening) = watch::channel(Opening::Open);
            return Ear::new(source, opening, PATIENCE, Questions::to_self());
        }
        let questions = Questions::to(self.net.clone(), executor, attempt);
        let Attempt { events, opening, .. } = self.net.open_attempt(executor, attempt, model, work);
        Ear::new(events, opening, PATIENCE, questions)
    }

    /// The file that a model's name means on a node; if that node holds `known` under any name, that.
    fn file_at(&self, node: NodeId, model: &ModelName, known: Option<BlobId>) -> Option<BlobId> {
        if node == self.me {
            let held = self.models.iter().map(|(name, local)| (name, local.file));
            return file_of(model, known, held);
        }
        let advert = self.scheduler.view().node(node)?.advert?;
        file_of(model, known, advert.models.iter().map(|held| (&held.name, held.file)))
    }

    fn placed(&self, attempt: AttemptId, executor: NodeId) -> Placed {
        let name = self.node_name(executor);
        let why = self.scheduler.view().why(attempt.job).map(|why| self.why_sentence(why));
        let why = why.unwrap_or_default();
        Placed { node: executor, name, why, epoch: attempt.epoch, after: None, model: None }
    }

    pub(super) fn cancel_attempt(&mut self, attempt: AttemptId) {
        let job = self.owned.of_try(attempt.job);
        let Some(current) = job.and_then(|job| job.try_mut(attempt.job)) else { return };
        current.next.take_if(|next| next.attempt == attempt);
        if let Some((running, cancelled)) = &current.attempt
            && *running == attempt
        {
            cancelled.cancel();
        }
    }

    pub(super) fn on_owner_report(&mut self, report: OwnerReport) {
        if let OwnerReport::Progress(attempt, ..) | OwnerReport::Ended(attempt, ..) = &report {
            let id = self.owned.of_try(attempt.job).map_or(attempt.job, |job| job.id);
            self.owned.touch(id);
        }
        match report {
            OwnerReport::Started(attempt) => self.tell(Input::AttemptStarted { attempt }),
            OwnerReport::Progress(attempt, phase, step) => {
                if let Some(job) = self.owned.of_try(attempt.job) {
                    job.progress = Some((phase, step));
                }
            }
            OwnerReport::Begun(attempt, gap) => self.on_answer_begun(attempt, gap),
            OwnerReport::Ended(attempt, outcome, transcript) => {
                self.on_attempt_ended(attempt, outcome, transcript);
            }
        }
    }

    fn on_answer_begun(&mut self, attempt: AttemptId, gap: Option<Duration>) {
        let Some(job) = self.owned.of_try(attempt.job) else { return };
        if let Some(passage) = job.passage_mut(attempt.epoch) {
            passage.gap = gap;
        }
        let Some(current) = job.try_mut(attempt.job) else { return };
        let (file, placed) = (current.file, current.placed.clone());
        placed.iter().for_each(|placed| job.show(placed));
        let patience = if job.durable { LASTING_PATIENCE } else { READER_PATIENCE };
        let patience_ms = u32::try_from(patience.as_millis()).expect("minutes fit");
        self.tell(Input::AnswerBegun { attempt, file, patience_ms });
    }

    fn on_attempt_ended(&mut self, attempt: AttemptId, outcome: Outcome, transcript: Transcript) {
        let (mut dropped, mut left) = (None, None);
        let executor = self.owned.of_try(attempt.job).and_then(|job| job.executor(attempt));
        let parting = executor.and_then(|node| self.parting(node));
        if let Some(job) = self.owned.of_try(attempt.job) {
            let is_left = job.client.as_ref().is_some_and(mpsc::Sender::is_closed);
            left = (outcome == Outcome::Cancelled && is_left).then_some(job.id);
            let is_writer = job.race.winner() == Some(attempt.job);
            if is_writer && attempt.job != job.id && outcome == Outcome::Cancelled {
                dropped = Some((job.id, job.client.clone()));
            }
            if let Some(passage) = job.passage_mut(attempt.epoch) {
                passage.delivered = transcript.delivered();
                passage.fault = match &outcome {
                    Outcome::Completed { .. } => None,
                    Outcome::Failed(_) | Outcome::Cancelled if parting.is_some() => parting,
                    Outcome::Failed(fault) => Some(fault.clone()),
                    Outcome::Cancelled => None,
                };
            }
            if let Some(current) = job.try_mut(attempt.job) {
                current.transcript = Some(transcript);
                current.attempt.take_if(|(running, _)| *running == attempt);
            }
            if let Outcome::Completed { usage, timings } = &outcome {
                job.usage = Some(*usage);
                job.timings = Some(*timings);
            }
        }
        if let Some(job) = left {
            // Not to be tried again for a client that has gone.
            self.tell(Input::Cancel { job });
        }
        self.tell(Input::AttemptEnded { attempt, outcome });
        if let Some((job, client)) = dropped {
            // A second try was cancelled at the moment when its first words went out: what follows
            // them is lost, and the first try may not write any more.
            client.into_iter().for_each(|client| {
                tokio::spawn(tell_failure(client, Fault::NotContinued));
            });
            self.tell(Input::Cancel { job });
        }
        self.dispatch_next(attempt.job);
    }

    /// A job is begun a second time. Nobody waits for a lasting one at a screen.
    pub(super) fn hedge(&mut self, id: JobId, hedge: JobId) {
        match self.owned.live.get_mut(&id).filter(|job| !job.durable) {
            Some(job) => {
                job.second = Some(Try::new(hedge));
                self.owned.hedges.insert(hedge, id);
            }
            None => self.tell(Input::Cancel { job: hedge }),
        }
    }

    pub(super) fn on_job_state(&mut self, id: JobId, state: JobState) {
        let state = self.final_state(state);
        let Some(job) = self.owned.live.get_mut(&id) else { return };
        let durable = job.durable;
        // The end of a lasting job is shown once it is final, which custody says.
        if !(durable && state.is_terminal()) {
            job.state = state.clone();
        }
        if state.is_terminal() {
            job.ended_ms = Some(unix_ms()).filter(|_| !durable);
            job.over.cancel();
            let client = job.client.take();
            if let (JobState::Failed(fault), Some(client)) = (state, client) {
                tokio::spawn(tell_failure(client, fault));
            }
            if !durable {
                self.note_asked(id);
                self.owned.end(id);
            }
        }
        self.owned.touch(id);
        self.publish_job(id);
    }
}

fn file_of<'a>(
    model: &ModelName,
    known: Option<BlobId>,
    held: impl Iterator<Item = (&'a ModelName, BlobId)> + Clone,
) -> Option<BlobId> {
    let is_held = known.is_some() && held.clone().any(|(_, file)| Some(file) == known);
    let named = || held.clone().find(|(name, _)| *name == model).map(|(_, file)| file);
    if is_held { known } else { named() }
}

async fn tell_failure(client: mpsc::Sender<RunEvent>, fault: Fault) {
    // Whoever does not listen any more does not need to know.
    let _ = client.send(RunEvent::Failed(fault)).await;
}

async fn watch_client(
    job: JobId,
    client: mpsc::Sender<RunEvent>,
    over: CancellationToken,
    events: mpsc::Sender<Event>,
) {
    let gone = tokio::select! {
        () = client.closed() => true,
        () = over.cancelled() => false,
    };
    if gone {
        // At the node's end nobody listens any more.
        let _ = events.send(Event::Gone(job)).await;
    }
}

/// Whether an event of an attempt belongs into a kept result.
pub(super) fn is_kept(event: &AttemptEvent) -> bool {
    !matches!(event, AttemptEvent::Alive { .. } | AttemptEvent::Failed(_))
}

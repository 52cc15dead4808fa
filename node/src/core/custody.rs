//! The shell of custody: performs what it asks, and tells it what came of it. What lasts is on the
//! disk before anything is said about it; nothing here waits.

mod accounts;
mod files;
mod rows;
mod sheets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pumasi_protocol::custody::{CustodyMessage, Ended, Record};
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::{Epoch, JobId, NodeId, Term, Work};
use pumasi_scheduler::{
    AcceptRefusal, AdoptRefusal, Custody, CustodyAction, CustodyConfig, CustodyInput, Input,
};
use pumasi_web::mesh::{JobLookupError, RunError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::durable::Draft;
use super::{Clock, Core, unix_ms};
use crate::store::{JobRecord, Store, StoreError};

/// Orders that wait for the end of a job; a further one is answered at once.
const WAITERS: usize = 1_024;

/// How long who cancels a job waits for its end to be final (guess: below a request's patience).
const CANCEL_WAIT: Duration = Duration::from_secs(2);
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Who waits for what becomes of an order.
pub(super) enum Waiter {
    /// A person here.
    Here(oneshot::Sender<Result<(), JobLookupError>>),
    /// A member, for whom the answer is written when it is known.
    Member(NodeId, oneshot::Sender<Response>),
}

/// A job that is to be given to the scheduler as soon as what was asked is read.
pub(super) struct Placing {
    pub(super) term: Term,
    pub(super) floor: Epoch,
    pub(super) over: CancellationToken,
}

/// What this node keeps of durable jobs, and what is under way with it.
pub(crate) struct Keeping {
    custody: Custody,
    /// Jobs that are not acknowledged yet, or not given to the scheduler.
    pub(super) drafts: BTreeMap<JobId, Draft>,
    pub(super) placing: BTreeMap<JobId, Placing>,
    rows: rows::Rows,
    accounts: accounts::Accounts,
    /// To whom records were offered to keep: they may read the job's files.
    offered: BTreeMap<JobId, BTreeSet<NodeId>>,
    cancels: Vec<(JobId, Instant, Waiter)>,
    adoptions: Vec<(JobId, Waiter)>,
}

impl Keeping {
    pub(crate) fn restore(
        me: NodeId,
        seed: u64,
        clock: Clock,
        rows: Vec<pumasi_scheduler::Holding>,
        is_older_copy: bool,
    ) -> Self {
        let config = CustodyConfig::default();
        Self {
            custody: Custody::restore(me, config, seed, clock.now(), rows, is_older_copy),
            drafts: BTreeMap::new(),
            placing: BTreeMap::new(),
            rows: rows::Rows::default(),
            accounts: accounts::Accounts::default(),
            offered: BTreeMap::new(),
            cancels: Vec::new(),
            adoptions: Vec::new(),
        }
    }
}

/// The rows of earlier starts. Blocks.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn restore(store: &Store) -> Result<Vec<pumasi_scheduler::Holding>, StoreError> {
    let records = store.jobs(usize::MAX)?;
    Ok(records.into_iter().filter_map(|record: JobRecord| record.custody).map(|c| *c).collect())
}

impl Core {
    pub(super) fn tell_custody(&mut self, input: CustodyInput) {
        tracing::trace!(?input, "custody input");
        self.keeping.custody.handle(self.clock.now(), input);
    }

    /// The next time that custody wants to be woken.
    pub(super) fn custody_timeout(&self) -> Option<pumasi_scheduler::Time> {
        self.keeping.custody.next_timeout().map(|(time, _)| time)
    }

    pub(super) fn wake_custody(&mut self) {
        self.keeping.custody.handle_timeout(self.clock.now());
    }

    pub(super) fn poll_custody(&mut self) -> Option<CustodyAction> {
        self.keeping.custody.poll_action()
    }

    /// What is kept of a job here.
    pub(super) fn record(&self, job: JobId) -> Option<&Record> {
        self.keeping.custody.job(job).map(|view| view.record)
    }

    pub(super) fn perform_custody(&mut self, action: CustodyAction) {
        tracing::trace!(?action, "custody action");
        match action {
            CustodyAction::Send { to, message } => self.send_custody(to, message),
            CustodyAction::Persist { ticket, holding } => self.persist(ticket, *holding),
            CustodyAction::Erase { job } => self.erase(job),
            CustodyAction::Fetch { job, blob, from } => self.fetch_file(job, blob, from),
            CustodyAction::Acknowledge { job, .. } => self.acknowledge(job),
            CustodyAction::Refuse { job, refusal } => {
                self.refuse_draft(job, refused(&refusal));
            }
            CustodyAction::Same { job, existing } => self.answer_same(job, existing),
            CustodyAction::Place { job, term, need: _, floor } => self.place_job(job, term, floor),
            CustodyAction::Withdraw { job } => self.withdraw(job),
            CustodyAction::Show { job, ended } => self.show(job, ended),
            // Looked up in the record by whoever asks.
            CustodyAction::Superseded { job, .. } => self.publish_kept(job),
            CustodyAction::Overridden { job, by, .. } => self.on_overridden(job, by),
            CustodyAction::Adopted { job } => self.answer_adoption(job, Ok(())),
            CustodyAction::NotAdopted { job, refusal } => {
                self.answer_adoption(job, Err(not_adopted(refusal)));
            }
            CustodyAction::Misbehaved { node } => {
                tracing::warn!(peer = %node.short(), "a member claims a job that is not its own");
            }
        }
    }

    fn send_custody(&mut self, to: NodeId, message: Box<CustodyMessage>) {
        if let CustodyMessage::Keep(record) = message.as_ref() {
            self.keeping.offered.entry(record.job).or_default().insert(to);
        }
        self.net.post(to, Request::Custody(message));
    }

    /// Whether a member keeps the job, or is asked to.
    pub(super) fn is_keeper(&self, node: NodeId, job: JobId) -> bool {
        let offered = self.keeping.offered.get(&job).is_some_and(|nodes| nodes.contains(&node));
        offered || self.record(job).is_some_and(|record| record.is_held_by(node))
    }

    /// Takes the job from the scheduler, and shows nothing of it any more.
    fn withdraw(&mut self, job: JobId) {
        if let Some(placing) = self.keeping.placing.remove(&job) {
            placing.over.cancel();
        }
        if let Some(live) = self.owned.live.get(&job)
            && matches!(live.run.work, Work::Documents(_))
        {
            // The scheduler, which ends the others, knows only its pieces.
            live.over.cancel();
        }
        // Cancelled, and still this node's: it stays to be looked at until its end is final.
        let is_own = |record: &Record| record.owner() == self.me && record.ended.is_some();
        if !self.record(job).is_some_and(is_own)
            && let Some(withdrawn) = self.owned.live.remove(&job)
        {
            withdrawn.over.cancel();
            if let Some((_, cancelled)) = &withdrawn.first.attempt {
                cancelled.cancel();
            }
            self.keeping.drafts.remove(&job);
        }
        self.tell(Input::Cancel { job });
    }

    /// The end is final.
    fn show(&mut self, job: JobId, ended: Ended) {
        self.look_into(job, &ended);
        if let Some(known) = self.owned.find_mut(job) {
            known.state = ended.end.state();
            known.ended_ms = Some(ended.at_ms);
            known.result = ended.end.result().map(|blob| blob.id);
            known.kept = true;
        }
        self.note_asked(job);
        self.owned.end(job);
        self.owned.touch(job);
        self.answer_cancels(job);
        self.answer_results(job);
        self.publish_kept(job);
    }

    fn on_overridden(&mut self, job: JobId, by: NodeId) {
        tracing::warn!(job = %job.short(), by = %by.short(), "a job that had ended here was adopted elsewhere");
        self.owned.forget(job);
        self.publish_kept(job);
    }

    /// Tells who looks what became of a job that is kept here.
    pub(super) fn publish_kept(&mut self, job: JobId) {
        if !self.publisher.is_heard() {
            return;
        }
        if self.owned.find(job).is_some() {
            self.publish_job(job);
        } else if let Some(view) = self.kept_view(job) {
            self.publisher.say(pumasi_web::api::Event::Job { job: Box::new(view) });
        }
    }

    /// Cancels a job that is kept here; the waiter hears of it when that is final.
    pub(super) fn cancel_kept(&mut self, job: JobId, waiter: Waiter) {
        let owns = self.record(job).is_some_and(|record| record.owner() == self.me);
        self.tell_custody(CustodyInput::Cancel { job, at_ms: unix_ms() });
        if owns && self.keeping.cancels.len() < WAITERS {
            self.keeping.cancels.push((job, Instant::now(), waiter));
        } else {
            // The owner hears of it as soon as it can be reached.
            self.settle();
            self.answer_waiter(job, waiter, Ok(()));
        }
    }

    fn answer_cancels(&mut self, job: JobId) {
        let cancels = std::mem::take(&mut self.keeping.cancels);
        let (now, later): (Vec<_>, Vec<_>) = cancels.into_iter().partition(|(of, ..)| *of == job);
        self.keeping.cancels = later;
        let is_cancelled = self.record(job).and_then(|record| record.ended.as_ref());
        let is_cancelled = is_cancelled
            .is_some_and(|ended| ended.end.state() == pumasi_protocol::JobState::Cancelled);
        let answer = if is_cancelled { Ok(()) } else { Err(JobLookupError::Over) };
        now.into_iter().for_each(|(job, _, waiter)| self.answer_waiter(job, waiter, answer));
    }

    /// Whoever waits long for the end of a job that cannot become final for now is told that the
    /// order is taken.
    pub(super) fn answer_late_cancels(&mut self) {
        let cancels = std::mem::take(&mut self.keeping.cancels);
        let is_late = |since: &Instant| since.elapsed() >= CANCEL_WAIT;
        let (now, later): (Vec<_>, Vec<_>) =
            cancels.into_iter().partition(|(_, since, _)| is_late(since));
        self.keeping.cancels = later;
        now.into_iter().for_each(|(job, _, waiter)| self.answer_waiter(job, waiter, Ok(())));
    }

    /// Takes a job over by hand.
    pub(super) fn adopt_kept(&mut self, job: JobId, waiter: Waiter) {
        self.keeping.adoptions.push((job, waiter));
        self.tell_custody(CustodyInput::Adopt { job });
    }

    fn answer_adoption(&mut self, job: JobId, answer: Result<(), JobLookupError>) {
        let adoptions = std::mem::take(&mut self.keeping.adoptions);
        let (now, later): (Vec<_>, Vec<_>) = adoptions.into_iter().partition(|(of, _)| *of == job);
        self.keeping.adoptions = later;
        now.into_iter().for_each(|(job, waiter)| self.answer_waiter(job, waiter, answer));
    }

    /// Whoever does not wait any more does not need it.
    pub(super) fn answer_waiter(
        &self,
        job: JobId,
        waiter: Waiter,
        answer: Result<(), JobLookupError>,
    ) {
        match waiter {
            Waiter::Here(reply) => {
                let _ = reply.send(answer);
            }
            Waiter::Member(from, reply) => {
                let known = || self.job_for(from, job);
                drop(reply.send(
                    answer.map_or_else(|error| Response::JobProblem(problem(error)), |()| known()),
                ));
            }
        }
    }

    /// Forgets a job that has ended, at all its holders.
    pub(super) fn forget_kept(&mut self, job: JobId) {
        self.on_forgotten(job);
        self.tell_custody(CustodyInput::Forget { job });
    }

    /// A job is not kept here any more.
    pub(super) fn on_forgotten(&mut self, job: JobId) {
        self.owned.forget(job);
        self.owned.repeats.forget(&[job]);
    }

    /// Tells custody from when on ended jobs are kept.
    pub(super) fn retain_jobs(&mut self) {
        let kept_ms = u64::from(self.config.keep.days) * DAY_MS;
        // 0 days: for ever.
        let since_ms = if kept_ms == 0 { 0 } else { unix_ms().saturating_sub(kept_ms) };
        self.tell_custody(CustodyInput::Retain { since_ms });
    }
}

fn refused(refusal: &AcceptRefusal) -> RunError {
    match refusal {
        AcceptRefusal::OwnDisk => RunError::DiskFull,
        AcceptRefusal::Full => RunError::Busy { retry_s: 60 },
        AcceptRefusal::BadRequest => RunError::Fault(pumasi_protocol::Fault::BadRequest),
        AcceptRefusal::NoHolder(_) => RunError::NoHolder,
        AcceptRefusal::SameKeyPending => RunError::Busy { retry_s: 1 },
        AcceptRefusal::Cancelled => RunError::Fault(pumasi_protocol::Fault::Cancelled),
    }
}

fn not_adopted(refusal: AdoptRefusal) -> JobLookupError {
    match refusal {
        AdoptRefusal::NotHeld => JobLookupError::NotFound,
        AdoptRefusal::Owned | AdoptRefusal::OwnerAlive => JobLookupError::NotLost,
        AdoptRefusal::Ended | AdoptRefusal::Terms => JobLookupError::Over,
    }
}

/// An error about a job as members tell it.
pub(super) fn problem(error: JobLookupError) -> pumasi_protocol::message::JobProblem {
    use pumasi_protocol::message::JobProblem;
    match error {
        JobLookupError::NotFound | JobLookupError::NotKept => JobProblem::NotFound,
        JobLookupError::Over => JobProblem::Over,
        JobLookupError::NotOver => JobProblem::NotOver,
        JobLookupError::NotLost => JobProblem::NotLost,
        JobLookupError::Unreachable => JobProblem::Unreachable,
    }
}

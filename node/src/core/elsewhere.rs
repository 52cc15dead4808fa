//! Jobs that other nodes own: what this node does not know, it asks them. Who asks here gets the same
//! answer as at the owner; what is not theirs looks like what does not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use pumasi_protocol::message::Request;
use pumasi_protocol::{JobId, JobSheet, NodeId};
use pumasi_scheduler::Link;
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobFilter, JobLookupError, Kept, RunError};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::custody::Waiter;
use super::durable::Submitted;
use super::following::Following;
use super::neighbours::{Neighbours, Told};
use super::{Core, Event};

/// Jobs that one answer lists.
const LISTED_JOBS: usize = 1_000;
/// Jobs of others whose owner is remembered.
const REMEMBERED: usize = 4_096;
/// Questions to all members at a time; further ones wait.
const QUESTIONS: usize = 32;

type Reply<T> = oneshot::Sender<Result<T, JobLookupError>>;

/// What is known of the jobs of others.
pub(super) struct Elsewhere {
    /// Where each was found last.
    owners: BTreeMap<JobId, NodeId>,
    pub(super) following: Following,
    questions: Arc<Semaphore>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        let (owners, following) = (BTreeMap::new(), Following::default());
        Self { owners, following, questions: Arc::new(Semaphore::new(QUESTIONS)) }
    }
}

impl Elsewhere {
    pub(super) fn remember(&mut self, job: JobId, owner: NodeId) {
        self.owners.insert(job, owner);
        while self.owners.len() > REMEMBERED {
            // The oldest job.
            self.owners.pop_first();
        }
    }
}

/// A question for a list of jobs, and where it goes.
#[derive(Debug)]
pub(crate) struct Listing {
    caller: Caller,
    live: bool,
    limit: usize,
    reply: oneshot::Sender<Vec<api::Job>>,
}

/// One question about one job, with where its answer goes.
enum Question {
    Job(Reply<api::Job>),
    Why(Reply<api::Why>),
    Cancel(Reply<()>),
    Adopt(Reply<()>),
    Remove(Reply<()>),
    Result(Reply<Kept>),
    /// For a request with this hash and a key that was given for this job.
    Repeat(Option<[u8; 32]>, Submitted),
}

impl Core {
    /// Members that can be reached.
    pub(super) fn reachable(&self) -> Vec<NodeId> {
        let Some(roster) = &self.roster else { return Vec::new() };
        let view = self.scheduler.view();
        let up = |node: &&NodeId| {
            view.node(**node).is_some_and(|known| matches!(known.link, Link::Up { .. }))
        };
        let others = roster.members.keys().filter(|node| **node != self.me);
        others.filter(up).copied().collect()
    }

    /// The members to ask for a caller, perhaps nobody; none when the caller may not.
    fn surroundings(&self, caller: &Caller) -> Option<Neighbours> {
        let only = match caller {
            Caller::Loopback => return None,
            Caller::Install => None,
            Caller::Key { person, .. } => Some(self.person_id(person)),
        };
        let (net, store, peers) = (self.net.clone(), self.store.clone(), self.reachable());
        Some(Neighbours { net, store, roster: self.roster.clone(), peers, only })
    }

    /// The members to ask for a caller; none when there is nobody.
    pub(super) fn neighbours(&self, caller: &Caller) -> Option<Neighbours> {
        self.surroundings(caller).filter(|others| !others.peers.is_empty())
    }

    pub(super) fn list_jobs(
        &self,
        caller: &Caller,
        filter: JobFilter,
        reply: oneshot::Sender<Vec<api::Job>>,
    ) {
        let limit = filter.limit.min(LISTED_JOBS);
        let listing = Listing { caller: caller.clone(), live: filter.live, limit, reply };
        let Some(neighbours) = self.neighbours(caller) else {
            return self.list_with(listing, Vec::new());
        };
        let (events, questions) = (self.events.clone(), self.elsewhere.questions.clone());
        tokio::spawn(async move {
            let _turn = questions.acquire().await;
            let told = best(neighbours.list(listing.live, limit).await).into_values();
            let told = told.map(|told| neighbours.view(&told)).collect();
            // At the node's end nobody listens any more.
            let _ = events.send(Event::ListedElsewhere(Box::new(listing), told)).await;
        });
    }

    /// Completes a list with what this node keeps and owns, as it is at this moment.
    pub(super) fn list_with(&self, listing: Listing, others: Vec<api::Job>) {
        let Listing { caller, live, limit, reply } = listing;
        let kept = self.kept_sheets(|record| self.shows_to(&caller, record)).into_iter();
        let kept = kept.filter(|sheet| !(live && sheet.line.state.is_terminal()));
        let kept = kept.map(|sheet| self.sheet_view(&sheet));
        let own = self.jobs_view(live, limit).into_iter();
        let own = own.filter(|job| super::answer::may_see(&caller, job.person.as_deref()));
        // Whoever comes later knows better, and this node knows best what it owns.
        let all = kept.chain(others).chain(own).map(|job| (job.id.clone(), job));
        let jobs: BTreeMap<String, api::Job> = all.collect();
        drop(reply.send(jobs.into_values().rev().take(limit).collect()));
    }

    pub(super) fn look_up(&self, caller: &Caller, job: JobId, reply: Reply<api::Job>) {
        match self.seen_by(caller, job) {
            Ok(job) => drop(reply.send(Ok(self.job_view(job)))),
            Err(_) => self.ask_others(caller, job, Question::Job(reply)),
        }
    }

    pub(super) fn explain(&self, caller: &Caller, job: JobId, reply: Reply<api::Why>) {
        match self.seen_by(caller, job).map(|job| job.id) {
            Ok(job) => drop(reply.send(self.why_view(job).ok_or(JobLookupError::NotFound))),
            Err(_) => self.ask_others(caller, job, Question::Why(reply)),
        }
    }

    pub(super) fn cancel_anywhere(&mut self, caller: &Caller, job: JobId, reply: Reply<()>) {
        match self.own_sheet(caller, job) {
            Some(sheet) => self.cancel_known(&sheet, Waiter::Here(reply)),
            None => self.ask_others(caller, job, Question::Cancel(reply)),
        }
    }

    pub(super) fn adopt_anywhere(&mut self, caller: &Caller, job: JobId, reply: Reply<()>) {
        if self.own_sheet(caller, job).is_some() {
            return self.answer_waiter(job, Waiter::Here(reply), Err(JobLookupError::NotLost));
        }
        match self.kept_for(caller, job) {
            Some(_) => self.adopt_kept(job, Waiter::Here(reply)),
            None => self.ask_others(caller, job, Question::Adopt(reply)),
        }
    }

    pub(super) fn remove_anywhere(&mut self, caller: &Caller, job: JobId, reply: Reply<()>) {
        match self.own_sheet(caller, job) {
            Some(sheet) => self.remove_known(&sheet, Waiter::Here(reply)),
            None => self.ask_others(caller, job, Question::Remove(reply)),
        }
    }

    pub(super) fn result_anywhere(&mut self, caller: Caller, job: JobId, reply: Reply<Kept>) {
        match self.seen_by(&caller, job) {
            Ok(_) => self.result(&caller, job, reply),
            Err(_) => self.ask_others(&caller, job, Question::Result(reply)),
        }
    }

    /// Answers a request that repeats another, perhaps at another node, with that one's job.
    pub(super) fn answer_repeat(
        &self,
        caller: &Caller,
        existing: JobId,
        body: Option<[u8; 32]>,
        reply: Submitted,
    ) {
        self.ask_others(caller, existing, Question::Repeat(body, reply));
    }

    /// A job that this node owns, if the caller may see it.
    fn own_sheet(&self, caller: &Caller, job: JobId) -> Option<JobSheet> {
        match self.seen_by(caller, job) {
            Ok(job) => Some(self.sheet(job)),
            Err(_) => self.kept_for(caller, job).filter(|told| told.owned).map(|told| told.sheet),
        }
    }

    /// Asks the others; what is kept here counts where nobody knows better.
    fn ask_others(&self, caller: &Caller, job: JobId, question: Question) {
        let kept = self.kept_for(caller, job);
        let Some(neighbours) = self.surroundings(caller) else {
            return question.refuse();
        };
        let hint = self.elsewhere.owners.get(&job).copied();
        let (events, questions) = (self.events.clone(), self.elsewhere.questions.clone());
        let me = self.me;
        tokio::spawn(async move {
            let is_own = kept.as_ref().is_some_and(|kept| kept.owned);
            let found = if is_own {
                None
            } else {
                let _turn = questions.acquire().await;
                neighbours.find(job, hint).await
            };
            let known = best(found.into_iter().chain(kept).collect()).into_values().next();
            let Some(told) = known else { return question.refuse() };
            let owner = told.sheet.line.owner;
            if told.owned && owner != me {
                // At the node's end nobody listens any more.
                let _ = events.send(Event::Found(job, owner)).await;
            }
            question.answer(&neighbours, &told, &events).await;
        });
    }
}

/// Of several words about a job, the best.
fn best(told: Vec<Told>) -> BTreeMap<JobId, Told> {
    let mut best: BTreeMap<JobId, Told> = BTreeMap::new();
    for told in told {
        let job = told.sheet.line.job;
        if best.get(&job).is_none_or(|known| told.knows_more_than(known)) {
            best.insert(job, told);
        }
    }
    best
}

impl Question {
    /// There is no such job, or it is not the caller's.
    fn refuse(self) {
        let error = JobLookupError::NotFound;
        match self {
            Self::Job(reply) => drop(reply.send(Err(error))),
            Self::Why(reply) => drop(reply.send(Err(error))),
            Self::Cancel(reply) | Self::Adopt(reply) | Self::Remove(reply) => {
                // Whoever does not wait for the answer any more does not need it.
                let _ = reply.send(Err(error));
            }
            Self::Result(reply) => drop(reply.send(Err(error))),
            // Known by its key, and not to be found at the moment.
            Self::Repeat(_, reply) => drop(reply.send(Err(RunError::Busy { retry_s: 5 }))),
        }
    }

    /// Whoever does not wait for the answer any more does not need it.
    async fn answer(self, others: &Neighbours, told: &Told, events: &mpsc::Sender<Event>) {
        let job = told.sheet.line.job;
        match self {
            Self::Job(reply) => drop(reply.send(Ok(others.view(told)))),
            Self::Why(reply) => drop(reply.send(others.why(told).await)),
            Self::Result(reply) => drop(reply.send(others.result(told).await)),
            Self::Repeat(body, reply) => {
                let other = others.body(told).await.is_some_and(|asked| Some(asked) != body);
                let answer = if other { Err(RunError::KeyReused) } else { Ok(others.view(told)) };
                drop(reply.send(answer));
            }
            Self::Adopt(reply) if told.owned => {
                let _ = reply.send(Err(JobLookupError::NotLost));
            }
            // Known from a record that is kept here: this node passes it on, or keeps it in mind.
            Self::Cancel(reply) if told.from == others.net.me() => {
                let order = Event::CancelKept(Box::new(told.sheet.clone()), reply);
                // At the node's end nobody listens any more.
                let _ = events.send(order).await;
            }
            Self::Cancel(reply) => {
                let _ = reply.send(others.order(told.from, Request::CancelJob(job)).await);
            }
            Self::Adopt(reply) => {
                let _ = reply.send(others.order(told.from, Request::AdoptJob(job)).await);
            }
            Self::Remove(reply) => {
                let owner = told.sheet.line.owner;
                let _ = reply.send(others.order(owner, Request::RemoveJob(job)).await);
            }
        }
    }
}

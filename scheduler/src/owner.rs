//! This node as an owner: it places the jobs that it accepted, binds each to one executor at a time
//! under a rising epoch, and gives each exactly one end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pumasi_protocol::{AttemptId, Epoch, Fault, JobId, JobState, Need, NodeId, Refusal, Term};

use crate::action::Action;
use crate::config::Config;
use crate::context::Context;
use crate::limits;
use crate::time::{Time, backoff_ms};
use crate::timers::Wakeup;
use crate::view::{Answer, Why};

mod asked;
mod attempt;
mod choose;
mod hedge;
mod nominate;
mod round;

use asked::Round;
use hedge::{Hedges, Pair, Promise};

/// Where a job is between its submission and its end.
#[derive(Debug, Clone)]
enum Phase {
    /// To be placed, or waiting to be placed again.
    Parked,
    /// Offers are out, or reservations stand in queues.
    Asking(Round),
    /// Bound to this node under the job's epoch.
    Bound(NodeId),
    /// Its hedge writes, and whatever becomes of that becomes of this.
    Handed(JobId),
}

/// A node that is left alone by one job for a while.
#[derive(Debug, Clone)]
struct Avoided {
    until: Time,
    /// What it answered; `None`: nothing, or it failed.
    refusal: Option<Refusal>,
}

/// A job of this node that has not ended.
#[derive(Debug, Clone)]
struct Job {
    why: Why,
    phase: Phase,
    /// The epoch of the binding that stands, or of the next one.
    epoch: Epoch,
    /// Since when it waits for an executor.
    waiting_since: Time,
    faults: u8,
    last_fault: Option<Fault>,
    parks: u32,
    renewals: u32,
    avoided: BTreeMap<NodeId, Avoided>,
    failed: BTreeMap<NodeId, u32>,
    /// An engine died under it: it is tried again with an engine to itself.
    alone: bool,
    /// Nodes whose engine died under it while it was alone there.
    crashed: BTreeSet<NodeId>,
    pair: Pair,
    /// Of the binding that stands, until its first token.
    promise: Option<Promise>,
    /// Its answer has begun: how long it waits for a node that can go on, in milliseconds.
    patience_ms: Option<u32>,
}

impl Job {
    fn attempt(&self) -> AttemptId {
        AttemptId { job: self.why.job, epoch: self.epoch }
    }

    /// Where it is bound.
    fn executor(&self) -> Option<NodeId> {
        match self.phase {
            Phase::Bound(node) => Some(node),
            Phase::Parked | Phase::Asking(_) | Phase::Handed(_) => None,
        }
    }

    /// Somebody remembers a later binding of this job than its owner does, as after a ledger was put
    /// back: the next one is later still. While nothing is offered or bound.
    fn pass_by_fences(&mut self) {
        let fenced = self.avoided.values().any(|a| a.refusal == Some(Refusal::Stale));
        let next = self.epoch.next();
        if fenced && Term::of(next) == Term::of(self.epoch) {
            self.epoch = next;
        }
    }

    fn answered(&mut self, node: NodeId, answer: Answer) {
        if let Some(candidate) = self.why.candidates.iter_mut().find(|c| c.node == node) {
            candidate.answer = answer;
        }
    }

    fn avoid(&mut self, node: NodeId, refusal: Option<Refusal>, now: Time, config: &Config) {
        let ms = match &refusal {
            Some(refusal) if !is_transient(refusal) => config.refusal_ms,
            Some(_) => backoff_ms(config.park_ms, self.parks, config.park_max_ms),
            None => {
                let times = self.failed.get(&node).copied().unwrap_or(0);
                backoff_ms(config.park_ms, times, config.park_max_ms)
            }
        };
        self.avoided.insert(node, Avoided { until: now.after_ms(ms), refusal });
    }
}

/// What the engines of this node have to offer to a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    /// The job's model is loaded, and nothing is busy or waits.
    pub(crate) warm: bool,
    /// Tokens of its prompt that lie in a cache here.
    pub(crate) cached_tokens: u32,
}

/// The owner's part of a scheduler.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    jobs: BTreeMap<JobId, Job>,
    to_place: BTreeSet<JobId>,
    parked: BTreeSet<JobId>,
    finished: BTreeMap<JobId, Why>,
    finished_order: VecDeque<JobId>,
    hedges: Hedges,
}

impl Owner {
    pub(crate) fn on_submit(&mut self, ctx: &mut Context<'_>, id: JobId, need: Need, floor: Epoch) {
        if self.jobs.contains_key(&id) || self.has_finished(id, floor) {
            return;
        }
        let fault = if !need.is_within_limits() {
            Some(Fault::BadRequest)
        } else if self.jobs.len() >= limits::JOBS {
            Some(Fault::Refused(Refusal::QueueFull))
        } else {
            None
        };
        self.jobs.insert(id, new_job(id, need, floor, ctx.now));
        if let Some(fault) = fault {
            return self.finish(ctx, id, JobState::Failed(fault));
        }
        ctx.out.act(Action::JobState { job: id, state: JobState::Waiting });
        self.hedges.on_submit(ctx.config);
        self.await_placing(ctx, id);
    }

    /// Whether a job has ended here; a durable one that comes back under a higher floor begins anew.
    fn has_finished(&mut self, id: JobId, floor: Epoch) -> bool {
        let last = |why: &Why| why.attempts.last().map_or(Epoch(0), |last| last.epoch);
        let is_over = self.finished.get(&id).is_some_and(|why| floor <= last(why));
        if !is_over && self.finished.remove(&id).is_some() {
            self.finished_order.retain(|other| *other != id);
        }
        is_over
    }

    /// To be placed as soon as this input is handled, and not to wait for ever.
    fn await_placing(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let deadline = job.waiting_since.after_ms(ctx.config.queue_deadline_ms);
        ctx.timers.set(Wakeup::QueueDeadline(id), deadline);
        self.to_place.insert(id);
    }

    /// The next job to be placed, if any, with its need.
    pub(crate) fn next_to_place(&mut self) -> Option<(JobId, &Need)> {
        let id = self.to_place.pop_first()?;
        self.parked.remove(&id);
        self.jobs.get(&id).map(|job| (id, &job.why.need))
    }

    pub(crate) fn on_cancel(&mut self, ctx: &mut Context<'_>, id: JobId) {
        if self.open_hedge_of(id).is_some() {
            return self.drop_hedge(ctx, id);
        }
        let Some(job) = self.jobs.get(&id) else { return };
        if let Phase::Handed(hedge) = job.phase {
            return self.on_cancel(ctx, hedge);
        }
        self.release(ctx, id);
        self.finish(ctx, id, JobState::Cancelled);
    }

    pub(crate) fn on_queue_deadline(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let is_waiting = |job: &Job| matches!(job.phase, Phase::Parked | Phase::Asking(_));
        if self.jobs.get(&id).is_some_and(is_waiting) {
            self.finish(ctx, id, JobState::Failed(Fault::Deadline));
        }
    }

    /// Something changed that may help jobs that nobody took: the oldest of them try again, one
    /// after the other. What `node` answered before its news is forgotten.
    pub(crate) fn on_mesh_changed(&mut self, ctx: &mut Context<'_>, node: Option<NodeId>) {
        let oldest = self.parked.iter().take(limits::RETRIED_AT_ONCE).copied();
        for (turn_ms, id) in (0_u32..).zip(oldest.collect::<Vec<_>>()) {
            if let (Some(node), Some(job)) = (node, self.jobs.get_mut(&id)) {
                let said = job.avoided.get(&node).and_then(|a| a.refusal.as_ref());
                if said.is_some_and(is_transient) {
                    job.avoided.remove(&node);
                }
            }
            ctx.timers.bring_forward(Wakeup::Job(id), ctx.now.after_ms(turn_ms));
        }
        // The first one is due already.
        if let Some(first) = self.parked.first() {
            self.to_place.insert(*first);
        }
    }

    /// Nodes that cannot be asked any more. `expelled`: they are not members any more either, so
    /// what runs there is cut off and placed again.
    pub(crate) fn on_lost(&mut self, ctx: &mut Context<'_>, nodes: &[NodeId], expelled: bool) {
        let touches = |(_, job): &(&JobId, &Job)| match &job.phase {
            Phase::Parked | Phase::Handed(_) => false,
            Phase::Asking(round) => nodes.iter().any(|node| round.asked.contains_key(node)),
            Phase::Bound(executor) => expelled && nodes.contains(executor),
        };
        let ids: Vec<JobId> = self.jobs.iter().filter(touches).map(|(id, _)| *id).collect();
        for id in ids {
            for node in nodes {
                self.on_no_answer(ctx, id, *node);
                if expelled {
                    self.cut_off(ctx, id, *node);
                }
            }
        }
    }

    /// Ends a job: its open offers are withdrawn, and its reasons kept.
    fn finish(&mut self, ctx: &mut Context<'_>, id: JobId, state: JobState) {
        assert!(state.is_terminal(), "a job ends in a terminal state");
        if self.open_hedge_of(id).is_some() {
            return self.drop_hedge(ctx, id);
        }
        self.drop_hedge_of(ctx, id);
        let Some(mut job) = self.unlist(ctx, id) else { return };
        if let Pair::Of(_) = job.pair {
            return self.finish_first(ctx, job, state);
        }
        job.why.state = state.clone();
        job.why.ended = Some(ctx.now);
        self.finished.insert(id, job.why);
        self.finished_order.push_back(id);
        if self.finished_order.len() > limits::FINISHED
            && let Some(oldest) = self.finished_order.pop_front()
        {
            self.finished.remove(&oldest);
        }
        ctx.out.act(Action::JobState { job: id, state });
    }

    /// Takes a job off all lists: nothing is asked for it or awaited any more.
    fn unlist(&mut self, ctx: &mut Context<'_>, id: JobId) -> Option<Job> {
        self.withdraw(ctx, id, None);
        ctx.timers.clear(&Wakeup::Job(id));
        ctx.timers.clear(&Wakeup::QueueDeadline(id));
        ctx.timers.clear(&Wakeup::Hedge(id));
        self.to_place.remove(&id);
        self.parked.remove(&id);
        self.jobs.remove(&id)
    }

    fn set_state(&mut self, ctx: &mut Context<'_>, id: JobId, state: JobState) {
        let Some(id) = self.shown_as(id) else { return };
        if let Some(job) = self.jobs.get_mut(&id)
            && job.why.state != state
        {
            job.why.state = state.clone();
            ctx.out.act(Action::JobState { job: id, state });
        }
    }

    pub(crate) fn live(&self) -> Vec<&Why> {
        let jobs = self.jobs.values().filter(|job| !matches!(job.pair, Pair::Of(_)));
        jobs.map(|job| &job.why).collect()
    }

    pub(crate) fn why(&self, id: JobId) -> Option<&Why> {
        self.jobs.get(&id).map(|job| &job.why).or_else(|| self.finished.get(&id))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }
}

fn new_job(id: JobId, need: Need, floor: Epoch, now: Time) -> Job {
    let why = Why {
        job: id,
        need,
        submitted: now,
        ended: None,
        state: JobState::Waiting,
        candidates: Vec::new(),
        candidates_omitted: 0,
        unreachable: 0,
        rounds: 0,
        attempts: Vec::new(),
    };
    Job {
        why,
        phase: Phase::Parked,
        epoch: floor.next(),
        waiting_since: now,
        faults: 0,
        last_fault: None,
        parks: 0,
        renewals: 0,
        avoided: BTreeMap::new(),
        failed: BTreeMap::new(),
        alone: false,
        crashed: BTreeSet::new(),
        pair: Pair::None,
        promise: None,
        patience_ms: None,
    }
}

/// Whether the same node may answer otherwise a moment later.
fn is_transient(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::QueueFull | Refusal::OwnerBusy | Refusal::Paused | Refusal::Stale => true,
        Refusal::NotMember
        | Refusal::Role
        | Refusal::ModelAbsent
        | Refusal::EngineAbsent
        | Refusal::Capability
        | Refusal::Context { .. }
        | Refusal::Memory { .. }
        | Refusal::Excluded
        | Refusal::Unsupported => false,
    }
}

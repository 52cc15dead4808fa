//! One binding of a job: its beginning, its signs, its end, and what follows a failure.

use pumasi_protocol::{AttemptId, BlobId, Control, Fault, JobId, JobState, NodeId, Refusal};

use crate::action::Action;
use crate::config::Config;
use crate::context::Context;
use crate::input::Outcome;
use crate::limits;
use crate::timers::Wakeup;
use crate::view::{Reason, WhyAttempt};

use super::{Job, Owner, Phase};

/// Nodes whose engines may die under one job that has them to itself.
const POISONED_NODES: usize = 2;

impl Owner {
    /// Binds a job to a node that was asked; the others are told that it is gone.
    pub(super) fn bind(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId, reason: Reason) {
        self.withdraw(ctx, id, Some(node));
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let attempt = job.attempt();
        let asked = match std::mem::replace(&mut job.phase, Phase::Bound(node)) {
            Phase::Asking(mut round) => round.asked.remove(&node),
            Phase::Parked | Phase::Bound(_) | Phase::Handed(_) => None,
        };
        if job.why.attempts.len() >= limits::WHY_ATTEMPTS {
            job.why.attempts.remove(0);
        }
        job.why.attempts.push(WhyAttempt {
            epoch: attempt.epoch,
            executor: node,
            reason,
            alone: job.alone,
            candidates: Vec::new(),
            bound: ctx.now,
            started: None,
            ended: None,
        });
        ctx.timers.clear(&Wakeup::Job(id));
        ctx.timers.clear(&Wakeup::QueueDeadline(id));
        let model = job.why.need.model.clone();
        ctx.send(node, Control::Bind { attempt });
        ctx.out.act(Action::Dispatch { attempt, executor: node, model });
        self.set_state(ctx, id, JobState::Bound(node));
        self.watch_first(ctx, id, asked.as_ref());
    }

    pub(crate) fn on_started(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        let Some(node) = self.bound_to(attempt) else { return };
        let job = self.jobs.get_mut(&attempt.job).expect("it is bound");
        if let Some(last) = job.why.attempts.last_mut()
            && last.started.is_none()
        {
            last.started = Some(ctx.now);
        }
        self.set_state(ctx, attempt.job, JobState::Running(node));
    }

    /// Tokens that a client has seen can be followed only by those of the same file.
    pub(crate) fn on_answer_begun(
        &mut self,
        ctx: &mut Context<'_>,
        attempt: AttemptId,
        file: Option<BlobId>,
        patience_ms: u32,
    ) {
        let Some(node) = self.bound_to(attempt) else { return };
        self.on_first(ctx, attempt.job, node);
        let job = self.jobs.get_mut(&attempt.job).expect("it is bound");
        job.why.need.file = file;
        job.patience_ms = Some(patience_ms);
    }

    pub(crate) fn on_ended(&mut self, ctx: &mut Context<'_>, attempt: AttemptId, outcome: Outcome) {
        let Some(node) = self.bound_to(attempt) else { return };
        let job = self.jobs.get_mut(&attempt.job).expect("it is bound");
        job.note_end(ctx, outcome.clone());
        match outcome {
            Outcome::Completed { usage, timings } => {
                let model = job.why.need.model.clone();
                if node != ctx.me {
                    ctx.mesh.on_measured(node, model, usage, timings, ctx.now, ctx.config);
                }
                self.on_first(ctx, attempt.job, node);
                self.finish(ctx, attempt.job, JobState::Completed(node));
            }
            // The binding stands, so nobody here asked for it: a withdrawal of an earlier offer under
            // the same epoch came late. Under the next epoch it means nothing.
            Outcome::Cancelled | Outcome::Failed(Fault::Cancelled) => {
                ctx.send(node, Control::Gone { attempt });
                self.on_fault(ctx, attempt.job, node, Fault::Refused(Refusal::Stale));
            }
            Outcome::Failed(fault) => {
                ctx.send(node, Control::Gone { attempt });
                self.on_fault(ctx, attempt.job, node, fault);
            }
        }
    }

    /// The executor does not have the binding that this node believes in.
    pub(crate) fn on_unbound(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        attempt: AttemptId,
        refusal: Refusal,
    ) {
        if !self.is_bound_to(attempt, from) {
            return self.on_refusal(ctx, from, attempt, refusal);
        }
        let job = self.jobs.get_mut(&attempt.job).expect("it is bound");
        if job.why.attempts.last().is_some_and(|last| last.started.is_none()) {
            self.rebind(ctx, attempt.job, from, refusal);
        }
    }

    /// The executor is not a member any more.
    pub(super) fn cut_off(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId) {
        let Some(job) = self.jobs.get(&id) else { return };
        if matches!(job.phase, Phase::Bound(executor) if executor == node) {
            self.rebind(ctx, id, node, Refusal::NotMember);
        }
    }

    fn rebind(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId, refusal: Refusal) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let attempt = job.attempt();
        let fault = Fault::Refused(refusal);
        job.note_end(ctx, Outcome::Failed(fault.clone()));
        ctx.out.act(Action::CancelAttempt { attempt, executor: node });
        self.on_fault(ctx, id, node, fault);
    }

    /// Whether the job is tried again, and whom it leaves alone meanwhile.
    fn on_fault(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId, fault: Fault) {
        if fault.ends_engine() {
            // Never two tries at what may kill engines.
            let first = self.open_hedge_of(id);
            let first = first.and_then(|first| self.jobs.get_mut(&first));
            first.into_iter().for_each(|job| job.alone = true);
            self.drop_hedge_of(ctx, id);
        }
        if self.open_hedge_of(id).is_some() {
            self.jobs.entry(id).and_modify(|job| job.phase = Phase::Parked);
            ctx.mesh.on_failure(node, ctx.now, ctx.config);
            return self.drop_hedge(ctx, id);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if !fault.is_retryable() {
            return self.finish(ctx, id, JobState::Failed(fault));
        }
        if let Fault::Refused(refusal) = &fault {
            job.avoid(node, Some(refusal.clone()), ctx.now, ctx.config);
        } else {
            ctx.mesh.on_failure(node, ctx.now, ctx.config);
            *job.failed.entry(node).or_default() += 1;
            job.avoid(node, None, ctx.now, ctx.config);
            if job.is_spent_by(node, &fault, ctx.config) {
                return self.finish(ctx, id, JobState::Failed(fault));
            }
            job.last_fault = Some(fault);
        }
        self.next_epoch(ctx, id);
    }

    fn next_epoch(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if let Some(last) = job.why.attempts.last_mut() {
            if last.started.is_some() {
                job.waiting_since = ctx.now;
            }
            let candidates = job.why.candidates.iter().take(limits::WHY_EARLIER_CANDIDATES);
            last.candidates = candidates.cloned().collect();
        }
        job.epoch = job.epoch.next();
        job.phase = Phase::Parked;
        job.promise = None;
        job.renewals = 0;
        ctx.timers.clear(&Wakeup::Hedge(id));
        self.set_state(ctx, id, JobState::Waiting);
        self.await_placing(ctx, id);
    }

    /// Where the attempt is bound, if it is the binding that stands.
    fn bound_to(&self, attempt: AttemptId) -> Option<NodeId> {
        let job = self.jobs.get(&attempt.job).filter(|job| job.epoch == attempt.epoch)?;
        job.executor()
    }

    pub(super) fn is_bound_to(&self, attempt: AttemptId, node: NodeId) -> bool {
        self.bound_to(attempt) == Some(node)
    }
}

impl Job {
    pub(super) fn note_end(&mut self, ctx: &Context<'_>, outcome: Outcome) {
        if let Some(last) = self.why.attempts.last_mut() {
            last.ended = Some((ctx.now, outcome));
        }
    }

    /// Counts a fault; whether the job may not be tried again. An engine that died beside others
    /// says nothing against any one of them: each is tried again alone, and only an engine that
    /// dies then counts. What kills the engines of two nodes would kill a third one's too (I21).
    fn is_spent_by(&mut self, node: NodeId, fault: &Fault, config: &Config) -> bool {
        if fault.ends_engine() {
            let was_alone = self.why.attempts.last().is_some_and(|last| last.alone);
            self.alone = true;
            if !was_alone {
                return false;
            }
            self.crashed.insert(node);
        }
        self.faults = self.faults.saturating_add(1);
        self.crashed.len() >= POISONED_NODES || self.faults >= config.attempts.max(1)
    }
}

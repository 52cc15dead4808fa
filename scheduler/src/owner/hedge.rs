//! Hedging: a job whose first token is far later than predicted is begun a second time, on another
//! node. Whichever writes first goes on; the other is cancelled. (Dean and Barroso, *The Tail at
//! Scale*, 2013: the second request after the 95th percentile costs little and cuts the tail.)
//!
//! The second try is a job of its own to the rest of the mesh, with its own id and epochs, so that
//! each binding is fenced as any other. To whoever asks for the first job, both are one.

use pumasi_protocol::{Control, Epoch, JobId, JobKind, JobState, NodeId, Priority};

use crate::action::Action;
use crate::config::Config;
use crate::context::Context;
use crate::input::Outcome;
use crate::limits;
use crate::time::Time;
use crate::timers::Wakeup;
use crate::view::{Reason, Why};

use super::asked::Asked;
use super::{Job, Owner, Phase, new_job};

/// What one hedge costs of the budget; each job that may be hedged adds `Config::hedge_permille`.
const HEDGE_COST: u32 = 1_000;
/// The budget's ceiling: hedges in a row after a quiet time.
const CREDIT_MAX: u32 = 4 * HEDGE_COST;
/// By how much a hedge's epochs lie above those of its job, so that people can tell them apart.
const EPOCH_STEP: u32 = 256;

/// Steps of [`Lateness`] from one doubling to the next.
const STEPS: u32 = 4;
/// Its buckets: up to 2^16 times as long as predicted, above the first one for all that is in time.
const BUCKETS: usize = 16 * STEPS as usize + 1;
/// Counts in all from which on each is halved, so that old ones fade.
const FADE: u32 = 1_024;
/// Counts from which on the measured quantile is used.
const ENOUGH: u32 = 64;
/// Late is what only one of this many is.
const ONE_IN: u32 = 50;

/// Whether a job is begun twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pair {
    #[default]
    None,
    /// It has, or had, this hedge.
    With(JobId),
    /// It is a hedge of this job.
    Of(JobId),
}

/// How much later than predicted first tokens come: counts of the ratio, by quarters of a doubling.
#[derive(Debug, Clone)]
struct Lateness {
    counts: [u32; BUCKETS],
    total: u32,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

/// The ratio, in permille, up to which a bucket counts.
fn upper_permille(bucket: usize) -> u64 {
    // 2^(1/4), 2^(1/2), 2^(3/4) in permille; whole numbers, so that all machines agree.
    const QUARTERS: [u64; STEPS as usize] = [1_000, 1_189, 1_414, 1_682];
    let (doublings, quarter) = (bucket / STEPS as usize, bucket % STEPS as usize);
    QUARTERS[quarter] << doublings
}

impl Lateness {
    fn note(&mut self, predicted_ms: u32, took_ms: u64) {
        let permille = took_ms.saturating_mul(1_000) / u64::from(predicted_ms.max(1));
        let bucket = (0..BUCKETS).find(|bucket| permille <= upper_permille(*bucket));
        self.counts[bucket.unwrap_or(BUCKETS - 1)] += 1;
        self.total += 1;
        if self.total >= FADE {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    /// The ratio that one of [`ONE_IN`] exceeds, in permille; none before enough was seen.
    fn late_permille(&self) -> Option<u64> {
        let mut above = self.total / ONE_IN;
        if self.total < ENOUGH {
            return None;
        }
        for bucket in (0..BUCKETS).rev() {
            let count = self.counts[bucket];
            if count > above {
                return Some(upper_permille(bucket));
            }
            above -= count;
        }
        None
    }
}

/// What a binding promised about its first token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    since: Time,
    predicted_ms: u32,
}

/// The owner's means for hedging.
#[derive(Debug, Clone)]
pub(super) struct Hedges {
    credit: u32,
    lateness: Lateness,
}

impl Default for Hedges {
    fn default() -> Self {
        Self { credit: HEDGE_COST, lateness: Lateness::default() }
    }
}

impl Hedges {
    pub(super) fn on_submit(&mut self, config: &Config) {
        self.credit = self.credit.saturating_add(config.hedge_permille).min(CREDIT_MAX);
    }

    /// How long after its binding a job is late, in milliseconds.
    fn late_ms(&self, predicted_ms: u32, config: &Config) -> u64 {
        let ratio = self.lateness.late_permille().unwrap_or(u64::from(config.hedge_late_permille));
        (u64::from(predicted_ms) * ratio / 1_000).max(u64::from(config.hedge_min_ms))
    }
}

/// Predicted time from a binding to the first token, in milliseconds; of work without tokens, to its
/// end.
fn first_ms(kind: JobKind, asked: &Asked) -> u32 {
    let (score, bid) = (&asked.score, asked.bid.map(|(_, bid)| bid));
    let load_ms = bid.map_or(score.load_ms, |bid| bid.load_ms);
    let work_ms = match kind {
        JobKind::Chat | JobKind::Completion => score.prefill_ms.saturating_sub(score.cached_ms),
        JobKind::Embedding | JobKind::Image | JobKind::Document => score.service_ms(),
    };
    load_ms.saturating_add(work_ms).saturating_add(score.network_ms)
}

impl Job {
    /// Whether a second try may be made, and would help.
    fn may_hedge(&self, config: &Config) -> bool {
        config.hedge_permille > 0
            && self.why.need.priority == Priority::Interactive
            && self.why.need.constraints.only.len() != 1
            && self.pair == Pair::None
            && !self.alone
            && self.patience_ms.is_none()
    }
}

impl Owner {
    /// A binding begins: from when on it is late.
    pub(super) fn watch_first(&mut self, ctx: &mut Context<'_>, id: JobId, asked: Option<&Asked>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(asked) = asked else { return };
        let predicted_ms = first_ms(job.why.need.kind, asked);
        job.promise = Some(Promise { since: ctx.now, predicted_ms });
        if job.may_hedge(ctx.config) {
            let late_ms = self.hedges.late_ms(predicted_ms, ctx.config);
            ctx.timers.set(Wakeup::Hedge(id), ctx.now.after_ms(late_ms));
        }
    }

    /// The first token of a binding came, or it never will.
    fn note_first(&mut self, ctx: &mut Context<'_>, id: JobId) {
        ctx.timers.clear(&Wakeup::Hedge(id));
        let promise = self.jobs.get_mut(&id).and_then(|job| job.promise.take());
        if let Some(Promise { since, predicted_ms }) = promise {
            self.hedges.lateness.note(predicted_ms, ctx.now.ms_since(since));
        }
    }

    pub(crate) fn on_hedge_due(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Bound(executor) = job.phase else { return };
        if !job.may_hedge(ctx.config) {
            return;
        }
        self.note_first(ctx, id);
        let hedge = id.twin();
        let is_free = !self.jobs.contains_key(&hedge) && !self.finished.contains_key(&hedge);
        if self.hedges.credit < HEDGE_COST || self.jobs.len() >= limits::JOBS || !is_free {
            return;
        }
        let job = self.jobs.get_mut(&id).expect("it was there");
        let mut need = job.why.need.clone();
        if need.constraints.not.len() >= pumasi_protocol::limits::CONSTRAINT_NODES {
            return;
        }
        need.constraints.not.push(executor);
        self.hedges.credit -= HEDGE_COST;
        job.pair = Pair::With(hedge);
        let floor = Epoch(job.epoch.0.saturating_add(EPOCH_STEP));
        let (faults, mut second) = (job.faults, new_job(hedge, need, floor, ctx.now));
        second.pair = Pair::Of(id);
        second.faults = faults;
        self.jobs.insert(hedge, second);
        ctx.out.act(Action::Hedge { job: id, hedge });
        self.await_placing(ctx, hedge);
    }

    /// The job that a hedge is of, while the other try has not given way to it.
    pub(super) fn open_hedge_of(&self, id: JobId) -> Option<JobId> {
        let Pair::Of(first) = self.jobs.get(&id)?.pair else { return None };
        self.jobs.get(&first).filter(|job| !matches!(job.phase, Phase::Handed(_))).map(|_| first)
    }

    /// The job whose state a change of this one's is: itself, or the one that it is the hedge of and
    /// that gave way to it; none while it is an open hedge.
    pub(super) fn shown_as(&self, id: JobId) -> Option<JobId> {
        match self.jobs.get(&id)?.pair {
            Pair::None | Pair::With(_) => Some(id),
            Pair::Of(first) => self.open_hedge_of(id).is_none().then_some(first),
        }
    }

    /// One of the two tries writes: the other is not needed any more.
    pub(super) fn on_first(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId) {
        self.note_first(ctx, id);
        if let Some(first) = self.open_hedge_of(id) {
            self.hand_over(ctx, first, id, node);
        } else {
            self.drop_hedge_of(ctx, id);
        }
    }

    fn hand_over(&mut self, ctx: &mut Context<'_>, id: JobId, hedge: JobId, node: NodeId) {
        self.withdraw(ctx, id, None);
        self.release(ctx, id);
        if let Some(late) = self.jobs.get(&id).and_then(Job::executor) {
            // Whatever is wrong there, others should not run into it.
            ctx.mesh.on_failure(late, ctx.now, ctx.config);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.executor().is_some() {
            job.note_end(ctx, Outcome::Cancelled);
        }
        job.phase = Phase::Handed(hedge);
        ctx.timers.clear(&Wakeup::Job(id));
        ctx.timers.clear(&Wakeup::QueueDeadline(id));
        ctx.timers.clear(&Wakeup::Hedge(id));
        self.to_place.remove(&id);
        self.parked.remove(&id);
        self.set_state(ctx, id, JobState::Running(node));
    }

    /// Ends a binding that is not wanted any more.
    pub(super) fn release(&self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        if let Phase::Bound(executor) = job.phase {
            let attempt = job.attempt();
            ctx.out.act(Action::CancelAttempt { attempt, executor });
            ctx.send(executor, Control::Gone { attempt });
        }
    }

    /// Drops the hedge of a job that has not given way to it.
    pub(super) fn drop_hedge_of(&mut self, ctx: &mut Context<'_>, id: JobId) {
        if let Some(Pair::With(hedge)) = self.jobs.get(&id).map(|job| job.pair)
            && self.open_hedge_of(hedge).is_some()
        {
            self.drop_hedge(ctx, hedge);
        }
    }

    /// Drops an open hedge; its first job goes on alone, and is not hedged again.
    pub(super) fn drop_hedge(&mut self, ctx: &mut Context<'_>, hedge: JobId) {
        let Some(id) = self.open_hedge_of(hedge) else { return };
        self.release(ctx, hedge);
        let Some(mut second) = self.unlist(ctx, hedge) else { return };
        if second.why.attempts.is_empty() {
            // Nobody took it, so that it cost nothing.
            self.hedges.credit = (self.hedges.credit + HEDGE_COST).min(CREDIT_MAX);
        }
        let now = ctx.now;
        if let Some(last) = second.why.attempts.last_mut().filter(|last| last.ended.is_none()) {
            last.ended = Some((now, Outcome::Cancelled));
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            // Before the binding that stands, if one does.
            let last = job.why.attempts.last();
            let stands = usize::from(last.is_some_and(|last| last.ended.is_none()));
            let at = job.why.attempts.len().saturating_sub(stands);
            insert_attempts(&mut job.why, at, second.why);
        }
    }

    /// A hedge that took over has ended: so has its job, in the same way.
    pub(super) fn finish_first(&mut self, ctx: &mut Context<'_>, second: Job, state: JobState) {
        let Pair::Of(id) = second.pair else { return };
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let at = job.why.attempts.len();
        insert_attempts(&mut job.why, at, second.why);
        job.phase = Phase::Parked;
        self.finish(ctx, id, state);
    }
}

fn insert_attempts(why: &mut Why, at: usize, hedge: Why) {
    let mut attempts = hedge.attempts;
    if let Some(first) = attempts.first_mut() {
        first.reason = Reason::Hedge;
    }
    why.attempts.splice(at..at, attempts);
    let surplus = why.attempts.len().saturating_sub(limits::WHY_ATTEMPTS);
    why.attempts.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_is_what_one_in_fifty_is() {
        let mut lateness = Lateness::default();
        for n in 0..ENOUGH - 1 {
            lateness.note(100, 90 + u64::from(n % 20));
        }
        assert_eq!(lateness.late_permille(), None, "too few were seen");
        for _ in 0..936 {
            lateness.note(100, 110);
        }
        assert_eq!(lateness.late_permille(), Some(1_189));
        for _ in 0..10 {
            lateness.note(100, 5_000);
        }
        assert_eq!(lateness.late_permille(), Some(1_189), "one in a hundred is a straggler");
        for _ in 0..30 {
            lateness.note(100, 5_000);
        }
        assert!(lateness.late_permille().is_some_and(|late| late >= 50_000), "all are slow now");
    }

    #[test]
    fn old_counts_fade() {
        let mut lateness = Lateness::default();
        (0..2 * FADE).for_each(|_| lateness.note(100, 100));
        (0..4 * FADE).for_each(|_| lateness.note(100, 400));
        assert_eq!(lateness.late_permille(), Some(4_000));
        assert!(lateness.total < FADE);
    }
}

//! Offers and what comes back: one round nominates, collects bids until its deadline or until the
//! best one cannot be beaten, then binds; or lets the reservations stand and waits for a claim.

use std::collections::BTreeMap;

use pumasi_protocol::{
    AttemptId, Bid, Control, Fault, JobId, JobState, NodeId, Offer, Priority, Refusal,
};

use crate::context::Context;
use crate::rank::{Ranked, Verdict};
use crate::time::{Time, backoff_ms};
use crate::timers::Wakeup;
use crate::view::{Answer, Reason};

use super::asked::{Asked, Round};
use super::choose::{Nominee, is_local_good, keep, rank_candidates, scored, top_up};
use super::{Here, Owner, Phase, is_transient};

impl Owner {
    /// Ranks the candidates of a job and asks the nominees.
    pub(crate) fn place(&mut self, ctx: &mut Context<'_>, id: JobId, here: Here) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if matches!(job.phase, Phase::Bound(_) | Phase::Handed(_)) {
            return;
        }
        let now = ctx.now;
        job.avoided.retain(|_, avoided| avoided.until > now);
        let ranked = rank_candidates(ctx, job, here);
        let kept = keep(ctx, job, &ranked);
        let local_idle = here.warm && kept.is_empty() && is_local_good(ctx, &ranked);
        let nominees = if local_idle {
            ranked.iter().filter(|r| r.node == ctx.me).filter_map(scored).collect()
        } else {
            top_up(ctx, kept, &ranked)
        };
        if nominees.is_empty() {
            self.on_no_candidate(ctx, id, &ranked);
        } else {
            self.ask(ctx, id, &nominees, local_idle);
        }
    }

    fn ask(&mut self, ctx: &mut Context<'_>, id: JobId, nominees: &[Nominee], local_idle: bool) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let before = match std::mem::replace(&mut job.phase, Phase::Parked) {
            Phase::Asking(round) => round.asked,
            Phase::Parked | Phase::Bound(_) | Phase::Handed(_) => BTreeMap::new(),
        };
        let mut round = Round { asked: before, open: true, local_idle };
        let (attempt, alone) = (job.attempt(), job.alone);
        for (node, score) in nominees {
            let known = round.asked.remove(node);
            // A place in a queue outlives the question; a slot that was bid as free does not.
            let (first_at, late, bid) = known.map_or((ctx.now, false, None), |a| {
                (a.first_at, a.late, a.bid.filter(|(_, bid)| bid.start_ms > 0))
            });
            let asked = Asked {
                score: *score,
                at: ctx.now,
                first_at,
                pending: true,
                late,
                bid,
                claimed: false,
            };
            round.asked.insert(*node, asked);
            job.answered(*node, Answer::Asked);
            ctx.mesh.set_offered(*node, id, score.service_ms());
            let need = job.why.need.clone();
            ctx.send(*node, Control::Offer(Box::new(Offer { attempt, need, alone })));
        }
        job.why.rounds = job.why.rounds.saturating_add(1);
        job.phase = Phase::Asking(round);
        ctx.timers.set(Wakeup::Job(id), ctx.now.after_ms(ctx.config.offer_deadline_ms));
    }

    pub(crate) fn on_bid(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        attempt: AttemptId,
        bid: Bid,
    ) {
        ctx.mesh.clear_offered(from, attempt.job);
        let now = ctx.now;
        let Some(asked) = self.asked_mut(attempt, from) else {
            return self.decline(ctx, from, attempt);
        };
        asked.pending = false;
        asked.late = false;
        asked.first_at = now;
        asked.bid = Some((now, bid));
        let job = self.jobs.get_mut(&attempt.job).expect("it was asked for this job");
        job.answered(from, Answer::Bid(bid));
        self.consider(ctx, attempt.job);
    }

    /// The turn of a standing reservation has come.
    pub(crate) fn on_claim(&mut self, ctx: &mut Context<'_>, from: NodeId, attempt: AttemptId) {
        let now = ctx.now;
        let Some(asked) = self.asked_mut(attempt, from) else {
            if self.is_bound_to(attempt, from) {
                return ctx.send(from, Control::Bind { attempt });
            }
            return self.decline(ctx, from, attempt);
        };
        let waited = asked.bid.map(|(_, bid)| bid);
        let finish_ms =
            waited.map_or(asked.score.service_ms(), |b| b.finish_ms - b.start_ms.min(b.finish_ms));
        let bid = Bid {
            start_ms: 0,
            load_ms: waited.map_or(0, |b| b.load_ms),
            cached_tokens: waited.map_or(0, |b| b.cached_tokens),
            finish_ms,
            valid_ms: waited.map_or(0, |b| b.valid_ms),
        };
        asked.pending = false;
        asked.claimed = true;
        asked.bid = Some((now, bid));
        self.consider(ctx, attempt.job);
    }

    /// It does not take the job, or not any more.
    pub(crate) fn on_refusal(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        attempt: AttemptId,
        refusal: Refusal,
    ) {
        ctx.mesh.clear_offered(from, attempt.job);
        if self.asked_mut(attempt, from).is_none() {
            return;
        }
        let job = self.jobs.get_mut(&attempt.job).expect("it was asked for this job");
        job.answered(from, Answer::Refused(refusal.clone()));
        job.avoid(from, Some(refusal), ctx.now, ctx.config);
        self.drop_asked(ctx, attempt.job, from);
    }

    /// A message did not leave. One of an older epoch says nothing of the offers that stand (I4).
    pub(crate) fn on_send_failed(
        &mut self,
        ctx: &mut Context<'_>,
        attempt: AttemptId,
        node: NodeId,
    ) {
        if self.jobs.get(&attempt.job).is_some_and(|job| job.epoch == attempt.epoch) {
            self.on_no_answer(ctx, attempt.job, node);
        }
    }

    /// It cannot be reached, so that no answer will come.
    pub(crate) fn on_no_answer(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        if round.asked.contains_key(&node) {
            job.answered(node, Answer::Silent);
            job.avoid(node, None, ctx.now, ctx.config);
            self.drop_asked(ctx, id, node);
        }
    }

    fn drop_asked(&mut self, ctx: &mut Context<'_>, id: JobId, node: NodeId) {
        ctx.mesh.clear_offered(node, id);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Phase::Asking(round) = &mut job.phase else { return };
        round.asked.remove(&node);
        if round.asked.is_empty() {
            job.phase = Phase::Parked;
            ctx.timers.clear(&Wakeup::Job(id));
            self.to_place.insert(id);
        } else {
            self.consider(ctx, id);
        }
    }

    /// The timer of a job that is not bound.
    pub(crate) fn on_job_timeout(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match &mut job.phase {
            Phase::Bound(_) | Phase::Handed(_) => {}
            Phase::Parked => {
                self.to_place.insert(id);
            }
            Phase::Asking(round) if !round.open => {
                self.to_place.insert(id);
            }
            Phase::Asking(_) => self.on_offer_deadline(ctx, id),
        }
    }

    /// Decides with what is there; if nothing is, asks others too, and gives up who stays silent.
    fn on_offer_deadline(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Phase::Asking(round) = &mut job.phase else { return };
        let (mut newly_late, mut given_up) = (Vec::new(), Vec::new());
        let mut patience = ctx.now.after_ms(ctx.config.silence_ms);
        for (node, asked) in round.asked.iter_mut().filter(|(_, a)| a.pending && a.bid.is_none()) {
            let until = asked.first_at.after_ms(ctx.config.silence_ms);
            if !std::mem::replace(&mut asked.late, true) {
                newly_late.push(*node);
            }
            if until <= ctx.now {
                given_up.push(*node);
            } else {
                patience = patience.min(until);
            }
        }
        ctx.timers.set(Wakeup::Job(id), patience);
        for node in &newly_late {
            job.answered(*node, Answer::Silent);
            ctx.mesh.clear_offered(*node, id);
            ctx.mesh.on_failure(*node, ctx.now, ctx.config);
        }
        for node in given_up {
            self.withdraw_from(ctx, id, node);
            self.on_no_answer(ctx, id, node);
        }
        self.decide_or_widen(ctx, id, !newly_late.is_empty());
    }

    fn decide_or_widen(&mut self, ctx: &mut Context<'_>, id: JobId, widen: bool) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        if round.best(ctx.now).any.is_some() {
            self.decide(ctx, id);
        } else if widen {
            self.to_place.insert(id);
        }
    }

    fn consider(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        if round.is_ripe(ctx.now) || (!round.open && round.best(ctx.now).now.is_some()) {
            self.decide(ctx, id);
        }
    }

    /// Binds the best that can start at once, by its bid or by its claim, if waiting for a better one
    /// is not worth it; else lets the reservations stand. A slow machine that falls free first does
    /// not get what a fast one will have done sooner.
    fn decide(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        let best = round.best(ctx.now);
        let (Some((any_end, any_node)), now) = (best.any, best.now) else { return };
        let wait_ms = any_end.ms_since(ctx.now);
        let cached = |node: NodeId| round.asked[&node].bid.map_or(0, |(_, bid)| bid.cached_tokens);
        let reads_again = now.is_some_and(|(_, node)| cached(node) < cached(any_node));
        let permille =
            if reads_again { ctx.config.cached_permille } else { ctx.config.now_permille };
        let patience = wait_ms * u64::from(permille) / 1_000 + u64::from(ctx.config.now_slack_ms);
        let taken = now.filter(|(end, _)| end.ms_since(ctx.now) <= patience);
        match taken {
            Some((_, node)) => {
                let reason = if round.asked[&node].claimed {
                    Reason::FirstClaim
                } else if round.local_idle {
                    Reason::LocalIdle
                } else {
                    Reason::BestBid
                };
                self.bind(ctx, id, node, reason);
            }
            None => self.stand(ctx, id),
        }
    }

    /// Reservations in queues stand; slots that are held for nothing are given back.
    fn stand(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let pause = backoff_ms(ctx.config.renew_ms, job.renewals, ctx.config.renew_max_ms);
        let attempt = job.attempt();
        let Phase::Asking(round) = &mut job.phase else { return };
        // Before the first turn can have come there is nothing to ask, as long as no place lapses.
        let bids = round.asked.values().filter_map(|a| a.bid.map(|(_, bid)| bid));
        let turn_ms = bids.map(|bid| bid.start_ms.min(bid.valid_ms / 3 * 2)).min().unwrap_or(0);
        let pause = pause.max(turn_ms);
        if round.open {
            job.renewals = job.renewals.saturating_add(1);
            ctx.timers.set(Wakeup::Job(id), ctx.now.after_ms(pause));
        }
        round.open = false;
        let holders: Vec<NodeId> =
            round.asked.iter().filter(|(_, a)| a.can_start()).map(|(n, _)| *n).collect();
        for node in holders {
            round.asked.remove(&node);
            ctx.mesh.clear_offered(node, id);
            ctx.send(node, Control::Gone { attempt });
        }
    }

    /// Withdraws what was offered to everybody but `except`. Who has not answered yet is told when
    /// its answer comes.
    pub(super) fn withdraw(&mut self, ctx: &mut Context<'_>, id: JobId, except: Option<NodeId>) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        for (node, asked) in &round.asked {
            ctx.mesh.clear_offered(*node, id);
            if Some(*node) != except && asked.bid.is_some() {
                self.withdraw_from(ctx, id, *node);
            }
        }
    }

    fn withdraw_from(&self, ctx: &mut Context<'_>, id: JobId, node: NodeId) {
        if let Some(job) = self.jobs.get(&id) {
            ctx.send(node, Control::Gone { attempt: job.attempt() });
        }
    }

    /// Answers who speaks of a reservation that is not wanted. A late echo of the binding that
    /// stands is no reason to end it.
    fn decline(&self, ctx: &mut Context<'_>, from: NodeId, attempt: AttemptId) {
        if !self.is_bound_to(attempt, from) {
            ctx.send(from, Control::Gone { attempt });
        }
    }

    fn asked_mut(&mut self, attempt: AttemptId, from: NodeId) -> Option<&mut Asked> {
        let job = self.jobs.get_mut(&attempt.job).filter(|j| j.epoch == attempt.epoch)?;
        match &mut job.phase {
            Phase::Asking(round) => round.asked.get_mut(&from),
            Phase::Parked | Phase::Bound(_) | Phase::Handed(_) => None,
        }
    }

    /// Nobody can be asked: waits if that may change by itself, else the job has failed.
    fn on_no_candidate(&mut self, ctx: &mut Context<'_>, id: JobId, ranked: &[Ranked]) {
        if self.open_hedge_of(id).is_some() {
            return self.drop_hedge(ctx, id);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        // For whoever waits at a screen, a quick answer counts; other work waits for who is away.
        let grace_ms = match job.why.need.priority {
            Priority::Interactive => ctx.config.advert_grace_ms,
            Priority::Batch => ctx.config.queue_deadline_ms,
        };
        let grace = job.waiting_since.after_ms(grace_ms);
        let may_change = |r: &Ranked| match &r.verdict {
            Verdict::Scored(_) => true,
            Verdict::Refused(refusal) => is_transient(refusal),
        };
        // Who sees half an answer waits for its rest, but not for long.
        let patience = job.patience_ms.map(|ms| job.waiting_since.after_ms(ms));
        let may_come = ranked.iter().any(may_change)
            || job.avoided.values().any(|a| a.refusal.is_none())
            || (job.why.unreachable > 0 && ctx.now < grace);
        let waits = match patience {
            Some(until) => ctx.now < until && (may_come || !ctx.mesh.is_alone()),
            None => may_come,
        };
        if !waits {
            let fault = match patience {
                Some(_) => Fault::NotContinued,
                None => job.last_fault.clone().unwrap_or_else(|| why_nobody(ranked)),
            };
            return self.finish(ctx, id, JobState::Failed(fault));
        }
        job.pass_by_fences();
        let pause = backoff_ms(ctx.config.park_ms, job.parks, ctx.config.park_max_ms);
        let pause = patience.into_iter().fold(ctx.now.after_ms(pause), Time::min);
        let again = job.avoided.values().map(|a| a.until).fold(pause, Time::min);
        job.parks = job.parks.saturating_add(1);
        job.phase = Phase::Parked;
        self.parked.insert(id);
        ctx.timers.set(Wakeup::Job(id), again.max(Time(ctx.now.0 + 1)));
    }
}

/// A prompt that is too long for every holder of its model is the asker's to mend; all else is not.
fn why_nobody(ranked: &[Ranked]) -> Fault {
    let too_long = ranked.iter().filter_map(|r| match &r.verdict {
        Verdict::Refused(Refusal::Context { needed, available }) => Some((*available, *needed)),
        Verdict::Refused(_) | Verdict::Scored(_) => None,
    });
    too_long
        .max()
        .map_or(Fault::NoCandidate, |(available, needed)| Fault::Context { needed, available })
}

//! Offers and what comes back: one round nominates, collects bids until its deadline or until the
//! best one cannot be beaten, then binds; or lets the reservations stand and waits for a claim.

use std::collections::BTreeMap;

use pumasi_protocol::{AttemptId, Bid, Control, Fault, JobId, JobState, NodeId, Offer, Refusal};

use crate::context::Context;
use crate::limits;
use crate::rank::{Policy, Ranked, Score, rank};
use crate::time::{Time, backoff_ms};
use crate::timers::Wakeup;
use crate::view::{Answer, Reason, WhyCandidate};

use super::nominate::{Nominee, nominate};
use super::{Job, Owner, Phase, is_transient};

/// A node that was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    score: Score,
    /// When the latest offer went out, and the first.
    at: Time,
    first_at: Time,
    /// No answer to the latest offer yet.
    pending: bool,
    /// Gave no answer by a deadline before.
    late: bool,
    bid: Option<(Time, Bid)>,
    claimed: bool,
}

impl Asked {
    /// When it would be done, by its bid and by what this node knows of the way there.
    fn end(&self) -> Option<Time> {
        let overhead = self.score.network_ms.saturating_add(self.score.penalty_ms);
        let (at, bid) = self.bid?;
        Some(at.after_ms(bid.finish_ms.saturating_add(overhead)))
    }

    fn can_start(&self) -> bool {
        self.bid.is_some_and(|(_, bid)| bid.start_ms == 0)
    }

    /// The earliest end that it could still answer with, as far as adverts tell.
    fn hoped_end(&self) -> Time {
        self.at.after_ms(self.score.total_ms())
    }
}

/// The nodes that were asked for one binding.
#[derive(Debug, Clone)]
pub(super) struct Round {
    asked: BTreeMap<NodeId, Asked>,
    /// Bids are being collected; otherwise reservations stand.
    open: bool,
    local_idle: bool,
}

/// The best of the bids.
struct Best {
    now: Option<(Time, NodeId)>,
    any: Option<(Time, NodeId)>,
}

impl Round {
    fn best(&self) -> Best {
        let ends = self.asked.iter().filter_map(|(node, a)| Some((a.end()?, *node)));
        let now = self.asked.iter().filter(|(_, a)| a.can_start());
        let now = now.filter_map(|(node, a)| Some((a.end()?, *node))).min();
        Best { now, any: ends.min() }
    }

    /// Whether everybody answered, or nobody who has not can be hoped to beat the best that can
    /// start at once.
    fn is_ripe(&self) -> bool {
        let mut pending = self.asked.values().filter(|a| a.pending && !a.late);
        match self.best().now {
            Some((end, _)) => pending.all(|a| a.hoped_end() >= end),
            None => pending.next().is_none() && self.asked.values().any(|a| a.bid.is_some()),
        }
    }
}

impl Owner {
    /// Ranks the candidates of a job and asks the nominees. `warm`: the engine here is loaded and
    /// entirely idle.
    pub(crate) fn place(&mut self, ctx: &mut Context<'_>, id: JobId, warm: bool) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if matches!(job.phase, Phase::Bound(_)) {
            return;
        }
        let now = ctx.now;
        job.avoided.retain(|_, avoided| avoided.until > now);
        let ranked = rank_candidates(ctx, job);
        let kept = keep(ctx, job, &ranked);
        let local_idle = warm && kept.is_empty() && is_local_good(ctx, &ranked);
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
            Phase::Parked | Phase::Bound(_) => BTreeMap::new(),
        };
        let mut round = Round { asked: before, open: true, local_idle };
        let attempt = job.attempt();
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
            ctx.send(*node, Control::Offer(Box::new(Offer { attempt, need })));
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
            Phase::Bound(_) => {}
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
        if round.best().any.is_some() {
            self.decide(ctx, id);
        } else if widen {
            self.to_place.insert(id);
        }
    }

    fn consider(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        // While reservations stand, the first that can start is taken; nobody is waited for.
        if round.is_ripe() || (!round.open && round.best().now.is_some()) {
            self.decide(ctx, id);
        }
    }

    /// Binds the best that can start at once, if waiting for a better one is not worth it; else lets
    /// the reservations stand.
    fn decide(&mut self, ctx: &mut Context<'_>, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let Phase::Asking(round) = &job.phase else { return };
        let best = round.best();
        let (Some((any_end, _)), now) = (best.any, best.now) else { return };
        let wait_ms = any_end.ms_since(ctx.now);
        let patience = wait_ms * u64::from(ctx.config.now_permille) / 1_000
            + u64::from(ctx.config.offer_deadline_ms);
        let taken = now
            .filter(|(end, node)| round.asked[node].claimed || end.ms_since(ctx.now) <= patience);
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
            Phase::Parked | Phase::Bound(_) => None,
        }
    }

    /// Nobody can be asked: waits if that may change by itself, else the job has failed.
    fn on_no_candidate(&mut self, ctx: &mut Context<'_>, id: JobId, ranked: &[Ranked]) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let grace = job.waiting_since.after_ms(ctx.config.advert_grace_ms);
        let may_change = |r: &Ranked| match &r.verdict {
            crate::rank::Verdict::Scored(_) => true,
            crate::rank::Verdict::Refused(refusal) => is_transient(refusal),
        };
        let waits = ranked.iter().any(may_change)
            || job.avoided.values().any(|a| a.refusal.is_none())
            || (job.why.unreachable > 0 && ctx.now < grace);
        if !waits {
            let fault = job.last_fault.clone().unwrap_or(Fault::NoCandidate);
            return self.finish(ctx, id, JobState::Failed(fault));
        }
        let pause = backoff_ms(ctx.config.park_ms, job.parks, ctx.config.park_max_ms);
        let again = job.avoided.values().map(|a| a.until).fold(ctx.now.after_ms(pause), Time::min);
        job.parks = job.parks.saturating_add(1);
        job.phase = Phase::Parked;
        self.parked.insert(id);
        ctx.timers.set(Wakeup::Job(id), again.max(Time(ctx.now.0 + 1)));
    }
}

fn scored(ranked: &Ranked) -> Option<Nominee> {
    ranked.score().map(|score| (ranked.node, *score))
}

/// Ranks the candidates and notes them as the job's reasons.
fn rank_candidates(ctx: &mut Context<'_>, job: &mut Job) -> Vec<Ranked> {
    let need = &job.why.need;
    let (avoided, failed) = (&job.avoided, &job.failed);
    let each_ms = ctx.config.repeat_failure_ms;
    let candidates = ctx.mesh.candidates(
        need,
        ctx.now,
        ctx.config,
        |node| avoided.get(&node).map(|a| a.refusal.clone()),
        |node| failed.get(&node).map_or(0, |times| times.saturating_mul(each_ms)),
    );
    let may_submit = ctx.mesh.member(ctx.me).is_some_and(|m| m.may_submit);
    let policy = Policy { config: ctx.config, owner: ctx.me, may_submit };
    let ranked = rank(need, &candidates.list, &policy, ctx.draw.next());
    let unreachable = candidates.unreachable;
    note(job, &ranked, unreachable);
    ranked
}

fn note(job: &mut Job, ranked: &[Ranked], unreachable: u32) {
    let kept = ranked.iter().take(limits::WHY_CANDIDATES);
    let candidates = kept.map(|r| WhyCandidate {
        node: r.node,
        verdict: r.verdict.clone(),
        answer: Answer::NotAsked,
    });
    job.why.candidates = candidates.collect();
    let omitted = ranked.len().saturating_sub(limits::WHY_CANDIDATES);
    job.why.candidates_omitted = u32::try_from(omitted).unwrap_or(u32::MAX);
    job.why.unreachable = unreachable;
}

/// The nodes asked before that are still candidates; from the others the offer is withdrawn.
fn keep(ctx: &mut Context<'_>, job: &mut Job, ranked: &[Ranked]) -> Vec<(Nominee, bool)> {
    let attempt = job.attempt();
    let Phase::Asking(round) = &mut job.phase else { return Vec::new() };
    let mut kept = Vec::new();
    let asked: Vec<(NodeId, bool)> = round.asked.iter().map(|(n, a)| (*n, a.late)).collect();
    for (node, late) in asked {
        match ranked.iter().filter(|r| r.node == node).find_map(scored) {
            Some(nominee) => kept.push((nominee, late)),
            None => {
                round.asked.remove(&node);
                ctx.mesh.clear_offered(node, attempt.job);
                ctx.send(node, Control::Gone { attempt });
            }
        }
    }
    if round.asked.is_empty() {
        job.phase = Phase::Parked;
    }
    kept
}

/// Those asked before, and further ones in place of the silent, up to the bound of offers.
fn top_up(ctx: &mut Context<'_>, kept: Vec<(Nominee, bool)>, ranked: &[Ranked]) -> Vec<Nominee> {
    let wanted = usize::from(ctx.config.offers.max(1));
    let answering = kept.iter().filter(|(_, late)| !late).count();
    let mut nominees: Vec<Nominee> = kept.into_iter().map(|(nominee, _)| nominee).collect();
    let known: Vec<NodeId> = nominees.iter().map(|(node, _)| *node).collect();
    let draws = usize::from(ctx.config.draws_per_offer);
    let missing = wanted.saturating_sub(answering);
    nominees.extend(nominate(ranked, missing, draws, ctx.draw, |node| known.contains(&node)));
    nominees
}

/// Whether the engine here, warm and idle, is about as good as the best other one.
fn is_local_good(ctx: &Context<'_>, ranked: &[Ranked]) -> bool {
    let mut own = ranked.iter().filter(|r| r.node == ctx.me).filter_map(Ranked::score);
    let Some(own) = own.next() else { return false };
    let best = ranked.iter().filter(|r| r.node != ctx.me).find_map(Ranked::score);
    best.is_none_or(|best| {
        let allowed = u64::from(best.total_ms()) * u64::from(ctx.config.local_permille) / 1_000;
        u64::from(own.total_ms()) <= allowed + u64::from(ctx.config.local_slack_ms)
    })
}

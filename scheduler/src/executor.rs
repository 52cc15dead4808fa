//! This node as an executor: it alone knows its slots, its memory and its queue. What it bids it can
//! keep; a job runs only after `Bind`; what is older than the newest epoch seen is ignored.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::{
    AttemptId, Bid, Control, Fault, ModelName, Need, NodeAdvert, NodeId, Offer, Refusal, Tempo,
    Timings, Usage,
};

use crate::action::Action;
use crate::context::{Context, Scene};
use crate::fair::Fair;
use crate::input::DeskState;
use crate::limits;
use crate::rank::gate::{self, Door};
use crate::rank::score::contention_permille;
use crate::timers::Wakeup;
use crate::view::{Residence, Stage};

mod changes;
mod desk;
mod device;
mod evict;
mod fence;
mod hint;
mod hot;
mod loading;
mod models;
mod predict;
mod queue;
mod report;
mod reservation;

use device::DeviceTime;
use fence::{Fences, Standing};
use hint::Askers;
use models::Models;
use predict::reserved_ms;
use reservation::Reservation;

/// The executor's part of a scheduler.
#[derive(Debug, Clone, Default)]
pub(crate) struct Executor {
    advert: Option<NodeAdvert>,
    models: Models,
    reservations: BTreeMap<AttemptId, Reservation>,
    /// Of these, the ones with a slot.
    holding: BTreeSet<AttemptId>,
    per_owner: BTreeMap<NodeId, usize>,
    arrivals: u64,
    fences: Fences,
    fair: Fair,
    askers: Askers,
    device: DeviceTime,
    desk: DeskState,
    /// The mesh's copy of our advert is behind in what changes often, or in anything.
    dirty: bool,
    dirty_facts: bool,
}

impl Executor {
    /// A message of an owner, the one on this node included.
    pub(crate) fn on_offer(&mut self, ctx: &mut Context<'_>, from: NodeId, offer: Offer) {
        let attempt = offer.attempt;
        match self.consider(ctx, from, offer) {
            Ok(Some(bid)) => ctx.send(from, Control::Bid { attempt, bid }),
            Ok(None) => {}
            Err(refusal) => ctx.send(from, Control::Refuse { attempt, refusal }),
        }
        self.settle_desk(ctx);
    }

    fn consider(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        offer: Offer,
    ) -> Result<Option<Bid>, Refusal> {
        let attempt = offer.attempt;
        if ctx.mesh.member(from).is_none() {
            return Err(Refusal::NotMember);
        }
        if self.fences.standing(from, attempt) != Standing::Current {
            return Err(Refusal::Stale);
        }
        if let Some(known) = self.reservations.get(&attempt) {
            return if known.owner == from {
                Ok(self.renew(ctx, attempt))
            } else {
                Err(Refusal::Stale)
            };
        }
        let model = self.pass(ctx.scene(), from, &offer.need)?;
        self.supersede(ctx, from, attempt)?;
        self.check_bounds(from)?;
        if from != ctx.me {
            self.askers.on_offer(from);
        }
        self.reserve(ctx, from, offer, model);
        Ok(Some(self.bid(ctx, attempt)))
    }

    /// The gates, by the truth. The name of the model that passed.
    fn pass(&self, scene: Scene<'_>, from: NodeId, need: &Need) -> Result<ModelName, Refusal> {
        if !need.is_within_limits() {
            return Err(Refusal::Unsupported);
        }
        let advert = self.advert.as_ref().ok_or(Refusal::Paused)?;
        gate::pass_door(need, &self.door(scene, from, advert))?;
        let model = self.models.for_need(need);
        let state = model.map(|m| m.advert(scene.now));
        let passed = gate::pass_model(need, advert, state.as_ref())?;
        let model = model.ok_or(Refusal::ModelAbsent)?;
        if let Some(refusal) = &model.backing_off {
            return Err(refusal.clone());
        }
        let available = self.memory_for(scene, from, need);
        if model.residence != Residence::Loaded && passed.memory > self.models.budget
            || passed.memory > available
        {
            let (needed, available) = (passed.memory, available.min(self.models.budget));
            return Err(Refusal::Memory { needed, available });
        }
        Ok(model.facts.name.clone())
    }

    fn door(&self, scene: Scene<'_>, from: NodeId, advert: &NodeAdvert) -> Door {
        Door {
            node: scene.me,
            member: scene.mesh.own_member(),
            admission: advert.admission,
            owner: from,
            may_submit: scene.mesh.member(from).is_some_and(|m| m.may_submit),
        }
    }

    /// A newer epoch of a job ends what an older one still has here.
    fn supersede(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        attempt: AttemptId,
    ) -> Result<(), Refusal> {
        let first = AttemptId { epoch: pumasi_protocol::Epoch(0), ..attempt };
        let older: Vec<_> =
            self.reservations.range(first..attempt).map(|(a, r)| (*a, r.owner)).collect();
        if older.iter().any(|(_, owner)| *owner != from) {
            return Err(Refusal::Stale);
        }
        for (old, _) in older {
            self.end(ctx, old, Fault::Refused(Refusal::Stale));
        }
        self.fences.raise(from, attempt);
        Ok(())
    }

    fn check_bounds(&self, from: NodeId) -> Result<(), Refusal> {
        let of_owner = self.per_owner.get(&from).copied().unwrap_or(0);
        let full = self.reservations.len() >= limits::RESERVATIONS
            || of_owner >= limits::RESERVATIONS_PER_OWNER;
        if full { Err(Refusal::QueueFull) } else { Ok(()) }
    }

    fn reserve(&mut self, ctx: &mut Context<'_>, owner: NodeId, offer: Offer, model: ModelName) {
        self.arrivals += 1;
        let estimate_ms = self.service_ms(ctx.scene(), &offer.need, &model);
        let alone = offer.alone;
        let reserved = self.models.reserved(&model);
        reserved.waiting_ms += reserved_ms(estimate_ms, ctx.config);
        reserved.waiting_alone += u16::from(alone);
        let reservation = Reservation {
            owner,
            need: Box::new(offer.need),
            model,
            stage: Stage::Waiting,
            arrived: ctx.now,
            arrival: self.arrivals,
            since: ctx.now,
            estimate_ms,
            claims: 0,
            alone,
            opened: owner == ctx.me,
            busy_at_bind: 0,
            charged_ms: 0,
            device_us: 0,
            tempo: Tempo::Full,
            yielded: false,
            stopped: false,
        };
        self.reservations.insert(offer.attempt, reservation);
        *self.per_owner.entry(owner).or_default() += 1;
        self.dirty = true;
    }

    /// Holds a slot if one is free for it at once, and says when it could start.
    fn bid(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) -> Bid {
        if self.may_hold(ctx.scene(), attempt) {
            self.hold(ctx, attempt, Stage::Held);
        }
        let holds = self.reservations[&attempt].has_slot();
        let valid_ms = if holds { ctx.config.hold_ms } else { ctx.config.reservation_ms };
        ctx.timers.set(Wakeup::Reservation(attempt), ctx.now.after_ms(valid_ms));
        self.predict_bid(ctx.scene(), attempt, valid_ms)
    }

    /// The owner asks again: what it has here stands on, with a fresh prediction.
    fn renew(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) -> Option<Bid> {
        match self.reservations[&attempt].stage {
            Stage::Waiting | Stage::Held | Stage::Claimed => Some(self.bid(ctx, attempt)),
            Stage::Bound | Stage::Running => None,
        }
    }

    /// `Bind`, or the data stream that follows it.
    pub(crate) fn on_bind(&mut self, ctx: &mut Context<'_>, from: NodeId, attempt: AttemptId) {
        if self.fences.standing(from, attempt) == Standing::Over {
            return;
        }
        let known = self.reservations.get(&attempt).filter(|r| r.owner == from);
        let bound = known.is_some_and(|r| match r.stage {
            Stage::Held | Stage::Claimed => true,
            Stage::Bound | Stage::Running => false,
            Stage::Waiting => self.may_hold(ctx.scene(), attempt),
        });
        if bound {
            self.bind(ctx, attempt);
        } else if known.is_none_or(|r| r.stage == Stage::Waiting) {
            if known.is_some() {
                self.remove(ctx, attempt);
            }
            ctx.send(from, Control::Unbound { attempt, refusal: Refusal::Stale });
        }
        self.settle_desk(ctx);
    }

    fn bind(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        if !self.reservations[&attempt].has_slot() {
            self.hold(ctx, attempt, Stage::Held);
        }
        let others = self.models.busy().saturating_sub(1);
        let charged_ms = self.device_ms(ctx.scene(), attempt);
        let device_us = self.device.begin(ctx.now);
        let reservation = self.reservations.get_mut(&attempt).expect("checked by the caller");
        reservation.stage = Stage::Bound;
        reservation.since = ctx.now;
        reservation.busy_at_bind = others;
        (reservation.charged_ms, reservation.device_us) = (charged_ms, device_us);
        let (owner, model) = (reservation.owner, reservation.model.clone());
        let person = reservation.need.person;
        let waiting = self.reservations.values().filter(|r| !r.has_slot()).map(|r| r.need.person);
        self.fair.charge(person, charged_ms, waiting, ctx.config);
        if owner == ctx.me {
            ctx.timers.clear(&Wakeup::Reservation(attempt));
        } else {
            ctx.out.act(Action::Expect { attempt, owner });
            let deadline = ctx.now.after_ms(ctx.config.open_ms);
            ctx.timers.set(Wakeup::Reservation(attempt), deadline);
        }
        self.askers.on_bind();
        self.models.reserved(&model).ready.push_back(attempt);
        self.start_or_load(ctx, &model);
        self.dirty = true;
    }

    pub(crate) fn on_stream_opened(
        &mut self,
        ctx: &mut Context<'_>,
        from: NodeId,
        attempt: AttemptId,
    ) {
        let known = self.reservations.get(&attempt).filter(|r| r.owner == from);
        if known.is_some_and(|r| matches!(r.stage, Stage::Waiting | Stage::Held | Stage::Claimed)) {
            self.on_bind(ctx, from, attempt);
        }
        let known = self.reservations.get_mut(&attempt).filter(|r| r.owner == from);
        if let Some(reservation) = known
            && matches!(reservation.stage, Stage::Bound | Stage::Running)
        {
            reservation.opened = true;
            ctx.timers.clear(&Wakeup::Reservation(attempt));
        }
    }

    /// The owner does not need it any more.
    pub(crate) fn on_gone(&mut self, ctx: &mut Context<'_>, from: NodeId, attempt: AttemptId) {
        if self.reservations.get(&attempt).is_some_and(|r| r.owner == from) {
            self.end(ctx, attempt, Fault::Cancelled);
            self.settle(ctx);
        }
    }

    /// An engine is done with an attempt.
    pub(crate) fn on_done(
        &mut self,
        ctx: &mut Context<'_>,
        attempt: AttemptId,
        usage: Usage,
        timings: Timings,
        fault: Option<&Fault>,
    ) {
        let Some(reservation) = self.reservations.get(&attempt) else { return };
        match reservation.stage {
            Stage::Waiting | Stage::Held | Stage::Claimed => return,
            Stage::Bound | Stage::Running => {}
        }
        let (person, charged) = (reservation.need.person, reservation.charged_ms);
        let used = self.device.used_ms(ctx.now, reservation.device_us);
        // What was held back says nothing of this machine's rates.
        let counts = fault.is_none() && !reservation.yielded;
        let others = (reservation.busy_at_bind + self.models.busy().saturating_sub(1)) / 2;
        let slowdown = contention_permille(others, ctx.config);
        let name = reservation.model.clone();
        self.fences.close(reservation.owner, attempt);
        self.fair.correct(person, charged, used, ctx.config);
        let model = self.models.reserved(&name);
        model.last_used = ctx.now;
        if counts {
            model.measured.add(usage, timings, slowdown);
        }
        self.remove(ctx, attempt);
        self.settle(ctx);
    }

    pub(crate) fn on_reservation_timeout(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        let Some(reservation) = self.reservations.get(&attempt) else { return };
        match reservation.stage {
            Stage::Waiting | Stage::Held => self.remove(ctx, attempt),
            Stage::Claimed if reservation.claims < ctx.config.claims.max(1) => {
                self.claim(ctx, attempt);
            }
            Stage::Claimed => self.remove(ctx, attempt),
            Stage::Bound | Stage::Running => {
                let owner = reservation.owner;
                self.end(ctx, attempt, Fault::Refused(Refusal::Stale));
                ctx.send(owner, Control::Unbound { attempt, refusal: Refusal::Stale });
            }
        }
        self.settle(ctx);
    }

    /// Ends what an attempt has here: drops a reservation, stops a bound attempt.
    fn end(&mut self, ctx: &mut Context<'_>, attempt: AttemptId, fault: Fault) {
        let Some(reservation) = self.reservations.get_mut(&attempt) else { return };
        match reservation.stage {
            Stage::Waiting | Stage::Held | Stage::Claimed => self.remove(ctx, attempt),
            Stage::Bound => {
                ctx.out.act(Action::Stop { attempt, fault });
                self.fences.close(reservation.owner, attempt);
                self.remove(ctx, attempt);
            }
            Stage::Running => {
                reservation.opened = true;
                reservation.stopped = true;
                ctx.timers.clear(&Wakeup::Reservation(attempt));
                ctx.out.act(Action::Stop { attempt, fault });
            }
        }
    }

    /// Removes a reservation and gives its slot back.
    fn remove(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        let Some(reservation) = self.reservations.remove(&attempt) else { return };
        ctx.timers.clear(&Wakeup::Reservation(attempt));
        ctx.timers.clear(&Wakeup::Yield(attempt));
        if matches!(reservation.stage, Stage::Bound | Stage::Running) {
            self.device.end(ctx.now);
        }
        self.holding.remove(&attempt);
        if let Some(count) = self.per_owner.get_mut(&reservation.owner) {
            *count -= 1;
            if *count == 0 {
                self.per_owner.remove(&reservation.owner);
            }
        }
        let model = self.models.reserved(&reservation.model);
        if !reservation.has_slot() {
            model.waiting_ms -= reserved_ms(reservation.estimate_ms, ctx.config);
            model.waiting_alone -= u16::from(reservation.alone);
        } else {
            model.busy -= 1;
            model.closed &= !reservation.alone;
            model.ready.retain(|ready| *ready != attempt);
            if reservation.stage == Stage::Running {
                model.running -= 1;
            }
        }
        self.dirty = true;
    }

    /// Whether nothing is reserved.
    pub(crate) fn is_idle(&self) -> bool {
        self.reservations.is_empty()
    }
}

//! Whose turn it is when a slot becomes free, and who must not be overtaken.

use pumasi_protocol::{AttemptId, Control, ModelName, Tempo};

use crate::context::{Context, Scene};
use crate::fair::{Fair, Turn, Waiter};
use crate::timers::Wakeup;
use crate::view::{Residence, Stage};

use super::models::LocalModel;
use super::predict::reserved_ms;
use super::{Executor, Reservation};

impl Executor {
    /// The reservations without a slot. Few have one, so that walking all costs less than finding
    /// each.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&AttemptId, &Reservation)> {
        self.reservations.iter().filter(|(_, r)| !r.has_slot())
    }

    /// The reservations with a slot.
    pub(super) fn holding(&self) -> impl Iterator<Item = (&AttemptId, &Reservation)> {
        self.holding.iter().map(|attempt| (attempt, &self.reservations[attempt]))
    }

    /// After anything that may have freed a slot or memory: loads what can be loaded, claims for
    /// whose turn has come, lets go what is to go.
    pub(super) fn settle(&mut self, ctx: &mut Context<'_>) {
        for name in self.models.to_load() {
            self.start_or_load(ctx, &name);
        }
        self.start_all_ready(ctx);
        self.yield_to_desk(ctx);
        while let Some(attempt) = self.next_turn(ctx.scene()) {
            self.hold(ctx, attempt, Stage::Claimed);
            self.claim(ctx, attempt);
        }
        self.let_go(ctx);
        self.hint_if_idle(ctx);
    }

    /// Whether anybody waits for a slot.
    pub(super) fn is_awaited(&self) -> bool {
        self.reservations.len() > self.holding.len()
    }

    /// The first in turn that can have a slot at once.
    fn next_turn(&self, scene: Scene<'_>) -> Option<AttemptId> {
        if !self.is_awaited() {
            return None;
        }
        let (blocker, tempo) = (self.blocking_model(scene), self.foreign_tempo(scene));
        let free = self.models.free();
        let can = |(_, reservation): &(&AttemptId, &Reservation)| {
            free.binary_search(&&reservation.model).is_ok()
                && blocker.as_ref().is_none_or(|blocked| *blocked == reservation.model)
                && self.can_have_slot(scene, tempo, reservation)
        };
        let waiting = self.waiting().filter(can);
        waiting.min_by_key(|(_, r)| self.turn(scene, r)).map(|(attempt, _)| *attempt)
    }

    /// Whether a reservation may have a slot at once without overtaking a starving one.
    pub(super) fn may_hold(&self, scene: Scene<'_>, attempt: AttemptId) -> bool {
        let reservation = &self.reservations[&attempt];
        reservation.stage == Stage::Waiting
            && self.can_have_slot(scene, self.foreign_tempo(scene), reservation)
            && self.blocking_model(scene).is_none_or(|blocked| blocked == reservation.model)
    }

    /// `tempo`: at which work for others may run.
    fn can_have_slot(&self, scene: Scene<'_>, tempo: Tempo, reservation: &Reservation) -> bool {
        self.models.can_hold(&reservation.model, reservation.alone)
            && (reservation.alone || !self.drains(scene, tempo, &reservation.model))
            && self.is_allowed(scene, tempo, reservation)
    }

    /// Whether the engine of a model drains for one that must be alone in it, and may be there.
    fn drains(&self, scene: Scene<'_>, tempo: Tempo, model: &ModelName) -> bool {
        let waits = self.models.named(model).is_some_and(|m| m.waiting_alone > 0);
        waits
            && self
                .waiting()
                .map(|(_, r)| r)
                .any(|r| r.alone && r.model == *model && self.is_allowed(scene, tempo, r))
    }

    fn is_allowed(&self, scene: Scene<'_>, tempo: Tempo, reservation: &Reservation) -> bool {
        (tempo != Tempo::Paused || reservation.is_of_desk(scene))
            && self.is_within_cap(scene, reservation)
    }

    /// The model of the longest starving reservation that waits for memory. As long as there is one,
    /// nobody else gets a slot, so that running models drain until it fits.
    fn blocking_model(&self, scene: Scene<'_>) -> Option<ModelName> {
        let tempo = self.foreign_tempo(scene);
        let starving = self.waiting().map(|(_, r)| r).filter(|r| {
            Fair::is_starving(scene.now.ms_since(r.arrived), scene.config)
                && self.models.named(&r.model).is_some_and(|m| m.backing_off.is_none())
                && !self.models.can_require(&r.model)
                && (tempo != Tempo::Paused || r.is_of_desk(scene))
        });
        starving.min_by_key(|r| r.arrival).map(|r| r.model.clone())
    }

    pub(super) fn turn(&self, scene: Scene<'_>, reservation: &Reservation) -> Turn {
        let model = self.models.named(&reservation.model).expect("reserved models are known");
        self.turn_in(scene, reservation, model)
    }

    /// The same, of who waits for `model`.
    pub(super) fn turn_in(
        &self,
        scene: Scene<'_>,
        reservation: &Reservation,
        model: &LocalModel,
    ) -> Turn {
        let load_ms = match model.residence {
            Residence::Loading | Residence::Loaded => 0,
            Residence::Held | Residence::Unloading | Residence::Unusable => model.facts.load_ms,
        };
        let waiter = Waiter {
            person: reservation.need.person,
            priority: reservation.need.priority,
            waited_ms: scene.now.ms_since(reservation.arrived),
            arrival: reservation.arrival,
            at_desk: reservation.is_of_desk(scene),
            load_ms,
        };
        self.fair.turn(&waiter, scene.config)
    }

    /// Gives a slot, and its model's memory with it.
    pub(super) fn hold(&mut self, ctx: &mut Context<'_>, attempt: AttemptId, stage: Stage) {
        let reservation = self.reservations.get_mut(&attempt).expect("checked by the caller");
        let alone = reservation.alone;
        let is_free = self.models.can_hold(&reservation.model, alone);
        assert!(is_free, "a slot is held only where one is free");
        reservation.stage = stage;
        reservation.since = ctx.now;
        let model = self.models.reserved(&reservation.model);
        model.busy += 1;
        model.waiting_ms -= reserved_ms(reservation.estimate_ms, ctx.config);
        if alone {
            model.waiting_alone -= 1;
            model.closed = true;
        }
        self.holding.insert(attempt);
        self.dirty = true;
    }

    /// Asks the owner whether the job is still to be had.
    pub(super) fn claim(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        let reservation = self.reservations.get_mut(&attempt).expect("checked by the caller");
        reservation.claims = reservation.claims.saturating_add(1);
        let owner = reservation.owner;
        let again = ctx.now.after_ms(ctx.config.claim_ms);
        ctx.timers.set(Wakeup::Reservation(attempt), again);
        ctx.send(owner, Control::Claim { attempt });
    }
}

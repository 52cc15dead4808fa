//! When a reservation could start and end, by what this node knows of itself.

use std::collections::BTreeMap;

use pumasi_protocol::{AttemptId, Bid, ModelName, Need, Tempo, limits};

use crate::config::Config;
use crate::context::Scene;
use crate::rank::Score;
use crate::rank::score::{self, Basis, saturated};
use crate::sketch::common_tokens;
use crate::view::Stage;

use super::models::LocalModel;
use super::{Executor, Reservation};

impl Executor {
    pub(super) fn predict_bid(&self, scene: Scene<'_>, attempt: AttemptId, valid_ms: u32) -> Bid {
        let reservation = &self.reservations[&attempt];
        let model = self.models.named(&reservation.model).expect("reserved models are known");
        let start_ms =
            if reservation.has_slot() { 0 } else { self.start_ms(scene, reservation).max(1) };
        let load_ms = if self.models.can_require(&reservation.model) {
            score::load_ms(&model.facts, model.state(scene.now), scene.config)
        } else {
            model.facts.load_ms
        };
        let busy = self.neighbours(model, reservation.has_slot());
        let service = self.service(scene, &reservation.need, model, busy).service_ms();
        let service = service.saturating_mul(self.slowdown(scene, reservation));
        Bid {
            start_ms,
            load_ms,
            cached_tokens: cached_tokens(&reservation.need, model),
            finish_ms: start_ms.saturating_add(load_ms).saturating_add(service),
            valid_ms,
        }
    }

    /// Device time that an attempt with a slot will take: its share of the time in that slot, and
    /// what loading its model takes.
    pub(super) fn device_ms(&self, scene: Scene<'_>, attempt: AttemptId) -> u32 {
        let reservation = &self.reservations[&attempt];
        let model = self.models.named(&reservation.model).expect("reserved models are known");
        let busy = self.neighbours(model, true);
        let service = self.service(scene, &reservation.need, model, busy).service_ms();
        let load = score::load_ms(&model.facts, model.state(scene.now), scene.config);
        (service / (busy + 1)).saturating_add(load)
    }

    /// Time in a slot beside what is busy at this moment.
    pub(super) fn service_ms(&self, scene: Scene<'_>, need: &Need, model: &ModelName) -> u32 {
        self.models.named(model).map_or(0, |model| {
            let busy = self.neighbours(model, false);
            self.service(scene, need, model, busy).service_ms()
        })
    }

    /// How many times longer work takes while it yields to the desk.
    fn slowdown(&self, scene: Scene<'_>, reservation: &Reservation) -> u32 {
        match self.foreign_tempo(scene) {
            Tempo::Slow if !reservation.is_of_desk(scene) => limits::SLOW_ONE_IN,
            Tempo::Full | Tempo::Slow | Tempo::Paused => 1,
        }
    }

    /// Busy slots beside one of this model: a full model must free one first.
    fn neighbours(&self, model: &LocalModel, has_slot: bool) -> u32 {
        let same = if has_slot { model.busy - 1 } else { model.busy.min(model.slots - 1) };
        self.models.busy() - u32::from(model.busy) + u32::from(same)
    }

    fn service(&self, scene: Scene<'_>, need: &Need, model: &LocalModel, busy: u32) -> Score {
        let (rates, context) = (model.rates(), model.facts.context);
        let basis = Basis { rates, context, cached_tokens: cached_tokens(need, model), busy };
        score::service(need, &basis, scene.config)
    }

    /// Until a waiting reservation could start: what is before it on its model, shared by the slots,
    /// and, if its model must wait for memory, what runs and waits elsewhere.
    fn start_ms(&self, scene: Scene<'_>, reservation: &Reservation) -> u32 {
        let model = self.models.named(&reservation.model).expect("reserved models are known");
        let own_turn = self.turn_in(scene, reservation, model);
        let no_room = !self.models.can_require(&reservation.model);
        let before = self.waiting().map(|(_, r)| r).filter(|r| {
            if r.model == reservation.model {
                self.turn_in(scene, r, model) < own_turn
            } else {
                no_room && self.turn(scene, r) < own_turn
            }
        });
        let queued: u64 = before.map(|r| u64::from(r.estimate_ms)).sum();
        let queued = queued * u64::from(scene.config.reserved_permille) / 1_000;
        let (mut here, mut longest, mut elsewhere) = (0, 0, 0);
        for (_, holder) in self.holding() {
            let left = remaining_ms(scene, holder);
            if holder.model == reservation.model {
                here += left;
                longest = left.max(longest);
            } else {
                elsewhere += left;
            }
        }
        // Beside or before one that is alone, slots are of no use.
        let exclusive = reservation.alone || model.closed;
        let slots = if exclusive { 1 } else { u64::from(model.slots) };
        let here = if reservation.alone { longest } else { here };
        let mut start = (queued + here) / slots;
        if no_room {
            // Who waits for what is loaded goes first for a while (see `fair::defers`).
            let waited = scene.now.ms_since(reservation.arrived);
            let deferral = (2 * u64::from(model.facts.load_ms)).saturating_sub(waited);
            let defers = elsewhere > 0 && self.waiting().any(|(_, r)| r.model != reservation.model);
            start = (start + elsewhere).max(if defers { deferral } else { 0 });
        }
        saturated(start)
    }

    /// The bound of invariant I18, for each waiting reservation by its arrival: until it starves, then
    /// what holds a slot by then, then all that came before it, one after the other, each with its
    /// model loaded anew.
    pub(super) fn start_bounds_ms(&self, scene: Scene<'_>) -> BTreeMap<u64, u64> {
        let load =
            |r: &Reservation| self.models.named(&r.model).map_or(0, |m| u64::from(m.facts.load_ms));
        let cost = |r: &Reservation| remaining_ms(scene, r) + load(r);
        let mut before: u64 = self.holding().map(|(_, r)| cost(r)).sum();
        let mut bounds = BTreeMap::new();
        let waiting = self.waiting().map(|(_, r)| (r.arrival, r));
        for (arrival, reservation) in waiting.collect::<BTreeMap<u64, &Reservation>>() {
            let patience = u64::from(scene.config.starving_ms)
                .saturating_sub(scene.now.ms_since(reservation.arrived));
            bounds.insert(arrival, patience + before + load(reservation));
            before = before.saturating_add(cost(reservation));
        }
        bounds
    }

    /// Predicted time until all that waits and runs here is done: per model shared by its slots, and
    /// models one after the other, as on one device.
    pub(super) fn work_ms(&self, scene: Scene<'_>) -> u64 {
        let busy = self.models.iter().filter(|(_, m)| m.busy > 0 || m.waiting_ms > 0);
        let of = |(name, model): (&ModelName, &LocalModel)| {
            let holding = self.holding().filter(|(_, r)| r.model == *name);
            let held: u64 = holding.map(|(_, r)| remaining_ms(scene, r)).sum();
            (model.waiting_ms + held) / u64::from(model.slots)
        };
        busy.map(of).sum()
    }
}

/// What a reservation without a slot counts before what comes after it, in milliseconds.
pub(super) fn reserved_ms(estimate_ms: u32, config: &Config) -> u64 {
    u64::from(estimate_ms) * u64::from(config.reserved_permille) / 1_000
}

/// What is left of a reservation in a slot: its estimate less what has passed, and not less than a
/// share of what has passed, because answers have heavy tails.
fn remaining_ms(scene: Scene<'_>, reservation: &Reservation) -> u64 {
    let estimate = u64::from(reservation.estimate_ms);
    match reservation.stage {
        Stage::Bound | Stage::Running => {
            let passed = scene.now.ms_since(reservation.since);
            let overrun = passed * u64::from(scene.config.overrun_permille) / 1_000;
            estimate.saturating_sub(passed).max(overrun).max(estimate / 10)
        }
        Stage::Waiting | Stage::Held | Stage::Claimed => estimate,
    }
}

pub(super) fn cached_tokens(need: &Need, model: &LocalModel) -> u32 {
    common_tokens(&need.prefix, need.prompt_tokens, |hash| model.hot.contains(hash))
}

//! Yielding to the person whose machine this is: while they use it, what runs for others is slowed or
//! paused, makes way for their own jobs, and, paused for too long, is given back to go on elsewhere.

use std::collections::BTreeSet;

use pumasi_protocol::{AttemptId, Fault, ModelName, Need, NodeId, Refusal, Tempo};

use crate::action::Action;
use crate::config::Yield;
use crate::context::{Context, Scene};
use crate::input::DeskState;
use crate::timers::Wakeup;
use crate::view::{Residence, Stage};

use super::Executor;
use super::reservation::{Reservation, is_of_desk};

impl Executor {
    /// The node sees that the machine is in use, or is not any more.
    pub(crate) fn on_desk(&mut self, ctx: &mut Context<'_>, state: DeskState) {
        self.desk = state;
        self.settle(ctx);
    }

    /// At which tempo work for others may run at this moment.
    pub(super) fn foreign_tempo(&self, scene: Scene<'_>) -> Tempo {
        match scene.config.yields {
            _ if self.desk == DeskState::Closed => Tempo::Paused,
            Yield::None => Tempo::Full,
            Yield::Slow | Yield::Pause if !self.is_desk_active(scene) => Tempo::Full,
            Yield::Slow => Tempo::Slow,
            Yield::Pause => Tempo::Paused,
        }
    }

    /// Whether the machine is in use, or the person at it waits for an answer. A slot that is only
    /// held for a bid is no use: the job may run elsewhere.
    fn is_desk_active(&self, scene: Scene<'_>) -> bool {
        let counts = |r: &Reservation| match r.stage {
            Stage::Held => false,
            Stage::Waiting | Stage::Claimed | Stage::Bound | Stage::Running => true,
        };
        let own = |r: &Reservation| counts(r) && r.is_awaited_at_desk(scene);
        self.desk == DeskState::InUse || self.reservations.values().any(own)
    }

    /// After what may have changed what the person at the desk waits for.
    pub(super) fn settle_desk(&mut self, ctx: &mut Context<'_>) {
        if ctx.config.yields != Yield::None {
            self.settle(ctx);
        }
    }

    /// Brings what runs for others to the tempo that it may have, and frees slots and memory that
    /// the person at the desk waits for.
    pub(super) fn yield_to_desk(&mut self, ctx: &mut Context<'_>) {
        if self.desk == DeskState::Closed {
            return self.give_all_back(ctx);
        }
        if ctx.config.yields == Yield::None {
            return;
        }
        self.make_way(ctx);
        let tempo = self.foreign_tempo(ctx.scene());
        let running = self.holding().map(|(a, r)| (*a, r));
        let other = running.filter(|(_, r)| {
            r.stage == Stage::Running
                && !r.stopped
                && r.tempo != tempo
                && !r.is_of_desk(ctx.scene())
        });
        for attempt in other.map(|(a, _)| a).collect::<Vec<_>>() {
            self.set_tempo(ctx, attempt, tempo);
        }
    }

    fn set_tempo(&mut self, ctx: &mut Context<'_>, attempt: AttemptId, tempo: Tempo) {
        let reservation = self.reservations.get_mut(&attempt).expect("checked by the caller");
        reservation.tempo = tempo;
        reservation.yielded = true;
        ctx.out.act(Action::SetTempo { attempt, tempo });
        match tempo {
            Tempo::Paused => {
                let until = ctx.now.after_ms(ctx.config.yield_move_ms);
                ctx.timers.set(Wakeup::Yield(attempt), until);
            }
            Tempo::Full | Tempo::Slow => ctx.timers.clear(&Wakeup::Yield(attempt)),
        }
    }

    /// It has been paused for as long as it may: its owner lets it go on elsewhere.
    pub(crate) fn on_paused_too_long(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        self.give_back(ctx, attempt);
        self.settle(ctx);
    }

    /// Gives back what stands in the way of the jobs that the person at the desk waits for: per
    /// such job the attempt that was begun last, or, where memory is short, all that run for others.
    fn make_way(&mut self, ctx: &mut Context<'_>) {
        let scene = ctx.scene();
        let mut slots: Vec<ModelName> = Vec::new();
        let mut memory = false;
        for (_, reservation) in self.waiting() {
            if reservation.is_awaited_at_desk(scene)
                && !self.models.can_hold(&reservation.model, reservation.alone)
            {
                memory |= !self.models.can_require(&reservation.model);
                slots.push(reservation.model.clone());
            }
        }
        let mut latest: Vec<(AttemptId, &Reservation)> =
            self.holding().map(|(a, r)| (*a, r)).collect();
        latest.retain(|(_, r)| !r.is_of_desk(scene));
        latest.sort_by_key(|(_, r)| std::cmp::Reverse(r.since));
        let mut given = Vec::new();
        for (attempt, reservation) in latest {
            let wanted = slots.iter().position(|model| *model == reservation.model);
            if let Some(at) = wanted {
                slots.swap_remove(at);
            }
            if (memory || wanted.is_some()) && !reservation.stopped {
                given.push(attempt);
            }
        }
        for attempt in given {
            self.give_back(ctx, attempt);
        }
    }

    fn give_all_back(&mut self, ctx: &mut Context<'_>) {
        let scene = ctx.scene();
        let foreign = self.reservations.iter().filter(|(_, r)| !r.is_of_desk(scene) && !r.stopped);
        for attempt in foreign.map(|(a, _)| *a).collect::<Vec<_>>() {
            self.give_back(ctx, attempt);
        }
    }

    /// Ends an attempt here so that its owner places it again; what was delivered stands.
    fn give_back(&mut self, ctx: &mut Context<'_>, attempt: AttemptId) {
        let Some(reservation) = self.reservations.get(&attempt) else { return };
        let (owner, stage) = (reservation.owner, reservation.stage);
        self.end(ctx, attempt, Fault::Refused(Refusal::OwnerBusy));
        if matches!(stage, Stage::Waiting | Stage::Held | Stage::Claimed) {
            self.withdraw(ctx, attempt, owner, Refusal::OwnerBusy);
        }
    }

    /// Memory that a job's model may take here: what was set for others, unless it is the desk's.
    pub(super) fn memory_for(&self, scene: Scene<'_>, owner: NodeId, need: &Need) -> u64 {
        let cap = scene.config.lend_memory;
        cap.filter(|_| !is_of_desk(scene, owner, need)).unwrap_or(u64::MAX)
    }

    /// Whether a reservation's model may be loaded beside what is loaded for others already.
    pub(super) fn is_within_cap(&self, scene: Scene<'_>, reservation: &Reservation) -> bool {
        let Some(cap) = scene.config.lend_memory else { return true };
        if reservation.is_of_desk(scene) {
            return true;
        }
        let holding = self.holding().map(|(_, r)| r);
        let lent = holding.filter(|r| !r.is_of_desk(scene)).map(|r| &r.model);
        let mut lent: BTreeSet<&ModelName> = lent.collect();
        lent.insert(&reservation.model);
        let memory = |name| self.models.named(name).map_or(0, |m| m.facts.memory);
        lent.into_iter().map(memory).fold(0, u64::saturating_add) <= cap
    }

    /// Idle models beyond what others may take, the longest unused first: while there is a cap, what
    /// was loaded for others does not outstay its use beyond it.
    pub(super) fn beyond_cap(&self, scene: Scene<'_>) -> Option<ModelName> {
        let cap = scene.config.lend_memory?;
        let lent =
            || self.models.iter().filter(|(_, m)| m.lent && m.residence == Residence::Loaded);
        let sum = lent().fold(0, |sum: u64, (_, m)| sum.saturating_add(m.facts.memory));
        let idle = lent().filter(|(_, m)| sum > cap && m.is_idle());
        idle.min_by_key(|(_, m)| m.last_used).map(|(name, _)| name.clone())
    }
}

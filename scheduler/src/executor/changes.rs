//! Changes around the executor: its own facts, the roster, peers that come and go.

use pumasi_protocol::{AttemptId, Control, Fault, NodeAdvert, NodeId, Refusal};

use crate::context::{Context, Scene};
use crate::rank::gate;
use crate::view::{Residence, Stage};

use super::Executor;
use super::models::LocalModel;
use super::reservation::Reservation;

impl Executor {
    /// The truth about this node changed.
    pub(crate) fn on_local(&mut self, ctx: &mut Context<'_>, advert: NodeAdvert, budget: u64) {
        if advert.node != ctx.me || !advert.is_plausible() {
            return;
        }
        self.models.on_local(&advert, budget);
        // What lies in the caches here is known better here.
        self.advert = Some(NodeAdvert { prefixes: Vec::new(), ..advert });
        self.dirty_facts = true;
        self.recheck(ctx);
        self.settle(ctx);
    }

    /// Withdraws what is not bound yet and would not be taken any more.
    fn recheck(&mut self, ctx: &mut Context<'_>) {
        let mut withdrawn: Vec<(AttemptId, NodeId, Refusal)> = Vec::new();
        for (attempt, reservation) in &self.reservations {
            let refusal = match reservation.stage {
                Stage::Waiting | Stage::Held | Stage::Claimed => {
                    self.refusal_of(ctx.scene(), reservation)
                }
                Stage::Bound | Stage::Running => None,
            };
            withdrawn.extend(refusal.map(|refusal| (*attempt, reservation.owner, refusal)));
        }
        for (attempt, owner, refusal) in withdrawn {
            self.withdraw(ctx, attempt, owner, refusal);
        }
    }

    /// Takes a place in the queue back, and says so.
    pub(super) fn withdraw(
        &mut self,
        ctx: &mut Context<'_>,
        attempt: AttemptId,
        owner: NodeId,
        refusal: Refusal,
    ) {
        self.remove(ctx, attempt);
        ctx.send(owner, Control::Unbound { attempt, refusal });
    }

    fn refusal_of(&self, scene: Scene<'_>, reservation: &Reservation) -> Option<Refusal> {
        let advert = self.advert.as_ref()?;
        let door = self.door(scene, reservation.owner, advert);
        let model = self.models.named(&reservation.model).filter(|m| m.listed);
        let state = model.map(|m| m.advert(scene.now));
        let passed = gate::pass_door(&reservation.need, &door)
            .and_then(|()| gate::pass_model(&reservation.need, advert, state.as_ref()).map(|_| ()));
        passed.and_then(|()| self.can_ever_fit(model)).err()
    }

    /// Memory may have shrunk since the offer. What fits no more must not wait for it, or, once it
    /// starves, keep everybody else waiting too.
    fn can_ever_fit(&self, model: Option<&LocalModel>) -> Result<(), Refusal> {
        let unloaded = model.filter(|m| m.residence != Residence::Loaded);
        match unloaded.map(|m| m.facts.memory).filter(|needed| *needed > self.models.budget) {
            None => Ok(()),
            Some(needed) => Err(Refusal::Memory { needed, available: self.models.budget }),
        }
    }

    /// These nodes are not members any more: what they have here ends.
    pub(crate) fn on_expelled(&mut self, ctx: &mut Context<'_>, nodes: &[NodeId]) {
        let theirs = self.reservations.iter().filter(|(_, r)| nodes.contains(&r.owner));
        for attempt in theirs.map(|(a, _)| *a).collect::<Vec<_>>() {
            self.end(ctx, attempt, Fault::Refused(Refusal::NotMember));
        }
        self.recheck(ctx);
        self.settle(ctx);
    }

    /// A peer is down: its reservations lapse. What has an open stream ends with that stream.
    pub(crate) fn on_owner_down(&mut self, ctx: &mut Context<'_>, node: NodeId) {
        let theirs = self.reservations.iter().filter(|(_, r)| r.owner == node && !r.opened);
        for attempt in theirs.map(|(a, _)| *a).collect::<Vec<_>>() {
            self.end(ctx, attempt, Fault::Connection);
        }
        self.settle(ctx);
    }
}

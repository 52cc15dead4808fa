//! What this node says of itself: its advert, and its queue for people.

use pumasi_protocol::advert::Queue;
use pumasi_protocol::{AttemptId, Need, NodeAdvert, Priority, limits};

use crate::context::{Context, Scene};
use crate::view::{ExecutorView, ReservationView, Residence, Stage};

use super::predict::cached_tokens;
use super::{Executor, Reservation};

impl Executor {
    /// Brings the mesh's copy of this node's advert up to date.
    pub(crate) fn refresh(&mut self, ctx: &mut Context<'_>) {
        if std::mem::take(&mut self.dirty_facts)
            && let Some(advert) = self.advert_without_prefixes(ctx.scene())
        {
            ctx.mesh.set_own(advert);
        } else if self.dirty {
            let (scene, this) = (ctx.scene(), &*self);
            let (queue, now) = (this.queue(scene), scene.now);
            ctx.mesh.update_own(|advert| {
                advert.queue = queue;
                for model in &mut advert.models {
                    if let Some(known) = this.models.named(&model.name) {
                        known.update(model, now);
                    }
                }
            });
        }
        self.dirty = false;
    }

    /// The advert as it should be published.
    pub(crate) fn advert(&self, scene: Scene<'_>) -> Option<NodeAdvert> {
        let mut advert = self.advert_without_prefixes(scene)?;
        let loaded = self.models.iter().filter(|(_, m)| m.residence == Residence::Loaded);
        let loaded: Vec<_> = loaded.collect();
        let room = limits::ADVERT_PREFIXES / loaded.len().max(1);
        let hot = loaded.iter().flat_map(|(_, m)| m.hot.thinned(room));
        advert.prefixes = hot.take(limits::ADVERT_PREFIXES).collect();
        Some(advert)
    }

    fn advert_without_prefixes(&self, scene: Scene<'_>) -> Option<NodeAdvert> {
        let mut advert = self.advert.clone()?;
        for model in &mut advert.models {
            if let Some(known) = self.models.named(&model.name) {
                *model = known.advert(scene.now);
            }
        }
        advert.queue = self.queue(scene);
        Some(advert)
    }

    /// Tokens of a job's prompt that lie in the cache of its model here.
    pub(crate) fn cached_here(&self, need: &Need) -> u32 {
        let loaded = self.models.for_need(need).filter(|m| m.residence == Residence::Loaded);
        loaded.map_or(0, |model| cached_tokens(need, model))
    }

    fn queue(&self, scene: Scene<'_>) -> Queue {
        let waiting = |priority| {
            let count = self.waiting().filter(|(_, r)| r.need.priority == priority).count();
            u32::try_from(count).expect("reservations are bounded")
        };
        Queue {
            interactive: waiting(Priority::Interactive),
            batch: waiting(Priority::Batch),
            work_ms: self.work_ms(scene),
        }
    }

    /// Whether the model of this job is loaded here and nothing at all is busy or waiting.
    pub(crate) fn is_warm_and_idle(&self, need: &Need) -> bool {
        let model = self.models.for_need(need);
        model.is_some_and(|m| {
            m.residence == Residence::Loaded && self.models.can_hold(&m.facts.name, false)
        }) && self.reservations.is_empty()
    }

    pub(crate) fn view(&self, scene: Scene<'_>) -> ExecutorView {
        let bounds = self.start_bounds_ms(scene);
        let mut ordered: Vec<(&AttemptId, &Reservation)> = self.reservations.iter().collect();
        ordered.sort_by_cached_key(|(_, r)| (!r.has_slot(), self.turn(scene, r)));
        let reservations = ordered.into_iter().map(|(attempt, r)| ReservationView {
            attempt: *attempt,
            owner: r.owner,
            person: r.need.person,
            model: r.model.clone(),
            priority: r.need.priority,
            alone: r.alone,
            stage: r.stage,
            since: match r.stage {
                Stage::Waiting => r.arrived,
                Stage::Held | Stage::Claimed | Stage::Bound | Stage::Running => r.since,
            },
            estimate_ms: r.estimate_ms,
            foreign: !r.is_of_desk(scene),
            tempo: r.tempo,
            starts_within_ms: bounds.get(&r.arrival).copied().unwrap_or(0),
        });
        ExecutorView {
            model_memory: self.models.budget,
            models: self.models.view(),
            reservations: reservations.collect(),
        }
    }
}

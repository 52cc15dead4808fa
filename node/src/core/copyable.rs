//! Models that this node lacks and could copy: the scheduler hears of them as models of this node whose
//! loading begins with the copy, so that a job can wait for that where it is sooner than elsewhere.
//! Nobody else hears of them: adverts name what is here.

use std::collections::BTreeMap;
use std::time::Duration;

use pumasi_protocol::{EngineKind, ModelAdvert, ModelName, ModelState, NodeAdvert, limits};

use super::Core;
use super::copying::DISK_RESERVE;
use crate::models::assumed_rates;

/// Models that are thought of at a time (guess: more than an office asks for at once).
const COPYABLE: usize = 64;
/// What a copy takes besides its bytes (guess: dialling, the holder's tree, checking, the disk). Also
/// keeps nodes from copying what the others answer with within seconds.
const START: Duration = Duration::from_secs(5);
/// Bytes a second before the first copy was measured (guess: half of what 1 Gbit/s carries).
const ASSUMED_RATE: u64 = 60_000_000;

/// What was told to the scheduler, and what copies took.
#[derive(Debug, Default)]
pub(super) struct Copyable {
    /// Milliseconds of each copy, as they were told last.
    told: BTreeMap<ModelName, u32>,
    /// Bytes a second of the copies so far.
    rate: Option<u64>,
}

impl Copyable {
    /// A copy of so many bytes took so long.
    pub(super) fn on_copied(&mut self, bytes: u64, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = bytes.saturating_mul(1_000) / ms;
        self.rate = Some(self.rate.map_or(rate, |before| (before + rate) / 2).max(1));
    }

    fn ms(&self, bytes: u64) -> u32 {
        let moving = bytes.saturating_mul(1_000) / self.rate.unwrap_or(ASSUMED_RATE);
        let start = u64::try_from(START.as_millis()).unwrap_or(u64::MAX);
        u32::try_from(start.saturating_add(moving)).unwrap_or(u32::MAX)
    }
}

impl Core {
    /// What the scheduler is told of models that could be copied here.
    pub(super) fn copyable_models(&mut self) -> Vec<ModelAdvert> {
        let mut found: BTreeMap<ModelName, ModelAdvert> = BTreeMap::new();
        if self.may_copy() {
            let free = crate::hardware::disk_free(&self.copies.partials()).unwrap_or(u64::MAX);
            let room = free.saturating_sub(DISK_RESERVE);
            for (_, model) in self.held_by_others() {
                let is_lacking = !self.models.contains_key(&model.name)
                    && self.models.values().all(|local| local.file != model.file);
                if is_lacking && model.size <= room && found.len() < COPYABLE {
                    found.entry(model.name.clone()).or_insert_with(|| model.clone());
                }
            }
        }
        let most = limits::ADVERT_MODELS.saturating_sub(self.models.len());
        while found.len() > most {
            found.pop_last();
        }
        let computes = self.computes(self.config.engine.gpu_layers);
        let models = found.into_values().map(|model| {
            let copy_ms = self.copyable.ms(model.size);
            self.copyable.told.insert(model.name.clone(), copy_ms);
            let (prefill, decode) = assumed_rates(model.size, computes);
            let load = model.size / u64::from(pumasi_scheduler::Config::default().assumed_load);
            let load_ms = u32::try_from(load).unwrap_or(u32::MAX).saturating_add(copy_ms);
            ModelAdvert {
                state: ModelState::Held,
                load_ms,
                prefill,
                decode,
                usual_tokens: 0,
                ..model
            }
        });
        let models = models.collect();
        while self.copyable.told.len() > 2 * COPYABLE {
            self.copyable.told.pop_first();
        }
        models
    }

    fn may_copy(&self) -> bool {
        let me = self.scheduler.view().node(self.me);
        let member = me.and_then(|me| me.member);
        self.config.copies.on && member.is_some_and(|member| member.may_run)
    }

    /// This node's advert as others hear it: of what is here.
    pub(super) fn advert_of_here(&self) -> Option<NodeAdvert> {
        let mut advert = self.scheduler.view().advert()?;
        advert.models.retain(|model| {
            model.engine != EngineKind::Llama || self.models.contains_key(&model.name)
        });
        Some(advert)
    }

    /// Whether most of this predicted loading time was a copy.
    pub(super) fn is_copy(&self, model: &ModelName, load_ms: u32) -> bool {
        self.copyable.told.get(model).is_some_and(|copy_ms| load_ms >= *copy_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_takes_its_bytes_at_the_measured_rate_and_some_seconds() {
        let mut copyable = Copyable::default();
        assert_eq!(copyable.ms(0), 5_000);
        assert_eq!(copyable.ms(6_000_000_000), 105_000);
        copyable.on_copied(1_000_000_000, Duration::from_secs(10));
        assert_eq!(copyable.ms(6_000_000_000), 65_000);
        copyable.on_copied(1, Duration::ZERO);
        assert!(copyable.ms(u64::MAX) > copyable.ms(1));
    }
}

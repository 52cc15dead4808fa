//! The modelled engines of one machine: what really has memory and what really runs, against which
//! the oracle holds the scheduler's bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::{AttemptId, ModelName};

/// Where a model really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On disk only.
    Disk,
    /// Being read into memory.
    Loading,
    /// In memory.
    Memory,
    /// Leaving memory.
    Unloading,
}

/// One model of a machine.
#[derive(Debug, Clone)]
pub(crate) struct EngineModel {
    pub(crate) place: Place,
    pub(crate) memory: u64,
    pub(crate) slots: u16,
    pub(crate) context: u32,
    pub(crate) load_ms: u64,
    pub(crate) running: BTreeSet<AttemptId>,
}

/// All models of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engines {
    pub(crate) models: BTreeMap<ModelName, EngineModel>,
    /// Memory for models, in bytes.
    pub(crate) budget: u64,
    /// Counts crashes and restarts: news of an older generation is void.
    pub(crate) generation: u64,
}

impl Engines {
    /// Bytes that are really taken.
    pub(crate) fn resident(&self) -> u64 {
        let resident = self.models.values().filter(|m| m.place != Place::Disk);
        resident.map(|m| m.memory).sum()
    }

    /// Attempts that really run.
    pub(crate) fn running(&self) -> usize {
        self.models.values().map(|m| m.running.len()).sum()
    }

    /// Ends an attempt's work; whether it ran.
    pub(crate) fn end(&mut self, attempt: AttemptId) -> bool {
        self.models.values_mut().any(|m| m.running.remove(&attempt))
    }

    /// Everything leaves memory at once; what ran, and what had memory.
    pub(crate) fn crash(&mut self) -> (Vec<AttemptId>, Vec<ModelName>) {
        self.generation += 1;
        let (mut ran, mut lost) = (Vec::new(), Vec::new());
        for (name, model) in &mut self.models {
            ran.extend(std::mem::take(&mut model.running));
            if model.place != Place::Disk {
                model.place = Place::Disk;
                lost.push(name.clone());
            }
        }
        (ran, lost)
    }
}

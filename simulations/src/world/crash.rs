//! Memory: what is loaded and unloaded, and engines that end before they should.

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{AttemptId, Fault, ModelName};
use pumasi_scheduler::Input;

use crate::canary::Canary;
use crate::engine::Place;
use crate::oracle::Crash;
use crate::scenario::CrashPoint;
use crate::situations::Situation;

use super::World;
use super::events::Event;

impl World<'_> {
    pub(super) fn load(&mut self, node: usize, model: ModelName) {
        self.counts.loads += 1;
        let shell = &mut self.shells[node];
        let spoilt = std::mem::take(&mut shell.spoil_next_load);
        let crashes = shell.next_crash == Some(CrashPoint::Load);
        let lost = shell.lost_devices > 0;
        let budget = shell.budget();
        let resident = shell.engines.resident();
        let engine = shell.engines.models.get_mut(&model).expect("it holds the model");
        let (needed, available) = (engine.memory, budget.saturating_sub(resident));
        let us = engine.load_ms * 1_000 + 1;
        engine.place = Place::Loading;
        let generation = engine.generation;
        let squeezed = shell.squeezed > 0 && needed > available;
        if crashes {
            shell.next_crash = None;
            self.saw(Situation::CrashLoad);
        }
        let fault = match (squeezed, crashes, spoilt || lost) {
            (true, _, _) => Some(Fault::Memory { needed, available }),
            (false, true, _) => Some(Fault::EngineCrash),
            (false, false, true) => Some(Fault::EngineStart),
            (false, false, false) => None,
        };
        match fault {
            Some(fault) => {
                let shell = &mut self.shells[node];
                shell.disturbed = self.now;
                let us = us / 2 + 1;
                self.later(us, Event::LoadFailed { node, model, generation, fault });
            }
            None => self.later(us, Event::Loaded { node, model, generation }),
        }
    }

    pub(super) fn unload(&mut self, node: usize, model: ModelName) {
        self.counts.unloads += 1;
        self.saw(Situation::Evicted);
        let us = 1_000 + self.draw(&[3]) % 50_000;
        let engine = self.shells[node].engines.models.get_mut(&model);
        let engine = engine.expect("it holds the model");
        if engine.place == Place::Disk {
            // It crashed at this very moment, which is being told.
            return;
        }
        engine.place = Place::Unloading;
        let generation = engine.generation;
        self.later(us, Event::Unloaded { node, model, generation });
    }

    fn is_current(&self, node: usize, model: &ModelName, generation: u64) -> bool {
        let shell = &self.shells[node];
        shell.is_alive() && shell.engines.models[model].generation == generation
    }

    pub(super) fn on_loaded(&mut self, node: usize, model: ModelName, generation: u64) {
        if self.is_current(node, &model, generation) {
            let shell = &self.shells[node];
            let (taken, available) = (shell.engines.resident(), shell.budget());
            if shell.squeezed > 0 && taken > available {
                let fault = Fault::Memory { needed: taken, available };
                self.shells[node].disturbed = self.now;
                return self.on_load_failed(node, model, generation, fault);
            }
            self.place(node, &model, Place::Memory);
            let facts = self.shells[node].loaded_facts(&model);
            self.input(node, Input::ModelLoaded { model, facts });
        }
    }

    pub(super) fn on_load_failed(
        &mut self,
        node: usize,
        model: ModelName,
        generation: u64,
        fault: Fault,
    ) {
        if self.is_current(node, &model, generation) {
            let lacks = matches!(fault, Fault::Memory { .. });
            self.saw(if lacks { Situation::LoadLacksMemory } else { Situation::LoadFailed });
            self.place(node, &model, Place::Disk);
            self.input(node, Input::LoadFailed { model, fault });
        }
    }

    pub(super) fn on_unloaded(&mut self, node: usize, model: ModelName, generation: u64) {
        if self.is_current(node, &model, generation) {
            self.place(node, &model, Place::Disk);
            self.input(node, Input::ModelUnloaded { model });
        }
    }

    fn place(&mut self, node: usize, model: &ModelName, place: Place) {
        let engine = self.shells[node].engines.models.get_mut(model);
        engine.expect("it holds the model").place = place;
    }

    /// Whether what runs was given its engine to itself, because one had died under it before.
    fn is_alone(&self, node: usize, ran: &[AttemptId]) -> bool {
        let scheduler = self.shells[node].scheduler.as_ref();
        let reserved = scheduler.map(|s| s.view().executor().reservations).unwrap_or_default();
        reserved.iter().any(|r| r.alone && ran.contains(&r.attempt))
    }

    /// One engine process ends: what ran ends, and what had memory has none.
    pub(super) fn crash_engine(&mut self, node: usize, model: &ModelName) {
        let (ran, had) = self.shells[node].engines.crash(model);
        self.counts.crashes += u64::from(!ran.is_empty());
        let alone = self.is_alone(node, &ran);
        let poisonous = |job| self.oracle.job(job).is_some_and(|job| job.poison);
        let beside_poison = ran.iter().any(|attempt| poisonous(attempt.job));
        if alone && beside_poison {
            self.saw(Situation::PoisonAlone);
        }
        let crash = Crash { node, alone, single: ran.len() == 1 };
        for attempt in &ran {
            self.oracle.on_crash(*attempt, crash, beside_poison);
        }
        let memory_first = self.draw(&[9]).is_multiple_of(2);
        let gone = Input::ModelUnloaded { model: model.clone() };
        if had && memory_first {
            self.input(node, gone.clone());
        }
        let uncounted = alone && self.canary == Some(Canary::CrashUncounted);
        let told = if uncounted { Fault::Connection } else { Fault::EngineCrash };
        for attempt in ran {
            let last = AttemptEvent::Failed(told.clone());
            self.end(node, attempt, Some(Fault::EngineCrash), Some(last));
        }
        if had && !memory_first {
            self.input(node, gone);
        }
    }

    pub(super) fn crash_all(&mut self, node: usize) {
        for model in self.shells[node].engines.models.keys().cloned().collect::<Vec<_>>() {
            self.crash_engine(node, &model);
        }
    }
}

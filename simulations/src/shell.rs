//! One machine around one real scheduler: what a node's event loop keeps beside it. It knows which
//! streams are open and which engines run; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::BlobId;
use pumasi_protocol::{
    Admission, AdvertDelta, AttemptId, Capabilities, Device, DeviceKind, EngineKind, ModelAdvert,
    ModelName, ModelState, NodeAdvert, NodeId, PersonId, Rate,
};
use pumasi_scheduler::{Config, LoadedFacts, Scheduler, Time};

use crate::canary::Canary;
use crate::chance::hash;
use crate::engine::{EngineModel, Engines, Place};
use crate::scenario::{MachineSpec, Scenario};

const MIB: u64 = 1 << 20;

/// A machine of the run.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) index: usize,
    pub(crate) id: NodeId,
    pub(crate) spec: MachineSpec,
    /// `None` while it is stopped.
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) engines: Engines,
    /// Counts starts.
    pub(crate) boots: u64,
    pub(crate) paused: bool,
    pub(crate) spoil_next_load: bool,
    /// Executor: attempts whose streams are accepted, whose work is at hand, that were told to run.
    pub(crate) expected: BTreeMap<AttemptId, NodeId>,
    pub(crate) at_hand: BTreeSet<AttemptId>,
    pub(crate) told: BTreeMap<AttemptId, (NodeId, ModelName)>,
    /// Owner: attempts that are out, and where.
    pub(crate) dispatched: BTreeMap<AttemptId, NodeId>,
    /// Ends told so far.
    pub(crate) ends: u64,
    /// When something last went wrong here.
    pub(crate) disturbed: Time,
    sequence: u64,
    published: Option<(NodeAdvert, Time)>,
    base: NodeAdvert,
}

pub(crate) fn node_id(index: usize) -> NodeId {
    let mut id = [0; 32];
    for (part, bytes) in id.chunks_mut(8).enumerate() {
        bytes.copy_from_slice(&hash(&[7, index as u64, part as u64]).to_le_bytes());
    }
    NodeId(id)
}

pub(crate) fn person_id(number: u8) -> PersonId {
    PersonId([number + 1; 16])
}

pub(crate) fn model_name(index: usize) -> ModelName {
    format!("model-{index}").parse().expect("a model name")
}

/// What a node publishes: everything, or what changed.
pub(crate) enum News {
    Full(NodeAdvert),
    Delta(AdvertDelta),
}

impl Shell {
    pub(crate) fn new(index: usize, scenario: &Scenario) -> Self {
        let spec = scenario.machines[index].clone();
        let id = node_id(index);
        let engines = engines(&spec, scenario);
        let base = base_advert(id, index, &spec, scenario);
        Self {
            index,
            id,
            spec,
            scheduler: None,
            engines,
            boots: 0,
            paused: false,
            spoil_next_load: false,
            expected: BTreeMap::new(),
            at_hand: BTreeSet::new(),
            told: BTreeMap::new(),
            dispatched: BTreeMap::new(),
            ends: 0,
            disturbed: Time::START,
            sequence: 0,
            published: None,
            base,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.scheduler.is_some()
    }

    /// Starts (again), knowing nothing. After the first start nothing is loaded.
    pub(crate) fn boot(&mut self, seed: u64, now: Time) {
        self.boots += 1;
        let seed = hash(&[seed, self.index as u64, self.boots]);
        self.scheduler = Some(Scheduler::new(self.id, Config::default(), seed, now));
        self.sequence = 0;
        self.published = None;
        self.base.incarnation = self.boots;
    }

    /// Stops at once; what was in memory is gone.
    pub(crate) fn kill(&mut self) {
        self.scheduler = None;
        self.engines.crash();
        self.expected.clear();
        self.at_hand.clear();
        self.told.clear();
        self.dispatched.clear();
    }

    /// The truth about this machine for [`pumasi_scheduler::Input::Local`].
    pub(crate) fn local(&self, canary: Option<Canary>) -> NodeAdvert {
        let mut advert = self.base.clone();
        advert.admission = if self.paused { Admission::Paused } else { Admission::Accepting };
        for model in &mut advert.models {
            let engine = &self.engines.models[&model.name];
            model.state = match engine.place {
                Place::Memory => ModelState::Loaded { slots: engine.slots, busy: 0 },
                Place::Disk | Place::Loading | Place::Unloading => ModelState::Held,
            };
            if canary == Some(Canary::MemoryCountedAtLoad) && engine.place != Place::Memory {
                model.memory = 0;
            }
        }
        advert
    }

    /// What loading a model turned out to give.
    pub(crate) fn loaded_facts(&self, model: &ModelName) -> LoadedFacts {
        let engine = &self.engines.models[model];
        LoadedFacts {
            slots: engine.slots,
            context: engine.context,
            memory: engine.memory,
            prefill: Rate(self.spec.prefill_per_s * 1_000),
            decode: Rate(self.spec.decode_per_s * 1_000),
            load_ms: u32::try_from(engine.load_ms).unwrap_or(u32::MAX),
        }
    }

    /// What there is to publish: nothing if nothing changed lately, and all of it now and then.
    pub(crate) fn news(&mut self, now: Time, refresh_ms: u64) -> Option<News> {
        let mut advert = self.scheduler.as_ref()?.view().advert()?;
        let before = self.published.take();
        let fresh = before.as_ref().filter(|(_, at)| now.ms_since(*at) < refresh_ms);
        let Some((old, at)) = fresh.cloned() else {
            return Some(News::Full(self.publish(&mut advert, now)));
        };
        let mut expected = old.clone();
        let delta = delta_of(&old, &advert, self.sequence + 1);
        expected.apply(&delta);
        advert.sequence = self.sequence + 1;
        if without_queue_time(&old, &advert) {
            self.published = Some((old, at));
            return None;
        }
        if expected == advert {
            self.sequence += 1;
            self.published = Some((advert, at));
            return Some(News::Delta(delta));
        }
        Some(News::Full(self.publish(&mut advert, now)))
    }

    fn publish(&mut self, advert: &mut NodeAdvert, now: Time) -> NodeAdvert {
        self.sequence += 1;
        advert.sequence = self.sequence;
        self.published = Some((advert.clone(), now));
        advert.clone()
    }
}

/// Whether two adverts say the same but for the passing of time.
fn without_queue_time(old: &NodeAdvert, new: &NodeAdvert) -> bool {
    let still = |advert: &NodeAdvert| {
        let mut advert = advert.clone();
        advert.sequence = 0;
        advert.queue.work_ms = advert.queue.work_ms.next_power_of_two();
        advert
    };
    still(old) == still(new)
}

fn delta_of(old: &NodeAdvert, new: &NodeAdvert, sequence: u64) -> AdvertDelta {
    let pairs = old.models.iter().zip(&new.models).enumerate();
    let changed = pairs.filter(|(_, (a, b))| a.state != b.state);
    let models = changed.map(|(i, (_, b))| (u16::try_from(i).expect("few models"), b.state));
    AdvertDelta {
        node: new.node,
        incarnation: new.incarnation,
        sequence,
        queue: new.queue,
        admission: new.admission,
        memory_free: new.memory_free,
        models: models.collect(),
    }
}

fn engines(spec: &MachineSpec, scenario: &Scenario) -> Engines {
    let model = |held: &crate::scenario::Held| {
        let kind = &scenario.models[held.model];
        let engine = EngineModel {
            place: if held.loaded { Place::Memory } else { Place::Disk },
            memory: kind.memory_mib * MIB,
            slots: kind.slots,
            context: kind.context,
            load_ms: kind.memory_mib * 1_000 / spec.load_mib_per_s.max(1),
            running: BTreeSet::new(),
        };
        (model_name(held.model), engine)
    };
    let models = spec.models.iter().map(model).collect();
    Engines { models, budget: spec.memory_mib * MIB, generation: 0 }
}

fn base_advert(id: NodeId, index: usize, spec: &MachineSpec, scenario: &Scenario) -> NodeAdvert {
    let memory = spec.memory_mib * MIB;
    let device = Device {
        name: "modelled".to_owned(),
        kind: DeviceKind::Cpu,
        backend: "CPU".to_owned(),
        memory_total: memory,
        memory_free: memory,
    };
    let models = spec.models.iter().map(|held| model_advert(held.model, spec, scenario));
    NodeAdvert {
        node: id,
        incarnation: 1,
        sequence: 0,
        name: format!("node {index}").parse().expect("a node name"),
        version: "0".to_owned(),
        platform: "simulated".to_owned(),
        devices: vec![device],
        memory_total: memory,
        memory_free: memory,
        engines: vec![EngineKind::Llama],
        models: models.collect(),
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: Vec::new(),
    }
}

fn model_advert(model: usize, spec: &MachineSpec, scenario: &Scenario) -> ModelAdvert {
    let kind = &scenario.models[model];
    ModelAdvert {
        name: model_name(model),
        file: BlobId([u8::try_from(model).expect("few models"); 32]),
        size: kind.memory_mib * MIB,
        engine: EngineKind::Llama,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        context: kind.context,
        state: ModelState::Held,
        memory: kind.memory_mib * MIB,
        prefill: Rate(spec.prefill_per_s * 1_000),
        decode: Rate(spec.decode_per_s * 1_000),
        load_ms: u32::try_from(kind.memory_mib * 1_000 / spec.load_mib_per_s.max(1))
            .unwrap_or(u32::MAX),
        usual_tokens: 0,
    }
}

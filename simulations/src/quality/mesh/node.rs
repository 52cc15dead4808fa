//! One machine around one real scheduler: its engine, its prompt cache, and what it gossips.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::BlobId;
use pumasi_protocol::{
    Admission, AdvertDelta, AttemptId, Capabilities, Constraints, Device, DeviceKind, EngineKind,
    JobId, JobKind, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId, PersonId,
    Priority, Rate, limits,
};
use pumasi_scheduler::{Config, LoadedFacts, MemberFacts, Scheduler, Time};

use crate::quality::blocks::{Blocks, TOKENS_PER_BLOCK};
use crate::quality::engine::Engine;
use crate::quality::load::{Case, Task};

const CONTEXT: u32 = 1 << 20;

pub(super) enum News {
    Full(Box<NodeAdvert>),
    Delta(AdvertDelta),
}

pub(super) struct Node {
    index: usize,
    pub(super) id: NodeId,
    pub(super) scheduler: Scheduler,
    pub(super) engine: Engine<AttemptId>,
    /// Attempts whose work is here, and those that may run, with their owners.
    pub(super) at_hand: BTreeSet<AttemptId>,
    pub(super) told: BTreeMap<AttemptId, usize>,
    /// Prompt tokens that running attempts found in the cache.
    pub(super) cached: BTreeMap<AttemptId, u32>,
    pub(super) wakes_us: Option<u64>,
    cache: Blocks,
    sequence: u64,
    full_us: u64,
}

fn node_id(index: usize) -> NodeId {
    let mut id = [0; 32];
    for (part, bytes) in id.chunks_mut(8).enumerate() {
        let draw = crate::chance::hash(&[7, index as u64, part as u64]);
        bytes.copy_from_slice(&draw.to_le_bytes());
    }
    NodeId(id)
}

pub(super) fn job_id(task: usize) -> JobId {
    JobId::from_parts(task as u64, [0; 10])
}

pub(in crate::quality) fn model_name(kind: usize) -> ModelName {
    format!("model-{kind}").parse().expect("a model name")
}

pub(super) fn kind_of(case: &Case, model: &ModelName) -> usize {
    (0..case.kinds.len()).find(|kind| model_name(*kind) == *model).expect("one of the case's")
}

fn person(owner: usize) -> PersonId {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&(owner as u64).to_le_bytes());
    PersonId(id)
}

pub(super) fn members(nodes: &[Node]) -> BTreeMap<NodeId, MemberFacts> {
    let facts = MemberFacts { person: None, may_run: true, may_submit: true };
    nodes.iter().map(|node| (node.id, facts)).collect()
}

pub(super) fn need(case: &Case, task: usize) -> Need {
    let spec = &case.tasks[task];
    let image = case.kinds[spec.kind].image;
    Need {
        kind: if image { JobKind::Image } else { JobKind::Chat },
        model: model_name(spec.kind),
        file: None,
        capabilities: capabilities(image),
        person: person(spec.owner),
        priority: Priority::Interactive,
        constraints: Constraints::default(),
        prompt_tokens: spec.prompt,
        max_tokens: None,
        prefix: spec.prefix.clone(),
    }
}

fn capabilities(image: bool) -> Capabilities {
    Capabilities { generate: !image, image, ..Capabilities::default() }
}

fn rate(per_s: f64) -> Rate {
    Rate((per_s * 1_000.0).min(f64::from(limits::CLAIMED_TOKENS_PER_S) * 1_000.0) as u32)
}

impl Node {
    pub(super) fn new(case: &Case, index: usize, config: &Config) -> Self {
        let id = node_id(index);
        let seed = crate::chance::hash(&[case.seed, 11, index as u64]);
        Self {
            index,
            id,
            scheduler: Scheduler::new(id, config.clone(), seed, Time::START),
            engine: Engine::new(),
            at_hand: BTreeSet::new(),
            told: BTreeMap::new(),
            cached: BTreeMap::new(),
            wakes_us: None,
            cache: Blocks::new(case.cache_blocks),
            sequence: 1,
            full_us: crate::chance::hash(&[seed, 13]) % case.digest_us,
        }
    }

    /// The truth about this machine at the beginning.
    pub(super) fn local(&self, case: &Case) -> (NodeAdvert, u64) {
        let machine = &case.machines[self.index];
        let loaded = machine.loaded(&case.kinds);
        let models = machine.held.iter().map(|kind| {
            let mut advert = model_advert(case, self.index, *kind);
            if loaded.contains(kind) {
                let slots = u16::try_from(machine.slots_of(&case.kinds[*kind])).expect("few");
                advert.state = ModelState::Loaded { slots, busy: 0 };
            }
            advert
        });
        (node_advert(self.id, self.index, machine.memory, models.collect()), machine.memory)
    }

    pub(super) fn first_news(&self) -> News {
        let mut advert = self.scheduler.view().advert().expect("it knows itself");
        advert.sequence = self.sequence;
        News::Full(Box::new(advert))
    }

    pub(super) fn news(&mut self, now_us: u64, digest_us: u64) -> News {
        let mut advert = self.scheduler.view().advert().expect("it knows itself");
        self.sequence += 1;
        advert.sequence = self.sequence;
        if now_us >= self.full_us {
            self.full_us = now_us + digest_us;
            return News::Full(Box::new(advert));
        }
        let models = (0..).zip(&advert.models).map(|(i, m)| (i, m.state)).collect();
        News::Delta(AdvertDelta {
            node: advert.node,
            incarnation: advert.incarnation,
            sequence: advert.sequence,
            queue: advert.queue,
            admission: advert.admission,
            memory_free: advert.memory_free,
            models,
        })
    }

    pub(super) fn load(&mut self, case: &Case, model: &ModelName) -> (usize, u64) {
        let kind = kind_of(case, model);
        (kind, case.machines[self.index].load_us(&case.kinds[kind]))
    }

    pub(super) fn loaded_facts(&self, case: &Case, kind: usize) -> (ModelName, LoadedFacts) {
        let advert = model_advert(case, self.index, kind);
        let slots = case.machines[self.index].slots_of(&case.kinds[kind]);
        let facts = LoadedFacts {
            slots: u16::try_from(slots).expect("few slots"),
            context: CONTEXT,
            memory: advert.memory,
            prefill: advert.prefill,
            decode: advert.decode,
            load_ms: advert.load_ms,
        };
        (advert.name, facts)
    }

    pub(super) fn forget_cache(&mut self) {
        self.cache.clear();
    }

    /// Reads a prompt: tokens that were in the cache; afterwards all of it is.
    pub(super) fn read(&mut self, task: &Task) -> u32 {
        let tokens = self.cache.held(&task.blocks) * TOKENS_PER_BLOCK;
        self.cache.add(&task.blocks);
        u32::try_from(tokens).unwrap_or(u32::MAX).min(task.prompt.saturating_sub(1))
    }
}

fn model_advert(case: &Case, index: usize, kind: usize) -> ModelAdvert {
    let (machine, spec) = (&case.machines[index], &case.kinds[kind]);
    ModelAdvert {
        name: model_name(kind),
        file: BlobId([u8::try_from(kind).expect("few models"); 32]),
        size: spec.memory,
        engine: if spec.image { EngineKind::Image } else { EngineKind::Llama },
        capabilities: capabilities(spec.image),
        context: CONTEXT,
        state: ModelState::Held,
        memory: spec.memory,
        prefill: rate(spec.prefill_per_s * machine.speed),
        decode: rate(spec.decode_per_s * machine.speed),
        load_ms: u32::try_from(machine.load_us(spec) / 1_000).unwrap_or(u32::MAX),
        usual_tokens: 0,
    }
}

fn node_advert(id: NodeId, index: usize, memory: u64, models: Vec<ModelAdvert>) -> NodeAdvert {
    let device = Device {
        name: "modelled".to_owned(),
        kind: DeviceKind::Cpu,
        backend: "CPU".to_owned(),
        memory_total: memory,
        memory_free: memory,
    };
    NodeAdvert {
        node: id,
        incarnation: 1,
        sequence: 1,
        name: format!("node {index}").parse().expect("a node name"),
        version: "0".to_owned(),
        platform: "simulated".to_owned(),
        devices: vec![device],
        memory_total: memory,
        memory_free: memory,
        engines: vec![EngineKind::Llama, EngineKind::Image],
        models,
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: Vec::new(),
    }
}

//! What a machine says of itself, and what of it is news.

use std::collections::BTreeMap;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::BlobId;
use pumasi_protocol::{
    Admission, AdvertDelta, Capabilities, Device, DeviceKind, EngineKind, ModelAdvert, ModelState,
    NodeAdvert, NodeId, Rate,
};

use crate::engine::{EngineModel, Engines, Place};
use crate::scenario::{Held, MachineSpec, Scenario};

use super::model_name;

const MIB: u64 = 1 << 20;

/// What a node publishes: everything, or what changed.
pub(crate) enum News {
    Full(NodeAdvert),
    Delta(AdvertDelta),
}

/// Whether two adverts say the same but for their number and the passing of time.
pub(crate) fn says_the_same(old: &NodeAdvert, new: &NodeAdvert) -> bool {
    let still = |advert: &NodeAdvert| {
        let mut advert = advert.clone();
        advert.sequence = 0;
        advert.queue.work_ms = advert.queue.work_ms.next_power_of_two();
        for model in &mut advert.models {
            if let ModelState::Loading(permille) = &mut model.state {
                *permille = 0;
            }
        }
        advert
    };
    still(old) == still(new)
}

pub(super) fn delta_of(old: &NodeAdvert, new: &NodeAdvert, sequence: u64) -> AdvertDelta {
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

pub(super) fn engines(spec: &MachineSpec, scenario: &Scenario) -> Engines {
    let model = |held: &Held| {
        let kind = &scenario.models[held.model];
        let engine = EngineModel {
            place: if held.loaded { Place::Memory } else { Place::Disk },
            memory: kind.memory_mib * MIB,
            slots: kind.slots,
            context: kind.context,
            load_ms: kind.memory_mib * 1_000 / spec.load_mib_per_s.max(1),
            running: BTreeMap::new(),
            generation: 0,
        };
        (model_name(held.model), engine)
    };
    let models = spec.models.iter().map(model).collect();
    Engines { models, budget: spec.memory_mib * MIB }
}

pub(super) fn base_advert(
    id: NodeId,
    index: usize,
    spec: &MachineSpec,
    scenario: &Scenario,
) -> NodeAdvert {
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

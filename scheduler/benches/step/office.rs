//! The mesh around the scheduler under test: its nodes, what they advertise, what jobs need.

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, PersonId};
use pumasi_protocol::{
    Admission, Capabilities, Constraints, EngineKind, JobKind, ModelAdvert, ModelName, ModelState,
    Need, NodeAdvert, NodeId, Priority, Rate,
};

/// Names of models in the mesh; each node holds a share of them.
pub(crate) const NAMES: usize = 24;
/// Models of one node. The first name is held by all.
const HELD: usize = 8;

/// Reproducible dice of the stream.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

pub(crate) fn node_id(number: usize) -> NodeId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    NodeId(id)
}

fn model_name(number: usize) -> ModelName {
    format!("family/model-{number}-instruct:q4_0").parse().expect("a model name")
}

pub(crate) fn advert(number: usize) -> NodeAdvert {
    let models =
        (0..HELD).map(|n| model(if n == 0 { 0 } else { (number * 7 + n * 3) % NAMES }, number));
    let mut models: Vec<ModelAdvert> = models.collect();
    models.dedup_by_key(|m| m.name.clone());
    NodeAdvert {
        node: node_id(number),
        incarnation: 1,
        sequence: 1,
        name: "node".parse().expect("a node name"),
        version: "0.1.0".to_owned(),
        platform: "linux x86_64".to_owned(),
        devices: Vec::new(),
        memory_total: 64 << 30,
        memory_free: 8 << 30,
        engines: vec![EngineKind::Llama],
        models,
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: (0..384).map(|n| prefix((number * 131 + n) % 64_000)).collect(),
    }
}

fn model(name: usize, node: usize) -> ModelAdvert {
    let speed = u32::try_from(node % 25 + 1).expect("small");
    ModelAdvert {
        name: model_name(name),
        file: BlobId([u8::try_from(name).expect("small"); 32]),
        size: 1 << 30,
        engine: EngineKind::Llama,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        context: 4_096,
        state: if name == 0 { ModelState::Loaded { slots: 4, busy: 0 } } else { ModelState::Held },
        memory: 1 << 30,
        prefill: Rate(speed * 200_000),
        decode: Rate(speed * 10_000),
        load_ms: 2_000,
        usual_tokens: 120,
    }
}

/// A prefix's hash: as spread over all 64 bits as a real one.
pub(crate) fn prefix(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Three of four jobs want the model that all hold. A chat of a few turns whose beginning lies in
/// the caches of some nodes.
pub(crate) fn need(dice: &mut Dice) -> Need {
    let model = if dice.roll(4) < 3 { 0 } else { dice.roll(NAMES) };
    let chat = dice.roll(1_000) * 64;
    Need {
        kind: JobKind::Chat,
        model: model_name(model),
        file: None,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        person: PersonId([u8::try_from(dice.roll(30)).expect("small"); 16]),
        priority: Priority::Interactive,
        constraints: Constraints::default(),
        prompt_tokens: 400,
        max_tokens: Some(200),
        prefix: (chat..chat + 24).map(prefix).collect(),
    }
}

//! What a node says about itself to its mesh. Adverts are hints: the executing node is the truth.
//! Ordered by (incarnation, sequence), never by wall time. Anything out of range voids the whole advert.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::engine::{Capabilities, EngineKind, Rate};
use crate::ids::{BlobId, NodeId};
use crate::limits;
use crate::name::{ModelName, NodeName};

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// The processor, with main memory.
    Cpu,
    /// A graphics card with memory of its own.
    Gpu,
    /// A graphics unit that shares main memory.
    IntegratedGpu,
    /// Anything else that computes.
    Accelerator,
}

/// A device that models can run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Name for people, as its driver gives it.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// The back end that drives it: `CPU`, `CUDA`, `Vulkan`, `Metal`, …
    pub backend: String,
    /// Memory in bytes.
    pub memory_total: u64,
    /// Of that, free.
    pub memory_free: u64,
}

impl Device {
    fn is_plausible(&self) -> bool {
        self.name.len() <= 256
            && self.backend.len() <= 32
            && self.memory_total <= limits::CLAIMED_BYTES
            && self.memory_free <= self.memory_total
    }
}

/// Whether this node takes jobs of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// It does.
    #[default]
    Accepting,
    /// The person at this computer is using it.
    OwnerBusy,
    /// It was told not to.
    Paused,
    /// It finishes what it has, then stops.
    Draining,
}

/// Where a model stands on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelState {
    /// The file is here; nothing is loaded.
    Held,
    /// Being loaded, this many permille done.
    Loading(u16),
    /// Ready: slots, and how many of them are taken.
    Loaded {
        /// Slots that decode together.
        slots: u16,
        /// Slots in use or reserved.
        busy: u16,
    },
    /// The file is damaged or cannot be run here.
    Unusable,
}

/// A model on a node, with what was measured there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAdvert {
    /// Its name on that node.
    pub name: ModelName,
    /// Its file.
    pub file: BlobId,
    /// Size of the file in bytes.
    pub size: u64,
    /// The engine that runs it.
    pub engine: EngineKind,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Tokens that a slot holds.
    pub context: u32,
    /// Where it stands.
    pub state: ModelState,
    /// Memory it takes, or would take, in bytes.
    pub memory: u64,
    /// Prefill rate, measured or estimated from like models on this node.
    pub prefill: Rate,
    /// Decode rate of one slot, likewise.
    pub decode: Rate,
    /// Time to load it from disk in milliseconds, measured or estimated.
    pub load_ms: u32,
    /// Tokens that it usually answers with (a moving average, 0: unknown).
    pub usual_tokens: u32,
}

impl ModelAdvert {
    fn is_plausible(&self) -> bool {
        let rate = |r: Rate| r.per_second() <= f64::from(limits::CLAIMED_TOKENS_PER_S);
        let slots_ok = match self.state {
            ModelState::Loaded { slots, busy } => {
                busy <= slots && u32::from(slots) <= limits::CLAIMED_COUNT
            }
            ModelState::Loading(permille) => permille <= 1_000,
            ModelState::Held | ModelState::Unusable => true,
        };
        slots_ok
            && self.size <= limits::CLAIMED_BYTES
            && self.memory <= limits::CLAIMED_BYTES
            && self.context <= limits::CONTEXT_TOKENS
            && rate(self.prefill)
            && rate(self.decode)
    }
}

/// How much waits at a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Interactive jobs that wait.
    pub interactive: u32,
    /// Batch jobs that wait.
    pub batch: u32,
    /// Predicted time until all of it, and what runs, is done, in milliseconds.
    pub work_ms: u64,
}

/// Everything a node says about itself. Sent on start and when hardware or models change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAdvert {
    /// Which node.
    pub node: NodeId,
    /// Its start number: larger after each start (Unix time in milliseconds of the start, kept rising).
    pub incarnation: u64,
    /// Counts adverts and deltas within one incarnation.
    pub sequence: u64,
    /// Its name for people.
    pub name: NodeName,
    /// Version of Pumasi.
    pub version: String,
    /// Operating system and processor, for people.
    pub platform: String,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Main memory in bytes.
    pub memory_total: u64,
    /// Of that, free.
    pub memory_free: u64,
    /// Engines that can be started here.
    pub engines: Vec<EngineKind>,
    /// Its models.
    pub models: Vec<ModelAdvert>,
    /// What waits.
    pub queue: Queue,
    /// Whether it takes jobs.
    pub admission: Admission,
    /// Where its data plane listens.
    pub data: Vec<SocketAddr>,
    /// Hashes of prompt prefixes in its KV caches, hottest first.
    pub prefixes: Vec<u64>,
}

impl NodeAdvert {
    /// Whether every number and length is within [`limits`]. A false advert is refused whole.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.version.len() <= 64
            && self.platform.len() <= 128
            && self.devices.len() <= limits::ADVERT_DEVICES
            && self.devices.iter().all(Device::is_plausible)
            && self.memory_total <= limits::CLAIMED_BYTES
            && self.memory_free <= self.memory_total
            && self.engines.len() <= 16
            && self.models.len() <= limits::ADVERT_MODELS
            && self.models.iter().all(ModelAdvert::is_plausible)
            && self.queue.interactive <= limits::CLAIMED_COUNT
            && self.queue.batch <= limits::CLAIMED_COUNT
            && self.data.len() <= limits::ADVERT_ADDRESSES
            && self.prefixes.len() <= limits::ADVERT_PREFIXES
    }

    /// Whether this is newer than `other` of the same node.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.incarnation, self.sequence) > (other.incarnation, other.sequence)
    }

    /// Takes over what a newer delta says. False if the delta is older, of another incarnation, or
    /// names models that this advert does not hold.
    pub fn apply(&mut self, delta: &AdvertDelta) -> bool {
        let fits = delta.node == self.node
            && delta.incarnation == self.incarnation
            && delta.sequence > self.sequence
            && delta.models.iter().all(|(i, _)| usize::from(*i) < self.models.len());
        if !fits {
            return false;
        }
        self.sequence = delta.sequence;
        self.queue = delta.queue;
        self.admission = delta.admission;
        self.memory_free = delta.memory_free.min(self.memory_total);
        for (index, state) in &delta.models {
            self.models[usize::from(*index)].state = *state;
        }
        true
    }
}

/// What changes often: small, sent on change, useless without the full advert it builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertDelta {
    /// Which node.
    pub node: NodeId,
    /// Incarnation of the full advert.
    pub incarnation: u64,
    /// Larger than that of everything before.
    pub sequence: u64,
    /// What waits.
    pub queue: Queue,
    /// Whether it takes jobs.
    pub admission: Admission,
    /// Free main memory in bytes.
    pub memory_free: u64,
    /// Index in the full advert's models, and the model's state.
    pub models: Vec<(u16, ModelState)>,
}

/// What travels over gossip, inside a signed envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gossip {
    /// A full advert.
    Advert(Box<NodeAdvert>),
    /// A small change.
    Delta(AdvertDelta),
    /// The node is leaving; forget its advert of this incarnation.
    Leaving {
        /// Which node.
        node: NodeId,
        /// Its incarnation.
        incarnation: u64,
    },
}

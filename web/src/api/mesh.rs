//! Nodes, devices, this node's status, and the doctor's findings.

use pumasi_protocol as protocol;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::model::ModelState;

/// A node by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NodeRef {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

impl NodeRef {
    /// From the protocol's id and the node's name.
    #[must_use]
    pub fn new(id: protocol::NodeId, name: impl Into<String>) -> Self {
        Self { id: id.to_string(), name: name.into() }
    }
}

/// A mesh by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct MeshRef {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// This node, its mesh and what a person should know at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Status {
    /// Version of Pumasi.
    pub version: String,
    /// This node.
    pub node: NodeRef,
    /// Its mesh; none before it founded or joined one.
    pub mesh: Option<MeshRef>,
    /// The person this node belongs to.
    pub person: Option<String>,
    /// Its roles in the mesh.
    pub roles: Vec<super::MeshRole>,
    /// Whether it takes jobs of others.
    pub admission: Admission,
    /// The same in full, and why.
    pub lending: super::Lending,
    /// When it started, Unix time in milliseconds.
    pub started_ms: u64,
    /// Members of the mesh, this node included.
    pub members: u32,
    /// Of these, reachable now, this node included.
    pub reachable: u32,
    /// Jobs of this node that run, wherever.
    pub jobs_running: u32,
    /// Jobs of this node that wait.
    pub jobs_waiting: u32,
    /// Where programs of other computers are served; none: nowhere.
    #[serde(default)]
    pub endpoint: Option<Box<Endpoint>>,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// Where programs of other computers are served: over TLS, by API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Endpoint {
    /// Address and port on which it listens.
    pub address: String,
    /// Names by which this computer is reached.
    pub names: Vec<String>,
    /// SHA-256 of its certificate, in pairs of hexadecimal digits.
    pub fingerprint: String,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Note,
    /// Something works less well than it could.
    Warning,
    /// Something does not work.
    Trouble,
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// The stable word for it, by which the UI translates.
    pub code: String,
    /// What happened, what it means, what to do.
    pub message: String,
}

/// Whether a member can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// This node itself.
    Here,
    /// Connected and fresh.
    Online,
    /// Connected, but its advert is doubtful or stale.
    Suspect,
    /// Not reachable.
    Offline,
}

/// Whether a node takes jobs of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It does.
    Accepting,
    /// The person at that computer is using it.
    OwnerBusy,
    /// It was told not to.
    Paused,
    /// It finishes what it has, then stops.
    Draining,
}

impl From<protocol::Admission> for Admission {
    fn from(admission: protocol::Admission) -> Self {
        match admission {
            protocol::Admission::Accepting => Self::Accepting,
            protocol::Admission::OwnerBusy => Self::OwnerBusy,
            protocol::Admission::Paused => Self::Paused,
            protocol::Admission::Draining => Self::Draining,
        }
    }
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Device {
    /// Its name, as its driver gives it.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// The back end that drives it.
    pub backend: String,
    /// Memory in bytes.
    pub memory_total_bytes: u64,
    /// Of that, free.
    pub memory_free_bytes: u64,
}

impl From<&protocol::Device> for Device {
    fn from(device: &protocol::Device) -> Self {
        let kind = match device.kind {
            protocol::DeviceKind::Cpu => DeviceKind::Cpu,
            protocol::DeviceKind::Gpu => DeviceKind::Gpu,
            protocol::DeviceKind::IntegratedGpu => DeviceKind::IntegratedGpu,
            protocol::DeviceKind::Accelerator => DeviceKind::Accelerator,
        };
        Self {
            name: device.name.clone(),
            kind,
            backend: device.backend.clone(),
            memory_total_bytes: device.memory_total,
            memory_free_bytes: device.memory_free,
        }
    }
}

/// Which kind of engine.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// llama.cpp.
    Llama,
    /// stable-diffusion.cpp.
    Image,
    /// Documents.
    Document,
    /// A provider over HTTP.
    Cloud,
}

impl From<protocol::EngineKind> for EngineKind {
    fn from(kind: protocol::EngineKind) -> Self {
        match kind {
            protocol::EngineKind::Llama => Self::Llama,
            protocol::EngineKind::Image => Self::Image,
            protocol::EngineKind::Document => Self::Document,
            protocol::EngineKind::Cloud => Self::Cloud,
        }
    }
}

/// How an engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// It runs, or starts when it is needed.
    Ready,
    /// It ended unexpectedly and is being started again.
    Restarting,
    /// It does not start.
    Broken,
}

/// An engine of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NodeEngine {
    /// Which kind.
    pub kind: EngineKind,
    /// How it is doing.
    pub state: EngineState,
    /// A sentence for people where it is not well.
    pub message: Option<String>,
}

/// What waits at a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Queue {
    /// Interactive jobs that wait.
    pub interactive: u32,
    /// Batch jobs that wait.
    pub batch: u32,
    /// Predicted time until all of it, and what runs, is done.
    pub work_ms: u64,
}

/// A model on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NodeModel {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: ModelState,
    /// Memory it takes, or would take, in bytes.
    pub memory_bytes: u64,
    /// Reading speed.
    pub prefill_tokens_per_s: f64,
    /// Writing speed of one slot.
    pub decode_tokens_per_s: f64,
}

impl From<&protocol::ModelAdvert> for NodeModel {
    fn from(advert: &protocol::ModelAdvert) -> Self {
        Self {
            name: advert.name.to_string(),
            state: advert.state.into(),
            memory_bytes: advert.memory,
            prefill_tokens_per_s: advert.prefill.per_second(),
            decode_tokens_per_s: advert.decode.per_second(),
        }
    }
}

/// Why a member is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Misconduct {
    /// It sent far more than a member may.
    Flood,
    /// It sent too much that no honest node sends.
    Nonsense,
}

/// A member that is cut off for a while, for what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CutOff {
    /// Why.
    pub why: Misconduct,
    /// Until when, Unix time in milliseconds on this node's clock.
    pub until_ms: u64,
}

/// A node as this one sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Node {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The person it belongs to; none: a shared computer.
    pub person: Option<String>,
    /// Its roles in the mesh.
    pub roles: Vec<super::MeshRole>,
    /// Whether it can be reached.
    pub presence: Presence,
    /// Version of Pumasi there.
    pub version: String,
    /// Operating system and processor.
    pub platform: String,
    /// Addresses it was reached at or says it listens on.
    pub addresses: Vec<String>,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Main memory in bytes.
    pub memory_total_bytes: u64,
    /// Of that, free.
    pub memory_free_bytes: u64,
    /// Whether it takes jobs.
    pub admission: Admission,
    /// Its engines.
    pub engines: Vec<NodeEngine>,
    /// Its models.
    pub models: Vec<NodeModel>,
    /// What waits there.
    pub queue: Queue,
    /// Measured round-trip time; none for this node and before the first measurement.
    pub round_trip_ms: Option<f64>,
    /// When it was last heard of, Unix time in milliseconds on this node's clock.
    pub seen_ms: Option<u64>,
    /// That it is cut off here, because it misbehaves.
    #[serde(default)]
    pub cut_off: Option<CutOff>,
}

/// How a check of the doctor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// All is well.
    Good,
    /// It works, but could work better.
    Warning,
    /// It does not work.
    Trouble,
    /// It could not be checked here.
    Skipped,
}

/// One thing that the doctor looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Check {
    /// The stable word for it.
    pub code: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// The parts of the message under their names, for other languages.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What was tried, a line each, for whoever runs the machines.
    #[serde(default)]
    pub details: Vec<String>,
}

/// The doctor's findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Doctor {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

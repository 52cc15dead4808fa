//! Models: one entry per name, with every node that holds it.

use pumasi_protocol as protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mesh::{EngineKind, NodeRef};

/// What a model can do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Chat and completion.
    Generate,
    /// Embeddings.
    Embed,
    /// Tool calls.
    Tools,
    /// Thinking blocks.
    Thinking,
    /// Reading pictures.
    Vision,
    /// Making pictures.
    Image,
}

impl Capability {
    /// The protocol's flags as a list.
    #[must_use]
    pub fn list(flags: protocol::Capabilities) -> Vec<Self> {
        let all = [
            (flags.generate, Self::Generate),
            (flags.embed, Self::Embed),
            (flags.tools, Self::Tools),
            (flags.thinking, Self::Thinking),
            (flags.vision, Self::Vision),
            (flags.image, Self::Image),
        ];
        all.into_iter().filter_map(|(set, capability)| set.then_some(capability)).collect()
    }
}

/// Where a model stands on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelState {
    /// The file is there; nothing is loaded.
    Held,
    /// Being loaded.
    Loading {
        /// How far, in thousandths.
        permille: u16,
    },
    /// Ready.
    Loaded {
        /// Slots that decode together.
        slots: u16,
        /// Of these, in use or reserved.
        busy: u16,
    },
    /// The file is damaged or cannot be run there.
    Unusable,
}

impl From<protocol::ModelState> for ModelState {
    fn from(state: protocol::ModelState) -> Self {
        match state {
            protocol::ModelState::Held => Self::Held,
            protocol::ModelState::Loading(permille) => Self::Loading { permille },
            protocol::ModelState::Loaded { slots, busy } => Self::Loaded { slots, busy },
            protocol::ModelState::Unusable => Self::Unusable,
        }
    }
}

/// A model on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ModelPlace {
    /// The node.
    pub node: NodeRef,
    /// Where it stands there.
    pub state: ModelState,
    /// The file's BLAKE3 hash, 64 hexadecimal digits: the same name can be another file elsewhere.
    pub file: String,
    /// Reading speed there.
    pub prefill_tokens_per_s: f64,
    /// Writing speed of one slot there.
    pub decode_tokens_per_s: f64,
    /// Predicted wait until a first slot is free and the model loaded, in milliseconds.
    pub wait_ms: Option<u64>,
    /// When it is unloaded if nothing uses it before, Unix time in milliseconds; the year 9999: it
    /// stays. Absent where it is not loaded, and for other computers, which know it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expires_ms: Option<u64>,
    /// Tokens that were guessed from prompts and computed ahead since it was loaded; as
    /// [`Self::expires_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub drafted_tokens: Option<u64>,
    /// Of these, such that were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub accepted_tokens: Option<u64>,
}

/// A model of the mesh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Model {
    /// Its name: what a request says in `model`.
    pub name: String,
    /// The engine that runs it.
    pub engine: EngineKind,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Tokens that a slot holds (the most of all places).
    pub context_tokens: u32,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// Whether it is one of the tiny models that come with Pumasi.
    pub starter: bool,
    /// When this node first saw it, Unix time in seconds (OpenAI's `created`).
    pub created_s: u64,
    /// The provider that has it, by id; none: the mesh has it.
    #[serde(default)]
    pub provider: Option<String>,
    /// The computers through which that provider is asked; empty where the mesh has the model.
    #[serde(default)]
    pub at: Vec<NodeRef>,
    /// Where it is.
    pub places: Vec<ModelPlace>,
    /// Where a request would most likely run now.
    pub best: Option<NodeRef>,
}

/// The body of `POST /api/v1/models/{name}/load` and `…/unload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    /// On which node (id); none: this one.
    #[serde(default)]
    pub node: Option<String>,
}

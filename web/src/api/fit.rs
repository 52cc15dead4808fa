//! Whether a model fits a computer: a planned load, device by device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mesh::{DeviceKind, NodeRef};

/// Number format of the KV cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheFormat {
    /// 16-bit floats.
    #[default]
    F16,
    /// 8.5 bits an element.
    Q8_0,
    /// 4.5 bits an element.
    Q4_0,
}

/// How a model would be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LoadPlan {
    /// Tokens of each slot.
    pub context: u32,
    /// Requests at once.
    pub slots: u16,
    /// Format of the KV cache.
    pub cache: CacheFormat,
    /// Whether attention is computed in one piece.
    pub flash_attention: bool,
    /// Blocks on the graphics card; none: all.
    pub gpu_layers: Option<u32>,
}

/// What a planned load takes on one device, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DeviceMemory {
    /// The device, as its driver names it.
    pub device: String,
    /// What sort it is.
    pub kind: DeviceKind,
    /// Weights.
    pub weights: u64,
    /// Keys, values and recurrent states.
    pub cache: u64,
    /// Working space of one batch.
    pub compute: u64,
    /// The vocabulary and the process itself.
    pub overhead: u64,
    /// Free for it; none: not known.
    pub free: Option<u64>,
    /// All memory of the device; none: not known.
    pub total: Option<u64>,
}

/// Whether a planned load fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Fit {
    /// Where; none: not for a computer.
    pub node: Option<NodeRef>,
    /// How it would be loaded.
    pub plan: LoadPlan,
    /// The devices that it would take memory of.
    pub devices: Vec<DeviceMemory>,
    /// Bytes on all of them.
    pub needed: u64,
    /// Whether it fits; none: what is free is not known.
    pub fits: Option<bool>,
    /// The longest context with which it would fit there, all else alike; none: not even one token
    /// would, or it is not known.
    pub longest_context: Option<u32>,
    /// What to do where it does not fit, as a sentence.
    pub advice: Option<String>,
    /// How fast it would be; none: nothing was measured there.
    pub speed: Option<Pace>,
}

/// How fast a model would be on a computer, from what was measured there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Pace {
    /// Reading of a prompt, in tokens per second.
    pub prefill_tokens_per_s: f64,
    /// Writing, in tokens per second of one request.
    pub decode_tokens_per_s: f64,
    /// Bytes that the engine reads per second, as measured.
    pub bytes_per_s: f64,
    /// Multiplications and additions per second, as measured.
    pub operations_per_s: f64,
}

/// A well-known model that suits a computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Recommendation {
    /// Its name, as people know it.
    pub title: String,
    /// A repository of the hub with its files.
    pub repository: String,
    /// Which file: its quantization.
    pub quantization: String,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// Its licence.
    pub license: String,
    /// How good it is, by the measure that [`Recommendations::quality`] names, in percent.
    pub quality: f64,
    /// What loading it takes.
    pub fit: Fit,
    /// Why this one, as a sentence with numbers.
    pub why: String,
}

/// What suits one computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Suited {
    /// Which.
    pub node: NodeRef,
    /// The best that runs well there; none: nothing of the table fits.
    pub best: Option<Recommendation>,
    /// A light one that leaves room for other things; none: there is none but the best.
    pub light: Option<Recommendation>,
}

/// Which well-known models suit this computer and the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Recommendations {
    /// When the table of models was written down, as in `2026-11-28`.
    pub dated: String,
    /// What the figure of quality is.
    pub quality: String,
    /// Where it is published.
    pub source: String,
    /// For each computer, this one first.
    pub nodes: Vec<Suited>,
    /// Where in the mesh the best of all would run, by id; none: nowhere.
    pub best_node: Option<String>,
}

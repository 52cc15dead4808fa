//! Copies of models from other computers of the mesh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mesh::NodeRef;

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CopyState {
    /// It is under way.
    Running,
    /// The model is here, and every byte of it was proven.
    Done,
    /// It ended without the model; what came stays, and the next try goes on from there.
    Failed {
        /// Why, as a sentence.
        error: String,
    },
}

/// How far a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyStage {
    /// It is dialled.
    Connecting,
    /// It reads its file once, to be able to prove parts of it.
    Preparing,
    /// It sends.
    Sending,
    /// It failed, and is tried again.
    Resting,
    /// It sent something else, and is not asked again.
    Dropped,
}

/// What one computer gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CopySource {
    /// Which one.
    pub node: NodeRef,
    /// How far it is.
    pub stage: CopyStage,
    /// Bytes of the file that came from it and were proven.
    pub bytes: u64,
    /// Bytes a second, over the last two seconds.
    pub bytes_per_s: u64,
    /// Whether it is reached over TCP; else over QUIC.
    pub tcp: bool,
}

/// A model that comes from other computers to this one, or came lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Copy {
    /// Its name.
    pub model: String,
    /// The file's BLAKE3 hash, 64 hexadecimal digits.
    pub file: String,
    /// Size of the file in bytes, once it is proven.
    pub size_bytes: Option<u64>,
    /// Bytes that are here.
    pub held_bytes: u64,
    /// Bytes a second, of all sources together.
    pub bytes_per_s: u64,
    /// Where it stands.
    #[serde(flatten)]
    pub state: CopyState,
    /// Where the bytes come from.
    pub sources: Vec<CopySource>,
}

//! The OpenAI dialect: chat completions, completions and embeddings, as the official clients speak them
//! (OpenAI API reference, 2025), with the extensions that local servers share (`top_k`, `min_p`,
//! `repetition_penalty`, `reasoning_content`) and one of our own: `pumasi`, where a request may run.

mod chat;
mod completion;
mod embedding;
mod message;
mod placement;
mod reply;
mod sampling;
mod stream;
mod tool;

use pumasi_protocol::generate::Embed;
use pumasi_protocol::{Constraints, Generate, JobKind, ModelName, Priority};

pub use chat::parse as parse_chat;
pub use completion::parse as parse_completion;
pub use embedding::{embeddings, parse as parse_embeddings};
pub use reply::{
    Answer, Counts, FinishReason, Head, Provenance, Seam, TimingsMs, chat_reply, completion_reply,
};
pub use stream::{DONE, Stream, error_event};

use crate::invalid::{Invalid, Reason};
use crate::json::Value;

/// How to read bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Refuse unknown fields instead of ignoring and naming them.
    pub strict: bool,
}

/// A chat or completion, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// [`JobKind::Chat`] or [`JobKind::Completion`].
    pub kind: JobKind,
    /// The model asked for.
    pub model: ModelName,
    /// One canonical request per answer (`choices[].index` is the place in this list); never empty.
    pub answers: Vec<Generate>,
    /// How many answers each prompt gets: that many neighbours in `answers` share one.
    pub copies: usize,
    /// Answer in pieces.
    pub stream: bool,
    /// End a stream with the token counts.
    pub include_usage: bool,
    /// Names of the tools on offer that may be called.
    pub tools: Vec<String>,
    /// More than one tool call is welcome.
    pub parallel_tool_calls: bool,
    /// Repeat the prompt before each answer (completions only).
    pub echo: bool,
    /// Where it may run.
    pub constraints: Constraints,
    /// Whether somebody waits, where the request says so.
    pub priority: Option<Priority>,
    /// Fields that were not read.
    pub ignored: Vec<String>,
}

/// A request for embeddings, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedRequest {
    /// The model asked for.
    pub model: ModelName,
    /// The canonical request.
    pub embed: Embed,
    /// Vectors as base64 of little-endian 32-bit floats instead of arrays.
    pub base64: bool,
    /// Where it may run.
    pub constraints: Constraints,
    /// Whether somebody waits, where the request says so.
    pub priority: Option<Priority>,
    /// Fields that were not read.
    pub ignored: Vec<String>,
}

fn model_name(value: &Value<'_>) -> Result<ModelName, Invalid> {
    ModelName::try_from(value.string()?).map_err(|e| value.fail(Reason::ModelName(e)))
}

//! Models: all, one, those that are loaded; and this program's version.

use serde::Serialize;
use serde_json::{Value, json};

use super::model_name;
use crate::fields::time::rfc3339;
use crate::invalid::Invalid;
use crate::json::{self, Ignored};
use crate::model::ModelCard;
use crate::reply::to_json;
use crate::request::Options;
use pumasi_protocol::ModelName;

#[derive(Serialize)]
struct Models<'a> {
    models: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    model: &'a str,
    modified_at: String,
    size: u64,
    digest: &'a str,
    details: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_vram: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u32>,
}

/// What Ollama says of a file. The family and the like are in the file, which may be elsewhere.
fn details() -> Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "", "families": [],
        "parameter_size": "", "quantization_level": "",
    })
}

fn entry(card: &ModelCard, running: bool) -> Entry<'_> {
    Entry {
        name: &card.name,
        model: &card.name,
        modified_at: rfc3339(card.created_s),
        size: card.size_bytes,
        digest: &card.digest,
        details: details(),
        expires_at: running.then(|| rfc3339(card.expires_s)),
        // How much of it is on cards is known to the computer that loaded it only.
        size_vram: running.then_some(0),
        context_length: running.then_some(card.context_tokens),
    }
}

/// All models of the mesh.
#[must_use]
pub fn tags(cards: &[ModelCard]) -> String {
    to_json(&Models { models: cards.iter().map(|card| entry(card, false)).collect() })
}

/// Those that are loaded somewhere.
#[must_use]
pub fn running(cards: &[ModelCard]) -> String {
    let loaded = cards.iter().filter(|card| card.loaded);
    to_json(&Models { models: loaded.map(|card| entry(card, true)).collect() })
}

/// Parses a body of `/api/show`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_show(bytes: &[u8], options: Options) -> Result<(ModelName, Vec<String>), Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let model = match body.take_either("model", "name")? {
        Some(value) => model_name(&value)?,
        None => model_name(&body.require("model")?)?,
    };
    body.optional("verbose", json::Value::bool)?;
    body.finish(&mut ignored)?;
    Ok((model, ignored.into_names()))
}

/// One model.
#[must_use]
pub fn show(card: &ModelCard) -> String {
    let able = [
        (card.generates, "completion"),
        (card.embeds, "embedding"),
        (card.tools, "tools"),
        (card.thinking, "thinking"),
        (card.vision, "vision"),
    ];
    let capabilities: Vec<&str> =
        able.iter().filter(|(can, _)| *can).map(|(_, word)| *word).collect();
    to_json(&json!({
        "modelfile": "", "parameters": "", "template": "",
        "details": details(),
        "model_info": {
            "general.architecture": "unknown",
            "unknown.context_length": card.context_tokens,
        },
        "capabilities": capabilities,
        "modified_at": rfc3339(card.created_s),
    }))
}

/// The version of this program, which is none of Ollama's.
#[must_use]
pub fn version(version: &str) -> String {
    to_json(&json!({ "version": version }))
}

//! `POST /v1/embeddings`: the request and its reply, as arrays or as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pumasi_protocol::generate::{Embed, EmbedInput};
use pumasi_protocol::{Embedded, limits as protocol_limits};
use serde::Serialize;

use super::completion::tokens;
use crate::fields::placement::{self, Placement};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Kind, Value};
use crate::limits;
use crate::preferences;
use crate::reply::Provenance;
use crate::request::{EmbedForm, EmbedRequest, Options};

/// Parses a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<EmbedRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let model = preferences::model(&mut body)?;
    let inputs = inputs(&body.require("input")?)?;
    let dimensions = body.optional("dimensions", |v| v.integer(1, limits::DIMENSIONS))?;
    let dimensions = dimensions.map(|d| u32::try_from(d).expect("at most 65,536"));
    let base64 = body.optional("encoding_format", is_base64)?.unwrap_or(false);
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    body.optional("user", |v| v.label(limits::LABEL_CHARS))?;
    body.finish(&mut ignored)?;
    let embed = Embed { inputs, dimensions };
    let ignored = ignored.into_names();
    let form = EmbedForm::OpenAi { base64 };
    Ok(EmbedRequest { model, embed, form, constraints, priority, preferences, keep_alive, ignored })
}

fn is_base64(value: &Value<'_>) -> Result<bool, Invalid> {
    match value.string()?.as_str() {
        "float" => Ok(false),
        "base64" => Ok(true),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "float, base64" })),
    }
}

fn inputs(value: &Value<'_>) -> Result<Vec<EmbedInput>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![one(value)?]);
    }
    let entries = value.array(protocol_limits::CONTEXT_TOKENS as usize)?;
    let max = protocol_limits::EMBED_INPUTS;
    match entries.first().map(Value::kind) {
        None => Err(value.fail(Reason::Empty)),
        Some(Kind::Number) => Ok(vec![EmbedInput::Tokens(tokens(&entries)?)]),
        Some(_) if entries.len() > max => Err(value.fail(Reason::TooMany { max })),
        Some(_) => entries.iter().map(one).collect(),
    }
}

fn one(value: &Value<'_>) -> Result<EmbedInput, Invalid> {
    if value.kind() == Kind::String {
        let text = value.string()?;
        return if text.is_empty() {
            Err(value.fail(Reason::Empty))
        } else {
            Ok(EmbedInput::Text(text))
        };
    }
    let entries = value.array(protocol_limits::CONTEXT_TOKENS as usize)?;
    if entries.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    Ok(EmbedInput::Tokens(tokens(&entries)?))
}

#[derive(Serialize)]
struct Reply<'a> {
    object: &'static str,
    data: Vec<Entry>,
    model: &'a str,
    usage: EmbedUsage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pumasi: Option<&'a Provenance>,
}

#[derive(Serialize)]
struct Entry {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct EmbedUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// The reply to a request for embeddings, as JSON text.
#[must_use]
pub fn embeddings(
    model: &str,
    embedded: &[Embedded],
    base64: bool,
    provenance: Option<&Provenance>,
) -> String {
    let vector = |one: &'_ Embedded| match base64 {
        true => Vector::Base64(encode(&one.vector)),
        false => Vector::Floats(one.vector.clone()),
    };
    let entry = |(index, one)| Entry { object: "embedding", index, embedding: vector(one) };
    let data = embedded.iter().enumerate().map(entry).collect();
    let tokens = embedded.iter().map(|one| u64::from(one.tokens)).sum();
    let usage = EmbedUsage { prompt_tokens: tokens, total_tokens: tokens };
    let reply = Reply { object: "list", data, model, usage, pumasi: provenance };
    serde_json::to_string(&reply).expect("plain data with text keys always has a JSON form")
}

fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

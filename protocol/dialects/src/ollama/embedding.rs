//! `POST /api/embed`, and the older `POST /api/embeddings` for one text.

use pumasi_protocol::generate::{Embed, EmbedInput};
use pumasi_protocol::{Embedded, limits as protocol_limits};
use serde::Serialize;

use super::model_name;
use crate::fields::placement::{self, Placement};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Kind, Object, Value};
use crate::limits;
use crate::reply::to_json;
use crate::request::{EmbedForm, EmbedRequest, Options};

/// Parses a body of `/api/embed`. A text that is too long is refused, whatever `truncate` says.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<EmbedRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let inputs = inputs(&body.require("input")?)?;
    let dimensions = body.optional("dimensions", |v| v.integer(1, limits::DIMENSIONS))?;
    let dimensions = dimensions.map(|d| u32::try_from(d).expect("at most 65,536"));
    finish(body, Embed { inputs, dimensions }, EmbedForm::Ollama, options)
}

/// Parses a body of `/api/embeddings`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_one(bytes: &[u8], options: Options) -> Result<EmbedRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let inputs = vec![one(&body.require("prompt")?)?];
    finish(body, Embed { inputs, dimensions: None }, EmbedForm::OllamaOne, options)
}

fn finish(
    mut body: Object<'_>,
    embed: Embed,
    form: EmbedForm,
    options: Options,
) -> Result<EmbedRequest, Invalid> {
    let mut ignored = Ignored::new(options.strict);
    let model = model_name(&body.require("model")?)?;
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    body.finish(&mut ignored)?;
    let ignored = ignored.into_names();
    Ok(EmbedRequest { model, embed, form, constraints, priority, preferences, keep_alive, ignored })
}

fn inputs(value: &Value<'_>) -> Result<Vec<EmbedInput>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![one(value)?]);
    }
    let entries = value.array(protocol_limits::EMBED_INPUTS)?;
    if entries.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    entries.iter().map(one).collect()
}

fn one(value: &Value<'_>) -> Result<EmbedInput, Invalid> {
    let text = value.string()?;
    if text.is_empty() { Err(value.fail(Reason::Empty)) } else { Ok(EmbedInput::Text(text)) }
}

#[derive(Serialize)]
struct Reply<'a> {
    model: &'a str,
    embeddings: Vec<&'a [f32]>,
    prompt_eval_count: u64,
}

#[derive(Serialize)]
struct One<'a> {
    embedding: &'a [f32],
}

/// The reply, as JSON text: all vectors, or the one.
#[must_use]
pub fn embeddings(model: &str, embedded: &[Embedded], one: bool) -> String {
    if one {
        let embedding = embedded.first().map_or(&[][..], |one| &one.vector);
        return to_json(&One { embedding });
    }
    to_json(&Reply {
        model,
        embeddings: embedded.iter().map(|one| one.vector.as_slice()).collect(),
        prompt_eval_count: embedded.iter().map(|one| u64::from(one.tokens)).sum(),
    })
}

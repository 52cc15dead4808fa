//! `POST …:embedContent` and `…:batchEmbedContents`.

use pumasi_protocol::generate::{Embed, EmbedInput};
use pumasi_protocol::{Embedded, ModelName, Part, limits as protocol_limits};
use serde::Serialize;

use super::{content, optional};
use crate::fields::placement::{self, Placement};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Object, Value};
use crate::limits;
use crate::reply::to_json;
use crate::request::{EmbedForm, EmbedRequest, Options};

/// Parses a body for one content.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(model: ModelName, bytes: &[u8], options: Options) -> Result<EmbedRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    let (input, dimensions) = one(body, &mut ignored)?;
    let embed = Embed { inputs: vec![input], dimensions };
    let (form, ignored) = (EmbedForm::Gemini { batch: false }, ignored.into_names());
    Ok(EmbedRequest { model, embed, form, constraints, priority, preferences, keep_alive, ignored })
}

/// Parses a body for several, which all go to the model of the address.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_batch(
    model: ModelName,
    bytes: &[u8],
    options: Options,
) -> Result<EmbedRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    let requests = body.require("requests")?;
    let entries = requests.array(protocol_limits::EMBED_INPUTS)?;
    if entries.is_empty() {
        return Err(requests.fail(Reason::Empty));
    }
    let (mut inputs, mut dimensions) = (Vec::with_capacity(entries.len()), None);
    for (index, entry) in entries.iter().enumerate() {
        let (input, wanted) = one(entry.object()?, &mut ignored)?;
        if index > 0 && wanted != dimensions {
            let what = "different numbers of dimensions in one batch";
            return Err(entry.fail(Reason::Unsupported { what }));
        }
        dimensions = wanted;
        inputs.push(input);
    }
    body.finish(&mut ignored)?;
    let (form, ignored) = (EmbedForm::Gemini { batch: true }, ignored.into_names());
    let embed = Embed { inputs, dimensions };
    Ok(EmbedRequest { model, embed, form, constraints, priority, preferences, keep_alive, ignored })
}

fn one(
    mut object: Object<'_>,
    ignored: &mut Ignored,
) -> Result<(EmbedInput, Option<u32>), Invalid> {
    object.optional("model", Value::string)?;
    let content = object.require("content")?;
    let parts = content::texts(&content, ignored)?;
    let text: String = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Image(_) => "",
        })
        .collect();
    if text.is_empty() {
        return Err(content.fail(Reason::Empty));
    }
    let read = |v: &Value<'_>| v.integer(1, limits::DIMENSIONS);
    let dimensions = optional(&mut object, "output_dimensionality", read)?;
    object.finish(ignored)?;
    Ok((EmbedInput::Text(text), dimensions.and_then(|d| u32::try_from(d).ok())))
}

#[derive(Serialize)]
struct Values<'a> {
    values: &'a [f32],
}

#[derive(Serialize)]
struct One<'a> {
    embedding: Values<'a>,
}

#[derive(Serialize)]
struct All<'a> {
    embeddings: Vec<Values<'a>>,
}

/// The reply, as JSON text.
#[must_use]
pub fn embeddings(embedded: &[Embedded], batch: bool) -> String {
    let mut all = embedded.iter().map(|one| Values { values: &one.vector });
    if batch {
        return to_json(&All { embeddings: all.collect() });
    }
    to_json(&One { embedding: all.next().unwrap_or(Values { values: &[] }) })
}

//! Embeddings at a provider: OpenAI's `POST /embeddings` and Gemini's `batchEmbedContents`. Anthropic has
//! none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pumasi_protocol::Embedded;
use pumasi_protocol::generate::{Embed, EmbedInput};
use pumasi_protocol::limits::EMBED_INPUTS;
use serde::Serialize;
use serde_json::Value;

use super::{Outgoing, ProviderFault, Speech, Unsayable};
use crate::limits;
use crate::preferences::Preferences;
use crate::reply::to_json;

/// Texts that Gemini takes at a time.
const GEMINI_INPUTS: usize = 100;
/// How far a vector's length may be off before it is brought to one (half-precision numbers are).
const SLACK: f64 = 1e-3;

/// The most texts that one call may have; more are put into several calls.
#[must_use]
pub fn most_inputs(speech: Speech) -> usize {
    match speech {
        Speech::OpenAi | Speech::Anthropic => EMBED_INPUTS,
        Speech::Gemini => GEMINI_INPUTS,
    }
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    model: &'a str,
    input: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Value>,
}

#[derive(Serialize)]
struct GeminiBody<'a> {
    requests: Vec<GeminiRequest<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeminiRequest<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

/// Puts a request for embeddings in a provider's words. `preferences`: where it takes OpenRouter's.
///
/// # Errors
/// [`Unsayable::Raw`]: it takes no token ids (they are those of another model), or makes no embeddings.
pub fn outgoing_embed(
    speech: Speech,
    model: &str,
    embed: &Embed,
    preferences: Option<&Preferences>,
) -> Result<Outgoing, Unsayable> {
    let texts: Result<Vec<&str>, Unsayable> = embed.inputs.iter().map(text).collect();
    let texts = texts?;
    let dimensions = embed.dimensions;
    let (path, body) = match speech {
        Speech::OpenAi => {
            let provider = preferences.and_then(Preferences::for_openrouter);
            let body = OpenAiBody { model, input: &texts, dimensions, provider };
            ("/embeddings".to_owned(), to_json(&body))
        }
        Speech::Anthropic => return Err(Unsayable::Raw),
        Speech::Gemini => {
            let path = format!("/v1beta/models/{model}:batchEmbedContents");
            (path, gemini_body(model, &texts, dimensions))
        }
    };
    Ok(Outgoing { path, headers: Vec::new(), body, dropped: Vec::new() })
}

fn text(input: &EmbedInput) -> Result<&str, Unsayable> {
    match input {
        EmbedInput::Text(text) => Ok(text),
        EmbedInput::Tokens(_) => Err(Unsayable::Raw),
    }
}

fn gemini_body(model: &str, texts: &[&str], output_dimensionality: Option<u32>) -> String {
    let model = format!("models/{model}");
    let requests = texts.iter().map(|text| GeminiRequest {
        model: &model,
        content: Content { parts: [Text { text }] },
        output_dimensionality,
    });
    to_json(&GeminiBody { requests: requests.collect() })
}

/// Reads a reply: as many vectors as there were texts, in their order, each of length one. A provider
/// counts the tokens of all texts together; they stand at the first.
///
/// # Errors
/// What it says is wrong, or that it cannot be read.
pub fn read_embeddings(
    speech: Speech,
    body: &[u8],
    texts: usize,
) -> Result<Vec<Embedded>, ProviderFault> {
    let body: Value = serde_json::from_slice(body).map_err(|_| ProviderFault::Garbled)?;
    if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
        return Err(ProviderFault::of_error(error));
    }
    let vectors = match speech {
        Speech::OpenAi => in_order(&body["data"], texts)?,
        Speech::Anthropic => return Err(ProviderFault::Garbled),
        Speech::Gemini => {
            let list = body["embeddings"].as_array().ok_or(ProviderFault::Garbled)?;
            list.iter().map(|one| vector(&one["values"])).collect::<Result<_, _>>()?
        }
    };
    let length = vectors.first().map_or(0, Vec::len);
    if vectors.len() != texts || vectors.iter().any(|vector| vector.len() != length) {
        return Err(ProviderFault::Garbled);
    }
    let tokens = body["usage"]["prompt_tokens"].as_u64().unwrap_or(0);
    let mut told = Some(u32::try_from(tokens).unwrap_or(u32::MAX));
    let embedded = |vector| Embedded { vector, tokens: told.take().unwrap_or(0) };
    Ok(vectors.into_iter().map(embedded).collect())
}

/// OpenAI's list, each entry with its place.
fn in_order(data: &Value, texts: usize) -> Result<Vec<Vec<f32>>, ProviderFault> {
    let data = data.as_array().ok_or(ProviderFault::Garbled)?;
    let mut places: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (order, entry) in data.iter().enumerate() {
        let place = match entry["index"].as_u64() {
            None => order,
            Some(index) => usize::try_from(index).map_err(|_| ProviderFault::Garbled)?,
        };
        let place = places.get_mut(place).ok_or(ProviderFault::Garbled)?;
        if place.replace(vector(&entry["embedding"])?).is_some() {
            return Err(ProviderFault::Garbled);
        }
    }
    places.into_iter().collect::<Option<_>>().ok_or(ProviderFault::Garbled)
}

/// Numbers, or their bytes in base64; brought to length one.
fn vector(value: &Value) -> Result<Vec<f32>, ProviderFault> {
    let numbers: Option<Vec<f32>> = match value {
        Value::Array(numbers) => {
            numbers.iter().map(|number| number.as_f64().map(|number| number as f32)).collect()
        }
        Value::String(text) => STANDARD.decode(text).ok().and_then(|bytes| floats(&bytes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let mut numbers = numbers.ok_or(ProviderFault::Garbled)?;
    let most = usize::try_from(limits::DIMENSIONS).unwrap_or(usize::MAX);
    if numbers.len() > most {
        return Err(ProviderFault::TooLarge);
    }
    let square: f64 = numbers.iter().map(|number| f64::from(*number).powi(2)).sum();
    let length = square.sqrt();
    if !length.is_normal() {
        return Err(ProviderFault::Garbled);
    }
    if (length - 1.0).abs() > SLACK {
        numbers.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
    }
    Ok(numbers)
}

fn floats(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

//! Requests in a provider's own words, handed on as they came. What the provider answers goes out as it
//! wrote it; what it breaks off goes on in another place.

mod quiet;
mod said;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderName, HeaderValue, header};
use pumasi_dialects::provider::{Heard, ProviderFault, read_whole};
use pumasi_dialects::{Counts, GenerateRequest, Invalid, glance};
use pumasi_protocol::ModelName;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::headers;
use super::inference::Asked;
use crate::app::App;
use crate::error::ApiError;
use crate::limits;
use crate::mesh::{Endpoint, Relay, Relayed, RelayedAnswer, Tried, Turn};

/// How a request was put: to which endpoint, with which headers that are part of its API.
pub(super) struct Spoken {
    endpoint: Endpoint,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Headers of Anthropic's API that say how a body is to be read.
const ANTHROPIC_HEADERS: [&str; 2] = ["anthropic-version", "anthropic-beta"];

impl Spoken {
    pub(super) fn new(endpoint: Endpoint, request: &Request) -> Self {
        let names = match endpoint {
            Endpoint::Messages => ANTHROPIC_HEADERS.as_slice(),
            Endpoint::Chat | Endpoint::Completion | Endpoint::Embeddings => &[],
        };
        let given = |name: &&'static str| {
            let value = request.headers().get(*name)?;
            Some((HeaderName::from_static(name), value.clone()))
        };
        Self { endpoint, headers: names.iter().filter_map(given).collect() }
    }
}

/// What became of a request to generate text. `Back`: it is to be read and run after all.
pub(super) enum Handed<P> {
    Answer(Response),
    Back(P, Turn),
}

/// What became of a request whose answer comes in one piece.
pub(super) enum Whole {
    Answer(Response),
    Back(Turn),
}

/// Hands a request on, if a provider that speaks its language has its turn.
pub(super) async fn hand_on<P>(
    app: &Arc<App>,
    asked: &Asked,
    spoken: Spoken,
    bytes: &Bytes,
    parse: P,
) -> Result<Handed<P>, ApiError>
where
    P: FnOnce(&[u8]) -> Result<GenerateRequest, Invalid> + Send + 'static,
{
    let (answer, stream) = match ask(app, asked, &spoken, bytes).await? {
        (Relayed::Not(turn), _) => return Ok(Handed::Back(parse, turn)),
        (Relayed::Answer(answer), stream) => (answer, stream),
    };
    if stream {
        let origin = stream::Origin {
            app: Arc::clone(app),
            asked: asked.clone(),
            endpoint: spoken.endpoint,
            body: bytes.clone(),
            parse: Box::new(parse),
        };
        return Ok(Handed::Answer(stream::respond(origin, answer)));
    }
    Ok(match whole(app, asked, spoken.endpoint, answer).await {
        Ok(response) => Handed::Answer(response),
        Err(tried) => Handed::Back(parse, Turn::after(tried)),
    })
}

/// Hands a request on whose answer comes in one piece.
pub(super) async fn hand_on_whole(
    app: &App,
    asked: &Asked,
    spoken: &Spoken,
    bytes: &Bytes,
) -> Result<Whole, ApiError> {
    match ask(app, asked, spoken, bytes).await? {
        (Relayed::Not(turn), _) => Ok(Whole::Back(turn)),
        (Relayed::Answer(answer), _) => {
            Ok(match whole(app, asked, spoken.endpoint, answer).await {
                Ok(response) => Whole::Answer(response),
                Err(tried) => Whole::Back(Turn::after(tried)),
            })
        }
    }
}

/// Asks; and says whether the answer is to come in pieces.
async fn ask(
    app: &App,
    asked: &Asked,
    spoken: &Spoken,
    bytes: &Bytes,
) -> Result<(Relayed, bool), ApiError> {
    let not = (Relayed::Not(Turn::default()), false);
    if app.strict || !app.mesh.has_providers() {
        return Ok(not);
    }
    let Some(seen) = glance(bytes) else { return Ok(not) };
    let name = &bytes[seen.model.start + 1..seen.model.end - 1];
    let name = std::str::from_utf8(name).ok().map(str::to_owned);
    let Some(Ok(model)) = name.map(ModelName::try_from) else { return Ok(not) };
    asked.tally.model(model.as_str());
    let relay = Relay {
        caller: asked.caller.clone(),
        endpoint: spoken.endpoint,
        model,
        body: bytes.clone(),
        model_at: seen.model,
        stream: seen.stream,
        headers: spoken.headers.clone(),
    };
    Ok((app.mesh.relay(&relay).await?, seen.stream))
}

/// Reads an answer to its end before anything of it is sent, so that one that breaks off can be had from
/// another place.
async fn whole(
    app: &App,
    asked: &Asked,
    endpoint: Endpoint,
    answer: RelayedAnswer,
) -> Result<Response, Tried> {
    let RelayedAnswer { job, provided, content_type, mut body } = answer;
    let failed = |fault| Tried { id: provided.id.clone(), fault };
    let mut pieces = Vec::new();
    let mut length = 0_usize;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(failed)?;
        length += piece.len();
        if length > limits::PROVIDER_REPLY_BYTES {
            return Err(failed(ProviderFault::TooLarge));
        }
        pieces.push(piece);
    }
    let bytes = match pieces.len() {
        1 => pieces.swap_remove(0),
        _ => pieces.iter().fold(BytesMut::with_capacity(length), join).freeze(),
    };
    let counts = counts(endpoint, &bytes).map_err(failed)?;
    app.mesh.account(job, counts);
    let mut charge = asked.charge();
    charge.at_provider(&provided);
    charge.set(counts);
    charge.done();
    let mut response = Response::new(Body::from(bytes));
    *response.headers_mut() = headers::room();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    headers::insert(response.headers_mut(), "x-pumasi-job", &job.to_string());
    headers::of_provider(response.headers_mut(), &provided);
    Ok(response)
}

fn join(mut all: BytesMut, piece: &Bytes) -> BytesMut {
    all.extend_from_slice(piece);
    all
}

/// What matters of an answer: that it is one, and what it cost. The rest is skipped.
#[derive(Deserialize)]
struct Used {
    error: Option<IgnoredAny>,
    /// OpenAI's answers have these,
    choices: Option<IgnoredAny>,
    /// Anthropic's this,
    content: Option<IgnoredAny>,
    /// and embeddings this.
    data: Option<IgnoredAny>,
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<i64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<i64>,
    prompt_tokens_details: Option<Details>,
    #[serde(alias = "output_tokens_details")]
    completion_tokens_details: Option<Details>,
    /// Anthropic counts what it had in its cache beside the prompt, not in it.
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
}

#[derive(Default, Deserialize)]
struct Details {
    cached_tokens: Option<i64>,
    #[serde(alias = "thinking_tokens")]
    reasoning_tokens: Option<i64>,
}

impl Used {
    fn is_answer(&self, endpoint: Endpoint) -> bool {
        let has = match endpoint {
            Endpoint::Chat | Endpoint::Completion => &self.choices,
            Endpoint::Messages => &self.content,
            Endpoint::Embeddings => &self.data,
        };
        has.is_some() && self.error.is_none()
    }

    /// Counts below zero count as none.
    fn counts(&self) -> Counts {
        let count = |count: Option<i64>| count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let none = Usage::default();
        let usage = self.usage.as_ref().unwrap_or(&none);
        let detail = |details: &Option<Details>, get: fn(&Details) -> Option<i64>| {
            count(details.as_ref().and_then(get))
        };
        let beside = count(usage.cache_read_input_tokens);
        let made = count(usage.cache_creation_input_tokens);
        let within = detail(&usage.prompt_tokens_details, |details| details.cached_tokens);
        let thinking = detail(&usage.completion_tokens_details, |details| details.reasoning_tokens);
        Counts {
            prompt: count(usage.prompt_tokens).saturating_add(beside).saturating_add(made),
            cached: beside.saturating_add(within),
            completion: count(usage.completion_tokens),
            reasoning: thinking,
        }
    }
}

/// What a whole answer cost, by the provider's own count; an error if it is no answer.
fn counts(endpoint: Endpoint, bytes: &[u8]) -> Result<Counts, ProviderFault> {
    let used = serde_json::from_slice::<Used>(bytes).ok();
    if let Some(used) = used.filter(|used| used.is_answer(endpoint)) {
        return Ok(used.counts());
    }
    if endpoint == Endpoint::Embeddings {
        return Err(ProviderFault::Garbled);
    }
    // It is none, or an unusual one: its dialect tells which.
    let mut told = Counts::default();
    for heard in read_whole(endpoint.speech(), bytes) {
        match heard {
            Heard::Counts(counts) => told = counts,
            Heard::Failed(fault) => return Err(fault),
            Heard::Delta(_) | Heard::Ended(_) => {}
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_tells_what_came_from_a_cache_and_what_was_thought() {
        let answer = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,
            "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":3}}}"#;
        let told = Counts { prompt: 9, cached: 4, completion: 5, reasoning: 3 };
        assert_eq!(counts(Endpoint::Chat, answer.as_bytes()), Ok(told));
        let answer = r#"{"content":[],"usage":{"input_tokens":9,"output_tokens":5,
            "cache_read_input_tokens":20,"cache_creation_input_tokens":1}}"#;
        let told = Counts { prompt: 30, cached: 20, completion: 5, reasoning: 0 };
        assert_eq!(counts(Endpoint::Messages, answer.as_bytes()), Ok(told));
        let answer = r#"{"choices":[],"usage":{"prompt_tokens":-9,"prompt_tokens_details":null}}"#;
        assert_eq!(counts(Endpoint::Chat, answer.as_bytes()), Ok(Counts::default()));
    }
}

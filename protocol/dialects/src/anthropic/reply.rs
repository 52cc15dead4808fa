//! Whole replies, lists of models, and errors.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::assemble::Ending;
use crate::failure::Failure;
use crate::fields::time::rfc3339;
use crate::model::ModelCard;
use crate::reply::{Answer, Block, Counts, Head, Provenance, to_json};

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Content>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: Usage,
    pumasi: &'a [Provenance],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content {
    Text { text: String },
    Thinking { thinking: String, signature: &'static str },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

/// Token counts. Here the prompt's count leaves out what came from the cache.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        Self {
            input_tokens: counts.prompt.saturating_sub(counts.cached),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: counts.cached,
            output_tokens: counts.completion,
            output_tokens_details: OutputDetails { thinking_tokens: counts.reasoning },
        }
    }
}

/// Why it ended, and the stop string that ended it.
pub(super) fn stop(ending: &Ending) -> (&'static str, Option<&str>) {
    match ending {
        Ending::Stop | Ending::Cancelled => ("end_turn", None),
        Ending::StopString(stop) => ("stop_sequence", Some(stop)),
        Ending::Length => ("max_tokens", None),
        Ending::ToolCalls => ("tool_use", None),
    }
}

/// A whole message, as JSON text. A call that was cut off is no object, so it is left out; the stop
/// reason says that something is missing.
#[must_use]
pub fn message_reply(
    head: &Head,
    answer: &Answer,
    counts: Counts,
    hide_thinking: bool,
    provenance: &[Provenance],
) -> String {
    let stop = answer.ending.as_ref().map(stop);
    to_json(&Message {
        id: &head.id,
        kind: "message",
        role: "assistant",
        model: &head.model,
        content: answer.blocks.iter().filter_map(|block| content(block, hide_thinking)).collect(),
        stop_reason: stop.map(|(reason, _)| reason),
        stop_sequence: stop.and_then(|(_, sequence)| sequence),
        usage: counts.into(),
        pumasi: provenance,
    })
}

fn content(block: &Block, hide_thinking: bool) -> Option<Content> {
    match block {
        Block::Text(text) => Some(Content::Text { text: text.clone() }),
        Block::Thinking(text) => {
            let thinking = if hide_thinking { String::new() } else { text.clone() };
            Some(Content::Thinking { thinking, signature: "" })
        }
        Block::Call(call) => {
            let (id, name) = (call.id.clone(), call.name.clone());
            let input = call.arguments_object()?;
            Some(Content::ToolUse { id, name, input })
        }
    }
}

#[derive(Serialize)]
struct Counted {
    input_tokens: u64,
}

/// The count of a prompt's tokens.
#[must_use]
pub fn count_reply(tokens: u64) -> String {
    to_json(&Counted { input_tokens: tokens })
}

#[derive(Serialize)]
struct ModelInfo<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
    max_input_tokens: u32,
    max_tokens: u32,
}

impl<'a> From<&'a ModelCard> for ModelInfo<'a> {
    fn from(card: &'a ModelCard) -> Self {
        Self {
            kind: "model",
            id: &card.name,
            display_name: &card.name,
            created_at: rfc3339(card.created_s),
            lifecycle: "active",
            max_input_tokens: card.context_tokens,
            max_tokens: card.context_tokens,
        }
    }
}

#[derive(Serialize)]
struct ModelPage<'a> {
    data: Vec<ModelInfo<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// All models, on one page.
#[must_use]
pub fn model_list(cards: &[ModelCard]) -> String {
    to_json(&ModelPage {
        data: cards.iter().map(Into::into).collect(),
        has_more: false,
        first_id: cards.first().map(|card| card.name.as_str()),
        last_id: cards.last().map(|card| card.name.as_str()),
    })
}

/// One model.
#[must_use]
pub fn model_object(card: &ModelCard) -> String {
    to_json(&ModelInfo::from(card))
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorDetail<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    code: &'a str,
    param: Option<&'a str>,
}

/// An error, with our code and the field beside Anthropic's own words.
pub(crate) fn error_body(failure: &Failure) -> String {
    let kind = match failure.status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = ErrorDetail {
        kind,
        message: &failure.message,
        code: failure.code,
        param: failure.param.as_deref(),
    };
    to_json(&ErrorBody { kind: "error", error, request_id: &failure.request_id })
}

//! Whole responses, and their items, which streams tell of one by one.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::request::Echo;
use crate::assemble::{Ending, TokenLogprob};
use crate::reply::{Answer, Block, Counts, Head, Provenance, lossy, to_json};

/// Where a response stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

impl Status {
    pub(super) fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Length | Ending::Cancelled => Self::Incomplete,
            Ending::Stop | Ending::StopString(_) | Ending::ToolCalls => Self::Completed,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

fn usage(counts: Counts) -> Usage {
    Usage {
        input_tokens: counts.prompt,
        input_tokens_details: InputDetails { cached_tokens: counts.cached, cache_write_tokens: 0 },
        output_tokens: counts.completion,
        output_tokens_details: OutputDetails { reasoning_tokens: counts.reasoning },
        total_tokens: counts.prompt + counts.completion,
    }
}

/// A response without what only its end knows.
pub(super) fn response(
    head: &Head,
    echo: &Echo,
    status: Status,
    output: Vec<Value>,
) -> Map<String, Value> {
    let mut response = Map::new();
    let mut put = |name: &str, value: Value| {
        response.insert(name.to_owned(), value);
    };
    put("id", json!(head.id));
    put("object", json!("response"));
    put("created_at", json!(head.created));
    put("status", json!(status.word()));
    put("background", json!(false));
    put("error", Value::Null);
    put(
        "incomplete_details",
        match status {
            Status::Incomplete => json!({ "reason": "max_output_tokens" }),
            Status::InProgress | Status::Completed | Status::Failed => Value::Null,
        },
    );
    put("instructions", Value::Null);
    put("max_output_tokens", Value::Null);
    put("model", json!(head.model));
    put("output", Value::Array(output));
    put("parallel_tool_calls", json!(true));
    put("previous_response_id", Value::Null);
    put("reasoning", json!({ "effort": null, "summary": null }));
    put("store", json!(false));
    put("temperature", Value::Null);
    put("text", json!({ "format": { "type": "text" } }));
    put("tool_choice", json!("auto"));
    put("tools", json!([]));
    put("top_p", Value::Null);
    put("truncation", json!("disabled"));
    put("usage", Value::Null);
    put("metadata", json!({}));
    for (name, value) in &echo.0 {
        response.insert(name.clone(), value.clone());
    }
    response
}

/// What its end adds.
pub(super) fn finish(
    response: &mut Map<String, Value>,
    counts: Counts,
    completed_at: Option<u64>,
    provenance: &[Provenance],
) {
    response.insert("usage".to_owned(), json!(usage(counts)));
    response.insert("completed_at".to_owned(), json!(completed_at));
    response.insert("pumasi".to_owned(), json!(provenance));
}

/// An item's id: what is left of the response's own, and its place.
pub(super) fn item_id(head: &Head, index: usize, block: &Block) -> String {
    let prefix = match block {
        Block::Text(_) => "msg",
        Block::Thinking(_) => "rs",
        Block::Call(_) => "fc",
    };
    let rest = head.id.split_once('_').map_or(head.id.as_str(), |(_, rest)| rest);
    format!("{prefix}_{rest}{index:02x}")
}

/// An item with all that came of it.
pub(super) fn item(
    head: &Head,
    index: usize,
    block: &Block,
    status: Status,
    logprobs: &[TokenLogprob],
) -> Value {
    let (id, status) = (item_id(head, index, block), status.word());
    match block {
        Block::Text(text) => json!({
            "id": id, "type": "message", "status": status, "role": "assistant",
            "content": [text_part(text, logprobs)],
        }),
        Block::Thinking(text) => json!({
            "id": id, "type": "reasoning", "status": status, "summary": [],
            "content": [reasoning_part(text)],
        }),
        Block::Call(call) => json!({
            "id": id, "type": "function_call", "status": status, "call_id": call.id,
            "name": call.name, "arguments": call.arguments,
        }),
    }
}

pub(super) fn text_part(text: &str, logprobs: &[TokenLogprob]) -> Value {
    let logprobs = token_logprobs(logprobs);
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": logprobs })
}

pub(super) fn reasoning_part(text: &str) -> Value {
    json!({ "type": "reasoning_text", "text": text })
}

pub(super) fn token_logprobs(tokens: &[TokenLogprob]) -> Vec<Value> {
    let one = |bytes: &[u8], logprob: f32| json!({ "token": lossy(bytes), "bytes": bytes, "logprob": decimal(logprob) });
    let token = |token: &TokenLogprob| {
        let top: Vec<Value> = token.top.iter().map(|(bytes, p)| one(bytes, *p)).collect();
        let mut value = one(&token.bytes, token.logprob);
        value["top_logprobs"] = json!(top);
        value
    };
    tokens.iter().map(token).collect()
}

/// The shortest decimal number that is this one: widened bit by bit it would have twice the digits.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

/// All items of an answer; what was cut off is the last. Log-probabilities go with the first text.
pub(super) fn items(head: &Head, answer: &Answer, status: Status) -> Vec<Value> {
    let last = answer.blocks.len().saturating_sub(1);
    let first_text = answer.blocks.iter().position(|block| matches!(block, Block::Text(_)));
    let item = |(index, block): (usize, &Block)| {
        let status = if index == last { status } else { Status::Completed };
        let logprobs: &[_] = if Some(index) == first_text { &answer.logprobs } else { &[] };
        item(head, index, block, status, logprobs)
    };
    answer.blocks.iter().enumerate().map(item).collect()
}

/// A whole response, as JSON text.
#[must_use]
pub fn response_reply(
    head: &Head,
    echo: &Echo,
    answer: &Answer,
    counts: Counts,
    provenance: &[Provenance],
) -> String {
    let status = answer.ending.as_ref().map_or(Status::InProgress, Status::of);
    let mut response = response(head, echo, status, items(head, answer, status));
    finish(&mut response, counts, Some(head.created), provenance);
    to_json(&response)
}

/// The count of a prompt's tokens.
#[must_use]
pub fn count_reply(tokens: u64) -> String {
    to_json(&json!({ "object": "response.input_tokens", "input_tokens": tokens }))
}

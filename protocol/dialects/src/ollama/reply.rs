//! Whole replies and the last line of streams, which has the counts and durations; errors.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::assemble::{Ending, TokenLogprob};
use crate::failure::Failure;
use crate::fields::time::rfc3339;
use crate::reply::{Answer, Call, Counts, Head, Provenance, TimingsMs, lossy, to_json};

/// A line: a piece of a stream, or a whole reply.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) model: &'a str,
    pub(super) created_at: String,
    #[serde(flatten)]
    pub(super) said: Said,
    pub(super) done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<Vec<Logprob>>,
    #[serde(flatten)]
    pub(super) end: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pumasi: Option<&'a Provenance>,
}

/// What is said, as a chat or as a generation has it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Said {
    Chat {
        message: Message,
    },
    Generate {
        response: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        thinking: String,
    },
}

#[derive(Serialize)]
pub(super) struct Message {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Serialize)]
pub(super) struct ToolCall {
    id: String,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    index: u32,
    name: String,
    arguments: Box<RawValue>,
}

impl ToolCall {
    /// None if the arguments were cut off: they are no object then.
    pub(super) fn new(index: u32, call: &Call) -> Option<Self> {
        let arguments = call.arguments_object()?;
        let function = Function { index, name: call.name.clone(), arguments };
        Some(Self { id: call.id.clone(), function })
    }
}

impl Said {
    /// A generation has no place for calls, and offers no tools.
    pub(super) fn new(chat: bool, text: String, thinking: String, calls: Vec<ToolCall>) -> Self {
        if !chat {
            return Self::Generate { response: text, thinking };
        }
        let message = Message { role: "assistant", content: text, thinking, tool_calls: calls };
        Self::Chat { message }
    }
}

#[derive(Serialize)]
pub(super) struct Logprob {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
    top_logprobs: Vec<TopLogprob>,
}

#[derive(Serialize)]
struct TopLogprob {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

pub(super) fn logprobs(tokens: &[TokenLogprob]) -> Vec<Logprob> {
    let top = |(bytes, logprob): &(Vec<u8>, f32)| TopLogprob {
        token: lossy(bytes),
        logprob: *logprob,
        bytes: bytes.clone(),
    };
    let token = |token: &TokenLogprob| Logprob {
        token: lossy(&token.bytes),
        logprob: token.logprob,
        bytes: token.bytes.clone(),
        top_logprobs: token.top.iter().map(top).collect(),
    };
    tokens.iter().map(token).collect()
}

/// Why it ended, with counts and durations in nanoseconds.
#[derive(Serialize)]
pub(super) struct End {
    done_reason: &'static str,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

impl End {
    pub(super) fn new(ending: &Ending, counts: Counts, timings: Option<TimingsMs>) -> Self {
        let done_reason = match ending {
            Ending::Stop | Ending::StopString(_) | Ending::ToolCalls | Ending::Cancelled => "stop",
            Ending::Length => "length",
        };
        let none = TimingsMs { queued_ms: 0.0, prefill_ms: 0.0, decode_ms: 0.0 };
        let timings = timings.unwrap_or(none);
        let prefill = nanoseconds(timings.prefill_ms);
        let decode = nanoseconds(timings.decode_ms);
        let queued = nanoseconds(timings.queued_ms);
        Self {
            done_reason,
            total_duration: queued + prefill + decode,
            load_duration: queued,
            prompt_eval_count: counts.prompt,
            prompt_eval_duration: prefill,
            eval_count: counts.completion,
            eval_duration: decode,
        }
    }
}

fn nanoseconds(ms: f64) -> u64 {
    // Negative and endless times become 0 and the largest: casts of floats saturate.
    (ms * 1e6) as u64
}

/// A whole chat, as JSON text.
#[must_use]
pub fn chat_reply(
    head: &Head,
    answer: &Answer,
    counts: Counts,
    wants_logprobs: bool,
    provenance: Option<&Provenance>,
) -> String {
    whole(true, head, answer, counts, wants_logprobs, provenance)
}

/// A whole generation, as JSON text.
#[must_use]
pub fn generate_reply(
    head: &Head,
    answer: &Answer,
    counts: Counts,
    wants_logprobs: bool,
    provenance: Option<&Provenance>,
) -> String {
    whole(false, head, answer, counts, wants_logprobs, provenance)
}

fn whole(
    chat: bool,
    head: &Head,
    answer: &Answer,
    counts: Counts,
    wants_logprobs: bool,
    provenance: Option<&Provenance>,
) -> String {
    let calls = (0..).zip(answer.calls()).filter_map(|(i, call)| ToolCall::new(i, call)).collect();
    let timings = provenance.and_then(|provenance| provenance.timings);
    to_json(&Line {
        model: &head.model,
        created_at: rfc3339(head.created),
        said: Said::new(chat, answer.text(), answer.thinking(), calls),
        done: true,
        logprobs: wants_logprobs.then(|| logprobs(&answer.logprobs)),
        end: answer.ending.as_ref().map(|ending| End::new(ending, counts, timings)),
        pumasi: provenance,
    })
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

/// An error: a sentence and nothing else.
pub(crate) fn error_body(failure: &Failure) -> String {
    to_json(&ErrorBody { error: &failure.message })
}

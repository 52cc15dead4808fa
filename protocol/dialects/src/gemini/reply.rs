//! Whole replies, and what they share with the pieces of streams; errors.

use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::assemble::{Ending, TokenLogprob};
use crate::failure::Failure;
use crate::reply::{Answer, Block, Call, Counts, Head, Provenance, lossy, to_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    pub(super) candidates: Vec<Candidate>,
    pub(super) usage_metadata: Usage,
    pub(super) model_version: &'a str,
    pub(super) response_id: &'a str,
    #[serde(skip_serializing_if = "<[Provenance]>::is_empty")]
    pub(super) pumasi: &'a [Provenance],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    pub(super) content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
    pub(super) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avg_logprobs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<Logprobs>,
}

#[derive(Serialize)]
pub(super) struct Content {
    pub(super) parts: Vec<Part>,
    pub(super) role: &'static str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall>,
}

#[derive(Serialize)]
struct FunctionCall {
    id: String,
    name: String,
    args: Box<RawValue>,
}

impl Part {
    pub(super) fn text(text: String, thought: bool) -> Self {
        Self { text: Some(text), thought, function_call: None }
    }

    /// None if the arguments were cut off: they are no object then.
    pub(super) fn call(call: &Call) -> Option<Self> {
        let args = call.arguments_object()?;
        let call = FunctionCall { id: call.id.clone(), name: call.name.clone(), args };
        Some(Self { function_call: Some(call), ..Self::default() })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    total_token_count: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        Self {
            prompt_token_count: counts.prompt,
            cached_content_token_count: counts.cached,
            candidates_token_count: counts.completion.saturating_sub(counts.reasoning),
            thoughts_token_count: counts.reasoning,
            total_token_count: counts.prompt + counts.completion,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logprobs {
    chosen_candidates: Vec<Chosen>,
    top_candidates: Vec<Top>,
}

#[derive(Serialize)]
struct Top {
    candidates: Vec<Chosen>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chosen {
    token: String,
    log_probability: f32,
}

impl Logprobs {
    pub(super) fn new(tokens: &[TokenLogprob]) -> Self {
        let chosen =
            |bytes: &[u8], logprob| Chosen { token: lossy(bytes), log_probability: logprob };
        let top = |token: &TokenLogprob| Top {
            candidates: token.top.iter().map(|(bytes, p)| chosen(bytes, *p)).collect(),
        };
        Self {
            chosen_candidates: tokens.iter().map(|t| chosen(&t.bytes, t.logprob)).collect(),
            top_candidates: tokens.iter().map(top).collect(),
        }
    }
}

/// The mean over the tokens of an answer.
pub(super) fn average(tokens: &[TokenLogprob]) -> Option<f64> {
    let sum: f64 = tokens.iter().map(|token| f64::from(token.logprob)).sum();
    let count = u32::try_from(tokens.len()).ok().filter(|count| *count > 0)?;
    Some(sum / f64::from(count))
}

pub(super) fn finish_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Stop | Ending::StopString(_) | Ending::ToolCalls | Ending::Cancelled => "STOP",
        Ending::Length => "MAX_TOKENS",
    }
}

/// A whole reply, as JSON text.
#[must_use]
pub fn content_reply(
    head: &Head,
    answers: &[Answer],
    counts: Counts,
    thoughts: bool,
    wants_logprobs: bool,
    provenance: &[Provenance],
) -> String {
    let candidate = |(index, answer): (usize, &'_ Answer)| Candidate {
        content: Content {
            parts: answer.blocks.iter().filter_map(|block| part(block, thoughts)).collect(),
            role: "model",
        },
        finish_reason: answer.ending.as_ref().map(finish_reason),
        index,
        avg_logprobs: wants_logprobs.then(|| average(&answer.logprobs)).flatten(),
        logprobs_result: wants_logprobs.then(|| Logprobs::new(&answer.logprobs)),
    };
    to_json(&Response {
        candidates: answers.iter().enumerate().map(candidate).collect(),
        usage_metadata: counts.into(),
        model_version: &head.model,
        response_id: &head.id,
        pumasi: provenance,
    })
}

fn part(block: &Block, thoughts: bool) -> Option<Part> {
    match block {
        Block::Text(text) => Some(Part::text(text.clone(), false)),
        Block::Thinking(text) => thoughts.then(|| Part::text(text.clone(), true)),
        Block::Call(call) => Part::call(call),
    }
}

/// The count of a prompt's tokens.
#[must_use]
pub fn count_reply(tokens: u64) -> String {
    to_json(&json!({ "totalTokens": tokens }))
}

/// An error as Google's services write it; our code and the field are its details.
pub(crate) fn error_body(failure: &Failure) -> String {
    let status = match failure.status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": failure.code.to_ascii_uppercase(),
        "domain": "pumasi",
        "metadata": { "param": failure.param.as_deref().unwrap_or(""),
            "request_id": failure.request_id },
    }]);
    to_json(&json!({ "error": {
        "code": failure.status, "message": failure.message, "status": status, "details": details,
    } }))
}

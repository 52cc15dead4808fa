//! Whole replies: chat completions and completions, as the API reference has them.

use serde::Serialize;

use crate::assemble::{Ending, TokenLogprob};
use crate::reply::{Answer, Counts, Head, Provenance, lossy, to_json};

#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        Self {
            prompt_tokens: counts.prompt,
            completion_tokens: counts.completion,
            total_tokens: counts.prompt + counts.completion,
            prompt_tokens_details: PromptDetails { cached_tokens: counts.cached, audio_tokens: 0 },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: counts.reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

/// OpenAI's words for why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model or a stop string ended it.
    Stop,
    /// The ceiling or the context was reached.
    Length,
    /// It ended with tool calls.
    ToolCalls,
}

impl From<Ending> for FinishReason {
    fn from(ending: Ending) -> Self {
        Self::from(&ending)
    }
}

impl From<&Ending> for FinishReason {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Stop | Ending::StopString(_) | Ending::Cancelled => Self::Stop,
            Ending::Length => Self::Length,
            Ending::ToolCalls => Self::ToolCalls,
        }
    }
}

#[derive(Serialize)]
struct Reply<'a, Choice> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice>,
    usage: Usage,
    system_fingerprint: Option<&'static str>,
    pumasi: &'a [Provenance],
}

#[derive(Serialize)]
struct ChatChoice<'a> {
    index: usize,
    message: ChatMessage<'a>,
    logprobs: Option<ChatLogprobs>,
    finish_reason: Option<FinishReason>,
}

#[derive(Serialize)]
struct ChatMessage<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    refusal: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// Log-probabilities in the form of chats.
#[derive(Serialize)]
pub(super) struct ChatLogprobs {
    content: Vec<ChatToken>,
    refusal: Option<&'static str>,
}

#[derive(Serialize)]
struct ChatToken {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
    top_logprobs: Vec<TopToken>,
}

#[derive(Serialize)]
struct TopToken {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

pub(super) fn chat_logprobs(tokens: &[TokenLogprob]) -> ChatLogprobs {
    let top = |(bytes, logprob): &(Vec<u8>, f32)| TopToken {
        token: lossy(bytes),
        logprob: *logprob,
        bytes: bytes.clone(),
    };
    let token = |token: &TokenLogprob| ChatToken {
        token: lossy(&token.bytes),
        logprob: token.logprob,
        bytes: token.bytes.clone(),
        top_logprobs: token.top.iter().map(top).collect(),
    };
    ChatLogprobs { content: tokens.iter().map(token).collect(), refusal: None }
}

/// A whole chat completion, as JSON text. `provenance` has one entry per answer.
#[must_use]
pub fn chat_reply(
    head: &Head,
    answers: &[Answer],
    counts: Counts,
    wants_logprobs: bool,
    provenance: &[Provenance],
) -> String {
    let choices = answers.iter().enumerate().map(|(index, answer)| ChatChoice {
        index,
        message: chat_message(answer),
        logprobs: wants_logprobs.then(|| chat_logprobs(&answer.logprobs)),
        finish_reason: answer.ending.as_ref().map(Into::into),
    });
    to_json(&Reply {
        id: &head.id,
        object: "chat.completion",
        created: head.created,
        model: &head.model,
        choices: choices.collect(),
        usage: counts.into(),
        system_fingerprint: None,
        pumasi: provenance,
    })
}

fn chat_message(answer: &Answer) -> ChatMessage<'_> {
    let calls = answer.calls().map(|call| Call {
        id: &call.id,
        kind: "function",
        function: Function { name: &call.name, arguments: &call.arguments },
    });
    let tool_calls: Vec<Call<'_>> = calls.collect();
    let (content, reasoning) = (answer.text(), answer.thinking());
    let no_content = content.is_empty() && !tool_calls.is_empty();
    ChatMessage {
        role: "assistant",
        content: (!no_content).then_some(content),
        reasoning_content: (!reasoning.is_empty()).then_some(reasoning),
        refusal: None,
        tool_calls,
    }
}

#[derive(Serialize)]
struct TextChoice {
    index: usize,
    text: String,
    logprobs: Option<TextLogprobs>,
    finish_reason: Option<FinishReason>,
}

/// Log-probabilities in the form of completions.
#[derive(Serialize)]
pub(super) struct TextLogprobs {
    tokens: Vec<String>,
    token_logprobs: Vec<f32>,
    top_logprobs: Vec<serde_json::Map<String, serde_json::Value>>,
    text_offset: Vec<usize>,
}

/// `offset` counts characters of the text before these tokens, and goes on behind them.
pub(super) fn text_logprobs(tokens: &[TokenLogprob], offset: &mut usize) -> TextLogprobs {
    let top = |(bytes, logprob): &(Vec<u8>, f32)| (lossy(bytes), (*logprob).into());
    let mut starts = Vec::with_capacity(tokens.len());
    for token in tokens {
        starts.push(*offset);
        *offset += lossy(&token.bytes).chars().count();
    }
    TextLogprobs {
        tokens: tokens.iter().map(|token| lossy(&token.bytes)).collect(),
        token_logprobs: tokens.iter().map(|token| token.logprob).collect(),
        top_logprobs: tokens.iter().map(|t| t.top.iter().map(top).collect()).collect(),
        text_offset: starts,
    }
}

/// A whole text completion, as JSON text. `echoes` holds the prompt to repeat before each answer, or
/// nothing.
#[must_use]
pub fn completion_reply(
    head: &Head,
    answers: &[Answer],
    echoes: &[String],
    counts: Counts,
    wants_logprobs: bool,
    provenance: &[Provenance],
) -> String {
    let choice = |(index, answer): (usize, &'_ Answer)| {
        let echo = echoes.get(index).map_or("", String::as_str);
        let mut offset = echo.chars().count();
        TextChoice {
            index,
            text: format!("{echo}{}", answer.text()),
            logprobs: wants_logprobs.then(|| text_logprobs(&answer.logprobs, &mut offset)),
            finish_reason: answer.ending.as_ref().map(Into::into),
        }
    };
    to_json(&Reply {
        id: &head.id,
        object: "text_completion",
        created: head.created,
        model: &head.model,
        choices: answers.iter().enumerate().map(choice).collect(),
        usage: counts.into(),
        system_fingerprint: None,
        pumasi: provenance,
    })
}

//! Whole replies: chat completions and completions, as the API reference has them.

use pumasi_protocol::Timings;
use serde::Serialize;

use crate::assemble::{Delta, Ending, TokenLogprob};

/// Where and how fast an answer came about: the extension field `pumasi` of replies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The job's id.
    pub job: String,
    /// The id of the node that finished it.
    pub node: Option<String>,
    /// That node's name.
    pub node_name: Option<String>,
    /// Nodes that it was bound to, one after the other.
    pub attempts: u32,
    /// Durations of the last attempt.
    pub timings: Option<TimingsMs>,
    /// Where it went on elsewhere, oldest first; mostly none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seams: Vec<Seam>,
}

/// A place in an answer where another computer went on with it. The text has none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seam {
    /// The name of the computer that could not go on.
    pub from: Option<String>,
    /// Of the one that was to.
    pub to: String,
    /// Tokens that had come by then.
    pub after_tokens: u32,
    /// Why: the code of what ended the attempt.
    pub fault: Option<&'static str>,
    /// Between the last token before and the first after, in milliseconds. None: there was none
    /// before, or the one that took over wrote nothing.
    pub gap_ms: Option<f64>,
    /// A token has come after it.
    #[serde(skip)]
    pub crossed: bool,
}

/// Measured durations in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimingsMs {
    /// From arrival in the engine to the first prefill step.
    pub queued_ms: f64,
    /// Prefill.
    pub prefill_ms: f64,
    /// Decode.
    pub decode_ms: f64,
}

impl From<Timings> for TimingsMs {
    fn from(timings: Timings) -> Self {
        let ms = |us| std::time::Duration::from_micros(us).as_secs_f64() * 1_000.0;
        Self {
            queued_ms: ms(timings.queued_us),
            prefill_ms: ms(timings.prefill_us),
            decode_ms: ms(timings.decode_us),
        }
    }
}

/// What every object of one reply begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `chatcmpl-…` or `cmpl-…`.
    pub id: String,
    /// When the reply began, Unix time in seconds.
    pub created: u64,
    /// The model, as it was asked for.
    pub model: String,
}

/// Token counts of a whole reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Of these, taken from the KV cache.
    pub cached: u64,
    /// Tokens of all answers, thinking included.
    pub completion: u64,
    /// Of these, thinking.
    pub reasoning: u64,
}

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
        match ending {
            Ending::Stop | Ending::Cancelled => Self::Stop,
            Ending::Length => Self::Length,
            Ending::ToolCalls => Self::ToolCalls,
        }
    }
}

/// One answer, gathered from its pieces.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Answer {
    content: String,
    reasoning: String,
    calls: Vec<(String, String, String)>,
    logprobs: Vec<TokenLogprob>,
    ending: Option<Ending>,
}

impl Answer {
    /// Adds a piece.
    pub fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Content { text, logprobs } => {
                self.content.push_str(&text);
                self.logprobs.extend(logprobs);
            }
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::ToolCall { id, name, .. } => self.calls.push((id, name, String::new())),
            Delta::Arguments { text, .. } => {
                let (_, _, arguments) =
                    self.calls.last_mut().expect("arguments follow the call they belong to");
                arguments.push_str(&text);
            }
        }
    }

    /// Says why it ended.
    pub fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    fn finish_reason(&self) -> Option<FinishReason> {
        self.ending.map(FinishReason::from)
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
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
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

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
        finish_reason: answer.finish_reason(),
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
    let calls = answer.calls.iter().map(|(id, name, arguments)| Call {
        id,
        kind: "function",
        function: Function { name, arguments },
    });
    let no_content = answer.content.is_empty() && !answer.calls.is_empty();
    ChatMessage {
        role: "assistant",
        content: (!no_content).then_some(answer.content.as_str()),
        reasoning_content: (!answer.reasoning.is_empty()).then_some(answer.reasoning.as_str()),
        refusal: None,
        tool_calls: calls.collect(),
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
            text: format!("{echo}{}", answer.content),
            logprobs: wants_logprobs.then(|| text_logprobs(&answer.logprobs, &mut offset)),
            finish_reason: answer.finish_reason(),
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

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys always has a JSON form")
}

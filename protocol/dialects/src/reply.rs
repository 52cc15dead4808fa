//! What every dialect's reply is written from: one answer's pieces, token counts, where it ran.

use pumasi_protocol::Timings;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::assemble::{Delta, Ending, TokenLogprob};
use crate::json;

/// Where and how fast an answer came about: the extension field `pumasi` of replies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The job's id.
    pub job: String,
    /// The id of the node that finished it.
    pub node: Option<String>,
    /// That node's name.
    pub node_name: Option<String>,
    /// The id of the provider that answered in its stead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Nodes that it was bound to, one after the other.
    pub attempts: u32,
    /// Tokens that it was given to think with, where the request left that to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_budget: Option<u32>,
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
    /// The reply's id, in its dialect's form.
    pub id: String,
    /// When the reply began, Unix time in seconds.
    pub created: u64,
    /// The model, as it was asked for.
    pub model: String,
}

/// Token counts.
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

/// A stretch of an answer of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    Call(Call),
}

impl Block {
    /// The same without what it says.
    pub(crate) fn emptied(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(String::new()),
            Self::Thinking(_) => Self::Thinking(String::new()),
            Self::Call(call) => {
                let (id, name) = (call.id.clone(), call.name.clone());
                Self::Call(Call { id, name, arguments: String::new() })
            }
        }
    }
}

/// A tool call of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The arguments: JSON, whole only if the answer was not cut off.
    pub(crate) arguments: String,
}

impl Call {
    /// The arguments as an object; none if they were cut off. No arguments at all are none to give.
    pub(crate) fn arguments_object(&self) -> Option<Box<RawValue>> {
        let text = if self.arguments.trim().is_empty() { "{}" } else { self.arguments.as_str() };
        json::is_object(text).then(|| RawValue::from_string(text.to_owned()).ok()).flatten()
    }
}

/// One answer, gathered from its pieces.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Answer {
    pub(crate) blocks: Vec<Block>,
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) ending: Option<Ending>,
}

impl Answer {
    /// Adds a piece.
    pub fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Content { text, logprobs } => {
                self.logprobs.extend(logprobs);
                match self.blocks.last_mut() {
                    Some(Block::Text(last)) => last.push_str(&text),
                    Some(Block::Thinking(_) | Block::Call(_)) | None => {
                        self.blocks.push(Block::Text(text));
                    }
                }
            }
            Delta::Reasoning(text) => match self.blocks.last_mut() {
                Some(Block::Thinking(last)) => last.push_str(&text),
                Some(Block::Text(_) | Block::Call(_)) | None => {
                    self.blocks.push(Block::Thinking(text));
                }
            },
            Delta::ToolCall { id, name, .. } => {
                self.blocks.push(Block::Call(Call { id, name, arguments: String::new() }));
            }
            Delta::Arguments { text, .. } => {
                let calls = self.blocks.iter_mut().rev().find_map(|block| match block {
                    Block::Call(call) => Some(call),
                    Block::Text(_) | Block::Thinking(_) => None,
                });
                calls.expect("arguments follow the call they belong to").arguments.push_str(&text);
            }
        }
    }

    /// Says why it ended.
    pub fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    pub(crate) fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::Thinking(_) | Block::Call(_) => None,
        });
        texts.collect()
    }

    pub(crate) fn thinking(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Thinking(text) => Some(text.as_str()),
            Block::Text(_) | Block::Call(_) => None,
        });
        texts.collect()
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Call(call) => Some(call),
            Block::Text(_) | Block::Thinking(_) => None,
        })
    }
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys always has a JSON form")
}

/// An event of a stream of server-sent events (WHATWG HTML, section 9.2).
pub(crate) fn data(value: &impl Serialize) -> String {
    format!("data: {}\n\n", to_json(value))
}

/// An event with its name.
pub(crate) fn named(event: &str, value: &impl Serialize) -> String {
    format!("event: {event}\ndata: {}\n\n", to_json(value))
}

//! What an engine reports while it works: tokens by id, sparse and honest counts, measured rates.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Which kind of engine runs a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EngineKind {
    /// llama.cpp: chat, completion, embedding, vision.
    Llama,
    /// stable-diffusion.cpp: images.
    Image,
    /// PDF, DOCX, HTML and the like.
    Document,
    /// A provider over HTTP.
    Cloud,
}

/// Tokens per second, in thousandths, so that it is ordered and never NaN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate(pub u32);

impl Rate {
    /// From a count and a duration in microseconds; zero time counts as one microsecond.
    #[must_use]
    pub fn measured(tokens: u32, micros: u64) -> Self {
        let milli_tokens_per_s = u128::from(tokens) * 1_000_000_000 / u128::from(micros.max(1));
        Self(u32::try_from(milli_tokens_per_s).unwrap_or(u32::MAX))
    }

    /// Tokens per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    /// Microseconds that `tokens` take at this rate; `None` at rate zero.
    #[must_use]
    pub fn micros_for(self, tokens: u32) -> Option<u64> {
        (self.0 > 0).then(|| u64::from(tokens) * 1_000_000_000 / u64::from(self.0))
    }
}

/// What a loaded model can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Chat and completion.
    pub generate: bool,
    /// Embeddings.
    pub embed: bool,
    /// Its template renders tools.
    pub tools: bool,
    /// Its template knows thinking blocks.
    pub thinking: bool,
    /// It reads pictures.
    pub vision: bool,
    /// It makes pictures.
    pub image: bool,
}

/// How fast a request may run beside what its machine's person does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tempo {
    /// As fast as it can.
    #[default]
    Full,
    /// One step in [`limits::SLOW_ONE_IN`], and as much rest between its steps.
    Slow,
    /// Not at all, until it is told otherwise; its state is kept.
    Paused,
}

/// What an engine is doing, for signs of life and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Waiting for a slot.
    Queued,
    /// Reading the model; the step is permille.
    Load,
    /// Reading the prompt; the step is tokens done.
    Prefill,
    /// Writing the answer; the step is tokens done.
    Decode,
    /// Paused for the person at that computer; the step is tokens of the answer done.
    Paused,
}

/// One alternative at a token's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Token id.
    pub id: u32,
    /// Its bytes (not always whole UTF-8).
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}

/// One token of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Token id in the model's vocabulary.
    pub id: u32,
    /// Its bytes (not always whole UTF-8; empty for control tokens).
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability before sampling settings, when asked for.
    pub logprob: Option<f32>,
    /// The likeliest alternatives, likeliest first, when asked for.
    pub top: Vec<Alternative>,
}

impl Token {
    /// Whether the sizes are within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.bytes.len() <= limits::TOKEN_BYTES
            && self.top.len() <= usize::from(limits::TOP_LOGPROBS)
            && self.top.iter().all(|t| t.bytes.len() <= limits::TOKEN_BYTES)
    }
}

/// How this model marks tool calls in its text (known from its chat template).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolSyntax {
    /// It does not.
    #[default]
    None,
    /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>` (Hermes, Qwen, the starter).
    Hermes,
    /// A bare JSON object `{"name": …, "parameters": {…}}` as the whole answer (Llama 3).
    BareJson,
    /// `[TOOL_CALLS][{"name": …, "arguments": {…}}]` (Mistral).
    Mistral,
}

/// How to read the answer's text: fixed when an attempt starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSyntax {
    /// How tool calls look; `None` when no tool was offered.
    pub tools: ToolSyntax,
    /// `<think>` … `</think>` blocks are thinking.
    pub thinking: bool,
    /// The prompt already ends inside a thinking block.
    pub thinking_open: bool,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// The ceiling or the context was reached.
    Length,
    /// One of the request's stop strings.
    StopString,
    /// The grammar allows nothing further.
    Grammar,
    /// It was cancelled.
    Cancelled,
}

/// Token counts of one attempt, counted by the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the rendered prompt.
    pub prompt: u32,
    /// Of these, taken from the KV cache.
    pub cached: u32,
    /// Tokens of the answer, thinking included.
    pub completion: u32,
}

/// Measured durations of one attempt, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// From arrival in the engine to the first prefill step.
    pub queued_us: u64,
    /// Prefill.
    pub prefill_us: u64,
    /// Decode, from the first token to the last.
    pub decode_us: u64,
}

/// One text's embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// The vector, of unit length.
    pub vector: Vec<f32>,
    /// Tokens of the input.
    pub tokens: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_survive_zero_time_and_do_not_overflow() {
        assert_eq!(Rate::measured(100, 2_000_000).per_second(), 50.0);
        assert_eq!(Rate::measured(u32::MAX, 0), Rate(u32::MAX));
        assert_eq!(Rate(0).micros_for(10), None);
        assert_eq!(Rate(50_000).micros_for(100), Some(2_000_000));
    }
}

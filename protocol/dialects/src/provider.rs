//! The other direction: what this mesh asks a provider elsewhere, and what it hears from it. Canonical
//! request in, body and headers out; bytes of a stream in any pieces in, deltas out. Credentials and
//! addresses are the caller's; nothing that a provider writes ends up in an error.

pub mod anthropic;
mod calls;
mod embedding;
pub mod errand;
pub mod gemini;
mod message;
pub mod openai;
mod sse;

use pumasi_protocol::{Generate, Message, Role};
use serde_json::Value;

use crate::assemble::{Delta, Ending};
use crate::preferences::Preferences;
use crate::reply::Counts;

pub use embedding::{most_inputs, outgoing_embed, read_embeddings};
pub use message::media_type;

/// The languages that providers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// OpenAI's chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's content.
    Gemini,
}

/// Who is asked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The model, as the provider calls it.
    pub model: &'a str,
    /// An answer in pieces.
    pub stream: bool,
    /// More than one tool call is welcome.
    pub parallel_tool_calls: bool,
    /// It knows what local servers add to OpenAI's API (`top_k`, `min_p`, `reasoning_content`, …).
    pub extensions: bool,
    /// It wants OpenAI's older `max_tokens` instead of `max_completion_tokens`.
    pub older_ceiling: bool,
    /// It takes `stream_options`, and counts at the end of a stream only if it is asked to.
    pub stream_usage: bool,
    /// What it is told of the places behind it, where it takes OpenRouter's words.
    pub preferences: Option<&'a Preferences>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Behind the provider's base address.
    pub path: String,
    /// Headers besides content type and credentials.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as JSON text.
    pub body: String,
    /// Fields of the canonical request that the provider has no word for.
    pub dropped: Vec<&'static str>,
}

/// Why a request cannot be put to a provider: what is missing would change its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// Raw text or token ids.
    #[error("this provider takes chats only, no raw text or tokens")]
    Raw,
    /// A shape of the answer that it has no word for.
    #[error("this provider cannot be held to the shape that the answer must have")]
    Format,
    /// A schema or arguments that are no JSON.
    #[error("a schema or the arguments of a call are not valid JSON")]
    Json,
    /// A picture of a kind that nobody knows.
    #[error("a picture is neither PNG nor JPEG nor WebP")]
    Picture,
    /// The answer begins with text of another, and it cannot go on with that.
    #[error("this provider cannot go on with an answer that has begun")]
    Begun,
    /// It goes on where another attempt stopped, by token ids.
    #[error("a provider cannot go on from tokens")]
    Resume,
}

/// What is heard from a provider, in order. `Ended` and `Failed` are last.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A piece of the answer.
    Delta(Delta),
    /// Token counts so far; later ones stand in for earlier ones.
    Counts(Counts),
    /// The answer is complete.
    Ended(Ending),
    /// It ended without.
    Failed(ProviderFault),
}

/// How a provider failed. Its own words are not kept: they may hold what must not be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// What it wrote is not its dialect.
    #[error("the provider wrote something that cannot be read")]
    Garbled,
    /// The stream ended before the answer did.
    #[error("the provider's answer broke off")]
    CutOff,
    /// One event, or one call's arguments, are larger than any sensible one.
    #[error("the provider wrote too much at once")]
    TooLarge,
    /// Its filter stopped the answer.
    #[error("the provider's filter stopped the answer")]
    Filtered,
    /// The key is not valid, or may not do this.
    #[error("the provider refused the key")]
    Key,
    /// Too many requests, or the quota is used up.
    #[error("the provider says that there were too many requests")]
    RateLimited,
    /// It has no such model.
    #[error("the provider has no such model")]
    NoModel,
    /// The prompt is too long for the model.
    #[error("the prompt is too long for the provider's model")]
    Context,
    /// The member that has it does not share it with this one, or not any more.
    #[error("the computer that has this provider does not share it with this one: ask whose it is")]
    NotShared,
    /// It refused the request for another reason.
    #[error("the provider refused the request")]
    Refused,
    /// It is overloaded or broken.
    #[error("the provider is overloaded or broken")]
    Unavailable,
}

impl ProviderFault {
    /// A stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Garbled => "provider_garbled",
            Self::CutOff => "provider_cut_off",
            Self::TooLarge => "provider_too_large",
            Self::Filtered => "content_filter",
            Self::Key => "provider_key",
            Self::RateLimited => "provider_rate_limited",
            Self::NoModel => "model_not_found",
            Self::NotShared => "provider_not_shared",
            Self::Context => "context_length_exceeded",
            Self::Refused => "provider_refused",
            Self::Unavailable => "provider_unavailable",
        }
    }

    /// Whether another place, or the same a moment later, can do better.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self {
            Self::Garbled
            | Self::CutOff
            | Self::TooLarge
            | Self::Key
            | Self::RateLimited
            | Self::NoModel
            | Self::NotShared
            | Self::Unavailable => true,
            Self::Filtered | Self::Context | Self::Refused => false,
        }
    }

    /// What an HTTP status other than 2xx says.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            401..=403 => Self::Key,
            404 => Self::NoModel,
            413 => Self::Context,
            429 => Self::RateLimited,
            400..=499 => Self::Refused,
            _ => Self::Unavailable,
        }
    }

    /// What an error object says, in any of the dialects' words.
    fn of_error(error: &Value) -> Self {
        let word = |name: &str| error[name].as_str().unwrap_or("").to_ascii_lowercase();
        let words = [word("code"), word("type"), word("status")].join(" ");
        let has = |part: &str| words.contains(part);
        if has("context_length") {
            Self::Context
        } else if has("rate_limit") || has("quota") || has("resource_exhausted") {
            Self::RateLimited
        } else if has("authentication") || has("permission") || has("api_key") {
            Self::Key
        } else if has("not_found") {
            Self::NoModel
        } else if has("content_filter") {
            Self::Filtered
        } else if has("invalid") || has("too_large") {
            Self::Refused
        } else {
            error["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .map_or(Self::Unavailable, Self::of_status)
        }
    }
}

/// Puts a canonical request in a provider's words.
///
/// # Errors
/// What it has no words for, where leaving it out would change the meaning.
pub fn outgoing(
    speech: Speech,
    target: Target<'_>,
    generate: &Generate,
) -> Result<Outgoing, Unsayable> {
    if generate.resume.is_some() {
        return Err(Unsayable::Resume);
    }
    match speech {
        Speech::OpenAi => openai::outgoing(target, generate),
        Speech::Anthropic => anthropic::outgoing(target, generate),
        Speech::Gemini => gemini::outgoing(target, generate),
    }
}

/// Whether the answer is to go on with a last message of the model's own.
fn has_begun(messages: &[Message]) -> bool {
    let last = messages.last().filter(|last| last.tool_calls.is_empty());
    last.is_some_and(|last| last.role == Role::Assistant)
}

/// Reads a whole reply.
#[must_use]
pub fn read_whole(speech: Speech, body: &[u8]) -> Vec<Heard> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return vec![Heard::Failed(ProviderFault::Garbled)];
    };
    let mut hearing = Hearing::new(speech);
    let mut heard = Vec::new();
    hearing.whole(&body, &mut heard);
    hearing.end(&mut heard);
    heard
}

/// Reads a streamed reply, however its bytes are cut.
#[derive(Debug)]
pub struct Reader {
    events: sse::Events,
    hearing: Hearing,
    over: bool,
}

impl Reader {
    /// For an answer that has not begun.
    #[must_use]
    pub fn new(speech: Speech) -> Self {
        Self { events: sse::Events::default(), hearing: Hearing::new(speech), over: false }
    }

    /// Takes further bytes. After the last event they are dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        if self.over {
            return heard;
        }
        let whole = self.events.push(bytes);
        while let Some(data) = self.events.next() {
            if self.take(&data, &mut heard) {
                return heard;
            }
        }
        if whole.is_err() {
            self.over = true;
            heard.push(Heard::Failed(ProviderFault::TooLarge));
        }
        heard
    }

    /// One event's data; true after the last.
    fn take(&mut self, data: &str, heard: &mut Vec<Heard>) -> bool {
        self.hearing.data(data, heard);
        let is_last = |one: &Heard| matches!(one, Heard::Ended(_) | Heard::Failed(_));
        self.over = heard.last().is_some_and(is_last);
        self.over
    }

    /// The connection ended.
    pub fn finish(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        if !self.over {
            self.over = true;
            self.hearing.end(&mut heard);
        }
        heard
    }

    /// Whether the last event was heard.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// One dialect's state while it is heard.
#[derive(Debug)]
enum Hearing {
    OpenAi(openai::Hearing),
    Anthropic(anthropic::Hearing),
    Gemini(gemini::Hearing),
}

impl Hearing {
    fn new(speech: Speech) -> Self {
        match speech {
            Speech::OpenAi => Self::OpenAi(openai::Hearing::default()),
            Speech::Anthropic => Self::Anthropic(anthropic::Hearing::default()),
            Speech::Gemini => Self::Gemini(gemini::Hearing::default()),
        }
    }

    fn data(&mut self, data: &str, heard: &mut Vec<Heard>) {
        if let (Self::OpenAi(hearing), "[DONE]") = (&mut *self, data) {
            return hearing.end(heard);
        }
        if matches!(self, Self::OpenAi(_))
            && let Some(text) = openai::plain_text(data)
        {
            let said = !text.is_empty();
            let delta = Delta::Content { text, logprobs: Vec::new() };
            return heard.extend(said.then_some(Heard::Delta(delta)));
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return heard.push(Heard::Failed(ProviderFault::Garbled));
        };
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            return heard.push(Heard::Failed(ProviderFault::of_error(error)));
        }
        let outcome = match self {
            Self::OpenAi(hearing) => hearing.chunk(&event, heard),
            Self::Anthropic(hearing) => hearing.event(&event, heard),
            Self::Gemini(hearing) => hearing.chunk(&event, heard),
        };
        heard.extend(outcome.err().map(Heard::Failed));
    }

    fn whole(&mut self, body: &Value, heard: &mut Vec<Heard>) {
        if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
            return heard.push(Heard::Failed(ProviderFault::of_error(error)));
        }
        let outcome = match self {
            Self::OpenAi(hearing) => hearing.chunk(body, heard),
            Self::Anthropic(hearing) => hearing.whole(body, heard),
            Self::Gemini(hearing) => hearing.chunk(body, heard),
        };
        heard.extend(outcome.err().map(Heard::Failed));
    }

    /// Nothing more comes.
    fn end(&mut self, heard: &mut Vec<Heard>) {
        if matches!(heard.last(), Some(Heard::Failed(_))) {
            return;
        }
        match self {
            Self::OpenAi(hearing) => hearing.end(heard),
            Self::Anthropic(hearing) => hearing.end(heard),
            Self::Gemini(hearing) => hearing.end(heard),
        }
    }
}

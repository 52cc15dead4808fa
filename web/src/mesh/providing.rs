//! Model services elsewhere, as the HTTP face sees them: who answers for the mesh, and a request that is
//! handed on in the words it came in.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use pumasi_dialects::provider::{ProviderFault, Speech};
use pumasi_dialects::{Dialect, Preferences};
use pumasi_protocol::{JobId, ModelName};

use super::Caller;

/// A provider that an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    /// Its id on this computer: `openai`, `ollama`, …
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The model, as the provider calls it.
    pub model: String,
    /// Why this one, in one sentence.
    pub why: String,
    /// The code of what ended the attempt before, if there was one.
    pub after: Option<&'static str>,
}

/// Which endpoint of an API a request came to that providers have, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's completions.
    Completion,
    /// OpenAI's embeddings.
    Embeddings,
    /// Anthropic's messages.
    Messages,
}

impl Endpoint {
    /// The language that a provider must speak.
    #[must_use]
    pub fn speech(self) -> Speech {
        match self {
            Self::Chat | Self::Completion | Self::Embeddings => Speech::OpenAi,
            Self::Messages => Speech::Anthropic,
        }
    }

    /// Behind a provider's base address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completion => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Messages => "/v1/messages",
        }
    }

    /// The dialect that its answers are in.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completion | Self::Embeddings => Dialect::OpenAi,
            Self::Messages => Dialect::Anthropic,
        }
    }
}

/// A request that can be handed on as it came.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Who asks.
    pub caller: Caller,
    /// What it came to.
    pub endpoint: Endpoint,
    /// The model asked for.
    pub model: ModelName,
    /// The body, as it came: one JSON object.
    pub body: Bytes,
    /// Where in the body the name of the model stands, quotes included.
    pub model_at: Range<usize>,
    /// An answer in pieces was asked for.
    pub stream: bool,
    /// Headers that are part of the API: Anthropic's version and betas.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What became of it.
pub enum Relayed {
    /// It is not for a provider that speaks this language, or its turn has not come: the request is to be
    /// read and run.
    Not(Turn),
    /// A provider answers.
    Answer(RelayedAnswer),
}

/// What a request says that only matters where it goes to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abroad {
    /// More than one tool call is welcome.
    pub parallel_tool_calls: bool,
    /// An answer in pieces was asked for.
    pub stream: bool,
    /// What it wants of the places that answer, if anything.
    pub preferences: Option<Box<Preferences>>,
    /// What became of it before it was read.
    pub turn: Turn,
}

impl Default for Abroad {
    fn default() -> Self {
        Self { parallel_tool_calls: true, stream: false, preferences: None, turn: Turn::default() }
    }
}

/// Why a provider was not set up, changed, tried or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// There is none with this id.
    #[error("there is no provider with this id: `pumasi providers` lists what there is")]
    NotFound,
    /// It cannot be set up like that. The words are ours.
    #[error("{0}")]
    Settings(String),
    /// It was asked and did not answer as it should. The words are ours.
    #[error("{0}")]
    Unanswered(String),
    /// It was found by itself, so it cannot be removed.
    #[error(
        "this provider was found on this computer: stop it there, or turn the search for local \
         servers off"
    )]
    Found,
    /// The world failed. The words are ours.
    #[error("{0}")]
    Store(String),
}

/// What became of a request that was to be handed on, before it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Providers that were tried already and failed.
    pub tried: Vec<Tried>,
    /// What the router has settled about it.
    pub settled: Settled,
    /// The client has a part of the answer.
    pub begun: bool,
}

impl Turn {
    /// One provider failed after it had begun to answer.
    #[must_use]
    pub fn after(tried: Tried) -> Self {
        Self { tried: vec![tried], ..Self::default() }
    }
}

/// Where a request may go, once that is settled. Only the router looks into it.
#[derive(Clone, Default)]
pub struct Settled(Option<Arc<dyn Any + Send + Sync>>);

impl Settled {
    /// Settles it.
    #[must_use]
    pub fn new(what: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(what)))
    }

    /// What was settled, if anything was.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settled").field(&self.0.is_some()).finish()
    }
}

/// Two are the same if they were settled at once.
impl PartialEq for Settled {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for Settled {}

/// A provider that failed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its id.
    pub id: String,
    /// How it failed.
    pub fault: ProviderFault,
}

/// A provider's answer, in its own words.
pub struct RelayedAnswer {
    /// Under which the list of jobs has it.
    pub job: JobId,
    /// Who answers.
    pub provided: Provided,
    /// The media type.
    pub content_type: HeaderValue,
    /// The body; ends with an error if it breaks off.
    pub body: BoxStream<'static, Result<Bytes, ProviderFault>>,
}

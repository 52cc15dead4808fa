//! What every dialect's body becomes: canonical requests, and how their answers are to be written.

use pumasi_protocol::generate::{Embed, ToolChoice};
use pumasi_protocol::{Constraints, Generate, JobKind, KeepAlive, ModelName, Priority, Prompt};

use crate::fields::placement::Placement;
use crate::preferences::Preferences;
use crate::responses::Echo;

/// How to read bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Refuse unknown fields instead of ignoring and naming them.
    pub strict: bool,
}

/// A request to generate text, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// [`JobKind::Chat`] or [`JobKind::Completion`].
    pub kind: JobKind,
    /// The model asked for.
    pub model: ModelName,
    /// One canonical request per answer (an answer's index is its place in this list); never empty.
    pub answers: Vec<Generate>,
    /// How many answers each prompt gets: that many neighbours in `answers` share one.
    pub copies: usize,
    /// Answer in pieces.
    pub stream: bool,
    /// More than one tool call is welcome.
    pub parallel_tool_calls: bool,
    /// How the answer is written.
    pub form: Form,
    /// Where it may run.
    pub constraints: Constraints,
    /// Whether somebody waits, where the request says so.
    pub priority: Option<Priority>,
    /// What it wants of the places that answer, if anything.
    pub preferences: Option<Box<Preferences>>,
    /// How long the model is to stay loaded after it, where the request says so.
    pub keep_alive: Option<KeepAlive>,
    /// Fields that were not read.
    pub ignored: Vec<String>,
}

impl GenerateRequest {
    /// One answer to one prompt, in one piece, with nothing ignored.
    pub(crate) fn one(kind: JobKind, model: ModelName, generate: Generate, form: Form) -> Self {
        Self {
            kind,
            model,
            answers: vec![generate],
            copies: 1,
            stream: false,
            parallel_tool_calls: true,
            form,
            constraints: Constraints::default(),
            priority: None,
            preferences: None,
            keep_alive: None,
            ignored: Vec::new(),
        }
    }

    pub(crate) fn place(&mut self, placement: Placement) {
        self.constraints = placement.constraints;
        self.priority = placement.priority;
        self.preferences = placement.preferences;
        self.keep_alive = placement.keep_alive;
    }

    /// Names of the tools that may be called.
    #[must_use]
    pub fn tools(&self) -> Vec<String> {
        self.answers.first().map_or_else(Vec::new, |generate| callable(&generate.prompt))
    }

    /// Whether any answer comes with log-probabilities.
    #[must_use]
    pub fn wants_logprobs(&self) -> bool {
        self.answers.iter().any(|generate| generate.logprobs.is_some())
    }
}

/// Names of the tools that a prompt lets the model call.
#[must_use]
pub fn callable(prompt: &Prompt) -> Vec<String> {
    let Prompt::Chat { tools, tool_choice, .. } = prompt else { return Vec::new() };
    match tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Named(name) => vec![name.clone()],
        ToolChoice::Auto | ToolChoice::Required => {
            tools.iter().map(|tool| tool.name.clone()).collect()
        }
    }
}

/// How an answer is written: the endpoint, and what there depends on the request.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// OpenAI's chat completions.
    Chat {
        /// End a stream with the token counts.
        include_usage: bool,
    },
    /// OpenAI's completions.
    Completion {
        /// End a stream with the token counts.
        include_usage: bool,
        /// Repeat the prompt before each answer.
        echo: bool,
    },
    /// OpenAI's responses.
    Responses(Box<Echo>),
    /// Anthropic's messages.
    Messages {
        /// Leave the text of thinking blocks out.
        hide_thinking: bool,
    },
    /// Gemini's content.
    Content {
        /// Give the thoughts, too.
        thoughts: bool,
        /// A stream is server-sent events; else one JSON array.
        events: bool,
    },
    /// Ollama's chat.
    OllamaChat,
    /// Ollama's generate.
    OllamaGenerate,
}

/// A request for embeddings, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedRequest {
    /// The model asked for.
    pub model: ModelName,
    /// The canonical request.
    pub embed: Embed,
    /// How the reply is written.
    pub form: EmbedForm,
    /// Where it may run.
    pub constraints: Constraints,
    /// Whether somebody waits, where the request says so.
    pub priority: Option<Priority>,
    /// What it wants of the places that answer, if anything.
    pub preferences: Option<Box<Preferences>>,
    /// How long the model is to stay loaded after it, where the request says so.
    pub keep_alive: Option<KeepAlive>,
    /// Fields that were not read.
    pub ignored: Vec<String>,
}

/// How embeddings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedForm {
    /// OpenAI's.
    OpenAi {
        /// Vectors as base64 of little-endian 32-bit floats instead of arrays.
        base64: bool,
    },
    /// Gemini's: one, or a batch.
    Gemini {
        /// Several at a time.
        batch: bool,
    },
    /// Ollama's `/api/embed`.
    Ollama,
    /// Ollama's older `/api/embeddings`: one vector.
    OllamaOne,
}

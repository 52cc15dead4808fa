//! The canonical inference request: what every API dialect is translated into, and engines run.
//! JSON values inside (schemas, arguments) travel as text, so that the binary form stays flat.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Instructions of the program.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A piece of a message's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// A picture: PNG, JPEG or WebP bytes, checked before they get here.
    Image(Vec<u8>),
}

/// A call of a tool, made by the model in an earlier turn or in its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id by which the tool's answer refers to the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: one JSON object as text.
    pub arguments: String,
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Part>,
    /// The model's thinking of that turn, where the program sent it back.
    pub thinking: Option<String>,
    /// Calls that the assistant made in this message.
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: the id of the call that this answers.
    pub tool_call_id: Option<String>,
    /// The speaker's name, where the program gave one.
    pub name: Option<String>,
}

impl Message {
    /// A message of plain text.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            content: vec![Part::Text(text.into())],
            thinking: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
        }
    }

    /// All text parts, joined.
    #[must_use]
    pub fn joined_text(&self) -> String {
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image(_) => None,
        });
        texts.collect()
    }
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON schema of its arguments, as text.
    pub parameters: Option<String>,
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool may be called.
    None,
    /// Some tool must be called.
    Required,
    /// This tool must be called.
    Named(String),
}

/// Whether the model is asked to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Thinking {
    /// Whatever the model's template does when nothing is said.
    #[default]
    Default,
    /// No thinking block.
    Off,
    /// A thinking block of at most this many tokens (`None`: as many as it takes).
    On(Option<u32>),
    /// As much as suits the task and what waits: the node that takes the request settles it.
    Auto,
}

/// What the model continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// A chat, rendered by the model's own template.
    Chat {
        /// The messages, oldest first; never empty. A last one of the model without calls is the
        /// beginning of its answer, which goes on with it.
        messages: Vec<Message>,
        /// Tools on offer.
        tools: Vec<Tool>,
        /// Which of them may or must be called.
        tool_choice: ToolChoice,
        /// Whether to think first.
        thinking: Thinking,
    },
    /// Raw text, continued as it is.
    Text(String),
    /// Raw token ids, continued as they are.
    Tokens(Vec<u32>),
}

impl Prompt {
    /// Has the answer begin with a text; or go on with it, where it had begun. Ids stay as they are.
    pub fn begin_answer(&mut self, said: &str) {
        match self {
            Self::Text(text) => text.push_str(said),
            Self::Tokens(_) => {}
            Self::Chat { messages, .. } => match messages.last_mut() {
                Some(last) if last.role == Role::Assistant && last.tool_calls.is_empty() => {
                    *last = Message::text(Role::Assistant, last.joined_text() + said);
                }
                Some(_) | None => messages.push(Message::text(Role::Assistant, said)),
            },
        }
    }
}

/// What shape the answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OutputFormat {
    /// Free text.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that satisfies this JSON schema (as text).
    JsonSchema(String),
    /// Text of this grammar, in Lark notation.
    Lark(String),
}

/// How the next token is drawn. `None` means: the model's or engine's own default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 is greedy; finite, 0 to 2.
    pub temperature: Option<f32>,
    /// Keep the k most likely tokens; 0 keeps all.
    pub top_k: Option<u32>,
    /// Keep the most likely tokens that hold this probability mass, 0 to 1.
    pub top_p: Option<f32>,
    /// Drop tokens less likely than this share of the likeliest, 0 to 1.
    pub min_p: Option<f32>,
    /// Multiplies down tokens already seen; 1 is off.
    pub repeat_penalty: Option<f32>,
    /// Subtracted per occurrence, −2 to 2 (OpenAI's definition).
    pub frequency_penalty: Option<f32>,
    /// Subtracted once for a token that occurred, −2 to 2 (OpenAI's definition).
    pub presence_penalty: Option<f32>,
    /// Added to the logit of a token id, −100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    /// Seed of the draw. The owner always fills it in, so that a continuation draws alike.
    pub seed: Option<u64>,
}

/// A request to generate text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    /// What to continue.
    pub prompt: Prompt,
    /// How to draw.
    pub sampling: Sampling,
    /// Ceiling of the answer, in tokens; `None` and anything above what the context leaves mean that.
    pub max_tokens: Option<u32>,
    /// Strings that end the answer; not part of it.
    pub stop: Vec<String>,
    /// Shape of the answer.
    pub format: OutputFormat,
    /// Report the log-probability of each token and of this many alternatives.
    pub logprobs: Option<u8>,
    /// Go on after the end-of-text token (benchmarks only).
    pub ignore_eos: bool,
    /// Where an earlier attempt of the same job stopped.
    pub resume: Option<Resume>,
}

impl Generate {
    /// A request with every option at its default.
    #[must_use]
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            sampling: Sampling::default(),
            max_tokens: None,
            stop: Vec::new(),
            format: OutputFormat::Text,
            logprobs: None,
            ignore_eos: false,
            resume: None,
        }
    }

    /// Whether every bound of [`limits`] and every numeric range holds. Dialects check with better
    /// messages; this is the gate for requests that arrive from other nodes.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let prompt_ok = match &self.prompt {
            Prompt::Chat { messages, tools, .. } => {
                !messages.is_empty()
                    && messages.len() <= limits::CHAT_MESSAGES
                    && tools.len() <= limits::CHAT_TOOLS
            }
            Prompt::Text(_) => true,
            Prompt::Tokens(tokens) => tokens.len() <= limits::CONTEXT_TOKENS as usize,
        };
        let format_ok = match &self.format {
            OutputFormat::Text | OutputFormat::JsonObject => true,
            OutputFormat::JsonSchema(text) | OutputFormat::Lark(text) => {
                text.len() <= limits::GRAMMAR_BYTES
            }
        };
        prompt_ok
            && format_ok
            && self.sampling.is_within_limits()
            && self.stop.len() <= limits::STOP_STRINGS
            && self.stop.iter().all(|s| !s.is_empty() && s.len() <= limits::STOP_STRING_BYTES)
            && self.logprobs.is_none_or(|n| n <= limits::TOP_LOGPROBS)
    }
}

impl Sampling {
    fn is_within_limits(&self) -> bool {
        let within = |value: Option<f32>, low: f32, high: f32| {
            value.is_none_or(|v| v.is_finite() && (low..=high).contains(&v))
        };
        within(self.temperature, 0.0, 2.0)
            && within(self.top_p, 0.0, 1.0)
            && within(self.min_p, 0.0, 1.0)
            && within(self.repeat_penalty, 0.01, 10.0)
            && within(self.frequency_penalty, -2.0, 2.0)
            && within(self.presence_penalty, -2.0, 2.0)
            && self.logit_bias.len() <= limits::LOGIT_BIAS_ENTRIES
            && self.logit_bias.iter().all(|(_, bias)| bias.is_finite())
    }
}

/// Where an earlier attempt stopped: exact ids, so that no text is tokenised a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The rendered prompt's token ids, as the first attempt reported them.
    pub prompt: Vec<u32>,
    /// The ids of the answer that the owner has received.
    pub delivered: Vec<u32>,
}

/// A request for embeddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embed {
    /// Texts, at most [`limits::EMBED_INPUTS`].
    pub inputs: Vec<EmbedInput>,
    /// Keep this many leading dimensions (Matryoshka), normalised anew; `None`: all.
    pub dimensions: Option<u32>,
}

/// One input of an embedding request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmbedInput {
    /// Text to tokenise.
    Text(String),
    /// Token ids as they are.
    Tokens(Vec<u32>),
}

//! Conversations that a node keeps for its person: what was asked, what was answered, and where.
//!
//! Messages form a tree: an answer names its question, and two answers to one question are versions of
//! each other. What is written is told apart by ids that the writer makes, so that two pages which
//! write to one conversation add to it, and neither undoes what the other did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::NodeRef;

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConversationLine {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The model that was asked last.
    pub model: String,
    /// When it was begun, Unix time in milliseconds.
    pub created_ms: u64,
    /// When it was last changed.
    pub updated_ms: u64,
    /// How often it was changed.
    pub revision: u64,
    /// Its messages, all versions included.
    pub messages: u32,
    /// Bytes that they take.
    pub bytes: u64,
    /// Where a search found it: the words around.
    pub found: Option<String>,
}

/// What is asked along with every question. What is not named is the model's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConversationSettings {
    /// The model that the next question goes to.
    pub model: String,
    /// What the model is told before everything else; empty: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[ts(as = "Option<String>", optional)]
    pub system: String,
    /// Between 0 and 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub temperature: Option<f32>,
    /// Tokens of an answer, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_tokens: Option<u32>,
    /// How much a model thinks first: `auto`, `none`, `low`, `medium` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub effort: Option<String>,
    /// The last message of the branch that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub leaf: Option<String>,
}

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationRole {
    /// A person's.
    User,
    /// A model's.
    Assistant,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerEnd {
    /// It is whole.
    Done,
    /// It reached the length that was allowed.
    Length,
    /// A person stopped it.
    Stopped,
    /// It broke off.
    Failed,
}

/// Where an answer came from, and how it went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnswerFacts {
    /// None: it is still being written, or its page went away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub end: Option<AnswerEnd>,
    /// The word for what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub job: Option<String>,
    /// The computer that answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub node: Option<NodeRef>,
    /// The provider that answered, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<String>,
    /// Why there, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
    /// Characters (UTF-16 code units) of the answer after which another computer went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<u32>>", optional)]
    pub seams: Vec<u32>,
    /// Tokens of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tokens: Option<u32>,
    /// How fast it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tokens_per_s: Option<f64>,
    /// From the question to the first word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub first_ms: Option<f64>,
    /// How long it thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub thought_ms: Option<f64>,
    /// Tokens that it was given to think with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub budget: Option<u32>,
    /// How much it was asked to think.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub effort: Option<String>,
}

/// A file whose text goes with a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConversationFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A tool that a model called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConversationCall {
    /// The tool.
    pub name: String,
    /// What it was given, as the model wrote it.
    pub arguments: String,
}

/// A question or an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConversationMessage {
    /// Its id; one that is known replaces that message.
    pub id: String,
    /// The message that it follows; none: it is a first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub parent: Option<String>,
    /// Whose it is.
    pub role: ConversationRole,
    /// When it was written, Unix time in milliseconds.
    pub at_ms: u64,
    /// Its text.
    pub content: String,
    /// What the model thought.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[ts(as = "Option<String>", optional)]
    pub thinking: String,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub model: Option<String>,
    /// Files that go with a question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<ConversationFile>>", optional)]
    pub files: Vec<ConversationFile>,
    /// Tools that the model called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<ConversationCall>>", optional)]
    pub calls: Vec<ConversationCall>,
    /// How an answer went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub facts: Option<AnswerFacts>,
}

/// A whole conversation; also how it is saved to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// When it was begun, Unix time in milliseconds.
    pub created_ms: u64,
    /// When it was last changed.
    pub updated_ms: u64,
    /// How often it was changed.
    pub revision: u64,
    /// What is asked along.
    pub settings: ConversationSettings,
    /// All messages, in the order in which they came.
    pub messages: Vec<ConversationMessage>,
}

/// What changes in a conversation. What is not named stays; messages are added, or replace those of
/// their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationChange {
    /// The revision that the writer has seen; none: it begins the conversation, or adds to it.
    #[serde(default)]
    pub revision: Option<u64>,
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
    /// What is asked along.
    #[serde(default)]
    pub settings: Option<ConversationSettings>,
    /// Messages.
    #[serde(default)]
    pub messages: Vec<ConversationMessage>,
}

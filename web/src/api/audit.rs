//! The audit log: who did what, where and when. Names, ids, numbers and closed words; never a text that
//! somebody asked or was answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{JobKind, NodeRef};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAct {
    /// The mesh was begun.
    Founded,
    /// A computer was let in, or is called otherwise.
    Admitted,
    /// A member may do other things.
    RolesSet,
    /// A member was removed for good.
    Removed,
    /// An invitation was made.
    Invited,
    /// An invitation was withdrawn.
    Withdrawn,
    /// An API key was made.
    KeyMade,
    /// What was agreed about an API key changed.
    KeyChanged,
    /// An API key was revoked.
    KeyRevoked,
    /// A computer was told whether to work for others.
    LendingSet,
    /// A node began.
    Started,
    /// A job that was asked for at this computer ended.
    Asked,
    /// An attempt at another computer's job ended here.
    Ran,
}

impl AuditAct {
    /// The word for it, as in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::Admitted => "admitted",
            Self::RolesSet => "roles_set",
            Self::Removed => "removed",
            Self::Invited => "invited",
            Self::Withdrawn => "withdrawn",
            Self::KeyMade => "key_made",
            Self::KeyChanged => "key_changed",
            Self::KeyRevoked => "key_revoked",
            Self::LendingSet => "lending_set",
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Ran => "ran",
        }
    }
}

/// What it was done to: a computer, a key, an invitation, or a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AuditSubject {
    /// Its id; empty where it has none.
    pub id: String,
    /// What people call it; empty where it has no name.
    pub name: String,
    /// Whose it is, or for whom.
    pub person: Option<String>,
    /// What it may do or opens: roles, or scopes, in their words.
    pub grants: Vec<String>,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// With its result.
    Completed,
    /// Without.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl AuditOutcome {
    /// The word for it, as in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A job, without what it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AuditJob {
    /// Its id.
    pub id: String,
    /// What sort of work.
    pub kind: JobKind,
    /// With which model.
    pub model: String,
    /// The computer that accepted it.
    pub owner: NodeRef,
    /// Where it ran last; none: nowhere.
    pub ran_on: Option<NodeRef>,
    /// The provider that answered, by its id; none: a computer of the mesh did, or nobody.
    #[serde(default)]
    pub provider: Option<String>,
    /// Bytes of what was asked.
    pub asked_bytes: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, taken from memory.
    pub cached_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
    /// How often it was bound to a computer.
    pub attempts: u32,
    /// When it was accepted, Unix time in milliseconds.
    pub accepted_ms: u64,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, if it failed: a word of the closed list.
    pub error: Option<String>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AuditEntry {
    /// When, Unix time in milliseconds on the clock of the computer where it was done.
    pub at_ms: u64,
    /// What.
    pub act: AuditAct,
    /// The person who did it; none: at a shared computer, or by itself.
    pub person: Option<String>,
    /// At which computer.
    pub node: NodeRef,
    /// The id of the API key by which it was done.
    pub key: Option<String>,
    /// What it was done to.
    pub about: Option<AuditSubject>,
    /// Which job.
    pub job: Option<AuditJob>,
    /// False where it counts for nothing, because its author had been removed or had no right to it.
    pub stands: bool,
}

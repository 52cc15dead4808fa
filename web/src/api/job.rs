//! Jobs: their list, their state, why each is where it is, and how a lasting one is submitted.

use std::time::Duration;

use pumasi_protocol as protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mesh::NodeRef;

/// What sort of work a job is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A chat turn.
    Chat,
    /// Continuation of raw text.
    Completion,
    /// Embeddings.
    Embedding,
    /// Making or changing a picture.
    Image,
    /// Reading, translating or summarising a document.
    Document,
}

impl From<protocol::JobKind> for JobKind {
    fn from(kind: protocol::JobKind) -> Self {
        match kind {
            protocol::JobKind::Chat => Self::Chat,
            protocol::JobKind::Completion => Self::Completion,
            protocol::JobKind::Embedding => Self::Embedding,
            protocol::JobKind::Image => Self::Image,
            protocol::JobKind::Document => Self::Document,
        }
    }
}

/// Whether somebody waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Somebody does.
    Interactive,
    /// It may wait behind interactive work.
    #[default]
    Batch,
}

impl From<protocol::Priority> for Priority {
    fn from(priority: protocol::Priority) -> Self {
        match priority {
            protocol::Priority::Interactive => Self::Interactive,
            protocol::Priority::Batch => Self::Batch,
        }
    }
}

impl From<Priority> for protocol::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Interactive => Self::Interactive,
            Priority::Batch => Self::Batch,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No executor is bound yet.
    Waiting,
    /// Bound to a node; the engine may still be loading.
    Bound,
    /// The first event of its work has arrived.
    Running,
    /// It ended with its result.
    Completed,
    /// It ended without.
    Failed,
    /// Someone who may, cancelled it.
    Cancelled,
}

impl JobState {
    /// Whether nothing follows this state.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Waiting | Self::Bound | Self::Running => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl From<&protocol::JobState> for JobState {
    fn from(state: &protocol::JobState) -> Self {
        match state {
            protocol::JobState::Waiting => Self::Waiting,
            protocol::JobState::Bound(_) => Self::Bound,
            protocol::JobState::Running(_) => Self::Running,
            protocol::JobState::Completed(_) => Self::Completed,
            protocol::JobState::Failed(_) => Self::Failed,
            protocol::JobState::Cancelled => Self::Cancelled,
        }
    }
}

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for a slot.
    Queued,
    /// Reading the model.
    Load,
    /// Reading the prompt.
    Prefill,
    /// Writing the answer.
    Decode,
    /// Paused for the person at the computer that runs it.
    Paused,
}

impl From<protocol::Phase> for Phase {
    fn from(phase: protocol::Phase) -> Self {
        match phase {
            protocol::Phase::Queued => Self::Queued,
            protocol::Phase::Load => Self::Load,
            protocol::Phase::Prefill => Self::Prefill,
            protocol::Phase::Decode => Self::Decode,
            protocol::Phase::Paused => Self::Paused,
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct JobProgress {
    /// What the engine is doing.
    pub phase: Phase,
    /// How far: thousandths while loading, tokens otherwise.
    pub step: u32,
    /// Of how many, where that is known.
    pub total: Option<u32>,
}

/// Token counts of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct JobUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, taken from the KV cache.
    pub cached_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
}

/// Measured durations of a job's last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct JobTimings {
    /// From arrival in the engine to the first prefill step.
    pub queued_ms: f64,
    /// Prefill.
    pub prefill_ms: f64,
    /// Decode.
    pub decode_ms: f64,
}

impl From<protocol::Timings> for JobTimings {
    fn from(timings: protocol::Timings) -> Self {
        let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1_000.0;
        Self {
            queued_ms: ms(timings.queued_us),
            prefill_ms: ms(timings.prefill_us),
            decode_ms: ms(timings.decode_us),
        }
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct JobError {
    /// The stable word for it.
    pub code: String,
    /// What happened, and what to do next.
    pub message: String,
}

impl From<&protocol::Fault> for JobError {
    fn from(fault: &protocol::Fault) -> Self {
        Self { code: fault.code().to_owned(), message: fault.to_string() }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Job {
    /// A UUID.
    pub id: String,
    /// What sort of work it is.
    pub kind: JobKind,
    /// Which model.
    pub model: String,
    /// Who it is for.
    pub person: Option<String>,
    /// The node that owns it: the one that accepted it, unless that was lost.
    pub owner: NodeRef,
    /// Whether its owner answers. If not, this is the last that others know of it.
    pub owner_reachable: bool,
    /// Where it stands.
    pub state: JobState,
    /// The node that it is bound to, runs on, or ran on.
    pub node: Option<NodeRef>,
    /// The provider that it went to, by id, where it is not on the mesh.
    #[serde(default)]
    pub provider: Option<String>,
    /// Whether somebody waits for it.
    pub priority: Priority,
    /// Whether it outlives the connection and the node that asked.
    pub durable: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// How far it is.
    pub progress: Option<JobProgress>,
    /// Token counts, once it is over.
    pub usage: Option<JobUsage>,
    /// Durations, once it is over.
    pub timings: Option<JobTimings>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// One sentence: why it is where it is.
    pub why: Option<String>,
    /// When it was accepted, Unix time in milliseconds on its owner's clock.
    pub accepted_ms: u64,
    /// When it ended, likewise.
    pub ended_ms: Option<u64>,
}

/// One term of a predicted completion time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Term {
    /// The stable word for it: `wait`, `load`, `prefill`, `decode`, `network`, `failures`, …
    pub name: String,
    /// Its share in milliseconds; negative where it shortens.
    pub ms: f64,
    /// What it was computed from, in words.
    pub note: Option<String>,
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// The job was bound to it.
    Chosen,
    /// It made an offer, another's was better.
    Outbid,
    /// It was ranked, but not asked.
    NotAsked,
    /// It did not answer in time.
    Silent,
    /// It may not or cannot run the job.
    Excluded {
        /// Why.
        reason: String,
    },
    /// It refused when asked.
    Refused {
        /// Why.
        reason: String,
    },
    /// The attempt there failed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A node that was considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Candidate {
    /// The node.
    pub node: NodeRef,
    /// What became of it.
    pub outcome: CandidateOutcome,
    /// Predicted completion by this node's own view; none where it was excluded.
    pub predicted_ms: Option<f64>,
    /// Predicted completion as the candidate itself answered.
    pub bid_ms: Option<f64>,
    /// The prediction term by term.
    pub terms: Vec<Term>,
}

/// One placing of a job: a new one for each attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Round {
    /// The epoch that was bound.
    pub epoch: u32,
    /// When, in milliseconds after the job was accepted.
    pub after_ms: u64,
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
    /// What came of it; none while nobody was bound.
    pub passage: Option<Passage>,
}

/// What one attempt gave to an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Passage {
    /// Where it ran.
    pub node: NodeRef,
    /// It had an engine to itself, because one had died under the job before.
    pub alone: bool,
    /// Tokens that had come when it ended, those of earlier attempts included; none while it runs.
    pub tokens: Option<u32>,
    /// Between the last token of an earlier attempt and its first, in milliseconds.
    pub gap_ms: Option<f64>,
    /// Why it ended without the result.
    pub fault: Option<JobError>,
}

/// Why a job is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Why {
    /// The job.
    pub job: String,
    /// One sentence.
    pub summary: String,
    /// Each placing, oldest first.
    pub rounds: Vec<Round>,
}

/// The body of `POST /api/v1/jobs`.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// What sort of work it is: `chat`, `completion` or `embedding`.
    pub kind: JobKind,
    /// The body as the endpoint of that kind under `/v1` takes it; `stream` is ignored.
    #[ts(type = "Record<string, unknown>")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub request: Box<serde_json::value::RawValue>,
}

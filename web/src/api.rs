//! The JSON types of `/api/v1`: what the UI, the CLI and programs see. Plain data with units in the
//! names; ids are text. TypeScript types are generated from here (`cargo run --example types`).

mod admission;
mod audit;
mod benchmark;
mod conversation;
mod copy;
mod document;
mod fit;
mod inspect;
mod job;
mod key;
mod lending;
mod mesh;
mod model;
mod pairing;
mod provider;
mod settings;
mod sharing;
mod stock;
mod typescript;
mod usage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use admission::{
    Invitation, InvitationToken, InviteRequest, JoinRequest, Joined, MeshRole, Qr, RemoveRequest,
    Removed,
};
pub use audit::{AuditAct, AuditEntry, AuditJob, AuditOutcome, AuditSubject};
pub use benchmark::{Benchmark, BenchmarksRequest};
pub use conversation::{
    AnswerEnd, AnswerFacts, Conversation, ConversationCall, ConversationChange, ConversationFile,
    ConversationLine, ConversationMessage, ConversationRole, ConversationSettings,
};
pub use copy::{Copy, CopySource, CopyStage, CopyState};
pub use document::{
    DocumentInput, DocumentOutcome, DocumentPiece, DocumentState, DocumentTrouble, DocumentTrust,
    DocumentsRequest, DocumentsResult, StoredDocument,
};
pub use fit::{
    CacheFormat, DeviceMemory, Fit, LoadPlan, Pace, Recommendation, Recommendations, Suited,
};
pub use inspect::{
    AttentionKind, AttentionShape, BlockPart, BlockRun, BlockSight, CachePoint, ExpertShape,
    Explanation, InspectQuery, Inspection, Language, PartShare, TemplateCard, TensorGroup, TypeRun,
    WeightPart,
};
pub use job::{
    Candidate, CandidateOutcome, Job, JobError, JobKind, JobProgress, JobState, JobTimings,
    JobUsage, Passage, Phase, Priority, Round, Submission, Term, Why,
};
pub use key::{Key, KeyChange, KeyRequest, KeyScope, KeyState, NewKey};
pub use lending::{Hold, Lend, LendRequest, Lending, Yield};
pub use mesh::{
    Admission, Check, CheckOutcome, CutOff, Device, DeviceKind, Doctor, Endpoint, EngineKind,
    EngineState, MeshRef, Misconduct, Node, NodeEngine, NodeModel, NodeRef, Notice, NoticeLevel,
    Presence, Queue, Status,
};
pub use model::{Capability, Model, ModelPlace, ModelState, PlaceRequest};
pub use pairing::{
    ApproveRequest, Approved, AskInRequest, Doorstep, FoundRequest, Newcomer, Pairing,
};
pub use provider::{
    Provider, ProviderKey, ProviderKind, ProviderModel, ProviderRequest, ProviderState, Providers,
    Routing, RoutingChange, RoutingPolicy,
};
pub use settings::{ModelSettings, SettingsRequest, Switch};
pub use sharing::{Lent, ProviderElsewhere, ShareRequest, ShareWith, Sharing};
pub use stock::{
    HubCard, HubFound, HubPage, HubRepo, HubTokenRequest, HubVariant, ImportFrom, ImportOutcome,
    ImportRequest, Imported, OllamaCopy, OllamaDelete, OllamaPull, Pull, PullRequest, PullSource,
    PullState, Stock, StoredChange, StoredModel, StoredOrigin, SweepRequest, Swept, Verified,
    VerifyRequest,
};
pub use typescript::typescript;
pub use usage::{History, HistoryPlace, HistoryPoint, PlaceState, Usage, UsageBy, UsageRow};

/// Everything at one moment: the first event of `/api/v1/events`, and the first after a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Snapshot {
    /// This node and its mesh.
    pub status: Status,
    /// All nodes, this one first.
    pub nodes: Vec<Node>,
    /// All models of the mesh, by name.
    pub models: Vec<Model>,
    /// Recent and live jobs, newest first.
    pub jobs: Vec<Job>,
}

/// What changed. Each carries the whole new state of the thing, so that applying one twice is harmless.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Everything anew.
    Snapshot {
        /// All of it.
        snapshot: Box<Snapshot>,
    },
    /// This node or its mesh.
    Status {
        /// The new state.
        status: Status,
    },
    /// A node came or changed.
    Node {
        /// The new state.
        node: Box<Node>,
    },
    /// A node is forgotten (one that merely cannot be reached stays, with another presence).
    NodeGone {
        /// Its id.
        id: String,
    },
    /// A model came or changed anywhere.
    Model {
        /// The new state.
        model: Model,
    },
    /// No node holds this model any more.
    ModelGone {
        /// Its name.
        name: String,
    },
    /// A job came or changed.
    Job {
        /// The new state.
        job: Box<Job>,
    },
    /// A download came or changed.
    Pull {
        /// The new state.
        pull: Box<Pull>,
    },
    /// A download was given up.
    PullGone {
        /// Its id.
        id: String,
    },
    /// An API key came or changed; told to this install only. What is used of it changes untold.
    Key {
        /// The new state.
        key: Box<Key>,
    },
    /// Something about providers changed, here or elsewhere: `GET /api/v1/providers` says what. What is
    /// only counted changes untold.
    Providers,
}

/// One list, so that fields can be added beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct List<T> {
    /// The entries.
    pub data: Vec<T>,
}

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong, for programs (`code`) and for people (`message`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ErrorDetail {
    /// The class, in OpenAI's words: `invalid_request_error`, `authentication_error`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable word for this error.
    pub code: String,
    /// The request's field that it is about.
    pub param: Option<String>,
    /// What happened, and what to do next.
    pub message: String,
    /// The id under which the log has this request.
    pub request_id: String,
}

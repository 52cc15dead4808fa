//! Jobs: what a person wants done ([`Work`]) and what placing it needs to know ([`Need`], no text).

use serde::{Deserialize, Serialize};

use crate::custody::Blob;
use crate::document::{DocumentWork, Documents};
use crate::engine::{Capabilities, EngineKind};
use crate::fault::Fault;
use crate::generate::{Embed, Generate};
use crate::ids::{BlobId, JobId, NodeId, PersonId};
use crate::limits;
use crate::name::ModelName;

/// What sort of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

impl JobKind {
    /// The engine that runs this kind when no provider does.
    #[must_use]
    pub fn engine(self) -> EngineKind {
        match self {
            Self::Chat | Self::Completion | Self::Embedding => EngineKind::Llama,
            Self::Image => EngineKind::Image,
            Self::Document => EngineKind::Document,
        }
    }
}

/// Whether somebody is waiting at the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// Somebody waits for it.
    #[default]
    Interactive,
    /// It may wait behind interactive work.
    Batch,
}

/// Whose computers may see the job's text: a node that runs a prompt can read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// Only nodes that belong to the job's person.
    Mine,
    /// Every node of the mesh.
    #[default]
    Mesh,
}

/// Where a job may run, as its person decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// If not empty, only these nodes.
    pub only: Vec<NodeId>,
    /// Never these nodes.
    pub not: Vec<NodeId>,
    /// Only the node that accepted it.
    pub local_only: bool,
    /// Whose computers may see it.
    pub trust: Trust,
}

/// What placing a job needs to know. Holds no prompt and no output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// What sort of work it is.
    pub kind: JobKind,
    /// Which model, by name.
    pub model: ModelName,
    /// Exactly this file (set for continuations), or any file of that name.
    pub file: Option<BlobId>,
    /// What the model must be able to do.
    pub capabilities: Capabilities,
    /// Who it is for.
    pub person: PersonId,
    /// Whether somebody waits.
    pub priority: Priority,
    /// Where it may run.
    pub constraints: Constraints,
    /// Tokens of the prompt, estimated from its bytes where no tokenizer is at hand.
    pub prompt_tokens: u32,
    /// Ceiling of the answer, in tokens, where the request gave one.
    pub max_tokens: Option<u32>,
    /// Keyed hashes of the prompt's growing prefixes, shortest first (see the scheduler's sketch).
    pub prefix: Vec<u64>,
}

impl Need {
    /// Whether the lists are within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.constraints.only.len() <= limits::CONSTRAINT_NODES
            && self.constraints.not.len() <= limits::CONSTRAINT_NODES
            && self.prefix.len() <= limits::ADVERT_PREFIXES
            && self.prompt_tokens <= limits::CONTEXT_TOKENS
    }
}

/// What to run: the text that only owner and executor see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Generate text.
    Generate(Box<Generate>),
    /// Embed texts.
    Embed(Embed),
    /// Work on one document.
    Document(Box<DocumentWork>),
    /// A job about some documents, which its owner takes apart; no engine sees it.
    Documents(Box<Documents>),
}

impl Work {
    /// The files beside what was asked, which an executor reads from the owner.
    #[must_use]
    pub fn files(&self) -> Vec<Blob> {
        match self {
            Self::Generate(_) | Self::Embed(_) => Vec::new(),
            Self::Document(work) => vec![work.file],
            Self::Documents(job) => job.files.iter().map(|file| file.file).collect(),
        }
    }

    /// Whether it asks for something, within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        match self {
            Self::Generate(generate) => generate.is_within_limits(),
            Self::Embed(embed) => {
                !embed.inputs.is_empty() && embed.inputs.len() <= limits::EMBED_INPUTS
            }
            Self::Document(work) => work.is_within_limits(),
            Self::Documents(job) => job.is_within_limits(),
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// No executor is bound yet.
    Waiting,
    /// Bound to this node; the engine may still be loading.
    Bound(NodeId),
    /// The first event of its work has arrived from this node.
    Running(NodeId),
    /// It ended with its result.
    Completed(NodeId),
    /// It ended without.
    Failed(Fault),
    /// Someone who may, cancelled it.
    Cancelled,
}

impl JobState {
    /// Whether nothing follows this state.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Waiting | Self::Bound(_) | Self::Running(_) => false,
            Self::Completed(_) | Self::Failed(_) | Self::Cancelled => true,
        }
    }
}

/// One line of a job list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    /// The job.
    pub job: JobId,
    /// What sort of work it is.
    pub kind: JobKind,
    /// Which model.
    pub model: ModelName,
    /// Who it is for.
    pub person: PersonId,
    /// The node that accepted it.
    pub owner: NodeId,
    /// Where it stands.
    pub state: JobState,
    /// When it was accepted, Unix time in milliseconds on its owner's clock (for people only).
    pub accepted_ms: u64,
}

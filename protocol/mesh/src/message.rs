//! Control-plane messages between two members: placing jobs, asking about jobs, managing models.
//! Prompts and outputs never travel here.

use serde::{Deserialize, Serialize};

use crate::custody::CustodyMessage;
use crate::fault::Refusal;
use crate::ids::{AttemptId, JobId, NodeId};
use crate::job::Need;
#[cfg(doc)]
use crate::limits;
use crate::name::ModelName;
use crate::roster::SignedEntry;
use crate::settings::{KeepAlive, ModelSettings};
use crate::sheet::JobSheet;

/// An owner asks whether, and when, a node could run a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The attempt that would be bound.
    pub attempt: AttemptId,
    /// What placing it needs to know.
    pub need: Need,
    /// It was in an engine that died: it gets an engine with nothing else in it, and nothing else is
    /// let in beside it.
    pub alone: bool,
}

/// A node's fresh answer to an offer; its reservation stands until withdrawn or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// Until it could start, in milliseconds; 0: a slot is reserved now.
    pub start_ms: u32,
    /// Loading time included in the prediction, in milliseconds; 0: the model is loaded.
    pub load_ms: u32,
    /// Prompt tokens that lie in its KV cache.
    pub cached_tokens: u32,
    /// Predicted time from now to the last token, in milliseconds.
    pub finish_ms: u32,
    /// How long the reservation stands, in milliseconds.
    pub valid_ms: u32,
}

/// Messages of the schedulers of two nodes. Each is one-way; lost ones are covered by deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Owner → executor.
    Offer(Box<Offer>),
    /// Executor → owner: yes, like this.
    Bid {
        /// Of which offer.
        attempt: AttemptId,
        /// The answer.
        bid: Bid,
    },
    /// Executor → owner: no.
    Refuse {
        /// Of which offer.
        attempt: AttemptId,
        /// Why.
        refusal: Refusal,
    },
    /// Executor → owner: a waiting reservation's turn has come; may I?
    Claim {
        /// Of which offer.
        attempt: AttemptId,
    },
    /// Owner → executor: the job is yours; its data stream follows.
    Bind {
        /// Of which offer.
        attempt: AttemptId,
    },
    /// Owner → executor: the reservation is not needed any more, or the job is bound elsewhere.
    Gone {
        /// Of which offer.
        attempt: AttemptId,
    },
    /// Executor → owner: this binding does not stand here (expired, restarted).
    Unbound {
        /// Of which offer.
        attempt: AttemptId,
        /// Why.
        refusal: Refusal,
    },
    /// Executor → some of the owners that asked it lately: a slot is free and nobody waits for it.
    /// A hint, fresher than gossip; nothing is reserved.
    Idle,
}

impl Control {
    /// The attempt that it speaks of; none for a hint.
    #[must_use]
    pub fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Offer(offer) => Some(offer.attempt),
            Self::Bid { attempt, .. }
            | Self::Refuse { attempt, .. }
            | Self::Claim { attempt }
            | Self::Bind { attempt }
            | Self::Gone { attempt }
            | Self::Unbound { attempt, .. } => Some(*attempt),
            Self::Idle => None,
        }
    }
}

/// What one member asks of another, over request-response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A scheduler's message; answered by [`Response::Done`].
    Scheduler(Control),
    /// Roster synchronisation: these are my entries' hashes.
    Roster {
        /// BLAKE3 of each entry known to the asker.
        known: Vec<[u8; 32]>,
    },
    /// Take these entries.
    RosterEntries(Vec<SignedEntry>),
    /// Send your current full advert.
    Advert,
    /// Load a model of yours.
    Load(ModelName),
    /// Unload a model of yours.
    Unload(ModelName),
    /// List the jobs you own that the asker may see, newest first; [`Response::Jobs`].
    Jobs {
        /// Only those that are not over.
        live: bool,
        /// Only older ones: the next part of a list.
        before: Option<JobId>,
    },
    /// What changed in the jobs that the asker may see since you told this revision, in the order of
    /// the changes; [`Response::JobsSince`]. For an unknown revision: the newest changes.
    JobsSince(u64),
    /// Where does this job stand? [`Response::Job`] from its owner, [`Response::HeldJob`] from who
    /// holds its record.
    Job(JobId),
    /// Is this attempt, which the asker owns and hears nothing of, still bound here? `Done` or
    /// `NotFound`.
    Attempt(AttemptId),
    /// Cancel a job that you own. Answered like [`Request::Job`].
    CancelJob(JobId),
    /// Why is a job that you own where it is? [`Response::Why`].
    Why(JobId),
    /// Between those that keep a durable job; answered by [`Response::Done`].
    Custody(Box<CustodyMessage>),
    /// Take over a job that you keep and whose owner is lost, without its other holders. Answered
    /// like [`Request::Job`], or by [`Response::JobProblem`].
    AdoptJob(JobId),
    /// Forget a job of yours that is over, at all its holders. [`Response::Done`] or
    /// [`Response::JobProblem`].
    RemoveJob(JobId),
    /// What is the file of a model of yours, by its header? [`Response::Inspection`].
    Inspect(ModelName),
    /// Copy a model of the mesh to yourself. Answered like [`Request::Load`].
    Copy(ModelName),
    /// How is a model of yours set? [`Response::Settings`].
    Settings(ModelName),
    /// Set a model of yours like this, and nothing else of it.
    Set(ModelName, Box<ModelSettings>),
    /// Keep a model of yours, once loaded, for this long after its last use.
    Keep(ModelName, KeepAlive),
}

/// Why a member did not do what was asked about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobProblem {
    /// There is no such job here, or not for the asker.
    NotFound,
    /// It is over.
    Over,
    /// It is not over yet.
    NotOver,
    /// Its owner can be reached.
    NotLost,
    /// Who knows could not be asked.
    Unreachable,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Taken.
    Done,
    /// Not taken.
    Refused(Refusal),
    /// Entries that the asker lacked.
    Roster(Vec<SignedEntry>),
    /// The current full advert.
    Advert(Box<crate::advert::NodeAdvert>),
    /// Jobs, at most [`limits::SHEETS`].
    Jobs(Vec<JobSheet>),
    /// No such thing here, or not for the asker.
    NotFound,
    /// Jobs, at most [`limits::SHEETS`], and the revision up to which nothing was left out.
    JobsSince(u64, Vec<JobSheet>),
    /// A job of the answering node.
    Job(Box<JobSheet>),
    /// A job of another node, as far as the answering one knows it.
    HeldJob(Box<JobSheet>),
    /// The API's `Why` as JSON, at most [`limits::WHY_BYTES`].
    Why(String),
    /// Nothing was done to the job.
    JobProblem(JobProblem),
    /// What a model is, as JSON of [`limits::INSPECTION_BYTES`] at most.
    Inspection(Vec<u8>),
    /// The settings of a model.
    Settings(Box<ModelSettings>),
}

/// A message with its sender, as the mesh door established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From<T> {
    /// The authenticated sender.
    pub node: NodeId,
    /// What it said.
    pub body: T,
}

//! What went wrong, as data: refusals (nothing was started) and faults (something had been).
//! Closed and comparable; the sentence for a person is part of the variant.

use serde::{Deserialize, Serialize};

use crate::document::DocumentProblem;

/// Why a node did not take a job. The owner tries elsewhere, or tells the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The asker is not a member of the mesh that this node knows.
    #[error("this computer does not know the asking one as a member of its mesh")]
    NotMember,
    /// The asker's or this node's role does not allow it.
    #[error("the role of one of the two computers does not allow this job")]
    Role,
    /// The model's file is not on this node.
    #[error("the model is not on this computer")]
    ModelAbsent,
    /// The engine for this kind of job is not on this node.
    #[error("this computer has no engine for this kind of job")]
    EngineAbsent,
    /// The model cannot do what the job asks (images, embeddings, tools …).
    #[error("the model cannot do what the job asks for")]
    Capability,
    /// Prompt and answer do not fit the model's context.
    #[error("{needed} tokens are needed, the model's context here holds {available}")]
    Context {
        /// Tokens of prompt and answer.
        needed: u32,
        /// Tokens that a slot holds.
        available: u32,
    },
    /// The model does not fit this node's free memory, even with every idle model unloaded.
    #[error("{needed} bytes of memory are needed, {available} can be made free")]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes that could be made free.
        available: u64,
    },
    /// The queue is at its bound.
    #[error("the queue of this computer is full")]
    QueueFull,
    /// The person at this node is using it.
    #[error("the person at this computer is using it")]
    OwnerBusy,
    /// This node is paused or draining.
    #[error("this computer takes no jobs at the moment")]
    Paused,
    /// The job's own constraints exclude this node.
    #[error("the job itself excludes this computer")]
    Excluded,
    /// The reservation had expired, or the epoch is an old one.
    #[error("the reservation is no longer valid")]
    Stale,
    /// The message names a kind or field that this version does not know.
    #[error("this computer runs a version that does not know this kind of job")]
    Unsupported,
}

/// Why an attempt ended without its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Fault {
    /// The engine's process ended by itself or by a signal.
    #[error("the engine crashed; it is being restarted")]
    EngineCrash,
    /// The engine gave no sign of life in time and was ended.
    #[error("the engine stopped answering and was ended")]
    EngineSilent,
    /// The engine wrote something that is not the worker protocol.
    #[error("the engine wrote something that cannot be read, and was ended")]
    EngineGarbage,
    /// No engine of this kind could be started.
    #[error("the engine could not be started")]
    EngineStart,
    /// The model's file is damaged or was changed since it was checked.
    #[error("the model's file is damaged or was changed: verify it, or fetch it again")]
    ModelDamaged,
    /// The engine does not know this model's architecture or type.
    #[error("this engine cannot run this kind of model")]
    ModelUnsupported,
    /// Memory did not suffice, at loading or while running.
    #[error(
        "{needed} bytes of memory are needed, {available} are free: close something, or pick a smaller model"
    )]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        available: u64,
    },
    /// Prompt and answer exceed the context.
    #[error("the request needs {needed} tokens, the model holds {available}: shorten the input")]
    Context {
        /// Tokens needed.
        needed: u32,
        /// Tokens a slot holds.
        available: u32,
    },
    /// The schema or grammar is too complex or not valid.
    #[error("the JSON schema or grammar is not valid or too complex: simplify it")]
    Grammar,
    /// The model's chat template failed on these messages.
    #[error("the model's chat template cannot render these messages")]
    Template,
    /// The request asks for something the model cannot do.
    #[error("the model cannot do what the request asks for")]
    Capability,
    /// The request breaks a bound or contradicts itself.
    #[error("the request is not valid for this engine")]
    BadRequest,
    /// The executor was refused after binding, or before starting.
    #[error("the computer that was to run it refused: {0}")]
    Refused(Refusal),
    /// The executor could not be reached, or the connection broke.
    #[error("the connection to the computer that ran it broke")]
    Connection,
    /// The executor gave no sign of life in time.
    #[error("the computer that ran it stopped answering")]
    Silent,
    /// The executor broke the protocol (token order, sizes, ends).
    #[error("the computer that ran it broke the protocol")]
    PeerProtocol,
    /// Someone who may, cancelled it.
    #[error("it was cancelled")]
    Cancelled,
    /// No node can run it.
    #[error("no computer of the mesh can run it")]
    NoCandidate,
    /// It waited longer than its deadline.
    #[error("no computer became free in time")]
    Deadline,
    /// An answer had begun, and nobody who could go on with it came back in time.
    #[error(
        "the computer that wrote this answer is gone, and no other with the same model file came in time: ask again"
    )]
    NotContinued,
    /// The executor was removed from the mesh while it ran.
    #[error("the computer that ran it was removed from the mesh")]
    Removed,
    /// The owner itself was removed from the mesh, and nothing here can do it.
    #[error(
        "this computer was removed from its mesh and cannot do this alone: ask an admin, or pick a model of this computer"
    )]
    Outside,
    /// The document cannot be worked on, here or elsewhere.
    #[error("{0}")]
    Document(DocumentProblem),
}

impl Fault {
    /// Whether another attempt, here or elsewhere, can end better.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::EngineCrash
            | Self::EngineSilent
            | Self::EngineGarbage
            | Self::EngineStart
            | Self::ModelDamaged
            | Self::Memory { .. }
            | Self::Refused(_)
            | Self::Connection
            | Self::Silent
            | Self::PeerProtocol
            | Self::Removed => true,
            Self::ModelUnsupported
            | Self::Context { .. }
            | Self::Grammar
            | Self::Template
            | Self::Capability
            | Self::BadRequest
            | Self::Cancelled
            | Self::NoCandidate
            | Self::Deadline
            | Self::NotContinued
            | Self::Outside
            | Self::Document(_) => false,
        }
    }

    /// Whether the engine's process ended, or was ended, under all that ran in it.
    #[must_use]
    pub fn ends_engine(&self) -> bool {
        match self {
            Self::EngineCrash | Self::EngineSilent | Self::EngineGarbage => true,
            Self::EngineStart
            | Self::ModelDamaged
            | Self::ModelUnsupported
            | Self::Memory { .. }
            | Self::Context { .. }
            | Self::Grammar
            | Self::Template
            | Self::Capability
            | Self::BadRequest
            | Self::Refused(_)
            | Self::Connection
            | Self::Silent
            | Self::PeerProtocol
            | Self::Cancelled
            | Self::NoCandidate
            | Self::Deadline
            | Self::NotContinued
            | Self::Removed
            | Self::Outside
            | Self::Document(_) => false,
        }
    }

    /// A stable word for programs, as in `{"error":{"code": …}}`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EngineCrash => "engine_crash",
            Self::EngineSilent => "engine_silent",
            Self::EngineGarbage => "engine_garbage",
            Self::EngineStart => "engine_start",
            Self::ModelDamaged => "model_damaged",
            Self::ModelUnsupported => "model_unsupported",
            Self::Memory { .. } => "insufficient_memory",
            Self::Context { .. } => "context_length_exceeded",
            Self::Grammar => "schema_too_complex",
            Self::Template => "chat_template",
            Self::Capability => "unsupported_by_model",
            Self::BadRequest => "invalid_request",
            Self::Refused(_) => "refused",
            Self::Connection => "connection_lost",
            Self::Silent => "peer_silent",
            Self::PeerProtocol => "peer_protocol_error",
            Self::Cancelled => "cancelled",
            Self::NoCandidate => "no_candidate",
            Self::Deadline => "queue_timeout",
            Self::NotContinued => "not_continued",
            Self::Removed => "peer_removed",
            Self::Outside => "removed",
            Self::Document(problem) => problem.code(),
        }
    }
}

//! A job as its owner shows it to other members who may see it. Holds no prompt and no output, only
//! the names of the files that do.

use serde::{Deserialize, Serialize};

use crate::custody::Rank;
use crate::engine::{Phase, Timings, Usage};
use crate::ids::{BlobId, NodeId};
use crate::job::{JobLine, Priority};
use crate::limits;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the engine is doing.
    pub phase: Phase,
    /// How far: thousandths while loading, tokens otherwise.
    pub step: u32,
    /// Of how many, where that is known.
    pub total: Option<u32>,
}

/// Everything about a job but its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSheet {
    /// What a list shows.
    pub line: JobLine,
    /// Whether somebody waits for it.
    pub priority: Priority,
    /// Whether it outlives the connection and the node that asked.
    pub durable: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// The node that it is bound to, runs on, or ran on.
    pub node: Option<NodeId>,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    /// Token counts, once it is over.
    pub usage: Option<Usage>,
    /// Durations, once it is over.
    pub timings: Option<Timings>,
    /// One sentence, why it is where it is; at most [`limits::SENTENCE_BYTES`].
    pub why: Option<String>,
    /// When it ended, Unix time in milliseconds on its owner's clock (for people only).
    pub ended_ms: Option<u64>,
    /// Of a lasting job: which state of its record this is; of two, the higher one is right.
    pub rank: Option<Rank>,
    /// Of a lasting job: the nodes that keep its record and its files, at most
    /// [`limits::HOLDERS`].
    pub holders: Vec<NodeId>,
    /// Of a lasting job: the file with what was asked.
    pub input: Option<BlobId>,
    /// Of a lasting job that completed: the file with the result.
    pub result: Option<BlobId>,
}

impl JobSheet {
    /// Whether the texts are within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.why.as_ref().is_none_or(|why| why.len() <= limits::SENTENCE_BYTES)
            && self.holders.len() <= limits::HOLDERS
    }
}

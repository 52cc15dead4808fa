//! Jobs as their owner keeps them. Inputs and results are files; the record only names them.

use pumasi_protocol::BlobId;
use pumasi_protocol::job::JobLine;
use serde::{Deserialize, Serialize};

/// What is kept of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// What a job list shows.
    pub line: JobLine,
    /// The file with what was asked.
    pub input: Option<BlobId>,
    /// The file with the result.
    pub result: Option<BlobId>,
    /// When it ended, Unix time in milliseconds on this node's clock.
    pub ended_ms: Option<u64>,
}

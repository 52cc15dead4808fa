//! Jobs that are looked up.

/// Why a question about a job has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobLookupError {
    /// There is no such job, or it is not the caller's: the two look alike on purpose.
    #[error("there is no such job")]
    NotFound,
    /// It is over already.
    #[error("the job is over already")]
    Over,
    /// It is not over yet.
    #[error("the job is not over yet")]
    NotOver,
    /// Its result was not kept (a chat's never is).
    #[error("the result of this job was not kept")]
    NotKept,
    /// The node that knows could not be asked.
    #[error("the computer that owns this job cannot be reached")]
    Unreachable,
    /// Its owner can be reached: there is nothing to take over.
    #[error(
        "the computer that owns this job can be reached, so it goes on there: nothing to adopt"
    )]
    NotLost,
}

/// Which jobs to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobFilter {
    /// Only those that are not over.
    pub live: bool,
    /// At most this many, newest first.
    pub limit: usize,
}

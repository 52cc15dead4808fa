//! What was used, and how it went.

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The world failed: what is kept cannot be read.
    #[error("what this computer keeps of usage cannot be read: `pumasi doctor` says more")]
    Store,
}

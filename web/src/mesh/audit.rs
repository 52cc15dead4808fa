//! Which entries of the audit log are asked for.

/// Which entries are asked for; of those that the caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Not before this, Unix time in milliseconds.
    pub since_ms: u64,
    /// Done by this person, or to what is theirs.
    pub person: Option<String>,
    /// At most this many, newest first.
    pub limit: usize,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The world failed: what is kept cannot be read.
    #[error("what this computer keeps cannot be read: `pumasi doctor` says more")]
    Store,
}

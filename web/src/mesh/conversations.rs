//! What can be asked of the conversations that a node keeps, and what can be wrong with that.

/// Which conversations are listed, those changed last first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only those whose title or messages hold this; case does not matter. Empty: all.
    pub search: String,
    /// At most this many.
    pub limit: usize,
}

/// Why a conversation is not kept or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    /// There is none of this id; perhaps it was deleted.
    #[error("there is no such conversation: perhaps it was deleted")]
    NotFound,
    /// No more are kept.
    #[error("as many conversations are kept as there may be: delete some")]
    TooMany,
    /// It would be larger than one may be.
    #[error("this conversation is as long as one may be: begin a new one")]
    TooLong,
    /// All together would be larger than they may be.
    #[error("conversations take as much room as they may: delete some")]
    TooLarge,
    /// The disk is full.
    #[error("the disk of this computer is full: free some space")]
    DiskFull,
    /// The world failed: what is kept cannot be read or written.
    #[error("conversations cannot be read or written here: `pumasi doctor` says more")]
    Store,
}

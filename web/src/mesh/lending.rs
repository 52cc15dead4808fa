//! What can be wrong with telling a node whether to lend itself.

/// Why a node does not do as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LendError {
    /// The world failed: what it was told could not be written down, so it would not last.
    #[error("this computer could not write it down: is the disk full?")]
    Store,
    /// The node is stopping.
    #[error("this node is stopping")]
    Stopping,
}

//! What a member shows at the join door of another that has not heard of it yet, and what it gets:
//! one frame of [`limits::CHAIN_BYTES`] at most, then one word. And what a removed one is told when its
//! connections are closed.

use serde::{Deserialize, Serialize};

use crate::frame::{self, FrameError};
use crate::limits;
use crate::roster::SignedEntry;

/// The entries by which the sender is a member, as far as it takes to prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain(pub Vec<SignedEntry>);

/// What the door says. Why not, it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChainAnswer {
    /// The sender is a member here, too.
    Member,
    /// It is none.
    Stranger,
}

/// The entries by which the receiver belongs no more, as far as they fit into the last packet of a
/// connection. They are signed, so it does not matter who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal(pub Vec<SignedEntry>);

impl Removal {
    /// As bytes; nothing at all where there is nothing to say, or it does not fit.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        frame::encode_body(self, limits::REMOVAL_BYTES).unwrap_or_default()
    }

    /// From bytes of whoever closed a connection.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] above [`limits::REMOVAL_BYTES`], or when they are no such value.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let (length, limit) = (bytes.len(), limits::REMOVAL_BYTES);
        if length > limit {
            return Err(FrameError::TooLong { length, limit });
        }
        frame::decode_body(bytes)
    }
}

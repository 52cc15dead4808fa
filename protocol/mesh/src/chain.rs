//! What a member shows at the join door of another that has not heard of it yet, and what it gets:
//! one frame of [`limits::CHAIN_BYTES`](crate::limits::CHAIN_BYTES) at most, then one word.

use serde::{Deserialize, Serialize};

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

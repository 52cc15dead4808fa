//! Planted bugs behind a switch of the simulator. A run of the tests shows that each is found; one
//! that is not found would mean that the oracle is blind there.

use serde::{Deserialize, Serialize};

/// A bug to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Canary {
    /// A model's memory counts once it is loaded, and nothing while it is only promised.
    MemoryCountedAtLoad,
    /// Owners take news of any attempt of a job for news of the one that stands.
    EpochForgotten,
    /// Nodes take `Gone` for `Bind`.
    LosersBound,
    /// A node does not tell the end of every fourth attempt that it ran.
    EndSwallowed,
}

impl Canary {
    /// All of them, with their names on the command line.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::MemoryCountedAtLoad, "memory-counted-at-load"),
        (Self::EpochForgotten, "epoch-forgotten"),
        (Self::LosersBound, "losers-bound"),
        (Self::EndSwallowed, "end-swallowed"),
    ];
}

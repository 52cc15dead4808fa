//! The scheduler's only notion of time: microseconds since this node started, told by the caller.

use serde::{Deserialize, Serialize};

/// Microseconds since the node started, by a monotone clock that the caller owns.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(pub u64);

impl Time {
    /// The node's start.
    pub const START: Self = Self(0);

    /// The time `ms` milliseconds after the node's start.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// The time `ms` milliseconds later, capped at the end of time.
    #[must_use]
    pub fn after_ms(self, ms: impl Into<u64>) -> Self {
        Self(self.0.saturating_add(ms.into().saturating_mul(1_000)))
    }

    /// Whole milliseconds from `earlier` to here; 0 if `earlier` is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }
}

/// `first`, doubled `times` times, at most `most`.
pub(crate) fn backoff_ms(first: u32, times: u32, most: u32) -> u32 {
    let doubled = u64::from(first) << times.min(16);
    u32::try_from(doubled.min(u64::from(most))).expect("at most a 32-bit number")
}

//! The invariants by name, and how a violation of one reads.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Invariant {
    /// I1: a second terminal state.
    TerminalOnce,
    /// I2: a job of a living node never ended.
    Ends,
    /// I2: an executor that gives no sign of life was not given up in time.
    GivenUp,
    /// I2: a lasting job was acknowledged and never ended.
    Lost,
    /// I3, I4: a lasting job was acknowledged before all its holders had it on their disks, or a holder
    /// gave its word to a candidate before that was on its own.
    AckDurable,
    /// I4: one attempt on two nodes, two owners in one term, or news of an old epoch taken.
    Fencing,
    /// I5: a token repeated, left out, or not the one that follows.
    Tokens,
    /// I6: work for or by somebody who does not belong.
    ApprovedOnly,
    /// I7: something was told to a stranger.
    StrangerSilence,
    /// I8: more memory or slots taken than there are.
    Memory,
    /// I9: failed for want of a candidate while a node could run it.
    Overlooked,
    /// I10: a table that does not equal the truth in time.
    Convergence,
    /// I11: an older advert replaced a newer one.
    Freshness,
    /// I12: something came after "cancelled", or a slot was not given back.
    CancelFinal,
    /// I13: something is left when nothing is to be done.
    Leak,
    /// I14: a table beyond its bound.
    Bounded,
    /// I15: a row names a file that is not on the same disk.
    BlobIntegrity,
    /// I16: one key, and two jobs of it that count.
    Idempotency,
    /// I17: one person got what is another's.
    Isolation,
    /// I18: a job did not start in time although a node was free for it.
    Starved,
    /// I19: a machine starts and does not know what its disk has.
    Recovery,
    /// I20: the same entries gave two rosters, or a revoked key came back.
    RosterAgreement,
    /// I21: a job crashed a third node's engine, or took an innocent one with it.
    Poison,
    /// P10: an honest member was taken for a liar.
    Blamed,
}

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// In words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at_us / 1_000_000;
        let micros = self.at_us % 1_000_000;
        write!(f, "{:?} at {seconds}.{micros:06} s: {}", self.invariant, self.what)
    }
}

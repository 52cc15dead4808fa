//! Custody's settings. Each has its unit, its default, and where the number comes from.

use serde::{Deserialize, Serialize};

/// Settings of one node's custody of durable jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustodyConfig {
    /// How many nodes keep a job, its owner included. Default 3. 0 counts as 1, above
    /// [`pumasi_protocol::limits::HOLDERS`] as that.
    pub holders: u8,
    /// How long a chosen holder may take to fetch the files and confirm before another is chosen, in
    /// milliseconds. Default 20,000 (guess: a slow disk's sync and 100 MiB over a slow link).
    pub keep_ms: u32,
    /// How long holders are gathered for an acceptance, in milliseconds; writing down the list of those
    /// that confirmed may take `keep_ms` more. Default 60,000 (guess).
    pub accept_ms: u32,
    /// How long an answer to the question for a key is awaited, in milliseconds. Default 500 (guess).
    pub find_ms: u32,
    /// First pause until an unconfirmed message is repeated, in milliseconds; doubles each time.
    /// Default 1,000 (guess: many round trips, a few syncs).
    pub resend_ms: u32,
    /// Longest such pause, in milliseconds. Default 15,000 (guess).
    pub resend_max_ms: u32,
    /// How long an owner must have been unreachable before another holder asks to own its jobs, in
    /// milliseconds. Default 10,000 (guess: above the blink of a link, below a restart's patience).
    pub takeover_ms: u32,
    /// By how much later each further holder asks, and the bound of the jitter on top, in
    /// milliseconds. Default 2,000 (guess: above a round of votes with its syncs).
    pub stagger_ms: u32,
    /// How long a candidate waits for votes before it gives up for now, in milliseconds. Default
    /// 6,000 (guess).
    pub vote_ms: u32,
    /// How long after its start an owner waits for news of its jobs before it takes them up again, in
    /// milliseconds. Default 2,000 (guess: a state sync takes a few round trips).
    pub restart_ms: u32,
    /// How long a holder must have been unreachable before it is replaced, in milliseconds. Default
    /// 120,000 (guess: above a restart of a computer).
    pub replace_ms: u32,
}

impl Default for CustodyConfig {
    fn default() -> Self {
        Self {
            holders: 3,
            keep_ms: 20_000,
            accept_ms: 60_000,
            find_ms: 500,
            resend_ms: 1_000,
            resend_max_ms: 15_000,
            takeover_ms: 10_000,
            stagger_ms: 2_000,
            vote_ms: 6_000,
            restart_ms: 2_000,
            replace_ms: 120_000,
        }
    }
}

//! Settings of the state plane. Each has its unit, its default, and where the number comes from.

use serde::{Deserialize, Serialize};

/// Settings of one node's part in spreading state and noticing deaths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpreadConfig {
    /// Least time between two states that a node tells, in milliseconds. Default 500 (a quarter of
    /// the age that is allowed).
    pub push_ms: u32,
    /// What that time is for each member that is told, in milliseconds, if that is longer. Default 8: a
    /// node that changes all the time sends 200 members a third of what two states a second are.
    pub push_each_ms: u32,
    /// What it is at most, in milliseconds. Default 1,600 (the age that is allowed, less the way and
    /// what losses cost).
    pub push_most_ms: u32,
    /// Time between two signs of life to a watcher, in milliseconds. Default 500 (`dead_ms` less the
    /// longest pause that is forgiven, less the way there).
    pub beat_ms: u32,
    /// Members that each node asks to watch it. Default 3 (at 5 % loss, one beat in 8,000 is missed
    /// by all three).
    pub watchers: u8,
    /// Time between two pings, each of another member in turn, in milliseconds. Default 1,000.
    pub ping_ms: u32,
    /// Nodes of which one ping or pong tells how far they are known. Default 8: each hears
    /// two such messages a second, so that a mesh of 200 is told once in 11 s. Streams lose nothing
    /// by themselves; this mends what a full queue dropped.
    pub seen: u8,
    /// Silence of a watched node after which it is asked, directly and by others, in milliseconds.
    /// Default 1,200: two beats and what a loss costs.
    pub doubt_ms: u32,
    /// Silence after which it counts as dead, if nobody else hears it, in milliseconds. Default
    /// 2,700: a pause of 2 s, after which it answers at once, is no death.
    pub dead_ms: u32,
    /// Time that a member has to say whether it hears a node, in milliseconds. Default 400.
    pub ask_ms: u32,
    /// Members that are asked. Default 3.
    pub asked: u8,
    /// How recently a node must have been heard for somebody else's claim that it is dead to be
    /// ignored, in milliseconds. Default 1,000.
    pub fresh_ms: u32,
    /// Time that a node which others call dead has to answer, in milliseconds. Default 250.
    pub claim_ms: u32,
    /// Time in which a node that is to be verified must answer, in milliseconds. Default 500 (guess:
    /// twenty round trips of a slow network).
    pub verify_ms: u32,
    /// Silence on the direct way after which a node counts as out of reach although others hear it,
    /// in milliseconds. Default 10,000.
    pub deaf_ms: u32,
    /// Lateness of a timer from which on a node takes it that it stood still itself, in
    /// milliseconds. Default 300.
    pub stall_ms: u32,
    /// Least time between two requests for one node's full advert, in milliseconds. Default 2,000.
    pub pull_ms: u32,
}

impl Default for SpreadConfig {
    fn default() -> Self {
        Self {
            push_ms: 500,
            push_each_ms: 8,
            push_most_ms: 1_600,
            beat_ms: 500,
            watchers: 3,
            ping_ms: 1_000,
            seen: 8,
            doubt_ms: 1_200,
            dead_ms: 2_700,
            ask_ms: 400,
            asked: 3,
            fresh_ms: 1_000,
            claim_ms: 250,
            verify_ms: 500,
            deaf_ms: 10_000,
            stall_ms: 300,
            pull_ms: 2_000,
        }
    }
}

//! Whether this computer lends itself to others, why not, and what work for others does meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a person told this computer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lend {
    /// To run jobs of others.
    #[default]
    Accepting,
    /// To take no new jobs of others; those that run here finish, own ones go on.
    Paused,
    /// To take no new jobs at all, and to hand back those that wait.
    Draining,
}

/// Why this computer takes no jobs of others at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// A person said so.
    Told,
    /// The schedule does not lend it at this time.
    Schedule,
    /// It runs on battery.
    Battery,
    /// The person at it is using it, and work for others pauses meanwhile.
    InUse,
}

/// What work for others does while the person at this computer uses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Yield {
    /// It pauses, and goes on elsewhere if that lasts.
    Pause,
    /// It runs slowly.
    #[default]
    Slow,
    /// Nothing.
    None,
}

/// Whether this computer lends itself, in full.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Lending {
    /// What a person told it.
    pub lend: Lend,
    /// When a pause ends by itself, Unix time in milliseconds; none: when it is told.
    pub until_ms: Option<u64>,
    /// Why it takes no jobs of others at the moment; empty: it does.
    pub holds: Vec<Hold>,
    /// The policy while it is in use.
    #[serde(rename = "yield")]
    pub yields: Yield,
    /// Whether it is in use, by what other programs take of it.
    pub in_use: bool,
    /// When it is lent, as configured; none: always.
    pub schedule: Option<String>,
    /// Whether it runs on battery; none where that cannot be told.
    pub on_battery: Option<bool>,
    /// Bytes that models may take while they run for others; none: no cap.
    pub memory_cap_bytes: Option<u64>,
    /// Jobs of others that run or wait here.
    pub foreign: u32,
    /// Of these, slowed or paused for the person at this computer.
    pub yielding: u32,
    /// All jobs that run or wait here.
    pub here: u32,
    /// Nothing runs or waits here, and none of this computer's own jobs is under way elsewhere: it
    /// can be switched off.
    pub empty: bool,
}

/// What to tell this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LendRequest {
    /// To what.
    pub lend: Lend,
    /// A pause ends by itself after this many seconds; only with `paused`.
    #[serde(default)]
    pub for_s: Option<u32>,
}

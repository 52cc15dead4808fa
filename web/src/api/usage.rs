//! What was used, by whom, of what, and how it went over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What rows of usage are told apart by.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// The day of UTC.
    Day,
    /// The person.
    Person,
    /// The API key.
    Key,
    /// The model that answered.
    Model,
    /// The computer or provider that answered.
    Place,
}

impl UsageBy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Person, Self::Key, Self::Model, Self::Place];

    /// The word for it, as in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Person => "person",
            Self::Key => "key",
            Self::Model => "model",
            Self::Place => "place",
        }
    }
}

/// What was used of one sort. What the rows are not told apart by is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct UsageRow {
    /// The day of UTC, as in `2026-03-01`.
    pub day: Option<String>,
    /// The person; empty: programs of a shared computer.
    pub person: Option<String>,
    /// The id of the API key; empty: programs of this computer.
    pub key: Option<String>,
    /// What people call that key, if it is still there.
    pub key_name: Option<String>,
    /// The model, as the place calls it; `-`: no place answered.
    pub model: Option<String>,
    /// `mesh/` and the short id of a computer, or a provider's id; `-`: no place answered.
    pub place: Option<String>,
    /// What people call that place, if it is still there.
    pub place_name: Option<String>,
    /// Requests that ended.
    pub requests: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Of these, taken from a cache.
    pub cached_tokens: u64,
    /// Tokens of answers, thinking included.
    pub completion_tokens: u64,
    /// Of these, thinking.
    pub thinking_tokens: u64,
    /// Seconds that engines of the mesh computed.
    pub engine_s: f64,
    /// US dollars by the providers' list prices; none: no price of it is known. Computers of the mesh
    /// have no price and count as nothing.
    pub cost_usd: Option<f64>,
    /// Requests whose price is not known: the cost is without them.
    pub unpriced: u64,
}

/// What was used in some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Usage {
    /// The first day, of UTC.
    pub from: String,
    /// The last day.
    pub to: String,
    /// What the rows are told apart by.
    pub by: Vec<UsageBy>,
    /// The rows; by day the oldest first, else the most tokens first.
    pub rows: Vec<UsageRow>,
    /// All of them together.
    pub total: UsageRow,
}

/// How a place stood.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// It could be asked.
    Up,
    /// In part, or not surely.
    Shaky,
    /// It could not.
    Down,
}

/// A place, and how it stood at its worst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HistoryPlace {
    /// `mesh/` and the short id of a computer, or a provider's id.
    pub place: String,
    /// How it stood.
    pub state: PlaceState,
}

/// The main figures of one minute or hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HistoryPoint {
    /// When it began, Unix time in milliseconds.
    pub at_ms: u64,
    /// Requests for answers that ended in it.
    pub requests: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Tokens of answers a second, over the whole time.
    pub tokens_per_s: f64,
    /// Within which half of the answers began, in milliseconds; none: none began.
    pub ttft_p50_ms: Option<f64>,
    /// Within which all but one of a hundred began, in milliseconds.
    pub ttft_p99_ms: Option<f64>,
    /// Jobs that waited at its end.
    pub waiting: u32,
    /// Places, and how they stood.
    pub places: Vec<HistoryPlace>,
}

/// How it went over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct History {
    /// Seconds from point to point; minutes in which this computer did not run are left out.
    pub step_s: u32,
    /// The points, the oldest first.
    pub points: Vec<HistoryPoint>,
}

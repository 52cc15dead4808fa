//! Providers that computers of the mesh share: who may ask through whom, how much, and what was used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mesh::NodeRef;
use super::provider::ProviderModel;

/// Who may ask a provider through the computer that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareWith {
    /// Nobody else.
    #[default]
    Nobody,
    /// Every member; guests only what is in the office.
    Everyone,
    /// The computers of the named people.
    People,
}

/// How a provider of this computer is shared, and what others used of it today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Sharing {
    /// With whom.
    pub with: ShareWith,
    /// Which people, where it is for some.
    pub people: Vec<String>,
    /// Requests that all others together may put in a minute; 0: any number.
    pub requests_per_minute: u32,
    /// Tokens that all others together may use on one day (UTC); 0: any number.
    pub tokens_per_day: u64,
    /// It is so because nobody has said anything else.
    pub usual: bool,
    /// What others used today (UTC), by computer.
    pub lent: Vec<Lent>,
}

/// What one other computer used of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Lent {
    /// Which computer.
    pub node: NodeRef,
    /// Whose it is; none: a shared one.
    pub person: Option<String>,
    /// Requests that ended.
    pub requests: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// US dollars by list prices; none: not known.
    pub cost_usd: Option<f64>,
}

/// The body of `POST /api/v1/providers/{id}/share`: what is missing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareRequest {
    /// With whom.
    #[serde(default)]
    pub with: Option<ShareWith>,
    /// All people that it is shared with, where it is for some.
    #[serde(default)]
    pub people: Option<Vec<String>>,
    /// Requests that all others together may put in a minute; 0: any number.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Tokens that all others together may use on one day (UTC); 0: any number.
    #[serde(default)]
    pub tokens_per_day: Option<u64>,
}

/// A provider of another computer that this one may ask through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProviderElsewhere {
    /// What it is called here: `openai.desk`. Its models are asked for as `openai.desk/model`, or as
    /// `openai/model` wherever there is one.
    pub id: String,
    /// The computer that has it, and its key.
    pub node: NodeRef,
    /// Its kind, by id.
    pub kind: String,
    /// The kind's name for people.
    pub name: String,
    /// Whether text that goes there leaves the office.
    pub outside: bool,
    /// By the word of that computer it keeps nothing that it is sent, and learns nothing from it.
    pub keeps_nothing: bool,
    /// What may be used of it today is used up.
    pub spent: bool,
    /// Its models.
    pub models: Vec<ProviderModel>,
}

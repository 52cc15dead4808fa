//! Providers: model services elsewhere that this computer may ask, and when it does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::sharing::{ProviderElsewhere, Sharing};

/// How a provider stands with one model: what its breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderState {
    /// It is asked.
    Ready,
    /// It failed too often and is left in peace for a while.
    Resting,
    /// A few requests try whether it is back.
    Trying,
    /// By its own word it wants no requests for a while.
    HeldBack,
}

/// One model of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProviderModel {
    /// What a request says in `model`.
    pub name: String,
    /// Tokens of its context, where the provider tells.
    pub context_tokens: Option<u32>,
    /// How it stands.
    pub state: ProviderState,
    /// When it is asked again, in seconds.
    pub retry_s: Option<u64>,
    /// Requests so far.
    pub requests: u64,
    /// Of these, failed.
    pub failed: u64,
    /// To the first byte of an answer, lately, in milliseconds.
    pub first_byte_ms: Option<f64>,
    /// Writing speed, lately.
    pub tokens_per_s: Option<f64>,
    /// How it last failed: one closed word.
    pub last_fault: Option<String>,
    /// US dollars for a million tokens of prompts; none: not known.
    pub price_in: Option<f64>,
    /// US dollars for a million tokens of answers; none: not known.
    pub price_out: Option<f64>,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Provider {
    /// What it is called here: models are asked for as `id/model`.
    pub id: String,
    /// Its kind, by id.
    pub kind: String,
    /// The kind's name for people.
    pub name: String,
    /// Its address, where it is not that of the kind.
    pub base: Option<String>,
    /// Whether a key is kept for it. The key itself is never told.
    pub has_key: bool,
    /// Whether text that goes there leaves the office.
    pub outside: bool,
    /// Found by itself on this computer.
    pub found: bool,
    /// By contract it keeps nothing that it is sent, and learns nothing from it.
    pub keeps_nothing: bool,
    /// Only these models are used; empty: all that it lists.
    pub only: Vec<String>,
    /// Its models.
    pub models: Vec<ProviderModel>,
    /// Who else may ask it through this computer.
    pub sharing: Sharing,
}

/// Whether a kind of provider wants a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKey {
    /// Nothing works without.
    Required,
    /// Some installations want one.
    Optional,
    /// None is sent.
    None,
}

/// A kind of provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProviderKind {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its address; none: the person gives it.
    pub base: Option<String>,
    /// Whether it wants a key.
    pub key: ProviderKey,
    /// Whether text that goes there leaves the office.
    pub outside: bool,
    /// The page where a person makes a key.
    pub keys_at: Option<String>,
}

/// When a model that both have is asked of the mesh and when of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// The mesh, and a provider where that fails.
    #[default]
    MeshFirst,
    /// A provider, and the mesh where that fails.
    CloudFirst,
    /// The mesh, unless it is full.
    CloudWhenFull,
    /// No provider outside the office, ever.
    NeverCloud,
}

/// How requests are routed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Routing {
    /// When providers are asked.
    pub policy: RoutingPolicy,
    /// Wait from which on the mesh counts as full, in milliseconds.
    pub full_after_ms: u64,
    /// Names that stand for models, which are tried in this order.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Models of the mesh that stand in, in this order, where a provider fails.
    pub stand_in: Vec<String>,
    /// Model servers on this computer are found and used by themselves.
    pub find_local: bool,
    /// As if every provider outside the office were down.
    pub rehearsal: bool,
    /// Times that a request may be put once more to providers that failed; 0 to 10.
    pub retries: u32,
    /// Share of a provider's requests that may be, in percent; 0 to 100.
    pub retry_percent: u32,
    /// And so many a minute besides; 0 to 1,000.
    pub retry_burst: u32,
    /// How long a request waits for that, all in all, in milliseconds; at most 60,000.
    pub wait_ms: u64,
    /// First byte of a stream from which on it is late, so that a second provider is asked, in
    /// milliseconds; 0: never; at most 60,000.
    pub hedge_after_ms: u64,
    /// Also where a provider outside the office is one of the two.
    pub hedge_paid: bool,
}

/// Providers, the kinds that there are, and how requests are routed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Providers {
    /// Those that are set up or found.
    pub providers: Vec<Provider>,
    /// Those of other computers that share them with this one.
    #[serde(default)]
    pub elsewhere: Vec<ProviderElsewhere>,
    /// What can be set up.
    pub kinds: Vec<ProviderKind>,
    /// How requests are routed.
    pub routing: Routing,
}

/// The body of `POST /api/v1/providers`: sets one up, or changes the one of this id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderRequest {
    /// Its kind, by id.
    pub kind: String,
    /// What it is to be called here; none: as its kind.
    #[serde(default)]
    pub id: Option<String>,
    /// Its address, where the kind has none or another one is meant.
    #[serde(default)]
    pub base: Option<String>,
    /// Its key; none: the one that is kept, if there is one.
    #[serde(default)]
    pub key: Option<String>,
    /// Only these models; empty: all that it lists.
    #[serde(default)]
    pub models: Vec<String>,
    /// Whether by contract it keeps nothing that it is sent, and learns nothing from it; none: as before.
    #[serde(default)]
    pub keeps_nothing: Option<bool>,
}

/// The body of `PATCH /api/v1/routing`: what is missing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingChange {
    /// When providers are asked.
    #[serde(default)]
    pub policy: Option<RoutingPolicy>,
    /// Wait from which on the mesh counts as full, in milliseconds.
    #[serde(default)]
    pub full_after_ms: Option<u64>,
    /// All names that stand for models.
    #[serde(default)]
    pub aliases: Option<BTreeMap<String, Vec<String>>>,
    /// All models that stand in.
    #[serde(default)]
    pub stand_in: Option<Vec<String>>,
    /// Whether model servers on this computer are found by themselves.
    #[serde(default)]
    pub find_local: Option<bool>,
    /// Whether to act as if every provider outside the office were down.
    #[serde(default)]
    pub rehearsal: Option<bool>,
    /// Times that a request may be put once more to providers that failed.
    #[serde(default)]
    pub retries: Option<u32>,
    /// Share of a provider's requests that may be, in percent.
    #[serde(default)]
    pub retry_percent: Option<u32>,
    /// And so many a minute besides.
    #[serde(default)]
    pub retry_burst: Option<u32>,
    /// How long a request waits for that, all in all, in milliseconds.
    #[serde(default)]
    pub wait_ms: Option<u64>,
    /// When a second provider is asked, in milliseconds; 0: never.
    #[serde(default)]
    pub hedge_after_ms: Option<u64>,
    /// Also where a provider outside the office is one of the two.
    #[serde(default)]
    pub hedge_paid: Option<bool>,
}

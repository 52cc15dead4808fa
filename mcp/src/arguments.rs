//! What the tools take. Each is also its own description for the agent.

use schemars::JsonSchema;
use serde::Deserialize;

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A question for a model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// The model's name, as `list_models` has it.
    pub(crate) model: String,
    /// What is asked.
    pub(crate) prompt: String,
    /// How the model should behave.
    pub(crate) system: Option<String>,
    /// Tokens of the answer at most; 4,096 where nothing is said.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) max_tokens: Option<u32>,
    /// From 0 (always the same) to 2.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub(crate) temperature: Option<f64>,
}

/// A question that is worked on after the asker has left.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Submit {
    /// The model's name, as `list_models` has it.
    pub(crate) model: String,
    /// What is asked.
    pub(crate) prompt: String,
    /// How the model should behave.
    pub(crate) system: Option<String>,
    /// Tokens of the answer at most; 4,096 where nothing is said.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) max_tokens: Option<u32>,
    /// A word of your own for this job: the same request with the same word is the same job.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) idempotency_key: Option<String>,
}

/// Which jobs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jobs {
    /// Only those that are not over.
    #[serde(default)]
    pub(crate) live: bool,
    /// How many at most; 20 where nothing is said.
    #[schemars(range(min = 1, max = 200))]
    pub(crate) limit: Option<u32>,
}

/// One job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Job {
    /// Its id, as `submit_job` and `list_jobs` tell it.
    pub(crate) job: String,
}

/// Texts to be turned into vectors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embed {
    /// The model's name, as `list_models` has it; one that can `embed`.
    pub(crate) model: String,
    /// The texts.
    #[schemars(length(min = 1, max = 32))]
    pub(crate) texts: Vec<String>,
}

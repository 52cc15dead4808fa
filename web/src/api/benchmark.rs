//! How fast a model was on a computer, when it was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One measurement, as a program saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// When, Unix time in milliseconds.
    pub at_ms: u64,
    /// Which model.
    pub model: String,
    /// On which node (id).
    pub node: String,
    /// That node's name then.
    pub node_name: String,
    /// Tokens of each prompt.
    pub prompt_tokens: u32,
    /// Tokens of each answer.
    pub answer_tokens: u32,
    /// How many asked at once.
    pub parallel: u16,
    /// From the question to the first token, on average, in milliseconds.
    pub first_token_ms: f64,
    /// Prompt tokens over that time: reading, with all that comes before it.
    pub prefill_tokens_per_s: f64,
    /// Writing speed of each answer.
    pub decode_tokens_per_s: f64,
    /// Tokens of all answers over the whole time.
    pub whole_tokens_per_s: f64,
}

impl Benchmark {
    /// Whether it can be kept: short names, and figures that are numbers.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let figures = [
            self.first_token_ms,
            self.prefill_tokens_per_s,
            self.decode_tokens_per_s,
            self.whole_tokens_per_s,
        ];
        let names = [(&self.model, 192), (&self.node, 64), (&self.node_name, 256)];
        figures.iter().all(|figure| figure.is_finite() && (0.0..=1e9).contains(figure))
            && names.iter().all(|(name, most)| name.len() <= *most)
    }
}

/// The body of `POST /api/v1/benchmarks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BenchmarksRequest {
    /// What was measured. The node keeps the newest [`crate::limits::BENCHMARKS`] of all.
    pub rows: Vec<Benchmark>,
}

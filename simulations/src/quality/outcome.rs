//! What a run gave: a latency per job and what it cost, and the figures that are told of it.

/// One run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// From a job's arrival until its owner has its end, in milliseconds, without the first fifth of
    /// the jobs, in which the mesh fills.
    pub latency_ms: Vec<f64>,
    /// The same until its first token.
    pub first_ms: Vec<f64>,
    /// Offers per job.
    pub offers: f64,
    /// Control messages per job, offers included; gossip is not.
    pub messages: f64,
    /// Work that was done twice, as a share of all work.
    pub extra: f64,
    /// Prompt tokens found in caches, as a share of all.
    pub hits: f64,
}

/// Some figures of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
}

impl Figures {
    /// Of any numbers; zeros of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let at = |permille: usize| sorted.get(count * permille / 1_000).copied().unwrap_or(0.0);
        let mean = sorted.iter().sum::<f64>() / count.max(1) as f64;
        Self { mean, p50: at(500), p99: at(990), p999: at(999) }
    }
}

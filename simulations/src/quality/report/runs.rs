//! The runs behind the report: which there are, what is kept of each, and which are known already.
//! Each is told as soon as it is done, so that a report that was stopped goes on where it was.

use std::collections::BTreeMap;

use pumasi_scheduler::Config;
use serde::{Deserialize, Serialize};

use crate::quality::{Case, Figures, Outcome, Policy, Shape, judge};

/// Steps of the distribution that is kept: three decades of shares, twenty steps each.
pub(super) const STEPS: u32 = 60;

/// What is run: one policy with some settings over the case of a shape.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) shape: Shape,
    pub(super) policy: Policy,
    pub(super) config: Config,
}

/// What is kept of a run; times are milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    key: String,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) offers: f64,
    pub(super) messages: f64,
    /// Median of the last quarter of the jobs ÷ median of the first.
    pub(super) growth: f64,
    /// The time that a share of 10^(-3 × step ÷ 60) of the jobs took longer than.
    pub(super) tail: Vec<f64>,
    /// Virtual time from the first job's arrival to the last one's.
    pub(super) span_ms: f64,
}

impl Cell {
    fn key(&self) -> String {
        let Shape { scenario, nodes, load, jobs, seed } = self.shape;
        let config = serde_json::to_string(&self.config).expect("settings are plain data");
        let hash = blake3::hash(config.as_bytes()).to_hex();
        let (name, policy) = (scenario.name(), self.policy.name());
        format!("{name}/{nodes}/{load}/{jobs}/{seed}/{policy}/{}", &hash[..16])
    }

    fn run(&self) -> Run {
        let case = Case::generate(&self.shape);
        let outcome = judge(&case, self.policy, &self.config);
        let span_ms = case.tasks.last().map_or(0, |task| task.at_us) as f64 / 1e3;
        Run::of(self.key(), &outcome, span_ms)
    }
}

impl Run {
    /// What it is of: scenario, machines, load, jobs, seed, policy, and a hash of the settings.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    fn of(key: String, outcome: &Outcome, span_ms: f64) -> Self {
        let figures = Figures::of(&outcome.latency_ms);
        let quarter = outcome.latency_ms.len() / 4;
        let median = |part: &[f64]| Figures::of(part).p50;
        let (first, last) = (
            &outcome.latency_ms[..quarter],
            &outcome.latency_ms[outcome.latency_ms.len() - quarter..],
        );
        let mut sorted = outcome.latency_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let shares = (0..=STEPS).map(share_of_step);
        let at = |share: f64| sorted[((1.0 - share) * (sorted.len() - 1) as f64) as usize];
        Self {
            key,
            mean: figures.mean,
            p50: figures.p50,
            p99: figures.p99,
            offers: outcome.offers,
            messages: outcome.messages,
            growth: median(last) / median(first).max(1.0),
            tail: shares.map(at).collect(),
            span_ms,
        }
    }
}

pub(super) fn share_of_step(step: u32) -> f64 {
    10_f64.powf(-3.0 * f64::from(step) / f64::from(STEPS))
}

/// All runs that are known.
#[derive(Debug, Default)]
pub(super) struct Runs {
    by_key: BTreeMap<String, Run>,
}

impl Runs {
    pub(super) fn know(&mut self, run: Run) {
        self.by_key.insert(run.key.clone(), run);
    }

    pub(super) fn knows(&self, cell: &Cell) -> bool {
        self.by_key.contains_key(&cell.key())
    }

    /// Runs a cell unless it is known; the new run.
    pub(super) fn run(&mut self, cell: &Cell) -> Option<&Run> {
        if self.knows(cell) {
            return None;
        }
        let run = cell.run();
        self.know(run);
        self.by_key.get(&cell.key())
    }

    /// One policy over all seeds.
    pub(super) fn row(&self, cell: &Cell, seeds: &[u64]) -> Row<'_> {
        let of = |seed: &u64| {
            let shape = Shape { seed: *seed, ..cell.shape };
            let key = Cell { shape, ..cell.clone() }.key();
            self.by_key.get(&key).expect("everything was run before it is told")
        };
        Row { runs: seeds.iter().map(of).collect() }
    }
}

/// Runs of one policy, one a seed.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) runs: Vec<&'a Run>,
}

/// Median, least and most over the seeds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Row<'_> {
    pub(super) fn spread(&self, value: impl Fn(&Run) -> f64) -> Spread {
        spread(self.runs.iter().map(|run| value(run)).collect())
    }

    /// The ratio to another policy over the same jobs, seed by seed.
    pub(super) fn ratio(&self, base: &Row<'_>, value: impl Fn(&Run) -> f64) -> Spread {
        let pairs = self.runs.iter().zip(&base.runs);
        spread(pairs.map(|(run, base)| value(run) / value(base)).collect())
    }
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    Spread { median, least, most }
}

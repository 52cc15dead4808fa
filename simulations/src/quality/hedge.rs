//! What hedging does to the tail: the same jobs on the same machines, of which some attempts become
//! many times slower than they should be, without and with a second try.

use pumasi_scheduler::Config;

use super::{Case, Figures, Outcome, Policy, Scenario, Shape, judge};

/// Attempts in 1,000 that become stragglers.
const STRAGGLERS_PERMILLE: u64 = 10;
/// How much slower those are: an engine that was swapped out, or one that is as good as stuck.
const FACTORS: [f64; 2] = [30.0, 100.0];
/// Hedging's budget, in permille of the jobs: what nodes grant.
const HEDGE_PERMILLE: u32 = 20;

/// One case without and with hedging.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Without.
    pub plain: Outcome,
    /// With.
    pub hedged: Outcome,
}

impl Pair {
    /// Runs both, with stragglers that are `factor` times slower.
    #[must_use]
    pub fn run(shape: &Shape, factor: f64) -> Self {
        let case = Case::generate(shape).with_stragglers(STRAGGLERS_PERMILLE, factor);
        let run = |hedge_permille| {
            judge(&case, Policy::Pumasi, &Config { hedge_permille, ..Config::default() })
        };
        Self { plain: run(0), hedged: run(HEDGE_PERMILLE) }
    }

    /// 99.9th percentile of the time to the first token, hedged by unhedged.
    #[must_use]
    pub fn first_ratio(&self) -> f64 {
        Figures::of(&self.hedged.first_ms).p999 / Figures::of(&self.plain.first_ms).p999
    }

    fn cells(&self) -> String {
        let three = |values: &[f64]| {
            let f = Figures::of(values);
            format!("{:.2}, {:.2}, {:.2}", f.p50 / 1e3, f.p99 / 1e3, f.p999 / 1e3)
        };
        let last = |outcome: &Outcome| Figures::of(&outcome.latency_ms).p999 / 1e3;
        format!(
            "| {} | {} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} % |\n",
            three(&self.plain.first_ms),
            three(&self.hedged.first_ms),
            self.first_ratio(),
            last(&self.plain),
            last(&self.hedged),
            self.last_ratio(),
            (self.hedged.extra - self.plain.extra) * 100.0,
        )
    }

    /// 99.9th percentile of the time to the last token, hedged by unhedged.
    #[must_use]
    pub fn last_ratio(&self) -> f64 {
        Figures::of(&self.hedged.latency_ms).p999 / Figures::of(&self.plain.latency_ms).p999
    }
}

/// A table in Markdown over a few cases, with all of `seeds` each.
#[must_use]
pub fn table(nodes: usize, jobs: usize, seeds: &[u64]) -> String {
    let mut out = format!(
        "{STRAGGLERS_PERMILLE} of 1,000 attempts are slower by a factor; {nodes} machines, {jobs} \
         jobs; times in seconds: median, 99th and 99.9th percentile.\n\n\
         | jobs, load | factor | seed | first token | hedged | p99.9 ÷ | last token, p99.9 | hedged \
         | ÷ | work done twice |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for (scenario, load) in [(Scenario::Chat, 0.3), (Scenario::Chat, 0.6), (Scenario::Office, 0.6)]
    {
        for factor in FACTORS {
            for seed in seeds.iter().copied() {
                let pair = Pair::run(&Shape { scenario, nodes, load, jobs, seed }, factor);
                out.push_str(&format!("| {}, {load} | {factor} | {seed} ", scenario.name()));
                out.push_str(&pair.cells());
            }
        }
    }
    out
}

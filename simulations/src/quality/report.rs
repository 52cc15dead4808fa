//! The report: every policy over every case, as tables and plots. Decides nothing.

use std::fmt::Write as _;

use pumasi_scheduler::Config;

use super::svg::{Axis, Series, plot};
use super::{Case, Figures, Outcome, Policy, Scenario, Shape, judge};

/// A file of the report: its name and its text.
pub type Page = (String, String);

/// How much is run.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Seeds of each case.
    pub seeds: u64,
    /// Jobs of each run of up to 32 machines; larger meshes get four times as many.
    pub jobs: usize,
}

/// Runs of one policy over the seeds of one case.
struct Row {
    policy: Policy,
    runs: Vec<Outcome>,
}

impl Row {
    fn pooled(&self) -> Figures {
        let all: Vec<f64> = self.runs.iter().flat_map(|run| &run.latency_ms).copied().collect();
        Figures::of(&all)
    }

    fn mean(&self, value: impl Fn(&Outcome) -> f64) -> f64 {
        self.runs.iter().map(value).sum::<f64>() / self.runs.len() as f64
    }
}

/// Everything, in the order of the report.
#[must_use]
pub fn write(extent: &Extent) -> Vec<Page> {
    let mut tables = String::new();
    for scenario in Scenario::ALL {
        for nodes in [8, 32, 200] {
            table(&mut tables, extent, scenario, nodes, 0.8);
        }
    }
    for load in [0.5, 0.95] {
        for scenario in [Scenario::Sketch, Scenario::Mixed] {
            table(&mut tables, extent, scenario, 32, load);
        }
    }
    let (frontier, rows) = frontier(extent);
    vec![
        ("scheduling-tables.md".to_owned(), format!("{HEAD}{tables}{rows}")),
        ("scheduling-frontier.svg".to_owned(), frontier),
        ("scheduling-cdf.svg".to_owned(), distribution(extent)),
    ]
}

const HEAD: &str = "# Scheduling: all tables\n\nWritten by `scripts/bench scheduling`; what they \
    mean, and under which conditions they were taken, says [scheduling.md](scheduling.md). Times are \
    milliseconds of virtual time, from a job's arrival until its owner has its end. ÷ is the ratio \
    to the omniscient scheduler over the same jobs, all seeds together; in brackets the range over \
    the seeds.\n";

fn jobs(extent: &Extent, nodes: usize) -> usize {
    if nodes > 32 { 4 * extent.jobs } else { extent.jobs }
}

fn run(extent: &Extent, shape: Shape, policy: Policy, config: &Config) -> Row {
    let seeds = 1..=extent.seeds;
    let runs = seeds.map(|seed| judge(&Case::generate(&Shape { seed, ..shape }), policy, config));
    Row { policy, runs: runs.collect() }
}

fn table(out: &mut String, extent: &Extent, scenario: Scenario, nodes: usize, load: f64) {
    let shape = Shape { scenario, nodes, load, jobs: jobs(extent, nodes), seed: 0 };
    let rows: Vec<Row> =
        Policy::ALL.iter().map(|p| run(extent, shape, *p, &Config::default())).collect();
    let name = scenario.name();
    line(out, format_args!("\n## {name}, {nodes} machines, load {load}\n"));
    line(out, format_args!("| policy | mean | p50 | p99 | mean ÷ | p99 ÷ | offers | messages |"));
    line(out, format_args!("| --- | --: | --: | --: | --: | --: | --: | --: |"));
    for row in &rows {
        let (f, base) = (row.pooled(), rows[0].pooled());
        let of = |value: fn(&Figures) -> f64| range(row, &rows[0], value);
        line(
            out,
            format_args!(
                "| {} | {:.0} | {:.0} | {:.0} | {:.2} {} | {:.2} {} | {:.2} | {:.1} |",
                row.policy.name(),
                f.mean,
                f.p50,
                f.p99,
                f.mean / base.mean,
                of(|f| f.mean),
                f.p99 / base.p99,
                of(|f| f.p99),
                row.mean(|run| run.offers),
                row.mean(|run| run.messages),
            ),
        );
    }
}

fn range(row: &Row, base: &Row, value: fn(&Figures) -> f64) -> String {
    let pairs = row.runs.iter().zip(&base.runs);
    let ratios = pairs.map(|(run, base)| {
        value(&Figures::of(&run.latency_ms)) / value(&Figures::of(&base.latency_ms))
    });
    let (low, high) = ratios.fold((f64::MAX, 0.0_f64), |(l, h), r| (l.min(r), h.max(r)));
    format!("({low:.2}–{high:.2})")
}

/// How patience trades the mean against the tail, beside the other rules.
fn frontier(extent: &Extent) -> (String, String) {
    let shape = Shape {
        scenario: Scenario::Sketch,
        nodes: 100,
        load: 0.8,
        jobs: jobs(extent, 100),
        seed: 0,
    };
    let base = run(extent, shape, Policy::Omniscient, &Config::default()).pooled();
    let at = |policy, config: &Config| {
        let row = run(extent, shape, policy, config);
        let f = row.pooled();
        ((f.mean / base.mean, f.p99 / base.p99), row.mean(|run| run.messages))
    };
    let mut rows = String::from("\n## Patience and hints, sketch, 100 machines, load 0.8\n\n");
    line(&mut rows, format_args!("| patience ‰ | hints | mean ÷ | p99 ÷ | messages |"));
    line(&mut rows, format_args!("| --: | --: | --: | --: | --: |"));
    let mut series = Vec::new();
    for idle_hints in [3, 0] {
        let mut points = Vec::new();
        for now_permille in [1_500, 2_500, 4_000, 8_000, u32::MAX] {
            let config = Config { now_permille, idle_hints, ..Config::default() };
            let ((mean, p99), messages) = at(Policy::Pumasi, &config);
            let patience =
                if now_permille == u32::MAX { "none".to_owned() } else { now_permille.to_string() };
            line(
                &mut rows,
                format_args!(
                    "| {patience} | {idle_hints} | {mean:.2} | {p99:.2} | {messages:.1} |"
                ),
            );
            points.push((mean, p99));
        }
        let name = if idle_hints > 0 { "Pumasi, by patience" } else { "the same, no hints" };
        series.push(Series { name: name.to_owned(), points, line: true });
    }
    let goal = vec![(1.0, 1.25), (1.6, 1.25), (1.6, 0.8)];
    series.push(Series { name: "goal: below and left".to_owned(), points: goal, line: true });
    for policy in [Policy::TwoChoices, Policy::BestByGossip, Policy::LeastInFlight] {
        let (point, _) = at(policy, &Config::default());
        let name = policy.name().to_owned();
        series.push(Series { name, points: vec![point], line: false });
    }
    let x = Axis {
        title: "mean ÷ omniscient",
        ends: (1.0, 40.0),
        marks: vec![1.0, 1.6, 2.5, 5.0, 10.0, 20.0, 40.0],
        logarithmic: true,
    };
    let y = Axis {
        title: "p99 ÷ omniscient",
        ends: (0.8, 40.0),
        marks: vec![1.0, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0],
        logarithmic: true,
    };
    (plot("Mean and tail: 100 machines, load 0.8, gossip 1 s old", &x, &y, &series), rows)
}

/// The share of jobs that took longer, policy by policy.
fn distribution(extent: &Extent) -> String {
    let shape =
        Shape { scenario: Scenario::Chat, nodes: 32, load: 0.8, jobs: extent.jobs, seed: 0 };
    let series = Policy::ALL.iter().map(|policy| {
        let row = run(extent, shape, *policy, &Config::default());
        let mut all: Vec<f64> = row.runs.iter().flat_map(|run| &run.latency_ms).copied().collect();
        all.sort_by(f64::total_cmp);
        let steps = (0..=120).map(|step| 10_f64.powf(-3.0 * f64::from(step) / 120.0));
        let points = steps.map(|share| {
            let index = ((1.0 - share) * (all.len() - 1) as f64) as usize;
            (all[index] / 1_000.0, 100.0 * share)
        });
        Series { name: policy.name().to_owned(), points: points.collect(), line: true }
    });
    let x = Axis {
        title: "seconds from arrival to end",
        ends: (0.1, 3_000.0),
        marks: vec![0.1, 1.0, 10.0, 100.0, 1_000.0],
        logarithmic: true,
    };
    let y = Axis {
        title: "% of jobs that took longer",
        ends: (0.1, 100.0),
        marks: vec![0.1, 1.0, 10.0, 50.0, 100.0],
        logarithmic: true,
    };
    let series: Vec<Series> = series.collect();
    plot("Chats in bursts: 32 machines, load 0.8", &x, &y, &series)
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).and_then(|()| out.write_char('\n')).expect("a string takes everything");
}

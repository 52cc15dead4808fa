//! The report: every policy over every case, as tables and plots. Decides nothing.

use std::fmt::Write as _;

use pumasi_scheduler::Config;

use super::svg::{Axis, Series, plot};
use super::{Policy, Scenario, Shape};

mod runs;

pub use runs::Run;
use runs::{Cell, Row, Runs, Spread, share_of_step};

/// A file of the report: its name and its text.
pub type Page = (String, String);

/// How much is run.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Seeds of each case; at least one.
    pub seeds: Vec<u64>,
    /// Jobs of each run of up to 32 machines.
    pub jobs: usize,
    /// Jobs of each run of more.
    pub many_jobs: usize,
}

const SIZES: [usize; 3] = [8, 32, 200];
const LOAD: f64 = 0.8;
const LOADS: [f64; 6] = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95];
const PATIENCE: [u32; 5] = [1_500, 2_500, 4_000, 8_000, u32::MAX];
/// Whose median grew by so much more than the omniscient scheduler's while it ran is not keeping up.
const GROWING: f64 = 1.5;

/// The report in the making.
#[derive(Debug)]
pub struct Report {
    extent: Extent,
    runs: Runs,
}

impl Report {
    /// With runs that are known from before; what is not asked for is left out.
    #[must_use]
    pub fn new(extent: Extent, known: impl IntoIterator<Item = Run>) -> Self {
        assert!(!extent.seeds.is_empty(), "there is a seed");
        let mut runs = Runs::default();
        known.into_iter().for_each(|run| runs.know(run));
        Self { extent, runs }
    }

    /// Runs what is not known. `done` gets each new run, and how many there are of how many.
    ///
    /// # Errors
    ///
    /// What `done` could not do; runs until then were told.
    pub fn run<E>(
        &mut self,
        mut done: impl FnMut(&Run, usize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let cells: Vec<Cell> = self.cells().into_iter().flat_map(|c| self.seeded(c)).collect();
        for (index, cell) in cells.iter().enumerate() {
            if let Some(run) = self.runs.run(cell) {
                done(run, index + 1, cells.len())?;
            }
        }
        Ok(())
    }

    /// The pages, once everything was run. `conditions`: what else is to be known, a sentence.
    #[must_use]
    pub fn pages(&self, conditions: &str) -> Vec<Page> {
        let mut tables = format!("{HEAD}\n{}\n", self.conditions(conditions));
        self.glance(&mut tables);
        for scenario in Scenario::ALL {
            for nodes in SIZES {
                self.table(&mut tables, scenario, nodes);
            }
        }
        self.load_table(&mut tables);
        self.patience_table(&mut tables);
        vec![
            ("scheduling-tables.md".to_owned(), tables),
            ("scheduling-frontier.svg".to_owned(), self.frontier()),
            ("scheduling-load.svg".to_owned(), self.load_curve()),
            ("scheduling-cdf.svg".to_owned(), self.distribution()),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for scenario in Scenario::ALL {
            for nodes in SIZES {
                cells.extend(Policy::ALL.map(|policy| self.cell(scenario, nodes, LOAD, policy)));
            }
        }
        for load in LOADS {
            cells.extend(Policy::ALL.map(|p| self.cell(Scenario::Sketch, 32, load, p)));
        }
        cells.extend(FRONTIER_RULES.map(|policy| self.cell(Scenario::Sketch, 100, LOAD, policy)));
        cells.extend(self.patience_cells().into_iter().map(|(_, _, cell)| cell));
        cells
    }

    fn seeded(&self, cell: Cell) -> Vec<Cell> {
        let of = |seed: &u64| Cell { shape: Shape { seed: *seed, ..cell.shape }, ..cell.clone() };
        self.extent.seeds.iter().map(of).collect()
    }

    fn cell(&self, scenario: Scenario, nodes: usize, load: f64, policy: Policy) -> Cell {
        let jobs = if nodes > 32 { self.extent.many_jobs } else { self.extent.jobs };
        let shape = Shape { scenario, nodes, load, jobs, seed: 0 };
        Cell { shape, policy, config: Config::default() }
    }

    fn patience_cells(&self) -> Vec<(u8, u32, Cell)> {
        let with = |idle_hints: u8, now_permille: u32| {
            let cell = self.cell(Scenario::Sketch, 100, LOAD, Policy::Pumasi);
            let config = Config { now_permille, idle_hints, ..Config::default() };
            (idle_hints, now_permille, Cell { config, ..cell })
        };
        [3, 0].into_iter().flat_map(|hints| PATIENCE.map(|p| with(hints, p))).collect()
    }

    fn row(&self, cell: &Cell) -> Row<'_> {
        self.runs.row(cell, &self.extent.seeds)
    }

    fn of(&self, scenario: Scenario, nodes: usize, load: f64, policy: Policy) -> Row<'_> {
        self.row(&self.cell(scenario, nodes, load, policy))
    }

    fn conditions(&self, more: &str) -> String {
        let Extent { seeds, jobs, many_jobs } = &self.extent;
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        format!(
            "Seeds {}; {jobs} jobs a run on up to 32 machines and {many_jobs} on more, of which the \
             first fifth is not counted; default settings, which were tuned with seeds 1 to 5. {more}",
            seeds.join(", ")
        )
    }

    /// This project's scheduler in all cases, and how near the best of the other rules comes.
    fn glance(&self, out: &mut String) {
        line(out, format_args!("\n## At a glance, load {LOAD}\n"));
        line(
            out,
            format_args!(
                "| scenario | machines | mean ÷ | p99 ÷ | offers | best other mean ÷ | best other p99 ÷ |"
            ),
        );
        line(out, format_args!("| --- | --: | --: | --: | --: | --: | --: |"));
        for scenario in Scenario::ALL {
            for nodes in SIZES {
                let of = |policy| self.of(scenario, nodes, LOAD, policy);
                let (base, ours) = (of(Policy::Omniscient), of(Policy::Pumasi));
                let others = Policy::ALL.into_iter().skip(2);
                let others: Vec<Row<'_>> = others.map(of).collect();
                let best = |value: fn(&Run) -> f64| {
                    let ratios = others.iter().map(|row| row.ratio(&base, value).median);
                    ratios.fold(f64::MAX, f64::min)
                };
                line(
                    out,
                    format_args!(
                        "| {} | {nodes} | {} | {} | {:.2} | {:.2} | {:.2} |",
                        scenario.name(),
                        told(ours.ratio(&base, |run| run.mean)),
                        told(ours.ratio(&base, |run| run.p99)),
                        ours.spread(|run| run.offers).median,
                        best(|run| run.mean),
                        best(|run| run.p99),
                    ),
                );
            }
        }
    }

    fn table(&self, out: &mut String, scenario: Scenario, nodes: usize) {
        let of = |policy| self.of(scenario, nodes, LOAD, policy);
        let base = of(Policy::Omniscient);
        let span_s = base.spread(|run| run.span_ms).median / 1e3;
        let name = scenario.name();
        line(out, format_args!("\n## {name}, {nodes} machines, load {LOAD}\n"));
        line(out, format_args!("{span_s:.0} s of virtual time a run.\n"));
        line(
            out,
            format_args!("| policy | mean | p50 | p99 | mean ÷ | p99 ÷ | offers | messages |"),
        );
        line(out, format_args!("| --- | --: | --: | --: | --: | --: | --: | --: |"));
        for policy in Policy::ALL {
            let row = of(policy);
            let median = |value: fn(&Run) -> f64| row.spread(value).median;
            line(
                out,
                format_args!(
                    "| {}{} | {:.0} | {:.0} | {:.0} | {} | {} | {:.2} | {:.1} |",
                    policy.name(),
                    if is_growing(&row, &base) { " ↑" } else { "" },
                    median(|run| run.mean),
                    median(|run| run.p50),
                    median(|run| run.p99),
                    told(row.ratio(&base, |run| run.mean)),
                    told(row.ratio(&base, |run| run.p99)),
                    median(|run| run.offers),
                    median(|run| run.messages),
                ),
            );
        }
    }

    fn load_table(&self, out: &mut String) {
        line(out, format_args!("\n## sketch, 32 machines, by load: p99 ÷\n"));
        let head: Vec<String> = LOADS.iter().map(f64::to_string).collect();
        line(out, format_args!("| policy | {} |", head.join(" | ")));
        line(out, format_args!("| --- |{}", " --: |".repeat(LOADS.len())));
        for policy in Policy::ALL {
            let cells = LOADS.map(|load| {
                let base = self.of(Scenario::Sketch, 32, load, Policy::Omniscient);
                let row = self.of(Scenario::Sketch, 32, load, policy);
                let mark = if is_growing(&row, &base) { " ↑" } else { "" };
                format!("{}{mark}", told(row.ratio(&base, |run| run.p99)))
            });
            line(out, format_args!("| {} | {} |", policy.name(), cells.join(" | ")));
        }
    }

    fn patience_table(&self, out: &mut String) {
        line(out, format_args!("\n## Patience and hints: sketch, 100 machines, load {LOAD}\n"));
        line(out, format_args!("| patience ‰ | hints | mean ÷ | p99 ÷ | messages |"));
        line(out, format_args!("| --: | --: | --: | --: | --: |"));
        let base = self.of(Scenario::Sketch, 100, LOAD, Policy::Omniscient);
        for (hints, patience, cell) in self.patience_cells() {
            let row = self.row(&cell);
            let patience =
                if patience == u32::MAX { "any".to_owned() } else { patience.to_string() };
            let (mean, p99) = (row.ratio(&base, |run| run.mean), row.ratio(&base, |run| run.p99));
            let messages = row.spread(|run| run.messages).median;
            line(
                out,
                format_args!(
                    "| {patience} | {hints} | {} | {} | {messages:.1} |",
                    told(mean),
                    told(p99)
                ),
            );
        }
    }

    /// How patience trades the mean against the tail, beside the other rules.
    fn frontier(&self) -> String {
        let base = self.of(Scenario::Sketch, 100, LOAD, Policy::Omniscient);
        let point = |cell: &Cell| {
            let row = self.row(cell);
            (row.ratio(&base, |r| r.mean).median, row.ratio(&base, |r| r.p99).median)
        };
        let cells = self.patience_cells();
        let with = |hints: u8, name: &str| Series {
            name: name.to_owned(),
            points: cells.iter().filter(|(h, ..)| *h == hints).map(|(.., c)| point(c)).collect(),
            line: true,
        };
        let goal = vec![(1.0, 1.25), (1.6, 1.25), (1.6, 0.8)];
        let mut series = vec![
            with(3, "Pumasi, by patience"),
            with(0, "the same, no hints"),
            Series { name: "goal: below and left".to_owned(), points: goal, line: true },
        ];
        for policy in FRONTIER_RULES.into_iter().skip(1) {
            let points = vec![point(&self.cell(Scenario::Sketch, 100, LOAD, policy))];
            series.push(Series { name: policy.name().to_owned(), points, line: false });
        }
        let axis = |title, ends, marks| Axis { title, ends, marks, logarithmic: true };
        let x = axis("mean ÷ omniscient", (1.0, 40.0), vec![1.0, 1.6, 2.5, 5.0, 10.0, 20.0, 40.0]);
        let y = axis("p99 ÷ omniscient", (0.8, 40.0), vec![1.0, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0]);
        plot("Mean and tail: 100 machines, load 0.8, gossip 1 s old", &x, &y, &series)
    }

    /// The tail over the load.
    fn load_curve(&self) -> String {
        let series = Policy::ALL.map(|policy| {
            let p99_s = |load: &f64| {
                let row = self.of(Scenario::Sketch, 32, *load, policy);
                (*load, row.spread(|run| run.p99).median / 1e3)
            };
            let points = LOADS.iter().map(p99_s).collect();
            Series { name: policy.name().to_owned(), points, line: true }
        });
        let x =
            Axis { title: "load", ends: (0.3, 0.95), marks: LOADS.to_vec(), logarithmic: false };
        let y = Axis {
            title: "p99, seconds",
            ends: (1.0, 300.0),
            marks: vec![1.0, 3.0, 10.0, 30.0, 100.0, 300.0],
            logarithmic: true,
        };
        plot("Short jobs: 32 machines, by load", &x, &y, &series)
    }

    /// The share of jobs that took longer, policy by policy.
    fn distribution(&self) -> String {
        let series = Policy::ALL.map(|policy| {
            let row = self.of(Scenario::Chat, 32, LOAD, policy);
            let point = |step: u32| {
                let time = row.spread(|run| run.tail[step as usize]).median;
                (time / 1e3, 100.0 * share_of_step(step))
            };
            let points = (0..=runs::STEPS).map(point).collect();
            Series { name: policy.name().to_owned(), points, line: true }
        });
        let axis = |title, ends, marks| Axis { title, ends, marks, logarithmic: true };
        let x =
            axis("seconds from arrival to end", (0.1, 3_000.0), vec![0.1, 1.0, 10.0, 100.0, 1e3]);
        let y = axis("% of jobs that took longer", (0.1, 100.0), vec![0.1, 1.0, 10.0, 50.0, 100.0]);
        plot("Chats in bursts: 32 machines, load 0.8", &x, &y, &series)
    }
}

/// The measure, and the rules that come near enough to be seen beside ours.
const FRONTIER_RULES: [Policy; 4] =
    [Policy::Omniscient, Policy::TwoChoices, Policy::BestByGossip, Policy::LeastInFlight];

const HEAD: &str = "# Scheduling: all tables\n\nWritten by `scripts/bench scheduling`; what they \
    mean says [scheduling.md](scheduling.md). Times are milliseconds of virtual time, from a job's \
    arrival until its owner has its end; all policies of a table had the same machines, jobs and \
    arrival times. Figures are medians over the seeds; ÷ is the ratio to the omniscient scheduler, \
    seed by seed, with its range in brackets. ↑: the queue kept growing (the median of the last \
    quarter of the jobs over that of the first is more than 1.5 × what it is for the omniscient \
    scheduler), so that the figures say how long was measured, and longer runs have worse ones.\n";

fn is_growing(row: &Row<'_>, base: &Row<'_>) -> bool {
    row.ratio(base, |run| run.growth).median > GROWING
}

fn told(Spread { median, least, most }: Spread) -> String {
    format!("{median:.2} ({least:.2}–{most:.2})")
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).and_then(|()| out.write_char('\n')).expect("a string takes everything");
}

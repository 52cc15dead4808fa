//! `simulate`: runs seeds, replays one, or shows a scenario as data.

use std::io::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use pumasi_simulations::{Bounds, Canary, Counts, Report, Scenario, run};

#[derive(Parser)]
#[command(about = "Runs whole meshes in virtual time and checks their invariants")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many seeds; stop at the first violation.
    Run {
        /// How many seeds.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value = "0", value_parser = parse_seed)]
        first: u64,
        /// Fewest and most machines, as in 2..50.
        #[arg(long, default_value = "2..50")]
        nodes: NodeRange,
        /// Plant a bug.
        #[arg(long, value_parser = parse_canary)]
        canary: Option<Canary>,
    },
    /// Run one seed or one scenario file again and print its trace.
    Replay {
        /// The seed.
        #[arg(long, value_parser = parse_seed, required_unless_present = "scenario")]
        seed: Option<u64>,
        /// A scenario as JSON.
        #[arg(long, conflicts_with = "seed")]
        scenario: Option<PathBuf>,
        /// Fewest and most machines that the seed was drawn for.
        #[arg(long, default_value = "2..50")]
        nodes: NodeRange,
        /// Plant a bug.
        #[arg(long, value_parser = parse_canary)]
        canary: Option<Canary>,
    },
    /// Print the scenario of a seed as JSON.
    Show {
        /// The seed.
        #[arg(long, value_parser = parse_seed)]
        seed: u64,
        /// Fewest and most machines.
        #[arg(long, default_value = "2..50")]
        nodes: NodeRange,
    },
}

#[derive(Debug, Clone, Copy)]
struct NodeRange(Bounds);

impl FromStr for NodeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| part.parse::<usize>().map_err(|e| format!("{part}: {e}"));
        let (fewest, most) = text.split_once("..").unwrap_or((text, text));
        let bounds = Bounds { fewest: parse(fewest)?, most: parse(most)? };
        let sensible = bounds.fewest >= 1 && bounds.fewest <= bounds.most && bounds.most <= 1_000;
        if sensible { Ok(Self(bounds)) } else { Err("1 to 1000 machines, as in 2..50".to_owned()) }
    }
}

fn parse_seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|e| e.to_string())
}

fn parse_canary(text: &str) -> Result<Canary, String> {
    let known = Canary::ALL.iter().find(|(_, name)| *name == text);
    known.map(|(canary, _)| *canary).ok_or_else(|| {
        let names: Vec<&str> = Canary::ALL.iter().map(|(_, name)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run { seeds, first, nodes, canary } => run_seeds(seeds, first, nodes, canary),
        Command::Replay { seed, scenario, nodes, canary } => {
            let scenario = match (seed, scenario) {
                (Some(seed), _) => Scenario::generate(seed, nodes.0),
                (None, Some(path)) => read_scenario(&path)?,
                (None, None) => anyhow::bail!("--seed or --scenario is needed"),
            };
            replay(&scenario, canary)
        }
        Command::Show { seed, nodes } => {
            let scenario = Scenario::generate(seed, nodes.0);
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &scenario)?;
            writeln!(out)?;
            Ok(())
        }
    }
}

fn read_scenario(path: &PathBuf) -> anyhow::Result<Scenario> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no scenario", path.display()))
}

fn run_seeds(
    seeds: u64,
    first: u64,
    nodes: NodeRange,
    canary: Option<Canary>,
) -> anyhow::Result<()> {
    let (begin, mut totals, mut virtual_ms) = (Instant::now(), Counts::default(), 0);
    let mut out = std::io::stdout().lock();
    for seed in first..first.saturating_add(seeds) {
        let report = run(&Scenario::generate(seed, nodes.0), canary, false);
        if let Some(violation) = &report.violation {
            writeln!(out, "seed {seed:#x}: {violation}")?;
            let NodeRange(Bounds { fewest, most }) = nodes;
            let named = Canary::ALL.iter().find(|(c, _)| Some(*c) == canary);
            let canary = named.map(|(_, name)| format!(" --canary {name}")).unwrap_or_default();
            writeln!(
                out,
                "again: simulate replay --seed {seed:#x} --nodes {fewest}..{most}{canary}"
            )?;
            anyhow::bail!("an invariant was violated");
        }
        totals.add(&report.counts);
        virtual_ms += report.virtual_ms;
    }
    summarize(&mut out, seeds, &totals, virtual_ms, begin)
}

fn summarize(
    out: &mut impl std::io::Write,
    seeds: u64,
    totals: &Counts,
    virtual_ms: u64,
    begin: Instant,
) -> anyhow::Result<()> {
    let wall_ms = u64::try_from(begin.elapsed().as_millis())?.max(1);
    writeln!(out, "{seeds} seeds, no violation")?;
    writeln!(out, "virtual {} s in {wall_ms} ms", virtual_ms / 1_000)?;
    for (name, count) in totals.named() {
        writeln!(out, "{name:>10} {count}")?;
    }
    let per_job = |count: u64| count * 100 / totals.jobs.max(1);
    let (offers, messages) = (per_job(totals.offers), per_job(totals.messages));
    writeln!(out, "offers per 100 jobs {offers}, messages per 100 jobs {messages}")?;
    Ok(())
}

fn replay(scenario: &Scenario, canary: Option<Canary>) -> anyhow::Result<()> {
    let report: Report = run(scenario, canary, true);
    let mut out = std::io::stdout().lock();
    for line in &report.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "digest {:016x}", report.digest)?;
    match report.violation {
        Some(violation) => anyhow::bail!("{violation}"),
        None => Ok(()),
    }
}

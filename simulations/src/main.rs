//! `simulate`: runs seeds, replays one, shrinks what failed, draws it, or shows a scenario as data.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use pumasi_simulations::{Bounds, Canary, Scenario, Stored};

mod commands;

#[derive(Parser)]
#[command(about = "Runs whole meshes in virtual time and checks their invariants")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many seeds, and stop at the first violation.
    Run(RunArgs),
    /// Run what every check of the repository runs: stored scenarios, fixed seeds, fresh seeds,
    /// planted bugs, determinism; and print the summary.
    Check {
        /// Fresh seeds.
        #[arg(long, default_value_t = 500)]
        fresh: u64,
        /// Fixed seeds.
        #[arg(long, default_value_t = 100)]
        fixed: u64,
        /// The first fresh seed; drawn from the clock if it is not given.
        #[arg(long, value_parser = parse_seed)]
        first: Option<u64>,
        /// The folder of stored scenarios.
        #[arg(long, default_value = "simulations/scenarios")]
        scenarios: PathBuf,
        /// Leave the planted bugs out.
        #[arg(long)]
        no_canaries: bool,
    },
    /// Run one seed or one scenario file again and print its trace.
    Replay {
        #[command(flatten)]
        what: What,
        /// Draw a space-time diagram into this file.
        #[arg(long)]
        svg: Option<PathBuf>,
        /// Print all lines that hold this text (a job's id, say), and the faults.
        #[arg(long)]
        only: Option<String>,
        /// Print only the digest and the violation.
        #[arg(long)]
        quiet: bool,
    },
    /// Make a failing seed or scenario small, and print it or store it.
    Shrink {
        #[command(flatten)]
        what: What,
        /// Seconds that it may take.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Write the scenario to this file.
        #[arg(long)]
        to: Option<PathBuf>,
        /// What the scenario shows, in a sentence.
        #[arg(long, default_value = "")]
        title: String,
    },
    /// Print the scenario of a seed as JSON.
    Show {
        #[command(flatten)]
        what: What,
    },
    /// Replay what a node recorded (`pumasi up --record FILE`), and compare its decisions.
    Recording {
        /// The recording.
        file: PathBuf,
    },
    /// In how many seeds each planted bug is found.
    Canaries {
        /// Most seeds for each.
        #[arg(long, default_value_t = 5_000)]
        seeds: u64,
        /// Fewest and most machines, as in 2..8.
        #[arg(long, default_value = "2..8")]
        nodes: NodeRange,
    },
}

#[derive(Args)]
struct RunArgs {
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
    /// Run for so many hours instead of so many seeds.
    #[arg(long)]
    hours: Option<f64>,
    /// Keep the progress of a long run in this file, and go on from there.
    #[arg(long)]
    progress: Option<PathBuf>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// A seed or a file.
#[derive(Args)]
struct What {
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
}

impl What {
    /// The scenario, and the bug to plant.
    fn load(&self) -> anyhow::Result<(Scenario, Option<Canary>)> {
        match (self.seed, &self.scenario) {
            (Some(seed), _) => Ok((Scenario::generate(seed, self.nodes.0), self.canary)),
            (None, Some(path)) => {
                let stored = Stored::read(path)?;
                Ok((stored.scenario, self.canary.or(stored.canary)))
            }
            (None, None) => anyhow::bail!("--seed or --scenario is needed"),
        }
    }
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
    Canary::named(text).ok_or_else(|| {
        let names: Vec<&str> = Canary::ALL.iter().map(|(_, name)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run(args) => commands::run::run(&args),
        Command::Check { fresh, fixed, first, scenarios, no_canaries } => {
            commands::check::check(fresh, fixed, first, &scenarios, !no_canaries)
        }
        Command::Replay { what, svg, only, quiet } => {
            commands::one::replay(&what, svg.as_deref(), only.as_deref(), quiet)
        }
        Command::Shrink { what, seconds, to, title } => {
            commands::one::shrink_one(&what, seconds, to.as_deref(), title)
        }
        Command::Show { what } => commands::one::show(&what),
        Command::Recording { file } => commands::recording::recording(&file),
        Command::Canaries { seeds, nodes } => commands::check::canaries(seeds, nodes.0),
    }
}

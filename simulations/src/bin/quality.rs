//! `quality`: how well jobs are placed, policy by policy. Prints one case, or writes the whole report;
//! knows nothing of faults.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use pumasi_scheduler::Config;
use pumasi_simulations::quality::hedge;
use pumasi_simulations::quality::report::{self, Extent};
use pumasi_simulations::quality::{Case, Figures, Policy, Scenario, Shape, judge};

#[derive(Parser)]
#[command(about = "Compares scheduling policies in virtual time")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every policy over one case.
    Case(CaseArgs),
    /// Compare hedging with none where some attempts are stragglers; prints a table in Markdown.
    Hedge {
        /// Machines.
        #[arg(long, default_value_t = 32)]
        nodes: usize,
        /// Jobs of each run.
        #[arg(long, default_value_t = 10_000)]
        jobs: usize,
        /// Seeds.
        #[arg(long, value_delimiter = ',', default_value = "1,2")]
        seeds: Vec<u64>,
    },
    /// Run everything and write tables and plots.
    Report {
        /// The folder to write into.
        #[arg(long, default_value = "docs")]
        out: PathBuf,
        /// Seeds of each case.
        #[arg(long, default_value_t = 3)]
        seeds: u64,
        /// Jobs of each run; meshes of more than 32 machines get four times as many.
        #[arg(long, default_value_t = 3_000)]
        jobs: usize,
    },
}

#[derive(Args)]
struct CaseArgs {
    /// sketch, office, chat, documents, images or mixed.
    #[arg(long, default_value = "sketch", value_parser = parse_scenario)]
    scenario: Scenario,
    /// Machines.
    #[arg(long, default_value_t = 32)]
    nodes: usize,
    /// Load, as a share of what all can do.
    #[arg(long, default_value_t = 0.8)]
    load: f64,
    /// Jobs.
    #[arg(long, default_value_t = 4_000)]
    jobs: usize,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Settings of the scheduler as JSON; several, divided by semicolons, are run one by one.
    #[arg(long, default_value = "{}")]
    config: String,
    /// Only this project's scheduler, beside the omniscient one.
    #[arg(long)]
    ours: bool,
}

fn parse_scenario(text: &str) -> Result<Scenario, String> {
    let known = Scenario::ALL.into_iter().find(|scenario| scenario.name() == text);
    known.ok_or_else(|| "one of sketch, office, chat, documents, images, mixed".to_owned())
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Case(args) => run_case(&args),
        Command::Hedge { nodes, jobs, seeds } => {
            let table = hedge::table(nodes, jobs, &seeds);
            std::io::stdout().lock().write_all(table.as_bytes()).context("writing the table")
        }
        Command::Report { out, seeds, jobs } => {
            for (name, text) in report::write(&Extent { seeds: seeds.max(1), jobs }) {
                let path = out.join(name);
                std::fs::write(&path, text)
                    .with_context(|| format!("writing {}", path.display()))?;
            }
            Ok(())
        }
    }
}

fn run_case(args: &CaseArgs) -> anyhow::Result<()> {
    let CaseArgs { scenario, nodes, load, jobs, seed, .. } = *args;
    let case = Case::generate(&Shape { scenario, nodes, load, jobs, seed });
    let mut out = std::io::stdout().lock();
    let base = Figures::of(&judge(&case, Policy::Omniscient, &Config::default()).latency_ms);
    for policy in Policy::ALL {
        if args.ours && policy != Policy::Pumasi && policy != Policy::Omniscient {
            continue;
        }
        let configs = if policy == Policy::Pumasi { args.config.as_str() } else { "{}" };
        for config in configs.split(';') {
            let outcome = judge(&case, policy, &serde_json::from_str(config)?);
            let f = Figures::of(&outcome.latency_ms);
            let (name, mean, p99) = (policy.name(), f.mean / base.mean, f.p99 / base.p99);
            writeln!(
                out,
                "{name:<17} mean {:>9.0} p50 {:>8.0} p99 {:>9.0} | ÷ mean {mean:.2} p99 {p99:.2} \
                 | offers {:.2} messages {:.1} {config}",
                f.mean, f.p50, f.p99, outcome.offers, outcome.messages
            )?;
        }
    }
    Ok(())
}

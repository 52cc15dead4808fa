//! `quality`: how well jobs are placed, policy by policy. Prints one case, or writes the whole report;
//! knows nothing of faults.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use pumasi_scheduler::Config;
use pumasi_simulations::quality::hedge;
use pumasi_simulations::quality::prefix::{self, Rule, Setup};
use pumasi_simulations::quality::report::{Extent, Report, Run};
use pumasi_simulations::quality::{Case, Figures, Outcome, Policy, Scenario, Shape, judge, trace};

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
    /// Run the policies over a trace: one of lengths (CSV), or with --prefix one of prompt blocks.
    Trace(TraceArgs),
    /// Run everything and write tables and plots, run by run, so that it can be stopped.
    Report(ReportArgs),
}

#[derive(Args)]
struct ReportArgs {
    /// The folder to write into.
    #[arg(long, default_value = "docs")]
    out: PathBuf,
    /// Where each run is noted; what is noted there of the same --conditions is not run again.
    #[arg(long, value_name = "FILE")]
    runs: PathBuf,
    /// What else is to be known, as a sentence: which commit, which machine.
    #[arg(long, default_value = "")]
    conditions: String,
    /// Seeds of each case; several.
    #[arg(long, value_delimiter = ',', default_value = "11,12,13")]
    seeds: Vec<u64>,
    /// Jobs of each run of up to 32 machines.
    #[arg(long, default_value_t = 3_000, value_parser = parse_jobs)]
    jobs: usize,
    /// Jobs of each run of more machines.
    #[arg(long, default_value_t = 3_000, value_parser = parse_jobs)]
    many_jobs: usize,
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

#[derive(Args)]
struct TraceArgs {
    /// A trace of lengths: TIMESTAMP,ContextTokens,GeneratedTokens.
    #[arg(required_unless_present = "prefix", conflicts_with = "prefix")]
    file: Option<PathBuf>,
    /// A trace of prompt blocks: JSON lines with timestamp, input_length, output_length, hash_ids.
    #[arg(long, value_name = "FILE")]
    prefix: Option<PathBuf>,
    /// Machines; 16 equal ones for a trace of prompt blocks, 32 of an office for one of lengths.
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=1_000))]
    nodes: Option<u16>,
    /// Load of a trace of lengths, as a share of what all machines can do.
    #[arg(long, default_value_t = 0.8, value_parser = parse_positive)]
    load: f64,
    /// How many times faster than in the trace the requests with prompt blocks come; several.
    #[arg(long, value_delimiter = ',', default_value = "1.0,1.6", value_parser = parse_positive)]
    pace: Vec<f64>,
    /// Age at which digests of caches are replaced, in seconds; several.
    #[arg(long, value_delimiter = ',', default_value = "5,1", value_parser = parse_positive)]
    digests: Vec<f64>,
    /// Age at which gossip of queues is replaced, in seconds.
    #[arg(long, default_value_t = 1.0, value_parser = parse_positive)]
    gossip: f64,
    /// Blocks of 512 tokens in each machine's cache.
    #[arg(long, default_value_t = 4_000)]
    cache: usize,
    /// Seed.
    #[arg(long, default_value_t = 11)]
    seed: u64,
    /// Settings of the scheduler as JSON; several, divided by semicolons, are run one by one.
    #[arg(long, default_value = "{}")]
    config: String,
    /// Only this project's scheduler, beside the measure.
    #[arg(long)]
    ours: bool,
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|jobs| (100..=1_000_000).contains(jobs));
    known.ok_or_else(|| "a number from 100 to 1000000".to_owned())
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let known = text.parse().ok().filter(|value| (0.001..=10_000.0).contains(value));
    known.ok_or_else(|| "a number from 0.001 to 10000".to_owned())
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
        Command::Trace(args) => match (&args.file, &args.prefix) {
            (Some(file), _) => run_lengths(&args, file),
            (None, Some(file)) => run_prefix(&args, file),
            (None, None) => unreachable!("clap asks for one"),
        },
        Command::Report(args) => write_report(args),
    }
}

fn write_report(args: ReportArgs) -> anyhow::Result<()> {
    let (mut noted, known) = open_runs(&args.runs, &args.conditions)?;
    let ReportArgs { seeds, jobs, many_jobs, .. } = args;
    let mut report = Report::new(Extent { seeds, jobs, many_jobs }, known);
    let begun = Instant::now();
    report.run(|run, index, of| -> anyhow::Result<()> {
        writeln!(noted, "{}", serde_json::to_string(run)?)?;
        let seconds = begun.elapsed().as_secs();
        writeln!(std::io::stderr(), "{seconds:>5} s  {index:>4} of {of}  {}", run.key())?;
        Ok(())
    })?;
    for (name, text) in report.pages(&args.conditions) {
        let path = args.out.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The runs noted under the same conditions; if there are others, the file is begun anew.
fn open_runs(path: &Path, conditions: &str) -> anyhow::Result<(File, Vec<Run>)> {
    let head = serde_json::to_string(conditions)?;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines();
    let same = lines.next() == Some(head.as_str());
    // A line that was cut off by a stop is run again.
    let runs = lines.filter(|_| same).filter_map(|line| serde_json::from_str(line).ok()).collect();
    let context = || format!("opening {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    if !same && path.exists() {
        std::fs::remove_file(path).with_context(context)?;
    }
    let mut file = options.open(path).with_context(context)?;
    if !same {
        writeln!(file, "{head}")?;
    } else if !text.ends_with('\n') {
        writeln!(file)?;
    }
    Ok((file, runs))
}

fn run_case(args: &CaseArgs) -> anyhow::Result<()> {
    let CaseArgs { scenario, nodes, load, jobs, seed, .. } = *args;
    let case = Case::generate(&Shape { scenario, nodes, load, jobs, seed });
    compare(&case, &args.config, args.ours)
}

/// Prints every policy over one case.
fn compare(case: &Case, configs: &str, ours: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let base = Figures::of(&judge(case, Policy::Omniscient, &Config::default()).latency_ms);
    for policy in Policy::ALL {
        if ours && policy != Policy::Pumasi && policy != Policy::Omniscient {
            continue;
        }
        let configs = if policy == Policy::Pumasi { configs } else { "{}" };
        for config in configs.split(';') {
            let outcome = judge(case, policy, &serde_json::from_str(config)?);
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

fn run_lengths(args: &TraceArgs, file: &Path) -> anyhow::Result<()> {
    let requests = trace::lengths(open(file)?).with_context(|| file.display().to_string())?;
    let nodes = usize::from(args.nodes.unwrap_or(32));
    let (load, seed, jobs) = (args.load, args.seed, requests.len());
    let shape = Shape { scenario: Scenario::Chat, nodes, load, jobs, seed };
    writeln!(
        std::io::stdout(),
        "{jobs} requests, {nodes} machines, load {load}, seed {seed}; milliseconds of virtual time"
    )?;
    compare(&Case::of_trace(&requests, &shape), &args.config, args.ours)
}

fn run_prefix(args: &TraceArgs, file: &Path) -> anyhow::Result<()> {
    let requests = trace::prompt_blocks(open(file)?).with_context(|| file.display().to_string())?;
    let nodes = usize::from(args.nodes.unwrap_or(16));
    let mut out = std::io::stdout().lock();
    for pace in &args.pace {
        let setup = |digest: f64| Setup {
            nodes,
            cache_blocks: args.cache,
            pace: *pace,
            gossip_ms: (args.gossip * 1e3) as u64,
            digest_ms: (digest * 1e3) as u64,
            seed: args.seed,
        };
        let case = prefix::case(&requests, &setup(5.0));
        writeln!(
            out,
            "{} requests × {pace} pace, {nodes} machines with {} blocks, load without caches {:.2}, \
             gossip {} s, seed {}",
            requests.len(),
            args.cache,
            prefix::offered_load(&case),
            args.gossip,
            args.seed
        )?;
        let oracle = prefix::judge(&case, Rule::Oracle, &Config::default());
        for rule in Rule::ALL {
            if rule != Rule::Pumasi {
                if rule == Rule::Oracle || !args.ours {
                    let outcome = prefix::judge(&case, rule, &Config::default());
                    print_prefix(&mut out, rule.name(), &outcome, &oracle)?;
                }
                continue;
            }
            for digest in &args.digests {
                let case = prefix::case(&requests, &setup(*digest));
                for config in args.config.split(';') {
                    let outcome = prefix::judge(&case, rule, &serde_json::from_str(config)?);
                    let name = format!("Pumasi, {digest} s {config}");
                    print_prefix(&mut out, &name, &outcome, &oracle)?;
                }
            }
        }
    }
    Ok(())
}

fn print_prefix(
    out: &mut impl std::io::Write,
    name: &str,
    outcome: &Outcome,
    oracle: &Outcome,
) -> anyhow::Result<()> {
    let (f, base) = (Figures::of(&outcome.first_ms), Figures::of(&oracle.first_ms));
    writeln!(
        out,
        "{name:<17} hits {:.3} ÷ {:.2} | first token mean {:>6.0} p50 {:>6.0} p99 {:>7.0} ÷ mean \
         {:.2} p99 {:.2} | offers {:.2} messages {:.1}",
        outcome.hits,
        outcome.hits / oracle.hits,
        f.mean,
        f.p50,
        f.p99,
        f.mean / base.mean,
        f.p99 / base.p99,
        outcome.offers,
        outcome.messages
    )?;
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    Ok(BufReader::new(opened))
}

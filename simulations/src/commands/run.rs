//! `simulate run`: many seeds, or as many as fit into hours.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pumasi_simulations::{Campaign, Progress, Summary, run_campaign};

use crate::RunArgs;

use super::{print_failure, print_summary};

/// Seeds between two writes of the progress.
const STRETCH: u64 = 200;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    match args.hours {
        Some(hours) => run_long(args, hours),
        None => run_seeds(args),
    }
}

fn campaign(args: &RunArgs, first: u64, seeds: u64, until: Option<Instant>) -> Campaign {
    let (bounds, canary, threads) = (args.nodes.0, args.canary, args.threads);
    Campaign { first, seeds, bounds, canary, threads, until }
}

fn run_seeds(args: &RunArgs) -> anyhow::Result<()> {
    let begin = Instant::now();
    let summary = run_campaign(&campaign(args, args.first, args.seeds, None));
    let mut out = std::io::stdout().lock();
    print_summary(&mut out, &summary, wall_ms(begin))?;
    fail_if_found(&mut out, args, &summary)
}

fn fail_if_found(out: &mut impl Write, args: &RunArgs, summary: &Summary) -> anyhow::Result<()> {
    let Some((seed, violation)) = &summary.failure else { return Ok(()) };
    print_failure(out, *seed, violation, args.nodes.0, args.canary)?;
    anyhow::bail!("an invariant was violated")
}

/// Runs stretch after stretch, and keeps its progress, so that it can be stopped at any time.
fn run_long(args: &RunArgs, hours: f64) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs_f64(hours.clamp(0.0, 10_000.0) * 3_600.0);
    let mut progress = match &args.progress {
        Some(path) => {
            Progress::read(path).with_context(|| format!("reading {}", path.display()))?
        }
        None => Progress::default(),
    };
    progress.next = progress.next.max(args.first);
    let (begin, mut total) = (Instant::now(), Summary::default());
    let mut out = std::io::stdout().lock();
    while Instant::now() < until {
        let stretch = Instant::now();
        let summary = run_campaign(&campaign(args, progress.next, STRETCH, Some(until)));
        progress.add(&summary, stretch.elapsed());
        if let Some(path) = &args.progress {
            progress.write(path).with_context(|| format!("writing {}", path.display()))?;
        }
        if let Some((seed, violation)) = &summary.failure {
            print_failure(&mut out, *seed, violation, args.nodes.0, args.canary)?;
        }
        total.merge(summary);
    }
    print_summary(&mut out, &total, wall_ms(begin))?;
    let (seeds, hours) = (progress.seeds, progress.node_hours_milli / 1_000);
    let minutes = progress.cluster_ms / 60_000;
    writeln!(
        out,
        "in all {seeds} seeds, {minutes} cluster-minutes, {hours} node-hours, {} jobs, {} faults",
        progress.jobs, progress.faults
    )?;
    anyhow::ensure!(progress.failures.is_empty(), "{} seeds failed", progress.failures.len());
    Ok(())
}

pub(crate) fn wall_ms(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

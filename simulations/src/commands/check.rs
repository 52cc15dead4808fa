//! `simulate check`: everything that every check of the repository runs, and its summary.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use pumasi_simulations::{
    Bounds, Campaign, Canary, Scenario, Stored, Summary, run, run_campaign, seeds_until_found,
};

use super::run::wall_ms;
use super::{print_failure, print_summary};

/// The size that the budget names.
const FIVE: Bounds = Bounds { fewest: 5, most: 5 };
/// The size in which planted bugs are looked for: small meshes show most.
const SMALL: Bounds = Bounds { fewest: 2, most: 8 };
/// Most seeds in which a planted bug must be found.
const CANARY_SEEDS: u64 = 5_000;
/// Where fresh seeds begin, so that they are never the fixed ones.
const FRESH_FROM: u64 = 1 << 32;
/// Fewest seeds in which every situation must occur; and also the rare ones.
const SITUATION_SEEDS: u64 = 500;
const RARE_SEEDS: u64 = 5_000;

pub(crate) fn check(
    fresh: u64,
    fixed: u64,
    first: Option<u64>,
    scenarios: &Path,
    canaries_too: bool,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut out = std::io::stdout().lock();
    verify_stored(&mut out, scenarios)?;
    let first = first.unwrap_or_else(fresh_seed);
    writeln!(out, "fixed seeds 0..{fixed}, fresh seeds {first:#x}..{:#x}", first + fresh)?;
    let mut total = stretch(0, fixed, 2);
    total.merge(stretch(first, fresh, 2));
    print_summary(&mut out, &total, wall_ms(begin))?;
    if let Some((seed, violation)) = &total.failure {
        print_failure(&mut out, *seed, violation, FIVE, None)?;
        anyhow::bail!("an invariant was violated");
    }
    let repeated = (fixed + fresh).div_ceil(100);
    verify_determinism(first, repeated)?;
    writeln!(out, "determinism: {repeated} seeds ran again in another process, digests equal")?;
    require_situations(&total)?;
    if canaries_too {
        find_canaries(&mut out, CANARY_SEEDS, SMALL)?;
    }
    writeln!(out, "in all {:.1} s", wall_ms(begin) as f64 / 1_000.0)?;
    Ok(())
}

fn stretch(first: u64, seeds: u64, threads: usize) -> Summary {
    let (bounds, canary, until) = (FIVE, None, None);
    run_campaign(&Campaign { first, seeds, bounds, canary, threads, until })
}

fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    FRESH_FROM + since.as_secs() * 1_000
}

fn verify_stored(out: &mut impl Write, folder: &Path) -> anyhow::Result<()> {
    let stored = Stored::all(folder)?;
    for (path, stored) in &stored {
        let verified = stored.verify().map_err(anyhow::Error::msg);
        verified.with_context(|| format!("{} ({})", path.display(), stored.title))?;
    }
    writeln!(out, "{} stored scenarios hold", stored.len())?;
    Ok(())
}

/// Runs some seeds again, each in a process of its own, and compares digests.
fn verify_determinism(first: u64, seeds: u64) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    for seed in first..first + seeds {
        let here = run(&Scenario::generate(seed, FIVE), None, false).digest;
        let seed = seed.to_string();
        let arguments = ["replay", "--seed", &seed, "--nodes", "5..5", "--quiet"];
        let output = Command::new(&program).args(arguments).output()?;
        let there = String::from_utf8_lossy(&output.stdout).into_owned();
        let same = there.lines().any(|line| line == format!("digest {here}"));
        anyhow::ensure!(same, "seed {seed} runs differently in another process: {here}, {there}");
    }
    Ok(())
}

fn require_situations(total: &Summary) -> anyhow::Result<()> {
    let absent = total.situations.absent(total.seeds >= RARE_SEEDS);
    let enough = total.seeds >= SITUATION_SEEDS;
    anyhow::ensure!(!enough || absent.is_empty(), "never occurred: {}", absent.join("; "));
    Ok(())
}

pub(crate) fn canaries(seeds: u64, bounds: Bounds) -> anyhow::Result<()> {
    find_canaries(&mut std::io::stdout().lock(), seeds, bounds)
}

fn find_canaries(out: &mut impl Write, seeds: u64, bounds: Bounds) -> anyhow::Result<()> {
    writeln!(out, "planted bugs")?;
    let mut missed = Vec::new();
    for (canary, name) in Canary::ALL {
        match seeds_until_found(*canary, bounds, seeds) {
            Some(count) => writeln!(out, "  {count:>10}  seeds until {name} was found")?,
            None => {
                writeln!(out, "  {:>10}  {name}", "NOT FOUND")?;
                missed.push(*name);
            }
        }
        out.flush()?;
    }
    anyhow::ensure!(missed.is_empty(), "the oracle is blind for {}", missed.join(", "));
    Ok(())
}

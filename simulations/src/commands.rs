//! What `simulate` does, and how it prints it.

use std::io::Write;

use pumasi_simulations::{Bounds, Canary, Summary, Violation};

pub(crate) mod check;
pub(crate) mod one;
pub(crate) mod recording;
pub(crate) mod run;

/// Everything that repeats a failure, and the one command for it.
pub(crate) fn print_failure(
    out: &mut impl Write,
    seed: u64,
    violation: &Violation,
    bounds: Bounds,
    canary: Option<Canary>,
) -> std::io::Result<()> {
    let Bounds { fewest, most } = bounds;
    let planted = canary.map(|c| format!(" --canary {}", c.name())).unwrap_or_default();
    writeln!(out, "FAILED  seed {seed:#x}")?;
    writeln!(out, "  {violation}")?;
    writeln!(out, "  again:  simulate replay --seed {seed:#x} --nodes {fewest}..{most}{planted}")?;
    writeln!(out, "  small:  simulate shrink --seed {seed:#x} --nodes {fewest}..{most}{planted}")
}

/// Counts, faults by kind and situations.
pub(crate) fn print_summary(
    out: &mut impl Write,
    summary: &Summary,
    wall_ms: u64,
) -> std::io::Result<()> {
    let virtual_s = summary.virtual_ms / 1_000;
    let times = summary.virtual_ms.saturating_mul(1_000) / summary.core_us.max(1);
    let node_hours = summary.node_ms as f64 / 3_600_000.0;
    let wall_s = wall_ms as f64 / 1_000.0;
    let (seeds, median) = (summary.seeds, summary.median_speed());
    writeln!(
        out,
        "{seeds} seeds: {virtual_s} virtual seconds in {wall_s:.1} s, {node_hours:.0} node-hours"
    )?;
    writeln!(out, "speed on one core: {times} x real time in all, {median} x for the middle seed")?;
    writeln!(out, "counts")?;
    for (name, count) in summary.counts.named() {
        writeln!(out, "  {count:>10}  {name}")?;
    }
    let per_job = |count: u64| count as f64 / summary.counts.jobs.max(1) as f64;
    let (offers, messages) = (per_job(summary.counts.offers), per_job(summary.counts.messages));
    writeln!(out, "  {offers:.2} offers and {messages:.2} messages a job")?;
    writeln!(out, "faults injected")?;
    for (kind, count) in &summary.kinds {
        writeln!(out, "  {count:>10}  {kind}")?;
    }
    writeln!(out, "situations")?;
    for (name, count) in summary.situations.named() {
        writeln!(out, "  {count:>10}  {name}")?;
    }
    Ok(())
}

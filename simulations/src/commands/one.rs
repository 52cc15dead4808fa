//! `simulate replay`, `shrink` and `show`: one run.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use pumasi_simulations::{Stored, run, shrink};

use crate::What;

/// Lines of each machine that a replay prints.
const LINES_PER_NODE: usize = 200;

pub(crate) fn replay(
    what: &What,
    svg: Option<&Path>,
    only: Option<&str>,
    quiet: bool,
) -> anyhow::Result<()> {
    let (scenario, canary) = what.load()?;
    let report = run(&scenario, canary, true);
    let mut out = std::io::stdout().lock();
    if !quiet {
        let lines = match only {
            Some(text) => report.trace.iter().filter(|line| is_about(line, text)).collect(),
            None => last_lines(&report.trace),
        };
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    if let Some(path) = svg {
        let drawing = pumasi_simulations::diagram(&scenario, &report);
        std::fs::write(path, drawing).with_context(|| format!("writing {}", path.display()))?;
    }
    writeln!(out, "digest {}", report.digest)?;
    match report.violation {
        Some(violation) => anyhow::bail!("{violation}"),
        None => Ok(()),
    }
}

/// Whether a line holds the text, or says what went wrong.
fn is_about(line: &str, text: &str) -> bool {
    let kind = line.split_whitespace().nth(1);
    line.contains(text) || matches!(kind, Some("*" | "!"))
}

/// The last lines of each machine, in order. A line begins with its time and its machine.
fn last_lines(trace: &[String]) -> Vec<&String> {
    let mut left: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let mut kept: Vec<&String> = Vec::new();
    for line in trace.iter().rev() {
        let node = line.split_whitespace().nth(1).unwrap_or("");
        let count = left.entry(node).or_default();
        *count += 1;
        if *count <= LINES_PER_NODE {
            kept.push(line);
        }
    }
    kept.reverse();
    kept
}

pub(crate) fn shrink_one(
    what: &What,
    seconds: u64,
    to: Option<&Path>,
    title: String,
) -> anyhow::Result<()> {
    let (scenario, canary) = what.load()?;
    let Some(shrunk) = shrink(&scenario, canary, Duration::from_secs(seconds)) else {
        anyhow::bail!("it does not fail, so there is nothing to shrink");
    };
    let mut out = std::io::stdout().lock();
    let small = &shrunk.scenario;
    writeln!(
        out,
        "{} machines, {} operations, {} faults after {} runs: {}",
        small.machines.len(),
        small.workload.len(),
        small.faults.len(),
        shrunk.runs,
        shrunk.violation
    )?;
    let violates = canary.map(|_| shrunk.violation.invariant);
    let stored = Stored { title, canary, violates, scenario: shrunk.scenario };
    let text = serde_json::to_string_pretty(&stored)? + "\n";
    match to {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
            let path = path.display();
            writeln!(out, "written; again: simulate replay --scenario {path}")?;
        }
        None => writeln!(out, "{text}")?,
    }
    Ok(())
}

pub(crate) fn show(what: &What) -> anyhow::Result<()> {
    let (scenario, _) = what.load()?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &scenario)?;
    writeln!(out)?;
    Ok(())
}

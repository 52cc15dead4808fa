//! Many seeds: in two threads, with a summary, and resumable for long runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::canary::Canary;
use crate::counts::{Counts, Report};
use crate::oracle::Violation;
use crate::scenario::{Bounds, Scenario};
use crate::situations::Situations;
use crate::world::run;

/// Which seeds, how large, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// How large the scenarios are.
    pub bounds: Bounds,
    /// A planted bug.
    pub canary: Option<Canary>,
    /// Threads.
    pub threads: usize,
    /// No further seed is begun after this time.
    pub until: Option<Instant>,
}

/// What came of many seeds.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Seeds that ran.
    pub seeds: u64,
    /// The failure with the smallest seed.
    pub failure: Option<(u64, Violation)>,
    /// What happened how often.
    pub counts: Counts,
    /// The situations that occurred.
    pub situations: Situations,
    /// Faults by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Virtual time in all, in milliseconds.
    pub virtual_ms: u64,
    /// Virtual time of all nodes together, in milliseconds.
    pub node_ms: u64,
    /// Time that the threads spent on runs, added up, in microseconds: that of one core, unless
    /// other programs took it.
    pub core_us: u64,
    /// How many seeds ran at which multiple of real time on one core, in steps of a tenth.
    pub speeds: BTreeMap<u64, u64>,
    /// The seed below which every seed has run.
    pub next: u64,
}

impl Summary {
    fn add(&mut self, seed: u64, nodes: usize, report: Report, took: Duration) {
        self.seeds += 1;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.core_us = self.core_us.saturating_add(took_us);
        *self.speeds.entry(rounded(report.virtual_ms * 1_000 / took_us)).or_default() += 1;
        self.counts.add(&report.counts);
        self.situations.add(&report.situations);
        for (kind, count) in report.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.virtual_ms += report.virtual_ms;
        self.node_ms += report.virtual_ms * nodes as u64;
        self.next = self.next.max(seed + 1);
        let failed = report.violation.map(|violation| (seed, violation));
        self.failure = earlier(self.failure.take(), failed);
    }

    /// The multiple of real time on one core that half of the seeds reached.
    #[must_use]
    pub fn median_speed(&self) -> u64 {
        let mut below = 0;
        let reaches = |(_, count): &(&u64, &u64)| {
            below += **count;
            below * 2 >= self.seeds
        };
        self.speeds.iter().find(reaches).map_or(0, |(speed, _)| *speed)
    }

    /// Adds another summary.
    pub fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.core_us = self.core_us.saturating_add(other.core_us);
        for (speed, count) in other.speeds {
            *self.speeds.entry(speed).or_default() += count;
        }
        self.counts.add(&other.counts);
        self.situations.add(&other.situations);
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.virtual_ms += other.virtual_ms;
        self.node_ms += other.node_ms;
        self.next = self.next.max(other.next);
        self.failure = earlier(self.failure.take(), other.failure);
    }
}

/// A number with its two leading digits, so that there are few different ones.
fn rounded(number: u64) -> u64 {
    let step = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number / step * step
}

type Failure = Option<(u64, Violation)>;

fn earlier(a: Failure, b: Failure) -> Failure {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// Runs all seeds of a campaign, or until one fails.
#[must_use]
pub fn run_campaign(campaign: &Campaign) -> Summary {
    let next = AtomicU64::new(campaign.first);
    let failed = AtomicBool::new(false);
    let end = campaign.first.saturating_add(campaign.seeds);
    let work = || {
        let mut summary = Summary::default();
        let late = || campaign.until.is_some_and(|until| Instant::now() >= until);
        while !failed.load(Ordering::Relaxed) && !late() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let scenario = Scenario::generate(seed, campaign.bounds);
            let begin = Instant::now();
            let report = run(&scenario, campaign.canary, false);
            let took = begin.elapsed();
            failed.fetch_or(report.violation.is_some(), Ordering::Relaxed);
            summary.add(seed, scenario.machines.len(), report, took);
        }
        summary
    };
    let mut total = Summary { next: campaign.first, ..Summary::default() };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..campaign.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            total.merge(thread.join().expect("a run does not panic"));
        }
    });
    total
}

/// In how many seeds a planted bug is found, if it is.
#[must_use]
pub fn seeds_until_found(canary: Canary, bounds: Bounds, most: u64) -> Option<u64> {
    let campaign =
        Campaign { first: 0, seeds: most, bounds, canary: Some(canary), threads: 2, until: None };
    run_campaign(&campaign).failure.map(|(seed, _)| seed + 1)
}

/// How far a long run has come, as it stands in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The next seed.
    pub next: u64,
    /// Seeds that ran.
    pub seeds: u64,
    /// Virtual time of the meshes, in milliseconds.
    #[serde(default)]
    pub cluster_ms: u64,
    /// Hours of single nodes, virtual, in thousandths.
    pub node_hours_milli: u64,
    /// Jobs that were accepted.
    pub jobs: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// Seconds that it ran.
    pub wall_s: u64,
    /// Seeds that failed, with what they violated.
    pub failures: BTreeMap<u64, String>,
}

impl Progress {
    /// From its file; the beginning if there is none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(std::io::Error::other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces its file in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        let beside = path.with_extension("part");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, path)
    }

    /// Adds what a stretch of seeds gave.
    pub fn add(&mut self, summary: &Summary, took: Duration) {
        self.next = self.next.max(summary.next);
        self.seeds += summary.seeds;
        self.cluster_ms += summary.virtual_ms;
        self.node_hours_milli += summary.node_ms / 3_600;
        self.jobs += summary.counts.jobs;
        self.faults += summary.counts.faults;
        self.wall_s += took.as_secs();
        if let Some((seed, violation)) = &summary.failure {
            self.failures.insert(*seed, violation.to_string());
        }
    }
}

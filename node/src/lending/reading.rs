//! What other programs take of the processors and the NVIDIA cards at a moment. Elsewhere than where
//! the system tells it, nothing is taken.

use std::collections::BTreeMap;

use nvml_wrapper::Nvml;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Keeps what the next reading is compared with.
pub(crate) struct Reading {
    /// None where the system tells nothing.
    system: Option<System>,
    /// The last sample of each card, by its index; microseconds of its driver's clock.
    cards: BTreeMap<u32, u64>,
    first: bool,
}

impl Reading {
    pub(crate) fn new() -> Self {
        Self { system: System::new().ok(), cards: BTreeMap::new(), first: true }
    }

    /// The percentage of all processors, or of the busiest card if that is more, that programs other
    /// than this one and `workers` took since the last reading.
    pub(crate) fn take(&mut self, workers: &[u32]) -> u32 {
        let own: Vec<u32> = workers.iter().copied().chain([std::process::id()]).collect();
        let processors = self.processors(&own);
        let cards = self.busiest_card(&own);
        // The first one has nothing to be compared with.
        if std::mem::take(&mut self.first) { 0 } else { processors.max(cards) }
    }

    fn processors(&mut self, own: &[u32]) -> u32 {
        let Some(system) = &mut self.system else { return 0 };
        system.refresh_cpu_usage();
        let pids: Vec<Pid> = own.iter().map(|pid| Pid::from_u32(*pid)).collect();
        let kind = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
        let cores = system.cpus().len().max(1) as f32;
        let usage = |pid: &Pid| system.process(*pid).map_or(0.0, sysinfo::Process::cpu_usage);
        let taken: f32 = pids.iter().map(usage).sum();
        let others = system.global_cpu_usage() - taken / cores;
        others.clamp(0.0, 100.0).round() as u32
    }

    fn busiest_card(&mut self, own: &[u32]) -> u32 {
        // Opening it anew costs a fraction of a millisecond, and survives a driver's restart.
        let Ok(driver) = Nvml::init() else { return 0 };
        let count = driver.device_count().unwrap_or(0);
        (0..count).filter_map(|index| self.card(&driver, index, own)).max().unwrap_or(0)
    }

    fn card(&mut self, driver: &Nvml, index: u32, own: &[u32]) -> Option<u32> {
        let since = self.cards.get(&index).copied();
        let samples = driver.device_by_index(index).ok()?.process_utilization_stats(since).ok()?;
        let newest = samples.iter().map(|sample| sample.timestamp).max();
        self.cards.extend(newest.map(|newest| (index, newest)));
        // Several samples of one program: the latest counts.
        let others = samples.iter().filter(|sample| !own.contains(&sample.pid));
        let latest: BTreeMap<u32, (u64, u32)> =
            others.fold(BTreeMap::new(), |mut latest, sample| {
                let entry = latest.entry(sample.pid).or_insert((0, 0));
                *entry = (*entry).max((sample.timestamp, sample.sm_util));
                latest
            });
        Some(latest.values().map(|(_, percent)| percent).sum::<u32>().min(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_says_nothing_and_none_exceeds_the_whole() {
        let mut reading = Reading::new();
        assert_eq!(reading.take(&[]), 0);
        assert!(reading.take(&[]) <= 100);
    }
}

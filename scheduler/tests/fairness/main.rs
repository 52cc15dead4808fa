//! Fair shares of a device, in lockstep with a naive reference; the bound of I18; and the person at
//! the desk, who goes first.

mod bench;
mod desk;

use std::collections::BTreeMap;

use proptest::prelude::*;
use pumasi_scheduler::{Config, Yield};

use bench::{Bench, LOAD_MS, Work, person};

/// Nobody ages, nothing expires, and slots do not slow each other.
fn plain(weights: &[u32]) -> Config {
    Config {
        weights: (1..).zip(weights).map(|(n, weight)| (person(n), *weight)).collect(),
        starving_ms: u32::MAX,
        batch_ageing_ms: u32::MAX,
        reservation_ms: u32::MAX,
        contention_permille: 0,
        yields: Yield::None,
        ..Config::default()
    }
}

/// Who is served next, done naively: of those who have work, whoever had least per weight, and of
/// equals whose job came first.
fn naive(jobs: &[Work], weights: &[u32]) -> Vec<u32> {
    let mut left: Vec<u32> = (0..jobs.len() as u32).collect();
    let mut had: BTreeMap<u8, u64> = BTreeMap::new();
    let mut order = Vec::new();
    while !left.is_empty() {
        let key = |job: &u32| (had.get(&jobs[*job as usize].person).copied().unwrap_or(0), *job);
        let next = *left.iter().min_by_key(|job| key(job)).expect("there is one");
        left.retain(|job| *job != next);
        let work = jobs[next as usize];
        let weight = u64::from(weights[usize::from(work.person) - 1]);
        *had.entry(work.person).or_default() += u64::from(work.ms) * 1_000 / weight;
        order.push(next);
    }
    order
}

fn backlog() -> impl Strategy<Value = (Vec<u32>, Vec<Work>)> {
    let weights = prop::collection::vec(1..5_u32, 2..5);
    weights.prop_flat_map(|weights| {
        let persons = u8::try_from(weights.len()).expect("a few");
        let work = (1..=persons, 1..3_000_u32).prop_map(|(person, ms)| Work {
            person,
            model: 0,
            ms,
            batch: false,
            at_ms: 0,
        });
        (Just(weights), prop::collection::vec(work, 2..60))
    })
}

fn arrivals() -> impl Strategy<Value = Vec<Work>> {
    let work = (1..4_u8, 0..3_u8, 1..3_000_u32, any::<bool>(), 0..60_000_u32);
    let work =
        work.prop_map(|(person, model, ms, batch, at_ms)| Work { person, model, ms, batch, at_ms });
    prop::collection::vec(work, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With all work at hand the order is that of the naive reference, job by job.
    #[test]
    fn a_backlog_is_served_as_the_naive_reference_serves_it((weights, jobs) in backlog()) {
        let mut bench = Bench::new(plain(&weights), 1, &[1], 10, true, &jobs);
        while bench.step().is_some() {}
        prop_assert_eq!(bench.started, naive(&jobs, &weights));
    }

    /// Between any two who both wait, device time per weight never drifts apart by more than one
    /// longest job of each (Goyal et al. 1996, theorem 1).
    #[test]
    fn shares_drift_by_at_most_a_job_of_each((weights, jobs) in backlog()) {
        let mut bench = Bench::new(plain(&weights), 1, &[1], 10, true, &jobs);
        let mut had: BTreeMap<u8, f64> = BTreeMap::new();
        let longest = jobs.iter().map(|w| w.ms).max().unwrap_or(0);
        let bound = |p: u8| f64::from(longest) / f64::from(weights[usize::from(p) - 1]);
        while let Some(ended) = bench.step() {
            for job in ended {
                let work = jobs[job as usize];
                let share = f64::from(work.ms) / f64::from(weights[usize::from(work.person) - 1]);
                *had.entry(work.person).or_default() += share;
            }
            let waits = |p: &u8| bench.waiting.iter().any(|j| jobs[*j as usize].person == *p);
            let waiting: Vec<u8> = (1..=weights.len() as u8).filter(waits).collect();
            for (a, b) in waiting.iter().flat_map(|a| waiting.iter().map(move |b| (*a, *b))) {
                let of = |p| had.get(&p).copied().unwrap_or(0.0);
                prop_assert!((of(a) - of(b)).abs() <= bound(a) + bound(b) + 1.0);
            }
        }
    }

    /// I18: whatever comes and for whom, also what needs so much memory that all else must make
    /// room, everything begins, and within the time that was computed when it came.
    #[test]
    fn every_job_begins_within_its_bound(jobs in arrivals(), slots in 1..4_u16) {
        let config = Config { starving_ms: 10_000, batch_ageing_ms: 5_000, ..plain(&[1, 2, 3]) };
        // The third model fits only alone.
        let mut bench = Bench::new(config, slots, &[4, 5, 10], 10, false, &jobs);
        while bench.step().is_some() {}
        let longest = u64::from(jobs.iter().map(|w| w.ms).max().unwrap_or(0));
        for (job, (came, began, within)) in &bench.times {
            let began = began.expect("everything begins");
            let waited = began.ms_since(*came);
            // What came later and got a slot before: at most one job for each slot.
            let later = (longest + u64::from(LOAD_MS)) * u64::from(slots);
            prop_assert!(waited <= within + later, "job {} of {:?}: {} > {}", job, jobs, waited, within);
        }
        prop_assert_eq!(bench.times.len(), jobs.len());
    }
}

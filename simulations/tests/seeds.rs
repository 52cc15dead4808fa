//! Two hundred meshes in virtual time: no invariant is violated, every planted bug is found, every
//! situation that the runs are there for occurs.

use pumasi_simulations::{Bounds, Canary, Counts, Scenario, run};

const SMALL: Bounds = Bounds { fewest: 2, most: 8 };
const MIDDLE: Bounds = Bounds { fewest: 2, most: 20 };
const LARGE: Bounds = Bounds { fewest: 2, most: 50 };

fn run_all(seeds: std::ops::Range<u64>, bounds: Bounds) -> Counts {
    let mut totals = Counts::default();
    for seed in seeds {
        let report = run(&Scenario::generate(seed, bounds), None, false);
        if let Some(violation) = report.violation {
            let (fewest, most) = (bounds.fewest, bounds.most);
            panic!("{violation}\nsimulate replay --seed {seed:#x} --nodes {fewest}..{most}");
        }
        totals.add(&report.counts);
    }
    totals
}

#[test]
fn two_hundred_small_meshes_keep_every_invariant_and_show_every_situation() {
    let totals = run_all(0..200, SMALL);
    for (name, count) in totals.named() {
        assert!(count > 0, "no run had any {name}");
    }
}

#[test]
fn larger_meshes_keep_every_invariant() {
    let totals = run_all(1_000..1_010, LARGE);
    assert!(totals.completed > 0);
}

#[test]
fn each_canary_is_found() {
    for (canary, name) in Canary::ALL {
        // News of an old epoch that still matters is rare: about one run in three hundred has it.
        let found = (0..3_000).any(|seed| {
            run(&Scenario::generate(seed, MIDDLE), Some(canary), false).violation.is_some()
        });
        assert!(found, "{name} was not found: the oracle is blind there");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        let scenario = Scenario::generate(seed, SMALL);
        assert_eq!(run(&scenario, None, false).digest, run(&scenario, None, true).digest);
    }
}

#[test]
fn a_scenario_survives_being_written_down() {
    let scenario = Scenario::generate(7, LARGE);
    let text = serde_json::to_string(&scenario).expect("plain data");
    assert_eq!(serde_json::from_str::<Scenario>(&text).expect("the same data"), scenario);
}

//! Two hundred meshes in virtual time: no invariant is violated, every planted bug is found, every
//! stored scenario holds, and the same data give the same run.

use std::path::Path;
use std::time::Duration;

use pumasi_simulations::{
    Bounds, Campaign, Canary, Scenario, Stored, Summary, run, run_campaign, seeds_until_found,
    shrink,
};

const SMALL: Bounds = Bounds { fewest: 2, most: 8 };
const LARGE: Bounds = Bounds { fewest: 2, most: 50 };

fn run_all(first: u64, seeds: u64, bounds: Bounds) -> Summary {
    let (canary, threads, until) = (None, 2, None);
    let summary = run_campaign(&Campaign { first, seeds, bounds, canary, threads, until });
    if let Some((seed, violation)) = &summary.failure {
        let Bounds { fewest, most } = bounds;
        panic!("{violation}\nsimulate replay --seed {seed:#x} --nodes {fewest}..{most}");
    }
    summary
}

fn stored() -> Vec<(std::path::PathBuf, Stored)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    Stored::all(&folder).expect("the folder of scenarios")
}

#[test]
fn two_hundred_small_meshes_keep_every_invariant() {
    let summary = run_all(0, 200, SMALL);
    for (name, count) in summary.counts.named() {
        assert!(count > 0, "no run had any {name}");
    }
}

#[test]
fn larger_meshes_keep_every_invariant() {
    assert!(run_all(1_000, 10, LARGE).counts.completed > 0);
}

#[test]
fn each_planted_bug_is_found() {
    for (canary, name) in Canary::ALL {
        let found = seeds_until_found(*canary, SMALL, 5_000);
        assert!(found.is_some(), "{name} was not found: the oracle is blind there");
    }
}

#[test]
fn stored_scenarios_hold_and_find_what_they_are_stored_for() {
    let stored = stored();
    assert!(stored.iter().any(|(_, stored)| stored.canary.is_some()), "none finds a planted bug");
    for (path, stored) in stored {
        if let Err(what) = stored.verify() {
            panic!("{}: {what}", path.display());
        }
    }
}

#[test]
fn what_fails_is_made_small_and_still_fails() {
    let canary = Some(Canary::EndSwallowed);
    let failing = (0..2_000).map(|seed| Scenario::generate(seed, SMALL));
    let failing = failing.into_iter().find(|s| run(s, canary, false).violation.is_some());
    let failing = failing.expect("the planted bug shows soon");
    let before = run(&failing, canary, false).violation.expect("it fails");
    let shrunk = shrink(&failing, canary, Duration::from_secs(20)).expect("it fails");
    let after = run(&shrunk.scenario, canary, false).violation.expect("it still fails");
    assert_eq!(before.invariant, after.invariant);
    assert!(shrunk.scenario.workload.len() < failing.workload.len());
    assert!(shrunk.scenario.machines.len() <= failing.machines.len());
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

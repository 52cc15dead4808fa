//! Custody: scenarios, and random storms against an oracle that sees every disk.

mod scenarios;
mod storm;
mod words;
mod world;

use storm::storm;
use world::Bug;

/// The seeds that each run goes through; more if it was built with `CUSTODY_SEEDS`.
fn seeds() -> u64 {
    let more = option_env!("CUSTODY_SEEDS").and_then(|text| text.parse().ok());
    more.unwrap_or(300)
}

#[test]
fn no_storm_loses_a_job_or_ends_it_twice() {
    for seed in 0..seeds() {
        let world = storm(seed, None, false);
        if !world.oracle.violations.is_empty() {
            let world = storm(seed, None, true);
            panic!("seed {seed}: {:#?}\n{}", world.oracle.violations, world.trace.join("\n"));
        }
    }
}

fn found(bug: Bug) -> Option<u64> {
    (0..5_000).find(|seed| !storm(*seed, Some(bug), false).oracle.violations.is_empty())
}

#[test]
fn an_answer_before_the_sync_is_found() {
    assert!(found(Bug::AnswersBeforeSync).is_some());
}

#[test]
fn a_forgotten_vote_is_found() {
    assert!(found(Bug::VotesForgotten).is_some());
}

#[test]
fn a_forgotten_term_is_found() {
    assert!(found(Bug::TermsForgotten).is_some());
}

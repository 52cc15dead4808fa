//! A change of policy that places jobs badly is caught here: fixed seeds, virtual time, loose bounds.

use pumasi_scheduler::Config;
use pumasi_simulations::quality::{Case, Figures, Outcome, Policy, Scenario, Shape, hedge, judge};

fn ratios(scenario: Scenario, nodes: usize) -> (f64, f64, Outcome) {
    let case = Case::generate(&Shape { scenario, nodes, load: 0.8, jobs: 1_500, seed: 1 });
    let central = judge(&case, Policy::Omniscient, &Config::default());
    let ours = judge(&case, Policy::Pumasi, &Config::default());
    let (base, own) = (Figures::of(&central.latency_ms), Figures::of(&ours.latency_ms));
    (own.mean / base.mean, own.p99 / base.p99, ours)
}

#[test]
fn short_jobs_are_placed_nearly_as_well_as_by_one_who_knows_all() {
    let (mean, p99, outcome) = ratios(Scenario::Sketch, 32);
    assert!(mean < 1.9 && p99 < 1.5, "mean {mean:.2}, p99 {p99:.2}");
    assert!(outcome.offers < 3.1, "{} offers a job", outcome.offers);
}

#[test]
fn mixed_jobs_are_placed_nearly_as_well_as_by_one_who_knows_all() {
    let (mean, p99, outcome) = ratios(Scenario::Mixed, 16);
    assert!(mean < 1.5 && p99 < 1.6, "mean {mean:.2}, p99 {p99:.2}");
    assert!(outcome.offers < 3.5, "{} offers a job", outcome.offers);
}

#[test]
fn equal_seeds_give_equal_runs() {
    let shape = Shape { scenario: Scenario::Office, nodes: 8, load: 0.8, jobs: 200, seed: 7 };
    let run = || judge(&Case::generate(&shape), Policy::Pumasi, &Config::default()).latency_ms;
    assert_eq!(run(), run());
}

#[test]
fn a_second_try_cuts_the_tail_that_stragglers_make() {
    let shape = Shape { scenario: Scenario::Chat, nodes: 16, load: 0.4, jobs: 3_000, seed: 3 };
    let pair = hedge::Pair::run(&shape, 100.0);
    let (first, extra) = (pair.first_ratio(), pair.hedged.extra - pair.plain.extra);
    assert!(first < 0.15, "first tokens: p99.9 is {first:.2} of that without");
    assert!(extra < 0.02, "{extra:.3} of the work is done twice");
}

//! A change of policy that places jobs badly is caught here: fixed seeds, virtual time, bounds a
//! little above what was measured.

use pumasi_scheduler::Config;
use pumasi_simulations::quality::prefix::{self, Rule, Setup};
use pumasi_simulations::quality::report::{Extent, Report, Run};
use pumasi_simulations::quality::trace::Request;
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
    assert!(mean < 1.7 && p99 < 1.2, "mean {mean:.2}, p99 {p99:.2}");
    assert!(outcome.offers <= 3.0, "{} offers a job", outcome.offers);
}

#[test]
fn mixed_jobs_are_placed_nearly_as_well_as_by_one_who_knows_all() {
    let (mean, p99, outcome) = ratios(Scenario::Mixed, 16);
    assert!(mean < 1.15 && p99 < 1.4, "mean {mean:.2}, p99 {p99:.2}");
    assert!(outcome.offers <= 3.0, "{} offers a job", outcome.offers);
}

#[test]
fn jobs_of_two_models_are_placed_with_three_offers_each() {
    let (mean, p99, outcome) = ratios(Scenario::Images, 32);
    assert!(mean < 1.2 && p99 < 1.2, "mean {mean:.2}, p99 {p99:.2}");
    assert!(outcome.offers <= 3.0, "{} offers a job", outcome.offers);
}

/// Conversations whose turns each repeat all that was said before, on machines that are busy for
/// two thirds of the time if they find nothing in their caches.
fn conversations() -> Vec<Request> {
    let mut requests = Vec::new();
    for turn in 0..12_u64 {
        for conversation in 0..100_u64 {
            let count = 4 + 3 * turn;
            let blocks = (0..count).map(|block| conversation << 16 | block).collect();
            let at_ms = turn * 60_000 + conversation * 600;
            let prompt = 512 * u32::try_from(count).expect("few blocks");
            requests.push(Request { at_ms, prompt, answer: 100, blocks });
        }
    }
    requests
}

#[test]
fn prefixes_are_found_nearly_as_well_as_by_an_oracle() {
    let setup = Setup {
        nodes: 4,
        cache_blocks: 4_000,
        pace: 1.0,
        gossip_ms: 1_000,
        digest_ms: 5_000,
        seed: 1,
    };
    let case = prefix::case(&conversations(), &setup);
    assert!((0.6..0.8).contains(&prefix::offered_load(&case)), "{}", prefix::offered_load(&case));
    let run = |rule| prefix::judge(&case, rule, &Config::default());
    let (oracle, ours, blind) = (run(Rule::Oracle), run(Rule::Pumasi), run(Rule::LeastLoaded));
    let first = |outcome: &Outcome| Figures::of(&outcome.first_ms).mean;
    assert!(ours.hits > 0.95 * oracle.hits, "{:.3} of {:.3}", ours.hits, oracle.hits);
    assert!(blind.hits < 0.75 * oracle.hits, "{:.3} of {:.3}", blind.hits, oracle.hits);
    let ratio = first(&ours) / first(&oracle);
    assert!(ratio < 1.15, "first token after {ratio:.2} x the oracle's time");
}

#[test]
fn a_trace_of_lengths_has_the_load_that_is_asked_for() {
    let request =
        |index: u64| Request { at_ms: 700 * index, prompt: 400, answer: 100, blocks: Vec::new() };
    let requests: Vec<Request> = (0..1_000).map(request).collect();
    let shape = Shape { scenario: Scenario::Chat, nodes: 8, load: 0.6, jobs: 0, seed: 1 };
    let case = Case::of_trace(&requests, &shape);
    assert!((prefix::offered_load(&case) - 0.6).abs() < 0.001, "{}", prefix::offered_load(&case));
    assert_eq!(judge(&case, Policy::Pumasi, &Config::default()).latency_ms.len(), 800);
}

#[test]
fn a_report_that_was_stopped_goes_on_where_it_was() {
    let extent = Extent { seeds: vec![5], jobs: 100, many_jobs: 100 };
    let mut kept = Vec::new();
    let mut stopped = Report::new(extent.clone(), []);
    let result = stopped.run(|run, index, _| {
        kept.push(serde_json::to_string(run).expect("a run is plain data"));
        if index == 4 { Err("stopped") } else { Ok(()) }
    });
    assert_eq!((result, kept.len()), (Err("stopped"), 4));
    let known = kept.iter().map(|run| serde_json::from_str(run).expect("what was written"));
    let mut rest = Vec::new();
    let mut resumed = Report::new(extent, known.collect::<Vec<Run>>());
    let result = resumed.run(|run, index, _| {
        rest.push((index, run.key().to_owned()));
        if rest.len() == 2 { Err("stopped") } else { Ok(()) }
    });
    assert_eq!(result, Err("stopped"));
    let indexes: Vec<usize> = rest.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [5, 6], "{rest:?}");
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

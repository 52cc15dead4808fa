//! What is counted, and how much of it at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use pumasi_dialects::Dialect;

use super::*;
use crate::mesh::{Caller, Provided};
use crate::settings::RequestLog;

fn head(status: u16, code: &'static str) -> Head {
    let (id, method) = ("r".to_owned(), Method::POST);
    Head { id, method, route: None, dialect: Dialect::Anthropic, status, code }
}

fn tally(meters: &Arc<Meters>) -> Arc<Tally> {
    Arc::new(Tally::new(Arc::clone(meters), RequestLog::Heads, Instant::now()))
}

fn provided(model: &str) -> Provided {
    let text = str::to_owned;
    let (id, name, why) = (text("lab"), text("Lab"), text("it has it"));
    Provided { id, name, model: model.to_owned(), why, after: None }
}

/// An answer of two pieces by a model of the lab.
fn answer(meters: &Arc<Meters>, model: &str, end: impl FnOnce(&mut Charge)) {
    let tally = tally(meters);
    tally.infers(&Caller::Key { person: "kim".to_owned(), id: Some("0a".to_owned()) });
    tally.model("asked");
    let mut charge = Charge::new(None, Arc::clone(&tally));
    charge.at_provider(&provided(model));
    charge.piece();
    charge.piece();
    charge.set(Counts { prompt: 7, cached: 2, completion: 3, reasoning: 1 });
    end(&mut charge);
    tally.answered(head(200, ""));
    drop(tally);
    // The body goes on after the head.
    drop(charge);
}

#[test]
fn an_answer_counts_once_it_is_over_under_its_model_and_place() {
    let meters = Arc::new(Meters::default());
    answer(&meters, "gpt", Charge::done);
    answer(&meters, "gpt", |charge| charge.failed("provider_unavailable"));
    answer(&meters, "gpt", |_| ());
    let figures = meters.figures();
    let sorts: Vec<_> = figures.requests[UNKNOWN].iter().collect();
    let expected = [
        (&("anthropic", 2, ""), &1),
        (&("anthropic", 2, "client_left"), &1),
        (&("anthropic", 2, "provider_unavailable"), &1),
    ];
    assert_eq!(sorts, expected);
    let cell = &figures.models["gpt"]["lab"];
    assert_eq!((cell.counts.prompt, cell.counts.reasoning, cell.failed), (21, 3, 1));
    let totals = [&cell.latency, &cell.first_token, &cell.gap].map(Histogram::total);
    assert_eq!(totals, [3, 3, 3]);
    let used = meters.take_usage();
    let (key, spent) = used.iter().next().expect("one row");
    assert_eq!((key.person.as_str(), key.key.as_str(), used.len()), ("kim", "0a", 1));
    assert_eq!((spent.requests, spent.failed, spent.cached), (3, 1, 6));
    assert!(meters.take_usage().is_empty());
    meters.give_back(used.clone());
    assert_eq!(meters.take_usage(), used);
}

#[test]
fn what_no_place_answered_has_no_name_unless_the_model_is_there() {
    let meters = Arc::new(Meters::new(Some("lee".to_owned())));
    for (status, code) in [(404, "model_not_found"), (503, "no_candidate")] {
        let tally = tally(&meters);
        tally.infers(&Caller::Loopback);
        tally.model("whatever-they-wrote");
        tally.answered(head(status, code));
    }
    tally(&meters).answered(head(200, ""));
    let rows: Vec<_> = meters.take_usage().into_iter().collect();
    let named: Vec<_> =
        rows.iter().map(|(key, spent)| (key.model.as_str(), spent.failed)).collect();
    assert_eq!(named, [("-", 1), ("whatever-they-wrote", 1)]);
    assert!(rows.iter().all(|(key, _)| key.person == "lee" && key.place == UNKNOWN));
    let figures = meters.figures();
    assert!(figures.models.is_empty());
    assert_eq!(figures.requests[UNKNOWN][&(UNKNOWN, 2, "")], 1);
}

#[test]
fn the_names_that_are_told_apart_are_bounded_on_all_threads_together() {
    let meters = Arc::new(Meters::default());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let meters = Arc::clone(&meters);
            scope.spawn(move || {
                for number in 0..METERED_MODELS {
                    answer(&meters, &format!("model-{thread}-{number}"), Charge::done);
                }
            });
        }
    });
    let figures = meters.figures();
    let cells: usize = figures.models.values().map(BTreeMap::len).sum();
    assert_eq!(cells, METERED_MODELS + 1);
    let others = figures.models[OTHER][OTHER].latency.total();
    assert_eq!(others as usize, 3 * METERED_MODELS);
}

#[test]
fn the_text_is_what_prometheus_reads() {
    let meters = Arc::new(Meters::default());
    answer(&meters, "odd\"\\\nname", Charge::done);
    let mut histogram = Histogram::default();
    histogram.count(Duration::from_secs(400));
    assert_eq!(histogram.buckets[20], 1);
    let text = text::figures_alone(&meters.figures());
    let labels = r#"{model="odd\"\\\nname",place="lab"}"#;
    assert!(text.contains(&format!("pumasi_tokens_in_total{labels} 7\n")), "{text}");
    assert!(text.contains("# TYPE pumasi_answer_seconds histogram\n"), "{text}");
    let inf = r#"pumasi_token_gap_seconds_bucket{model="odd\"\\\nname",place="lab",le="+Inf"} 1"#;
    assert!(text.contains(inf), "{text}");
    assert!(!text.contains("kim"), "{text}");
}

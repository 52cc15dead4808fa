//! Links that lose, delay, double, reorder, narrow and cut, one way or both: jobs end right, and what was
//! cut comes together again. Where namespaces may not be made, it says so and holds nothing. X1–X6, X9.

use std::time::Duration;

use pumasi_tests::chaos::Faults;
use pumasi_tests::command::until;
use pumasi_tests::wire::{Desk, Wire};
use serde_json::json;

/// Detection, failover, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const SEED: u64 = 16;

/// Two members over the relay.
fn office(name: &str) -> Option<(Wire, [Desk; 2])> {
    let wire = match Wire::lay(name, SEED) {
        Ok(wire) => wire,
        Err(reason) => {
            #[expect(clippy::print_stderr, reason = "a skipped test says why")]
            {
                eprintln!("skipped: network namespaces cannot be made here: {reason}");
            }
            return None;
        }
    };
    let desks = [wire.start(0), wire.start(1)];
    let token = desks[0].pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    let _ = desks[1].pumasi(&["join", &token]);
    for desk in &desks {
        until("both are reached", PATIENCE, || desk.reaches(2).then_some(()));
    }
    Some((wire, desks))
}

/// A job that must run on the other desk.
fn over_there(from: &Desk, words: &str) {
    let prompt = format!("upper: {words}");
    let answer = from.pumasi(&["submit", "--wait", "starter-chat", &prompt, "--only", "desk-2"]);
    assert_eq!(answer["choices"][0]["message"]["content"], json!(words.to_uppercase()), "{answer}");
}

/// A job that runs wherever it can.
fn anywhere(from: &Desk, words: &str) {
    let prompt = format!("upper: {words}");
    let answer = from.pumasi(&["submit", "--wait", "starter-chat", &prompt]);
    assert_eq!(answer["choices"][0]["message"]["content"], json!(words.to_uppercase()), "{answer}");
}

#[test]
fn cat_x01_to_x04_a_bad_link_costs_time_and_no_job() {
    let Some((mut wire, desks)) = office("a") else { return };
    let mut faults = Faults::of(SEED);
    for weather in [
        "both drop=50 delay=10",
        "both drop=150 delay=20 jitter=30 double=50",
        "there drop=300",
        "back drop=300 jitter=50",
        "both delay=150",
        "both bytes_per_s=50000",
    ] {
        faults.note(weather);
        wire.weather("both clear");
        wire.weather(weather);
        over_there(&desks[0], "through rain");
        anywhere(&desks[0], "or here");
    }
    wire.weather("both clear");
    over_there(&desks[0], "sun");
}

#[test]
fn cat_x05_x06_a_cut_in_one_way_or_both_costs_no_job_and_heals() {
    let Some((mut wire, desks)) = office("b") else { return };
    let mut faults = Faults::of(SEED);
    for weather in ["both cut", "there cut", "back cut"] {
        let there = ["submit", "starter-chat", "upper: later", "--only", "desk-2"];
        let job = desks[0].pumasi(&there)["id"].as_str().expect("an id").to_owned();
        faults.note(weather);
        wire.weather(weather);
        // Whatever can run here does, and is kept here alone.
        anywhere(&desks[0], "meanwhile");
        faults.note("both clear");
        wire.weather("both clear");
        for desk in &desks {
            until("both are reached again", PATIENCE, || desk.reaches(2).then_some(()));
        }
        let ended = desks[0].pumasi(&["wait", &job]);
        assert!(ended.to_string().contains("completed"), "{ended}");
        desks.iter().for_each(|desk| anywhere(desk, "one"));
        over_there(&desks[0], "together again");
    }
}

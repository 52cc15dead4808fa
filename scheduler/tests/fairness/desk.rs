//! The person whose machine this is, against work for others: policies, slots, memory, the cap.

use pumasi_protocol::Tempo;
use pumasi_scheduler::{Config, DeskState, Input, Yield};

use super::bench::{Bench, Work};

/// Whose machine it is (see [`Bench::new`]), and somebody else.
const DESK: u8 = 0;
const OTHER: u8 = 2;

fn work(person: u8, model: u8, at_ms: u32) -> Work {
    Work { person, model, ms: 3_000, batch: false, at_ms }
}

fn config(yields: Yield) -> Config {
    Config { yields, contention_permille: 0, ..Config::default() }
}

fn tempo(bench: &Bench, job: u32) -> Tempo {
    bench.tempos.get(&job).copied().unwrap_or_default()
}

#[test]
fn own_questions_pause_or_slow_what_runs_for_others_and_their_end_resumes_it() {
    for (policy, expected) in
        [(Yield::Pause, Tempo::Paused), (Yield::Slow, Tempo::Slow), (Yield::None, Tempo::Full)]
    {
        let own = Work { ms: 1_000, ..work(DESK, 0, 500) };
        let jobs = [work(OTHER, 0, 0), own];
        let mut bench = Bench::new(config(policy), 2, &[1], 10, true, &jobs);
        bench.run_until(600);
        assert_eq!(tempo(&bench, 0), expected, "{policy:?}");
        assert_eq!(tempo(&bench, 1), Tempo::Full, "{policy:?}");
        bench.run_until(1_600);
        assert_eq!(tempo(&bench, 0), Tempo::Full, "{policy:?}");
        assert!(bench.stopped.is_empty(), "{policy:?}");
    }
}

#[test]
fn own_batch_work_is_no_reason_to_yield() {
    let jobs = [work(OTHER, 0, 0), Work { batch: true, ..work(DESK, 0, 500) }];
    let mut bench = Bench::new(config(Yield::Pause), 2, &[1], 10, true, &jobs);
    bench.run_until(600);
    assert_eq!(tempo(&bench, 0), Tempo::Full);
}

#[test]
fn what_pauses_too_long_is_given_back_once() {
    let long = Work { ms: 60_000, ..work(OTHER, 0, 0) };
    let mut bench = Bench::new(config(Yield::Pause), 2, &[1], 10, true, &[long]);
    bench.run_until(1);
    bench.input(Input::Desk { state: DeskState::InUse });
    assert_eq!(tempo(&bench, 0), Tempo::Paused);
    let moves = u64::from(Config::default().yield_move_ms);
    bench.run_until(moves - 1);
    assert!(bench.stopped.is_empty());
    bench.run_until(moves + 10);
    assert!(bench.stopped.contains(&0));
    assert!(bench.running.is_empty());
}

#[test]
fn while_it_is_in_use_and_pauses_nobody_else_gets_a_slot() {
    let jobs = [work(OTHER, 0, 100), work(DESK, 0, 200)];
    let mut bench = Bench::new(config(Yield::Pause), 2, &[1], 10, true, &jobs);
    bench.input(Input::Desk { state: DeskState::InUse });
    bench.run_until(300);
    assert_eq!(bench.started, [1]);
    bench.input(Input::Desk { state: DeskState::Free });
    bench.run_until(400);
    assert_eq!(bench.started, [1], "the own question still runs");
    bench.run_until(3_300);
    assert_eq!(bench.started, [1, 0]);
}

#[test]
fn who_asks_at_the_desk_gets_the_slot_of_the_latest_other() {
    for policy in [Yield::Pause, Yield::Slow] {
        let jobs = [work(OTHER, 0, 0), work(OTHER, 0, 100), work(DESK, 0, 200)];
        let mut bench = Bench::new(config(policy), 2, &[1], 10, true, &jobs);
        bench.run_until(210);
        assert_eq!(bench.stopped.iter().copied().collect::<Vec<_>>(), [1], "{policy:?}");
        assert!(bench.running.contains_key(&2), "{policy:?}");
    }
    let jobs = [work(OTHER, 0, 0), work(DESK, 0, 200)];
    let mut bench = Bench::new(config(Yield::None), 1, &[1], 10, true, &jobs);
    bench.run_until(210);
    assert!(bench.stopped.is_empty(), "without the policy it waits");
}

#[test]
fn who_asks_at_the_desk_gets_the_memory_of_others() {
    let jobs = [work(OTHER, 0, 0), work(DESK, 1, 1_000)];
    let mut bench = Bench::new(config(Yield::Slow), 2, &[6, 7], 10, false, &jobs);
    bench.run_until(1_010);
    assert!(bench.stopped.contains(&0));
    bench.run_until(2_000);
    assert!(bench.running.contains_key(&1));
}

#[test]
fn a_closed_desk_gives_all_of_others_back_and_keeps_its_own() {
    let jobs = [work(OTHER, 0, 0), work(DESK, 0, 0), work(OTHER, 0, 0)];
    let mut bench = Bench::new(config(Yield::None), 2, &[1], 10, true, &jobs);
    bench.run_until(1);
    bench.input(Input::Desk { state: DeskState::Closed });
    bench.run_until(10);
    assert!(bench.stopped.contains(&0) && !bench.stopped.contains(&1));
    assert!(bench.running.contains_key(&1));
    assert!(bench.waiting.is_empty(), "what waited was handed back");
}

#[test]
fn others_get_no_more_memory_than_is_lent() {
    let config = Config { lend_memory: Some(8), ..config(Yield::None) };
    // The third model exceeds the cap alone, the first two do together.
    let jobs = [work(OTHER, 0, 0), work(OTHER, 1, 0), work(OTHER, 2, 0), work(DESK, 2, 10_000)];
    let mut bench = Bench::new(config, 2, &[5, 6, 9], 20, false, &jobs);
    bench.run_until(1_000);
    assert_eq!(bench.started, [0], "only one of the two fits the cap");
    assert!(!bench.waiting.contains(&2), "what can never fit is refused");
    bench.run_until(9_000);
    assert_eq!(bench.started, [0, 1]);
    let resident = |bench: &Bench| {
        let models = bench.scheduler.view().executor().models;
        let taken = models.iter().filter(|m| m.residence == pumasi_scheduler::Residence::Loaded);
        taken.map(|m| m.memory).sum::<u64>()
    };
    assert!(resident(&bench) <= 8, "what others no longer use does not stay beyond the cap");
    bench.run_until(12_000);
    assert_eq!(bench.started, [0, 1, 3], "the desk's own work knows no cap");
}

#[test]
fn what_fits_no_more_is_handed_back_instead_of_blocking_all() {
    let jobs = [work(OTHER, 0, 0), work(OTHER, 1, 0)];
    let mut bench = Bench::new(config(Yield::None), 1, &[4, 8], 10, false, &jobs);
    bench.run_until(100);
    let mut advert = Box::new(bench.scheduler.view().advert().expect("it has one"));
    advert.sequence += 1;
    bench.input(Input::Local { advert, model_memory: 6 });
    assert!(!bench.waiting.contains(&1), "eight do not fit six any more");
}

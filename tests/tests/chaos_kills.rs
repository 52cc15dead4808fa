//! A node is killed again and again while it takes lasting jobs: each job that was acknowledged ends
//! once, with the right result. `scripts/chaos kills 2000` is the long run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pumasi_tests::ask::Asker;
use pumasi_tests::chaos::{Dice, Faults};
use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, STARTER, Setup};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Kills of a run where nothing else is said.
const KILLS: u64 = 50;
/// How long after its start a node is killed at the latest: while it still settles, or at work.
const LIFE_MS: [u64; 2] = [400, 1_600];
/// Jobs that are not over, beyond which no more are handed in.
const OPEN: usize = 40;
/// In which time all that was acknowledged ends once the kills have stopped.
const END: Duration = Duration::from_secs(120);

/// The jobs that were acknowledged, with what each must answer.
#[derive(Debug, Default)]
struct Book {
    open: BTreeMap<String, String>,
    done: BTreeMap<String, String>,
    /// What was to be answered, and what was: the starter model cannot upper-case every word.
    odd: Vec<(String, String)>,
    handed_in: u64,
}

fn seed() -> u64 {
    let given = std::env::var("PUMASI_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(20_260)
}

fn word(dice: &mut Dice) -> String {
    let length = 3 + dice.below(6);
    let letter = |_| char::from(b'a' + u8::try_from(dice.below(26)).expect("a letter"));
    (0..length).map(letter).collect()
}

/// Hands in jobs until told to stop; what is acknowledged goes into the book.
fn hand_in(asker: &Asker, book: &Mutex<Book>, stop: &AtomicBool, seed: u64) {
    let mut dice = Dice::new(seed);
    while !stop.load(Ordering::Relaxed) {
        if book.lock().expect("no test panics with it").open.len() >= OPEN {
            std::thread::yield_now();
            continue;
        }
        let word = word(&mut dice);
        let body = json!({
            "kind": "chat",
            "request": {
                "model": STARTER, "temperature": 0,
                "messages": [{ "role": "user", "content": format!("upper: {word}") }],
            },
        });
        let reply = asker.ask("POST", "/api/v1/jobs", Some(&body));
        let mut book = book.lock().expect("no test panics with it");
        book.handed_in += 1;
        if let Some((status, job)) = reply
            && (200..300).contains(&status)
            && let Some(id) = job["id"].as_str()
        {
            book.open.insert(id.to_owned(), word.to_uppercase());
        }
    }
}

/// Looks at every open job. Those that are over must be right; none may be unknown.
fn check(asker: &Asker, book: &Mutex<Book>) -> usize {
    let open = book.lock().expect("no test panics with it").open.clone();
    let mut left = open.len();
    for (id, expected) in open {
        let Some((status, job)) = asker.ask("GET", &format!("/api/v1/jobs/{id}"), None) else {
            return left;
        };
        assert_eq!(status, 200, "job {id} was acknowledged and is lost: {job}");
        match job["state"].as_str() {
            Some("completed") => {
                let Some(answer) = answer(asker, &id) else { return left };
                let mut book = book.lock().expect("no test panics with it");
                if answer != expected {
                    book.odd.push((expected, answer.clone()));
                }
                book.open.remove(&id);
                book.done.insert(id, answer);
                left -= 1;
            }
            Some("waiting" | "bound" | "running") => {}
            state => panic!("job {id} ended as {state:?}: {job}"),
        }
    }
    left
}

fn answer(asker: &Asker, id: &str) -> Option<String> {
    let (status, result) = asker.ask("GET", &format!("/api/v1/jobs/{id}/result"), None)?;
    assert_eq!(status, 200, "the result of {id} is lost: {result}");
    Some(result["choices"][0]["message"]["content"].as_str()?.to_owned())
}

/// One life: starts, takes jobs, and is killed at some moment.
fn live_and_die(
    folder: Option<TempDir>,
    book: &Arc<Mutex<Book>>,
    dice: &mut Dice,
    faults: &mut Faults,
) -> TempDir {
    let setup = Setup::new("desk");
    let node = match folder {
        Some(folder) => setup.on(folder),
        None => setup,
    }
    .spawn();
    faults.note("started");
    let asker = Asker::of(&node);
    let stop = Arc::new(AtomicBool::new(false));
    let client = {
        let (asker, book, stop) = (asker.clone(), Arc::clone(book), Arc::clone(&stop));
        let seed = dice.draw();
        std::thread::spawn(move || hand_in(&asker, &book, &stop, seed))
    };
    let most = LIFE_MS[usize::from(dice.below(2) == 0)];
    let life = Duration::from_millis(dice.below(most));
    let end = Instant::now() + life;
    // Looking is part of the load; a look that is cut short says nothing.
    while Instant::now() < end {
        check(&asker, book);
    }
    let folder = node.kill();
    faults.note(format!("kill -9 after {} ms", life.as_millis()));
    stop.store(true, Ordering::Relaxed);
    client.join().expect("the client does not panic");
    folder
}

#[test]
fn kill_9_again_and_again_loses_nothing_that_was_acknowledged() {
    let kills = std::env::var("PUMASI_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: u64 = kills.unwrap_or(KILLS);
    let (mut dice, mut faults) = (Dice::new(seed()), Faults::of(seed()));
    let book = Arc::new(Mutex::new(Book::default()));
    let mut folder = None;
    for _ in 0..kills {
        folder = Some(live_and_die(folder, &book, &mut dice, &mut faults));
    }
    let node: Node = match folder {
        Some(folder) => Setup::new("desk").on(folder).start(),
        None => Setup::new("desk").start(),
    };
    faults.note("started for good");
    let asker = Asker::of(&node);
    until("all that was acknowledged ends", END, || (check(&asker, &book) == 0).then_some(()));
    let book = book.lock().expect("no test panics with it");
    recheck(&asker, &book.done);
    let few = book.odd.len() * 10 <= book.done.len() + 10;
    assert!(few, "the starter model knows better than that: {:?}", book.odd);
    for (expected, answer) in &book.odd {
        assert_eq!(undisturbed(&asker, &expected.to_lowercase()), *answer, "for {expected}");
    }
    #[expect(clippy::print_stdout, reason = "the summary of the run")]
    {
        println!(
            "{kills} kills (seed {}): {} jobs handed in, {} acknowledged, {} ended right, 0 lost, \
             0 wrong, 0 ended twice",
            seed(),
            book.handed_in,
            book.done.len(),
            book.done.len(),
        );
    }
    assert!(!book.done.is_empty(), "a run that acknowledges nothing shows nothing");
}

/// What the model says when nobody disturbs it.
fn undisturbed(asker: &Asker, word: &str) -> String {
    let body = json!({
        "model": STARTER, "temperature": 0,
        "messages": [{ "role": "user", "content": format!("upper: {word}") }],
    });
    let (status, answer) =
        asker.ask("POST", "/v1/chat/completions", Some(&body)).expect("an answer");
    assert_eq!(status, 200, "{answer}");
    answer["choices"][0]["message"]["content"].as_str().expect("a text").to_owned()
}

/// An end is an end: the newest of those that are over still say the same.
fn recheck(asker: &Asker, done: &BTreeMap<String, String>) {
    for (id, expected) in done.iter().rev().take(100) {
        let job: Value = asker.ask("GET", &format!("/api/v1/jobs/{id}"), None).expect("it runs").1;
        assert_eq!(job["state"], "completed", "{job}");
        assert_eq!(answer(asker, id).as_deref(), Some(expected.as_str()), "job {id}");
    }
}

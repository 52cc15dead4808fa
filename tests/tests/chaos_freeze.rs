//! Frozen and killed parts: an executor, an owner, a worker. What was acknowledged ends right, streams
//! go on, and nodes survive their workers. X13, X21, C07.

use std::time::Duration;

use pumasi_tests::ask::Asker;
use pumasi_tests::chaos::{Dice, Faults};
use pumasi_tests::command::{interrupt, kill, resume, suspend, terminate, until};
use pumasi_tests::nodes::{Node, STARTER, Setup, mesh};
use serde_json::{Value, json};

/// Long enough for detection, failover and a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const SEED: u64 = 13;

fn hand_in(asker: &Asker, words: &str, more: &Value) -> String {
    let mut request = json!({
        "model": STARTER, "temperature": 0,
        "messages": [{ "role": "user", "content": format!("upper: {words}") }],
    });
    if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
        request.extend(more.clone());
    }
    let body = json!({ "kind": "chat", "request": request });
    let (status, job) = asker.ask("POST", "/api/v1/jobs", Some(&body)).expect("an answer");
    assert!((200..300).contains(&status), "{job}");
    job["id"].as_str().expect("a job has an id").to_owned()
}

fn ends_right(asker: &Asker, job: &str, words: &str) {
    until("the job completes", PATIENCE, || {
        let (_, job) = asker.ask("GET", &format!("/api/v1/jobs/{job}"), None)?;
        let state = job["state"].as_str()?;
        assert!(state != "failed" && state != "cancelled", "{job}");
        (state == "completed").then_some(())
    });
    let path = format!("/api/v1/jobs/{job}/result");
    let (_, result) = asker.ask("GET", &path, None).expect("an answer");
    assert_eq!(result["choices"][0]["message"]["content"], words.to_uppercase(), "{result}");
}

/// The processes of a node's workers, as its records name them.
fn workers(node: &Node) -> Vec<u32> {
    let entries = std::fs::read_dir(node.folder().join("workers")).expect("a folder of workers");
    let texts = entries.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    texts.filter_map(|text| text.split_whitespace().next()?.parse().ok()).collect()
}

#[test]
fn cat_x13_a_frozen_executor_costs_no_job_and_comes_back() {
    let (mut dice, mut faults) = (Dice::new(SEED), Faults::of(SEED));
    let nodes = mesh(3);
    let asker = Asker::of(&nodes[0]);
    for round in 0..3 {
        let jobs: Vec<(String, String)> = (0..12)
            .map(|n| {
                let words = format!("round {round} job {n}");
                (hand_in(&asker, &words, &json!({})), words)
            })
            .collect();
        let victim = &nodes[1 + usize::try_from(dice.below(2)).expect("two others")];
        faults.note(format!("SIGSTOP {}", victim.name));
        suspend(victim.pid());
        workers(victim).into_iter().for_each(suspend);
        jobs.iter().for_each(|(job, words)| ends_right(&asker, job, words));
        faults.note(format!("SIGCONT {}", victim.name));
        workers(victim).into_iter().for_each(resume);
        resume(victim.pid());
        nodes[0].meet(3);
    }
    let back = &nodes[1];
    let job = hand_in(&asker, "back again", &json!({ "pumasi": { "only": [back.id()] } }));
    ends_right(&asker, &job, "back again");
}

#[test]
fn cat_x13_a_frozen_owner_goes_on_with_its_jobs_when_it_wakes() {
    let mut faults = Faults::of(SEED);
    let nodes = mesh(2);
    let (asker, other) = (Asker::of(&nodes[0]), Asker::of(&nodes[1]));
    let jobs: Vec<(String, String)> = (0..12)
        .map(|n| (hand_in(&asker, &format!("job {n}"), &json!({})), format!("job {n}")))
        .collect();
    faults.note("SIGSTOP desk-1");
    suspend(nodes[0].pid());
    // The other node lives on meanwhile, and keeps alone what it accepts once it knows that it is.
    assert!(nodes[1].is_healthy(), "it answers");
    let meanwhile = hand_in(&other, "meanwhile", &json!({}));
    ends_right(&other, &meanwhile, "meanwhile");
    faults.note("SIGCONT desk-1");
    resume(nodes[0].pid());
    jobs.iter().for_each(|(job, words)| ends_right(&asker, job, words));
    ends_right(&other, &meanwhile, "meanwhile");
}

#[test]
fn cat_e01_a_node_survives_its_worker_and_the_jobs_do_too() {
    let mut faults = Faults::of(SEED);
    let node = Node::start("desk");
    let asker = Asker::of(&node);
    let pid = node.pid();
    for round in 0..5 {
        let jobs: Vec<(String, String)> = (0..4)
            .map(|n| {
                let words = format!("round {round} job {n}");
                (hand_in(&asker, &words, &json!({})), words)
            })
            .collect();
        for worker in workers(&node) {
            faults.note(format!("kill -9 worker {worker}"));
            kill(worker);
        }
        jobs.iter().for_each(|(job, words)| ends_right(&asker, job, words));
    }
    assert_eq!(node.get("/api/v1/status")["node"]["id"], node.id(), "process {pid} lives");
}

#[test]
fn cat_c07_a_node_that_is_asked_to_stop_stops_at_any_phase_and_keeps_its_jobs() {
    let (mut dice, mut faults) = (Dice::new(SEED), Faults::of(SEED));
    let mut folder = None;
    let mut jobs: Vec<(String, String)> = Vec::new();
    for round in 0..6 {
        let setup = Setup::new("desk");
        let node = match folder.take() {
            Some(folder) => setup.on(folder),
            None => setup,
        }
        .spawn();
        let asker = Asker::of(&node);
        for n in 0..dice.below(4) {
            let words = format!("round {round} job {n}");
            jobs.push((hand_in(&asker, &words, &json!({})), words));
        }
        let pid = node.pid();
        match round % 3 {
            0 => {
                faults.note("SIGTERM");
                terminate(pid);
            }
            1 => {
                faults.note("Ctrl-C");
                interrupt(pid);
            }
            _ => {
                faults.note("Ctrl-C twice");
                interrupt(pid);
                interrupt(pid);
            }
        }
        let (code, left) = node.stop();
        assert!(matches!(code, Some(0 | 130)) || code.is_none(), "round {round}: {code:?}");
        folder = Some(left);
    }
    let node = Setup::new("desk").on(folder.expect("it ran")).start();
    let asker = Asker::of(&node);
    jobs.iter().for_each(|(job, words)| ends_right(&asker, job, words));
}

/// Copies a folder with all that is in it.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}

#[test]
fn cat_x14_a_restored_older_ledger_keeps_what_it_knew_and_forges_nothing() {
    let mut faults = Faults::of(SEED);
    let node = Node::start("desk");
    let asker = Asker::of(&node);
    let early = hand_in(&asker, "early", &json!({}));
    ends_right(&asker, &early, "early");
    let (_, folder) = node.stop();
    let backup = tempfile::tempdir().expect("a temporary folder");
    for part in ["store", "files"] {
        copy(&folder.path().join(part), &backup.path().join(part));
    }
    faults.note("backup made");
    let node = Setup::new("desk").on(folder).start();
    let asker = Asker::of(&node);
    let late = hand_in(&asker, "late", &json!({}));
    ends_right(&asker, &late, "late");
    let folder = node.kill();
    faults.note("kill -9, backup restored");
    for part in ["store", "files"] {
        std::fs::remove_dir_all(folder.path().join(part)).expect("it is removed");
        copy(&backup.path().join(part), &folder.path().join(part));
    }
    let node = Setup::new("desk").on(folder).start();
    let asker = Asker::of(&node);
    ends_right(&asker, &early, "early");
    // A job that the backup never knew is unknown, and not some other job.
    let (status, body) =
        asker.ask("GET", &format!("/api/v1/jobs/{late}"), None).expect("an answer");
    assert_eq!(status, 404, "{body}");
    let again = hand_in(&asker, "again", &json!({}));
    assert_ne!(again, late);
    ends_right(&asker, &again, "again");
}

//! Lending: a paused node takes nothing of others, a draining one empties, and the person at the desk
//! goes before everybody else, at nobody's loss.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all, mesh};
use serde_json::{Value, json};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Hands in a lasting job that may run on these nodes only.
fn submit(node: &Node, prompt: &str, only: &[&Node]) -> String {
    let messages = json!([{ "role": "user", "content": prompt }]);
    hand_in(node, "chat", json!({ "messages": messages }), only)
}

/// One that writes for a while.
fn submit_long(node: &Node, prompt: &str, only: &[&Node]) -> String {
    let request = json!({ "prompt": prompt, "max_tokens": 300, "ignore_eos": true });
    hand_in(node, "completion", request, only)
}

fn hand_in(node: &Node, kind: &str, mut request: Value, only: &[&Node]) -> String {
    let only: Vec<&str> = only.iter().map(|node| node.id()).collect();
    request["model"] = json!(STARTER);
    request["temperature"] = json!(0);
    request["pumasi"] = json!({ "only": only });
    let job = node.post("/api/v1/jobs", &json!({ "kind": kind, "request": request })).body;
    job["id"].as_str().expect("a job has an id").to_owned()
}

fn state(node: &Node, job: &str) -> String {
    let job = node.get(&format!("/api/v1/jobs/{job}"));
    job["state"].as_str().expect("a job has a state").to_owned()
}

fn is_completed(node: &Node, job: &str) -> bool {
    let job = node.get(&format!("/api/v1/jobs/{job}"));
    let state = job["state"].as_str().expect("a job has a state");
    assert!(state != "failed" && state != "cancelled", "{job}");
    state == "completed"
}

fn answer(node: &Node, job: &str) -> String {
    until("the job completes", PATIENCE, || is_completed(node, job).then_some(()));
    let result = node.get(&format!("/api/v1/jobs/{job}/result"));
    let choice = &result["choices"][0];
    let text = choice["message"]["content"].as_str().or_else(|| choice["text"].as_str());
    text.unwrap_or_else(|| panic!("a text: {result}")).to_owned()
}

/// Waits until `node` knows that `other` says this of itself.
fn hears(node: &Node, other: &Node, admission: &str) {
    until(&format!("{} hears that {} is {admission}", node.name, other.name), MEET, || {
        let nodes = node.get("/api/v1/nodes");
        let found = nodes["data"].as_array()?.iter().find(|n| n["id"] == other.id())?;
        (found["admission"] == admission).then_some(())
    });
}

#[test]
fn a_paused_node_takes_nothing_of_others_and_goes_on_for_itself() {
    let mut nodes = mesh(2);
    let far = nodes.pop().expect("two nodes");
    let near = nodes.pop().expect("two nodes");
    let paused = far.pumasi(&["pause"]);
    assert!(paused.stdout.contains("paused until `pumasi resume`"), "{paused:?}");
    hears(&near, &far, "paused");
    let away = json!({ "pumasi": { "not": [near.id()] } });
    let waiting = submit(&near, "upper: later", &[&far]);
    for _ in 0..5 {
        let reply = near.chat("upper: here", &json!({}));
        assert_eq!(reply.header("x-pumasi-node"), Some(near.name.as_str()));
    }
    let own = far.chat("upper: own", &json!({ "pumasi": { "only": [far.id()] } }));
    assert_eq!(own.header("x-pumasi-node"), Some(far.name.as_str()));
    assert_eq!(state(&near, &waiting), "waiting");

    let resumed = far.pumasi(&["resume"]);
    assert!(resumed.stdout.starts_with("yes"), "{resumed:?}");
    assert_eq!(answer(&near, &waiting), "LATER");
    assert_eq!(far.pumasi(&["pause"]).code, Some(0));

    // It was told, not switched off and on.
    let (_, folder) = far.stop();
    let far = Setup::new("desk-2").on(folder).start();
    far.meet(2);
    hears(&near, &far, "paused");
    let status = far.pumasi(&["status"]);
    assert!(status.stdout.contains("paused until `pumasi resume`"), "{status:?}");
    assert_eq!(far.pumasi(&["resume"]).code, Some(0));
    hears(&near, &far, "accepting");
    let reply = near.chat("upper: away", &away);
    assert_eq!(reply.header("x-pumasi-node"), Some(far.name.as_str()));
}

#[test]
fn a_pause_for_a_time_ends_by_itself() {
    let node = Node::start("desk");
    let paused = node.pumasi(&["pause", "--for", "1s", "--json"]).json();
    assert_eq!((&paused["lend"], &paused["holds"]), (&json!("paused"), &json!(["told"])));
    assert!(paused["until_ms"].as_u64().is_some());
    until("the pause is over", PATIENCE, || {
        let lending = node.get("/api/v1/lending");
        (lending["lend"] == "accepting" && lending["holds"] == json!([])).then_some(())
    });
    for (arguments, word) in [
        (["pause", "--for", "soon"], "30m"),
        (["pause", "--for", "0s"], "30m"),
        (["pause", "--for", "99999d"], "too long"),
    ] {
        let ended = node.pumasi(&arguments);
        assert!(ended.code == Some(2) && ended.stderr.contains(word), "{ended:?}");
    }
    let body = json!({ "lend": "accepting", "for_s": 5 });
    let refused = node.request("POST", "/api/v1/lending", Some(&body));
    assert_eq!(refused.status, 400, "{refused:?}");
    let body = json!({ "lend": "perhaps" });
    assert_eq!(node.request("POST", "/api/v1/lending", Some(&body)).status, 400);
}

#[test]
fn a_drained_node_hands_its_queue_back_and_says_when_it_is_empty() {
    let nodes = [Setup::new("near").start(), Setup::new("far").with("--slots=1").start()];
    join_all(&nodes);
    let [near, far] = &nodes;
    let jobs: Vec<String> =
        (0..12).map(|n| submit(near, &format!("upper: job{}", letter(n)), &[near, far])).collect();
    let own = submit(far, "upper: mine", &[near, far]);
    let drained = far.pumasi(&["drain", "--wait", "--json"]).json();
    assert_eq!((&drained["empty"], &drained["here"]), (&json!(true), &json!(0)), "{drained}");
    hears(near, far, "draining");
    // Its own job went elsewhere, and so does all that comes.
    assert_eq!(answer(far, &own), "MINE");
    for (n, job) in (0..).zip(&jobs) {
        assert_eq!(answer(near, job), format!("JOB{}", letter(n).to_ascii_uppercase()));
    }
    let reply = far.chat("upper: elsewhere", &json!({}));
    assert_eq!(reply.header("x-pumasi-node"), Some("near"));
    let status = far.pumasi(&["status"]);
    assert!(status.stdout.contains("drained, nothing runs here"), "{status:?}");
    assert!(far.pumasi(&["resume"]).stdout.starts_with("yes"));
    hears(near, far, "accepting");
}

fn letter(n: u8) -> char {
    char::from(b'a' + n)
}

#[test]
fn who_asks_at_the_desk_goes_first_and_what_made_way_goes_on_without_loss() {
    let near = Node::start("near");
    let far = Setup::new("far").with("--slots=1").with("--yield=pause").with("--busy-percent=0");
    let far = far.start();
    let third = Setup::new("third").with("--slots=1").start();
    let nodes = [near, far, third];
    join_all(&nodes);
    let [near, far, third] = &nodes;
    let prompts: Vec<String> = (0..4).map(|n| format!("repeat: word {}", letter(n))).collect();
    let alone: Vec<String> = prompts.iter().map(|p| submit_long(near, p, &[near])).collect();
    let undisturbed: Vec<String> = alone.iter().map(|job| answer(near, job)).collect();

    let mut moved = 0;
    let mut rounds = 0;
    while moved == 0 && rounds < 20 {
        rounds += 1;
        let submitted: BTreeMap<String, &String> = prompts
            .iter()
            .zip(&undisturbed)
            .map(|(prompt, expected)| (submit_long(near, prompt, &[far, third]), expected))
            .collect();
        until("far works for near", PATIENCE, || {
            let lending = far.get("/api/v1/lending");
            let over = submitted.keys().all(|job| is_completed(near, job));
            (over || lending["foreign"].as_u64() > Some(0)).then_some(())
        });
        let own = far.chat("upper: first", &json!({ "pumasi": { "only": [far.id()] } }));
        assert_eq!(own.body["choices"][0]["message"]["content"], "FIRST");
        for (job, expected) in submitted {
            assert_eq!(&answer(near, &job), expected, "no repeat and no gap");
            let job = near.get(&format!("/api/v1/jobs/{job}"));
            moved += u64::from(job["attempts"].as_u64() > Some(1));
        }
    }
    assert!(moved > 0, "in {rounds} rounds nothing ever had to make way");
}

/// A program that takes one processor.
struct Hog(Child);

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn a_machine_that_other_programs_use_says_that_its_person_is_busy() {
    let near = Node::start("near");
    // Any other use counts here: how many processors there are is not known.
    let far = Setup::new("far").with("--yield=pause").with("--busy-percent=1").start();
    let nodes = [near, far];
    join_all(&nodes);
    let [near, far] = &nodes;
    let hog = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn();
    let _hog = Hog(hog.expect("a shell"));
    hears(near, far, "owner_busy");
    let lending = far.get("/api/v1/lending");
    assert_eq!((&lending["in_use"], &lending["yield"]), (&json!(true), &json!("pause")));
    let reply = near.chat("upper: here", &json!({}));
    assert_eq!(reply.header("x-pumasi-node"), Some("near"));
    let own = far.chat("upper: own", &json!({ "pumasi": { "only": [far.id()] } }));
    assert_eq!(own.header("x-pumasi-node"), Some("far"));
}

#[test]
fn settings_of_lending_are_checked_and_shown() {
    let node = Setup::new("desk")
        .with("--yield=pause")
        .with("--busy-percent=0")
        .with("--lend=mon-sun 00:00-24:00")
        .with("--lend-memory=2GB")
        .start();
    let lending = node.get("/api/v1/lending");
    assert_eq!(lending["schedule"], "mon-sun 00:00-24:00");
    assert_eq!(lending["memory_cap_bytes"], json!(2_000_000_000_u64));
    assert_eq!(lending["holds"], json!([]));
    let status = node.pumasi(&["status"]);
    assert!(status.stdout.contains("pauses for its person"), "{status:?}");
    for (flag, word) in [
        ("--yield=sometimes", "pause, slow, none"),
        ("--busy-percent=101", "0 to 100"),
        ("--lend=weekends", "neither days"),
        ("--lend-memory=much", "8GB"),
    ] {
        let ended = node.pumasi(&["up", flag]);
        assert!(ended.code != Some(0) && ended.stderr.contains(word), "{flag}: {ended:?}");
    }
}

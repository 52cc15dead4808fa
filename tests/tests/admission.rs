//! An office as a new user meets it, with real nodes in network namespaces: two computers pair by code,
//! a third is refused, then invited by a file, and one is removed in the middle of streams to it and from it.
//! Where namespaces may not be made, it says so and holds nothing.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use pumasi_tests::command::{children, resume, suspend, until};
use pumasi_tests::nodes::{Node, STARTER};
use pumasi_tests::office::{Desk, Office};
use pumasi_tests::stream::{Streamed, read};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const CHAT: &str = "/v1/chat/completions";
const WORDS: &str = "neighbours lend each other a day of work and nobody keeps the score of it all";

#[expect(clippy::print_stderr, reason = "a figure, shown where somebody looks for it")]
fn note(text: &str) {
    eprintln!("{text}");
}

fn chat(only: &[&str]) -> Value {
    json!({
        "model": STARTER, "temperature": 0, "pumasi": { "only": only },
        "messages": [{ "role": "user", "content": format!("repeat: {WORDS}") }],
    })
}

/// Two members by digits, as DNS-SD finds them.
fn pair(front: &Desk, window: &Desk) {
    front.pumasi(&["found", "office"]);
    let shown = window.pumasi(&["join"])["asking"]["digits"].clone();
    let asking = || front.pumasi(&["approve"])["asking"].as_array()?.first().cloned();
    until("the newcomer is listed", PATIENCE, asking);
    let typed = Instant::now();
    front.pumasi(&["approve", shown.as_str().expect("six digits")]);
    for desk in [front, window] {
        until("both are on both screens", PATIENCE, || desk.reaches(2));
    }
    note(&format!("from digits typed to members on both screens: {:?}", typed.elapsed()));
}

/// What a stranger has tried: it stays one.
fn refuse(front: &Desk, lab: &Desk) {
    let used = front.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    let id = front.pumasi(&["invitations"])["data"][0]["id"].as_str().expect("an id").to_owned();
    front.pumasi(&["invitations", "withdraw", &id]);
    let refused = lab.run(&["join", &used]);
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    assert!(refused.stderr.contains("no longer valid"), "{refused:?}");
    let refused = lab.run(&["approve", "123456"]);
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    assert_eq!(lab.reaches(1), Some(()));
    assert_eq!(front.reaches(2), Some(()));
}

fn invite(front: &Desk, lab: &Desk) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("for the lab.txt");
    let file = file.to_str().expect("text");
    front.pumasi(&["invite", "--file", file]);
    let taken = front.run(&["invite", "--file", file]);
    assert!(taken.stderr.contains("does not exist yet"), "never over another file: {taken:?}");
    lab.pumasi(&["join", file]);
}

/// Streams at a desk, and freezes the engines of who answers once the first text has come, so that the
/// stream is in its middle.
fn held(at: &Node, body: &Value, answering: &Node, mut then: impl FnMut(&[u32])) -> Streamed {
    let mut frozen = Vec::new();
    let streamed = read(at, CHAT, body, |id, pieces| {
        if pieces == 1 {
            assert_eq!(id, answering.id(), "it answers elsewhere");
            frozen = children(answering.pid());
            frozen.iter().for_each(|pid| suspend(*pid));
            then(&frozen);
        }
    });
    frozen.iter().for_each(|pid| resume(*pid));
    streamed
}

fn is_known_as(at: &Node, other: &Node, admission: &str) -> Option<()> {
    let nodes = at.get("/api/v1/nodes")["data"].clone();
    let known = |node: &&Value| node["id"] == other.id() && node["admission"] == admission;
    nodes.as_array()?.iter().any(|node| known(&node)).then_some(())
}

fn remove(front: &Node, member: &Node) {
    let path = format!("/api/v1/nodes/{}/remove", member.id());
    front.post(&path, &json!({ "confirmed": true }));
}

#[test]
fn two_pair_by_code_a_third_is_refused_then_invited_and_removed_while_it_streams() {
    let Some(office) = Office::of(3) else { return };
    let [front, window, lab] = [1, 2, 3].map(|desk| office.start(desk));
    pair(&front, &window);
    refuse(&front, &lab);
    invite(&front, &lab);
    for desk in [&front, &window, &lab] {
        until("all three are reached", PATIENCE, || desk.reaches(3));
    }
    // Both ways work, and the model is loaded where it will answer.
    for (from, to) in [(&front, &window), (&front, &lab), (&lab, &front)] {
        let whole = from.within(|node| read(node, CHAT, &chat(&[to.node.id()]), |_, _| ()));
        assert_eq!((whole.text.as_str(), whole.node.as_str()), (WORDS, to.node.id()));
    }

    // The next job for others goes to the lab.
    window.pumasi(&["pause"]);
    until("the front knows that the window pauses", PATIENCE, || {
        front.within(|node| is_known_as(node, &window.node, "paused"))
    });

    let (begun, has_begun) = mpsc::channel();
    let (out, is_out) = mpsc::channel();
    let has_begun = Mutex::new(has_begun);
    let (to_it, from_it) = std::thread::scope(|scope| {
        // What the front computes for the lab, and what the lab computes for the front, are both in
        // their middle when the lab is removed.
        let to_it = scope.spawn(|| {
            lab.within(|node| {
                held(node, &chat(&[front.node.id()]), &front.node, |engines| {
                    begun.send(engines.to_vec()).expect("somebody waits");
                })
            })
        });
        let from_it = front.within(|node| {
            let there = chat(&[lab.node.id(), window.node.id()]);
            let streamed = held(node, &there, &lab.node, |_| {
                let has_begun = has_begun.lock().expect("nobody else waits for it");
                let engines = has_begun.recv_timeout(PATIENCE).expect("it is served");
                window.pumasi(&["resume"]);
                until("it knows that somebody could go on", PATIENCE, || {
                    is_known_as(node, &window.node, "accepting")
                });
                let at = Instant::now();
                remove(node, &lab.node);
                out.send(at).expect("somebody waits");
                engines.iter().for_each(|pid| resume(*pid));
            });
            (streamed, Instant::now())
        });
        (to_it.join().expect("a stream that ends"), from_it)
    });
    let (from_it, ended) = from_it;
    let removed = is_out.recv().expect("it was removed");
    note(&format!("from the removal to the end of what it computed: {:?}", ended - removed));
    assert_eq!((from_it.text.as_str(), &from_it.error), (WORDS, &None), "no repeat, no gap");
    let seams = from_it.seams();
    let moved = |seam: &Value| (&seam["from"], &seam["to"]) == (&json!("desk-3"), &json!("desk-2"));
    assert!(seams.iter().any(moved), "{seams:?}");
    // What it was served ends where it was, and it hears why.
    assert!(to_it.text.len() < WORDS.len() && WORDS.starts_with(&to_it.text), "{to_it:?}");
    assert_eq!(to_it.error.expect("the end is said")["code"], "removed");

    for desk in [&front, &window] {
        until("it is on no list", PATIENCE, || desk.reaches(2));
        let listed = desk.pumasi(&["peers"])["data"].to_string();
        assert!(!listed.contains(lab.node.id()), "{listed}");
    }
    until("the slot of its job is free", PATIENCE, || {
        let nodes = front.pumasi(&["peers"])["data"].clone();
        let own = nodes.as_array()?.iter().find(|n| n["id"] == front.node.id())?.clone();
        let busy = own["models"].as_array()?.iter().any(|m| m["state"]["busy"].as_u64() > Some(0));
        (!busy).then_some(())
    });
    // It reaches nobody any more, nor is it reached.
    let refused = lab.within(|node| node.request("POST", CHAT, Some(&chat(&[front.node.id()]))));
    assert!(refused.status >= 400, "{refused:?}");
    let refused = front.within(|node| node.request("POST", CHAT, Some(&chat(&[lab.node.id()]))));
    assert!(refused.status >= 400, "{refused:?}");
    let again = front.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    let back = lab.run(&["join", &again]);
    assert!(back.code.is_some_and(|code| code != 0), "{back:?}");
}

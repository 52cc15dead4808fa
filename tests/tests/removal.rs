//! `pumasi remove` with real nodes: who is removed, who is not, what is asked before, and what becomes
//! of work that is under way.

use std::time::Duration;

use pumasi_tests::command::{children, resume, suspend, until};
use pumasi_tests::nodes::{Node, STARTER, join_all};
use pumasi_tests::stream::{Streamed, read};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The code that `pumasi remove` exits with, and its word.
fn refusal(node: &Node, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = node.pumasi(&[&["remove", "--json"], arguments].concat());
    let word = ended.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (ended.code, word)
}

fn members(node: &Node) -> u64 {
    node.get("/api/v1/status")["members"].as_u64().expect("a count")
}

/// Lets another one in with the role admin.
fn join_as_admin(first: &Node, other: &Node) {
    let wanted = json!({ "uses": 1, "valid_s": 600, "role": "admin" });
    let made = first.post("/api/v1/invitations", &wanted).body;
    other.join(made["token"].as_str().expect("a token"));
}

#[test]
fn cat_c09_a_removed_computer_is_out_and_what_it_wrote_stands() {
    let (first, second, third) = (Node::start("front"), Node::start("window"), Node::start("lab"));
    assert_eq!(first.pumasi(&["found"]).code, Some(0));
    join_as_admin(&first, &second);
    second.meet(2);
    // The second lets the third in: that must outlive the second.
    third.join(&second.invite(1));
    first.meet(3);
    let removed = first.pumasi(&["remove", "window", "--yes"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert!(removed.stderr.contains("window") && removed.stderr.contains("2 computers"));
    until("the third knows it", PATIENCE, || (members(&third) == 2).then_some(()));
    first.meet(2);
    third.meet(2);
    until("the removed one reaches nobody", PATIENCE, || {
        let nodes = second.get("/api/v1/nodes");
        let online = |node: &&Value| node["presence"] == "online";
        nodes["data"].as_array()?.iter().find(online).is_none().then_some(())
    });
    assert_eq!(refusal(&first, &["window"]), (Some(66), "unknown_node".to_owned()));
}

#[test]
fn cat_c09_the_last_admin_itself_and_strangers_are_not_removed() {
    let nodes = [Node::start("front"), Node::start("window")];
    let [first, second] = &nodes;
    assert_eq!(refusal(first, &["front"]), (Some(65), "no_mesh".to_owned()));
    join_all(&nodes);
    assert_eq!(refusal(first, &["front", "--yes"]), (Some(65), "last_admin".to_owned()));
    assert_eq!(refusal(first, &["nobody", "--yes"]), (Some(66), "unknown_node".to_owned()));
    let id = "0".repeat(64);
    let reply = first.request("POST", &format!("/api/v1/nodes/{id}/remove"), None);
    assert_eq!((reply.status, &reply.body["error"]["code"]), (404, &json!("unknown_node")));
    assert_eq!(refusal(second, &["front", "--yes"]), (Some(77), "not_allowed".to_owned()));
    assert_eq!((members(first), members(second)), (2, 2));

    // Two admins: none removes itself, and whoever removes the other one is asked before.
    let third = Node::start("lab");
    join_as_admin(first, &third);
    third.meet(3);
    first.meet(3);
    assert_eq!(refusal(first, &["front"]), (Some(65), "own_computer".to_owned()));
    assert_eq!(refusal(first, &["lab"]), (Some(65), "confirmation_needed".to_owned()));
    assert_eq!(members(first), 3);
    let removed = first.pumasi(&["remove", "lab", "--yes", "--json"]).json();
    assert_eq!((&removed["node"]["name"], &removed["members"]), (&json!("lab"), &json!(2)));
}

#[test]
fn cat_c09_a_name_that_two_nodes_share_is_asked_which() {
    let nodes = [Node::start("front"), Node::start("desk"), Node::start("desk")];
    join_all(&nodes);
    let [first, second, _] = &nodes;
    let ended = first.pumasi(&["remove", "desk"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    for node in &nodes[1..] {
        assert!(ended.stderr.contains(&node.id()[..8]), "{ended:?}");
    }
    assert_eq!(members(first), 3, "nobody was removed");
    assert_eq!(first.pumasi(&["remove", &second.id()[..8]]).code, Some(0));
    assert_eq!(members(first), 2);
}

const CHAT: &str = "/v1/chat/completions";
const WORDS: &str = "neighbours lend each other a day of work and nobody keeps the score of it all";

/// Streams an answer of one of these nodes, and does something in its middle, while the engines of who
/// answers stand still.
fn stopped_midway(at: &Node, of: &[&Node], then: impl Fn(&Node)) -> Streamed {
    let only: Vec<&str> = of.iter().map(|node| node.id()).collect();
    let body = json!({
        "model": STARTER, "temperature": 0, "pumasi": { "only": only },
        "messages": [{ "role": "user", "content": format!("repeat: {WORDS}") }],
    });
    let mut frozen = Vec::new();
    let streamed = read(at, CHAT, &body, |id, pieces| {
        if pieces == 1 {
            let answering = of.iter().find(|node| node.id() == id).expect("one of those asked");
            frozen = children(answering.pid());
            frozen.iter().for_each(|pid| suspend(*pid));
            then(answering);
        }
    });
    frozen.iter().for_each(|pid| resume(*pid));
    streamed
}

fn remove(first: &Node, node: &Node) {
    first.post(&format!("/api/v1/nodes/{}/remove", node.id()), &json!({ "confirmed": true }));
}

/// Loads the model where it will answer.
fn warm(at: &Node, nodes: &[&Node]) {
    for node in nodes {
        at.chat("repeat: a", &json!({ "pumasi": { "only": [node.id()] } }));
    }
}

#[test]
fn what_a_removed_computer_was_computing_goes_on_because_it_was_removed_not_because_it_is_silent() {
    let nodes = [Node::start("front"), Node::start("window"), Node::start("lab")];
    join_all(&nodes);
    let [first, window, lab] = &nodes;
    warm(first, &[window, lab]);
    let streamed = stopped_midway(first, &[window, lab], |answering| remove(first, answering));
    assert_eq!((streamed.text.as_str(), &streamed.error), (WORDS, &None), "no repeat, no gap");
    let faults: Vec<&Value> = streamed.seams().iter().map(|seam| &seam["fault"]).collect();
    assert_eq!(faults, ["peer_removed"], "{:?}", streamed.seams());
}

#[test]
fn a_removed_computer_is_told_so_and_what_it_waited_for_ends_at_once() {
    let nodes = [Node::start("front"), Node::start("window"), Node::start("lab")];
    join_all(&nodes);
    let [first, window, lab] = &nodes;
    warm(lab, &[window]);
    let cut = stopped_midway(lab, &[window], |_| remove(first, lab));
    assert!(cut.text.len() < WORDS.len() && WORDS.starts_with(&cut.text), "{cut:?}");
    let error = cut.error.expect("the end is said");
    assert_eq!(error["code"], "removed", "not that nobody came in time: {error}");
    let notices = lab.get("/api/v1/status")["notices"].clone();
    assert!(
        notices.as_array().is_some_and(|n| n.iter().any(|n| n["code"] == "removed")),
        "{notices}"
    );
    let doctor = lab.pumasi(&["doctor", "--json"]).json();
    assert!(doctor.to_string().contains("\"removed\""), "{doctor}");
    // Alone it goes on working, and says why the others do not.
    assert_eq!(lab.chat("repeat: a", &json!({})).header("x-pumasi-node-id"), Some(lab.id()));
    let elsewhere = json!({ "model": STARTER, "pumasi": { "only": [window.id()] },
        "messages": [{ "role": "user", "content": "repeat: a" }] });
    let refused = lab.request("POST", CHAT, Some(&elsewhere));
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.body["error"]["code"], "removed");
}

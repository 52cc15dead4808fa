//! How soon the others see what changes at one computer, and what that costs them.

use std::time::Instant;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, mesh};
use serde_json::{Value, json};

/// What one node shows of another.
fn shown(by: &Node, of: &str) -> Value {
    let nodes = by.get("/api/v1/nodes");
    let entry = nodes["data"].as_array().and_then(|all| all.iter().find(|node| node["id"] == of));
    entry.cloned().unwrap_or_default()
}

fn state_of_starter(by: &Node, of: &str) -> Value {
    let models = shown(by, of)["models"].as_array().cloned().unwrap_or_default();
    let starter = models.into_iter().find(|model| model["name"] == STARTER);
    starter.map(|model| model["state"].clone()).unwrap_or_default()
}

/// Waits until all others show something, and says how long that took.
fn until_all_show(what: &str, others: &[Node], shows: impl Fn(&Node) -> bool) {
    let since = Instant::now();
    for other in others {
        until(&format!("{} shows {what}", other.name), MEET, || shows(other).then_some(()));
    }
    report(&format!("all others showed {what} after {} ms", since.elapsed().as_millis()));
}

#[expect(clippy::print_stderr, reason = "the runner shows it on demand")]
fn report(text: &str) {
    eprintln!("{text}");
}

#[test]
fn what_changes_at_one_computer_shows_at_all_others() {
    let nodes = mesh(4);
    let [one, others @ ..] = nodes.as_slice() else { panic!("four nodes") };
    let id = one.id();
    one.post(&format!("/api/v1/models/{STARTER}/load"), &json!({}));
    until_all_show("its model loaded", others, |other| {
        state_of_starter(other, id)["state"] == "loaded"
    });
    assert_eq!(one.pumasi(&["pause"]).code, Some(0));
    until_all_show("it paused", others, |other| shown(other, id)["admission"] == "paused");
    assert_eq!(one.pumasi(&["resume"]).code, Some(0));
    until_all_show("it resumed", others, |other| shown(other, id)["admission"] == "accepting");
    let found = until("the doctor knows the traffic", MEET, || {
        let found = one.get("/api/v1/doctor");
        let check = found["checks"].as_array()?.iter().find(|c| c["code"] == "state_traffic")?;
        (check["outcome"] == "good").then(|| check["message"].clone())
    });
    report(&found.to_string());
}

#[test]
fn a_computer_that_is_lost_is_absent_at_all_others_and_present_again_after_its_start() {
    let mut nodes = mesh(4);
    let one = nodes.remove(0);
    let id = one.id().to_owned();
    let folder = one.kill();
    until_all_show("it offline", &nodes, |other| shown(other, &id)["presence"] == "offline");
    let one = Setup::new("desk-1").on(folder).start();
    until_all_show("it online", &nodes, |other| shown(other, &id)["presence"] == "online");
    one.meet(4);
}

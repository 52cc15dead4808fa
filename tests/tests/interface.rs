//! The interface in a real browser, against two real nodes: every journey of `web/ui/e2e`.

use std::process::Command;

use pumasi_tests::nodes::Node;
use pumasi_tests::tree;

#[test]
fn people_find_their_way_in_a_browser() {
    let (here, other) = (Node::start("desk"), Node::start("window"));
    let output = Command::new("node")
        .arg("e2e/run.js")
        .current_dir(tree::root().join("web/ui"))
        .env("PUMASI_URL", here.url("/"))
        .env("PUMASI_OTHER_URL", other.url("/"))
        .output()
        .expect("node runs: scripts/setup --tests installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // All of them ran: a runner that finds no journey must not pass.
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= 17, "only {passed} journeys ran:\n{said}");
}

#[test]
fn a_newcomer_is_let_in_by_its_digits_in_a_browser() {
    let (here, other) = (Node::start("desk"), Node::start("window"));
    let told = std::fs::read(other.folder().join("node.json")).expect("it says where it listens");
    let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
    let output = Command::new("node")
        .args(["e2e/run.js", "letsInByDigits"])
        .current_dir(tree::root().join("web/ui"))
        .env("PUMASI_URL", here.url("/"))
        .env("PUMASI_OTHER_URL", other.url("/"))
        .env("PUMASI_OTHER_DOOR", told["join"][0].as_str().expect("a join door"))
        .output()
        .expect("node runs: scripts/setup --tests installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("ok   letsInByDigits"), "it did not run: {said}");
}

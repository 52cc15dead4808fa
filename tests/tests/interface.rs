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
    assert!(passed >= 9, "only {passed} journeys ran:\n{said}");
}

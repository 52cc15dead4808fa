//! Two nodes in two network namespaces joined by a bridge: each finds the other by DNS-SD alone. Where
//! namespaces may not be made, it says so and holds nothing.

use std::process::Command;
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, Setup};
use serde_json::{Value, json};

/// Namespaces, a bridge and its ends; all removed at the end.
struct Office {
    tag: String,
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

impl Office {
    /// Two desks at one switch, without a way out.
    fn new() -> Result<Self, String> {
        let office = Self { tag: format!("pt{}", std::process::id() % 100_000) };
        let tag = &office.tag;
        let hub = format!("{tag}-h");
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "br0", "up"])?;
        for (desk, last) in [("1", 1), ("2", 2)] {
            let space = office.desk(desk);
            let port = format!("port{desk}");
            ip(&["netns", "add", &space])?;
            ip(&[
                "-n", &hub, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns",
                &space,
            ])?;
            ip(&["-n", &hub, "link", "set", &port, "master", "br0"])?;
            ip(&["-n", &hub, "link", "set", &port, "up"])?;
            let address = format!("10.77.0.{last}/24");
            ip(&["-n", &space, "addr", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
            ip(&["-n", &space, "route", "add", "default", "dev", "eth0"])?;
        }
        Ok(office)
    }

    fn desk(&self, desk: &str) -> String {
        format!("{}-{desk}", self.tag)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        for space in [self.desk("1"), self.desk("2"), format!("{}-h", self.tag)] {
            // What was not made needs no removing.
            let _ = ip(&["netns", "del", &space]);
        }
    }
}

/// A node at a desk; its API is asked by the program, run in the same namespace.
struct Desk {
    space: String,
    node: Node,
}

impl Desk {
    fn start(office: &Office, desk: &str) -> Self {
        let space = office.desk(desk);
        let node = Setup::new(&format!("desk-{desk}"))
            .with("--listen=0.0.0.0")
            .with("--discovery=true")
            .under(&["ip", "netns", "exec", &space])
            .spawn();
        Self { space, node }
    }

    fn pumasi(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new("ip");
        pumasi_tests::command::clean(&mut command);
        command.args(["netns", "exec", &self.space]);
        command.arg(pumasi_tests::command::program()).arg("--data-dir").arg(self.node.folder());
        let ended = pumasi_tests::command::run(command.args(arguments).arg("--json"));
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    fn reaches(&self, count: usize) -> Option<()> {
        let peers = self.pumasi(&["peers"]);
        let present = |node: &&Value| node["presence"] == "here" || node["presence"] == "online";
        (peers["data"].as_array()?.iter().filter(present).count() == count).then_some(())
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn a_newcomer_that_dns_sd_finds_is_let_in_by_its_digits_alone() {
    let office = match Office::new() {
        Ok(office) => office,
        Err(reason) => {
            eprintln!("skipped: network namespaces cannot be made here: {reason}");
            return;
        }
    };
    let [first, second] = ["1", "2"].map(|desk| Desk::start(&office, desk));
    first.pumasi(&["found"]);
    let asking = || first.pumasi(&["approve"])["asking"].as_array().expect("a list").clone();
    let shown = second.pumasi(&["join"])["asking"]["digits"].clone();
    let shown = shown.as_str().expect("six digits");
    let patience = Duration::from_secs(60);
    let newcomer = until("the newcomer is listed", patience, || asking().first().cloned());
    assert_eq!(newcomer["node"]["name"], "desk-2");
    let approved = first.pumasi(&["approve", shown]);
    assert_eq!(approved["node"]["id"], second.node.id());
    for desk in [&first, &second] {
        until("both are reached", patience, || desk.reaches(2));
    }
    assert_eq!(asking(), Vec::<Value>::new(), "a member asks no more");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn members_in_two_namespaces_find_each_other_by_dns_sd() {
    let office = match Office::new() {
        Ok(office) => office,
        Err(reason) => {
            eprintln!("skipped: network namespaces cannot be made here: {reason}");
            return;
        }
    };
    let desks = ["1", "2"].map(|desk| Desk::start(&office, desk));
    let [first, second] = &desks;
    let token = first.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    second.pumasi(&["join", &token]);
    let patience = Duration::from_secs(60);
    for desk in &desks {
        until("both are reached", patience, || desk.reaches(2));
    }
    let answer = first.pumasi(&["run", "starter-chat", "upper: bridge", "--only", "desk-2"]);
    assert_eq!((&answer["content"], &answer["node"]), (&json!("BRIDGE"), &json!("desk-2")));

    // Both restart on other ports: what they remembered of each other is worth nothing, and only
    // multicast can bring them together again.
    let [first, second] = desks;
    let (first_space, second_space) = (first.space, second.space);
    let (_, first_folder) = first.node.stop();
    let (_, second_folder) = second.node.stop();
    let again = |name: &str, space: &str, folder| {
        let node = Setup::new(name)
            .with("--listen=0.0.0.0")
            .with("--discovery=true")
            .on(folder)
            .under(&["ip", "netns", "exec", space])
            .spawn();
        Desk { space: space.to_owned(), node }
    };
    let first = again("desk-1", &first_space, first_folder);
    let second = again("desk-2", &second_space, second_folder);
    for desk in [&first, &second] {
        until("both are found by multicast", patience, || desk.reaches(2));
    }
}

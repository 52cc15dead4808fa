//! What a node records, kills included, replays in the simulator to the same decisions.

use std::path::Path;
use std::process::Command;

use pumasi_tests::command::{self, Ended, program, until};
use pumasi_tests::nodes::{MEET, Node, Setup, join_all};
use serde_json::json;

/// What a user says; a recording must not hold it.
const SECRET: &str = "qzvxkwjy";

fn replay(recording: &Path) -> Ended {
    let simulate = program().with_file_name(format!("simulate{}", std::env::consts::EXE_SUFFIX));
    command::run(Command::new(simulate).arg("recording").arg(recording))
}

fn recording_node(name: &str, to: &Path) -> Setup {
    Setup::new(name).with(format!("--record={}", to.display()))
}

fn counted(replayed: &Ended, kind: &str) -> u64 {
    let mut lines = replayed.stdout.lines().filter_map(|line| line.trim().split_once("  "));
    let found = lines.find(|(_, known)| *known == kind);
    found.and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
}

/// A replay that went through to the end and compared something.
fn assert_same(recording: &Path) -> Ended {
    let replayed = replay(recording);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert!(replayed.stdout.contains(" actions are the same, compared "), "{replayed:?}");
    assert!(counted(&replayed, "advert") > 0, "{replayed:?}");
    replayed
}

#[test]
fn a_recorded_run_with_a_kill_replays_to_the_same_decisions() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (of_owner, of_other) = (folder.path().join("owner"), folder.path().join("other"));
    let owner = recording_node("owner", &of_owner).start();
    let other = recording_node("other", &of_other).start();
    let nodes = [owner, other];
    join_all(&nodes);
    let [owner, other] = nodes;
    let elsewhere = json!({ "pumasi": { "not": [owner.id()] } });
    owner.chat(&format!("repeat: {SECRET}"), &elsewhere);
    owner.chat("repeat: here", &json!({}));
    let _folder = other.kill();
    let alone = |node: &Node| {
        let nodes = node.get("/api/v1/nodes");
        let online = nodes["data"].as_array()?.iter().filter(|n| n["presence"] == "online").count();
        (online == 0).then_some(())
    };
    until("the owner notices that the other is gone", MEET, || alone(&owner));
    owner.chat("repeat: after", &json!({}));
    let (code, _folder) = owner.stop();
    assert_eq!(code, Some(0));

    let owner = assert_same(&of_owner);
    assert_eq!(counted(&owner, "submit"), 3, "{owner:?}");
    assert!(counted(&owner, "attempt ended") >= 3, "{owner:?}");
    let other = assert_same(&of_other);
    assert!(counted(&other, "stream opened") >= 1, "{other:?}");
    for recording in [&of_owner, &of_other] {
        let bytes = std::fs::read(recording).expect("it was written");
        let said = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!said, "a recording holds what a user said");
    }

    let bytes = std::fs::read(&of_owner).expect("it was written");
    let cut = folder.path().join("cut");
    std::fs::write(&cut, &bytes[..bytes.len() - 3]).expect("a copy");
    assert!(assert_same(&cut).stdout.contains("cut off in the middle of an entry"));
    let damaged = folder.path().join("damaged");
    let mut flipped = bytes.clone();
    // In the body of the first entry: the magic, the version and its length come before.
    flipped[20] ^= 1;
    std::fs::write(&damaged, flipped).expect("a copy");
    let refused = replay(&damaged);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("damaged"), "{refused:?}");
}

//! What a real node keeps: the same request twice, a ledger that was damaged, a disk that is full.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pumasi_tests::command::{pumasi, run, run_with};
use pumasi_tests::nodes::{Node, STARTER, Setup};
use serde_json::{Value, json};

/// Hands in a job under a key and gives its id.
fn submit(folder: &Path, prompt: &str, key: &str) -> String {
    let arguments = ["submit", "-q", STARTER, prompt, "--idempotency-key", key];
    let ended = run_with(folder, &arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.trim().to_owned()
}

#[test]
fn cat_h41_a_repeated_request_is_the_same_job_and_another_with_its_key_is_refused() {
    let node = Node::start("desk");
    let ids: Vec<String> = std::thread::scope(|scope| {
        let folder = node.folder();
        let one = || scope.spawn(move || submit(folder, "upper: once", "monday"));
        let all: Vec<_> = (0..4).map(|_| one()).collect();
        all.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_ne!(submit(node.folder(), "upper: once", "tuesday"), ids[0]);

    let other = ["submit", "--json", STARTER, "upper: twice", "--idempotency-key", "monday"];
    let refused = node.pumasi(&other);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert_eq!(refused.json()["error"]["code"], "idempotency_key_reused");
    let mute = node.pumasi(&["submit", "--json", STARTER, "x", "--idempotency-key", "\u{e9}"]);
    assert_ne!(mute.code, Some(0), "{mute:?}");

    let node = Setup::new("desk").on(node.kill()).start();
    assert_eq!(submit(node.folder(), "upper: once", "monday"), ids[0]);
    assert_eq!(node.pumasi(&other).code, Some(65));
    assert_eq!(node.pumasi(&["wait", &ids[0], "--timeout", "60s"]).code, Some(0));
    assert_eq!(node.pumasi(&["jobs", "rm", &ids[0]]).code, Some(0));
    assert_eq!(node.pumasi(&["get", &ids[0]]).code, Some(66));
    assert_ne!(submit(node.folder(), "upper: once", "monday"), ids[0], "it was forgotten");
}

#[test]
fn a_damaged_ledger_is_named_left_as_it_is_and_put_back() {
    let node = Node::start("desk");
    let running = node.pumasi(&["ledger", "check"]);
    assert_eq!(running.code, Some(69), "{running:?}");
    assert!(running.stderr.contains(&node.pid().to_string()), "{running:?}");
    let copies = node.folder().join("ledger-copies");
    pumasi_tests::command::until("the first daily copy", Duration::from_secs(30), || {
        std::fs::read_dir(&copies).ok()?.flatten().next()
    });
    let (_, folder) = node.stop();
    let check = run_with(folder.path(), &["ledger", "check", "--json"]).json();
    assert_eq!(check["whole"], true, "{check}");

    let ledger = folder.path().join("store").join("ledger");
    let mut bytes = std::fs::read(&ledger).expect("a file");
    // One bit of each page: which of them are in use is the database's affair.
    bytes.iter_mut().skip(4_096 + 100).step_by(4_096).for_each(|byte| *byte ^= 4);
    std::fs::write(&ledger, &bytes).expect("written");
    let refused = run(pumasi(folder.path()).args(["up", "--http", "127.0.0.1:0"]));
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.stderr.contains("pumasi ledger restore"), "{refused:?}");
    assert_eq!(std::fs::read(&ledger).expect("a file"), bytes, "it is left as it is");
    assert_eq!(run_with(folder.path(), &["ledger", "check"]).code, Some(65));

    let restored = run_with(folder.path(), &["ledger", "restore"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(folder.path().join("store.before-1").join("ledger").exists());
    let node = Setup::new("desk").on(folder).start();
    assert_eq!(node.pumasi(&["run", STARTER, "upper: back"]).stdout, "BACK\n");
}

const INSIDE: &str = "PUMASI_TEST_SMALL_DISK";
const NAME: &str = "cat_c08_a_full_disk_refuses_new_jobs_keeps_the_old_and_recovers";

/// Runs this test again where `folder` is a small disk; false where mounting is not permitted.
fn again_on_a_small_disk(folder: &Path) -> bool {
    let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        return false;
    }
    let mount = "mount -t tmpfs -o size=64m tmpfs \"$0\" && exec \"$@\"";
    let mut again = Command::new("unshare");
    again.args(["-m", "sh", "-c", mount]).arg(folder);
    again.arg(std::env::current_exe().expect("a test knows its own program"));
    let status = again.args(["--exact", NAME, "--nocapture"]).env(INSIDE, folder).status();
    assert!(status.expect("it runs").success(), "the test on the small disk failed");
    true
}

#[test]
fn cat_c08_a_full_disk_refuses_new_jobs_keeps_the_old_and_recovers() {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return fill_and_free(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    if !again_on_a_small_disk(folder.path()) {
        #[expect(clippy::print_stderr, reason = "the runner shows what was not tried")]
        {
            eprintln!("skipped: a disk cannot be mounted here");
        }
    }
}

/// Takes all space but this much.
fn fill(file: &Path, leave: u64) {
    let disk = rustix::fs::statvfs(file.parent().expect("in a folder")).expect("it says");
    let take = (disk.f_bavail * disk.f_frsize).saturating_sub(leave);
    let bytes = vec![0; usize::try_from(take).expect("small")];
    // The last page may be one that somebody else took.
    let _ = std::fs::write(file, bytes);
}

fn fill_and_free(disk: &Path) {
    let folder = tempfile::Builder::new().tempdir_in(disk).expect("a folder");
    let node = Setup::new("desk").on(folder).start();
    let old = submit(node.folder(), "upper: old", "old");
    assert_eq!(node.pumasi(&["wait", &old, "--timeout", "60s"]).code, Some(0));
    let ballast = disk.join("ballast");
    // First the reserve is all that is left, then nothing.
    for leave in [16 * 1024 * 1024, 0] {
        fill(&ballast, leave);
        let refused = node.pumasi(&["submit", "--json", STARTER, "upper: new"]);
        assert_eq!(refused.code, Some(75), "{refused:?}");
        assert_eq!(refused.json()["error"]["code"], "disk_full");
        assert_eq!(node.pumasi(&["get", &old]).stdout, "OLD\n");
        let chat: Value = node.chat("upper: chat", &json!({})).body;
        assert_eq!(chat["choices"][0]["message"]["content"], "CHAT");
        std::fs::remove_file(&ballast).expect("removed");
    }
    let new = submit(node.folder(), "upper: new", "new");
    assert_eq!(node.pumasi(&["wait", &new, "--timeout", "60s"]).code, Some(0));
    let node = Setup::new("desk").on(node.kill()).start();
    assert_eq!(node.pumasi(&["get", &new]).stdout, "NEW\n");
    assert_eq!(node.pumasi(&["get", &old]).stdout, "OLD\n");
}

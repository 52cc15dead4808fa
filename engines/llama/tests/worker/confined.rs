//! The worker is confined by the system (row E05). What that denies is shown by the tests of the
//! sandbox; here, that the worker that runs models is in it, and that all of its threads are.
#![cfg(target_os = "linux")]

use pumasi_engine_host::Engine;

use crate::rig::{Rig, question};

#[tokio::test]
async fn cat_e05_the_worker_takes_a_bounded_part_of_the_memory() {
    let rig = Rig::new(1).await;
    let pid = rig.engine.diagnostics().pid.expect("it runs");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let of = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
        line.split_whitespace().nth(1).expect("the hard one").parse::<u64>().ok()
    };
    let data = of("Max data size").expect("a number of bytes");
    assert!(data > 4 << 30 && data < 8 << 30, "{data}: the model of the tests is small");
    assert_eq!(of("Max core file size"), Some(0), "no prompt in a core dump");
    assert_eq!(of("Max open files"), Some(4_096));
}

/// A line of `/proc/PID/task/TID/status` (proc(5)).
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("a line of the status").trim()
}

#[tokio::test]
async fn cat_e05_the_worker_and_all_of_its_threads_are_confined() {
    let rig = Rig::new(2).await;
    assert_eq!(rig.ask(question("repeat: within")).await.text(), "within");
    let diagnostics = rig.engine.diagnostics();
    assert!(diagnostics.confinement.is_whole(), "{}", diagnostics.stderr);
    let pid = diagnostics.pid.expect("it runs");
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
    let mut threads = 0;
    for task in tasks {
        let path = task.expect("a thread").path().join("status");
        let status = std::fs::read_to_string(path).expect("the status of a thread");
        // A filter of system calls, two of them, and nothing that would lift it.
        let held = ["NoNewPrivs", "Seccomp", "Seccomp_filters"].map(|name| field(&status, name));
        assert_eq!(held, ["1", "2", "2"], "{status}");
        threads += 1;
    }
    assert!(threads > 3, "{threads}");
}

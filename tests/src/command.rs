//! The program `pumasi` as a person or a script runs it: arguments in, exit code and output out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No command of the tests takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two looks at a child.
const LOOK: Duration = Duration::from_millis(5);

/// The program, where `scripts/test` and `cargo build --release` put it.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    let release = test.parent().and_then(Path::parent).expect("tests lie in release/deps");
    let program = release.join(format!("pumasi{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build --release --workspace --bins` first, as scripts/test does",
        program.display()
    );
    program
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// The one JSON object on standard output.
    ///
    /// # Panics
    /// When there is anything else.
    #[must_use]
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON object ({error}): {self:?}"));
        assert!(value.is_object(), "not an object: {self:?}");
        value
    }
}

/// A command line with a clean environment and a data directory of its own choice.
#[must_use]
pub fn pumasi(data_dir: &Path) -> Command {
    let mut command = Command::new(program());
    clean(&mut command);
    command.env("PUMASI_DATA_DIR", data_dir);
    command
}

/// Takes this machine's own settings out of a child's environment.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PUMASI_") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
}

/// Runs a command to its end, without a panic in it.
///
/// # Panics
/// When it cannot be started, hangs, or its program panicked.
#[must_use]
pub fn run(command: &mut Command) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    // Reading both outputs to their end is what `wait_with_output` does; the deadline stands outside.
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(DEADLINE) else {
        kill(pid);
        panic!("{command:?} did not end within {DEADLINE:?}");
    };
    let ended = ended(output.expect("the outputs can be read"));
    assert!(!ended.stderr.contains("panicked at"), "{command:?} panicked: {ended:?}");
    ended
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `pumasi` with these arguments.
#[must_use]
pub fn run_with<A: AsRef<OsStr>>(data_dir: &Path, arguments: &[A]) -> Ended {
    run(pumasi(data_dir).args(arguments))
}

/// Ends a process that these tests started.
pub fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

/// Asks a process that these tests started to stop.
pub fn terminate(pid: u32) {
    signal(pid, rustix::process::Signal::TERM);
}

/// Sends a process that these tests started what Ctrl-C sends.
pub fn interrupt(pid: u32) {
    signal(pid, rustix::process::Signal::INT);
}

/// Freezes a process that these tests started.
pub fn suspend(pid: u32) {
    signal(pid, rustix::process::Signal::STOP);
}

/// Wakes a frozen one.
pub fn resume(pid: u32) {
    signal(pid, rustix::process::Signal::CONT);
}

/// The processes that a process has started: a node's engines.
///
/// # Panics
/// When it does not run.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let children =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids = children.flat_map(|line| {
        line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    });
    pids.collect()
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Looks again and again until there is something, but not for ever.
///
/// # Panics
/// When there is nothing within `patience`.
pub fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
        std::thread::sleep(LOOK);
    }
}

/// The end of a node's log.
#[must_use]
pub fn log_end(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

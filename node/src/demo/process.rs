//! One node of the demo: a child process with a folder that vanishes with it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cli::client::Client;
use crate::cli::failure::{Failure, Kind};
use crate::cli::text::escape;
use crate::runtime::{Running, Token};

/// A node is up in half a second; a machine that is busy building takes longer.
const START: Duration = Duration::from_secs(30);
/// After which a node that was asked to stop is ended.
const STOP: Duration = Duration::from_secs(10);
/// Last lines of a log that a failure shows.
const SHOWN_LINES: usize = 5;

/// A running node. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct DemoNode {
    pub(super) name: String,
    child: Child,
    folder: TempDir,
}

impl DemoNode {
    /// Starts this program as a node of its own.
    pub(super) fn start(name: &str) -> Result<Self, Failure> {
        let started = || -> std::io::Result<(TempDir, Child)> {
            let folder = tempfile::Builder::new().prefix("pumasi-demo-").tempdir()?;
            let log = File::create(folder.path().join("log"))?;
            let child = command(name, folder.path(), log)?.spawn()?;
            Ok((folder, child))
        };
        let (folder, child) = started().map_err(|error| {
            let sentence = format!("the node {name} cannot be started: {error}");
            Failure::new(Kind::Software, "demo", sentence)
        })?;
        Ok(Self { name: name.to_owned(), child, folder })
    }

    /// Waits until it listens: then, and not before, it prints where.
    pub(super) async fn ready(&mut self) -> Result<Client, Failure> {
        let Some(stdout) = self.child.stdout.take() else { return Err(self.failed()) };
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = tokio::time::timeout(START, reader.read_line(&mut line)).await;
        let running = read.ok().and_then(Result::ok);
        let running = running.and_then(|_| serde_json::from_str::<Running>(&line).ok());
        let Some(running) = running else { return Err(self.failed()) };
        // What it may print later has no reader, and must not stop it.
        self.child.stdout = Some(reader.into_inner());
        Client::of(&running, Token::load(self.folder.path())?)
    }

    fn failed(&self) -> Failure {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(SHOWN_LINES).collect();
        let lines: Vec<String> = lines.into_iter().rev().map(escape).collect();
        let sentence =
            format!("the node {} did not start; its log ends: {}", self.name, lines.join(" | "));
        Failure::new(Kind::Software, "demo", sentence)
    }
}

fn command(name: &str, folder: &Path, log: File) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (variable, _) in std::env::vars_os() {
        // The settings of this computer's own node are not those of the demo.
        if variable.to_string_lossy().starts_with("PUMASI_") {
            command.env_remove(&variable);
        }
    }
    command.args(["up", "--json", "--name", name, "--listen", "127.0.0.1"]);
    command.args(["--http", "127.0.0.1:0", "--mesh-port", "0", "--data-port", "0"]);
    command.args([
        "--join-port",
        "0",
        "--discovery=false",
        "--yield=none",
        "--threads",
        "1",
        "--slots",
        "2",
    ]);
    command.arg("--data-dir");
    command.arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
    // Ctrl-C reaches the demo, which stops its nodes in order.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// Asks all nodes to stop, waits for them, and removes their folders.
pub(super) async fn stop(nodes: Vec<DemoNode>) {
    nodes.iter().for_each(ask_to_stop);
    for mut node in nodes {
        if tokio::time::timeout(STOP, node.child.wait()).await.is_err() {
            tracing::warn!(node = node.name, "did not stop in time and is ended");
            // It may have ended by itself meanwhile.
            let _ = node.child.kill().await;
        }
        if let Err(error) = node.folder.close() {
            tracing::warn!(%error, "a folder of the demo could not be removed");
        }
    }
}

#[cfg(unix)]
fn ask_to_stop(node: &DemoNode) {
    let pid = node.child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // A node that has ended needs no asking.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// Elsewhere there is no gentle way that works without a console of its own.
#[cfg(not(unix))]
fn ask_to_stop(_node: &DemoNode) {}

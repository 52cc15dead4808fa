//! Two desks in network namespaces of their own, with the relay of faults as the only way between them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::command::{Ended, clean, program, run};
use crate::nodes::{Node, Setup};

/// Addresses of the two desks, and of the relay's ends.
const DESKS: [&str; 2] = ["10.78.1.2", "10.78.2.2"];
const ENDS: [&str; 2] = ["10.78.1.1", "10.78.2.1"];

/// Runs `ip`.
///
/// # Errors
/// What it said.
pub fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

/// The namespaces and the relay between them; all gone at the end.
#[derive(Debug)]
pub struct Wire {
    tag: String,
    relay: Option<(Child, ChildStdin)>,
}

impl Wire {
    /// Two desks that reach each other through the relay alone, in clear weather.
    ///
    /// # Errors
    /// Why it cannot be laid here, as where namespaces may not be made.
    pub fn lay(name: &str, seed: u64) -> Result<Self, String> {
        let tag = format!("pw{name}{}", std::process::id() % 100_000);
        let mut wire = Self { tag, relay: None };
        let middle = wire.space("m");
        ip(&["netns", "add", &middle])?;
        ip(&["-n", &middle, "link", "set", "lo", "up"])?;
        for side in 0..2 {
            wire.lay_side(&middle, side)?;
        }
        // The relay speaks in the names of both.
        let nonlocal = ["netns", "exec", &middle, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1"];
        ip(&nonlocal)?;
        wire.start_relay(&middle, seed)?;
        Ok(wire)
    }

    /// A desk and its cable. What it sends to the other desk, the middle takes for itself.
    fn lay_side(&self, middle: &str, side: usize) -> Result<(), String> {
        let (desk, port) = (self.desk(side), format!("port{side}"));
        let (own, end, other) = (DESKS[side], ENDS[side], DESKS[1 - side]);
        let table = (101 + side).to_string();
        ip(&["netns", "add", &desk])?;
        let cable = ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &desk];
        ip(&[&["-n", middle][..], &cable].concat())?;
        ip(&["-n", middle, "addr", "add", &format!("{end}/24"), "dev", &port])?;
        ip(&["-n", middle, "link", "set", &port, "up"])?;
        ip(&["-n", middle, "rule", "add", "pref", &table, "iif", &port, "lookup", &table])?;
        ip(&["-n", middle, "route", "add", "local", other, "dev", "lo", "table", &table])?;
        // To send in the other's name the middle must own it; to send to it, it must not be local.
        ip(&["-n", middle, "addr", "add", &format!("{other}/32"), "dev", "lo"])?;
        ip(&["-n", middle, "route", "del", "local", other, "dev", "lo", "table", "local"])?;
        ip(&["-n", &desk, "addr", "add", &format!("{own}/24"), "dev", "eth0"])?;
        ip(&["-n", &desk, "link", "set", "lo", "up"])?;
        ip(&["-n", &desk, "link", "set", "eth0", "up"])?;
        ip(&["-n", &desk, "route", "add", "default", "via", end])
    }

    fn start_relay(&mut self, middle: &str, seed: u64) -> Result<(), String> {
        let relay = program().with_file_name(format!("relay{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", middle]).arg(relay).args(DESKS).arg(seed.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        self.relay = input.map(|input| (child, input));
        let mut line = String::new();
        let output = output.ok_or("the relay has no output")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim() == "ready" { Ok(()) } else { Err("the relay did not start".to_owned()) }
    }

    fn space(&self, part: &str) -> String {
        format!("{}-{part}", self.tag)
    }

    fn desk(&self, side: usize) -> String {
        self.space(&side.to_string())
    }

    /// Changes the weather: `both drop=100 delay=20`, `there cut`, `both clear`.
    ///
    /// # Panics
    /// When the relay has ended.
    pub fn weather(&mut self, line: &str) {
        let (_, input) = self.relay.as_mut().expect("the relay runs");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the relay listens");
    }

    /// Starts a node at the first (0) or second (1) desk, on the usual ports.
    #[must_use]
    pub fn start(&self, side: usize) -> Desk {
        let space = self.desk(side);
        let node = Setup::new(&format!("desk-{}", side + 1))
            .with("--listen=0.0.0.0")
            .with("--mesh-port=7863")
            .with("--data-port=7864")
            .with("--join-port=7865")
            .under(&["ip", "netns", "exec", &space])
            .spawn();
        Desk { space, node }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some((mut child, input)) = self.relay.take() {
            drop(input);
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in [self.desk(0), self.desk(1), self.space("m")] {
            // What was not made needs no removing.
            let _ = ip(&["netns", "del", &space]);
        }
    }
}

/// A node at a desk; its API is asked by the program, run in the same namespace.
#[derive(Debug)]
pub struct Desk {
    space: String,
    /// The node.
    pub node: Node,
}

impl Desk {
    /// What `pumasi` says to these arguments, as JSON; none if it failed.
    ///
    /// # Panics
    /// When the program hangs or panics.
    #[must_use]
    pub fn try_pumasi(&self, arguments: &[&str]) -> Option<Value> {
        self.order(arguments).ok()
    }

    /// What a command answers, or how it ended.
    fn order(&self, arguments: &[&str]) -> Result<Value, Ended> {
        let mut command = Command::new("ip");
        clean(&mut command);
        command.args(["netns", "exec", &self.space]).arg(program());
        command.arg("--data-dir").arg(self.node.folder());
        let ended = run(command.args(arguments).arg("--json"));
        if ended.code == Some(0) { Ok(ended.json()) } else { Err(ended) }
    }

    /// The same, where it must not fail.
    ///
    /// # Panics
    /// When it does.
    #[must_use]
    pub fn pumasi(&self, arguments: &[&str]) -> Value {
        self.order(arguments).unwrap_or_else(|ended| panic!("{arguments:?} failed: {ended:?}"))
    }

    /// Whether it sees this many members, itself included.
    #[must_use]
    pub fn reaches(&self, count: usize) -> bool {
        let peers = self.pumasi(&["peers"]);
        let present = |node: &&Value| node["presence"] == "here" || node["presence"] == "online";
        let peers = peers["data"].as_array().expect("a list of nodes");
        peers.iter().filter(present).count() == count
    }
}

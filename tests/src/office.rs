//! Desks in network namespaces of their own, without a way out: at one switch, where nodes find each
//! other by DNS-SD, or in two networks with a router between them. Cables can be pulled.

use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::command::{self, Ended};
use crate::nodes::{Node, Setup};
use crate::wire::ip;

/// Namespaces, a bridge and its cables; all removed at the end.
#[derive(Debug)]
pub struct Office {
    tag: String,
    desks: u8,
    routed: bool,
}

impl Office {
    /// This many desks at one switch, numbered from one. Where namespaces may not be made, it says so.
    #[must_use]
    pub fn of(desks: u8) -> Option<Self> {
        Self::made(desks, false)
    }

    /// Two desks, each in a network of its own, with a router between them.
    #[must_use]
    pub fn routed() -> Option<Self> {
        Self::made(2, true)
    }

    fn made(desks: u8, routed: bool) -> Option<Self> {
        match Self::new(desks, routed) {
            Ok(office) => Some(office),
            Err(reason) => {
                #[expect(clippy::print_stderr, reason = "a skipped test says why")]
                {
                    eprintln!("skipped: network namespaces cannot be made here: {reason}");
                }
                None
            }
        }
    }

    fn new(desks: u8, routed: bool) -> Result<Self, String> {
        let office = Self { tag: format!("pt{}", std::process::id() % 100_000), desks, routed };
        let hub = office.hub();
        ip(&["netns", "add", &hub])?;
        if routed {
            let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
            ip(&["netns", "exec", &hub, "sh", "-c", forward])?;
        } else {
            ip(&["-n", &hub, "link", "add", "br0", "type", "bridge"])?;
            ip(&["-n", &hub, "link", "set", "br0", "up"])?;
        }
        for desk in 1..=desks {
            office.lay(&hub, desk)?;
        }
        Ok(office)
    }

    fn lay(&self, hub: &str, desk: u8) -> Result<(), String> {
        let (space, port) = (self.space(desk), format!("port{desk}"));
        ip(&["netns", "add", &space])?;
        let cable = ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &space];
        ip(&[&["-n", hub][..], &cable].concat())?;
        ip(&["-n", hub, "link", "set", &port, "up"])?;
        ip(&["-n", &space, "addr", "add", &format!("{}/24", self.address(desk)), "dev", "eth0"])?;
        ip(&["-n", &space, "link", "set", "lo", "up"])?;
        ip(&["-n", &space, "link", "set", "eth0", "up"])?;
        if self.routed {
            let gate = format!("10.77.{desk}.254");
            ip(&["-n", hub, "addr", "add", &format!("{gate}/24"), "dev", &port])?;
            ip(&["-n", &space, "route", "add", "default", "via", &gate])
        } else {
            ip(&["-n", hub, "link", "set", &port, "master", "br0"])?;
            ip(&["-n", &space, "route", "add", "default", "dev", "eth0"])
        }
    }

    /// The namespace of the switch or router; its end of a desk's cable is called `port1` and so on.
    #[must_use]
    pub fn hub(&self) -> String {
        format!("{}-h", self.tag)
    }

    /// Changes the network in one of the namespaces.
    ///
    /// # Panics
    /// When that is refused.
    pub fn ip(&self, space: &str, arguments: &[&str]) {
        ip(&[&["-n", space][..], arguments].concat()).expect("the network is changed");
    }

    /// The namespace of a desk.
    #[must_use]
    pub fn space(&self, desk: u8) -> String {
        format!("{}-{desk}", self.tag)
    }

    /// The address of a desk.
    #[must_use]
    pub fn address(&self, desk: u8) -> String {
        let network = if self.routed { desk } else { 0 };
        format!("10.77.{network}.{desk}")
    }

    /// A node at this desk, called `desk-1` and so on, as [`Setup::new`] has it but that it listens on
    /// the office's network and finds others.
    #[must_use]
    pub fn setup(&self, desk: u8) -> Setup {
        Setup::new(&format!("desk-{desk}"))
            .with("--listen=0.0.0.0")
            .with("--discovery=true")
            .under(&["ip", "netns", "exec", &self.space(desk)])
    }

    /// Starts that node.
    #[must_use]
    pub fn start(&self, desk: u8) -> Desk {
        self.seat(desk, self.setup(desk))
    }

    /// Starts a node at this desk with a setup that [`Self::setup`] began.
    #[must_use]
    pub fn seat(&self, desk: u8, setup: Setup) -> Desk {
        Desk { space: self.space(desk), node: setup.spawn() }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        for space in (1..=self.desks).map(|desk| self.space(desk)).chain([self.hub()]) {
            // What was not made needs no removing.
            let _ = ip(&["netns", "del", &space]);
        }
    }
}

/// A node at a desk.
#[derive(Debug)]
pub struct Desk {
    space: String,
    /// Its node; its API is reached from its own desk only, as by [`Self::within`].
    pub node: Node,
}

impl Desk {
    /// Does something at this desk: what it connects to, it connects to from there.
    ///
    /// # Panics
    /// When it does, or when the desk cannot be entered.
    pub fn within<T: Send>(&self, work: impl FnOnce(&Node) -> T + Send) -> T {
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let space = std::fs::File::open(format!("/var/run/netns/{}", self.space));
                let space = space.expect("the namespace is there");
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(space.as_fd(), network).expect("it may be entered");
                work(&self.node)
            });
            there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `pumasi` at this desk.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.within(|node| node.pumasi(arguments))
    }

    /// Runs `pumasi` at this desk; what it must answer.
    ///
    /// # Panics
    /// When it fails.
    pub fn pumasi(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    /// Whether it reaches this many members, itself included.
    #[must_use]
    pub fn reaches(&self, count: usize) -> Option<()> {
        let peers = self.pumasi(&["peers"]);
        let present = |node: &&Value| node["presence"] == "here" || node["presence"] == "online";
        (peers["data"].as_array()?.iter().filter(present).count() == count).then_some(())
    }

    /// The node's process: what was started is the program that enters the namespace and becomes it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.node.pid()
    }

    /// Freezes the node, and wakes it.
    pub fn freeze(&self) {
        command::suspend(self.pid());
    }

    /// See [`Self::freeze`].
    pub fn wake(&self) {
        command::resume(self.pid());
    }
}

//! `pumasi doctor` in networks that are wrong in one way each: namespaces, bridges and routes make the
//! cause real, and the doctor has to name it. What a kernel without packet filters cannot make (clocks,
//! other versions) has tables in `node/src/doctor`; a cloned identity is with the other rows of P24.

use std::process::Command;
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, Setup};
use pumasi_tests::wire::ip;
use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two desks, in one network at a switch or in two at a router; all removed at the end.
struct Office {
    tag: String,
    networks: [&'static str; 2],
}

impl Office {
    fn begin(networks: [&'static str; 2]) -> Result<Self, String> {
        let office = Self { tag: format!("pd{}", std::process::id() % 100_000), networks };
        let hub = office.space("h");
        ip(&["netns", "add", &hub])?;
        for (desk, network) in [("1", networks[0]), ("2", networks[1])] {
            let (space, port) = (office.space(desk), format!("port{desk}"));
            ip(&["netns", "add", &space])?;
            let cable = ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns"];
            ip(&[&["-n", hub.as_str()][..], &cable, &[&space]].concat())?;
            ip(&["-n", &hub, "link", "set", &port, "up"])?;
            let address = format!("{network}.{desk}/24");
            ip(&["-n", &space, "addr", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
        }
        Ok(office)
    }

    fn switch() -> Result<Self, String> {
        let office = Self::begin(["10.77.0", "10.77.0"])?;
        let hub = office.space("h");
        ip(&["-n", &hub, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "br0", "up"])?;
        for desk in ["1", "2"] {
            ip(&["-n", &hub, "link", "set", &format!("port{desk}"), "master", "br0"])?;
            ip(&["-n", &office.space(desk), "route", "add", "default", "dev", "eth0"])?;
        }
        Ok(office)
    }

    fn router() -> Result<Self, String> {
        let office = Self::begin(["10.77.1", "10.77.2"])?;
        let hub = office.space("h");
        for (desk, network) in [("1", "10.77.1"), ("2", "10.77.2")] {
            let (gate, port) = (format!("{network}.254"), format!("port{desk}"));
            ip(&["-n", &hub, "addr", "add", &format!("{gate}/24"), "dev", &port])?;
            ip(&["-n", &office.space(desk), "route", "add", "default", "via", &gate])?;
        }
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        ip(&["netns", "exec", &hub, "sh", "-c", forward])?;
        Ok(office)
    }

    fn space(&self, of: &str) -> String {
        format!("{}-{of}", self.tag)
    }

    /// Changes the network of a desk (`1`, `2`) or of what joins them (`h`).
    fn ip(&self, of: &str, arguments: &[&str]) {
        let space = self.space(of);
        ip(&[&["-n", space.as_str()][..], arguments].concat()).expect("the network is changed");
    }

    /// A further interface at the first desk, with nobody at its other end.
    fn cable(&self, name: &str) {
        let other = format!("{name}-end");
        self.ip("1", &["link", "add", name, "type", "veth", "peer", "name", &other]);
        for end in [name, &other] {
            self.ip("1", &["link", "set", end, "up"]);
        }
    }

    fn start(&self, desk: &str, more: &[&str]) -> Desk<'_> {
        let space = self.space(desk);
        let mut setup = Setup::new(&format!("desk-{desk}")).with("--listen=0.0.0.0");
        setup = setup.with("--discovery=true");
        for argument in more {
            setup = setup.with(*argument);
        }
        let node = setup.under(&["ip", "netns", "exec", &space]).spawn();
        Desk { office: self, desk: desk.to_owned(), node }
    }

    /// Both desks in one mesh, by an invitation, which carries addresses.
    fn meet(&self, more: &[&str]) -> [Desk<'_>; 2] {
        let desks = [self.start("1", more), self.start("2", more)];
        let token = desks[0].pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
        desks[1].pumasi(&["join", &token]);
        for desk in &desks {
            until("both are reached", PATIENCE, || desk.reaches_both());
        }
        desks
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        for space in ["1", "2", "h"] {
            // What was not made needs no removing.
            let _ = ip(&["netns", "del", &self.space(space)]);
        }
    }
}

/// A node at a desk; its API is asked by the program, run in the same namespace.
struct Desk<'a> {
    office: &'a Office,
    desk: String,
    node: Node,
}

impl Desk<'_> {
    /// What the command prints as JSON, however it ends: troubles have an exit code of their own.
    fn pumasi(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new("ip");
        pumasi_tests::command::clean(&mut command);
        command.args(["netns", "exec", &self.office.space(&self.desk)]);
        command.arg(pumasi_tests::command::program()).arg("--data-dir").arg(self.node.folder());
        pumasi_tests::command::run(command.args(arguments).arg("--json")).json()
    }

    fn reaches_both(&self) -> Option<()> {
        let peers = self.pumasi(&["peers"]);
        let present = |node: &&Value| node["presence"] == "here" || node["presence"] == "online";
        (peers["data"].as_array()?.iter().filter(present).count() == 2).then_some(())
    }

    fn doctor(&self, about: &[&str]) -> Vec<Value> {
        let found = self.pumasi(&[&["doctor"], about].concat());
        found["checks"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the doctor finds this, and gives it.
    fn finds(&self, about: &[&str], code: &str) -> Value {
        let found = until(&format!("the doctor finds {code}"), PATIENCE, || {
            self.doctor(about).into_iter().find(|check| check["code"] == code)
        });
        let is_bad = found["outcome"] == "warning" || found["outcome"] == "trouble";
        assert_eq!(found["advice"].is_string(), is_bad, "{found}");
        found
    }

    /// Where its control plane listens, as others see it.
    fn address(&self) -> String {
        let told = std::fs::read(self.node.folder().join("node.json")).expect("it says where");
        let told: Value = serde_json::from_slice(&told).expect("JSON");
        let first = told["mesh"][0].as_str().expect("it listens").to_owned();
        let port = first.rsplit_once(':').expect("a port").1;
        let place = usize::from(self.desk == "2");
        format!("{}.{}:{port}", self.office.networks[place], self.desk)
    }
}

fn codes(checks: &[Value]) -> Vec<&str> {
    let bad = |check: &&Value| check["outcome"] == "warning" || check["outcome"] == "trouble";
    checks.iter().filter(bad).filter_map(|check| check["code"].as_str()).collect()
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn made(office: Result<Office, String>) -> Option<Office> {
    office
        .inspect_err(|reason| {
            eprintln!("skipped: network namespaces cannot be made here: {reason}");
        })
        .ok()
}

#[test]
fn a_switch_that_drops_multicast_and_then_everything_between_its_ports() {
    let Some(office) = made(Office::switch()) else { return };
    for port in ["port1", "port2"] {
        office.ip("h", &["link", "set", port, "type", "bridge_slave", "mcast_flood", "off"]);
    }
    let [first, second] = office.meet(&[]);
    let blocked = first.finds(&[], "multicast_blocked");
    assert_eq!(blocked["values"]["names"], "desk-2", "{blocked}");
    let fell_back = first.finds(&[], "fallback");
    assert_eq!(fell_back["values"]["told"], "1", "{fell_back}");
    assert_eq!(first.finds(&["desk-2"], "peer")["outcome"], "good");

    // Client isolation: the ports of the switch do not speak to each other any more.
    for port in ["port1", "port2"] {
        office.ip("h", &["link", "set", port, "type", "bridge_slave", "isolated", "on"]);
    }
    let isolated = first.finds(&["desk-2"], "off_or_isolated");
    assert_eq!(isolated["values"]["name"], "desk-2");
    let tried = isolated["details"][0].as_str().expect("what was tried");
    assert!(tried.contains("no route") && tried.contains("eth0"), "{tried}");
    drop(second);
}

#[test]
fn routers_connect_what_multicast_does_not_and_may_swallow_it() {
    let Some(office) = made(Office::router()) else { return };
    let [first, second] = office.meet(&[]);
    let found = first.doctor(&[]);
    assert!(!codes(&found).contains(&"multicast_blocked"), "nobody expects it: {found:?}");
    assert_eq!(first.finds(&[], "fallback")["values"]["told"], "1");
    // A firewall between the networks; then no way at all.
    office.ip("h", &["rule", "add", "pref", "1", "to", "10.77.2.0/24", "blackhole"]);
    assert_eq!(first.finds(&["desk-2"], "other_network")["outcome"], "trouble");
    office.ip("h", &["rule", "del", "pref", "1"]);
    office.ip("h", &["rule", "add", "pref", "1", "to", "10.77.2.0/24", "unreachable"]);
    assert_eq!(first.finds(&["desk-2"], "no_route")["outcome"], "trouble");
    office.ip("h", &["rule", "del", "pref", "1"]);
    until("both are reached again", PATIENCE, || first.reaches_both());
    drop(second);
}

#[test]
fn firewalls_there_and_here_and_a_node_that_is_not_running() {
    let Some(office) = made(Office::switch()) else { return };
    let [first, second] = office.meet(&[]);
    // What it sends over UDP goes nowhere, so TCP is tried and found.
    office.ip("2", &["rule", "add", "pref", "1", "ipproto", "udp", "blackhole"]);
    let found = first.finds(&["desk-2"], "tcp_only");
    assert_eq!(found["outcome"], "warning", "{found}");
    office.ip("2", &["rule", "del", "pref", "1"]);
    // It answers nothing at all, though it is on.
    office.ip("2", &["rule", "add", "pref", "1", "to", "10.77.0.1", "blackhole"]);
    assert_eq!(first.finds(&["desk-2"], "firewall")["outcome"], "trouble");
    office.ip("2", &["rule", "del", "pref", "1"]);
    // This computer may not speak to it.
    office.ip("1", &["rule", "add", "pref", "1", "to", "10.77.0.2", "prohibit"]);
    assert_eq!(first.finds(&["desk-2"], "own_firewall")["outcome"], "trouble");
    office.ip("1", &["rule", "del", "pref", "1"]);
    let address = second.address();
    assert_eq!(first.finds(&[&address], "address_answers")["outcome"], "good");
    let _ = second.node.stop();
    let stopped = first.finds(&["desk-2"], "not_listening");
    assert_eq!(stopped["values"]["name"], "desk-2");
    assert_eq!(first.finds(&[&address], "not_listening")["values"]["address"], address.as_str());
    let nobody = first.pumasi(&["doctor", "no such computer"]);
    assert_eq!(nobody["error"]["code"], "unknown_node", "{nobody}");
}

#[test]
fn tunnels_bridges_and_interfaces_that_lead_elsewhere() {
    let Some(office) = made(Office::switch()) else { return };
    let [first, second] = office.meet(&[]);
    drop(second);
    office.ip("1", &["link", "add", "docker0", "type", "bridge"]);
    office.ip("1", &["addr", "add", "172.17.0.1/16", "dev", "docker0"]);
    office.ip("1", &["link", "set", "docker0", "up"]);
    let bridged = first.finds(&["172.17.0.5"], "bridge_address");
    assert_eq!(bridged["values"]["interface"], "docker0", "{bridged}");
    // A VPN takes the way to everywhere, the office included.
    office.cable("tun0");
    office.ip("1", &["addr", "add", "10.8.0.2/24", "dev", "tun0"]);
    office.ip("1", &["route", "replace", "default", "dev", "tun0"]);
    let tunnel = first.finds(&[], "vpn");
    assert_eq!(tunnel["values"]["interface"], "tun0", "{tunnel}");
    let (_, folder) = first.node.stop();
    // It listens at an interface at which nobody is.
    office.cable("eth9");
    office.ip("1", &["addr", "add", "10.99.0.1/24", "dev", "eth9"]);
    let setup = Setup::new("desk-1").with("--listen=10.99.0.1").with("--discovery=true");
    let space = office.space("1");
    let node = setup.on(folder).under(&["ip", "netns", "exec", &space]).spawn();
    let first = Desk { office: &office, desk: "1".to_owned(), node };
    let wrong = first.finds(&[], "wrong_interface");
    assert_eq!(wrong["values"]["interface"], "eth0", "{wrong}");
}

#[test]
fn who_was_not_let_in_yet_and_who_was_removed() {
    let Some(office) = made(Office::switch()) else { return };
    let (first, second) = (office.start("1", &[]), office.start("2", &[]));
    first.pumasi(&["found", "third floor"]);
    let waiting = second.finds(&[], "not_admitted");
    assert_eq!(waiting["values"]["mesh"], "third floor", "{waiting}");
    let token = first.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    second.pumasi(&["join", &token]);
    for desk in [&first, &second] {
        until("both are reached", PATIENCE, || desk.reaches_both());
        assert_eq!(desk.finds(&[], "mesh")["outcome"], "good");
        // Well means well: nothing is said of the network.
        let network = ["multicast_blocked", "vpn", "no_network", "shut_out", "clock_differs"];
        let found = desk.doctor(&[]);
        assert!(codes(&found).iter().all(|code| !network.contains(code)), "{found:?}");
    }
    assert_eq!(first.pumasi(&["remove", "desk-2"])["node"]["name"], "desk-2");
    let out = until("the removed one is told", PATIENCE, || {
        let found = second.doctor(&[]);
        let is_told = |check: &&Value| check["code"] == "removed" || check["code"] == "shut_out";
        found.iter().find(is_told).cloned()
    });
    assert_eq!(out["outcome"], "trouble", "{out}");
}

#[test]
fn multicast_that_is_switched_off_and_a_computer_without_a_network() {
    let Some(office) = made(Office::switch()) else { return };
    office.ip("1", &["link", "set", "eth0", "multicast", "off"]);
    let first = office.start("1", &[]);
    let mute = first.finds(&[], "multicast_interface");
    assert_eq!(mute["values"]["interface"], "eth0", "{mute}");
    office.ip("1", &["link", "set", "eth0", "down"]);
    assert_eq!(first.finds(&[], "no_network")["outcome"], "warning");
}

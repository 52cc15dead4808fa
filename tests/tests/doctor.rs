//! `pumasi doctor` in networks that are wrong in one way each: namespaces, bridges and routes make the
//! cause real, and the doctor has to name it. What a kernel without packet filters cannot make (clocks,
//! other versions) has tables in `node/src/doctor`; a cloned identity is with the other rows of P24.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::office::{Desk, Office};
use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Both desks in one mesh, by an invitation, which carries addresses.
fn meet(office: &Office) -> [Desk; 2] {
    let desks = [office.start(1), office.start(2)];
    let token = desks[0].pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    desks[1].pumasi(&["join", &token]);
    for desk in &desks {
        until("both are reached", PATIENCE, || desk.reaches(2));
    }
    desks
}

/// A further interface at the first desk, with nobody at its other end.
fn cable(office: &Office, name: &str) {
    let (desk, other) = (office.space(1), format!("{name}-end"));
    office.ip(&desk, &["link", "add", name, "type", "veth", "peer", "name", &other]);
    for end in [name, &other] {
        office.ip(&desk, &["link", "set", end, "up"]);
    }
}

/// What the doctor says, however it ends: troubles have an exit code of their own.
fn told(desk: &Desk, about: &[&str]) -> Value {
    desk.run(&[&["doctor", "--json"], about].concat()).json()
}

fn doctor(desk: &Desk, about: &[&str]) -> Vec<Value> {
    told(desk, about)["checks"].as_array().cloned().unwrap_or_default()
}

/// Waits until the doctor finds this, and gives it.
fn finds(desk: &Desk, about: &[&str], code: &str) -> Value {
    let found = until(&format!("the doctor finds {code}"), PATIENCE, || {
        doctor(desk, about).into_iter().find(|check| check["code"] == code)
    });
    let is_bad = found["outcome"] == "warning" || found["outcome"] == "trouble";
    assert_eq!(found["advice"].is_string(), is_bad, "{found}");
    found
}

/// Where the control plane of the second desk listens, as others see it.
fn address_of_second(office: &Office, desk: &Desk) -> String {
    let told = std::fs::read(desk.node.folder().join("node.json")).expect("it says where");
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    let first = told["mesh"][0].as_str().expect("it listens").to_owned();
    let port = first.rsplit_once(':').expect("a port").1;
    format!("{}:{port}", office.address(2))
}

fn codes(checks: &[Value]) -> Vec<&str> {
    let bad = |check: &&Value| check["outcome"] == "warning" || check["outcome"] == "trouble";
    checks.iter().filter(bad).filter_map(|check| check["code"].as_str()).collect()
}

#[test]
fn a_switch_that_drops_multicast_and_then_everything_between_its_ports() {
    let Some(office) = Office::of(2) else { return };
    for port in ["port1", "port2"] {
        office.ip(
            &office.hub(),
            &["link", "set", port, "type", "bridge_slave", "mcast_flood", "off"],
        );
    }
    let [first, second] = meet(&office);
    let blocked = finds(&first, &[], "multicast_blocked");
    assert_eq!(blocked["values"]["names"], "desk-2", "{blocked}");
    let fell_back = finds(&first, &[], "fallback");
    assert_eq!(fell_back["values"]["told"], "1", "{fell_back}");
    assert_eq!(finds(&first, &["desk-2"], "peer")["outcome"], "good");

    // Client isolation: the ports of the switch do not speak to each other any more.
    for port in ["port1", "port2"] {
        office.ip(&office.hub(), &["link", "set", port, "type", "bridge_slave", "isolated", "on"]);
    }
    let isolated = finds(&first, &["desk-2"], "off_or_isolated");
    assert_eq!(isolated["values"]["name"], "desk-2");
    let tried = isolated["details"][0].as_str().expect("what was tried");
    assert!(tried.contains("no route") && tried.contains("eth0"), "{tried}");
    drop(second);
}

#[test]
fn routers_connect_what_multicast_does_not_and_may_swallow_it() {
    let Some(office) = Office::routed() else { return };
    let [first, second] = meet(&office);
    let found = doctor(&first, &[]);
    assert!(!codes(&found).contains(&"multicast_blocked"), "nobody expects it: {found:?}");
    assert_eq!(finds(&first, &[], "fallback")["values"]["told"], "1");
    // A firewall between the networks; then no way at all.
    office.ip(&office.hub(), &["rule", "add", "pref", "1", "to", "10.77.2.0/24", "blackhole"]);
    assert_eq!(finds(&first, &["desk-2"], "other_network")["outcome"], "trouble");
    office.ip(&office.hub(), &["rule", "del", "pref", "1"]);
    office.ip(&office.hub(), &["rule", "add", "pref", "1", "to", "10.77.2.0/24", "unreachable"]);
    assert_eq!(finds(&first, &["desk-2"], "no_route")["outcome"], "trouble");
    office.ip(&office.hub(), &["rule", "del", "pref", "1"]);
    until("both are reached again", PATIENCE, || first.reaches(2));
    drop(second);
}

#[test]
fn firewalls_there_and_here_and_a_node_that_is_not_running() {
    let Some(office) = Office::of(2) else { return };
    let [first, second] = meet(&office);
    // What it sends over UDP goes nowhere, so TCP is tried and found.
    office.ip(&office.space(2), &["rule", "add", "pref", "1", "ipproto", "udp", "blackhole"]);
    let found = finds(&first, &["desk-2"], "tcp_only");
    assert_eq!(found["outcome"], "warning", "{found}");
    office.ip(&office.space(2), &["rule", "del", "pref", "1"]);
    // It answers nothing at all, though it is on.
    office.ip(&office.space(2), &["rule", "add", "pref", "1", "to", "10.77.0.1", "blackhole"]);
    assert_eq!(finds(&first, &["desk-2"], "firewall")["outcome"], "trouble");
    office.ip(&office.space(2), &["rule", "del", "pref", "1"]);
    // This computer may not speak to it.
    office.ip(&office.space(1), &["rule", "add", "pref", "1", "to", "10.77.0.2", "prohibit"]);
    assert_eq!(finds(&first, &["desk-2"], "own_firewall")["outcome"], "trouble");
    office.ip(&office.space(1), &["rule", "del", "pref", "1"]);
    let address = address_of_second(&office, &second);
    assert_eq!(finds(&first, &[&address], "address_answers")["outcome"], "good");
    let _ = second.node.stop();
    let stopped = finds(&first, &["desk-2"], "not_listening");
    assert_eq!(stopped["values"]["name"], "desk-2");
    assert_eq!(finds(&first, &[&address], "not_listening")["values"]["address"], address.as_str());
    let nobody = told(&first, &["no such computer"]);
    assert_eq!(nobody["error"]["code"], "unknown_node", "{nobody}");
}

#[test]
fn tunnels_bridges_and_interfaces_that_lead_elsewhere() {
    let Some(office) = Office::of(2) else { return };
    let [first, second] = meet(&office);
    drop(second);
    office.ip(&office.space(1), &["link", "add", "docker0", "type", "bridge"]);
    office.ip(&office.space(1), &["addr", "add", "172.17.0.1/16", "dev", "docker0"]);
    office.ip(&office.space(1), &["link", "set", "docker0", "up"]);
    let bridged = finds(&first, &["172.17.0.5"], "bridge_address");
    assert_eq!(bridged["values"]["interface"], "docker0", "{bridged}");
    // A VPN takes the way to everywhere, the office included.
    cable(&office, "tun0");
    office.ip(&office.space(1), &["addr", "add", "10.8.0.2/24", "dev", "tun0"]);
    office.ip(&office.space(1), &["route", "replace", "default", "dev", "tun0"]);
    let tunnel = finds(&first, &[], "vpn");
    assert_eq!(tunnel["values"]["interface"], "tun0", "{tunnel}");
    let (_, folder) = first.node.stop();
    // It listens at an interface at which nobody is.
    cable(&office, "eth9");
    office.ip(&office.space(1), &["addr", "add", "10.99.0.1/24", "dev", "eth9"]);
    let first = office.seat(1, office.setup(1).with("--listen=10.99.0.1").on(folder));
    let wrong = finds(&first, &[], "wrong_interface");
    assert_eq!(wrong["values"]["interface"], "eth0", "{wrong}");
}

#[test]
fn who_was_not_let_in_yet_and_who_was_removed() {
    let Some(office) = Office::of(2) else { return };
    let (first, second) = (office.start(1), office.start(2));
    first.pumasi(&["found", "third floor"]);
    let waiting = finds(&second, &[], "not_admitted");
    assert_eq!(waiting["values"]["mesh"], "third floor", "{waiting}");
    let token = first.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    second.pumasi(&["join", &token]);
    for desk in [&first, &second] {
        until("both are reached", PATIENCE, || desk.reaches(2));
        assert_eq!(finds(desk, &[], "mesh")["outcome"], "good");
        // Well means well: nothing is said of the network.
        let network = ["multicast_blocked", "vpn", "no_network", "shut_out", "clock_differs"];
        let found = doctor(desk, &[]);
        assert!(codes(&found).iter().all(|code| !network.contains(code)), "{found:?}");
    }
    assert_eq!(first.pumasi(&["remove", "desk-2"])["node"]["name"], "desk-2");
    let out = until("the removed one is told", PATIENCE, || {
        let found = doctor(&second, &[]);
        let is_told = |check: &&Value| check["code"] == "removed" || check["code"] == "shut_out";
        found.iter().find(is_told).cloned()
    });
    assert_eq!(out["outcome"], "trouble", "{out}");
}

#[test]
fn multicast_that_is_switched_off_and_a_computer_without_a_network() {
    let Some(office) = Office::of(2) else { return };
    office.ip(&office.space(1), &["link", "set", "eth0", "multicast", "off"]);
    let first = office.start(1);
    let mute = finds(&first, &[], "multicast_interface");
    assert_eq!(mute["values"]["interface"], "eth0", "{mute}");
    office.ip(&office.space(1), &["link", "set", "eth0", "down"]);
    assert_eq!(finds(&first, &[], "no_network")["outcome"], "warning");
}

//! Each cause, from facts that show it to the finding that names it. Those marked `table only` cannot be
//! made real in a test; `tests/tests/doctor.rs` makes the others real.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pumasi_web::api::{CheckOutcome, Misconduct};

use super::super::facts::{Conduct, Echo, Stranger, Transport, Tried};
use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn interface(name: &str, ip: &str) -> Interface {
    Interface {
        name: name.to_owned(),
        ip: ip.parse().expect("an address"),
        prefix: 24,
        kind: super::super::network::kind(name),
        multicast: true,
    }
}

/// An office where all is well, with nobody else in it.
fn healthy() -> Facts {
    Facts {
        version: "0.5.1".to_owned(),
        belongs: Belongs::Mesh("office".to_owned()),
        listen: Ipv4Addr::UNSPECIFIED.into(),
        interfaces: vec![interface("lo", "127.0.0.1"), interface("eth0", "10.0.0.1")],
        default_via: Some("eth0".to_owned()),
        multicast: Multicast::Works,
        twins: Vec::new(),
        now_ms: NOW_MS,
        settled: true,
        peers: Vec::new(),
        strangers: Vec::new(),
    }
}

fn connected() -> Peer {
    Peer {
        id: "ab".repeat(32),
        name: "window".to_owned(),
        connected: Some(Transport::Quic),
        remote: Some("10.0.0.2:7863".parse().expect("an address")),
        version: "0.5.1".to_owned(),
        began_ms: Some(NOW_MS - 60_000),
        seen: true,
        turned_away: false,
        conduct: None,
        tried: vec![tried("10.0.0.2:7863", Echo::Silent, Echo::Silent)],
    }
}

fn lost(ways: &[(&str, Echo, Echo)]) -> Peer {
    let tried = ways.iter().map(|(address, udp, tcp)| tried(address, *udp, *tcp)).collect();
    Peer { connected: None, remote: None, seen: false, tried, ..connected() }
}

fn tried(address: &str, udp: Echo, tcp: Echo) -> Tried {
    let address: SocketAddr = address.parse().expect("an address");
    Tried { address, source: Source::Told, via: Some("eth0".to_owned()), udp, tcp }
}

/// What is not good, worst first, and that each says what to do.
fn codes(facts: &Facts) -> Vec<String> {
    let found = diagnose(facts);
    for check in &found {
        let needs_advice = matches!(check.outcome, CheckOutcome::Warning | CheckOutcome::Trouble);
        assert_eq!(check.advice.is_some(), needs_advice, "{check:?}");
        assert!(!check.message.is_empty());
    }
    let bad =
        |check: &Check| matches!(check.outcome, CheckOutcome::Warning | CheckOutcome::Trouble);
    found.into_iter().filter(bad).map(|check| check.code).collect()
}

fn check(facts: &Facts, expected: &[&str]) {
    assert_eq!(codes(facts), expected, "{facts:#?}");
}

fn of(peer: Peer) -> Facts {
    Facts { peers: vec![peer], ..healthy() }
}

#[test]
fn who_misbehaves_is_named_before_how_it_is_reached() {
    let flood = Some(Conduct::CutOff(Misconduct::Flood, 2));
    check(&of(Peer { conduct: flood, ..lost(&[]) }), &["misbehaving"]);
    check(&of(Peer { conduct: Some(Conduct::Doubtful), ..connected() }), &["doubtful"]);
}

#[test]
fn where_all_is_well_nothing_is_said() {
    check(&healthy(), &[]);
    check(&of(connected()), &[]);
    let alone = Facts { belongs: Belongs::Nowhere, ..healthy() };
    check(&alone, &[]);
}

#[test]
fn not_admitted_removed_and_cloned() {
    let stranger = Stranger { name: "front".to_owned(), mesh: Some("office".to_owned()) };
    let facts = Facts { belongs: Belongs::Nowhere, strangers: vec![stranger], ..healthy() };
    check(&facts, &["not_admitted"]);
    check(&Facts { belongs: Belongs::Removed("office".to_owned()), ..healthy() }, &["removed"]);
    let twins = vec!["10.0.0.9:7863".parse().expect("an address")];
    check(&Facts { twins, ..healthy() }, &["same_key"]);
    // Removed and not told so: all answer, and none keeps a connection.
    let way = [("10.0.0.2:7863", Echo::Answered, Echo::Answered)];
    let peer = Peer { turned_away: true, seen: true, ..lost(&way) };
    check(&of(peer.clone()), &["shut_out", "turned_away"]);
    let other = Peer { name: "lab".to_owned(), ..connected() };
    check(&Facts { peers: vec![peer, other], ..healthy() }, &["turned_away"]);
}

#[test]
fn multicast_here_and_between() {
    check(&Facts { multicast: Multicast::Lost, ..healthy() }, &["multicast_lost"]);
    check(&Facts { multicast: Multicast::Failed, ..healthy() }, &["multicast_failed"]);
    check(&Facts { multicast: Multicast::Off, ..healthy() }, &[]);
    let mut mute = Facts { multicast: Multicast::Lost, ..healthy() };
    mute.interfaces[1].multicast = false;
    check(&mute, &["multicast_interface"]);
    // Packets of this computer come back to it all the same.
    check(&Facts { multicast: Multicast::Works, ..mute }, &["multicast_interface"]);
    // Both are in one network and talk, and neither sees the other: client isolation, IGMP snooping.
    let unseen = of(Peer { seen: false, ..connected() });
    check(&unseen, &["multicast_blocked"]);
    let fell_back = diagnose(&unseen).into_iter().find(|check| check.code == "fallback");
    let fell_back = fell_back.expect("it says what worked instead");
    assert_eq!(fell_back.values["told"], "1");
    check(&Facts { settled: false, ..unseen }, &[]);
    // Multicast does not cross routers, and nobody expects it.
    let remote = Some("10.9.0.2:7863".parse().expect("an address"));
    let tried = vec![tried("10.9.0.2:7863", Echo::Silent, Echo::Silent)];
    check(&of(Peer { seen: false, remote, tried, ..connected() }), &[]);
}

#[test]
fn tunnels_bridges_and_wrong_interfaces() {
    let way = |udp, tcp| lost(&[("10.0.0.2:7863", udp, tcp)]);
    let gone = way(Echo::NoRoute, Echo::NoRoute);
    let tunnel = interface("tun0", "10.8.0.2");
    let mut vpn = Facts { default_via: Some("tun0".to_owned()), ..of(gone.clone()) };
    vpn.interfaces.push(tunnel);
    check(&vpn, &["vpn", "off_or_isolated"]);
    let reached = Facts { peers: vec![connected()], ..vpn.clone() };
    check(&reached, &[]);
    // The default way is the office's, and that to the peer leads into the tunnel.
    let mut split = Facts { default_via: Some("eth0".to_owned()), ..vpn };
    split.peers[0].tried[0].via = Some("tun0".to_owned());
    check(&split, &["vpn", "off_or_isolated"]);

    let docker = interface("docker0", "172.17.0.1");
    let mut bridged = of(lost(&[("172.17.0.5:7863", Echo::NoRoute, Echo::NoRoute)]));
    bridged.interfaces.push(docker.clone());
    check(&bridged, &["bridge_address"]);
    let inside = vec![interface("lo", "127.0.0.1"), docker];
    check(&Facts { interfaces: inside, ..healthy() }, &["only_virtual"]);
    let nothing = vec![interface("lo", "127.0.0.1")];
    check(&Facts { interfaces: nothing, ..healthy() }, &["no_network"]);

    let listen = IpAddr::from([10, 1, 0, 1]);
    let mut wrong = Facts { listen, ..of(gone.clone()) };
    wrong.interfaces.push(interface("eth1", "10.1.0.1"));
    check(&wrong, &["wrong_interface", "off_or_isolated"]);
    let here = Facts { listen: Ipv4Addr::LOCALHOST.into(), ..of(gone) };
    check(&here, &["listens_here", "off_or_isolated"]);
}

#[test]
fn what_came_back_names_who_is_in_the_way() {
    use Echo::{Answered, Forbidden, NoRoute, Refused, Silent};
    let near = "10.0.0.2:7863";
    let far = "10.9.0.2:7863";
    for (address, udp, tcp, expected) in [
        (near, Refused, Refused, "not_listening"),
        (near, Silent, Refused, "not_listening"),
        (far, Refused, Silent, "not_listening"),
        (near, Silent, Answered, "udp_blocked"),
        (near, NoRoute, NoRoute, "off_or_isolated"),
        (near, Silent, Silent, "firewall"),
        (near, Forbidden, Forbidden, "own_firewall"),
        (far, Silent, Silent, "other_network"),
        (far, NoRoute, NoRoute, "no_route"),
        (far, Silent, Answered, "udp_blocked"),
    ] {
        let facts = of(Peer { seen: true, ..lost(&[(address, udp, tcp)]) });
        check(&facts, &[expected]);
        let found = diagnose(&facts);
        let found = found.iter().find(|check| check.code == expected).expect("it is there");
        assert_eq!(found.values["address"], address);
        assert_eq!((found.values["name"].as_str(), found.details.len()), ("window", 1));
    }
    check(&of(lost(&[])), &["no_address"]);
    // Of several addresses the one at which something is there says the most.
    let several = [(near, NoRoute, NoRoute), (far, Silent, Answered)];
    check(&of(lost(&several)), &["udp_blocked"]);
    let tcp = Peer {
        connected: Some(Transport::Tcp),
        tried: vec![tried(near, Silent, Answered)],
        ..connected()
    };
    check(&of(tcp.clone()), &["tcp_only"]);
    let fast = Peer { tried: vec![tried(near, Answered, Answered)], ..tcp };
    check(&of(fast), &[]);
    let answers = [(near, Answered, Answered)];
    check(&of(Peer { seen: true, ..lost(&answers) }), &["not_yet_connected"]);
    let asked = Peer { id: String::new(), seen: true, ..lost(&answers) };
    check(&of(asked), &[]);
}

/// Table only: a test cannot set the clock of a namespace.
#[test]
fn clocks_that_are_far_apart() {
    let ahead = |minutes: u64| Peer { began_ms: Some(NOW_MS + minutes * 60_000), ..connected() };
    check(&of(ahead(4)), &[]);
    check(&of(ahead(90)), &["clock_differs"]);
    let all = Facts { peers: vec![ahead(90), ahead(60), connected()], ..healthy() };
    check(&all, &["clock_behind"]);
    let found = diagnose(&all);
    let found = found.iter().find(|check| check.code == "clock_behind").expect("it is there");
    assert_eq!(found.values["minutes"], "60");
    let one = Facts { peers: vec![ahead(90), connected(), connected()], ..healthy() };
    check(&one, &["clock_differs"]);
}

/// Table only: there is one version at a time to test with.
#[test]
fn versions_that_do_not_fit() {
    let of_version = |version: &str| of(Peer { version: version.to_owned(), ..connected() });
    check(&of_version("0.5.1"), &[]);
    check(&of_version("0.5.9"), &["version"]);
    check(&of_version("0.6.0"), &["version"]);
    check(&of_version("0.3.0"), &["version_old"]);
    check(&of_version("0.7.0"), &["version_new"]);
    check(&of_version("1.5.0"), &["version_new"]);
    check(&of_version("nonsense"), &["version"]);
    check(&of_version(""), &[]);
}

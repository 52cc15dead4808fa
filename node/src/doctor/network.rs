//! This computer's interfaces: which there are, what they are for, and which leads where.

use std::net::SocketAddr;

use super::facts::{Interface, Kind};
use super::probe::source_towards;

/// Nobody's address (RFC 5737): the way there is the way to the internet.
const ELSEWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 9);

/// Beginnings of the names of tunnels.
const TUNNELS: [&str; 12] = [
    "tun",
    "tap",
    "utun",
    "wg",
    "ppp",
    "ipsec",
    "tailscale",
    "zt",
    "nordlynx",
    "proton",
    "cscotun",
    "gpd",
];
/// Beginnings of the names of bridges and ends of containers and virtual machines.
const VIRTUAL: [&str; 11] = [
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "lxc",
    "lxd",
    "cni",
    "podman",
    "vEthernet",
];

/// What an interface is for, as its name tells.
pub(crate) fn kind(name: &str) -> Kind {
    let begins = |with: &[&str]| with.iter().any(|start| name.starts_with(start));
    if name == "lo" || name.starts_with("lo0") {
        Kind::Loopback
    } else if begins(&TUNNELS) {
        Kind::Vpn
    } else if begins(&VIRTUAL) {
        Kind::Virtual
    } else {
        Kind::Lan
    }
}

/// All addresses of interfaces that are up.
pub(crate) fn interfaces() -> Vec<Interface> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    let up = found.into_iter().filter(if_addrs::Interface::is_oper_up);
    let interface = |found: if_addrs::Interface| {
        let prefix = match &found.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        let kind = if found.is_loopback() { Kind::Loopback } else { kind(&found.name) };
        let multicast = sends_multicast(&found.name);
        Interface { ip: found.ip(), prefix, kind, multicast, name: found.name }
    };
    up.map(interface).collect()
}

/// Linux says so in the flags of the device (`IFF_MULTICAST`); elsewhere it is taken for granted.
fn sends_multicast(name: &str) -> bool {
    const MULTICAST: u32 = 0x1000;
    let flags = std::fs::read_to_string(format!("/sys/class/net/{name}/flags"));
    let flags = flags
        .ok()
        .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
    flags.is_none_or(|flags| flags & MULTICAST != 0)
}

/// The interface that the way to an address begins at.
pub(crate) fn via(interfaces: &[Interface], address: SocketAddr) -> Option<String> {
    let source = source_towards(address)?;
    let found = interfaces.iter().find(|interface| interface.ip == source);
    found.map(|interface| interface.name.clone())
}

/// The interface of the way to the internet.
pub(crate) fn default_via(interfaces: &[Interface]) -> Option<String> {
    via(interfaces, ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_tell_what_they_are_for() {
        for (name, expected) in [
            ("lo", Kind::Loopback),
            ("eth0", Kind::Lan),
            ("enp3s0", Kind::Lan),
            ("wlan0", Kind::Lan),
            ("br0", Kind::Lan),
            ("en0", Kind::Lan),
            ("tun0", Kind::Vpn),
            ("wg0", Kind::Vpn),
            ("utun3", Kind::Vpn),
            ("docker0", Kind::Virtual),
            ("br-0a1b2c3d4e5f", Kind::Virtual),
            ("virbr0", Kind::Virtual),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn networks_hold_their_addresses() {
        let at = |ip: &str, prefix| Interface {
            name: "eth0".to_owned(),
            ip: ip.parse().expect("an address"),
            prefix,
            kind: Kind::Lan,
            multicast: true,
        };
        let holds =
            |own: &str, prefix, ip: &str| at(own, prefix).reaches(ip.parse().expect("an address"));
        assert!(holds("10.0.0.7", 24, "10.0.0.200"));
        assert!(!holds("10.0.0.7", 24, "10.0.1.7"));
        assert!(holds("10.0.0.7", 8, "10.9.9.9"));
        assert!(holds("10.0.0.7", 0, "1.2.3.4"));
        assert!(!holds("10.0.0.7", 32, "10.0.0.8"));
        assert!(holds("fd00::1", 64, "fd00::2"));
        assert!(!holds("fd00::1", 64, "fd00:0:0:1::2"));
        assert!(!holds("10.0.0.7", 24, "fd00::2"));
    }
}

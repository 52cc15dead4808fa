//! What is to be said of one other computer: whether it is reached, else why not. Pure.

use std::net::IpAddr;

use pumasi_web::api::{Check, Misconduct};

use super::facts::{Conduct, Echo, Facts, Interface, Kind, Peer, Source, Transport, Tried};
use super::finding::{good, trouble, warning, with};

impl Peer {
    /// The addresses at which something answered.
    pub(crate) fn answering(&self) -> impl Iterator<Item = &Tried> {
        self.tried.iter().filter(|t| t.udp == Echo::Answered || t.tcp == Echo::Answered)
    }

    fn first(&self, echo: Echo) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.udp == echo || tried.tcp == echo)
    }
}

/// Its way, then its version.
pub(crate) fn diagnose(peer: &Peer, facts: &Facts) -> Vec<Check> {
    let mut way = match (peer.conduct, peer.connected) {
        (Some(conduct), _) => misbehaving(peer, conduct),
        (None, Some(transport)) => reached(peer, transport),
        (None, None) => lost(peer, facts),
    };
    way.values.insert("name".to_owned(), peer.name.clone());
    if peer.connected.is_none() {
        way.details = peer.tried.iter().map(line).collect();
    }
    std::iter::once(way).chain(version(peer, facts)).collect()
}

fn reached(peer: &Peer, transport: Transport) -> Check {
    let name = &peer.name;
    let is_blocked = |echo| matches!(echo, Echo::Silent | Echo::Refused | Echo::NoRoute);
    let tried = peer.tried.first();
    match (transport, tried) {
        (Transport::Tcp, Some(tried)) if is_blocked(tried.udp) => {
            let said = format!(
                "{name} is reached over TCP only, because UDP is blocked on the way: it is seen, but \
                 jobs cannot go there"
            );
            let advice = "Allow UDP ports 7863 and 7864 in the firewalls of both computers, and \
                          between their networks.";
            warning("tcp_only", said, advice)
        }
        (Transport::Quic | Transport::Tcp, _) => good("peer", format!("{name} can be reached")),
    }
}

fn misbehaving(peer: &Peer, conduct: Conduct) -> Check {
    let name = &peer.name;
    let Conduct::CutOff(misconduct, minutes) = conduct else {
        let said =
            format!("{name} says of itself what cannot be; what it said before still counts");
        return warning("doubtful", said, "Is its Pumasi damaged, or of another version?");
    };
    let sent = match misconduct {
        Misconduct::Flood => "far more than a member may",
        Misconduct::Nonsense => "what no honest computer sends",
    };
    let said = format!("{name} sent {sent}: this computer talks to it again in {minutes} min");
    let advice = "Is its Pumasi damaged, or of another version? If somebody else has taken over that \
                  computer, remove it from the mesh.";
    with(trouble("misbehaving", said, advice), "minutes", minutes)
}

/// The strongest thing that is known of why it is not reached.
fn lost(peer: &Peer, facts: &Facts) -> Check {
    let name = &peer.name;
    let Some(first) = peer.tried.first() else {
        let said = format!("no address of {name} is known");
        let advice = "Is it switched on, and in this network? Where computers do not find each \
                      other, start this node with --peer and its address.";
        return warning("no_address", said, advice);
    };
    if let Some(tried) = peer.answering().next() {
        return at(answers(peer, tried), tried);
    }
    if let Some(tried) = peer.first(Echo::Refused) {
        let said = format!(
            "the computer at {} is on, but nothing listens there: Pumasi does not run on it, or uses \
             another port",
            tried.address
        );
        let advice = "Start it there with `pumasi up`. If it runs, `pumasi status` there says where \
                      it listens.";
        return at(trouble("not_listening", said, advice), tried);
    }
    if let Some(tried) = peer.first(Echo::Forbidden) {
        let said = format!("this computer's own firewall forbids the way to {}", tried.address);
        let advice = "Allow Pumasi out: UDP and TCP port 7863, UDP ports 7864 and 7865.";
        return at(trouble("own_firewall", said, advice), tried);
    }
    let within = |kind: Kind, ip: IpAddr| {
        facts.interfaces.iter().find(|own| own.kind == kind && own.reaches(ip))
    };
    let bridged = peer.tried.iter().find_map(|t| Some((t, within(Kind::Virtual, t.address.ip())?)));
    if let Some((tried, bridge)) = bridged.filter(|_| peer.tried.len() == 1) {
        return at(behind_bridge(name, tried, bridge), tried);
    }
    let near = peer.tried.iter().find(|tried| within(Kind::Lan, tried.address.ip()).is_some());
    match near {
        Some(tried) => at(near_and_lost(name, tried), tried),
        None => at(far_and_lost(name, first), first),
    }
}

fn answers(peer: &Peer, tried: &Tried) -> Check {
    let (name, address) = (&peer.name, tried.address);
    if peer.id.is_empty() {
        return good("address_answers", format!("a node answers at {address}"));
    }
    if peer.turned_away {
        let said = format!("{name} answers at {address} and ends the connection");
        let advice = "It does not know this computer as a member: this computer was removed, or \
                      that one has not heard of its admission yet. Ask an admin.";
        return warning("turned_away", said, advice);
    }
    if tried.udp != Echo::Answered {
        let said = format!(
            "UDP is blocked on the way to {name} ({address}), while TCP gets through: a firewall"
        );
        let advice = "Allow UDP ports 7863 and 7864 in the firewalls of both computers, and between \
                      their networks.";
        return trouble("udp_blocked", said, advice);
    }
    let said = format!("{name} answers at {address} and is not connected yet");
    let advice = "Check again in a few seconds. If it stays so, look at the log of both.";
    warning("not_yet_connected", said, advice)
}

fn behind_bridge(name: &str, tried: &Tried, bridge: &Interface) -> Check {
    let said = format!(
        "the only known address of {name} ({}) is one of containers or virtual machines, and here \
         such a network ({}) has the same numbers",
        tried.address, bridge.name
    );
    let advice = "Give its address in the office network with --peer; or start it there with \
                  --listen and that address.";
    with(warning("bridge_address", said, advice), "interface", &bridge.name)
}

fn near_and_lost(name: &str, tried: &Tried) -> Check {
    let address = tried.address;
    if tried.udp == Echo::NoRoute || tried.tcp == Echo::NoRoute {
        let said = format!(
            "nobody answers at {address} in this network: {name} is off or has another address, or \
             the network keeps its computers apart (\"client isolation\", guest wireless)"
        );
        let advice = "Is it on? Is this a guest network? Connect both by cable or to the office \
                      network, or have client isolation switched off.";
        return trouble("off_or_isolated", said, advice);
    }
    let said = format!("{name} ({address}) says nothing: its firewall drops what Pumasi sends");
    let advice = "Allow UDP and TCP port 7863 and UDP port 7864 in its firewall.";
    trouble("firewall", said, advice)
}

fn far_and_lost(name: &str, tried: &Tried) -> Check {
    let address = tried.address;
    if tried.udp == Echo::NoRoute || tried.tcp == Echo::NoRoute {
        let said = format!("there is no way from here to {name} ({address}), in another network");
        let advice = "Are both in the same network or VLAN? Else IT has to route between them; a VPN \
                      may be in the way.";
        return trouble("no_route", said, advice);
    }
    let said = format!(
        "{name} ({address}) is in another network (VLAN), and what is sent there vanishes: it is off, \
         or a firewall between drops it"
    );
    let advice = "Is it on? Have UDP and TCP port 7863 and UDP port 7864 allowed between the two \
                  networks.";
    trouble("other_network", said, advice)
}

fn at(check: Check, tried: &Tried) -> Check {
    with(check, "address", tried.address)
}

/// For the colleague who runs the machines.
fn line(tried: &Tried) -> String {
    let source = match tried.source {
        Source::Given => "given by hand",
        Source::Seen => "found by multicast",
        Source::Told => "told by members or remembered",
    };
    let via = tried.via.as_deref().unwrap_or("no interface");
    let (udp, tcp) = (word(tried.udp), word(tried.tcp));
    format!("{} ({source}, by {via}): UDP {udp}, TCP {tcp}", tried.address)
}

fn word(echo: Echo) -> &'static str {
    match echo {
        Echo::Answered => "answers",
        Echo::Strange => "answers strangely",
        Echo::Refused => "refused",
        Echo::Silent => "silent",
        Echo::NoRoute => "no route",
        Echo::Forbidden => "forbidden here",
    }
}

/// Neighbouring versions work together; others may not.
fn version(peer: &Peer, facts: &Facts) -> Option<Check> {
    if peer.version.is_empty() || peer.version == facts.version {
        return None;
    }
    let (name, theirs, own) = (&peer.name, &peer.version, &facts.version);
    let said = format!("{name} runs version {theirs}, this computer {own}");
    let found = match (release(theirs), release(own)) {
        (Some(theirs), Some(own)) if theirs.0 == own.0 && theirs.1.abs_diff(own.1) <= 1 => {
            let advice =
                "Neighbouring versions work together; bring both to the same one when it suits.";
            warning("version", said, advice)
        }
        (Some(theirs), Some(own)) if theirs < own => {
            let said = format!("{said}, which is too far apart");
            trouble("version_old", said, "Update Pumasi on that computer and start it again.")
        }
        (Some(_), Some(_)) => {
            let said = format!("{said}, which is too far apart");
            trouble("version_new", said, "Update Pumasi on this computer and start it again.")
        }
        (None, _) | (_, None) => warning("version", said, "Bring both to the same version."),
    };
    Some(with(with(with(found, "name", name), "theirs", theirs), "own", own))
}

/// The first two numbers of a version. Before 1.0 the second counts as the first does later.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    let number = |part: Option<&str>| part?.parse().ok();
    Some((number(parts.next())?, number(parts.next())?))
}

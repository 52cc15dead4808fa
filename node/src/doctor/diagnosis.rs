//! From facts to findings: why computers do not see each other, in a sentence each, with the next
//! step. Pure.

use pumasi_web::api::Check;

use super::facts::{Belongs, Facts, Interface, Kind, Multicast, Peer, Source};
use super::finding::{good, skipped, trouble, warning, with};
use super::peers;

/// Clocks that differ by less than this are well enough.
const APART_MS: u64 = 5 * 60 * 1_000;

/// What is to be said of these facts: this computer first, then each other one.
pub(crate) fn diagnose(facts: &Facts) -> Vec<Check> {
    let mut found = vec![belongs(facts)];
    found.extend(facts.twins.iter().map(|address| same_key(&address.to_string())));
    found.extend(network(facts));
    found.extend(listens(facts));
    found.extend(tunnel(facts));
    found.push(multicast(facts));
    found.extend(fallback(facts));
    found.extend(shut_out(facts));
    found.extend(clocks(facts));
    found.extend(facts.peers.iter().flat_map(|peer| peers::diagnose(peer, facts)));
    found
}

fn belongs(facts: &Facts) -> Check {
    match &facts.belongs {
        Belongs::Mesh(name) => {
            with(good("mesh", format!("member of the mesh {name}")), "mesh", name)
        }
        Belongs::Removed(name) => {
            let said = format!("an admin removed this computer from the mesh {name}, for good");
            let advice = "To come back it needs a new identity: start it on an empty data \
                          directory (--data-dir), and let it in anew.";
            with(trouble("removed", said, advice), "mesh", name)
        }
        Belongs::Nowhere => {
            let Some(name) = facts.strangers.iter().find_map(|s| s.mesh.clone()) else {
                let said = "this computer belongs to no mesh yet: it works alone";
                return skipped("alone", said);
            };
            let said = format!(
                "this computer was not let into a mesh yet; the mesh {name} is in this network"
            );
            let advice = "Run `pumasi join` here, or open Computers: an admin of the mesh types \
                          the digits that are shown.";
            with(warning("not_admitted", said, advice), "mesh", name)
        }
    }
}

fn same_key(address: &str) -> Check {
    let said = format!("another computer ({address}) runs with this computer's identity");
    let advice = "Its disk is a copy, or this one is: give the copy a data directory of its own, \
                  and let it in anew.";
    with(trouble("same_key", said, advice), "address", address)
}

fn lans(facts: &Facts) -> impl Iterator<Item = &Interface> {
    facts.interfaces.iter().filter(|interface| interface.kind == Kind::Lan)
}

/// Whether there is an office network at all.
fn network(facts: &Facts) -> Option<Check> {
    if lans(facts).next().is_some() {
        return None;
    }
    let other = facts.interfaces.iter().find(|interface| interface.kind == Kind::Virtual);
    let Some(other) = other else {
        let said = "this computer is in no network";
        let advice = "Connect it by cable or wireless, then check again.";
        return Some(warning("no_network", said, advice));
    };
    let said =
        format!("the only network here is one of containers or virtual machines ({})", other.name);
    let advice = "Connect this computer to the office network. In a container, run it with the \
                  network of its host.";
    Some(with(warning("only_virtual", said, advice), "interface", &other.name))
}

/// Whether it listens where the others are.
fn listens(facts: &Facts) -> Option<Check> {
    let listen = facts.listen;
    if listen.is_unspecified() {
        return None;
    }
    if listen.is_loopback() {
        let said = "the node listens on this computer only (--listen), so nobody else can reach it";
        let advice = "Start it without --listen, or with --listen 0.0.0.0.";
        let is_meant = facts.peers.iter().all(|peer| peer.connected.is_some());
        return Some(if is_meant {
            skipped("listens_here", said)
        } else {
            warning("listens_here", said, advice)
        });
    }
    let own = facts.interfaces.iter().find(|interface| interface.ip == listen);
    let own = own.map_or("", |interface| interface.name.as_str());
    let lost = facts.peers.iter().filter(|peer| peer.connected.is_none());
    let mut ways = lost.flat_map(|peer| &peer.tried).filter_map(|tried| tried.via.as_deref());
    let other = ways.find(|via| *via != own)?;
    let said = format!(
        "the node listens at {listen} only ({own}), but the way to others begins at {other}"
    );
    let advice = "Start it without --listen, or with the address of the interface that leads to \
                  the others.";
    let found = with(warning("wrong_interface", said, advice), "interface", other);
    Some(with(found, "listen", listen))
}

/// A VPN takes the place of the office's network.
fn tunnel(facts: &Facts) -> Option<Check> {
    let is_tunnel = |name: &&String| super::network::kind(name) == Kind::Vpn;
    let default = facts.default_via.as_ref().filter(is_tunnel);
    let lost = facts.peers.iter().filter(|peer| peer.connected.is_none());
    let mut ways = lost.clone().flat_map(|peer| &peer.tried).filter_map(|t| t.via.as_ref());
    let name = default.or_else(|| ways.find(is_tunnel))?;
    let is_lonely = lost.count() > 0 || facts.peers.is_empty() && facts.strangers.is_empty();
    if !is_lonely {
        return None;
    }
    let said = format!(
        "a VPN is up: the way to other networks leads into the tunnel {name}, and what is meant \
         for the office may go there, too"
    );
    let advice = "Leave the VPN and check again; or have it let the local network alone (\"split \
                  tunnel\", \"allow LAN access\").";
    Some(with(warning("vpn", said, advice), "interface", name))
}

fn multicast(facts: &Facts) -> Check {
    let advice = "Pumasi goes on by addresses that are given (--peer) or that members tell; new \
                  computers come in by invitation. To mend it, allow UDP port 5353 here.";
    match facts.multicast {
        Multicast::Off => {
            skipped("multicast_off", "discovery is off: other computers are not looked for")
        }
        Multicast::Failed => {
            let said = "this computer cannot use multicast, so others are not found by themselves";
            warning("multicast_failed", said, advice)
        }
        Multicast::Lost | Multicast::Works if mute(facts).is_some() => {
            let name = mute(facts).expect("just found");
            let said = format!(
                "multicast is switched off at the interface {name}, so others are not found by \
                 themselves"
            );
            let advice = "Switch it on (`ip link set NAME multicast on`), or give the others' \
                          addresses with --peer.";
            with(warning("multicast_interface", said, advice), "interface", name)
        }
        Multicast::Lost => {
            let said = "multicast packets do not come back on this computer: its firewall drops \
                        them, so others are not found by themselves";
            warning("multicast_lost", said, advice)
        }
        Multicast::Works => between(facts),
    }
}

/// The interface to the office, if multicast is switched off at all that lead there.
fn mute(facts: &Facts) -> Option<&str> {
    let is_mute = lans(facts).all(|interface| !interface.multicast);
    lans(facts).next().map(|interface| interface.name.as_str()).filter(|_| is_mute)
}

/// Multicast works here; whether it does on the way to those who are in this network.
fn between(facts: &Facts) -> Check {
    let is_near = |peer: &&Peer| {
        let addresses = peer.remote.iter().chain(peer.answering().map(|tried| &tried.address));
        let mut addresses = addresses.map(|address| address.ip());
        addresses.any(|ip| lans(facts).any(|interface| interface.reaches(ip)))
    };
    let unseen: Vec<&str> = facts
        .peers
        .iter()
        .filter(|peer| !peer.seen)
        .filter(is_near)
        .map(|peer| peer.name.as_str())
        .collect();
    if unseen.is_empty() || !facts.settled {
        return good("multicast", "other computers can be found by themselves (DNS-SD)");
    }
    let names = unseen.join(", ");
    let said = format!(
        "multicast does not arrive between this computer and {names}, though they are in one \
         network and answer when asked directly"
    );
    let advice = "The switch or the wireless network filters it (\"client isolation\", \"IGMP \
                  snooping\"), or a firewall drops UDP port 5353. Pumasi goes on by known \
                  addresses; new computers come in by invitation, or with --peer.";
    with(warning("multicast_blocked", said, advice), "names", names)
}

/// What worked in place of multicast.
fn fallback(facts: &Facts) -> Option<Check> {
    let by = |source: Source| {
        let reached = facts.peers.iter().filter(|peer| peer.connected.is_some() && !peer.seen);
        let by_it = reached.filter(|p| p.tried.first().is_some_and(|t| t.source == source));
        by_it.count()
    };
    let (given, told) = (by(Source::Given), by(Source::Told));
    if given + told == 0 || facts.multicast == Multicast::Off && given == 0 {
        return None;
    }
    let said = format!(
        "not found by multicast and reached all the same: {given} by addresses that were given, \
         {told} by addresses that members told or that were remembered"
    );
    Some(with(with(good("fallback", said), "given", given), "told", told))
}

/// Everybody answers, and nobody wants this computer.
fn shut_out(facts: &Facts) -> Option<Check> {
    let away = facts.peers.iter().filter(|peer| peer.turned_away).count();
    let reached = facts.peers.iter().any(|peer| peer.connected.is_some());
    if away == 0 || reached {
        return None;
    }
    let said = format!(
        "{away} members answer and end the connection: this computer was removed from the mesh, \
         or they have not heard of its admission yet"
    );
    let advice = "Ask an admin whether it still belongs (`pumasi peers` there). If it was only \
                  just let in, start the computer that let it in, and check again.";
    Some(with(trouble("shut_out", said, advice), "count", away))
}

/// Each start is numbered by the clock: who began in the future has another time.
fn clocks(facts: &Facts) -> Vec<Check> {
    let ahead = |peer: &&Peer| {
        peer.began_ms.is_some_and(|began| began > facts.now_ms.saturating_add(APART_MS))
    };
    let known = facts.peers.iter().filter(|peer| peer.began_ms.is_some()).count();
    let ahead: Vec<&Peer> = facts.peers.iter().filter(ahead).collect();
    let by_min =
        |peer: &Peer| peer.began_ms.unwrap_or_default().saturating_sub(facts.now_ms) / 60_000;
    if ahead.len() * 2 > known && ahead.len() > 1 {
        let least = ahead.iter().map(|peer| by_min(peer)).min().unwrap_or_default();
        let said = format!("this computer's clock is behind the others' by {least} min or more");
        let advice = "Set it, or let the system keep it by NTP: keys and invitations go by it.";
        return vec![with(trouble("clock_behind", said, advice), "minutes", least)];
    }
    let each = ahead.into_iter().map(|peer| {
        let (name, min) = (&peer.name, by_min(peer));
        let said = format!(
            "the clocks of {name} and of this computer differ: {name} is {min} min ahead or more"
        );
        let advice = "Set the one that is wrong, or let the system keep it by NTP: keys and \
                      invitations go by it.";
        with(with(warning("clock_differs", said, advice), "name", name), "minutes", min)
    });
    each.collect()
}

#[cfg(test)]
mod tests;

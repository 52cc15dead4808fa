//! Gathers the facts of a running node: asks its network, looks at the interfaces, tries the ports of
//! whoever is not reached. Bounded in addresses and time.

use std::net::{IpAddr, SocketAddr};

use futures::future::join_all;
use pumasi_protocol::NodeId;
use pumasi_protocol::roster::Roster;
use pumasi_web::api;

use super::facts::{
    Belongs, Conduct, Echo, Facts, Interface, Kind, Peer, Source, Stranger, Transport, Tried,
};
use super::{multicast, network, probe};
use crate::config::{Config, PeerAddress};
use crate::net::{NetHandle, Survey};

/// Addresses of one computer that are tried.
const ADDRESSES: usize = 4;
/// Computers whose addresses are tried in one examination.
const COMPUTERS: usize = 32;
/// By then a node that began has found the others, in milliseconds (multicast repeats itself within
/// seconds).
const SETTLED_MS: u64 = 15_000;

/// What the node says of itself, for the doctor.
pub(crate) struct Patient<'a> {
    pub(crate) config: &'a Config,
    pub(crate) net: &'a NetHandle,
    pub(crate) status: &'a api::Status,
    pub(crate) nodes: &'a [api::Node],
    pub(crate) now_ms: u64,
}

/// Whom to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// All members.
    Everybody,
    /// This one.
    Member(NodeId),
    /// Whoever is at these addresses.
    Addresses(String, Vec<SocketAddr>),
}

/// All facts.
pub(crate) async fn examine(patient: &Patient<'_>, target: &Target) -> Facts {
    let survey = patient.net.survey().await;
    let interfaces = network::interfaces();
    let peers = peers(patient, &survey, &interfaces, target);
    let (multicast, peers) =
        tokio::join!(multicast::look(patient.config.discovery), join_all(peers));
    let roster = patient.net.roster();
    let is_member = |node: &NodeId| roster.as_ref().is_some_and(|roster| roster.contains(node));
    let strangers = survey.seen.iter().map(|sighting| &sighting.candidate);
    let strangers = strangers.filter(|candidate| !is_member(&candidate.node)).map(|candidate| {
        let mesh = candidate.mesh.as_ref().map(|(name, _)| name.clone());
        Stranger { name: candidate.name.clone(), mesh }
    });
    Facts {
        version: patient.status.version.clone(),
        belongs: belongs(roster.as_deref(), patient.net.me()),
        listen: patient.config.listen,
        default_via: network::default_via(&interfaces),
        interfaces,
        multicast,
        twins: survey.twins.clone(),
        now_ms: patient.now_ms,
        settled: patient.now_ms.saturating_sub(patient.status.started_ms) >= SETTLED_MS,
        peers,
        strangers: strangers.collect(),
    }
}

fn belongs(roster: Option<&Roster>, me: NodeId) -> Belongs {
    let Some(roster) = roster else { return Belongs::Nowhere };
    let name = roster.name.as_ref().map_or_else(|| roster.mesh.short(), ToString::to_string);
    if roster.revoked.contains(&me) { Belongs::Removed(name) } else { Belongs::Mesh(name) }
}

/// Each computer that is asked for, once its ports were tried.
fn peers<'a>(
    patient: &'a Patient<'_>,
    survey: &'a Survey,
    interfaces: &'a [Interface],
    target: &Target,
) -> Vec<impl Future<Output = Peer> + 'a> {
    let wanted: Vec<Peer> = match target {
        Target::Everybody => known(patient, survey).collect(),
        Target::Member(id) => known(patient, survey).filter(|p| p.id == id.to_string()).collect(),
        Target::Addresses(name, addresses) => {
            let tried = addresses.iter().map(|address| untried(*address, Source::Given)).collect();
            vec![Peer { name: name.clone(), tried, ..Peer::default() }]
        }
    };
    let mut budget = COMPUTERS;
    let with_budget = wanted.into_iter().map(|peer| {
        // Who is reached by QUIC needs no trying.
        let needs = peer.connected != Some(Transport::Quic);
        let may = needs && budget > 0;
        budget -= usize::from(may);
        (peer, may)
    });
    let with_budget: Vec<(Peer, bool)> = with_budget.collect();
    with_budget.into_iter().map(|(peer, may)| try_all(peer, may, interfaces)).collect()
}

/// The other members, with the addresses at which each may be.
fn known<'a>(patient: &'a Patient<'_>, survey: &'a Survey) -> impl Iterator<Item = Peer> + 'a {
    survey.members.iter().map(|route| {
        let id = route.node.to_string();
        let node = patient.nodes.iter().find(|node| node.id == id);
        let sighting = survey.seen.iter().find(|seen| seen.candidate.node == route.node);
        let is_given = |address: &SocketAddr| {
            let given = survey.given.iter();
            given.into_iter().any(|(text, _)| *text == address.to_string())
        };
        let source = |address: &SocketAddr| {
            if is_given(address) {
                Source::Given
            } else if sighting.is_some_and(|sighting| sighting.control.contains(address)) {
                Source::Seen
            } else {
                Source::Told
            }
        };
        let mut addresses = route.addresses.clone();
        if let Some((remote, _)) = route.connected {
            // What it is reached at comes first, whoever dialled.
            let there = addresses.iter().find(|address| address.ip() == remote.ip()).copied();
            addresses = vec![there.unwrap_or(remote)];
        }
        let addresses = addresses.iter().take(ADDRESSES);
        let seen_version = sighting.map(|sighting| sighting.candidate.version.clone());
        let version = node.map(|node| node.version.clone()).filter(|version| !version.is_empty());
        Peer {
            name: node.map_or_else(|| route.node.short(), |node| node.name.clone()),
            connected: route.connected.map(
                |(_, quic)| {
                    if quic { Transport::Quic } else { Transport::Tcp }
                },
            ),
            remote: route.connected.map(|(remote, _)| remote),
            version: version.or(seen_version).unwrap_or_default(),
            began_ms: route.run,
            seen: sighting.is_some(),
            turned_away: route.connected.is_none() && route.turned_away > 0,
            conduct: node.and_then(|node| conduct(node, patient.now_ms)),
            tried: addresses.map(|address| untried(*address, source(address))).collect(),
            id,
        }
    })
}

fn conduct(node: &api::Node, now_ms: u64) -> Option<Conduct> {
    let is_doubtful = node.presence == api::Presence::Suspect;
    let cut_off = node.cut_off.map(|cut_off| {
        let minutes = cut_off.until_ms.saturating_sub(now_ms).div_ceil(60_000);
        Conduct::CutOff(cut_off.why, minutes)
    });
    cut_off.or(is_doubtful.then_some(Conduct::Doubtful))
}

fn untried(address: SocketAddr, source: Source) -> Tried {
    Tried { address, source, via: None, udp: Echo::Silent, tcp: Echo::Silent }
}

async fn try_all(mut peer: Peer, may: bool, interfaces: &[Interface]) -> Peer {
    for tried in &mut peer.tried {
        tried.via = network::via(interfaces, tried.address);
    }
    if may {
        let tried = std::mem::take(&mut peer.tried);
        peer.tried = join_all(tried.into_iter().map(|tried| try_one(tried, interfaces))).await;
    }
    peer
}

async fn try_one(mut tried: Tried, interfaces: &[Interface]) -> Tried {
    let (udp, tcp) = tokio::join!(probe::udp(tried.address), probe::tcp(tried.address));
    (tried.udp, tried.tcp) = (udp, tcp);
    let ip = tried.address.ip();
    let is_near = interfaces.iter().any(|own| own.kind != Kind::Loopback && own.reaches(ip));
    // The system takes seconds to say that nobody has an address; what it asked is known before.
    if is_near && udp == Echo::Silent && tcp == Echo::Silent && is_nobody(ip) {
        (tried.udp, tried.tcp) = (Echo::NoRoute, Echo::NoRoute);
    }
    tried
}

/// Whether nobody answered for an address of this network (Linux and IPv4; elsewhere not known).
fn is_nobody(ip: IpAddr) -> bool {
    let table = std::fs::read_to_string("/proc/net/arp").unwrap_or_default();
    let text = ip.to_string();
    let entries = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Address, type, flags: bit 1 says that the answer came.
    let mut unanswered = entries.filter(|entry| entry.get(2).is_some_and(|flags| *flags == "0x0"));
    unanswered.any(|entry| entry[0] == text)
}

/// What a person means: a member's name or the beginning of its id, else an address.
pub(crate) async fn target(text: &str, nodes: &[api::Node]) -> Option<Target> {
    let of_name = |node: &&api::Node| node.name == text;
    let of_id = |node: &&api::Node| text.len() >= 4 && node.id.starts_with(text);
    let mut found: Vec<&api::Node> = nodes.iter().filter(of_name).collect();
    if found.is_empty() {
        found = nodes.iter().filter(of_id).collect();
    }
    if let [node] = found.as_slice() {
        return node.id.parse().ok().map(Target::Member);
    }
    let address: PeerAddress = text.parse().ok()?;
    let resolved = tokio::task::spawn_blocking(move || address.resolve()).await;
    let mut addresses = resolved.ok()?.ok()?;
    addresses.truncate(ADDRESSES);
    (!addresses.is_empty()).then(|| Target::Addresses(text.to_owned(), addresses))
}

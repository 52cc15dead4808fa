//! Finding others on the local network by DNS-SD, and being found. What is found is a candidate and
//! nothing more. Without multicast the node works all the same.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use pumasi_protocol::NodeId;
use pumasi_protocol::roster::Roster;
use tokio::sync::mpsc;

use super::control::Notice;
use super::event::Candidate;
use super::limits::{ADDRESSES, CANDIDATE_TEXT, CANDIDATES};

/// The service that every node announces.
const SERVICE: &str = "_pumasi._udp.local.";

/// Who was seen: the candidate, its control addresses, and the number of its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) candidate: Candidate,
    pub(crate) control: Vec<SocketAddr>,
    pub(crate) run: Option<u64>,
    /// The name of its record.
    pub(crate) record: String,
}

/// What a node announces of itself.
#[derive(Debug, Clone)]
pub(crate) struct Announced {
    pub(crate) node: NodeId,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) run: u64,
    pub(crate) control_port: u16,
    pub(crate) join_port: u16,
    /// Where it listens; unspecified: everywhere.
    pub(crate) listen: IpAddr,
}

pub(crate) struct Discovery {
    daemon: ServiceDaemon,
    announced: Announced,
}

impl Discovery {
    /// Begins to look and to announce; `None` where multicast cannot be had.
    pub(crate) fn start(announced: Announced, notices: mpsc::Sender<Notice>) -> Option<Self> {
        let daemon = ServiceDaemon::new().inspect_err(unavailable).ok()?;
        let found = daemon.browse(SERVICE).inspect_err(unavailable).ok()?;
        let discovery = Self { daemon, announced };
        discovery.announce(None, false);
        tokio::spawn(async move {
            let mut seen = Seen::default();
            while let Ok(event) = found.recv_async().await {
                if let Some(notice) = seen.take(event)
                    && notices.send(notice).await.is_err()
                {
                    return;
                }
            }
        });
        Some(discovery)
    }

    /// Announces this node with the mesh that it belongs to, or that it asks to be let into one.
    pub(crate) fn announce(&self, roster: Option<&Roster>, asks: bool) {
        let own = &self.announced;
        let properties = properties(own, roster, asks);
        // The start's number keeps a copy of this node from fighting with it over the name.
        let instance = format!("{}-{:x}", own.node.short(), own.run);
        let host = format!("pumasi-{instance}.local.");
        let ip = if own.listen.is_unspecified() { String::new() } else { own.listen.to_string() };
        let service = ServiceInfo::new(
            SERVICE,
            &instance,
            &host,
            ip.as_str(),
            own.control_port,
            &properties[..],
        );
        let registered = service.and_then(|service| {
            let everywhere = own.listen.is_unspecified();
            self.daemon.register(if everywhere { service.enable_addr_auto() } else { service })
        });
        if let Err(error) = registered {
            unavailable(&error);
        }
    }

    /// Says goodbye.
    pub(crate) fn close(self) {
        if let Err(error) = self.daemon.shutdown() {
            tracing::debug!(%error, "discovery did not end well");
        }
    }
}

/// What strangers may know. The name of a computer is for the admin who lets it in; a member's is not
/// told to everybody.
fn properties(own: &Announced, roster: Option<&Roster>, asks: bool) -> [(&'static str, String); 8] {
    let mesh = roster.map_or_else(String::new, |roster| roster.mesh.short());
    let mesh_name = roster.and_then(|roster| roster.name.as_ref());
    [
        ("id", own.node.to_string()),
        ("run", own.run.to_string()),
        ("name", if asks { own.name.clone() } else { String::new() }),
        ("mesh", mesh),
        ("meshname", mesh_name.map_or_else(String::new, ToString::to_string)),
        ("join", own.join_port.to_string()),
        ("v", own.version.clone()),
        ("asks", u8::from(asks).to_string()),
    ]
}

fn unavailable(error: &mdns_sd::Error) {
    tracing::warn!(%error, "computers on this network are not found by themselves: use --peer or an invitation");
}

/// Cuts a foreign text and makes what is invisible in it visible.
fn shown(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().filter(|c| !is_format(*c)).take(CANDIDATE_TEXT).map(visible).collect()
}

/// Characters that reorder or hide what is around them.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn sighting(service: &ResolvedService) -> Option<Sighting> {
    let addresses = service.get_addresses().iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let text = |key| service.get_property_val_str(key);
    let record = service.get_fullname().to_owned();
    read_sighting(text, addresses.collect(), service.get_port(), record)
}

fn read_sighting<'a>(
    text: impl Fn(&'static str) -> Option<&'a str>,
    mut addresses: Vec<IpAddr>,
    control_port: u16,
    record: String,
) -> Option<Sighting> {
    let node: NodeId = text("id")?.parse().ok()?;
    let join_port: u16 = text("join")?.parse().ok()?;
    // IPv4 first; link-local IPv6 addresses mean nothing without their interface.
    addresses.retain(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()));
    addresses.sort_by_key(|ip| (ip.is_ipv6(), *ip));
    addresses.truncate(ADDRESSES);
    let on = |port| addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let mesh = text("mesh").filter(|mesh| !mesh.is_empty());
    let mesh = mesh.map(|id| (shown(text("meshname").unwrap_or_default()), shown(id)));
    let candidate = Candidate {
        node,
        name: shown(text("name").unwrap_or_default()),
        mesh,
        join: on(join_port),
        version: shown(text("v").unwrap_or_default()),
        asks: text("asks") == Some("1"),
    };
    let run = text("run")?.parse().ok();
    Some(Sighting { candidate, control: on(control_port), run, record })
}

/// What was seen lately: each node once, as long as it stays the same.
#[derive(Default)]
struct Seen {
    sightings: BTreeMap<(NodeId, Option<u64>), (u64, Sighting)>,
    clock: u64,
}

impl Seen {
    /// What an event of discovery means to this node.
    fn take(&mut self, event: ServiceEvent) -> Option<Notice> {
        if let ServiceEvent::ServiceRemoved(_, record) = event {
            return self.forget(&record).map(Notice::Unseen);
        }
        let ServiceEvent::ServiceResolved(service) = event else { return None };
        let sighting = sighting(&service)?;
        self.is_news(&sighting).then_some(Notice::Seen(sighting))
    }

    fn is_news(&mut self, sighting: &Sighting) -> bool {
        self.clock += 1;
        let key = (sighting.candidate.node, sighting.run);
        let entry = (self.clock, sighting.clone());
        let news = self.sightings.insert(key, entry).is_none_or(|(_, last)| last != *sighting);
        if self.sightings.len() > CANDIDATES {
            let oldest = self.sightings.iter().min_by_key(|(_, (seen, _))| *seen);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.sightings.remove(&oldest);
            }
        }
        news
    }

    /// A record is gone; gives its node, if that has no other.
    fn forget(&mut self, record: &str) -> Option<NodeId> {
        let gone = self.sightings.iter().find(|(_, (_, sighting))| sighting.record == record);
        let key = gone.map(|(key, _)| *key)?;
        self.sightings.remove(&key);
        let has_other = self.sightings.keys().any(|(node, _)| *node == key.0);
        (!has_other).then_some(key.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, node: NodeId) -> Option<Sighting> {
        let id = node.to_string();
        let text = |key| match key {
            "id" => Some(id.as_str()),
            "join" => Some("7865"),
            "run" => Some("5"),
            "mesh" => Some("0a0b0c0d"),
            "meshname" => Some(name),
            "name" => Some(name),
            "v" | "asks" => None,
            _ => unreachable!("no other key is read"),
        };
        let addresses =
            ["fe80::1", "fd00::7", "10.0.0.7"].map(|ip| ip.parse().expect("an address"));
        read_sighting(text, addresses.to_vec(), 7863, "record".to_owned())
    }

    #[test]
    fn cat_p02_names_from_the_network_are_cut_and_made_visible() {
        let sighting =
            read(&format!("a\u{202e}\n\u{1b}[31m{}", "x".repeat(1 << 20)), NodeId([1; 32]));
        let sighting = sighting.expect("a sighting");
        let name = sighting.candidate.name;
        assert!(name.starts_with("a\u{fffd}\u{fffd}[31mx"), "{name:?}");
        assert_eq!(name.chars().count(), CANDIDATE_TEXT);
        assert_eq!(sighting.candidate.mesh.map(|mesh| mesh.0), Some(name));
        let there: Vec<_> = sighting.control.iter().map(ToString::to_string).collect();
        assert_eq!(there, ["10.0.0.7:7863", "[fd00::7]:7863"]);
    }

    #[test]
    fn cat_p02_a_sighting_is_news_once_and_the_table_is_bounded() {
        let mut seen = Seen::default();
        let of = |n: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_le_bytes());
            read("name", NodeId(id)).expect("a sighting")
        };
        assert!(seen.is_news(&of(0)));
        assert!(!seen.is_news(&of(0)));
        for n in 1..10_000 {
            assert!(seen.is_news(&of(n)));
        }
        assert_eq!(seen.sightings.len(), CANDIDATES);
        assert!(!seen.is_news(&of(9_999)));
        assert!(seen.is_news(&of(0)), "forgotten, because it was seen longest ago");
    }

    #[test]
    fn cat_p01_who_does_not_ask_to_be_let_in_does_not_tell_its_name() {
        let own = Announced {
            node: NodeId([1; 32]),
            name: "kim-laptop".to_owned(),
            version: "0.1.0".to_owned(),
            run: 5,
            control_port: 7_863,
            join_port: 7_865,
            listen: IpAddr::from([0, 0, 0, 0]),
        };
        let told = |asks| {
            let properties = properties(&own, None, asks);
            properties.iter().any(|(_, value)| value.contains("kim-laptop"))
        };
        assert!(told(true) && !told(false));
    }

    #[test]
    fn records_without_a_node_are_not_sightings() {
        assert_eq!(read_sighting(|_| None, Vec::new(), 1, String::new()), None);
        assert_eq!(read_sighting(|_| Some("nonsense"), Vec::new(), 1, String::new()), None);
    }
}

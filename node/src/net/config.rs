//! How the network of a node is set up: addresses, ports, names. Checked by the caller.

use std::net::{IpAddr, Ipv4Addr};

use pumasi_protocol::NodeName;

use crate::config::PeerAddress;
use crate::copies::Lent;

/// Settings of [`super::NetHandle::start`].
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// Where to listen, on all planes; unspecified: on all interfaces (default `0.0.0.0`).
    pub listen: IpAddr,
    /// Control plane, UDP and TCP; 0 picks free ones (default 7863).
    pub control_port: u16,
    /// Data plane, UDP and TCP; 0 picks one (default 7864).
    pub data_port: u16,
    /// Join door, UDP; 0 picks one (default 7865).
    pub join_port: u16,
    /// Control addresses of members that discovery does not reach, dialled until they answer.
    pub peers: Vec<PeerAddress>,
    /// Whether to announce this node, and look for others, by DNS-SD (default true).
    pub discovery: bool,
    /// This computer's name.
    pub name: NodeName,
    /// Whose it is, as it says where it is let in.
    pub person: Option<NodeName>,
    /// Version of Pumasi, announced by DNS-SD.
    pub version: String,
    /// This start's number: tells two computers with one key apart.
    pub incarnation: u64,
    /// What members may read here (default: nothing).
    pub(crate) lent: Lent,
}

impl NetConfig {
    /// The usual ports on all interfaces, with discovery.
    #[must_use]
    pub fn new(name: NodeName, incarnation: u64) -> Self {
        Self {
            listen: Ipv4Addr::UNSPECIFIED.into(),
            control_port: 7863,
            data_port: 7864,
            join_port: 7865,
            peers: Vec::new(),
            discovery: true,
            name,
            person: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation,
            lent: Lent::default(),
        }
    }

    /// Free ports on loopback, without discovery: several nodes in one process.
    #[must_use]
    pub fn loopback(name: NodeName, incarnation: u64) -> Self {
        let listen = Ipv4Addr::LOCALHOST.into();
        let free = Self {
            listen,
            control_port: 0,
            data_port: 0,
            join_port: 0,
            ..Self::new(name, incarnation)
        };
        Self { discovery: false, ..free }
    }
}

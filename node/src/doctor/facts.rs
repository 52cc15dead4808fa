//! What the doctor found out, as plain data: what is said of it is decided elsewhere.

use std::net::{IpAddr, SocketAddr};

use pumasi_web::api::Misconduct;

/// Everything that a diagnosis is made from.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) version: String,
    pub(crate) belongs: Belongs,
    /// Where control plane, data plane and join door listen; unspecified: everywhere.
    pub(crate) listen: IpAddr,
    pub(crate) interfaces: Vec<Interface>,
    /// The interface of the way to the internet.
    pub(crate) default_via: Option<String>,
    pub(crate) multicast: Multicast,
    /// Where computers with this node's own key are.
    pub(crate) twins: Vec<SocketAddr>,
    /// This computer's clock, Unix time in milliseconds.
    pub(crate) now_ms: u64,
    /// Whether the node runs long enough to have found the others.
    pub(crate) settled: bool,
    pub(crate) peers: Vec<Peer>,
    /// Installs that discovery sees and that are no members.
    pub(crate) strangers: Vec<Stranger>,
}

/// Where this computer belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// To no mesh yet.
    Nowhere,
    /// To this one.
    Mesh(String),
    /// To this one no more: an admin removed it.
    Removed(String),
}

/// What an interface is for, as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Loopback,
    Lan,
    Vpn,
    /// A bridge of containers or virtual machines.
    Virtual,
}

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    /// Bits of the address that all of its network share.
    pub(crate) prefix: u8,
    pub(crate) kind: Kind,
    /// Whether it may send multicast at all.
    pub(crate) multicast: bool,
}

impl Interface {
    /// Whether an address belongs to the network at this interface.
    pub(crate) fn reaches(&self, ip: IpAddr) -> bool {
        fn same(a: u128, b: u128, bits: u8, width: u8) -> bool {
            let rest = u32::from(width.saturating_sub(bits));
            a.checked_shr(rest) == b.checked_shr(rest)
        }
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(u32::from(own).into(), u32::from(other).into(), self.prefix, 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same(own.into(), other.into(), self.prefix, 128)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What became of this computer's own multicast packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Multicast {
    /// It is not to be used.
    Off,
    /// They come back.
    Works,
    /// They do not.
    Lost,
    /// The system refuses it.
    Failed,
}

/// Another member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) connected: Option<Transport>,
    /// Where it is connected.
    pub(crate) remote: Option<SocketAddr>,
    /// Empty: not known.
    pub(crate) version: String,
    /// When it began by its own clock, Unix time in milliseconds.
    pub(crate) began_ms: Option<u64>,
    /// Whether discovery sees it.
    pub(crate) seen: bool,
    /// It answered and ended the connection.
    pub(crate) turned_away: bool,
    /// What it sends is not what an honest member sends.
    pub(crate) conduct: Option<Conduct>,
    pub(crate) tried: Vec<Tried>,
}

/// How a member misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It is cut off for so many minutes yet.
    CutOff(Misconduct, u64),
    /// Its latest advert cannot be true.
    Doubtful,
}

/// What a control connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Quic,
    Tcp,
}

/// Whence an address is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A person gave it, as a setting or to the doctor.
    Given,
    /// Discovery by multicast.
    Seen,
    /// Other members told, or this node remembers.
    Told,
}

/// An address that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) address: SocketAddr,
    pub(crate) source: Source,
    /// The interface that the way there begins at.
    pub(crate) via: Option<String>,
    pub(crate) udp: Echo,
    pub(crate) tcp: Echo,
}

/// What came back from a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// What is expected there.
    Answered,
    /// Something else.
    Strange,
    /// The computer is there; nothing listens at the port.
    Refused,
    /// Nothing at all.
    Silent,
    /// There is no way there, or on the last stretch nobody has that address.
    NoRoute,
    /// This computer's own rules forbid it.
    Forbidden,
}

/// An install of no member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stranger {
    pub(crate) name: String,
    /// The name of its mesh.
    pub(crate) mesh: Option<String>,
}

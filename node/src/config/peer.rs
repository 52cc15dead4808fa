//! A member's control address as people write it: a host name or IP address, and a port if it is
//! not the usual one.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use serde::Deserialize;

use super::MESH_PORT;

/// Longest host name (RFC 1035).
const HOST_BYTES: usize = 253;

/// Why an address was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or IP address, optionally with a port: desk-3.local, 10.0.0.7:7863")]
pub struct PeerAddressError;

/// Where a member's control plane listens. Names are looked up anew for each dial.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct PeerAddress {
    host: String,
    port: u16,
}

impl PeerAddress {
    /// The addresses behind it: asks the system's resolver and may block for seconds.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

impl FromStr for PeerAddress {
    type Err = PeerAddressError;
    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { host: ip.to_string(), port: MESH_PORT });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| PeerAddressError)?),
            None => (text, MESH_PORT),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let starts = host.starts_with(|c: char| c.is_ascii_alphanumeric());
        let well_formed = starts && host.len() <= HOST_BYTES && host.chars().all(allowed);
        (well_formed && port != 0)
            .then(|| Self { host: host.to_owned(), port })
            .ok_or(PeerAddressError)
    }
}

impl TryFrom<String> for PeerAddress {
    type Error = PeerAddressError;
    fn try_from(text: String) -> Result<Self, PeerAddressError> {
        text.parse()
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(ip) => SocketAddr::new(ip, self.port).fmt(f),
            Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

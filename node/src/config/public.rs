//! The settings of the listener for programs of other computers.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::{ConfigError, Settings};

/// A name in DNS or DNS-SD, in lower case: `office.example`, `desk.local`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

/// Not such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name such as desk.local: letters, digits and '-' in parts joined by '.'")]
pub struct HostNameError;

impl HostName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = HostNameError;
    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let part = |part: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&part.len())
                && part.bytes().all(allowed)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let is_address = text.parse::<std::net::IpAddr>().is_ok();
        let is_name = text.len() <= 253 && text.split('.').all(part) && !is_address;
        if is_name { Ok(Self(text)) } else { Err(HostNameError) }
    }
}

impl TryFrom<String> for HostName {
    type Error = HostNameError;
    fn try_from(text: String) -> Result<Self, HostNameError> {
        text.parse()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where other computers' programs are served, over TLS and for API keys only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicConfig {
    /// Where; port 0 picks one.
    pub address: SocketAddr,
    /// Further names by which this computer is reached.
    pub names: Vec<HostName>,
    /// Certificate and key as PEM files; none: the node's own.
    pub files: Option<(PathBuf, PathBuf)>,
}

impl PublicConfig {
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let (cert, key) = (settings.http_cert.clone(), settings.http_key.clone());
        let Some(address) = settings.http_public else {
            let is_meant = cert.is_some() || key.is_some() || settings.http_names.is_some();
            return if is_meant { Err(ConfigError::NoPublic) } else { Ok(None) };
        };
        let files = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            (Some(_), None) | (None, Some(_)) => return Err(ConfigError::HalfCertificate),
        };
        let names = settings.http_names.clone().unwrap_or_default();
        Ok(Some(Self { address, names, files }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_names_and_never_addresses() {
        for (text, expected) in [
            ("desk.local", "desk.local"),
            ("DESK.local.", "desk.local"),
            ("a", "a"),
            ("gpu-1.office.example", "gpu-1.office.example"),
        ] {
            let parsed = text.parse::<HostName>().map(|name| name.to_string());
            assert_eq!(parsed, Ok(expected.to_owned()));
        }
        for text in ["", ".", "a..b", "-a", "a-", "a b", "*.local", "10.0.0.1", "::1", "a:1", "창"]
        {
            assert_eq!(text.parse::<HostName>(), Err(HostNameError), "{text}");
        }
    }
}

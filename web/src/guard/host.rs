//! One reading of the Host header for everybody, and the list of hosts that are this computer.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use http::header;
use http::request::Parts;

use crate::error::ApiError;

/// A host as it was named, in its one normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostName {
    Address(IpAddr),
    /// Lower case, without the root's dot.
    Name(String),
}

/// A host and the port, where one was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: HostName,
    pub(crate) port: Option<u16>,
}

/// Reads `host[:port]` (RFC 9110, section 7.2). None for anything else.
pub(crate) fn parse(text: &str) -> Option<Host> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        // A zone would name an interface of the asker's computer, not of this one.
        let address: Ipv6Addr = address.parse().ok()?;
        let name = HostName::Address(IpAddr::from(address).to_canonical());
        return Some(Host { name, port: port(rest)? });
    }
    let (name, rest) = match text.find(':') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let port = port(rest)?;
    if let Ok(address) = name.parse::<std::net::Ipv4Addr>() {
        return Some(Host { name: HostName::Address(address.into()), port });
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(allowed)
    };
    let named = name.len() <= 253 && name.split('.').all(label);
    named.then_some(Host { name: HostName::Name(name), port })
}

/// `""` or `:1234`.
fn port(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None => text.is_empty().then_some(None),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
        Some(_) => None,
    }
}

/// The one host that a request names: in its Host header and, if the target is an absolute URI, there
/// too.
pub(crate) fn of_request(parts: &Parts) -> Result<Host, ApiError> {
    let mut values = parts.headers.get_all(header::HOST).iter();
    let header = values.next();
    if values.next().is_some() {
        return Err(ApiError::HostInvalid);
    }
    let header = header.and_then(|value| value.to_str().ok()).and_then(parse);
    let header = header.ok_or(ApiError::HostInvalid)?;
    match parts.uri.authority() {
        Some(authority) if parse(authority.as_str()).as_ref() != Some(&header) => {
            Err(ApiError::HostInvalid)
        }
        Some(_) | None => Ok(header),
    }
}

/// The hosts that are this computer.
#[derive(Debug)]
pub(crate) struct Hosts {
    names: BTreeSet<String>,
}

impl Hosts {
    pub(crate) fn new(names: &[String]) -> Self {
        let parsed = names.iter().filter_map(|name| match parse(name)?.name {
            HostName::Name(name) => Some(name),
            HostName::Address(_) => None,
        });
        Self { names: parsed.chain(["localhost".to_owned()]).collect() }
    }

    /// Whether `host` is this computer for a connection that ends at `local`. The port is not looked
    /// at: rebinding is about names, and forwarded ports differ.
    pub(crate) fn allow(&self, host: &Host, local: IpAddr) -> bool {
        match &host.name {
            HostName::Address(address) => {
                address.is_loopback() && local.to_canonical().is_loopback()
                    || *address == local.to_canonical()
            }
            HostName::Name(name) => self.names.contains(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";

    fn allowed(names: &[&str], host: &str, local: &str) -> Option<bool> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let local = local.parse().expect("an address");
        parse(host).map(|host| Hosts::new(&names).allow(&host, local))
    }

    #[test]
    fn cat_h24_one_normaliser_reads_every_spelling() {
        let cases = [
            ("localhost", Some(true)),
            ("LOCALHOST.", Some(true)),
            ("localhost:7862", Some(true)),
            ("127.0.0.1:1", Some(true)),
            ("[::1]:7862", Some(true)),
            ("[::ffff:127.0.0.1]", Some(true)),
            ("localhost..", None),
            ("localhost:80@evil", None),
            ("user@localhost", None),
            ("localhost:", None),
            ("localhost:99999", None),
            ("localhost:+80", None),
            ("[::1%25eth0]", None),
            ("[fe80::1%eth0]:80", None),
            ("::1", None),
            ("[::1", None),
            ("[127.0.0.1]", None),
            ("", None),
            (" localhost", None),
            ("localhost/x", None),
            ("localhost\\x", None),
            ("evil.example", Some(false)),
            ("localhost.evil.example", Some(false)),
            ("127.0.0.1.evil.example", Some(false)),
            ("2130706433", Some(false)),
            ("0177.0.0.1", Some(false)),
            ("127.1", Some(false)),
            ("0.0.0.0", Some(false)),
            ("a/../v1/models", None),
        ];
        for (host, expected) in cases {
            assert_eq!(allowed(&[], host, HERE), expected, "{host:?}");
        }
    }

    #[test]
    fn cat_h23_on_a_network_own_address_and_own_name_are_known() {
        let names = ["desk.local"];
        for (host, expected) in [
            ("192.0.2.7:7862", true),
            ("desk.local:7862", true),
            ("DESK.local.", true),
            ("other.local", false),
            ("x.internal", false),
            ("192.0.2.8", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(allowed(&names, host, "192.0.2.7"), Some(expected), "{host}");
        }
    }
}

//! A hub's address, and the hosts that its files may come from.

use std::fmt;
use std::net::IpAddr;

use url::Url;

use crate::limits::ENDPOINT_BYTES_MAX;

/// Where the Hugging Face Hub is.
const PUBLIC: &str = "https://huggingface.co";
/// Its own hosts, and those of its CDN, all below these names.
const PUBLIC_HOSTS: [&str; 2] = ["huggingface.co", "hf.co"];

/// A hub's address: a host, and perhaps a path before the API's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A host that files may come from, besides the hub itself: a name or number, perhaps with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdnHost {
    host: String,
    port: Option<u16>,
}

/// Why a text is no address of a hub, or no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    /// Odd.
    #[error("this is no address of a hub: it looks like https://huggingface.co")]
    Odd,
    /// Neither `http` nor `https`.
    #[error("the hub's address must begin with https:// (http:// within your own network)")]
    Scheme,
    /// A name, password, query or fragment is in it.
    #[error("the hub's address must hold no user name, password, `?` or `#`")]
    Extra,
    /// No host.
    #[error("this is no host: it looks like cdn.example.com or cdn.example.com:8443")]
    Host,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// [`EndpointFault`].
    pub fn parse(text: &str) -> Result<Self, EndpointFault> {
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b));
        if text.len() > ENDPOINT_BYTES_MAX || !is_plain {
            return Err(EndpointFault::Odd);
        }
        let mut url = Url::parse(text).map_err(|_| EndpointFault::Odd)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointFault::Scheme);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointFault::Extra);
        }
        if !url.has_host() || url.path().contains("//") {
            return Err(EndpointFault::Odd);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The Hugging Face Hub.
    pub fn public() -> Self {
        Self::parse(PUBLIC).expect("it is an address")
    }

    /// The address of this path below it; `path` is encoded.
    pub(crate) fn join(&self, path: &str) -> Url {
        let text = format!("{}{path}", self.0.as_str().trim_end_matches('/'));
        Url::parse(&text).expect("an address with an encoded path is an address")
    }

    /// The page of a repository, for a person.
    pub(crate) fn page(&self, repo: &str) -> String {
        format!("{}/{repo}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether this is the hub itself: same scheme, host and port.
    pub(crate) fn is_same(&self, url: &Url) -> bool {
        let own = &self.0;
        url.scheme() == own.scheme()
            && url.host_str() == own.host_str()
            && url.port_or_known_default() == own.port_or_known_default()
    }

    /// Whether a token may go there: nobody on the way can read it.
    pub(crate) fn keeps_secrets(&self) -> bool {
        self.0.scheme() == "https" || self.is_loopback()
    }

    /// A number or name of this very computer.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or("").trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether a redirect to this address may be followed.
    pub(crate) fn may_follow(&self, url: &Url, cdn: &[CdnHost]) -> bool {
        if self.is_same(url) {
            return true;
        }
        let Some(host) = url.host_str() else { return false };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || (url.scheme() != "https" && self.0.scheme() == "https") {
            return false;
        }
        let named = cdn.iter().any(|cdn| cdn.is(host, url.port_or_known_default()));
        let public = url.scheme() == "https" && is_public_host(host);
        matches!(url.scheme(), "http" | "https") && (named || public)
    }
}

/// One of the public hub's own hosts, or below one.
pub(crate) fn is_public_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    PUBLIC_HOSTS.iter().any(|own| {
        host.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

impl CdnHost {
    /// Reads `host` or `host:port`.
    ///
    /// # Errors
    /// [`EndpointFault::Host`].
    pub fn parse(text: &str) -> Result<Self, EndpointFault> {
        let url = Url::parse(&format!("https://{text}")).map_err(|_| EndpointFault::Host)?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_user = !url.username().is_empty() || text.contains('@');
        match url.host_str() {
            Some(host) if plain && !has_user => {
                let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
                Ok(Self { host: host.to_owned(), port })
            }
            _ => Err(EndpointFault::Host),
        }
    }

    fn is(&self, host: &str, port: Option<u16>) -> bool {
        self.host.eq_ignore_ascii_case(host) && (self.port.is_none() || self.port == port)
    }
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointFault;

    fn from_str(text: &str) -> Result<Self, EndpointFault> {
        Self::parse(text)
    }
}

impl std::str::FromStr for CdnHost {
    type Err = EndpointFault;

    fn from_str(text: &str) -> Result<Self, EndpointFault> {
        Self::parse(text)
    }
}

impl<'de> serde::Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<'de> serde::Deserialize<'de> for CdnHost {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(from: &str, to: &str, cdn: &[&str]) -> bool {
        let cdn: Vec<CdnHost> = cdn.iter().map(|h| CdnHost::parse(h).expect("a host")).collect();
        let from = Endpoint::parse(from).expect("an address");
        from.may_follow(&Url::parse(to).expect("an address"), &cdn)
    }

    #[test]
    fn cat_f09_only_the_hub_and_its_cdn_are_followed() {
        let hub = "https://huggingface.co";
        for good in [
            "https://huggingface.co/api/resolve-cache/x",
            "https://cdn-lfs-us-1.hf.co/x?sig=1",
            "https://cas-bridge.xethub.hf.co/x",
        ] {
            assert!(follows(hub, good, &[]), "{good}");
        }
        for bad in [
            "https://evil.example/x",
            "https://evilhf.co/x",
            "https://hf.co.evil.example/x",
            "http://cdn-lfs.hf.co/x",
            "https://user@cdn-lfs.hf.co/x",
            "https://127.0.0.1/x",
            "ftp://hf.co/x",
        ] {
            assert!(!follows(hub, bad, &[]), "{bad}");
        }
        let mirror = "http://mirror.office:8080/hf";
        assert!(follows(mirror, "http://files.office:9000/x", &["files.office:9000"]));
        assert!(!follows(mirror, "http://files.office:9001/x", &["files.office:9000"]));
        assert!(follows(mirror, "http://files.office:9001/x", &["files.office"]));
        assert!(follows(mirror, "https://cdn-lfs.hf.co/x", &[]));
        assert!(!follows(mirror, "http://mirror.office:22/x", &[]));
    }

    #[test]
    fn addresses_of_hubs() {
        let joined = |text: &str| Endpoint::parse(text).expect("fine").join("/api/x").to_string();
        assert_eq!(joined("https://huggingface.co/"), "https://huggingface.co/api/x");
        assert_eq!(joined("http://10.0.0.1:80/hf/"), "http://10.0.0.1/hf/api/x");
        for (bad, fault) in [
            ("", EndpointFault::Odd),
            ("huggingface.co", EndpointFault::Odd),
            ("ftp://x/", EndpointFault::Scheme),
            ("https://a:b@x/", EndpointFault::Extra),
            ("https://x/?a", EndpointFault::Extra),
            ("https://x/a//b", EndpointFault::Odd),
            ("https://x\\y/", EndpointFault::Odd),
        ] {
            assert_eq!(Endpoint::parse(bad).err(), Some(fault), "{bad:?}");
        }
        let secret = |text: &str| Endpoint::parse(text).expect("fine").keeps_secrets();
        assert!(secret("https://x") && secret("http://127.0.0.1:1") && !secret("http://10.0.0.1"));
    }
}

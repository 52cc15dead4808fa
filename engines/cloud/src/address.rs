//! A provider's base address, and the addresses of its calls. One parser, strict: what is odd is refused.

use std::net::IpAddr;

use http::uri::{Authority, PathAndQuery, Scheme, Uri};

use crate::limits;

/// Why a text is no base address. A person reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseFault {
    /// It is empty, too long, or has characters that no address has.
    #[error("it is not an address like https://api.example.com/v1")]
    Odd,
    /// Neither `http` nor `https`.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// A name or password is in it.
    #[error("it must not hold a user name or password")]
    User,
    /// It has a query or a fragment.
    #[error("it must not have a `?` or `#`")]
    Query,
}

/// Where a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end.
    path: String,
}

impl Base {
    pub(crate) fn parse(text: &str) -> Result<Self, BaseFault> {
        if text.len() > limits::BASE_BYTES || !text.bytes().all(is_plain) {
            return Err(BaseFault::Odd);
        }
        if text.contains(['?', '#']) {
            return Err(BaseFault::Query);
        }
        if text.contains('@') {
            return Err(BaseFault::User);
        }
        let parts = text.parse::<Uri>().map_err(|_| BaseFault::Odd)?.into_parts();
        let scheme = parts.scheme.ok_or(BaseFault::Scheme)?;
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(BaseFault::Scheme);
        }
        let authority = parts.authority.ok_or(BaseFault::Odd)?;
        let has_port = authority.as_str().rsplit(']').next().is_some_and(|end| end.contains(':'));
        if authority.host().is_empty() || has_port != authority.port_u16().is_some() {
            return Err(BaseFault::Odd);
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let path = path.trim_end_matches('/').to_owned();
        if is_winding(&path) {
            return Err(BaseFault::Odd);
        }
        Ok(Self { scheme, authority, path })
    }

    /// The whole path of a call; none where it is not one.
    pub(crate) fn join(&self, path: &str) -> Option<String> {
        let plain = path.starts_with('/') && path.bytes().all(is_plain);
        let before_query = path.split('?').next().unwrap_or("");
        if !plain
            || path.contains('#')
            || path.len() > limits::PATH_BYTES
            || is_winding(before_query)
        {
            return None;
        }
        let mut whole = String::with_capacity(self.path.len() + path.len());
        whole.push_str(&self.path);
        whole.push_str(path);
        Some(whole)
    }

    /// Name or number, without brackets.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        let usual = if self.is_encrypted() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// What the header `host` says.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// On this computer.
    pub(crate) fn is_here(&self) -> bool {
        match self.host().parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host().eq_ignore_ascii_case("localhost"),
        }
    }

    /// On this computer, or at a private address: what is sent there stays in the house.
    pub(crate) fn is_near(&self) -> bool {
        match self.host().parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            Err(_) => self.host().eq_ignore_ascii_case("localhost"),
        }
    }
}

/// A character that may stand in an address.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}')
}

/// A path that goes elsewhere than it seems to.
fn is_winding(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c", "%00"].iter().any(|code| lower.contains(code));
    hidden || path.contains("//") || path.split('/').any(|part| part == ".." || part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_http_and_nothing_odd() {
        let good = [
            ("https://api.openai.com/v1", "api.openai.com", 443, "/v1/x"),
            ("https://api.openai.com/v1/", "api.openai.com", 443, "/v1/x"),
            ("https://api.anthropic.com", "api.anthropic.com", 443, "/x"),
            ("http://[::1]:8080", "::1", 8080, "/x"),
            ("HTTP://127.0.0.1/v1", "127.0.0.1", 80, "/v1/x"),
        ];
        for (text, host, port, path) in good {
            let base = Base::parse(text).expect(text);
            assert_eq!((base.host(), base.port()), (host, port));
            assert_eq!(base.join("/x").as_deref(), Some(path));
        }
        let bad = [
            ("", BaseFault::Odd),
            ("api.openai.com", BaseFault::Scheme),
            ("ftp://x/", BaseFault::Scheme),
            ("file:///etc/passwd", BaseFault::Odd),
            ("https://", BaseFault::Odd),
            ("https://user:pass@x/v1", BaseFault::User),
            ("https://x/v1?key=1", BaseFault::Query),
            ("https://x/v1#a", BaseFault::Query),
            ("https://x\\@10.0.0.1/", BaseFault::Odd),
            ("https://x/\n", BaseFault::Odd),
            ("https://x:99999/", BaseFault::Odd),
            ("https://x:/", BaseFault::Odd),
            ("https://x/a/../b", BaseFault::Odd),
            ("https://x/%2e%2e/b", BaseFault::Odd),
            ("https://bücher.example/v1", BaseFault::Odd),
        ];
        for (text, fault) in bad {
            assert_eq!(Base::parse(text).err(), Some(fault), "{text:?}");
        }
        assert!(Base::parse(&format!("https://x/{}", "a".repeat(600))).is_err());
    }

    #[test]
    fn a_call_stays_behind_the_base() {
        let base = Base::parse("https://x/v1").expect("an address");
        for bad in
            ["", "x", "@y/", "/../a", "/a//b", "/a b", "/a\r\nx: y", "/%2e%2e/a", "/a#b", "/ä"]
        {
            assert_eq!(base.join(bad), None, "{bad:?}");
        }
        let stream = base.join("/models/m:streamGenerateContent?alt=sse");
        assert_eq!(stream.as_deref(), Some("/v1/models/m:streamGenerateContent?alt=sse"));
    }

    #[test]
    fn near_is_this_computer_or_a_private_address() {
        let near = |text: &str| Base::parse(text).expect("an address").is_near();
        assert!(near("http://localhost:1") && near("http://127.0.0.1") && near("http://[::1]"));
        assert!(
            near("http://192.168.1.2:8000/v1")
                && near("http://10.1.2.3")
                && near("http://[fd00::1]")
        );
        assert!(
            !near("http://8.8.8.8") && !near("http://example.com") && !near("http://10.evil.com")
        );
    }
}

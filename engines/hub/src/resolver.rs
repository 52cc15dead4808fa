//! Names to addresses, and which of them the internet routes: a public hub is not in this network,
//! whatever a captive portal's or a hostile DNS says.

use std::net::IpAddr;

use async_trait::async_trait;

/// Looks names up.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of a host; none: it has none.
    async fn addresses(&self, host: &str) -> Vec<IpAddr>;
}

/// As the system does.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let found = tokio::net::lookup_host((host, 0)).await;
        found.into_iter().flatten().map(|address| address.ip()).collect()
    }
}

/// An address that the internet routes (IANA's special-purpose registries; RFC 6890).
pub(crate) fn is_global(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 240 || (a == 198 && (b == 18 || b == 19));
            !(ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_documentation()
                || shared
                || reserved)
        }
        IpAddr::V6(ip) => {
            // NAT64 (RFC 6052): what it stands for is what counts, where only IPv6 is spoken.
            let parts = ip.segments();
            if parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
                let [a, b] = parts[6].to_be_bytes();
                let [c, d] = parts[7].to_be_bytes();
                return is_global(IpAddr::from([a, b, c, d]));
            }
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || (parts[0] == 0x2001 && parts[1] == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_the_internet_routes() {
        let global = |text: &str| is_global(text.parse().expect("an address"));
        for good in
            ["8.8.8.8", "18.155.173.1", "2600:9000::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]
        {
            assert!(global(good), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2001:db8::1",
        ] {
            assert!(!global(bad), "{bad}");
        }
    }
}

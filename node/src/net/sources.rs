//! Addresses from which connections are begun: how many handshakes each has under way. A member's key
//! is known only afterwards; until then one address must not take the place of all others.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use super::limits::{HANDSHAKES_PER_SOURCE, SOURCES};

/// Shared by whoever counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Arc<Mutex<BTreeMap<IpAddr, u32>>>);

/// A handshake that counts for its address, until it is dropped.
#[derive(Debug)]
pub(crate) struct Handshake {
    sources: Sources,
    source: IpAddr,
}

/// Who has one IPv6 address has all of its network.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

impl Sources {
    /// Begins one; none if its address has too many.
    pub(crate) fn enter(&self, ip: IpAddr) -> Option<Handshake> {
        let source = source(ip);
        let mut all = self.lock();
        if all.len() >= SOURCES && !all.contains_key(&source) {
            return None;
        }
        let count = all.entry(source).or_default();
        if *count >= HANDSHAKES_PER_SOURCE {
            return None;
        }
        *count += 1;
        Some(Handshake { sources: self.clone(), source })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<IpAddr, u32>> {
        self.0.lock().expect("no code that holds this lock panics")
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut all = self.sources.lock();
        let left = all.get(&self.source).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            all.remove(&self.source);
        } else {
            all.insert(self.source, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_does_not_take_the_place_of_others() {
        let sources = Sources::default();
        let busy = ["10.0.0.1", "fd00::1", "fd00::ffff:1"];
        let held: Vec<_> = (0..1_000).flat_map(|n| sources.enter(ip(busy[n % 3]))).collect();
        assert_eq!(held.len(), 2 * HANDSHAKES_PER_SOURCE as usize, "one network of IPv6 is one");
        assert!(sources.enter(ip("::ffff:10.0.0.1")).is_none());
        for other in ["10.0.0.2", "fd00:0:0:1::1"] {
            assert!(sources.enter(ip(other)).is_some());
        }
        drop(held);
        assert!(sources.enter(ip("10.0.0.1")).is_some());
        assert!(sources.lock().is_empty());
    }

    #[test]
    fn the_table_is_bounded() {
        let sources = Sources::default();
        let of = |n: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(n));
        let held: Vec<_> = (0..10_000).filter_map(|n| sources.enter(of(n))).collect();
        assert_eq!((held.len(), sources.lock().len()), (SOURCES, SOURCES));
    }
}

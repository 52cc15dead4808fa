//! How many connections each source has: on a network, one computer must not take them all.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pumasi_protocol::pairing::Source;

/// Open connections by source; as many entries as there are connections at most.
#[derive(Debug)]
pub(super) struct Sources {
    open: Mutex<BTreeMap<Source, usize>>,
    most: usize,
}

impl Sources {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Source, usize>> {
        // The table stays whole even if a thread ended while it held the lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; none when its source has enough.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr) -> Option<Connected> {
        let source = Source::from(source);
        let mut open = self.open();
        let count = open.get(&source).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        open.insert(source, count + 1);
        Some(Connected { sources: Arc::clone(self), source })
    }
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    sources: Arc<Sources>,
    source: Source,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut open = self.sources.open();
        if let Some(count) = open.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_h43_a_source_has_its_share_and_gets_it_back() {
        let sources = Sources::new(2);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().expect("an address"));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        let first = sources.enter(one).expect("room");
        let second = sources.enter(mapped).expect("room");
        assert!(sources.enter(one).is_none(), "one computer, however it is written");
        assert!(sources.enter(other).is_some());
        drop(first);
        assert!(sources.enter(one).is_some());
        drop(second);
        assert!(sources.open().is_empty());
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let _held: Vec<_> =
            ["2001:db8::1", "2001:db8::2:1"].map(|text| sources.enter(ip(text))).into();
        assert!(sources.enter(ip("2001:db8::3")).is_none(), "one network of IPv6 is one source");
        assert!(sources.enter(ip("2001:db8:0:1::3")).is_some());
    }
}

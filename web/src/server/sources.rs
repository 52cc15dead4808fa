//! How many connections each source has: on a network, one computer must not take them all.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Open connections by source; as many entries as there are connections at most.
#[derive(Debug)]
pub(super) struct Sources {
    open: Mutex<BTreeMap<IpAddr, usize>>,
    most: usize,
}

impl Sources {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // The table stays whole even if a thread ended while it held the lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; none when its source has enough.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr) -> Option<Connected> {
        let source = source.to_canonical();
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
    source: IpAddr,
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
    }
}

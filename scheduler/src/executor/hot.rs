//! The prompt prefixes that lie in one model's KV cache, as far as this node remembers: the latest
//! ones, bounded.

use std::collections::BTreeMap;

use pumasi_protocol::limits;

/// Prefix hashes by last use.
#[derive(Debug, Clone, Default)]
pub(super) struct HotPrefixes {
    used: BTreeMap<u64, u64>,
    by_use: BTreeMap<u64, u64>,
    uses: u64,
}

impl HotPrefixes {
    /// Remembers the prefixes of a prompt that was read.
    pub(super) fn add(&mut self, prefix: &[u64]) {
        for hash in prefix {
            self.uses += 1;
            if let Some(before) = self.used.insert(*hash, self.uses) {
                self.by_use.remove(&before);
            }
            self.by_use.insert(self.uses, *hash);
        }
        while self.used.len() > limits::ADVERT_PREFIXES {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            self.used.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, hash: u64) -> bool {
        self.used.contains_key(&hash)
    }

    /// All of them, latest first.
    pub(super) fn latest(&self) -> impl Iterator<Item = u64> {
        self.by_use.values().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_prefixes_are_kept_and_listed_first() {
        let mut hot = HotPrefixes::default();
        let count = limits::ADVERT_PREFIXES as u64;
        hot.add(&(0..count).collect::<Vec<_>>());
        hot.add(&[0]);
        hot.add(&[count]);
        assert!(hot.contains(0) && hot.contains(count) && !hot.contains(1));
        assert_eq!(hot.latest().take(2).collect::<Vec<_>>(), [count, 0]);
        assert_eq!(hot.latest().count(), limits::ADVERT_PREFIXES);
    }
}

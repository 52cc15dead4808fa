//! The prompt prefixes that lie in one model's KV cache, as far as this node remembers: the latest
//! ones, bounded. An advert has room for a few of them only, and gets some of each prompt.

use std::collections::BTreeMap;

use crate::limits;

/// Prefix hashes by last use, each with how many shorter ones its prompt has.
#[derive(Debug, Clone, Default)]
pub(super) struct HotPrefixes {
    used: BTreeMap<u64, u64>,
    by_use: BTreeMap<u64, (u64, usize)>,
    uses: u64,
}

impl HotPrefixes {
    /// Remembers the prefixes of a prompt that was read.
    pub(super) fn add(&mut self, prefix: &[u64]) {
        for (depth, hash) in prefix.iter().enumerate() {
            self.uses += 1;
            if let Some(before) = self.used.insert(*hash, self.uses) {
                self.by_use.remove(&before);
            }
            self.by_use.insert(self.uses, (*hash, depth));
        }
        while self.used.len() > limits::HOT_PREFIXES {
            let Some((_, (oldest, _))) = self.by_use.pop_first() else { return };
            self.used.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, hash: u64) -> bool {
        self.used.contains_key(&hash)
    }

    /// About `room` of them, latest first: of each prompt every second, fourth, … prefix, because
    /// the longest one that a prompt shares says more than all shorter ones.
    pub(super) fn thinned(&self, room: usize) -> impl Iterator<Item = u64> {
        let stride = self.used.len().div_ceil(room.max(1)).next_power_of_two();
        let latest = self.by_use.values().rev();
        latest.filter(move |(_, depth)| (depth + 1) % stride == 0).map(|(hash, _)| *hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_prefixes_are_kept_and_listed_first() {
        let mut hot = HotPrefixes::default();
        let count = limits::HOT_PREFIXES as u64;
        hot.add(&(0..count).collect::<Vec<_>>());
        hot.add(&[0]);
        hot.add(&[count]);
        assert!(hot.contains(0) && hot.contains(count) && !hot.contains(1));
        let all: Vec<u64> = hot.thinned(limits::HOT_PREFIXES).collect();
        assert_eq!(all[..2], [count, 0]);
        assert_eq!(all.len(), limits::HOT_PREFIXES);
    }

    #[test]
    fn where_there_is_little_room_each_prompt_has_a_share_of_it() {
        let mut hot = HotPrefixes::default();
        hot.add(&[10, 11, 12, 13, 14]);
        hot.add(&[20, 21, 22, 23]);
        assert_eq!(hot.thinned(5).collect::<Vec<_>>(), [23, 21, 13, 11]);
        assert_eq!(hot.thinned(3).collect::<Vec<_>>(), [23, 13]);
    }
}

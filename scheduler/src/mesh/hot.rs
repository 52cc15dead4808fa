//! Which nodes advertise which prompt prefixes, by prefix: what a prompt shares with the caches of all
//! nodes is found without looking at each node.

use pumasi_protocol::Need;

use crate::sketch::token_shares;

/// Buckets of the index: a few dozen entries in each in a mesh of a few hundred nodes.
const BUCKETS: usize = 4_096;

/// A prefix's hash and the slot of a node that advertises it, in one word: 48 bits of the hash are
/// enough for a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    fn new(hash: u64, slot: u16) -> Self {
        Self(hash << 16 | u64::from(slot))
    }

    fn slot_of(self, hash: u64) -> Option<u16> {
        let slot = (self.0 & u64::from(u16::MAX)) as u16;
        (self == Self::new(hash, slot)).then_some(slot)
    }
}

/// Prefix hashes with the slots of the nodes that advertise them, in buckets by hash: adding or
/// finding one touches one short list.
#[derive(Debug, Clone, Default)]
pub(super) struct HotIndex {
    /// None before the first prefix.
    buckets: Vec<Vec<Entry>>,
}

/// Tokens of one prompt that lie in the caches of other nodes.
#[derive(Debug)]
pub(super) struct Cached {
    by_slot: Vec<u32>,
}

impl Cached {
    fn raise(&mut self, slot: u16, tokens: u32) {
        let slot = usize::from(slot);
        if self.by_slot.len() <= slot {
            self.by_slot.resize(slot + 1, 0);
        }
        self.by_slot[slot] = tokens.max(self.by_slot[slot]);
    }

    /// Of the node in `slot`.
    pub(super) fn tokens(&self, slot: u16) -> u32 {
        self.by_slot.get(usize::from(slot)).copied().unwrap_or(0)
    }
}

impl HotIndex {
    /// The node in `slot` advertises `new` where it advertised `old`.
    pub(super) fn change(&mut self, slot: u16, old: &[u64], new: &[u64]) {
        if old == new {
            return;
        }
        let (old_sorted, new_sorted) = (sorted(old), sorted(new));
        for hash in missing(&old_sorted, &new_sorted) {
            self.remove(slot, hash);
        }
        for hash in missing(&new_sorted, &old_sorted) {
            self.add(slot, hash);
        }
    }

    /// One more; false: it was there.
    pub(super) fn add(&mut self, slot: u16, hash: u64) -> bool {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Vec::new());
        }
        let (entry, bucket) = (Entry::new(hash, slot), &mut self.buckets[bucket_of(hash)]);
        let is_new = !bucket.contains(&entry);
        if is_new {
            bucket.push(entry);
        }
        is_new
    }

    pub(super) fn remove(&mut self, slot: u16, hash: u64) {
        let Some(bucket) = self.buckets.get_mut(bucket_of(hash)) else { return };
        let entry = Entry::new(hash, slot);
        if let Some(place) = bucket.iter().position(|other| *other == entry) {
            bucket.swap_remove(place);
        }
    }

    /// What of a prompt lies where: for each node, the share of the longest prefix that it has.
    pub(super) fn cached(&self, need: &Need) -> Cached {
        let mut cached = Cached { by_slot: Vec::new() };
        if self.buckets.is_empty() || need.prefix.is_empty() {
            return cached;
        }
        let shares = token_shares(need.prefix.len(), need.prompt_tokens);
        for (hash, tokens) in need.prefix.iter().zip(shares).rev() {
            let bucket = &self.buckets[bucket_of(*hash)];
            for slot in bucket.iter().filter_map(|entry| entry.slot_of(*hash)) {
                cached.raise(slot, tokens);
            }
        }
        cached
    }
}

fn bucket_of(hash: u64) -> usize {
    (hash % BUCKETS as u64) as usize
}

fn sorted(hashes: &[u64]) -> Vec<u64> {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    sorted
}

/// Those of `these` that are not among `those`; both sorted.
fn missing<'a>(these: &'a [u64], those: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
    let mut those = those.iter().peekable();
    these.iter().copied().filter(move |hash| {
        while those.next_if(|other| *other < hash).is_some() {}
        those.peek() != Some(&hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(index: &HotIndex, hash: u64) -> Vec<u16> {
        let bucket = &index.buckets[bucket_of(hash)];
        bucket.iter().filter_map(|entry| entry.slot_of(hash)).collect()
    }

    #[test]
    fn changes_leave_what_is_advertised_and_nothing_else() {
        let mut index = HotIndex::default();
        let (a, b) = (4, 9);
        index.change(a, &[], &[5, 1, 3, 3]);
        index.change(b, &[], &[3]);
        index.change(a, &[5, 1, 3, 3], &[1, 7]);
        assert_eq!(
            [1, 3, 5, 7].map(|hash| slots(&index, hash)),
            [vec![a], vec![b], vec![], vec![a]]
        );
        index.change(a, &[1, 7], &[]);
        assert_eq!(index.buckets.iter().flatten().count(), 1);
    }
}

//! Which nodes advertise which prompt prefixes, by prefix: what a prompt shares with the caches of all
//! nodes is found without looking at each node.

use std::collections::BTreeSet;

use pumasi_protocol::Need;

use crate::sketch::token_shares;

/// Prefix hashes with the slots of the nodes that advertise them. Nodes have slots, small numbers
/// that are used again, because ids are long.
#[derive(Debug, Clone, Default)]
pub(super) struct HotIndex {
    by_hash: BTreeSet<(u64, u16)>,
    free: Vec<u16>,
    slots: u16,
}

/// Tokens of one prompt that lie in the caches of other nodes.
#[derive(Debug)]
pub(super) struct Cached {
    by_slot: Vec<u32>,
}

impl Cached {
    /// Of the node in `slot`.
    pub(super) fn tokens(&self, slot: u16) -> u32 {
        self.by_slot.get(usize::from(slot)).copied().unwrap_or(0)
    }
}

impl HotIndex {
    /// A slot for a node.
    pub(super) fn enter(&mut self) -> u16 {
        self.free.pop().unwrap_or_else(|| {
            self.slots = self.slots.checked_add(1).expect("nodes are bounded far below 65,536");
            self.slots - 1
        })
    }

    /// Gives a slot back; its node's prefixes are to be removed before.
    pub(super) fn leave(&mut self, slot: u16) {
        self.free.push(slot);
    }

    /// The node in `slot` advertises `new` where it advertised `old`.
    pub(super) fn change(&mut self, slot: u16, old: &[u64], new: &[u64]) {
        if old == new {
            return;
        }
        let (old, new) = (sorted(old), sorted(new));
        for hash in missing(&old, &new) {
            self.by_hash.remove(&(hash, slot));
        }
        for hash in missing(&new, &old) {
            self.by_hash.insert((hash, slot));
        }
    }

    /// One more; false: it was there.
    pub(super) fn add(&mut self, slot: u16, hash: u64) -> bool {
        self.by_hash.insert((hash, slot))
    }

    pub(super) fn remove(&mut self, slot: u16, hash: u64) {
        self.by_hash.remove(&(hash, slot));
    }

    /// What of a prompt lies where: for each node, the share of the longest prefix that it has.
    pub(super) fn cached(&self, need: &Need) -> Cached {
        let mut cached = Cached { by_slot: Vec::new() };
        if self.by_hash.is_empty() || need.prefix.is_empty() {
            return cached;
        }
        let shares = token_shares(need.prefix.len(), need.prompt_tokens);
        for (hash, tokens) in need.prefix.iter().zip(shares).rev() {
            for (_, slot) in self.by_hash.range((*hash, 0)..=(*hash, u16::MAX)) {
                if cached.by_slot.is_empty() {
                    cached.by_slot.resize(usize::from(self.slots), 0);
                }
                let known = &mut cached.by_slot[usize::from(*slot)];
                *known = tokens.max(*known);
            }
        }
        cached
    }
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

    #[test]
    fn changes_leave_what_is_advertised_and_nothing_else() {
        let mut index = HotIndex::default();
        let (a, b) = (index.enter(), index.enter());
        index.change(a, &[], &[5, 1, 3, 3]);
        index.change(b, &[], &[3]);
        index.change(a, &[5, 1, 3, 3], &[1, 7]);
        assert_eq!(index.by_hash.iter().copied().collect::<Vec<_>>(), [(1, a), (3, b), (7, a)]);
        index.change(a, &[1, 7], &[]);
        index.leave(a);
        assert_eq!(index.by_hash.len(), 1);
        assert_eq!(index.enter(), a);
    }
}

//! A cache of prompt blocks: of the blocks it holds, the longest unused goes first. Knows nothing of
//! jobs.

use std::collections::{BTreeMap, VecDeque};

/// Tokens of one block, as in the traces that name blocks.
pub(super) const TOKENS_PER_BLOCK: usize = 512;

/// Blocks by last use.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    room: usize,
    used: BTreeMap<u64, u64>,
    /// All uses, the earliest first; one that is not a block's latest is skipped.
    by_use: VecDeque<(u64, u64)>,
    uses: u64,
}

impl Blocks {
    /// An empty one with room for so many blocks.
    pub(super) fn new(room: usize) -> Self {
        Self { room, used: BTreeMap::new(), by_use: VecDeque::new(), uses: 0 }
    }

    /// Blocks at the beginning of a prompt that are held.
    pub(super) fn held(&self, prompt: &[u64]) -> usize {
        prompt.iter().take_while(|block| self.used.contains_key(block)).count()
    }

    /// Takes all blocks of a prompt that is read.
    pub(super) fn add(&mut self, prompt: &[u64]) {
        for block in prompt {
            self.uses += 1;
            self.used.insert(*block, self.uses);
            self.by_use.push_back((*block, self.uses));
        }
        while self.used.len() > self.room {
            let Some((block, use_)) = self.by_use.pop_front() else { return };
            if self.used.get(&block) == Some(&use_) {
                self.used.remove(&block);
            }
        }
    }

    /// Its model is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_block_goes_first() {
        let mut blocks = Blocks::new(3);
        blocks.add(&[1, 2, 3]);
        blocks.add(&[1]);
        blocks.add(&[4]);
        assert_eq!(blocks.held(&[1, 3, 4]), 3);
        assert_eq!(blocks.held(&[2]), 0);
        blocks.clear();
        assert_eq!(blocks.held(&[1]), 0);
    }
}

//! Which chunk groups of a file are there: one bit for each.

use std::ops::Range;

/// A set of chunk groups of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    words: Vec<u64>,
    total: u64,
    held: u64,
}

impl Groups {
    /// The empty set for a file of so many groups.
    pub fn none(total: u64) -> Self {
        let words = usize::try_from(total.div_ceil(64)).expect("a file's groups fit into memory");
        Self { words: vec![0; words], total, held: 0 }
    }

    /// The full set for a file of so many groups.
    pub fn all(total: u64) -> Self {
        let mut groups = Self::none(total);
        groups.insert(0..total);
        groups
    }

    /// Groups of the whole file.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Groups in the set.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.held == self.total
    }

    /// Whether a group is in the set.
    pub fn contains(&self, group: u64) -> bool {
        group < self.total && self.words[(group / 64) as usize] >> (group % 64) & 1 == 1
    }

    /// Whether all of these are in the set.
    pub fn covers(&self, mut groups: Range<u64>) -> bool {
        let is_word = groups.start.is_multiple_of(64) && groups.end == groups.start + 64;
        match self.words.get((groups.start / 64) as usize) {
            Some(word) if is_word => *word == u64::MAX,
            Some(_) | None => groups.all(|group| self.contains(group)),
        }
    }

    /// Adds groups; those beyond the file's end are left out.
    pub fn insert(&mut self, groups: Range<u64>) {
        for group in groups.start..groups.end.min(self.total) {
            let (word, bit) = (&mut self.words[(group / 64) as usize], 1 << (group % 64));
            self.held += u64::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// The first run of groups in `within` that are missing.
    pub fn first_gap(&self, within: Range<u64>) -> Option<Range<u64>> {
        let within = within.start..within.end.min(self.total);
        let start = within.clone().find(|group| !self.contains(*group))?;
        let end = (start..within.end).find(|group| self.contains(*group)).unwrap_or(within.end);
        Some(start..end)
    }
}

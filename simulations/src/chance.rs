//! Reproducible randomness: a stream for generating scenarios, and hashes for single decisions.

/// Spreads one number over 64 bits (the output function of `SplitMix64`).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One number for a tuple of numbers.
pub(crate) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, part| mix(sum ^ mix(*part)))
}

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `low..=high`.
    pub(crate) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % length.max(1) as u64).expect("below a usize")
    }

    /// True in `permille` of 1,000 cases.
    pub(crate) fn one_in(&mut self, permille: u64) -> bool {
        self.next() % 1_000 < permille
    }
}

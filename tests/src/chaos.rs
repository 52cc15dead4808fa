//! Faults on a schedule: a seeded generator, and the record of what was done when, which a failing test
//! prints so that the run can be told again.

use std::time::{Duration, Instant};

/// Numbers from a seed (splitmix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    /// Whether something happens that happens `permille` times in a thousand.
    pub fn happens(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}

/// What was done to whom, and when. Printed when the test that made it fails.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    began: Instant,
    done: Vec<(Duration, String)>,
}

impl Faults {
    /// The record of a run with this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, began: Instant::now(), done: Vec::new() }
    }

    /// Something was done at this moment.
    pub fn note(&mut self, what: impl Into<String>) {
        self.done.push((self.began.elapsed(), what.into()));
    }
}

/// Lines of the record that a failure shows.
const SHOWN: usize = 60;

impl Drop for Faults {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let from = self.done.len().saturating_sub(SHOWN);
        #[expect(clippy::print_stderr, reason = "the runner shows it with the failure")]
        {
            eprintln!("--- faults of seed {}, {from} earlier ones left out", self.seed);
            for (at, what) in &self.done[from..] {
                eprintln!("{:>9.3} s  {what}", at.as_secs_f64());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let numbers = |seed| {
            let mut dice = Dice::new(seed);
            (0..9).map(|_| dice.below(100)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        let mut dice = Dice::new(3);
        assert_eq!((0..1_000).filter(|_| dice.happens(0)).count(), 0);
        assert_eq!((0..1_000).filter(|_| dice.happens(1_000)).count(), 1_000);
    }
}

//! How often a guess is what the sampler then draws, by how long the text has been like its earlier
//! place. Counted for every guess, also for those that were never computed as drafts: that costs
//! nothing, and says beforehand whether drafts would be kept.

use crate::limits::STREAK_LONGEST;

/// Streaks from this length on are counted together, up to the next.
const FROM: [usize; 6] = [0, 4, 6, 9, 16, STREAK_LONGEST];

/// Before anything was counted (guesses; twenty guesses outweigh them).
const PRIOR: [f32; 6] = [0.3, 0.5, 0.65, 0.8, 0.9, 0.95];

/// What a count weighs after the next one: about the last fifty matter.
const KEEP: f32 = 0.98;

/// Counts that a request begins with, however many were counted for others.
const INHERITED: f32 = 6.0;

#[derive(Debug, Clone, Copy)]
struct Count {
    kept: f32,
    all: f32,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Odds {
    counts: [Count; FROM.len()],
}

impl Default for Odds {
    fn default() -> Self {
        Self { counts: PRIOR.map(|share| Count { kept: share * INHERITED, all: INHERITED }) }
    }
}

fn class(streak: usize) -> usize {
    FROM.iter().rposition(|from| *from <= streak).expect("the first class begins at none")
}

impl Odds {
    /// A guess after a streak of this length was kept, or not.
    pub(crate) fn record(&mut self, streak: usize, kept: bool) {
        let count = &mut self.counts[class(streak)];
        count.all = count.all * KEEP + 1.0;
        count.kept = count.kept * KEEP + if kept { 1.0 } else { 0.0 };
    }

    /// The chance that the next guess is kept.
    pub(crate) fn of(&self, streak: usize) -> f64 {
        let count = self.counts[class(streak)];
        f64::from(count.kept / count.all)
    }

    /// What a new request expects: the same odds, which its own guesses soon outweigh.
    pub(crate) fn inherited(&self) -> Self {
        let counts = self.counts.map(|count| {
            let weight = count.all.min(INHERITED) / count.all;
            Count { kept: count.kept * weight, all: count.all * weight }
        });
        Self { counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_outweighs_what_was_assumed() {
        let mut odds = Odds::default();
        assert!(odds.of(40) > 0.9 && odds.of(3) < 0.4);
        (0..40).for_each(|_| odds.record(40, false));
        (0..40).for_each(|_| odds.record(3, true));
        assert!(odds.of(40) < 0.15 && odds.of(3) > 0.85, "{odds:?}");
    }

    #[test]
    fn a_request_inherits_the_odds_and_learns_its_own_faster() {
        let mut odds = Odds::default();
        (0..500).for_each(|_| odds.record(10, false));
        let mut own = odds.inherited();
        assert!((own.of(10) - odds.of(10)).abs() < 0.01);
        (0..12).for_each(|_| {
            own.record(10, true);
            odds.record(10, true);
        });
        assert!(own.of(10) > 0.6 && odds.of(10) < 0.35, "{} {}", own.of(10), odds.of(10));
    }
}

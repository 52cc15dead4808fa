//! A bucket of tokens: so many a second, and a number saved up. Pure; time is passed in.

use std::time::{Duration, Instant};

/// How much of something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// In the long run, per second.
    pub(crate) per_s: u32,
    /// At once, after a time of silence.
    pub(crate) burst: u32,
}

/// Tokens are counted in thousandths, so that a millisecond adds a whole number of them.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    rate: Rate,
    left: u64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: u64::from(rate.burst) * 1_000, at: now }
    }

    /// Takes tokens; false, and nothing is taken, if there are not as many.
    pub(crate) fn take(&mut self, cost: u32, now: Instant) -> bool {
        self.fill(now);
        let left = self.left.checked_sub(u64::from(cost) * 1_000);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn fill(&mut self, now: Instant) {
        let ms = now.saturating_duration_since(self.at).as_millis();
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        let more = ms.saturating_mul(u64::from(self.rate.per_s));
        let full = u64::from(self.rate.burst) * 1_000;
        self.left = self.left.saturating_add(more).min(full);
        // What is left of a millisecond counts next time.
        self.at += Duration::from_millis(ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_up_goes_at_once_and_the_rest_at_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_s: 100, burst: 30 }, start);
        let taken = |bucket: &mut Bucket, now| (0..1_000).filter(|_| bucket.take(1, now)).count();
        assert_eq!(taken(&mut bucket, start), 30);
        let mut later = 0;
        for ms in 1..=1_000 {
            later += taken(&mut bucket, start + Duration::from_millis(ms));
        }
        assert_eq!(later, 100);
        let long = start + Duration::from_secs(60 * 60 * 24 * 365 * 100);
        assert_eq!(taken(&mut bucket, long), 30);
    }

    #[test]
    fn more_than_it_holds_is_never_given_and_costs_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Rate { per_s: 1, burst: 5 }, now);
        assert!(!bucket.take(6, now));
        assert!(!bucket.take(u32::MAX, now));
        assert!(bucket.take(5, now));
    }
}

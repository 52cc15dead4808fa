//! How often one provider may be asked again for what it failed to answer: a share of the requests, and a
//! few besides. Without such a bound, tries again would keep down a provider that fails under its load.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::policy::Routing;

/// In which the few besides are to be had once more.
const BURST_TIME: Duration = Duration::from_secs(60);
/// Parts of one try again: hundredths, because the share is in percent.
const WHOLE: u64 = 100;

/// One provider's.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Requests so far.
    asked: AtomicU64,
    bucket: Mutex<Option<Bucket>>,
}

/// What is left, in hundredths of a try.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    /// Requests that are counted in.
    asked: u64,
    at: Instant,
}

impl Budget {
    /// It was asked for the first time by a request.
    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// Takes one try again, if one is left.
    pub(super) fn take(&self, rules: &Routing, now: Instant) -> bool {
        let asked = self.asked.load(Relaxed);
        // Replaced as a whole.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let full = u64::from(rules.retry_burst) * WHOLE;
        let mut next = match *bucket {
            None => Bucket { left: full, asked, at: now },
            Some(before) => before.filled(rules, asked, now),
        };
        // Where the burst is none, the share alone adds up to one.
        let share = if rules.retry_percent > 0 { WHOLE } else { 0 };
        next.left = next.left.min(full.max(share));
        let may = next.left >= WHOLE;
        if may {
            next.left -= WHOLE;
        }
        *bucket = Some(next);
        may
    }
}

impl Bucket {
    fn filled(self, rules: &Routing, asked: u64, now: Instant) -> Self {
        let share = asked.saturating_sub(self.asked).saturating_mul(rules.retry_percent.into());
        let time = now.saturating_duration_since(self.at);
        let full = u64::from(rules.retry_burst) * WHOLE;
        let burst = BURST_TIME.as_millis();
        let besides = u128::from(full) * time.min(BURST_TIME).as_millis() / burst;
        // Parts that are not whole yet are not lost: their time counts on.
        let at = if besides == 0 { self.at } else { now };
        let besides = u64::try_from(besides).unwrap_or(full);
        Self { left: self.left.saturating_add(share).saturating_add(besides), asked, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget, rules: &Routing, now: Instant) -> usize {
        (0..1_000).take_while(|_| budget.take(rules, now)).count()
    }

    #[test]
    fn a_burst_and_then_a_share_of_the_requests() {
        let rules = Routing { retry_percent: 10, retry_burst: 10, ..Routing::default() };
        let (budget, now) = (Budget::default(), Instant::now());
        assert_eq!(taken(&budget, &rules, now), 10);
        (0..50).for_each(|_| budget.asked());
        assert_eq!(taken(&budget, &rules, now), 5);
        (0..9).for_each(|_| budget.asked());
        assert_eq!(taken(&budget, &rules, now), 0);
        budget.asked();
        assert_eq!(taken(&budget, &rules, now), 1, "nine and one are ten");
        (0..100_000).for_each(|_| budget.asked());
        assert_eq!(taken(&budget, &rules, now), 10, "what is not used is not saved up");
    }

    #[test]
    fn the_burst_comes_back_within_a_minute() {
        let rules = Routing { retry_percent: 0, retry_burst: 6, ..Routing::default() };
        let (budget, began) = (Budget::default(), Instant::now());
        assert_eq!(taken(&budget, &rules, began), 6);
        assert_eq!(taken(&budget, &rules, began + Duration::from_secs(9)), 0);
        assert_eq!(taken(&budget, &rules, began + Duration::from_secs(10)), 1);
        assert_eq!(taken(&budget, &rules, began + Duration::from_secs(600)), 6);
    }

    #[test]
    fn nothing_is_nothing() {
        let rules = Routing { retry_percent: 0, retry_burst: 0, ..Routing::default() };
        let budget = Budget::default();
        (0..1_000).for_each(|_| budget.asked());
        assert_eq!(taken(&budget, &rules, Instant::now()), 0);
    }
}

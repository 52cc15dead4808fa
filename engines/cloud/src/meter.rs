//! Times, counted without locks: a histogram with fixed bounds, and a mean that forgets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of a histogram's buckets; the last bucket has none.
pub const BOUNDS: [Duration; 18] = [
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Weight of a new time in the mean: one in this many.
const SHARE: u64 = 8;

/// Counts times.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
    /// In microseconds, plus one; 0 before the first.
    mean_us: AtomicU64,
}

impl Meter {
    pub(crate) fn count(&self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < time);
        self.buckets[bucket].fetch_add(1, Relaxed);
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(u64::MAX / 2);
        self.sum_us.fetch_add(us, Relaxed);
        // Two at once may lose one of them: it is a mean.
        let mean = match self.mean_us.load(Relaxed) {
            0 => us,
            mean => {
                let mean = mean - 1;
                mean - mean / SHARE + us / SHARE
            }
        };
        self.mean_us.store(mean.saturating_add(1), Relaxed);
    }

    /// The mean of the latest; none before the first.
    pub(crate) fn mean(&self) -> Option<Duration> {
        self.mean_us.load(Relaxed).checked_sub(1).map(Duration::from_micros)
    }

    /// Below which this share of all times lies, in percent, as exactly as the buckets tell; none where
    /// there are fewer than `least`, or where it lies above all bounds.
    pub(crate) fn quantile(&self, percent: u64, least: u64) -> Option<Duration> {
        let counts = self.buckets.each_ref().map(|bucket| bucket.load(Relaxed));
        let all: u64 = counts.iter().sum();
        let wanted = all.saturating_mul(percent).div_ceil(100);
        let mut below = 0;
        let reached = counts.iter().position(|count| {
            below += count;
            below >= wanted
        });
        BOUNDS.get(reached?).copied().filter(|_| all >= least)
    }

    pub(crate) fn timing(&self) -> Timing {
        Timing {
            buckets: self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(),
            sum: Duration::from_micros(self.sum_us.load(Relaxed)),
            mean: self.mean(),
        }
    }
}

/// Times as they were counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How many fell into each bucket: up to each of [`BOUNDS`], and above the last.
    pub buckets: Vec<u64>,
    /// All of them together.
    pub sum: Duration,
    /// The mean of the latest, each new one weighing an eighth; none before the first.
    pub mean: Option<Duration>,
}

impl Timing {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_buckets_and_the_mean_follows_them() {
        let meter = Meter::default();
        assert_eq!((meter.timing().mean, meter.timing().count()), (None, 0));
        meter.count(Duration::ZERO);
        assert_eq!(meter.timing().mean, Some(Duration::ZERO));
        meter.count(Duration::from_millis(1));
        meter.count(Duration::from_secs(61));
        let timing = meter.timing();
        let filled: Vec<usize> = (0..19).filter(|place| timing.buckets[*place] > 0).collect();
        assert_eq!(filled, [0, 3, 18]);
        assert_eq!(timing.sum, Duration::from_millis(61_001));
        for _ in 0..100 {
            meter.count(Duration::from_millis(10));
        }
        let mean = meter.timing().mean.expect("a mean");
        assert!(mean < Duration::from_millis(11) && mean > Duration::from_millis(9), "{mean:?}");
    }

    #[test]
    fn most_times_lie_below_the_quantile() {
        let meter = Meter::default();
        (0..19).for_each(|_| meter.count(Duration::from_millis(3)));
        assert_eq!(meter.quantile(95, 20), None, "too few to tell");
        meter.count(Duration::from_secs(2));
        assert_eq!(meter.quantile(95, 20), Some(Duration::from_millis(5)));
        assert_eq!(meter.quantile(96, 20), Some(Duration::from_millis(2_500)));
        (0..20).for_each(|_| meter.count(Duration::from_secs(100)));
        assert_eq!(meter.quantile(95, 20), None, "above all bounds");
    }
}

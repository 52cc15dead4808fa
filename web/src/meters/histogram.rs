//! Times in buckets with fixed bounds.

use std::time::Duration;

/// Upper bounds of the buckets; the last bucket has none. From the gap of a fast engine's tokens to a
/// long answer (guess: 1, 2.5, 5 of each power of ten, as Prometheus's own clients have it).
pub const BOUNDS: [Duration; 20] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
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
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// Buckets of a histogram.
pub(super) const BUCKETS: usize = BOUNDS.len() + 1;

/// Times, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many fell into each bucket: up to each of [`BOUNDS`], and above the last.
    pub buckets: [u64; BUCKETS],
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// Counts a time.
    pub fn count(&mut self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < time);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// Takes another one in.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
    }

    /// What came since `before`, an earlier state of the same histogram.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut since = self.clone();
        for (count, before) in since.buckets.iter_mut().zip(before.buckets) {
            *count = count.saturating_sub(before);
        }
        since.sum_us = since.sum_us.saturating_sub(before.sum_us);
        since
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The time within which this share of them fell (0.5: the median), even within its bucket; none if
    /// there are none. Above the last bound, the last bound.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let total = self.total();
        let wanted = total as f64 * share;
        let (mut below, mut lower) = (0_u64, Duration::ZERO);
        for (count, upper) in self.buckets.iter().zip(BOUNDS) {
            if *count > 0 && (below + count) as f64 >= wanted {
                let part = ((wanted - below as f64) / *count as f64).clamp(0.0, 1.0);
                return Some(lower + (upper - lower).mul_f64(part));
            }
            below += count;
            lower = upper;
        }
        (total > 0).then_some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_buckets_and_quantiles_are_read_from_them() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for ms in [1, 1, 2, 400] {
            histogram.count(Duration::from_millis(ms));
        }
        assert_eq!(histogram.buckets[3..5], [2, 1]);
        assert_eq!((histogram.total(), histogram.sum_us), (4, 404_000));
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_millis(1)));
        let p99 = histogram.quantile(0.99).expect("there are some");
        assert!(p99 > Duration::from_millis(480) && p99 <= Duration::from_millis(500), "{p99:?}");
        let before = histogram.clone();
        histogram.count(Duration::from_secs(1_000));
        let since = histogram.since(&before);
        assert_eq!((since.total(), since.quantile(0.5)), (1, Some(Duration::from_secs(300))));
    }
}

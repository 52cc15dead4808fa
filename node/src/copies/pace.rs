//! How fast this computer sends models to others, all of them together.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What may be sent at once after a silence, as time at the full rate.
const BURST: Duration = Duration::from_millis(100);

/// Shared by all that send. Without a rate, nobody waits.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Bytes a second.
    rate: Option<u64>,
    /// Until when the rate is spoken for.
    spoken_for: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many bytes a second.
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { rate: rate.map(|rate| rate.max(1)), spoken_for: Mutex::default() }
    }

    /// Waits until so many bytes may be sent.
    pub(crate) fn wait(&self, bytes: u64) {
        let Some(rate) = self.rate else { return };
        let now = Instant::now();
        let turn = self.take(bytes, rate, now);
        std::thread::sleep(turn.saturating_duration_since(now));
    }

    /// When they may be sent, which is then spoken for.
    fn take(&self, bytes: u64, rate: u64, now: Instant) -> Instant {
        let mut spoken_for = self.spoken_for.lock().expect("no code that holds this lock panics");
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let turn = spoken_for.unwrap_or(earliest).max(earliest);
        *spoken_for = Some(turn + Duration::from_micros(bytes.saturating_mul(1_000_000) / rate));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_long_run_no_more_is_sent_than_the_rate() {
        let (rate, piece) = (10_000_000, 1 << 20);
        let pace = Pace::new(Some(rate));
        let start = Instant::now();
        let mut now = start;
        for _ in 0..1_000 {
            now = now.max(pace.take(piece, rate, now));
        }
        let took = now.duration_since(start).as_secs_f64();
        let due = 999.0 * piece as f64 / rate as f64;
        assert!((due - 0.2..due + 0.2).contains(&took), "{took} s instead of {due}");
        let later = now + Duration::from_secs(1_000);
        pace.take(piece, rate, later);
        pace.take(piece, rate, later);
        assert!(pace.take(piece, rate, later) > later, "a long silence is not saved up");
    }
}

//! How fast bytes come, smoothed over some seconds; pure.

use std::time::Duration;

/// Weight of the past after one second (guess: steady enough to read, quick enough to see a change).
const KEPT_PER_S: f64 = 0.7;

/// A smoothed speed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Speed {
    bytes_per_s: Option<f64>,
    last: Option<u64>,
}

impl Speed {
    /// So many bytes are there, so long after the look before.
    pub(super) fn look(&mut self, bytes: u64, since: Duration) {
        let seconds = since.as_secs_f64();
        if let Some(last) = self.last
            && bytes >= last
            && seconds > 0.0
        {
            let now = (bytes - last) as f64 / seconds;
            let kept = KEPT_PER_S.powf(seconds);
            self.bytes_per_s = Some(match self.bytes_per_s {
                Some(before) => before * kept + now * (1.0 - kept),
                None => now,
            });
        }
        self.last = Some(bytes);
    }

    /// Bytes a second; 0 where nothing is known.
    pub(super) fn bytes_per_s(&self) -> u64 {
        // Far below 2^53; a fraction of a byte is nothing.
        self.bytes_per_s.map_or(0, |speed| speed.max(0.0) as u64)
    }

    /// Seconds for so many bytes more.
    pub(super) fn left_s(&self, bytes: u64) -> Option<u64> {
        let speed = self.bytes_per_s();
        (speed > 0).then(|| bytes.div_ceil(speed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_steady_and_follows() {
        let mut speed = Speed::default();
        let second = Duration::from_secs(1);
        speed.look(0, second);
        assert_eq!((speed.bytes_per_s(), speed.left_s(10)), (0, None));
        for second_no in 1..=5 {
            speed.look(second_no * 100, second);
        }
        assert_eq!((speed.bytes_per_s(), speed.left_s(950)), (100, Some(10)));
        speed.look(500, second);
        assert!(speed.bytes_per_s() < 100 && speed.bytes_per_s() > 50);
        for _ in 0..40 {
            speed.look(500, second);
        }
        assert_eq!(speed.left_s(1), None, "nothing comes");
        // It began again from the beginning: that is no speed below zero.
        speed.look(0, second);
        speed.look(100, second);
        assert!(speed.bytes_per_s() > 0);
    }
}

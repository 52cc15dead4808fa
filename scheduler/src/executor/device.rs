//! The device's own time: it passes evenly for all who run on it, so that what two jobs take of it
//! side by side adds up to what the clock on the wall says. Loading counts for whom it is done.

use crate::time::Time;

/// Microseconds of device time that each of those who run has been given so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DeviceTime {
    us: u64,
    at: Time,
    running: u64,
}

impl DeviceTime {
    fn now_us(&self, now: Time) -> u64 {
        let passed = now.0.saturating_sub(self.at.0);
        self.us.saturating_add(passed.checked_div(self.running).unwrap_or(0))
    }

    fn advance(&mut self, now: Time) {
        self.us = self.now_us(now);
        self.at = now;
    }

    /// One more runs from here on; the mark to ask [`DeviceTime::used_ms`] with.
    pub(super) fn begin(&mut self, now: Time) -> u64 {
        self.advance(now);
        self.running += 1;
        self.us
    }

    /// One fewer runs from here on.
    pub(super) fn end(&mut self, now: Time) {
        self.advance(now);
        self.running = self.running.saturating_sub(1);
    }

    /// Milliseconds of the device since the mark.
    pub(super) fn used_ms(&self, now: Time, since: u64) -> u32 {
        let ms = self.now_us(now).saturating_sub(since) / 1_000;
        u32::try_from(ms).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_side_by_side_shares_the_time() {
        let mut device = DeviceTime::default();
        let first = device.begin(Time::from_ms(100));
        let second = device.begin(Time::from_ms(200));
        assert_eq!(device.used_ms(Time::from_ms(400), first), 200);
        assert_eq!(device.used_ms(Time::from_ms(400), second), 100);
        device.end(Time::from_ms(400));
        assert_eq!(device.used_ms(Time::from_ms(500), first), 300);
        device.end(Time::from_ms(500));
        assert_eq!(device.begin(Time::from_ms(900)), 300_000, "an idle device gives no time");
    }
}

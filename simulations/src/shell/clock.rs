//! A machine's own clock: it starts with the node, drifts, jumps, and stands still in sleep.

use pumasi_scheduler::Time;

/// Turns the world's time into a machine's and back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// The world's time and the machine's at one moment.
    world: u64,
    own: u64,
    ppm: i64,
    /// It stands still.
    stands: bool,
}

const MILLION: i64 = 1_000_000;

impl Clock {
    pub(crate) fn start(now: Time, drift_ppm: i32) -> Self {
        let ppm = i64::from(drift_ppm).clamp(-MILLION / 2, MILLION / 2);
        Self { world: now.0, own: 0, ppm, stands: false }
    }

    /// What it shows.
    pub(crate) fn at(&self, now: Time) -> Time {
        if self.stands {
            return Time(self.own);
        }
        let elapsed = u128::from(now.0.saturating_sub(self.world));
        let rate = u128::try_from(MILLION + self.ppm).expect("above zero");
        let own = elapsed * rate / u128::try_from(MILLION).expect("above zero");
        Time(self.own.saturating_add(u64::try_from(own).unwrap_or(u64::MAX)))
    }

    /// When, in the world's time, it shows `own` or more.
    pub(crate) fn when(&self, own: Time) -> Time {
        let ahead = u128::from(own.0.saturating_sub(self.own));
        let rate = u128::try_from(MILLION + self.ppm).expect("above zero");
        let world = (ahead * u128::try_from(MILLION).expect("above zero")).div_ceil(rate);
        Time(self.world.saturating_add(u64::try_from(world).unwrap_or(u64::MAX)))
    }

    pub(crate) fn jump(&mut self, now: Time, ms: u64) {
        let own = self.at(now).after_ms(ms);
        (self.world, self.own) = (now.0, own.0);
    }

    pub(crate) fn stop(&mut self, now: Time) {
        (self.own, self.world) = (self.at(now).0, now.0);
        self.stands = true;
    }

    pub(crate) fn go_on(&mut self, now: Time) {
        if std::mem::take(&mut self.stands) {
            self.world = now.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_drifts_jumps_and_stands_still() {
        let mut clock = Clock::start(Time::from_ms(1_000), 10_000);
        assert_eq!(clock.at(Time::from_ms(2_000)), Time::from_ms(1_010));
        assert!(clock.at(clock.when(Time::from_ms(7_777))) >= Time::from_ms(7_777));
        clock.jump(Time::from_ms(2_000), 500);
        assert_eq!(clock.at(Time::from_ms(2_000)), Time::from_ms(1_510));
        clock.stop(Time::from_ms(2_000));
        assert_eq!(clock.at(Time::from_ms(9_000)), Time::from_ms(1_510));
        clock.go_on(Time::from_ms(9_000));
        assert_eq!(clock.at(Time::from_ms(10_000)), Time::from_ms(2_520));
    }
}

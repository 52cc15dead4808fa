//! Whether somebody uses this computer, by what other programs take of it: no single reading decides.

/// Readings above the threshold until it counts as in use. With one reading each two seconds: a page
/// that loads is no use (guess).
const BEGINS: u8 = 2;
/// Readings below half the threshold until it counts as free: ten seconds (guess).
const ENDS: u8 = 5;

/// What the readings so far say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    in_use: bool,
    /// Readings in a row that speak for a change.
    against: u8,
}

impl Seat {
    pub(crate) fn is_in_use(self) -> bool {
        self.in_use
    }

    /// Takes a reading: the percentage of the processor, or of the busiest card, that other programs
    /// take. A threshold of 0 turns it off.
    pub(crate) fn read(&mut self, percent: u32, threshold: u32) {
        if threshold == 0 {
            *self = Self::default();
            return;
        }
        let speaks_against =
            if self.in_use { percent < threshold / 2 } else { percent >= threshold };
        self.against = if speaks_against { self.against + 1 } else { 0 };
        if self.against >= if self.in_use { ENDS } else { BEGINS } {
            *self = Self { in_use: !self.in_use, against: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(readings: &[u32]) -> bool {
        let mut seat = Seat::default();
        readings.iter().for_each(|percent| seat.read(*percent, 50));
        seat.is_in_use()
    }

    #[test]
    fn one_reading_is_no_use_and_one_pause_is_no_end() {
        assert!(!after(&[100]));
        assert!(!after(&[100, 0, 100]));
        assert!(after(&[100, 50]));
        assert!(after(&[100, 100, 0, 0, 0, 0]));
        assert!(after(&[100, 100, 0, 0, 0, 0, 30, 0, 0]), "between half and whole nothing changes");
        assert!(!after(&[100, 100, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn a_threshold_of_nothing_turns_it_off() {
        let mut seat = Seat::default();
        (0..9).for_each(|_| seat.read(100, 0));
        assert!(!seat.is_in_use());
    }
}

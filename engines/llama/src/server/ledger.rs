//! What this loop takes between two steps, beside what the library takes in them: told at the end, for
//! who measures.

use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    steps: u64,
    computing: Duration,
    between: Duration,
    /// When the last step ended, unless the loop has waited since.
    ended: Option<Instant>,
}

impl Ledger {
    /// The loop waits: that counts nowhere.
    pub(super) fn pauses(&mut self) {
        self.ended = None;
    }

    /// A step begins.
    pub(super) fn begins(&mut self, now: Instant) {
        if let Some(ended) = self.ended.take() {
            self.between += now.saturating_duration_since(ended);
        }
    }

    /// It ended.
    pub(super) fn ended(&mut self, now: Instant, took: Duration) {
        self.steps += 1;
        self.computing += took;
        self.ended = Some(now);
    }

    /// Writes it into the log.
    pub(super) fn tell(&self) {
        let whole = (self.computing + self.between).as_secs_f64();
        if self.steps == 0 || whole <= 0.0 {
            return;
        }
        let between_permille = (self.between.as_secs_f64() * 1_000.0 / whole).round();
        let computing_ms = self.computing.as_millis();
        tracing::info!(self.steps, computing_ms, between_permille, "what the steps took");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_counts_nowhere() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut ledger = Ledger::default();
        ledger.begins(start);
        ledger.ended(start + ms(90), ms(90));
        ledger.begins(start + ms(100));
        ledger.ended(start + ms(190), ms(90));
        ledger.pauses();
        ledger.begins(start + ms(9_000));
        assert_eq!((ledger.steps, ledger.computing, ledger.between), (2, ms(180), ms(10)));
    }
}

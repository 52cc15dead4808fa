//! What is kept of one provider × model: its breaker, and what was counted.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerConfig, Outcome, Stand, Ticket};
use crate::call::CallError;
use crate::limits;
use crate::meter::Meter;
use crate::standing::{BreakerState, Closed, LastFault, ModelStanding};

/// One provider × model.
#[derive(Debug)]
pub(crate) struct Cell {
    began: Instant,
    config: BreakerConfig,
    watch: Mutex<Watch>,
    in_flight: AtomicU32,
    requests: AtomicU64,
    succeeded: AtomicU64,
    failed: [AtomicU64; CallError::WORDS.len()],
    pub(crate) connect: Meter,
    pub(crate) first_byte: Meter,
    pub(crate) gap: Meter,
    pub(crate) total: Meter,
    /// Thousandths of tokens a second, plus one; 0 before the first.
    pace: AtomicU64,
}

/// What is changed by one call at a time.
#[derive(Debug, Default)]
struct Watch {
    breaker: Breaker,
    last_fault: Option<(CallError, Instant)>,
    /// Times in a row that it said "too many" and not how long.
    untold: u32,
    /// It is held back because there were too many, not because it loads.
    limited: bool,
}

impl Watch {
    /// No leave for so long; held back or not, the longer wait counts.
    fn closed(&self, now: Duration, retry_in: Duration) -> Closed {
        Closed { retry_in, limited: self.limited && self.breaker.held(now).is_some() }
    }
}

impl Cell {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self {
            began: Instant::now(),
            config,
            watch: Mutex::default(),
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            failed: std::array::from_fn(|_| AtomicU64::new(0)),
            connect: Meter::default(),
            first_byte: Meter::default(),
            gap: Meter::default(),
            total: Meter::default(),
            pace: AtomicU64::new(0),
        }
    }

    /// Nobody leaves it half changed, so that a panic elsewhere does not matter.
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Leave for one call, or how long to wait.
    pub(crate) fn ask(&self) -> Result<Ticket, Closed> {
        let now = self.now();
        let mut watch = self.watch();
        let ticket = watch.breaker.ask(now, &self.config);
        let ticket = ticket.map_err(|retry_in| watch.closed(now, retry_in))?;
        drop(watch);
        self.requests.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        Ok(ticket)
    }

    /// A call is over; `error` where it failed.
    pub(crate) fn settle(&self, ticket: Ticket, outcome: Outcome, error: Option<&CallError>) {
        self.in_flight.fetch_sub(1, Relaxed);
        let mut watch = self.watch();
        if let Some(error) = error {
            let place = CallError::WORDS.iter().position(|word| *word == error.word());
            self.failed[place.expect("every error's word is in the list")].fetch_add(1, Relaxed);
            watch.last_fault = Some((*error, Instant::now()));
        }
        if outcome == Outcome::Succeeded {
            self.succeeded.fetch_add(1, Relaxed);
            watch.untold = 0;
        }
        let draw = match outcome {
            Outcome::Failed => getrandom::u32().unwrap_or(u32::MAX / 2),
            Outcome::Succeeded | Outcome::Neither => 0,
        };
        watch.breaker.settle(self.now(), &self.config, ticket, outcome, draw);
    }

    /// How long nobody gets leave, if nobody does.
    pub(crate) fn closed(&self) -> Option<Closed> {
        let now = self.now();
        let watch = self.watch();
        let open = match watch.breaker.stand(now) {
            Stand::Open(retry_in) => Some(retry_in),
            Stand::Closed | Stand::HalfOpen => None,
        };
        let wait = watch.breaker.held(now).max(open).filter(|wait| !wait.is_zero())?;
        Some(watch.closed(now, wait))
    }

    /// What is measured of it: to the first byte, and thousandths of tokens a second.
    pub(crate) fn measured(&self) -> (Option<Duration>, Option<u64>) {
        (self.first_byte.mean(), self.pace.load(Relaxed).checked_sub(1))
    }

    /// The provider asks to be left in peace; if it does not say for how long, longer each time.
    /// `limited`: there were too many.
    pub(crate) fn hold(&self, time: Option<Duration>, limited: bool) {
        let now = self.now();
        let mut watch = self.watch();
        watch.limited = limited;
        // Calls that were under way together say it once.
        if time.is_none() && watch.breaker.held(now).is_some() {
            return;
        }
        let time = time.unwrap_or_else(|| {
            let doubled = limits::HELD_BACK_FIRST * 2_u32.pow(watch.untold.min(10));
            watch.untold = watch.untold.saturating_add(1);
            doubled.min(limits::HELD_BACK_UNTOLD)
        });
        watch.breaker.hold(now, time);
    }

    /// So many tokens came within this time.
    pub(crate) fn paced(&self, tokens: u64, time: Duration) {
        let Some(now) = tokens.saturating_mul(1_000_000).checked_div(millis(time)) else { return };
        let pace = match self.pace.load(Relaxed) {
            0 => now,
            before => (before - 1) - (before - 1) / 8 + now / 8,
        };
        self.pace.store(pace.saturating_add(1), Relaxed);
    }

    pub(crate) fn standing(&self, model: &str) -> ModelStanding {
        let (breaker, held_back, last_fault) = {
            let watch = self.watch();
            let fault = watch.last_fault.map(|(error, at)| LastFault { error, ago: at.elapsed() });
            let now = self.now();
            (watch.breaker.stand(now), watch.breaker.held(now), fault)
        };
        let failed = CallError::WORDS.iter().zip(&self.failed);
        let failed = failed.map(|(word, count)| (*word, count.load(Relaxed)));
        let pace = self.pace.load(Relaxed).checked_sub(1);
        ModelStanding {
            model: model.to_owned(),
            breaker: match breaker {
                Stand::Closed => BreakerState::Closed,
                Stand::Open(retry_in) => BreakerState::Open { retry_in },
                Stand::HalfOpen => BreakerState::HalfOpen,
            },
            held_back,
            requests: self.requests.load(Relaxed),
            succeeded: self.succeeded.load(Relaxed),
            failed: failed.filter(|(_, count)| *count > 0).collect(),
            in_flight: self.in_flight.load(Relaxed),
            connect: self.connect.timing(),
            first_byte: self.first_byte.timing(),
            gap: self.gap.timing(),
            total: self.total.timing(),
            tokens_per_s: pace.map(|pace| pace as f64 / 1_000.0),
            last_fault,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::Permit;
    use std::sync::Arc;

    /// Asked without end, it says "too many" without end and never for how long.
    #[tokio::test(start_paused = true)]
    async fn too_many_for_ever_is_asked_ever_less_and_opens_nothing() {
        let cell = Arc::new(Cell::new(BreakerConfig::default()));
        let error = CallError::RateLimited { retry_after: None };
        let mut waits = Vec::new();
        for _ in 0..10 {
            // Two at once say it once.
            let both = [0, 1].map(|_| Permit::ask(Arc::clone(&cell)).expect("it may be asked"));
            for permit in both {
                cell.hold(None, true);
                permit.failed(&error);
            }
            let wait = Permit::ask(Arc::clone(&cell)).expect_err("held back").retry_in;
            waits.push(wait.as_secs_f64().round() as u64);
            tokio::time::advance(wait).await;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        let standing = cell.standing("m");
        assert_eq!(standing.breaker, BreakerState::Closed);
        assert_eq!((standing.requests, standing.failed), (20, vec![("rate_limited", 20)]));
        Permit::ask(Arc::clone(&cell)).expect("it may be asked").succeeded();
        cell.hold(None, true);
        let wait = Permit::ask(cell).expect_err("held back").retry_in;
        assert!(wait <= Duration::from_secs(1), "after a success it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_left_in_peace_is_so_for_a_reason_and_a_time() {
        let cell = Arc::new(Cell::new(BreakerConfig { consecutive: 1, ..Default::default() }));
        assert_eq!(cell.closed(), None);
        let second = Duration::from_secs(1);
        cell.hold(Some(second), true);
        assert_eq!(cell.closed(), Some(Closed { retry_in: second, limited: true }));
        tokio::time::advance(second).await;
        assert_eq!(cell.closed(), None);
        cell.hold(Some(second), false);
        let asked = Permit::ask(Arc::clone(&cell)).expect_err("held back");
        assert_eq!(asked, Closed { retry_in: second, limited: false });
        tokio::time::advance(second).await;
        Permit::ask(Arc::clone(&cell)).expect("it may be asked").failed(&CallError::Reset);
        let closed = cell.closed().expect("the breaker is open");
        assert!(!closed.limited && closed.retry_in > 50 * second, "{closed:?}");
        // Both at once: the longer time counts.
        cell.hold(Some(500 * second), true);
        assert_eq!(cell.closed(), Some(Closed { retry_in: 500 * second, limited: true }));
    }
}

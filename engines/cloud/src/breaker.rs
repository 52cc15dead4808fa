//! The breaker of one provider × model: after too many failures nobody asks for a while, then a few
//! calls try whether it is back. Pure: the time since some beginning, and the draw for the jitter, are
//! handed in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Pieces into which the window is cut; what is older than the window is forgotten piece by piece.
const PIECES: usize = 10;

/// When a breaker opens and closes. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Failures in a row that open it; 1 to 1,000. Default 5 (the field's usual number).
    pub consecutive: u32,
    /// Share of failures in the window that opens it, in percent; 1 to 100. Default 50.
    pub share_percent: u32,
    /// Calls in the window below which the share says nothing; 1 to 10,000. Default 10.
    pub least: u32,
    /// How far back the share looks; 1 s to 1 h. Default 60 s.
    #[serde(with = "crate::seconds")]
    pub window: Duration,
    /// How long it stays open; 0.1 s to 1 h. Default 60 s.
    #[serde(with = "crate::seconds")]
    pub open: Duration,
    /// How much longer or shorter, so that not everybody comes back at once, in percent; 0 to 50.
    /// Default 10.
    pub jitter_percent: u32,
    /// Calls that may try at a time whether it is back; 1 to 100. Default 3.
    pub trials: u32,
    /// Successes among them that close it; 1 to `trials`. Default 2.
    pub successes: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive: 5,
            share_percent: 50,
            least: 10,
            window: Duration::from_secs(60),
            open: Duration::from_secs(60),
            jitter_percent: 10,
            trials: 3,
            successes: 2,
        }
    }
}

/// Which of a breaker's numbers is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is out of its range")]
pub struct BreakerFault(pub &'static str);

impl BreakerConfig {
    /// Whether every number is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), BreakerFault> {
        let second = Duration::from_secs(1);
        let hour = Duration::from_secs(3_600);
        let ranges = [
            ("consecutive", (1..=1_000).contains(&self.consecutive)),
            ("share_percent", (1..=100).contains(&self.share_percent)),
            ("least", (1..=10_000).contains(&self.least)),
            ("window", (second..=hour).contains(&self.window)),
            ("open", (second / 10..=hour).contains(&self.open)),
            ("jitter_percent", self.jitter_percent <= 50),
            ("trials", (1..=100).contains(&self.trials)),
            ("successes", (1..=self.trials).contains(&self.successes)),
        ];
        match ranges.iter().find(|(_, holds)| !holds) {
            None => Ok(()),
            Some((name, _)) => Err(BreakerFault(name)),
        }
    }

    /// How long it stays open this time; `draw` is any number, evenly drawn.
    fn open_for(&self, draw: u32) -> Duration {
        let span = f64::from(self.jitter_percent) / 100.0;
        let place = f64::from(draw) / f64::from(u32::MAX);
        self.open.mul_f64(1.0 - span + 2.0 * span * place)
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Succeeded,
    /// The provider failed.
    Failed,
    /// It says nothing about the provider: given up, or the request was at fault.
    Neither,
}

/// The leave for one call. Calls of before the breaker's last change change nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    round: u64,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Calls go through.
    Closed,
    /// None does for this long.
    Open(Duration),
    /// A few try.
    HalfOpen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Duration },
    HalfOpen { under_way: u32, successes: u32 },
}

/// One breaker.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Counts the changes of state.
    round: u64,
    /// Failures since the last success.
    streak: u32,
    pieces: [Piece; PIECES],
    held_until: Duration,
}

/// What happened in one piece of the window.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    number: u64,
    calls: u32,
    failures: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            round: 0,
            streak: 0,
            pieces: [Piece::default(); PIECES],
            held_until: Duration::ZERO,
        }
    }
}

impl Breaker {
    /// Asks for leave to call.
    ///
    /// # Errors
    /// None is given; how long to wait before asking again.
    pub fn ask(&mut self, now: Duration, config: &BreakerConfig) -> Result<Ticket, Duration> {
        if let Some(wait) = self.held(now) {
            return Err(wait);
        }
        match self.state {
            State::Closed => {}
            State::Open { until } if now < until => return Err(until - now),
            State::Open { .. } => self.change(State::HalfOpen { under_way: 1, successes: 0 }),
            State::HalfOpen { under_way, successes } if under_way + successes < config.trials => {
                self.state = State::HalfOpen { under_way: under_way + 1, successes };
            }
            State::HalfOpen { .. } => return Err(limits::TRIALS_UNDER_WAY),
        }
        Ok(Ticket { round: self.round })
    }

    /// A call is over. `draw` is any number, evenly drawn: the jitter, should the breaker open.
    pub fn settle(
        &mut self,
        now: Duration,
        config: &BreakerConfig,
        ticket: Ticket,
        outcome: Outcome,
        draw: u32,
    ) {
        if ticket.round != self.round {
            return;
        }
        match self.state {
            State::Closed => self.count(now, config, outcome, draw),
            State::Open { .. } => {}
            State::HalfOpen { under_way, successes } => {
                let under_way = under_way.saturating_sub(1);
                match outcome {
                    Outcome::Neither => self.state = State::HalfOpen { under_way, successes },
                    Outcome::Failed => self.open(now, config, draw),
                    Outcome::Succeeded if successes + 1 >= config.successes => {
                        self.change(State::Closed);
                    }
                    Outcome::Succeeded => {
                        self.state = State::HalfOpen { under_way, successes: successes + 1 };
                    }
                }
            }
        }
    }

    /// The provider asked to be left in peace for so long. That opens nothing.
    pub fn hold(&mut self, now: Duration, time: Duration) {
        self.held_until = self.held_until.max(now + time.min(limits::HELD_BACK));
    }

    /// How long it is held back by the provider's own word.
    #[must_use]
    pub fn held(&self, now: Duration) -> Option<Duration> {
        self.held_until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Where it stands.
    #[must_use]
    pub fn stand(&self, now: Duration) -> Stand {
        match self.state {
            State::Closed => Stand::Closed,
            State::Open { until } => Stand::Open(until.saturating_sub(now)),
            State::HalfOpen { .. } => Stand::HalfOpen,
        }
    }

    /// An outcome while it is closed.
    fn count(&mut self, now: Duration, config: &BreakerConfig, outcome: Outcome, draw: u32) {
        let failed = match outcome {
            Outcome::Neither => return,
            Outcome::Succeeded => false,
            Outcome::Failed => true,
        };
        self.streak = if failed { self.streak.saturating_add(1) } else { 0 };
        let (calls, failures) = self.remember(now, config, failed);
        let share = u64::from(failures) * 100 >= u64::from(config.share_percent) * u64::from(calls);
        let many = calls >= config.least && share;
        if failed && (self.streak >= config.consecutive || many) {
            self.open(now, config, draw);
        }
    }

    /// Calls and failures of the window, this one included.
    fn remember(&mut self, now: Duration, config: &BreakerConfig, failed: bool) -> (u32, u32) {
        let length = config.window.as_nanos() / PIECES as u128;
        let number = u64::try_from(now.as_nanos() / length).unwrap_or(u64::MAX);
        let place = usize::try_from(number % PIECES as u64).unwrap_or(0);
        let piece = &mut self.pieces[place];
        if piece.number != number {
            *piece = Piece { number, ..Piece::default() };
        }
        piece.calls = piece.calls.saturating_add(1);
        piece.failures = piece.failures.saturating_add(u32::from(failed));
        let recent = self.pieces.iter().filter(|piece| piece.number + PIECES as u64 > number);
        recent.fold((0, 0), |(calls, failures): (u32, u32), piece| {
            (calls.saturating_add(piece.calls), failures.saturating_add(piece.failures))
        })
    }

    fn open(&mut self, now: Duration, config: &BreakerConfig, draw: u32) {
        self.change(State::Open { until: now + config.open_for(draw) });
    }

    /// What was counted before counts no more.
    fn change(&mut self, state: State) {
        self.state = state;
        self.round += 1;
        self.streak = 0;
        self.pieces = [Piece::default(); PIECES];
    }
}

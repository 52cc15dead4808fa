//! How a provider stands: what metrics, the page and the ranking of places read; and the leave for a call.

use std::sync::Arc;
use std::time::Duration;

use crate::breaker::{Outcome, Ticket};
use crate::call::CallError;
use crate::cell::Cell;
use crate::meter::Timing;
use crate::settings::ProviderId;

/// How one provider stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// What it is called here.
    pub id: ProviderId,
    /// Its row in the table of kinds.
    pub kind: String,
    /// The models that were asked for, by name.
    pub models: Vec<ModelStanding>,
}

/// How one provider × model stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelStanding {
    /// The model, as the provider calls it.
    pub model: String,
    /// The breaker.
    pub breaker: BreakerState,
    /// How long it is held back by the provider's own word.
    pub held_back: Option<Duration>,
    /// Calls that were let through.
    pub requests: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed, by [`CallError::word`]; only those that occurred.
    pub failed: Vec<(&'static str, u64)>,
    /// Calls that are under way.
    pub in_flight: u32,
    /// Making a connection, handshake included; calls on an open connection are not in it.
    pub connect: Timing,
    /// From sending to the first byte of the answer's body.
    pub first_byte: Timing,
    /// Waiting for the next piece of an answer.
    pub gap: Timing,
    /// From sending to the end of the answer; only of those that came to their end.
    pub total: Timing,
    /// Tokens a second of the latest answers, where somebody counted them.
    pub tokens_per_s: Option<f64>,
    /// The last failure.
    pub last_fault: Option<LastFault>,
}

/// A breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// None does.
    Open {
        /// Until a few may try.
        retry_in: Duration,
    },
    /// A few try.
    HalfOpen,
}

/// A failure, and when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFault {
    /// What it was.
    pub error: CallError,
    /// How long ago.
    pub ago: Duration,
}

/// What was measured of one provider × model lately.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// The mean from sending to the first byte of the answer's body.
    pub first_byte: Option<Duration>,
    /// Tokens a second, where somebody counted them.
    pub tokens_per_s: Option<f64>,
}

/// No leave is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider is left in peace for a while")]
pub struct Closed {
    /// How long to wait before asking again.
    pub retry_in: Duration,
    /// There were too many requests, by the provider's own word.
    pub limited: bool,
}

/// Leave for one call. Dropped without a word it counts as neither success nor failure.
#[derive(Debug)]
pub struct Permit {
    pub(crate) cell: Arc<Cell>,
    ticket: Option<Ticket>,
}

impl Permit {
    pub(crate) fn ask(cell: Arc<Cell>) -> Result<Self, Closed> {
        let ticket = cell.ask()?;
        Ok(Self { cell, ticket: Some(ticket) })
    }

    /// The answer came to its end.
    pub fn succeeded(mut self) {
        self.settle(Outcome::Succeeded, None);
    }

    /// The call failed. Whether that speaks against the provider is in the error.
    pub fn failed(mut self, error: &CallError) {
        let outcome = if error.counts_against() { Outcome::Failed } else { Outcome::Neither };
        self.settle(outcome, Some(error));
    }

    /// So many tokens came within this time, from the first one on.
    pub fn counted(&self, tokens: u64, time: Duration) {
        self.cell.paced(tokens, time);
    }

    fn settle(&mut self, outcome: Outcome, error: Option<&CallError>) {
        if let Some(ticket) = self.ticket.take() {
            self.cell.settle(ticket, outcome, error);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(Outcome::Neither, None);
    }
}

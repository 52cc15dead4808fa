//! What an answer costs: gathered while it goes out, without a lock, and told when it ends, however it
//! ends: to the key that pays for it and to the tally of its request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pumasi_dialects::Counts;
use pumasi_protocol::Timings;

use super::histogram::Histogram;
use super::tally::{End, Tally};
use crate::app::unix_ms;
use crate::keys::Holder;
use crate::mesh::{Placed, Provided};

/// The figures of one answer.
#[derive(Debug)]
pub(crate) struct Charge {
    holder: Option<Arc<Holder>>,
    tally: Arc<Tally>,
    pub(super) counts: Counts,
    pub(super) first: Option<Instant>,
    last: Option<Instant>,
    pub(super) gaps: Histogram,
    /// The place, and the model as it is called there, where it is not as it was asked for.
    pub(super) place: Option<(String, Option<String>)>,
    pub(super) engine: Duration,
    pub(super) end: Option<End>,
}

impl Charge {
    pub(crate) fn new(holder: Option<Arc<Holder>>, tally: Arc<Tally>) -> Self {
        Self {
            holder,
            tally,
            counts: Counts::default(),
            first: None,
            last: None,
            gaps: Histogram::default(),
            place: None,
            engine: Duration::ZERO,
            end: None,
        }
    }

    /// What it cost so far.
    pub(crate) fn set(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// More of it came.
    pub(crate) fn piece(&mut self) {
        let now = Instant::now();
        match self.last {
            Some(last) => self.gaps.count(now.saturating_duration_since(last)),
            None => self.first = Some(now),
        }
        self.last = Some(now);
    }

    /// A computer of the mesh has it from here on.
    pub(crate) fn at_node(&mut self, placed: &Placed) {
        let model = placed.model.as_ref().map(ToString::to_string);
        self.place = Some((format!("mesh/{}", placed.node.short()), model));
    }

    /// A provider has it from here on.
    pub(crate) fn at_provider(&mut self, provided: &Provided) {
        self.place = Some((provided.id.clone(), Some(provided.model.clone())));
    }

    /// An engine of the mesh computed for so long.
    pub(crate) fn computed(&mut self, timings: Timings) {
        let us = timings.prefill_us.saturating_add(timings.decode_us);
        self.engine += Duration::from_micros(us);
    }

    /// The answer is whole.
    pub(crate) fn done(&mut self) {
        self.end = Some(End::Done);
    }

    /// It ended with an error.
    pub(crate) fn failed(&mut self, code: &'static str) {
        self.end = Some(End::Failed(code));
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let tokens = self.counts.prompt.saturating_add(self.counts.completion);
        if let Some(holder) = self.holder.as_ref().filter(|_| tokens > 0) {
            holder.spend(tokens, unix_ms());
        }
        let tally = Arc::clone(&self.tally);
        tally.absorb(self);
    }
}

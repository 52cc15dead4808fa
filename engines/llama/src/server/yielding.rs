//! Yielding to the person at this machine: a request that is paused or slowed keeps its slot and its
//! cache and lets others compute; where only slowed ones do, the machine rests between their steps.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use pumasi_protocol::Phase;
use pumasi_protocol::engine::Tempo;
use pumasi_protocol::limits::SLOW_ONE_IN;
use pumasi_protocol::worker::RequestId;

use super::{Server, count};
use crate::embed::Embedder;
use crate::generation::Generation;

/// Whose turn it is, and until when the machine rests.
#[derive(Debug, Default)]
pub(super) struct Turns {
    steps: u32,
    rest_until: Option<Instant>,
}

impl Server<'_> {
    /// A request runs at another tempo from its next step on.
    pub(super) fn on_tempo(&mut self, request: RequestId, tempo: Tempo) {
        if let Some(known) = self.preparing.get_mut(&request) {
            *known = tempo;
        } else if let Some(generation) = self.generation_mut(request) {
            let phase = generation.set_tempo(tempo);
            let step = count(generation.answered());
            self.wires.pulse.at(request, phase, step);
        } else if let Some(embedder) = &mut self.contexts.embedding {
            embedder.set_tempo(request, tempo);
        }
        // Else it has ended already.
        if tempo == Tempo::Paused && self.preparing.contains_key(&request) {
            self.wires.pulse.at(request, Phase::Paused, 0);
        }
    }

    fn generation_mut(&mut self, request: RequestId) -> Option<&mut Generation> {
        let slots = self.slots.iter_mut().filter_map(|slot| slot.job.as_deref_mut());
        let waiting = self.waiting.iter_mut().map(Box::as_mut);
        slots.chain(waiting).find(|generation| generation.request == request)
    }

    /// Waits while there is nothing to compute, or while the machine rests. False at the end.
    pub(super) fn wait(&mut self) -> bool {
        let inputs = &self.wires.inbox.inputs;
        if !self.can_compute() || self.rest().is_some() {
            self.ledger.pauses();
        }
        let input = if !self.can_compute() {
            inputs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else if let Some(rest) = self.rest() {
            inputs.recv_timeout(rest)
        } else {
            return true;
        };
        match input {
            Ok(input) => self.on_input(input),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn can_compute(&self) -> bool {
        let admits = self.slots.iter().any(|slot| !slot.is_busy())
            && self.waiting.iter().any(|generation| generation.tempo != Tempo::Paused);
        admits
            || self.tempos().any(|tempo| tempo != Tempo::Paused)
            || self.contexts.embedding.as_ref().is_some_and(Embedder::can_compute)
    }

    fn tempos(&self) -> impl Iterator<Item = Tempo> {
        self.slots.iter().filter_map(|slot| slot.job.as_ref()).map(|generation| generation.tempo)
    }

    fn is_any_full(&self) -> bool {
        let embeds = self.contexts.embedding.as_ref().and_then(Embedder::tempo);
        self.tempos().chain(embeds).any(|tempo| tempo == Tempo::Full)
    }

    /// What is left of the rest between two steps; none where something runs at full tempo.
    fn rest(&self) -> Option<Duration> {
        let left = self.turns.rest_until?.saturating_duration_since(Instant::now());
        (!left.is_zero() && !self.is_any_full()).then_some(left)
    }

    /// Says which slots stand aside in the next step: paused ones, and, beside any at full tempo,
    /// slowed ones except each [`SLOW_ONE_IN`]th time.
    pub(super) fn take_turns(&mut self) {
        self.turns.steps = self.turns.steps.wrapping_add(1);
        let slow_waits = self.is_any_full() && !self.turns.steps.is_multiple_of(SLOW_ONE_IN);
        for slot in &mut self.slots {
            slot.stands = match slot.job.as_ref().map(|generation| generation.tempo) {
                Some(Tempo::Paused) => true,
                Some(Tempo::Slow) => slow_waits,
                Some(Tempo::Full) | None => false,
            };
        }
    }

    /// A step took this long; slowed work is followed by as much rest as makes it one in
    /// [`SLOW_ONE_IN`].
    pub(super) fn rest_after(&mut self, took: Duration) {
        self.turns.rest_until = Instant::now().checked_add(took * (SLOW_ONE_IN - 1));
    }
}

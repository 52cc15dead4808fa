//! The data plane: one stream per attempt, in order until it breaks, and the owner's end of it, which
//! decides as the node's own task does: signs of life, order of tokens, what the client gets, and
//! from where a failed answer is continued.

use pumasi_protocol::stream::{AttemptEvent, EventOrder};
use pumasi_protocol::{AttemptId, Fault, NodeId, Phase, Refusal};
use pumasi_scheduler::{Input, Outcome};

use crate::canary::Canary;
use crate::oracle::task_of;
use crate::shell::{Doubt, Pump, WorkAtHand};
use crate::situations::Situation;

use super::World;
use super::events::Event;
use super::people::ended;

/// The stream of an attempt, while either side has it.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) owner: usize,
    pub(super) executor: usize,
    /// When the latest message of each direction arrives, in microseconds.
    to_owner_at: u64,
    to_executor_at: u64,
    /// What is sent in a direction, or on its way, is lost.
    pub(super) deaf_owner: bool,
    pub(super) deaf_executor: bool,
}

impl World<'_> {
    pub(super) fn dispatch(&mut self, node: usize, attempt: AttemptId, executor: NodeId) {
        let Some(to) = self.route(node, executor) else { return };
        self.note_dispatch(node, to, attempt);
        let (now, canary) = (self.now, self.canary);
        let shell = &mut self.shells[node];
        let chat = shell.chats.entry(attempt.job).or_default();
        chat.last = Some(to);
        let delivered = chat.delivered.clone();
        let count = u32::try_from(delivered.len()).expect("answers are short");
        let pump = Pump {
            executor: to,
            order: EventOrder::after(if distrusts(canary) { 0 } else { count }),
            begun: false,
            heard: shell.clock.at(now),
            doubt: Doubt::None,
            phase: Phase::Load,
        };
        let order = pump.order.clone();
        let pump = Pump { order: spoilt(canary, order, count), ..pump };
        shell.pumps.insert(attempt, pump);
        self.listen(node, attempt);
        let work = WorkAtHand { delivered: resumed(canary, delivered), ticks: 0 };
        let stream = Stream {
            owner: node,
            executor: to,
            to_owner_at: 0,
            to_executor_at: 0,
            deaf_owner: false,
            deaf_executor: false,
        };
        self.streams.insert(attempt, stream);
        if to == node {
            self.take_work(node, attempt, work);
            return;
        }
        self.counts.remote += 1;
        if !self.shells[to].is_alive() || self.wire.is_apart(node, to) {
            return self.break_stream(node, to, attempt);
        }
        let as_node = self.shells[node].id;
        let dial = self.wire.stream(node, to) + self.wire.stream(to, node);
        self.tell_executor(attempt, dial, |from, to| Event::StreamOpen {
            from,
            as_node,
            to,
            attempt,
            work,
        });
    }

    fn note_dispatch(&mut self, node: usize, to: usize, attempt: AttemptId) {
        let hostile = self.shells[to].hostile > 0;
        self.oracle.on_dispatch(self.now, attempt, hostile);
        self.counts.bindings += 1;
        self.counts.retries += u64::from(attempt.epoch.0 > 1);
        self.marks.bound(self.tracing, self.now, node, to, attempt, self.job_number(attempt.job));
        if hostile {
            self.saw(Situation::HostileRan);
        }
        if !self.twins.is_empty()
            && self.twins.iter().any(|t| self.shells[*t].id == self.shells[to].id)
        {
            self.saw(Situation::TwinRan);
        }
        if to != node && self.shells[to].spec.stranger {
            self.saw(Situation::AdmittedRan);
        }
        if to != node && self.shells[to].boots > 1 {
            self.saw(Situation::RanAfterRestart);
        }
        let Some(chat) = self.shells[node].chats.get(&attempt.job) else { return };
        if let Some(last) = chat.last.filter(|_| !chat.delivered.is_empty()) {
            self.saw(if last == to {
                Situation::ContinuedHere
            } else {
                Situation::ContinuedElsewhere
            });
        }
    }

    /// Sends to the executor of an attempt, after what was sent before.
    pub(super) fn tell_executor(
        &mut self,
        attempt: AttemptId,
        delay: u64,
        event: impl FnOnce(usize, usize) -> Event,
    ) {
        let now = self.now.0;
        let Some(stream) = self.streams.get_mut(&attempt) else { return };
        let (from, to) = (stream.owner, stream.executor);
        if stream.deaf_executor {
            return;
        }
        stream.to_executor_at = (now + delay).max(stream.to_executor_at + 1);
        let at = pumasi_scheduler::Time(stream.to_executor_at);
        self.at(at, event(from, to));
    }

    /// Says something to the owner of an attempt, after what was said before.
    pub(super) fn say(&mut self, attempt: AttemptId, event: AttemptEvent) {
        let now = self.now.0;
        let Some(stream) = self.streams.get(&attempt) else { return };
        let (from, to) = (stream.executor, stream.owner);
        if stream.deaf_owner {
            return;
        }
        let delay = if from == to { 0 } else { self.wire.stream(from, to) };
        if from != to && self.wire.is_slow(from, to) && matches!(event, AttemptEvent::Tokens { .. })
        {
            self.saw(Situation::LinkSlow);
        }
        let Some(stream) = self.streams.get_mut(&attempt) else { return };
        stream.to_owner_at = (now + delay).max(stream.to_owner_at + 1);
        let at = pumasi_scheduler::Time(stream.to_owner_at);
        self.at(at, Event::Heard { to, attempt, event });
    }

    pub(super) fn on_stream_open(
        &mut self,
        from: usize,
        as_node: NodeId,
        to: usize,
        attempt: AttemptId,
        work: WorkAtHand,
    ) {
        let deaf = self.streams.get(&attempt).is_none_or(|s| s.deaf_executor || s.owner != from);
        if deaf || !self.shells[to].is_alive() {
            return;
        }
        self.on_opened(from, attempt);
        let known = self.shells[to].expected.contains_key(&attempt);
        self.input(to, Input::StreamOpened { from: as_node, attempt });
        if self.shells[to].expected.get(&attempt) == Some(&as_node) {
            if !known {
                self.saw(Situation::BoundByStream);
            }
            self.take_work(to, attempt, work);
        } else {
            self.saw(Situation::StreamRefused);
            self.say(attempt, AttemptEvent::Failed(Fault::Refused(Refusal::Stale)));
            self.tidy(attempt);
        }
    }

    /// The owner's end of a stream gets an event.
    pub(super) fn on_heard(&mut self, owner: usize, attempt: AttemptId, event: AttemptEvent) {
        let Some(stream) = self.streams.get(&attempt) else { return };
        if stream.deaf_owner || !self.shells[owner].is_alive() {
            return;
        }
        let now = self.now;
        let shell = &mut self.shells[owner];
        let (heard, chat) = (shell.clock.at(now), shell.chats.get(&attempt.job));
        let stalled = chat.is_some_and(|chat| chat.stalled);
        let Some(pump) = shell.pumps.get_mut(&attempt) else {
            return self.on_late(owner, attempt, &event);
        };
        (pump.heard, pump.doubt) = (heard, Doubt::None);
        if stalled {
            return;
        }
        let begun = std::mem::replace(&mut pump.begun, true);
        match &event {
            AttemptEvent::Alive { phase, .. } => pump.phase = *phase,
            AttemptEvent::Started { .. } | AttemptEvent::Tokens { .. } => {
                pump.phase = Phase::Decode;
            }
            AttemptEvent::Finished { .. }
            | AttemptEvent::Embedded { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Failed(_) => {}
        }
        if !begun {
            self.news(owner, attempt, Input::AttemptStarted { attempt });
        }
        self.take(owner, attempt, event);
    }

    /// Checks an event against the order, hands it to the client, and ends with the last.
    fn take(&mut self, owner: usize, attempt: AttemptId, event: AttemptEvent) {
        let Some(pump) = self.shells[owner].pumps.get_mut(&attempt) else { return };
        if pump.order.check(&event).is_err() {
            self.saw(Situation::EngineGarbage);
            return self.end_pump(owner, attempt, Outcome::Failed(Fault::PeerProtocol), true);
        }
        match event {
            AttemptEvent::Tokens { index, tokens } => {
                let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
                let Some(chat) = self.shells[owner].chats.get_mut(&attempt.job) else { return };
                chat.delivered.extend(&ids);
                self.oracle.on_tokens(self.now, task_of(attempt), index, &ids);
                self.on_read(owner, attempt);
            }
            AttemptEvent::Finished { usage, timings, .. } => {
                self.end_pump(owner, attempt, Outcome::Completed { usage, timings }, false);
            }
            AttemptEvent::Failed(fault) => {
                self.oracle.on_end_told(attempt);
                let cancelled = fault == Fault::Cancelled;
                let crashed = fault == Fault::EngineCrash;
                let outcome = if cancelled { Outcome::Cancelled } else { Outcome::Failed(fault) };
                self.end_pump(owner, attempt, outcome, false);
                if crashed {
                    self.oracle.check_innocent(self.now, task_of(attempt));
                }
            }
            AttemptEvent::Alive { .. }
            | AttemptEvent::Started { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Embedded { .. } => {}
        }
    }

    /// An event of an attempt that its owner has given up: nobody listens on that stream.
    fn on_late(&mut self, owner: usize, attempt: AttemptId, event: &AttemptEvent) {
        self.saw(Situation::SpokeLate);
        if self.canary != Some(Canary::EpochForgotten) {
            return;
        }
        let mut out = self.shells[owner].pumps.keys();
        let Some(newest) = out.find(|known| known.job == attempt.job).copied() else { return };
        let input = match event {
            AttemptEvent::Started { .. } => Input::AttemptStarted { attempt: newest },
            AttemptEvent::Finished { usage, timings, .. } => {
                ended(newest, Outcome::Completed { usage: *usage, timings: *timings })
            }
            AttemptEvent::Failed(fault) => ended(newest, Outcome::Failed(fault.clone())),
            AttemptEvent::Alive { .. }
            | AttemptEvent::Tokens { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Embedded { .. } => return,
        };
        self.news(owner, attempt, input);
    }

    /// The owner's end of a stream ends. `closes`: before the executor said its last.
    pub(super) fn end_pump(
        &mut self,
        owner: usize,
        attempt: AttemptId,
        outcome: Outcome,
        closes: bool,
    ) {
        let Some(pump) = self.shells[owner].pumps.remove(&attempt) else { return };
        self.marks.ended(self.tracing, self.now, attempt, &outcome);
        if let Outcome::Failed(fault) = &outcome
            && fault.is_retryable()
        {
            self.note_failover(owner, attempt, &pump);
        }
        if closes {
            self.close(owner, attempt);
        }
        self.news(owner, attempt, ended(attempt, outcome));
        self.tidy(attempt);
    }

    fn note_failover(&mut self, owner: usize, attempt: AttemptId, pump: &Pump) {
        let Some(chat) = self.shells[owner].chats.get_mut(&attempt.job) else { return };
        chat.failovers += 1;
        let (begun, again) = (!chat.delivered.is_empty(), chat.failovers > 1);
        self.saw(match pump.phase {
            Phase::Queued | Phase::Load => Situation::FailoverDuringLoad,
            Phase::Prefill => Situation::FailoverDuringPrefill,
            Phase::Decode | Phase::Paused => Situation::FailoverDuringDecode,
        });
        if begun && again {
            self.saw(Situation::SecondFailover);
        }
    }

    /// The owner ends an attempt and ignores what still comes of it.
    pub(super) fn give_up(&mut self, node: usize, attempt: AttemptId) {
        if self.canary == Some(Canary::CancelledDelivered) {
            return;
        }
        if self.shells[node].pumps.remove(&attempt).is_some() {
            self.marks.ended(self.tracing, self.now, attempt, &Outcome::Cancelled);
        }
        self.close(node, attempt);
        self.tidy(attempt);
    }

    fn close(&mut self, node: usize, attempt: AttemptId) {
        let Some(stream) = self.streams.get(&attempt) else { return };
        let to = stream.executor;
        let delay = if to == node { 0 } else { self.wire.stream(node, to) };
        self.tell_executor(attempt, delay, |from, to| Event::StreamCancel { from, to, attempt });
    }

    /// Forgets a stream that neither side has any more.
    pub(super) fn tidy(&mut self, attempt: AttemptId) {
        let Some(stream) = self.streams.get(&attempt) else { return };
        let (owner, executor) = (&self.shells[stream.owner], &self.shells[stream.executor]);
        let closing = stream.to_executor_at > self.now.0 || stream.to_owner_at > self.now.0;
        let held = owner.pumps.contains_key(&attempt)
            || executor.at_hand.contains_key(&attempt)
            || executor.told.contains_key(&attempt);
        if !held && !closing {
            self.streams.remove(&attempt);
        }
    }
}

/// Canary: the owner does not know what it has delivered.
fn distrusts(canary: Option<Canary>) -> bool {
    canary == Some(Canary::DeliveredForgotten)
}

/// The order that the next attempt's events must have; with a canary, what the bug makes of it.
fn spoilt(canary: Option<Canary>, order: EventOrder, delivered: u32) -> EventOrder {
    match canary {
        Some(Canary::TokenRepeated) => EventOrder::after(delivered.saturating_sub(1)),
        Some(_) | None => order,
    }
}

/// The ids from which an answer is continued; with a canary, what the bug makes of them.
fn resumed(canary: Option<Canary>, mut delivered: Vec<u32>) -> Vec<u32> {
    match canary {
        Some(Canary::DeliveredForgotten) => Vec::new(),
        Some(Canary::TokenRepeated) => {
            delivered.pop();
            delivered
        }
        Some(Canary::TokenChanged) => {
            if let Some(last) = delivered.last_mut() {
                *last ^= 1;
            }
            delivered
        }
        Some(_) | None => delivered,
    }
}

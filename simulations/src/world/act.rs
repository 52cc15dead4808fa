//! What a machine does when its scheduler tells it to, and what its engines and streams report.

use pumasi_protocol::{AttemptId, Control, Fault, ModelName, NodeId, Refusal, Timings, Usage};
use pumasi_scheduler::{Action, Input, Outcome};

use crate::canary::Canary;
use crate::chance::hash;
use crate::engine::Place;

use super::{Event, World};

/// Time until a peer that is gone is noticed while sending to it, in microseconds.
const REFUSED_US: u64 = 1_000;

impl World<'_> {
    /// Takes and performs all actions of a machine, and lets the oracle look at it.
    pub(super) fn perform(&mut self, node: usize, stale: bool) {
        self.counts.steps += 1;
        while let Some(action) =
            self.shells[node].scheduler.as_mut().and_then(pumasi_scheduler::Scheduler::poll_action)
        {
            self.note(|| format!("{node} > {action:?}"));
            self.perform_one(node, action, stale);
        }
        let shell = &self.shells[node];
        self.oracle.on_step(self.now, shell.id, &shell.engines);
    }

    fn perform_one(&mut self, node: usize, action: Action, stale: bool) {
        match action {
            Action::Send { to, control } => self.send(node, to, control),
            Action::Dispatch { attempt, executor, .. } => self.dispatch(node, attempt, executor),
            Action::CancelAttempt { attempt, executor } => {
                self.shells[node].dispatched.remove(&attempt);
                let to = self.by_id[&executor];
                let delay = if to == node { 0 } else { self.wire.stream(node, to) };
                self.later(delay, Event::StreamCancel { from: node, to, attempt });
            }
            Action::JobState { job, state } => {
                self.check_failure(node, job, &state);
                self.oracle.on_state(self.now, job, &state, stale);
            }
            Action::Expect { attempt, owner } => {
                self.oracle.on_bound(self.now, attempt, self.shells[node].id);
                self.shells[node].expected.insert(attempt, owner);
            }
            Action::Run { attempt, owner, model } => {
                self.oracle.on_bound(self.now, attempt, self.shells[node].id);
                self.shells[node].told.insert(attempt, (owner, model));
                self.begin(node, attempt);
            }
            Action::Stop { attempt, fault } => {
                self.counts.stops += 1;
                self.stop(node, attempt, fault);
            }
            Action::Load { model } => self.load(node, model),
            Action::Unload { model } => self.unload(node, model),
        }
    }

    fn send(&mut self, from: usize, to: NodeId, control: Control) {
        let to = self.by_id[&to];
        self.counts.messages += 1;
        let attempt = match &control {
            Control::Offer(offer) => {
                self.counts.offers += 1;
                offer.attempt
            }
            Control::Claim { attempt } => {
                self.counts.claims += 1;
                *attempt
            }
            Control::Unbound { attempt, .. } => {
                self.counts.unbound += 1;
                *attempt
            }
            Control::Bid { attempt, .. }
            | Control::Refuse { attempt, .. }
            | Control::Bind { attempt }
            | Control::Gone { attempt } => *attempt,
        };
        if !self.shells[to].is_alive() || self.wire.is_cut(from, to) {
            let boot = self.shells[from].boots;
            return self.later(REFUSED_US, Event::SendFailed { from, boot, to, attempt });
        }
        for delay in self.wire.datagram(from, to) {
            self.later(delay, Event::Control { from, to, control: control.clone() });
        }
    }

    pub(super) fn on_control(&mut self, from: usize, to: usize, control: Control) {
        if self.wire.is_cut(from, to) {
            return;
        }
        let control = match (self.canary, control) {
            (Some(Canary::LosersBound), Control::Gone { attempt }) => Control::Bind { attempt },
            (_, control) => control,
        };
        let from = self.shells[from].id;
        self.input(to, Input::Message { from, control });
    }

    fn dispatch(&mut self, node: usize, attempt: AttemptId, executor: NodeId) {
        self.oracle.on_dispatch(self.now, attempt);
        self.counts.bindings += 1;
        self.counts.retries += u64::from(attempt.epoch.0 > 1);
        self.shells[node].dispatched.insert(attempt, executor);
        let to = self.by_id[&executor];
        if to == node {
            self.shells[node].at_hand.insert(attempt);
            return;
        }
        self.counts.remote += 1;
        if !self.shells[to].is_alive() || self.wire.is_cut(node, to) {
            return self.break_stream(node, to, attempt);
        }
        let delay = self.wire.stream(node, to) + self.wire.stream(node, to);
        self.later(delay, Event::StreamOpen { from: node, to, attempt });
    }

    pub(super) fn on_stream_open(&mut self, from: usize, to: usize, attempt: AttemptId) {
        if self.broken.contains(&attempt) || !self.shells[to].is_alive() {
            return;
        }
        let opener = self.shells[from].id;
        self.input(to, Input::StreamOpened { from: opener, attempt });
        let shell = &mut self.shells[to];
        if shell.expected.get(&attempt) == Some(&opener) {
            shell.at_hand.insert(attempt);
            self.begin(to, attempt);
        } else {
            let fault = Fault::Refused(Refusal::Stale);
            self.tell_end(to, opener, attempt, Outcome::Failed(fault));
        }
    }

    /// The owner cancels: the engine stops within a step, and the last event still goes out.
    pub(super) fn on_stream_cancel(&mut self, from: usize, to: usize, attempt: AttemptId) {
        let owner = self.shells[from].id;
        if self.broken.contains(&attempt) && from != to {
            return;
        }
        let shell = &self.shells[to];
        let told = shell.told.get(&attempt).is_some_and(|(of, _)| *of == owner);
        if told || shell.expected.get(&attempt) == Some(&owner) {
            self.end(to, attempt, Some(Fault::Cancelled), Outcome::Cancelled);
        }
    }

    /// Starts the engine once the slot and the work are both there.
    fn begin(&mut self, node: usize, attempt: AttemptId) {
        let shell = &mut self.shells[node];
        let Some((owner, model)) = shell.told.get(&attempt).cloned() else { return };
        if !shell.at_hand.contains(&attempt) {
            return;
        }
        let others = u64::try_from(shell.engines.running()).expect("few attempts");
        let generation = shell.engines.generation;
        let engine = shell.engines.models.get_mut(&model).expect("it holds the model");
        if engine.place != Place::Memory {
            let fault = Fault::EngineStart;
            return self.end(node, attempt, Some(fault.clone()), Outcome::Failed(fault));
        }
        engine.running.insert(attempt);
        let job = &self.jobs[&attempt.job];
        let read = u64::from(job.prompt) * 1_000_000 / u64::from(shell.spec.prefill_per_s);
        let written = u64::from(job.answer) * 1_000_000 / u64::from(shell.spec.decode_per_s);
        let slowed = (read + written) * (2 + others) / 2;
        let to = self.by_id[&owner];
        let delay = if to == node { 0 } else { self.wire.stream(node, to) };
        self.later(delay + read, Event::Started { from: node, to, attempt });
        self.later(slowed.max(1), Event::Worked { node, attempt, generation });
    }

    pub(super) fn on_worked(&mut self, node: usize, attempt: AttemptId, generation: u64) {
        let shell = &self.shells[node];
        if shell.engines.generation == generation && shell.told.contains_key(&attempt) {
            let (usage, timings) = self.measured(node, attempt);
            self.end(node, attempt, None, Outcome::Completed { usage, timings });
        }
    }

    fn measured(&self, node: usize, attempt: AttemptId) -> (Usage, Timings) {
        let (job, spec) = (&self.jobs[&attempt.job], &self.shells[node].spec);
        let usage = Usage { prompt: job.prompt, cached: 0, completion: job.answer };
        let timings = Timings {
            queued_us: 0,
            prefill_us: u64::from(job.prompt) * 1_000_000 / u64::from(spec.prefill_per_s),
            decode_us: u64::from(job.answer) * 1_000_000 / u64::from(spec.decode_per_s),
        };
        (usage, timings)
    }

    /// An attempt that is bound here ends, in its slot or before: both sides hear of it, the owner
    /// later.
    pub(super) fn end(
        &mut self,
        node: usize,
        attempt: AttemptId,
        fault: Option<Fault>,
        outcome: Outcome,
    ) {
        let shell = &mut self.shells[node];
        let told = shell.told.remove(&attempt).map(|(owner, _)| owner);
        let expected = shell.expected.remove(&attempt);
        let Some(owner) = told.or(expected) else { return };
        shell.engines.end(attempt);
        shell.at_hand.remove(&attempt);
        shell.ends += 1;
        let swallowed = self.canary == Some(Canary::EndSwallowed) && shell.ends.is_multiple_of(4);
        if !swallowed {
            self.tell_end(node, owner, attempt, outcome);
        }
        let (usage, timings) = self.measured(node, attempt);
        let timings = if fault.is_none() { timings } else { Timings::default() };
        self.input(node, Input::ExecutorDone { attempt, usage, timings, fault });
    }

    fn tell_end(&mut self, node: usize, owner: NodeId, attempt: AttemptId, outcome: Outcome) {
        let to = self.by_id[&owner];
        let delay = if to == node { 0 } else { self.wire.stream(node, to) };
        self.later(delay, Event::Ended { from: node, to, attempt, outcome });
    }

    fn stop(&mut self, node: usize, attempt: AttemptId, fault: Fault) {
        let me = self.shells[node].id;
        let outcome = Outcome::Failed(fault.clone());
        if self.shells[node].told.contains_key(&attempt) {
            return self.end(node, attempt, Some(fault), outcome);
        }
        let owner = self.shells[node].expected.remove(&attempt).unwrap_or(me);
        let had_work = self.shells[node].at_hand.remove(&attempt);
        if had_work {
            self.tell_end(node, owner, attempt, outcome);
        }
    }

    fn load(&mut self, node: usize, model: ModelName) {
        self.counts.loads += 1;
        let shell = &mut self.shells[node];
        let spoilt = std::mem::take(&mut shell.spoil_next_load);
        let generation = shell.engines.generation;
        let engine = shell.engines.models.get_mut(&model).expect("it holds the model");
        engine.place = Place::Loading;
        let us = engine.load_ms * 1_000 + 1;
        let event = if spoilt {
            Event::LoadFailed { node, model, generation }
        } else {
            Event::Loaded { node, model, generation }
        };
        self.later(us, event);
    }

    fn unload(&mut self, node: usize, model: ModelName) {
        self.counts.unloads += 1;
        let shell = &mut self.shells[node];
        let generation = shell.engines.generation;
        let engine = shell.engines.models.get_mut(&model).expect("it holds the model");
        if engine.place == Place::Disk {
            // It crashed at this very moment, which is being told.
            return;
        }
        engine.place = Place::Unloading;
        let us = 1_000 + hash(&[self.scenario.net_seed, self.now.0]) % 50_000;
        self.later(us, Event::Unloaded { node, model, generation });
    }

    pub(super) fn on_loaded(&mut self, node: usize, model: ModelName, generation: u64) {
        if self.shells[node].engines.generation == generation {
            self.place(node, &model, Place::Memory);
            let facts = self.shells[node].loaded_facts(&model);
            self.input(node, Input::ModelLoaded { model, facts });
        }
    }

    pub(super) fn on_load_failed(&mut self, node: usize, model: ModelName, generation: u64) {
        if self.shells[node].engines.generation == generation {
            self.place(node, &model, Place::Disk);
            self.input(node, Input::LoadFailed { model, fault: Fault::EngineStart });
        }
    }

    pub(super) fn on_unloaded(&mut self, node: usize, model: ModelName, generation: u64) {
        if self.shells[node].engines.generation == generation {
            self.place(node, &model, Place::Disk);
            self.input(node, Input::ModelUnloaded { model });
        }
    }

    fn place(&mut self, node: usize, model: &ModelName, place: Place) {
        let engine = self.shells[node].engines.models.get_mut(model);
        engine.expect("it holds the model").place = place;
    }
}

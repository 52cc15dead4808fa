//! Faults, and how the machines find out about them.

use pumasi_protocol::{AttemptId, Fault};
use pumasi_scheduler::{Input, MemberFacts, Outcome};

use crate::chance::hash;
use crate::scenario::WorldFault;
use crate::shell::person_id;

use super::{Event, World};

impl World<'_> {
    pub(super) fn disturb(&mut self, fault: WorldFault) {
        self.note(|| format!("* {fault:?}"));
        match fault {
            WorldFault::Kill { node } => self.kill(node),
            WorldFault::Restart { node } => {
                if !self.shells[node].is_alive() {
                    self.boot(node);
                }
            }
            WorldFault::Cut { a, b } => self.set_cut(a, b, true),
            WorldFault::Heal { a, b } => self.set_cut(a, b, false),
            WorldFault::Crash { node } => self.crash(node),
            WorldFault::SpoilLoad { node } => {
                self.shells[node].spoil_next_load = true;
                self.shells[node].disturbed = self.now;
            }
            WorldFault::Pause { node } => self.set_paused(node, true),
            WorldFault::Resume { node } => self.set_paused(node, false),
        }
    }

    /// A machine starts: its own facts first, then it and the others find each other.
    pub(super) fn boot(&mut self, node: usize) {
        let now = self.now;
        self.shells[node].boot(self.scenario.net_seed, now);
        self.shells[node].disturbed = now;
        let facts = |person: Option<u8>| MemberFacts {
            person: person.map(person_id),
            may_run: true,
            may_submit: true,
        };
        let members = self.shells.iter().map(|s| (s.id, facts(s.spec.person))).collect();
        self.input(node, Input::Roster { members });
        self.tell_local(node);
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_soon(node, peer);
        }
        let boot = self.shells[node].boots;
        let first = hash(&[self.scenario.net_seed, node as u64, boot]);
        let delay = first % (self.scenario.net.gossip_ms * 1_000 + 1);
        self.later(delay, Event::Gossip { node, boot });
    }

    fn tell_local(&mut self, node: usize) {
        let advert = Box::new(self.shells[node].local(self.canary));
        let model_memory = self.shells[node].engines.budget;
        self.input(node, Input::Local { advert, model_memory });
    }

    fn kill(&mut self, node: usize) {
        if !self.shells[node].is_alive() {
            return;
        }
        let id = self.shells[node].id;
        self.oracle.on_owner_died(id);
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.break_streams(node, peer);
        }
        self.shells[node].kill();
        self.shells[node].disturbed = self.now;
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_soon(node, peer);
        }
    }

    fn set_cut(&mut self, a: usize, b: usize, cut: bool) {
        self.wire.set_cut(a, b, cut);
        for node in [a, b] {
            self.shells[node].disturbed = self.now;
        }
        if cut {
            self.break_streams(a, b);
        }
        self.see_soon(a, b);
    }

    fn set_paused(&mut self, node: usize, paused: bool) {
        self.shells[node].paused = paused;
        self.shells[node].disturbed = self.now;
        if self.shells[node].is_alive() {
            self.tell_local(node);
        }
    }

    /// The engines crash: what ran ends, what had memory has none.
    fn crash(&mut self, node: usize) {
        if !self.shells[node].is_alive() {
            return;
        }
        self.shells[node].disturbed = self.now;
        let (ran, lost) = self.shells[node].engines.crash();
        self.counts.crashes += u64::from(!ran.is_empty());
        let memory_first = hash(&[self.scenario.net_seed, self.now.0, 9]).is_multiple_of(2);
        if memory_first {
            self.tell_unloaded(node, &lost);
        }
        for attempt in ran {
            let fault = Fault::EngineCrash;
            self.end(node, attempt, Some(fault.clone()), Outcome::Failed(fault));
        }
        if !memory_first {
            self.tell_unloaded(node, &lost);
        }
    }

    fn tell_unloaded(&mut self, node: usize, models: &[pumasi_protocol::ModelName]) {
        for model in models {
            self.input(node, Input::ModelUnloaded { model: model.clone() });
        }
    }

    /// Both sides of a link find out how it is, each in its own time.
    fn see_soon(&mut self, a: usize, b: usize) {
        for (node, peer) in [(a, b), (b, a)] {
            let draw = hash(&[self.scenario.net_seed, self.now.0, node as u64, peer as u64]);
            self.later(1_000 + draw % 800_000, Event::See { node, peer });
        }
    }

    fn break_streams(&mut self, a: usize, b: usize) {
        for (owner, executor) in [(a, b), (b, a)] {
            let id = self.shells[executor].id;
            let between = self.shells[owner].dispatched.iter().filter(|(_, to)| **to == id);
            for attempt in between.map(|(attempt, _)| *attempt).collect::<Vec<_>>() {
                self.break_stream(owner, executor, attempt);
            }
        }
    }

    /// What is on its way in a stream is lost; both ends notice after a while.
    pub(super) fn break_stream(&mut self, owner: usize, executor: usize, attempt: AttemptId) {
        self.counts.broken += 1;
        self.broken.insert(attempt);
        let draw = |salt| hash(&[self.scenario.net_seed, self.now.0, salt]) % 1_000_000 + 1_000;
        let (first, second) = (draw(1), draw(2));
        let boot = self.shells[owner].boots;
        self.later(first, Event::ExecutorLost { node: owner, boot, attempt });
        let boot = self.shells[executor].boots;
        self.later(second, Event::OwnerLost { node: executor, boot, attempt });
    }

    pub(super) fn on_executor_lost(&mut self, node: usize, boot: u64, attempt: AttemptId) {
        if self.shells[node].boots == boot
            && self.shells[node].dispatched.remove(&attempt).is_some()
        {
            let outcome = Outcome::Failed(Fault::Connection);
            self.news(node, attempt, Input::AttemptEnded { attempt, outcome });
        }
    }

    pub(super) fn on_owner_lost(&mut self, node: usize, boot: u64, attempt: AttemptId) {
        let had_work = self.shells[node].at_hand.contains(&attempt);
        if self.shells[node].boots == boot && had_work {
            let fault = Fault::Connection;
            self.shells[node].at_hand.remove(&attempt);
            self.end(node, attempt, Some(fault.clone()), Outcome::Failed(fault));
        }
    }

    /// Whether what an attempt's stream carries arrives.
    pub(super) fn stream_stands(&self, from: usize, to: usize, attempt: AttemptId) -> bool {
        from == to || !(self.broken.contains(&attempt) || self.wire.is_cut(from, to))
    }
}

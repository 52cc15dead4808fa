//! A member that lies (X30): it speaks of attempts that are none of its business, floods, replays,
//! opens streams for others' work, and advertises what it does not have.

use pumasi_protocol::{AttemptId, Bid, Control, Epoch, Fault, ModelState, NodeId, Offer, Refusal};
use pumasi_scheduler::Input;

use crate::oracle::task_of;
use crate::situations::Situation;

use super::World;
use super::events::Event;
use super::people::job_id;

/// How often it strikes, in microseconds, and with how many messages.
const PAUSE_US: u64 = 250_000;
const MESSAGES: u64 = 25;
/// How long it keeps a stream open on which nothing comes, in microseconds.
const INTRUSION_US: u64 = 1_000_000;

impl World<'_> {
    pub(super) fn make_mischief(&mut self, node: usize, boot: u64) {
        let shell = &self.shells[node];
        if shell.boots != boot || !shell.is_awake() || shell.hostile == 0 {
            return;
        }
        self.saw(Situation::Hostile);
        for number in 0..MESSAGES {
            self.lie(node, number);
        }
        self.boast(node);
        self.intrude(node);
        self.later(PAUSE_US, Event::Mischief { node, boot });
    }

    /// An attempt of anybody's, with an epoch near the one that stands.
    fn some_attempt(&self, salt: u64) -> AttemptId {
        let draw = self.draw(&[salt, 11]);
        let jobs = self.counts.jobs.max(1);
        let live = self.streams.keys().collect::<Vec<_>>();
        let index = usize::try_from(draw % (live.len().max(1) as u64)).expect("few streams");
        match live.get(index).filter(|_| draw & 1 << 40 == 0) {
            Some(attempt) => **attempt,
            None => {
                let epoch = Epoch(u32::try_from(draw >> 8 & 3).expect("two bits"));
                AttemptId { job: job_id(draw % jobs), epoch }
            }
        }
    }

    fn lie(&mut self, node: usize, number: u64) {
        let draw = self.draw(&[number, node as u64]);
        let to = usize::try_from(draw % self.shells.len() as u64).expect("few machines");
        if to == node || !self.shells[to].is_alive() || self.wire.is_apart(node, to) {
            return;
        }
        let attempt = self.some_attempt(number);
        let refusal = Refusal::Stale;
        let bid =
            Bid { start_ms: 0, load_ms: 0, cached_tokens: u32::MAX, finish_ms: 0, valid_ms: 1 };
        let control = match draw >> 32 & 7 {
            0 => Control::Bid { attempt, bid },
            1 => Control::Refuse { attempt, refusal },
            2 => Control::Claim { attempt },
            3 => Control::Bind { attempt },
            4 => Control::Gone { attempt },
            5 => Control::Unbound { attempt, refusal },
            _ => match self.some_need(attempt) {
                Some(need) => {
                    let alone = draw >> 40 & 1 == 1;
                    Control::Offer(Box::new(Offer { attempt, need, alone }))
                }
                None => return,
            },
        };
        let as_node = self.shells[node].id;
        for delay in self.wire.datagram(node, to) {
            let control = control.clone();
            self.later(delay, Event::Control { from: node, as_node, to, control });
        }
    }

    /// Jobs that it invents, so that queues fill.
    fn some_need(&self, attempt: AttemptId) -> Option<pumasi_protocol::Need> {
        let owner = self.oracle.owner(task_of(attempt))?;
        let scheduler = self.shells[owner].scheduler.as_ref()?;
        let mut need = scheduler.view().why(attempt.job)?.need.clone();
        need.prompt_tokens = need.prompt_tokens.saturating_mul(3);
        Some(need)
    }

    /// It claims to be the fastest and idlest of all.
    fn boast(&mut self, node: usize) {
        let (number, advert) = self.shells[node].published();
        let Some(mut advert) = advert.cloned() else { return };
        (advert.incarnation, advert.sequence) = (number.0, number.1 + 1_000);
        advert.queue = pumasi_protocol::advert::Queue::default();
        for model in &mut advert.models {
            model.state = ModelState::Loaded { slots: 64, busy: 0 };
            model.decode = pumasi_protocol::Rate(u32::MAX);
            model.prefill = pumasi_protocol::Rate(u32::MAX);
        }
        for to in (0..self.shells.len()).filter(|to| *to != node) {
            if self.knows(node, self.shells[to].own_id) && !self.wire.is_apart(node, to) {
                self.later(1_000, Event::Advert { to, advert: Box::new(advert.clone()) });
            }
        }
    }

    /// It opens a stream for work that is another's.
    fn intrude(&mut self, node: usize) {
        let attempt = self.some_attempt(99);
        let Some(stream) = self.streams.get(&attempt) else { return };
        let (owner, executor) = (stream.owner, stream.executor);
        if owner == node || executor == node || self.wire.is_apart(node, executor) {
            return;
        }
        self.saw(Situation::HostileStream);
        let from = self.shells[node].id;
        let is_its = |world: &Self| world.shells[executor].expected.get(&attempt) == Some(&from);
        // What it invented itself under another's number is its own.
        let before = is_its(self);
        self.input(executor, Input::StreamOpened { from, attempt });
        if is_its(self) && !before && self.shells[executor].at_hand.contains_key(&attempt) {
            let what = format!("node {executor} takes node {node} for the owner of {attempt:?}");
            self.violate(crate::oracle::Invariant::Fencing, what);
        }
        if is_its(self) {
            self.later(INTRUSION_US, Event::IntruderLeft { from, to: executor, attempt });
        }
    }

    /// Its stream breaks: what was expected on it, ends.
    pub(super) fn on_intruder_left(&mut self, from: NodeId, to: usize, attempt: AttemptId) {
        let shell = &self.shells[to];
        let told = shell.told.get(&attempt).map(|(owner, _)| *owner);
        let is_its = told.or(shell.expected.get(&attempt).copied()) == Some(from);
        let own = self.streams.get(&attempt).is_some_and(|s| self.shells[s.owner].id == from);
        if shell.is_alive() && is_its && !own {
            self.end(to, attempt, Some(Fault::Cancelled), None);
        }
    }
}

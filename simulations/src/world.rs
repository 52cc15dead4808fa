//! Executes a scenario: one queue of events in virtual time, each step on one machine, the oracle
//! after each.

use std::collections::BTreeMap;

use pumasi_protocol::{AdvertDelta, AttemptId, Control, JobId, ModelName, NodeAdvert, NodeId};
use pumasi_scheduler::{Input, Link, Outcome, Time};

use crate::canary::Canary;
use crate::counts::{Counts, Report};
use crate::oracle::{Invariant, Oracle};
use crate::scenario::{Job, Operation, Scenario};
use crate::shell::{News, Shell, model_name};
use crate::wire::Wire;

mod act;
mod disturb;
mod settle;

/// Longest virtual time after the last operation until every job must have ended, in milliseconds.
const PATIENCE_MS: u64 = 2 * 3_600_000;
/// Virtual time after the last job's end in which everything left must vanish, in milliseconds:
/// longer than the longest reservation.
const AFTERMATH_MS: u64 = 120_000;
/// How often a node repeats its full advert in these runs, in milliseconds, as a stand-in for the
/// state sync that repairs lost gossip.
const REFRESH_MS: u64 = 5_000;
/// Lines of the trace that are kept.
const TRACE_LINES: usize = 4_000;

/// What will happen.
#[derive(Debug, Clone)]
enum Event {
    Operation(usize),
    Fault(usize),
    Gossip { node: usize, boot: u64 },
    Advert { to: usize, advert: Box<NodeAdvert> },
    Delta { to: usize, delta: AdvertDelta },
    Control { from: usize, to: usize, control: Control },
    SendFailed { from: usize, boot: u64, to: usize, attempt: AttemptId },
    StreamOpen { from: usize, to: usize, attempt: AttemptId },
    StreamCancel { from: usize, to: usize, attempt: AttemptId },
    Started { from: usize, to: usize, attempt: AttemptId },
    Ended { from: usize, to: usize, attempt: AttemptId, outcome: Outcome },
    OwnerLost { node: usize, boot: u64, attempt: AttemptId },
    ExecutorLost { node: usize, boot: u64, attempt: AttemptId },
    See { node: usize, peer: usize },
    Loaded { node: usize, model: ModelName, generation: u64 },
    LoadFailed { node: usize, model: ModelName, generation: u64 },
    Unloaded { node: usize, model: ModelName, generation: u64 },
    Worked { node: usize, attempt: AttemptId, generation: u64 },
}

struct World<'a> {
    scenario: &'a Scenario,
    canary: Option<Canary>,
    now: Time,
    shells: Vec<Shell>,
    by_id: BTreeMap<NodeId, usize>,
    wire: Wire,
    events: BTreeMap<(Time, u64), Event>,
    /// Keeps events of one moment in order.
    order: u64,
    jobs: BTreeMap<JobId, Job>,
    owners: BTreeMap<u64, usize>,
    /// Streams whose link was cut or whose end died: what was on its way in them is lost.
    broken: std::collections::BTreeSet<AttemptId>,
    oracle: Oracle,
    counts: Counts,
    digest: u64,
    tracing: bool,
    trace: std::collections::VecDeque<String>,
}

/// Executes a scenario until all its jobs have ended and all that is left must have vanished, or
/// until the first violation. `tracing` keeps the last lines of a trace.
#[must_use]
pub fn run(scenario: &Scenario, canary: Option<Canary>, tracing: bool) -> Report {
    let mut world = World::new(scenario, canary, tracing);
    world.start();
    let last_op = scenario.workload.last().map_or(0, |op| op.at_ms);
    let last_fault = scenario.faults.last().map_or(0, |fault| fault.at_ms);
    let busy_until = Time::from_ms(last_op.max(last_fault));
    let deadline = busy_until.after_ms(PATIENCE_MS);
    world.run_until(deadline, |world| world.now > busy_until && world.oracle.unended().is_empty());
    world.check_all_ended();
    let aftermath = world.now.after_ms(AFTERMATH_MS);
    world.run_until(aftermath, |_| false);
    world.check_nothing_left();
    world.report()
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, canary: Option<Canary>, tracing: bool) -> Self {
        let shells: Vec<Shell> =
            (0..scenario.machines.len()).map(|i| Shell::new(i, scenario)).collect();
        let by_id = shells.iter().map(|s| (s.id, s.index)).collect();
        Self {
            scenario,
            canary,
            now: Time::START,
            by_id,
            shells,
            wire: Wire::new(scenario.net, scenario.net_seed),
            events: BTreeMap::new(),
            order: 0,
            jobs: BTreeMap::new(),
            owners: BTreeMap::new(),
            broken: std::collections::BTreeSet::new(),
            oracle: Oracle::default(),
            counts: Counts::default(),
            digest: 0,
            tracing,
            trace: std::collections::VecDeque::new(),
        }
    }

    fn start(&mut self) {
        for node in 0..self.shells.len() {
            self.boot(node);
        }
        for (index, op) in self.scenario.workload.iter().enumerate() {
            self.at(Time::from_ms(op.at_ms), Event::Operation(index));
        }
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            self.at(Time::from_ms(fault.at_ms), Event::Fault(index));
        }
    }

    /// Runs until `done` holds, the time is `end`, or something was violated.
    fn run_until(&mut self, end: Time, done: impl Fn(&Self) -> bool) {
        while self.oracle.violations.is_empty() && !done(self) {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let timers = self
                .shells
                .iter()
                .filter_map(|s| Some((s.scheduler.as_ref()?.next_timeout()?.0, s.index)));
            let timer = timers.min();
            let next = [event, timer.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            match timer.filter(|(at, _)| event.is_none_or(|event| *at < event)) {
                Some((_, node)) => self.time_out(node),
                None => {
                    if let Some((_, event)) = self.events.pop_first() {
                        self.on_event(event);
                    }
                }
            }
        }
        if self.oracle.violations.is_empty() && !done(self) {
            self.now = self.now.max(end);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Operation(index) => self.operate(index),
            Event::Fault(index) => self.disturb(self.scenario.faults[index].fault),
            Event::Gossip { node, boot } => self.gossip(node, boot),
            Event::Advert { to, advert } => self.input(to, Input::Advert(advert)),
            Event::Delta { to, delta } => self.input(to, Input::Delta(delta)),
            Event::Control { from, to, control } => self.on_control(from, to, control),
            Event::SendFailed { from, boot, to, attempt } if self.shells[from].boots == boot => {
                let to = self.shells[to].id;
                self.input(from, Input::SendFailed { to, attempt });
            }
            Event::SendFailed { .. } => {}
            Event::StreamOpen { from, to, attempt } => self.on_stream_open(from, to, attempt),
            Event::StreamCancel { from, to, attempt } => self.on_stream_cancel(from, to, attempt),
            Event::Started { from, to, attempt } => {
                if self.stream_stands(from, to, attempt) {
                    self.news(to, attempt, Input::AttemptStarted { attempt });
                }
            }
            Event::Ended { from, to, attempt, outcome } => {
                if self.stream_stands(from, to, attempt) {
                    self.shells[to].dispatched.remove(&attempt);
                    self.news(to, attempt, Input::AttemptEnded { attempt, outcome });
                }
            }
            Event::OwnerLost { node, boot, attempt } => self.on_owner_lost(node, boot, attempt),
            Event::ExecutorLost { node, boot, attempt } => {
                self.on_executor_lost(node, boot, attempt);
            }
            Event::See { node, peer } => self.see(node, peer),
            Event::Loaded { node, model, generation } => self.on_loaded(node, model, generation),
            Event::LoadFailed { node, model, generation } => {
                self.on_load_failed(node, model, generation);
            }
            Event::Unloaded { node, model, generation } => {
                self.on_unloaded(node, model, generation);
            }
            Event::Worked { node, attempt, generation } => {
                self.on_worked(node, attempt, generation);
            }
        }
    }

    fn operate(&mut self, index: usize) {
        let op = &self.scenario.workload[index];
        match &op.operation {
            Operation::Submit(job) => self.submit(op.node, job),
            Operation::Cancel { number } => {
                if let Some(owner) = self.owners.get(number).copied() {
                    self.input(owner, Input::Cancel { job: settle::job_id(*number) });
                }
            }
            Operation::Preload { model } => {
                self.input(op.node, Input::Preload { model: model_name(*model) });
            }
        }
    }

    fn gossip(&mut self, node: usize, boot: u64) {
        let shell = &mut self.shells[node];
        if shell.boots != boot || !shell.is_alive() {
            return;
        }
        let news = shell.news(self.now, REFRESH_MS);
        for to in 0..self.shells.len() {
            if to == node || self.wire.is_cut(node, to) {
                continue;
            }
            let Some(news) = &news else { continue };
            for delay in self.wire.datagram(node, to) {
                let event = match news {
                    News::Full(advert) => Event::Advert { to, advert: Box::new(advert.clone()) },
                    News::Delta(delta) => Event::Delta { to, delta: delta.clone() },
                };
                self.later(delay, event);
            }
        }
        self.later(self.scenario.net.gossip_ms * 1_000, Event::Gossip { node, boot });
    }

    /// Two machines find out how the link between them is; a new link begins with a state sync.
    fn see(&mut self, node: usize, peer: usize) {
        if !self.shells[node].is_alive() {
            return;
        }
        let up = self.shells[peer].is_alive() && !self.wire.is_cut(node, peer);
        let rtt_us = self.wire.rtt_us();
        let link = if up { Link::Up { rtt_us } } else { Link::Down };
        let id = self.shells[peer].id;
        self.input(node, Input::Peer { node: id, link });
        if up {
            let advert = self.shells[peer].scheduler.as_ref().and_then(|s| s.view().advert());
            if let Some(advert) = advert {
                self.input(node, Input::Advert(Box::new(advert)));
            }
        }
    }

    /// Puts an input on a machine, if it is running, and does what follows from it.
    fn input(&mut self, node: usize, input: Input) {
        self.input_for(node, input, false);
    }

    /// News of an attempt for its owner. Whether it is stale is the oracle's to know.
    fn news(&mut self, owner: usize, attempt: AttemptId, input: Input) {
        let stale = self.oracle.is_stale(attempt);
        let input = match (self.canary, input) {
            (Some(Canary::EpochForgotten), Input::AttemptStarted { attempt }) => {
                Input::AttemptStarted { attempt: self.newest(owner, attempt) }
            }
            (Some(Canary::EpochForgotten), Input::AttemptEnded { attempt, outcome }) => {
                Input::AttemptEnded { attempt: self.newest(owner, attempt), outcome }
            }
            (_, input) => input,
        };
        self.input_for(owner, input, stale);
    }

    /// The attempt of the same job that stands at its owner.
    fn newest(&self, owner: usize, attempt: AttemptId) -> AttemptId {
        let view = self.shells[owner].scheduler.as_ref().map(pumasi_scheduler::Scheduler::view);
        let why = view.and_then(|view| view.why(attempt.job).cloned());
        let epoch = why.and_then(|why| why.attempts.last().map(|last| last.epoch));
        AttemptId { epoch: epoch.unwrap_or(attempt.epoch), ..attempt }
    }

    fn input_for(&mut self, node: usize, input: Input, stale: bool) {
        let now = self.now;
        if self.shells[node].is_alive() {
            self.note(|| format!("{node} < {input:?}"));
        }
        let Some(scheduler) = self.shells[node].scheduler.as_mut() else { return };
        scheduler.handle(now, input);
        self.perform(node, stale);
    }

    fn time_out(&mut self, node: usize) {
        let now = self.now;
        if let Some(scheduler) = self.shells[node].scheduler.as_mut() {
            scheduler.handle_timeout(now);
            self.perform(node, false);
        }
    }

    fn at(&mut self, time: Time, event: Event) {
        self.order += 1;
        self.events.insert((time, self.order), event);
    }

    fn later(&mut self, delay_us: u64, event: Event) {
        self.at(Time(self.now.0 + delay_us), event);
    }

    /// Adds a line to the digest, and to the trace if one is kept.
    fn note(&mut self, line: impl FnOnce() -> String) {
        let line = line();
        for byte in line.bytes() {
            // FNV-1a: cheap, and nobody attacks it here.
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.tracing {
            if self.trace.len() == TRACE_LINES {
                self.trace.pop_front();
            }
            self.trace.push_back(format!("{:>12} {line}", self.now.0));
        }
    }

    fn violate(&mut self, invariant: Invariant, what: String) {
        self.oracle.violate(invariant, self.now, what);
    }
}

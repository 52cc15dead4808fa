//! Executes a scenario: one queue of events in virtual time, each step on one machine, the oracle
//! after each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pumasi_protocol::{AttemptId, JobId, NodeId, Term};
use pumasi_scheduler::{Input, Time};

use crate::canary::Canary;
use crate::counts::{Counts, Report};
use crate::digest::Digest;
use crate::marks::Marks;
use crate::oracle::{Invariant, Oracle, Task};
use crate::scenario::Scenario;
use crate::shell::Shell;
use crate::situations::{Situation, Situations};
use crate::wire::Wire;

mod act;
mod away;
mod breaks;
mod crash;
mod custody;
mod disks;
mod disturb;
mod engines;
mod events;
mod gossip;
mod hostile;
mod judge;
mod lasting;
mod people;
mod roster;
mod settle;
mod silence;
mod streams;

use events::{Event, Events};
use streams::Stream;

/// Longest virtual time after the last operation until every job must have ended, in milliseconds.
const PATIENCE_MS: u64 = 2 * 3_600_000;
/// Virtual time after the last job's end in which everything left must vanish, in milliseconds:
/// longer than the longest reservation.
const AFTERMATH_MS: u64 = 120_000;
/// Lines of the trace that are kept.
const TRACE_LINES: usize = 100_000;

struct World<'a> {
    scenario: &'a Scenario,
    canary: Option<Canary>,
    now: Time,
    shells: Vec<Shell>,
    by_id: BTreeMap<NodeId, usize>,
    /// Machines that run with another's key.
    twins: Vec<usize>,
    wire: Wire,
    events: Events,
    /// What waits for frozen machines.
    backlogs: Vec<VecDeque<Event>>,
    streams: BTreeMap<AttemptId, Stream>,
    owners: BTreeMap<u64, usize>,
    /// What each machine had published at a moment, to be known to all a little later.
    snapshot: Vec<(u64, u64)>,
    /// When the last fault is over.
    calm_from: Time,
    /// Lasting jobs that are awaited and may still end; `None`: not looked at yet.
    hopes: Option<usize>,
    /// Lasting jobs that were, or are being, adopted by hand.
    adopting: BTreeSet<JobId>,
    oracle: Oracle,
    counts: Counts,
    situations: Situations,
    digest: Digest,
    tracing: bool,
    trace: VecDeque<String>,
    marks: Marks,
}

/// Executes a scenario until all its jobs have ended and all that is left must have vanished, or
/// until the first violation. `tracing` keeps the last lines of a trace, and what a diagram shows.
#[must_use]
pub fn run(scenario: &Scenario, canary: Option<Canary>, tracing: bool) -> Report {
    let mut world = World::new(scenario, canary, tracing);
    world.start();
    let last_op = scenario.workload.iter().map(|op| op.at_ms).max().unwrap_or(0);
    let busy_until = world.calm_from.max(Time::from_ms(last_op));
    let deadline = busy_until.after_ms(PATIENCE_MS);
    let done = |world: &World<'_>| {
        let over = world.oracle.unended().is_empty() && !world.has_hopes();
        world.now > busy_until && over
    };
    world.run_until(deadline, done);
    world.check_all_ended();
    let aftermath = world.now.after_ms(AFTERMATH_MS);
    world.run_until(aftermath, |_| false);
    // A lasting job whose holders are lost may have been taken up again meanwhile.
    let goes_on = |world: &World<'_>| {
        let late = !world.oracle.unended().is_empty() && world.now < deadline;
        late && world.oracle.violations.is_empty()
    };
    while goes_on(&world) {
        world.run_until(deadline, done);
        world.run_until(world.now.after_ms(AFTERMATH_MS), |_| false);
    }
    world.check_at_rest();
    world.report()
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, canary: Option<Canary>, tracing: bool) -> Self {
        let shells = roster::machines(scenario);
        let by_id = shells.iter().map(|s: &Shell| (s.id, s.index)).collect();
        let last_fault = scenario.faults.iter().map(crate::scenario::TimedFault::until_ms).max();
        let last_op = scenario.workload.iter().map(|op| op.at_ms).max().unwrap_or(0);
        let net = scenario.net;
        let uneasy = net.loss_permille + net.duplicate_permille + net.tail_permille > 0;
        let calm_ms = last_fault.unwrap_or(0).max(if uneasy { last_op } else { 0 });
        Self {
            scenario,
            canary,
            now: Time::START,
            by_id,
            twins: Vec::new(),
            backlogs: vec![VecDeque::new(); shells.len()],
            shells,
            wire: Wire::new(net, scenario.net_seed),
            events: Events::default(),
            streams: BTreeMap::new(),
            owners: BTreeMap::new(),
            snapshot: Vec::new(),
            calm_from: Time::from_ms(calm_ms),
            hopes: None,
            adopting: BTreeSet::new(),
            oracle: Oracle::default(),
            counts: Counts::default(),
            situations: Situations::default(),
            digest: Digest::default(),
            tracing,
            trace: VecDeque::new(),
            marks: Marks::default(),
        }
    }

    fn start(&mut self) {
        for node in 0..self.shells.len() {
            self.boot(node);
        }
        for (index, op) in self.scenario.workload.iter().enumerate() {
            self.at(Time::from_ms(op.at_ms), Event::Operation(index));
        }
        for (index, timed) in self.scenario.faults.iter().enumerate() {
            self.at(Time::from_ms(timed.at_ms), Event::Fault(index));
            if timed.for_ms > 0 {
                self.at(Time::from_ms(timed.until_ms()), Event::FaultOver(index));
            }
        }
        let last_op = self.scenario.workload.iter().map(|op| op.at_ms).max().unwrap_or(0);
        if self.scenario.has_lasting() {
            self.at(self.calm_from.max(Time::from_ms(last_op)), Event::Hopes);
        }
        self.at(self.calm_from, Event::Calm);
        self.at(self.calm_from.after_ms(judge::SNAPSHOT_MS), Event::Snapshot);
        self.at(self.calm_from.after_ms(judge::CONVERGED_MS), Event::Converged);
        self.at(self.calm_from.after_ms(judge::DEAD_MS), Event::DeadKnown);
    }

    /// Runs until `done` holds, the time is `end`, or something was violated.
    fn run_until(&mut self, end: Time, done: impl Fn(&Self) -> bool) {
        while self.oracle.violations.is_empty() && !done(self) {
            let Some((at, event)) = self.events.pop_until(end) else { break };
            self.now = self.now.max(at);
            self.on_event(event);
        }
        if self.oracle.violations.is_empty() && !done(self) {
            self.now = self.now.max(end);
        }
    }

    /// Puts an input on a machine, if it is running, and does what follows from it.
    fn input(&mut self, node: usize, input: Input) {
        self.input_for(node, input, false);
    }

    /// News of an attempt for its owner. Whether it is stale is the oracle's to know.
    fn news(&mut self, owner: usize, attempt: AttemptId, input: Input) {
        let stale = self.oracle.is_stale(attempt);
        self.input_for(owner, input, stale);
    }

    fn input_for(&mut self, node: usize, input: Input, stale: bool) {
        let now = self.now;
        if self.shells[node].is_alive() {
            self.digest.input(now, node, &input);
            self.note(|| format!("{node} < {input:?}"));
        }
        let shell = &mut self.shells[node];
        let Some(scheduler) = shell.scheduler.as_mut() else { return };
        scheduler.handle(shell.clock.at(now), input);
        self.perform(node, stale);
    }

    fn time_out(&mut self, node: usize) {
        let now = self.now;
        let shell = &mut self.shells[node];
        if shell.armed.is_none_or(|armed| armed > now) || !shell.is_awake() {
            return;
        }
        shell.armed = None;
        if let Some(scheduler) = shell.scheduler.as_mut() {
            scheduler.handle_timeout(shell.clock.at(now));
            if let Some(keeping) = shell.keeping.as_mut() {
                keeping.custody.handle_timeout(shell.clock.at(now));
            }
            self.perform(node, false);
        }
    }

    /// Puts a machine's next deadline into the queue of events, if it is another one than before.
    fn arm(&mut self, node: usize) {
        let shell = &self.shells[node];
        if !shell.is_awake() {
            return;
        }
        let next = shell.scheduler.as_ref().and_then(|scheduler| scheduler.next_timeout());
        let keeping = shell.keeping.as_ref().and_then(|keeping| keeping.custody.next_timeout());
        let next = [next.map(|(own, _)| own), keeping.map(|(own, _)| own)];
        let next = next.into_iter().flatten().min();
        let next = next.map(|own| shell.clock.when(own).max(self.now));
        if let Some(at) = next.filter(|at| shell.armed != Some(*at)) {
            self.at(at, Event::Timer { node });
        }
        self.shells[node].armed = next;
    }

    /// The machine that a message to this key reaches.
    fn route(&self, from: usize, id: NodeId) -> Option<usize> {
        let own = self.by_id.get(&id).copied();
        if self.twins.is_empty() {
            return own;
        }
        let twins = self.twins.iter().copied().filter(|twin| self.shells[*twin].id == id);
        let holders: Vec<usize> =
            own.into_iter().chain(twins).filter(|n| self.shells[*n].id == id).collect();
        let draw = crate::chance::hash(&[
            self.scenario.net_seed,
            from as u64,
            self.now.0 / 5_000_000,
            holders.len() as u64,
        ]);
        let chosen = draw % (holders.len().max(1) as u64);
        holders.get(usize::try_from(chosen).expect("few holders")).copied().or(own)
    }

    fn at(&mut self, time: Time, event: Event) {
        self.events.push(time, event);
    }

    fn later(&mut self, delay_us: u64, event: Event) {
        self.at(Time(self.now.0.saturating_add(delay_us)), event);
    }

    /// Adds a line to the trace, if one is kept.
    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.tracing {
            if self.trace.len() == TRACE_LINES {
                self.trace.pop_front();
            }
            self.trace.push_back(format!("{:>12} {}", self.now.0, line()));
        }
    }

    fn saw(&mut self, situation: Situation) {
        self.situations.saw(situation);
    }

    fn violate(&mut self, invariant: Invariant, what: String) {
        self.note(|| format!("! {invariant:?}: {what}"));
        self.oracle.violate(invariant, self.now, what);
    }

    fn draw(&self, salts: &[u64]) -> u64 {
        let mut parts = vec![self.scenario.net_seed, self.now.0];
        parts.extend(salts);
        crate::chance::hash(&parts)
    }

    /// The work on a job that a machine's scheduler has, or had last.
    fn task(&self, node: usize, job: JobId) -> Task {
        let placed = self.shells[node].keeping.as_ref().and_then(|k| k.placed.get(&job));
        (job, placed.map_or(Term::FIRST, |(term, _)| *term))
    }

    fn job_number(&self, job: JobId) -> u64 {
        self.oracle.job(job).map_or(u64::MAX, |job| job.number)
    }
}

//! The measure: one queue, exact knowledge, no messages. The first job in line goes to the machine
//! that would be done with it first, of those with a free slot; where none is free it waits.

use std::collections::VecDeque;

use super::engine::Engine;
use super::load::Case;
use super::machine::slowdown;
use super::outcome::Outcome;
use super::queue::Events;

enum Event {
    Arrive(usize),
    /// A machine's next end, foretold for a generation of its engine.
    End(usize, u64),
    Loaded(usize, usize),
    Gossip(usize),
}

struct Host {
    engine: Engine<usize>,
    /// Loaded models, the longest unused first, and how many run.
    loaded: Vec<(usize, usize)>,
    /// The model that is being loaded and the job that waits for it.
    loading: Option<(usize, usize)>,
}

/// Hosts with first come, first served queues: what all rules but this project's run on.
pub(super) struct Hosts<'a> {
    case: &'a Case,
    hosts: Vec<Host>,
    events: Events<Event>,
    /// Per machine; the omniscient scheduler has one for all.
    pub(super) queues: Vec<VecDeque<usize>>,
    began: Vec<u64>,
    ended: Vec<(usize, u64)>,
}

/// What the caller has to act on.
pub(super) enum Step {
    /// A job arrived.
    Arrival(usize),
    /// A machine may have a free slot.
    Free(usize),
    /// A machine says how much it has.
    Gossip(usize),
}

impl<'a> Hosts<'a> {
    pub(super) fn new(case: &'a Case) -> Self {
        let host = |machine: &super::machine::Machine| Host {
            engine: Engine::new(),
            loaded: machine.loaded(&case.kinds).into_iter().map(|kind| (kind, 0)).collect(),
            loading: None,
        };
        let mut events = Events::new();
        for (index, task) in case.tasks.iter().enumerate() {
            events.at(task.at_us, Event::Arrive(index));
        }
        Self {
            case,
            hosts: case.machines.iter().map(host).collect(),
            events,
            queues: vec![VecDeque::new(); case.machines.len()],
            began: vec![0; case.tasks.len()],
            ended: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<(u64, Step)> {
        while self.ended.len() < self.case.tasks.len()
            && let Some((now, event)) = self.events.pop()
        {
            match event {
                Event::Gossip(machine) => {
                    self.gossip_at(now + self.case.gossip_us, machine);
                    return Some((now, Step::Gossip(machine)));
                }
                Event::Arrive(task) => return Some((now, Step::Arrival(task))),
                Event::End(machine, generation) => {
                    if self.hosts[machine].engine.generation != generation {
                        continue;
                    }
                    self.finish(now, machine);
                    return Some((now, Step::Free(machine)));
                }
                Event::Loaded(machine, kind) => {
                    self.on_loaded(now, machine, kind);
                    return Some((now, Step::Free(machine)));
                }
            }
        }
        None
    }

    /// Lets a machine gossip at this time and regularly from then on.
    pub(super) fn gossip_at(&mut self, at: u64, machine: usize) {
        self.events.at(at, Event::Gossip(machine));
    }

    fn finish(&mut self, now: u64, machine: usize) {
        for (task, _) in self.hosts[machine].engine.take_ended(now) {
            self.ended.push((task, now));
            let kind = self.case.tasks[task].kind;
            let loaded = self.hosts[machine].loaded.iter_mut().find(|(k, _)| *k == kind);
            loaded.expect("what runs is loaded").1 -= 1;
        }
        self.foretell(machine);
    }

    fn foretell(&mut self, machine: usize) {
        let engine = &self.hosts[machine].engine;
        if let Some(at) = engine.next_end_us() {
            self.events.at(at, Event::End(machine, engine.generation));
        }
    }

    fn on_loaded(&mut self, now: u64, machine: usize, kind: usize) {
        let host = &mut self.hosts[machine];
        let Some((_, task)) = host.loading.take() else { return };
        host.loaded.push((kind, 0));
        self.start(now, machine, task);
    }

    fn start(&mut self, now: u64, machine: usize, task: usize) {
        let alone = self.case.alone_us(task, machine, 0);
        let host = &mut self.hosts[machine];
        let kind = self.case.tasks[task].kind;
        let index = host.loaded.iter().position(|(k, _)| *k == kind).expect("it is loaded");
        let (_, running) = host.loaded.remove(index);
        host.loaded.push((kind, running + 1));
        host.engine.start(now, task, alone);
        self.began[task] = now;
        self.foretell(machine);
    }

    /// Whether a job could be begun there at once, be it by loading its model.
    pub(super) fn can_begin(&self, machine: usize, task: usize) -> bool {
        let (spec, host) = (&self.case.machines[machine], &self.hosts[machine]);
        let kind = self.case.tasks[task].kind;
        if host.loading.is_some() {
            return false;
        }
        match host.loaded.iter().find(|(k, _)| *k == kind) {
            Some((_, running)) => *running < spec.slots_of(&self.case.kinds[kind]),
            None => {
                let busy = host.loaded.iter().filter(|(_, running)| *running > 0);
                let taken: u64 = busy.map(|(k, _)| self.case.kinds[*k].memory).sum();
                spec.held.contains(&kind) && taken + self.case.kinds[kind].memory <= spec.memory
            }
        }
    }

    /// Begins a job for which [`Self::can_begin`] holds.
    pub(super) fn begin(&mut self, now: u64, machine: usize, task: usize) {
        let kind = self.case.tasks[task].kind;
        if self.hosts[machine].loaded.iter().any(|(k, _)| *k == kind) {
            return self.start(now, machine, task);
        }
        let (kinds, spec) = (&self.case.kinds, &self.case.machines[machine]);
        let host = &mut self.hosts[machine];
        let taken = |host: &Host| host.loaded.iter().map(|(k, _)| kinds[*k].memory).sum::<u64>();
        while taken(host) + kinds[kind].memory > spec.memory {
            let idle = host.loaded.iter().position(|(_, running)| *running == 0);
            host.loaded.remove(idle.expect("checked: idle models make room"));
        }
        host.loading = Some((kind, task));
        self.events.at(now + spec.load_us(&kinds[kind]), Event::Loaded(machine, kind));
    }

    /// Begins what can be begun from a machine's own queue, in order.
    pub(super) fn serve(&mut self, now: u64, machine: usize) {
        while let Some(task) = self.queues[machine].front().copied()
            && self.can_begin(machine, task)
        {
            self.queues[machine].pop_front();
            self.begin(now, machine, task);
        }
    }

    /// Time until a job that can be begun would be done there: exact, but for who comes later.
    pub(super) fn would_take_us(&self, machine: usize, task: usize) -> f64 {
        let (spec, host) = (&self.case.machines[machine], &self.hosts[machine]);
        let kind = self.case.tasks[task].kind;
        let loaded = host.loaded.iter().any(|(k, _)| *k == kind);
        let load = if loaded { 0 } else { spec.load_us(&self.case.kinds[kind]) };
        let alone = self.case.alone_us(task, machine, 0);
        load as f64 + alone * slowdown(host.engine.busy() + 1)
    }

    /// What ended last, latest first.
    pub(super) fn latest_ends(&self) -> impl Iterator<Item = (usize, u64)> {
        let last = self.ended.last().map(|(_, at)| *at);
        self.ended.iter().rev().copied().take_while(move |(_, at)| Some(*at) == last)
    }

    /// Jobs that run or wait there.
    pub(super) fn in_flight(&self, machine: usize) -> usize {
        let host = &self.hosts[machine];
        host.engine.busy() + usize::from(host.loading.is_some()) + self.queues[machine].len()
    }

    /// Predicted time until all of it is done, in microseconds, if each takes `usual_us` alone.
    pub(super) fn backlog_us(&self, machine: usize, usual_us: f64) -> f64 {
        let slots = self.case.machines[machine].slots;
        let jobs = self.in_flight(machine) as f64;
        if self.in_flight(machine) < slots {
            return 0.0;
        }
        jobs * usual_us * slowdown(slots) / slots as f64
    }

    pub(super) fn outcome(mut self, delay_us: u64) -> Outcome {
        self.ended.sort_unstable();
        let counted = self.ended.iter().skip(self.case.uncounted);
        let since =
            |task: usize, at: u64| (at - self.case.tasks[task].at_us + delay_us) as f64 / 1e3;
        Outcome {
            latency_ms: counted.clone().map(|(task, at)| since(*task, *at)).collect(),
            first_ms: counted.map(|(task, _)| since(*task, self.began[*task])).collect(),
            ..Outcome::default()
        }
    }
}

pub(super) fn run(case: &Case) -> Outcome {
    let mut hosts = Hosts::new(case);
    let mut line: VecDeque<usize> = VecDeque::new();
    while let Some((now, step)) = hosts.next() {
        if let Step::Arrival(task) = step {
            line.push_back(task);
        }
        // First come, first served; who needs what is not free does not hold up the others.
        let mut index = 0;
        while index < line.len().min(LOOK_AHEAD) {
            let task = line[index];
            let free = (0..case.machines.len()).filter(|m| hosts.can_begin(*m, task));
            let best = free.min_by(|a, b| {
                hosts.would_take_us(*a, task).total_cmp(&hosts.would_take_us(*b, task))
            });
            match best {
                Some(machine) => {
                    line.remove(index);
                    hosts.begin(now, machine, task);
                }
                None if case.kinds.len() == 1 => break,
                None => index += 1,
            }
        }
    }
    hosts.outcome(0)
}

/// Jobs at the head of the line that are looked at when several models are asked for.
const LOOK_AHEAD: usize = 16;

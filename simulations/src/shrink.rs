//! Makes a failing scenario small: leaves out whole kinds of faults, faults, machines, operations,
//! then halves durations and sizes, as long as the same invariant is still violated.

use std::time::{Duration, Instant};

use crate::canary::Canary;
use crate::oracle::{Invariant, Violation};
use crate::scenario::{Client, Operation, Scenario, TimedFault, TimedOp};
use crate::world::run;

/// A smaller scenario that still fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// It.
    pub scenario: Scenario,
    /// How it fails.
    pub violation: Violation,
    /// Runs that it took.
    pub runs: u64,
}

/// Shrinks a scenario until nothing can be left out or `budget` is spent. `None` if it does not fail.
#[must_use]
pub fn shrink(scenario: &Scenario, canary: Option<Canary>, budget: Duration) -> Option<Shrunk> {
    let violation = run(scenario, canary, false).violation?;
    let invariant = violation.invariant;
    let until = Instant::now() + budget;
    let best = Shrunk { scenario: scenario.clone(), violation, runs: 1 };
    let mut search = Search { invariant, canary, until, best };
    loop {
        let before = search.best.scenario.clone();
        search.drop_late();
        search.drop_kinds();
        search.drop_chunks(|s| s.faults.len(), |s, range| drop(s.faults.drain(range)));
        search.drop_machines();
        search.drop_chunks(|s| s.workload.len(), |s, range| drop(s.workload.drain(range)));
        search.halve();
        if before == search.best.scenario || search.is_over() {
            return Some(search.best);
        }
    }
}

struct Search {
    invariant: Invariant,
    canary: Option<Canary>,
    until: Instant,
    best: Shrunk,
}

impl Search {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Keeps a candidate if the same invariant fails in it.
    fn try_out(&mut self, candidate: Scenario) -> bool {
        if self.is_over() || candidate == self.best.scenario || candidate.check().is_err() {
            return false;
        }
        self.best.runs += 1;
        let found = run(&candidate, self.canary, false).violation;
        let Some(violation) = found.filter(|found| found.invariant == self.invariant) else {
            return false;
        };
        self.best.scenario = candidate;
        self.best.violation = violation;
        true
    }

    fn change(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.scenario.clone();
        change(&mut candidate);
        self.try_out(candidate)
    }

    /// What comes after the violation cannot matter.
    fn drop_late(&mut self) {
        let end_ms = self.best.violation.at_us / 1_000 + 1;
        self.change(|s| {
            s.workload.retain(|op| op.at_ms <= end_ms);
            s.faults.retain(|fault| fault.at_ms <= end_ms);
        });
    }

    fn drop_kinds(&mut self) {
        let faults = self.best.scenario.faults.iter();
        let mut kinds: Vec<&str> = faults.map(|timed| timed.fault.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            self.change(|s| s.faults.retain(|timed| timed.fault.kind() != kind));
        }
    }

    /// Leaves out ever smaller parts of a list (ddmin, Zeller and Hildebrandt 2002).
    fn drop_chunks(
        &mut self,
        length: impl Fn(&Scenario) -> usize,
        remove: impl Fn(&mut Scenario, std::ops::Range<usize>),
    ) {
        let mut size = length(&self.best.scenario).div_ceil(2);
        while size > 0 && !self.is_over() {
            let mut from = 0;
            while from < length(&self.best.scenario) {
                let to = (from + size).min(length(&self.best.scenario));
                if !self.change(|s| remove(s, from..to)) {
                    from = to;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    fn drop_machines(&mut self) {
        for machine in (0..self.best.scenario.machines.len()).rev() {
            self.change(|s| *s = without_machine(s, machine));
        }
        for machine in 0..self.best.scenario.machines.len() {
            for held in (0..self.best.scenario.machines[machine].models.len()).rev() {
                self.change(|s| {
                    s.machines[machine].models.remove(held);
                });
            }
        }
    }

    /// Halves what lasts or is large, and makes plain what is special.
    fn halve(&mut self) {
        for index in 0..self.best.scenario.faults.len() {
            while self.change(|s| s.faults[index].for_ms = s.faults[index].for_ms.div_ceil(2)) {}
        }
        for index in 0..self.best.scenario.workload.len() {
            self.halve_job(index);
        }
        self.change(|s| (s.net.tail_permille, s.net.duplicate_permille) = (0, 0));
        self.change(|s| s.net.loss_permille = 0);
        self.change(|s| s.net.jitter_us = 0);
        self.change(|s| s.machines.iter_mut().for_each(|m| m.drift_ppm = 0));
        self.change(|s| s.machines.iter_mut().for_each(|m| m.old = false));
        self.change(|s| s.keep_ms = None);
        self.change(|s| s.machines.iter_mut().for_each(|m| m.person = None));
        self.shift();
    }

    fn halve_job(&mut self, index: usize) {
        let fields: [fn(&mut crate::scenario::Job); 7] = [
            |job| job.answer = job.answer.div_ceil(2),
            |job| job.prompt = job.prompt.div_ceil(2),
            |job| job.client = Client::Patient,
            |job| job.batch = false,
            |job| job.poison = false,
            |job| job.lasting = job.lasting.map(|_| crate::scenario::Lasting::default()),
            |job| job.lasting = None,
        ];
        for field in fields {
            while self.change(|s| {
                if let Operation::Submit(job) = &mut s.workload[index].operation {
                    field(job);
                }
            }) {}
        }
    }

    /// Begins nearer to the start.
    fn shift(&mut self) {
        let ops = self.best.scenario.workload.iter().map(|op: &TimedOp| op.at_ms);
        let faults = self.best.scenario.faults.iter().map(|f: &TimedFault| f.at_ms);
        let first = ops.chain(faults).min().unwrap_or(0);
        self.change(|s| {
            s.workload.iter_mut().for_each(|op| op.at_ms -= first / 2);
            s.faults.iter_mut().for_each(|fault| fault.at_ms -= first / 2);
        });
    }
}

/// The scenario without a machine: the later ones get smaller numbers.
fn without_machine(scenario: &Scenario, gone: usize) -> Scenario {
    let number = |old: usize| (old != gone).then_some(if old > gone { old - 1 } else { old });
    let mut smaller = scenario.clone();
    smaller.machines.remove(gone);
    smaller.workload.retain_mut(|op| {
        let other = match &mut op.operation {
            Operation::Admit { machine, .. } | Operation::Revoke { machine } => {
                number(*machine).map(|new| *machine = new)
            }
            Operation::Submit(_)
            | Operation::Cancel { .. }
            | Operation::Adopt { .. }
            | Operation::Preload { .. }
            | Operation::Release { .. } => Some(()),
        };
        match (number(op.node), other) {
            (Some(node), Some(())) => {
                op.node = node;
                true
            }
            (_, _) => false,
        }
    });
    let faults = scenario.faults.iter().filter_map(|timed| {
        let fault = timed.fault.renumbered(number)?;
        Some(TimedFault { fault, ..timed.clone() })
    });
    smaller.faults = faults.collect();
    smaller
}

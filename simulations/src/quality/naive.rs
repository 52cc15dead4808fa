//! The rules that others use, each owner deciding for itself. They get what helps them: gossip of the
//! same age as ours, their own placements counted at once, fresh answers where they ask.

use crate::chance::Chance;

use super::Policy;
use super::central::{Hosts, Step};
use super::load::{Case, Dice};
use super::machine::slowdown;
use super::outcome::Outcome;

/// What one owner believes of one machine.
#[derive(Debug, Clone, Copy, Default)]
struct Belief {
    /// Which gossip round the count below belongs to.
    round: u64,
    sent: u32,
    /// Microseconds that a microsecond of work at speed 1 took lately, waiting included.
    pace: f64,
}

struct Rules<'a> {
    case: &'a Case,
    dice: Dice,
    /// How often each machine gossiped, and its jobs in flight then.
    board: Vec<(u64, usize)>,
    beliefs: Vec<Vec<Belief>>,
    turn: Vec<usize>,
    asked: u64,
}

pub(super) fn run(case: &Case, policy: Policy) -> Outcome {
    let mut hosts = Hosts::new(case);
    let mut rules = Rules::new(case);
    for machine in 0..case.machines.len() {
        let at = (rules.dice.unit() * case.gossip_us as f64) as u64;
        hosts.gossip_at(at, machine);
    }
    let mut ended = vec![false; case.tasks.len()];
    while let Some((now, step)) = hosts.next() {
        match step {
            Step::Arrival(task) => {
                let machine = rules.choose(&hosts, policy, task);
                rules.send(machine, task);
                hosts.queues[machine].push_back(task);
                hosts.serve(now, machine);
            }
            Step::Gossip(machine) => {
                let (round, _) = rules.board[machine];
                rules.board[machine] = (round + 1, hosts.in_flight(machine));
            }
            Step::Free(machine) => {
                rules.learn(now, &hosts, machine, &mut ended);
                hosts.serve(now, machine);
            }
        }
    }
    let asked = rules.asked as f64 / case.tasks.len() as f64;
    // There and back, and, if it was asked first, once more.
    let trips = if policy == Policy::TwoChoices { 4 } else { 2 };
    Outcome { messages: 1.0 + 2.0 * asked, ..hosts.outcome(trips * case.delay_us) }
}

impl<'a> Rules<'a> {
    fn new(case: &'a Case) -> Self {
        let dice = Dice(Chance::new(case.seed ^ 0x5eed));
        let nodes = case.machines.len();
        Self {
            case,
            turn: (0..nodes).collect(),
            dice,
            board: vec![(0, 0); nodes],
            beliefs: vec![vec![Belief::default(); nodes]; nodes],
            asked: 0,
        }
    }

    /// Jobs in flight by gossip and by what the owner sent since.
    fn believed(&self, owner: usize, machine: usize) -> usize {
        let (round, in_flight) = self.board[machine];
        let belief = &self.beliefs[owner][machine];
        in_flight + if belief.round == round { belief.sent as usize } else { 0 }
    }

    fn send(&mut self, machine: usize, task: usize) {
        let belief = &mut self.beliefs[self.case.tasks[task].owner][machine];
        let round = self.board[machine].0;
        belief.sent = if belief.round == round { belief.sent + 1 } else { 1 };
        belief.round = round;
    }

    /// An owner sees its jobs end.
    fn learn(&mut self, now: u64, hosts: &Hosts<'_>, machine: usize, ended: &mut [bool]) {
        for (task, at) in hosts.latest_ends() {
            if at != now || ended[task] {
                continue;
            }
            ended[task] = true;
            let spec = &self.case.tasks[task];
            let work = self.case.alone_us(task, machine, 0) * self.case.machines[machine].speed;
            let pace = (now - spec.at_us) as f64 / work.max(1.0);
            let belief = &mut self.beliefs[spec.owner][machine];
            belief.pace = if belief.pace == 0.0 { pace } else { 0.75 * belief.pace + 0.25 * pace };
        }
    }

    fn choose(&mut self, hosts: &Hosts<'_>, policy: Policy, task: usize) -> usize {
        let owner = self.case.tasks[task].owner;
        let nodes = self.case.machines.len();
        match policy {
            Policy::Random => self.any(),
            Policy::RoundRobin => {
                self.turn[owner] = (self.turn[owner] + 1) % nodes;
                self.turn[owner]
            }
            Policy::LeastInFlight => self.least(|rules, m| rules.believed(owner, m) as f64),
            Policy::FastestMeasured => self.least(|rules, m| rules.pace(owner, m)),
            Policy::TwoChoices => {
                self.asked += 2;
                let (a, b) = (self.by_speed(), self.by_speed());
                let end = |m: usize| {
                    let usual = self.usual_us(task, m);
                    hosts.backlog_us(m, usual) + self.beside_us(task, m, hosts.in_flight(m))
                };
                if end(b) < end(a) { b } else { a }
            }
            Policy::BestByGossip => self.least(|rules, m| rules.end_us(owner, task, m)),
            Policy::Omniscient | Policy::Pumasi => unreachable!("run elsewhere"),
        }
    }

    fn any(&mut self) -> usize {
        let nodes = self.case.machines.len();
        ((self.dice.unit() * nodes as f64) as usize).min(nodes - 1)
    }

    fn by_speed(&mut self) -> usize {
        let sum: f64 = self.case.machines.iter().map(super::machine::Machine::capacity).sum();
        let mut point = self.dice.unit() * sum;
        let hit = self.case.machines.iter().position(|machine| {
            point -= machine.capacity();
            point < 0.0
        });
        hit.unwrap_or(self.case.machines.len() - 1)
    }

    /// The least of all machines; equal ones by lot.
    fn least(&mut self, value: impl Fn(&Self, usize) -> f64) -> usize {
        let nodes = self.case.machines.len();
        let first = self.any();
        let order = (0..nodes).map(|m| (m + first) % nodes);
        let values = order.map(|m| (value(self, m), m));
        values.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are machines").1
    }

    /// What a machine was measured at; what it says of itself until then.
    fn pace(&self, owner: usize, machine: usize) -> f64 {
        let pace = self.beliefs[owner][machine].pace;
        if pace > 0.0 { pace } else { 1.0 / self.case.machines[machine].speed }
    }

    /// Usual time of one job alone there: prompts are known, answers are not.
    fn usual_us(&self, task: usize, machine: usize) -> f64 {
        let spec = &self.case.tasks[task];
        let kind = &self.case.kinds[spec.kind];
        let read = f64::from(spec.prompt) / kind.prefill_per_s;
        let write = self.case.usual_answer(spec.kind) / kind.decode_per_s;
        1e6 * (read + write) / self.case.machines[machine].speed
    }

    fn beside_us(&self, task: usize, machine: usize, in_flight: usize) -> f64 {
        let slots = self.case.machines[machine].slots;
        self.usual_us(task, machine) * slowdown((in_flight + 1).min(slots))
    }

    fn end_us(&self, owner: usize, task: usize, machine: usize) -> f64 {
        let (slots, jobs) = (self.case.machines[machine].slots, self.believed(owner, machine));
        let wait = if jobs < slots { 0.0 } else { jobs as f64 / slots as f64 * slowdown(slots) };
        wait * self.usual_us(task, machine) + self.beside_us(task, machine, jobs)
    }
}

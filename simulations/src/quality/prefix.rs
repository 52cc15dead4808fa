//! A trace with prompt blocks on equal machines with caches: this project's schedulers beside rules
//! that know exact queues, and beside an oracle that knows exact queues and caches. Each machine works
//! one request after the other: it reads what its cache does not hold, then writes the answer.

use pumasi_scheduler::{Config, sketch};

use crate::chance::{Chance, hash};

use super::blocks::{Blocks, TOKENS_PER_BLOCK};
use super::load::{self, CHAT, Case, Dice, Task};
use super::machine::{Kind, Machine};
use super::mesh;
use super::outcome::Outcome;
use super::trace::Request;

/// How a trace is run.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Equal machines.
    pub nodes: usize,
    /// Blocks of 512 tokens that each machine's cache holds.
    pub cache_blocks: usize,
    /// How many times faster than in the trace the requests come.
    pub pace: f64,
    /// Age at which gossip of queues is replaced, in milliseconds.
    pub gossip_ms: u64,
    /// Age at which digests of caches are replaced, in milliseconds.
    pub digest_ms: u64,
    /// Seed of owners and ties.
    pub seed: u64,
}

/// Tokens that a machine reads in a second.
pub const PREFILL_PER_S: f64 = 8_000.0;
/// Tokens that a machine writes in a second.
pub const DECODE_PER_S: f64 = 250.0;
/// Bytes of text that stand for one token where prompts are sketched.
const BYTES_PER_TOKEN: usize = 4;

/// Who decides where a request runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Exact queues and caches: where its prompt is read first.
    Oracle,
    /// This project's schedulers, one on each machine.
    Pumasi,
    /// One after the other, one turn for all.
    RoundRobin,
    /// Of two drawn, the one with the shorter queue, asked freshly.
    TwoChoices,
    /// The shortest queue, known exactly.
    LeastLoaded,
    /// By a hash of the prompt's second block, which tells conversations apart.
    StickyHash,
}

impl Rule {
    /// All, the measure first.
    pub const ALL: [Self; 6] = [
        Self::Oracle,
        Self::Pumasi,
        Self::RoundRobin,
        Self::TwoChoices,
        Self::LeastLoaded,
        Self::StickyHash,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Pumasi => "Pumasi",
            Self::RoundRobin => "round robin",
            Self::TwoChoices => "two choices",
            Self::LeastLoaded => "least loaded",
            Self::StickyHash => "sticky hash",
        }
    }
}

/// The case of a trace.
#[must_use]
pub fn case(requests: &[Request], setup: &Setup) -> Case {
    let kinds = vec![Kind { prefill_per_s: PREFILL_PER_S, decode_per_s: DECODE_PER_S, ..CHAT }];
    let machine = Machine { speed: 1.0, slots: 1, memory: CHAT.memory, held: vec![0] };
    let mut chance = Chance::new(setup.seed);
    let tasks: Vec<Task> = requests
        .iter()
        .map(|request| Task {
            at_us: (request.at_ms as f64 * 1e3 / setup.pace) as u64,
            owner: chance.index(setup.nodes),
            kind: 0,
            prompt: request.prompt,
            answer: request.answer,
            prefix: sketch_of(request),
            blocks: request.blocks.clone(),
        })
        .collect();
    Case {
        usual: load::usual(&tasks, 1),
        machines: vec![machine; setup.nodes],
        kinds,
        tasks,
        seed: setup.seed,
        gossip_us: setup.gossip_ms.max(1) * 1_000,
        digest_us: setup.digest_ms.max(1) * 1_000,
        cache_blocks: setup.cache_blocks,
        uncounted: 0,
        delay_us: load::DELAY_US,
        stragglers: (0, 1.0),
    }
}

/// What a node would sketch of a prompt: each block stands for text that no other block has.
fn sketch_of(request: &Request) -> Vec<u64> {
    let key = [7; 32];
    let texts = request.blocks.iter().enumerate().map(|(index, block)| {
        let tokens = (request.prompt as usize - index * TOKENS_PER_BLOCK).min(TOKENS_PER_BLOCK);
        let words = (0..tokens as u64).map(|word| hash(&[*block, word]) as u32);
        let bytes = words.flat_map(u32::to_le_bytes);
        let bytes: Vec<u8> = bytes.collect();
        debug_assert_eq!(bytes.len(), tokens * BYTES_PER_TOKEN);
        bytes
    });
    sketch(&key, &mesh::model_name(0), texts)
}

/// The share of all machines' time that the requests would take if nothing were in a cache.
#[must_use]
pub fn offered_load(case: &Case) -> f64 {
    let span_us = case.tasks.last().map_or(0, |task| task.at_us).max(1);
    let capacity = load::capacity(&case.machines, &case.kinds);
    load::work_s(&case.tasks, &case.kinds) * 1e6 / span_us as f64 / capacity
}

/// Runs one rule over a trace's case.
#[must_use]
pub fn judge(case: &Case, rule: Rule, config: &Config) -> Outcome {
    if rule == Rule::Pumasi {
        return mesh::run(case, config);
    }
    let mut machines = Machines::new(case);
    let mut dice = Dice(Chance::new(case.seed ^ 0x5eed));
    for task in 0..case.tasks.len() {
        let machine = machines.choose(rule, task, &mut dice);
        machines.take(task, machine);
    }
    machines.outcome(if rule == Rule::Oracle { 0 } else { 2 * case.delay_us })
}

/// All machines, each with the time at which it will be idle.
struct Machines<'a> {
    case: &'a Case,
    idle_us: Vec<f64>,
    caches: Vec<Blocks>,
    first_ms: Vec<f64>,
    ended_ms: Vec<f64>,
    hit_tokens: u64,
}

impl<'a> Machines<'a> {
    fn new(case: &'a Case) -> Self {
        let nodes = case.machines.len();
        Self {
            case,
            idle_us: vec![0.0; nodes],
            caches: vec![Blocks::new(case.cache_blocks); nodes],
            first_ms: Vec::new(),
            ended_ms: Vec::new(),
            hit_tokens: 0,
        }
    }

    fn wait_us(&self, task: usize, machine: usize) -> f64 {
        (self.idle_us[machine] - self.case.tasks[task].at_us as f64).max(0.0)
    }

    fn cached(&self, task: usize, machine: usize) -> u32 {
        let spec = &self.case.tasks[task];
        let tokens = self.caches[machine].held(&spec.blocks) * TOKENS_PER_BLOCK;
        u32::try_from(tokens).unwrap_or(u32::MAX).min(spec.prompt - 1)
    }

    /// Until a request's prompt would be read, waiting included.
    fn read_us(&self, task: usize, machine: usize) -> f64 {
        let cached = self.cached(task, machine);
        self.wait_us(task, machine) + self.case.read_us(task, machine, cached)
    }

    fn choose(&self, rule: Rule, task: usize, dice: &mut Dice) -> usize {
        let nodes = self.case.machines.len();
        match rule {
            Rule::Oracle => self.least(dice, |m| self.read_us(task, m)),
            Rule::LeastLoaded => self.least(dice, |m| self.wait_us(task, m)),
            Rule::RoundRobin => task % nodes,
            Rule::TwoChoices => {
                let (a, b) = (dice.0.index(nodes), dice.0.index(nodes));
                if self.wait_us(task, b) < self.wait_us(task, a) { b } else { a }
            }
            Rule::StickyHash => {
                let blocks = &self.case.tasks[task].blocks;
                let block = blocks.get(1).or(blocks.first()).copied().unwrap_or(0);
                usize::try_from(hash(&[7, block]) % nodes as u64).expect("few machines")
            }
            Rule::Pumasi => unreachable!("run elsewhere"),
        }
    }

    /// The least of all machines; equal ones by lot.
    fn least(&self, dice: &mut Dice, value: impl Fn(usize) -> f64) -> usize {
        let nodes = self.case.machines.len();
        let first = dice.0.index(nodes);
        let order = (0..nodes).map(|m| (m + first) % nodes);
        let values = order.map(|m| (value(m), m));
        values.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are machines").1
    }

    fn take(&mut self, task: usize, machine: usize) {
        let (wait, cached) = (self.wait_us(task, machine), self.cached(task, machine));
        let (read, whole) =
            (self.case.read_us(task, machine, cached), self.case.alone_us(task, machine, cached));
        self.first_ms.push((wait + read) / 1e3);
        self.ended_ms.push((wait + whole) / 1e3);
        self.idle_us[machine] = self.case.tasks[task].at_us as f64 + wait + whole;
        self.hit_tokens += u64::from(cached);
        self.caches[machine].add(&self.case.tasks[task].blocks);
    }

    fn outcome(self, delay_us: u64) -> Outcome {
        let prompts: u64 = self.case.tasks.iter().map(|task| u64::from(task.prompt)).sum();
        let later = |ms: Vec<f64>| ms.into_iter().map(|ms| ms + delay_us as f64 / 1e3).collect();
        Outcome {
            latency_ms: later(self.ended_ms),
            first_ms: later(self.first_ms),
            hits: self.hit_tokens as f64 / (prompts as f64).max(1.0),
            ..Outcome::default()
        }
    }
}

//! The cases that are run: machines and a stream of jobs, generated from a seed.

use pumasi_protocol::Timings;

use crate::chance::Chance;

use super::machine::{Kind, Machine};
use super::trace::Request;

/// What sort of office it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// One slot a machine, hyperexponential jobs (cv² = 5) with a mean of one second at speed 1:
    /// the hardest for gossip that is a second old.
    Sketch,
    /// Chats with heavy-tailed answers (cv² = 5) on machines with one to eight slots.
    Office,
    /// Lengths as in a public chat service, arrivals in bursts.
    Chat,
    /// Long prompts, middling answers.
    Documents,
    /// Long jobs of two models, of which most machines can hold one.
    Images,
    /// Chats, documents and images together.
    Mixed,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sketch, Self::Office, Self::Chat, Self::Documents, Self::Images, Self::Mixed];

    /// Its name in tables and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sketch => "sketch",
            Self::Office => "office",
            Self::Chat => "chat",
            Self::Documents => "documents",
            Self::Images => "images",
            Self::Mixed => "mixed",
        }
    }
}

/// What a case is generated from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Sort of office.
    pub scenario: Scenario,
    /// Machines.
    pub nodes: usize,
    /// Load, as a share of what all machines can do together with all slots busy.
    pub load: f64,
    /// Jobs.
    pub jobs: usize,
    /// Seed.
    pub seed: u64,
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) at_us: u64,
    /// The machine whose person gave it.
    pub(crate) owner: usize,
    pub(crate) kind: usize,
    pub(crate) prompt: u32,
    pub(crate) answer: u32,
    /// Sketches of its prompt's prefixes, shortest first: what schedulers are told.
    pub(crate) prefix: Vec<u64>,
    /// Its prompt's blocks as a cache holds them: what is true.
    pub(crate) blocks: Vec<u64>,
}

/// Machines and jobs.
#[derive(Debug, Clone)]
pub struct Case {
    pub(crate) machines: Vec<Machine>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) tasks: Vec<Task>,
    /// Mean answer of each kind.
    pub(super) usual: Vec<f64>,
    pub(crate) seed: u64,
    /// How often each machine gossips what changes often.
    pub(crate) gossip_us: u64,
    /// How often it repeats what changes slowly: rates, usual lengths, prefixes.
    pub(crate) digest_us: u64,
    /// Blocks of prompts that a machine's cache holds.
    pub(crate) cache_blocks: usize,
    /// Jobs at the beginning that are not counted, because the mesh fills.
    pub(crate) uncounted: usize,
    /// One way through the network.
    pub(crate) delay_us: u64,
    /// Attempts in 1,000 that become this many times slower.
    pub(crate) stragglers: (u64, f64),
}

/// Age of gossip when it is replaced.
const GOSSIP_US: u64 = 1_000_000;
/// Age of what is repeated seldom.
const DIGEST_US: u64 = 5_000_000;
/// A switched network and two event loops.
pub(super) const DELAY_US: u64 = 300;

pub(super) const CHAT: Kind =
    Kind { prefill_per_s: 200.0, decode_per_s: 10.0, load_ms: 8e3, memory: 1, image: false };

impl Case {
    /// The case of a shape.
    #[must_use]
    pub fn generate(shape: &Shape) -> Self {
        let mut dice = Dice(Chance::new(shape.seed));
        let kinds = kinds(shape.scenario);
        let machines = machines(shape, kinds.len());
        let mut tasks: Vec<Task> = (0..shape.jobs).map(|_| task(shape, &mut dice)).collect();
        let gap_s =
            work_s(&tasks, &kinds) / shape.jobs as f64 / (shape.load * capacity(&machines, &kinds));
        arrive(shape.scenario, &mut tasks, gap_s, &mut dice);
        Self {
            usual: usual(&tasks, kinds.len()),
            machines,
            kinds,
            tasks,
            seed: shape.seed,
            gossip_us: GOSSIP_US,
            digest_us: DIGEST_US,
            cache_blocks: 0,
            uncounted: shape.jobs / 5,
            delay_us: DELAY_US,
            stragglers: (0, 1.0),
        }
    }

    /// Machines of an office under a trace's requests, as they are but for their pace: `shape` says
    /// how many machines, and which load they are to have.
    #[must_use]
    pub fn of_trace(requests: &[Request], shape: &Shape) -> Self {
        let mut case = Self::generate(&Shape { scenario: Scenario::Chat, jobs: 0, ..*shape });
        let mut dice = Dice(Chance::new(shape.seed));
        case.tasks = requests
            .iter()
            .map(|request| Task {
                at_us: 0,
                owner: dice.0.index(shape.nodes),
                kind: 0,
                prompt: request.prompt,
                answer: request.answer,
                prefix: Vec::new(),
                blocks: Vec::new(),
            })
            .collect();
        let busy_s = work_s(&case.tasks, &case.kinds) / capacity(&case.machines, &case.kinds);
        let span_ms = requests.last().map_or(0, |last| last.at_ms).max(1);
        let us_per_ms = 1e6 * busy_s / shape.load / span_ms as f64;
        for (task, request) in case.tasks.iter_mut().zip(requests) {
            task.at_us = (request.at_ms as f64 * us_per_ms) as u64;
        }
        case.usual = usual(&case.tasks, case.kinds.len());
        case.uncounted = requests.len() / 5;
        case
    }

    /// With so many attempts in 1,000 that become `factor` times slower than they should be.
    #[must_use]
    pub fn with_stragglers(self, permille: u64, factor: f64) -> Self {
        Self { stragglers: (permille, factor), ..self }
    }

    /// Time that a job takes alone on a machine whose cache holds `cached` tokens of its prompt.
    pub(crate) fn alone_us(&self, task: usize, machine: usize, cached: u32) -> f64 {
        let (task, speed) = (&self.tasks[task], self.machines[machine].speed);
        let kind = &self.kinds[task.kind];
        let read = f64::from(task.prompt - cached.min(task.prompt)) / kind.prefill_per_s;
        1e6 * (read + f64::from(task.answer) / kind.decode_per_s) / speed
    }

    /// Of that, time until its first token.
    pub(crate) fn read_us(&self, task: usize, machine: usize, cached: u32) -> f64 {
        let spec = &self.tasks[task];
        let read = f64::from(spec.prompt - cached.min(spec.prompt));
        1e6 * read / self.kinds[spec.kind].prefill_per_s / self.machines[machine].speed
    }

    /// What an engine would report of an attempt that was so long in its slot.
    pub(crate) fn timings(
        &self,
        task: usize,
        machine: usize,
        cached: u32,
        took_us: u64,
    ) -> Timings {
        let (read, alone) =
            (self.read_us(task, machine, cached), self.alone_us(task, machine, cached));
        let prefill_us = (took_us as f64 * read / alone.max(1.0)) as u64;
        Timings { queued_us: 0, prefill_us, decode_us: took_us.saturating_sub(prefill_us) }
    }

    /// Mean answer of a model: what everybody has learnt of it.
    pub(crate) fn usual_answer(&self, kind: usize) -> f64 {
        self.usual[kind]
    }
}

pub(super) fn usual(tasks: &[Task], kinds: usize) -> Vec<f64> {
    let mean = |kind| {
        let of = tasks.iter().filter(|task| task.kind == kind).map(|task| f64::from(task.answer));
        let (count, sum) = of.fold((0.0, 0.0), |(count, sum), answer| (count + 1.0, sum + answer));
        sum / f64::max(count, 1.0)
    };
    (0..kinds).map(mean).collect()
}

fn kinds(scenario: Scenario) -> Vec<Kind> {
    let image = |decode_per_s| Kind {
        prefill_per_s: 1e6,
        decode_per_s,
        load_ms: 15e3,
        memory: 2,
        image: true,
    };
    match scenario {
        Scenario::Sketch => vec![Kind { decode_per_s: 100.0, prefill_per_s: 1e6, ..CHAT }],
        Scenario::Office | Scenario::Chat | Scenario::Documents => vec![CHAT],
        Scenario::Images => vec![image(1.0), image(0.5)],
        Scenario::Mixed => vec![CHAT, image(1.0)],
    }
}

pub(super) fn machines(shape: &Shape, kinds: usize) -> Vec<Machine> {
    let images = shape.scenario == Scenario::Images;
    let speeds = speeds(shape.nodes).into_iter();
    let machine = |(index, speed): (usize, f64)| {
        let slots = match speed {
            _ if shape.scenario == Scenario::Sketch || images || speed < 4.0 => 1,
            4.0 => 2,
            10.0 => 4,
            _ => 8,
        };
        let memory = if speed > 20.0 {
            4
        } else if speed > 5.0 && !images {
            3
        } else {
            2
        };
        // Every second machine begins with the other model.
        let held = (0..kinds).map(|kind| (kind + index) % kinds).collect();
        Machine { speed, slots, memory, held }
    };
    speeds.enumerate().map(machine).collect()
}

/// Of 100 machines 40 without a graphics card, and two with a large one.
fn speeds(nodes: usize) -> Vec<f64> {
    let shares = [(1.0, 0.4), (2.0, 0.7), (4.0, 0.9), (10.0, 0.98), (25.0, 1.0)];
    let upto = |share: f64| (share * nodes as f64).round() as usize;
    let mut speeds = Vec::new();
    for (speed, share) in shares {
        speeds.resize(upto(share).max(speeds.len()), speed);
    }
    if nodes < 20 {
        for (speed, index) in [(25.0, 1), (10.0, 2)] {
            if let Some(machine) = nodes.checked_sub(index) {
                speeds[machine] = speed;
            }
        }
    }
    speeds
}

fn task(shape: &Shape, dice: &mut Dice) -> Task {
    let (kind, prompt, answer) = match shape.scenario {
        Scenario::Sketch => (0, 0.0, 100.0 * dice.heavy()),
        Scenario::Office => (0, 300.0 * dice.exponential(), 200.0 * dice.heavy()),
        Scenario::Chat => chat(dice),
        Scenario::Documents => document(dice),
        Scenario::Images => (usize::from(dice.unit() < 0.4), 50.0, 15.0 + 20.0 * dice.unit()),
        Scenario::Mixed => match dice.unit() {
            x if x < 0.8 => chat(dice),
            x if x < 0.92 => document(dice),
            _ => (1, 50.0, 15.0 + 20.0 * dice.unit()),
        },
    };
    Task {
        at_us: 0,
        owner: ((dice.unit() * shape.nodes as f64) as usize).min(shape.nodes - 1),
        kind,
        prompt: prompt.min(30_000.0) as u32,
        answer: answer.clamp(1.0, 8_000.0).ceil() as u32,
        prefix: Vec::new(),
        blocks: Vec::new(),
    }
}

/// Lengths like those of the public Azure trace of conversations of 2023.
fn chat(dice: &mut Dice) -> (usize, f64, f64) {
    (0, 800.0 * dice.log_normal(0.85), 130.0 * dice.log_normal(0.98))
}

fn document(dice: &mut Dice) -> (usize, f64, f64) {
    (0, 6_000.0 * dice.log_normal(0.8), 300.0 * dice.log_normal(0.5))
}

/// Seconds that all of it takes in one slot at speed 1, with nothing in a cache.
pub(super) fn work_s(tasks: &[Task], kinds: &[Kind]) -> f64 {
    let one = |task: &Task| {
        let kind = &kinds[task.kind];
        f64::from(task.prompt) / kind.prefill_per_s + f64::from(task.answer) / kind.decode_per_s
    };
    tasks.iter().map(one).sum()
}

/// Speed of all machines with all slots busy, in units of one slot at speed 1.
pub(super) fn capacity(machines: &[Machine], kinds: &[Kind]) -> f64 {
    let one_slot = kinds.iter().all(|kind| kind.image);
    machines.iter().map(|m| if one_slot { m.speed } else { m.capacity() }).sum()
}

/// Spreads the jobs over time: by a Poisson process, or in bursts of double rate for a fifth of the
/// time.
fn arrive(scenario: Scenario, tasks: &mut [Task], gap_s: f64, dice: &mut Dice) {
    let (mut now, mut turn, mut burst) = (0.0, 0.0, false);
    for task in tasks {
        if now >= turn {
            burst = !burst;
            turn = now + if burst { 5.0 } else { 20.0 } * dice.exponential();
        }
        let rate = match scenario {
            Scenario::Chat if burst => 2.0,
            Scenario::Chat => 0.75,
            Scenario::Sketch
            | Scenario::Office
            | Scenario::Documents
            | Scenario::Images
            | Scenario::Mixed => 1.0,
        };
        now += gap_s * dice.exponential() / rate;
        task.at_us = (now * 1e6) as u64;
    }
}

/// Draws from distributions.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) Chance);

impl Dice {
    /// Between 0 and 1, both excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    /// Hyperexponential with mean 1 and cv² = 5: one in ten has a mean of 5.5.
    fn heavy(&mut self) -> f64 {
        let mean = if self.unit() < 0.1 { 5.5 } else { 0.5 };
        mean * self.exponential()
    }

    /// With median 1.
    pub(crate) fn log_normal(&mut self, sigma: f64) -> f64 {
        let angle = std::f64::consts::TAU * self.unit();
        (sigma * (2.0 * self.exponential()).sqrt() * angle.cos()).exp()
    }
}

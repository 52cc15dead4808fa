//! A run as data: machines, network, what people do and what goes wrong, generated from a seed.

use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// A kind of model that machines may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Tokens that a slot holds.
    pub context: u32,
    /// Slots once loaded.
    pub slots: u16,
}

/// A model on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Index into the scenario's models.
    pub model: usize,
    /// Whether it is loaded from the beginning.
    pub loaded: bool,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Whose it is (persons are numbers); `None`: shared.
    pub person: Option<u8>,
    /// Memory for models in MiB.
    pub memory_mib: u64,
    /// Decode rate of one slot alone, in tokens per second.
    pub decode_per_s: u32,
    /// Prefill rate, in tokens per second.
    pub prefill_per_s: u32,
    /// Loading rate, in MiB per second.
    pub load_mib_per_s: u64,
    /// What it holds.
    pub models: Vec<Held>,
}

/// The network between all machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetSpec {
    /// Shortest one-way delay in microseconds.
    pub delay_us: u64,
    /// Further delay, drawn evenly from 0 to this, in microseconds.
    pub jitter_us: u64,
    /// In how many of 1,000 messages the delay is multiplied by 50.
    pub tail_permille: u64,
    /// How many of 1,000 control messages are lost.
    pub loss_permille: u64,
    /// How many of 1,000 control messages arrive twice.
    pub duplicate_permille: u64,
    /// How often each node gossips, in milliseconds.
    pub gossip_ms: u64,
}

/// A job as its person gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, unique in the scenario.
    pub number: u64,
    /// Index into the scenario's models.
    pub model: usize,
    /// For whom.
    pub person: u8,
    /// Batch, not interactive.
    pub batch: bool,
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens that the answer will have.
    pub answer: u32,
    /// Only nodes of its person may see it.
    pub mine: bool,
}

/// What a person does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Submits a job.
    Submit(Job),
    /// Cancels a job, wherever it is.
    Cancel {
        /// Its number.
        number: u64,
    },
    /// Asks for a model to be loaded.
    Preload {
        /// Index into the scenario's models.
        model: usize,
    },
}

/// An operation with its time and place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedOp {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// On which machine.
    pub node: usize,
    /// What.
    pub operation: Operation,
}

/// What goes wrong, or right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorldFault {
    /// A machine stops at once (X10, X11).
    Kill {
        /// Which.
        node: usize,
    },
    /// A stopped machine starts again, knowing nothing.
    Restart {
        /// Which.
        node: usize,
    },
    /// Two machines cannot reach each other (X5).
    Cut {
        /// One of them.
        a: usize,
        /// The other.
        b: usize,
    },
    /// They can again.
    Heal {
        /// One of them.
        a: usize,
        /// The other.
        b: usize,
    },
    /// The engines of a machine crash (X21).
    Crash {
        /// Which.
        node: usize,
    },
    /// The next load on a machine fails.
    SpoilLoad {
        /// Which.
        node: usize,
    },
    /// A machine takes no jobs of others.
    Pause {
        /// Which.
        node: usize,
    },
    /// It does again.
    Resume {
        /// Which.
        node: usize,
    },
}

/// A fault with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedFault {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// What.
    pub fault: WorldFault,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Seeds the schedulers and every decision left to the execution.
    pub net_seed: u64,
    /// Kinds of models.
    pub models: Vec<ModelSpec>,
    /// Machines.
    pub machines: Vec<MachineSpec>,
    /// Network.
    pub net: NetSpec,
    /// What people do, by time.
    pub workload: Vec<TimedOp>,
    /// What goes wrong, by time.
    pub faults: Vec<TimedFault>,
}

/// How large generated scenarios may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Fewest machines.
    pub fewest: usize,
    /// Most machines.
    pub most: usize,
}

/// Time in which people submit, in milliseconds.
const WORKLOAD_MS: u64 = 60_000;

impl Scenario {
    /// The scenario of a seed. Each run turns a random subset of the faults on ("swarm testing").
    #[must_use]
    pub fn generate(seed: u64, bounds: Bounds) -> Self {
        let mut chance = Chance::new(seed);
        let most = bounds.most.max(bounds.fewest).max(1);
        let fewest = bounds.fewest.clamp(1, most);
        // Small meshes are drawn more often: most bugs need few nodes.
        let span = most - fewest;
        let count = fewest + chance.index(span + 1).min(chance.index(span + 1));
        let models: Vec<ModelSpec> = (0..chance.within(1, 4)).map(|_| model(&mut chance)).collect();
        let persons = u8::try_from(chance.within(1, 4)).expect("at most 4");
        let machines: Vec<MachineSpec> =
            (0..count).map(|_| machine(&mut chance, &models, persons)).collect();
        let net = network(&mut chance);
        let workload = workload(&mut chance, count, models.len(), persons);
        let faults = faults(&mut chance, count);
        Self { net_seed: chance.next(), models, machines, net, workload, faults }
    }
}

fn model(chance: &mut Chance) -> ModelSpec {
    let contexts = [512, 2_048, 8_192];
    ModelSpec {
        memory_mib: chance.within(1, 24) * 512,
        context: contexts[chance.index(contexts.len())],
        slots: u16::try_from(chance.within(1, 4)).expect("at most 4"),
    }
}

fn machine(chance: &mut Chance, models: &[ModelSpec], persons: u8) -> MachineSpec {
    let speeds = [1, 1, 1, 1, 2, 2, 2, 4, 4, 10, 25];
    let speed = speeds[chance.index(speeds.len())];
    let memory_mib = chance.within(2, 48) * 512;
    let mut left = memory_mib;
    let mut held = Vec::new();
    for (index, spec) in models.iter().enumerate() {
        if !chance.one_in(650) {
            continue;
        }
        let loaded = spec.memory_mib <= left && chance.one_in(500);
        left -= if loaded { spec.memory_mib } else { 0 };
        held.push(Held { model: index, loaded });
    }
    let owner = u8::try_from(chance.index(usize::from(persons))).expect("below persons");
    MachineSpec {
        person: chance.one_in(800).then_some(owner),
        memory_mib,
        decode_per_s: 10 * speed,
        prefill_per_s: 200 * speed,
        load_mib_per_s: chance.within(200, 2_000),
        models: held,
    }
}

fn network(chance: &mut Chance) -> NetSpec {
    let lossy = chance.one_in(400);
    NetSpec {
        delay_us: chance.within(50, 5_000),
        jitter_us: chance.within(0, 5_000),
        tail_permille: if chance.one_in(300) { chance.within(1, 50) } else { 0 },
        loss_permille: if lossy { chance.within(1, 150) } else { 0 },
        duplicate_permille: if chance.one_in(300) { chance.within(1, 150) } else { 0 },
        gossip_ms: chance.within(200, 2_000),
    }
}

fn workload(chance: &mut Chance, nodes: usize, models: usize, persons: u8) -> Vec<TimedOp> {
    let jobs = chance.within(5, 20 + 8 * nodes as u64);
    let mut operations = Vec::new();
    for number in 0..jobs {
        let at_ms = chance.within(0, WORKLOAD_MS);
        let node = chance.index(nodes);
        let heavy = chance.one_in(100);
        let job = Job {
            number,
            model: chance.index(models),
            person: u8::try_from(chance.index(usize::from(persons))).expect("below persons"),
            batch: chance.one_in(300),
            prompt: u32::try_from(chance.within(5, if heavy { 1_500 } else { 200 }))
                .expect("small"),
            answer: u32::try_from(chance.within(1, if heavy { 600 } else { 80 })).expect("small"),
            mine: chance.one_in(50),
        };
        operations.push(TimedOp { at_ms, node, operation: Operation::Submit(job) });
        if chance.one_in(80) {
            let at_ms = at_ms + chance.within(0, 3_000);
            operations.push(TimedOp { at_ms, node, operation: Operation::Cancel { number } });
        }
        if chance.one_in(20) {
            let model = chance.index(models);
            operations.push(TimedOp { at_ms, node, operation: Operation::Preload { model } });
        }
    }
    operations.sort_by_key(|op| op.at_ms);
    operations
}

fn faults(chance: &mut Chance, nodes: usize) -> Vec<TimedFault> {
    let mut faults = Vec::new();
    let mut add = |at_ms, fault| faults.push(TimedFault { at_ms, fault });
    let kinds: Vec<u64> = (0..5).filter(|_| chance.one_in(400)).collect();
    let count = chance.within(0, 6) * u64::from(!kinds.is_empty());
    for _ in 0..count {
        let at_ms = chance.within(500, WORKLOAD_MS);
        let until_ms = at_ms + chance.within(200, 20_000);
        let (node, other) = (chance.index(nodes), chance.index(nodes));
        match kinds[chance.index(kinds.len())] {
            0 => {
                add(at_ms, WorldFault::Kill { node });
                if chance.one_in(700) {
                    add(until_ms, WorldFault::Restart { node });
                }
            }
            1 if node != other => {
                add(at_ms, WorldFault::Cut { a: node, b: other });
                add(until_ms, WorldFault::Heal { a: node, b: other });
            }
            2 => add(at_ms, WorldFault::Crash { node }),
            3 => add(at_ms, WorldFault::SpoilLoad { node }),
            _ => {
                add(at_ms, WorldFault::Pause { node });
                add(until_ms, WorldFault::Resume { node });
            }
        }
    }
    faults.sort_by_key(|f| f.at_ms);
    faults
}

//! A run as data: machines, network, what people do and what goes wrong. It decides nothing; the
//! execution may not draw anything that is not keyed by this data.

use serde::{Deserialize, Serialize};

mod faults;
mod generate;
mod lasting;

pub use faults::{CrashPoint, TimedFault, WorldFault};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By how many millionths its clock runs fast, or slow if negative (X26).
    #[serde(default)]
    pub drift_ppm: i32,
    /// It runs the version before this one, which does not know the newest messages (X32).
    #[serde(default)]
    pub old: bool,
    /// It does not belong to the mesh from the beginning (X31).
    #[serde(default)]
    pub stranger: bool,
}

/// The network between all machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetSpec {
    /// Shortest one-way delay in microseconds.
    pub delay_us: u64,
    /// Further delay, drawn evenly from 0 to this, in microseconds (X4).
    pub jitter_us: u64,
    /// In how many of 1,000 messages the delay is multiplied by 50 (X2).
    pub tail_permille: u64,
    /// How many of 1,000 control messages are lost (X1).
    pub loss_permille: u64,
    /// How many of 1,000 control messages arrive twice (X3).
    pub duplicate_permille: u64,
    /// How often each node gossips, in milliseconds.
    pub gossip_ms: u64,
}

/// How the person at the other end behaves (X29).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// Reads to the end.
    #[default]
    Patient,
    /// Is gone once it has so many tokens.
    LeavesAfter(u32),
    /// Reads no further than that, and its connection is given up after a while.
    StopsReading(u32),
    /// Cancels once the job has reached this moment.
    CancelsWhen(Moment),
}

/// A moment in a job's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// It was accepted.
    Accepted,
    /// It was bound to an executor.
    Bound,
    /// Its first event came.
    Running,
    /// It ended.
    Ended,
}

/// What is particular to a lasting job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lasting {
    /// Its idempotency key: jobs of one person with the same one are the same job (I16).
    #[serde(default)]
    pub key: Option<u8>,
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
    /// It crashes whatever engine writes its answer (I21).
    #[serde(default)]
    pub poison: bool,
    /// It is handed in as a lasting job, not as a chat: nobody waits for it on a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Lasting>,
    /// Who waits for it.
    #[serde(default)]
    pub client: Client,
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
    /// Takes a lasting job over by hand.
    Adopt {
        /// Its number.
        number: u64,
    },
    /// Asks for a model to be loaded.
    Preload {
        /// Index into the scenario's models.
        model: usize,
    },
    /// Asks for a model to be unloaded.
    Release {
        /// Index into the scenario's models.
        model: usize,
    },
    /// Admits a machine to the mesh, if this one is an admin (X31).
    Admit {
        /// Which.
        machine: usize,
        /// With an admin's rights.
        admin: bool,
    },
    /// Revokes a machine for ever, if this one is an admin (X31).
    Revoke {
        /// Which.
        machine: usize,
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
    /// How long lasting jobs are kept after their end, in milliseconds; `None`: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_ms: Option<u64>,
}

/// A copied disk or a lying holder breaks promises that custody builds on.
const FALSE_KEYS: &str = "lasting jobs are not checked where a key runs twice or a member lies";

/// How large generated scenarios may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Fewest machines.
    pub fewest: usize,
    /// Most machines.
    pub most: usize,
}

impl Scenario {
    /// Whether anybody hands in a lasting job, so that machines need their disks.
    #[must_use]
    pub fn has_lasting(&self) -> bool {
        let lasts = |op: &TimedOp| match &op.operation {
            Operation::Submit(job) => job.lasting.is_some(),
            Operation::Cancel { .. }
            | Operation::Adopt { .. }
            | Operation::Preload { .. }
            | Operation::Release { .. }
            | Operation::Admit { .. }
            | Operation::Revoke { .. } => false,
        };
        self.workload.iter().any(lasts)
    }

    fn has_false_keys(&self) -> bool {
        self.faults.iter().any(|timed| {
            matches!(timed.fault, WorldFault::Twin { .. } | WorldFault::Hostile { .. })
        })
    }

    /// Whether its numbers refer to what is there: a scenario may come from a file.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn check(&self) -> Result<(), String> {
        let machines = self.machines.len();
        let models = self.models.len();
        let is_model = |model: usize| model < models;
        let held = self.machines.iter().flat_map(|m| &m.models).all(|held| is_model(held.model));
        let rates = |m: &MachineSpec| m.decode_per_s > 0 && m.prefill_per_s > 0;
        let op_fits = |op: &TimedOp| {
            op.node < machines
                && match &op.operation {
                    Operation::Submit(job) => is_model(job.model),
                    Operation::Preload { model } | Operation::Release { model } => is_model(*model),
                    Operation::Cancel { .. } | Operation::Adopt { .. } => true,
                    Operation::Admit { machine, .. } | Operation::Revoke { machine } => {
                        *machine < machines
                    }
                }
        };
        let fault_fits =
            |timed: &TimedFault| timed.fault.machines().iter().all(|node| *node < machines);
        let rules = [
            (machines > 0 && models > 0 && models <= 250, "1 to 250 models and some machines"),
            (held, "machines hold models that the scenario does not have"),
            (self.machines.iter().all(rates), "machines need rates above zero"),
            (self.workload.iter().all(op_fits), "an operation names what is not there"),
            (self.faults.iter().all(fault_fits), "a fault names a machine that is not there"),
            (self.net.gossip_ms > 0, "gossip needs a pause above zero"),
            (!self.has_lasting() || !self.has_false_keys(), FALSE_KEYS),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err((*rule).to_owned()),
            None => Ok(()),
        }
    }
}

//! The modelled engines of one machine: what really has memory and what really runs, against which
//! the oracle holds the scheduler's bookkeeping. Tokens are chained: each follows from those before.

use std::collections::BTreeMap;

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{AttemptId, ModelName, Phase, Token};

use crate::chance::{hash, mix};

/// Most tokens of one event.
const TOKENS_PER_EVENT: u64 = 32;

/// Where a model really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On disk only.
    Disk,
    /// Being read into memory.
    Loading,
    /// In memory.
    Memory,
    /// Leaving memory.
    Unloading,
}

/// The answer of a job: which token stands where. Any engine continues it from what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(u64);

impl Chain {
    /// The beginning of a job's answer.
    pub(crate) fn of(job: u64) -> Self {
        Self(hash(&[job, 0x70_6f_6b]))
    }

    /// After what was delivered before.
    pub(crate) fn after(job: u64, delivered: &[u32]) -> Self {
        delivered.iter().fold(Self::of(job), |chain, id| chain.with(*id))
    }

    /// The next token.
    pub(crate) fn next(self) -> u32 {
        u32::try_from(self.0 >> 33).expect("31 bits")
    }

    pub(crate) fn with(self, id: u32) -> Self {
        Self(mix(self.0 ^ u64::from(id)))
    }
}

/// An attempt in a slot.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) chain: Chain,
    /// Position of the next token in the whole answer, and how many it has.
    pub(crate) index: u32,
    pub(crate) answer: u32,
    /// Position at which this attempt began.
    pub(crate) from: u32,
    pub(crate) started: bool,
    /// Work left until the prompt is read, and work done for the next token, in microseconds alone
    /// in the engine.
    pub(crate) read_left_us: u64,
    credit_us: u64,
    /// When it was last advanced, on the machine's waking time, in microseconds.
    pub(crate) last_us: u64,
}

impl Run {
    pub(crate) fn new(job: u64, delivered: &[u32], answer: u32, read_us: u64, now: u64) -> Self {
        let from = u32::try_from(delivered.len()).expect("answers are short");
        Self {
            chain: Chain::after(job, delivered),
            index: from,
            answer: answer.max(from),
            from,
            started: false,
            read_left_us: read_us,
            credit_us: 0,
            last_us: now,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.started && self.index == self.answer
    }

    /// Works for so long; what it says.
    pub(crate) fn work(&mut self, us: u64, token_us: u64) -> Vec<AttemptEvent> {
        let mut said = Vec::new();
        let read = us.min(self.read_left_us);
        self.read_left_us -= read;
        if self.read_left_us > 0 {
            let step = 0;
            return vec![AttemptEvent::Alive { phase: Phase::Prefill, step }];
        }
        if !self.started {
            self.started = true;
            let syntax = pumasi_protocol::engine::OutputSyntax::default();
            said.push(AttemptEvent::Started { prompt: Vec::new(), cached: 0, syntax });
        }
        self.credit_us += us - read;
        let left = u64::from(self.answer - self.index);
        let count = (self.credit_us / token_us).min(left);
        self.credit_us -= count * token_us;
        for size in chunks(count) {
            let index = self.index;
            let tokens = (0..size).map(|_| self.token()).collect();
            said.push(AttemptEvent::Tokens { index, tokens });
        }
        if said.is_empty() {
            said.push(AttemptEvent::Alive { phase: Phase::Decode, step: self.index });
        }
        said
    }

    fn token(&mut self) -> Token {
        let id = self.chain.next();
        self.chain = self.chain.with(id);
        self.index += 1;
        Token { id, bytes: Vec::new(), logprob: None, top: Vec::new() }
    }

    /// Time alone in the engine until it is done, in microseconds.
    pub(crate) fn left_us(&self, token_us: u64) -> u64 {
        let write = u64::from(self.answer - self.index) * token_us;
        self.read_left_us + write.saturating_sub(self.credit_us)
    }
}

fn chunks(count: u64) -> impl Iterator<Item = u64> {
    let whole = (0..count / TOKENS_PER_EVENT).map(|_| TOKENS_PER_EVENT);
    whole.chain(Some(count % TOKENS_PER_EVENT).filter(|rest| *rest > 0))
}

/// One model of a machine, and the engine process that has it.
#[derive(Debug, Clone)]
pub(crate) struct EngineModel {
    pub(crate) place: Place,
    pub(crate) memory: u64,
    pub(crate) slots: u16,
    pub(crate) context: u32,
    pub(crate) load_ms: u64,
    pub(crate) running: BTreeMap<AttemptId, Run>,
    /// Counts crashes and restarts: news of an older generation is void.
    pub(crate) generation: u64,
}

/// All models of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engines {
    pub(crate) models: BTreeMap<ModelName, EngineModel>,
    /// Memory for models, in bytes.
    pub(crate) budget: u64,
}

impl Engines {
    /// Bytes that are really taken.
    pub(crate) fn resident(&self) -> u64 {
        let resident = self.models.values().filter(|m| m.place != Place::Disk);
        resident.map(|m| m.memory).sum()
    }

    /// Attempts that really run.
    pub(crate) fn running(&self) -> usize {
        self.models.values().map(|m| m.running.len()).sum()
    }

    /// Whether an attempt runs, and on which model.
    pub(crate) fn model_of(&self, attempt: AttemptId) -> Option<&ModelName> {
        let mut models = self.models.iter();
        models.find(|(_, m)| m.running.contains_key(&attempt)).map(|(name, _)| name)
    }

    /// Ends an attempt's work; how far it came, if it ran.
    pub(crate) fn end(&mut self, attempt: AttemptId) -> Option<Run> {
        self.models.values_mut().find_map(|m| m.running.remove(&attempt))
    }

    /// One engine process ends: what ran, and whether it had memory.
    pub(crate) fn crash(&mut self, name: &ModelName) -> (Vec<AttemptId>, bool) {
        let Some(model) = self.models.get_mut(name) else { return (Vec::new(), false) };
        model.generation += 1;
        let ran = std::mem::take(&mut model.running).into_keys().collect();
        let had = model.place != Place::Disk;
        model.place = Place::Disk;
        (ran, had)
    }
}

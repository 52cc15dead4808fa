//! What requests took, in time and tokens: for `/metrics`, for usage and for history. A request is counted
//! once, when it ends, under the lock of one shard that its thread mostly has for itself; a piece of an
//! answer is counted in the answer's own figures, under none. No text and no secret comes near it.

mod charge;
mod histogram;
mod history;
mod process;
mod tally;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pumasi_dialects::Counts;
use serde::{Deserialize, Serialize};

use crate::limits::{METERED_MODELS, USAGE_ROWS};

pub(crate) use charge::Charge;
pub use histogram::{BOUNDS, Histogram};
pub use history::{MINUTE_MS, Minute, Totals, points};
pub(crate) use tally::{Head, Tally};
pub(crate) use text::{Gauges, exposition};

/// What stands for all that is too much to be told apart.
pub const OTHER: &str = "other";
/// What stands for what is not known.
pub const UNKNOWN: &str = "-";
/// Shards: more than processors that end requests at the same moment (guess).
const SHARDS: usize = 16;

/// Whose use it was, of what, where and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UsageKey {
    /// Days of UTC since 1970.
    pub day: u32,
    /// The person; empty: a shared computer's own programs.
    pub person: String,
    /// The id of the API key; empty: programs of this computer.
    pub key: String,
    /// The model that answered, as the place calls it; [`UNKNOWN`]: none.
    pub model: String,
    /// `mesh/` and the short id of the computer, or the provider's id; [`UNKNOWN`]: none.
    pub place: String,
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spent {
    /// Requests that ended.
    pub requests: u64,
    /// Of these, failed. A client that left is no failure.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Of these, taken from a cache.
    pub cached: u64,
    /// Tokens of answers, thinking included.
    pub completion: u64,
    /// Of these, thinking.
    pub reasoning: u64,
    /// Time of engines, in microseconds, where engines of the mesh answered.
    pub engine_us: u64,
    /// What it cost by list prices, in billionths of a US dollar.
    pub cost_nano_usd: u64,
    /// Requests whose cost is not known, because their model is on no list of prices.
    pub unpriced: u64,
}

impl Spent {
    /// Takes another one in.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        sum(&mut self.requests, other.requests);
        sum(&mut self.failed, other.failed);
        sum(&mut self.prompt, other.prompt);
        sum(&mut self.cached, other.cached);
        sum(&mut self.completion, other.completion);
        sum(&mut self.reasoning, other.reasoning);
        sum(&mut self.engine_us, other.engine_us);
        sum(&mut self.cost_nano_usd, other.cost_nano_usd);
        sum(&mut self.unpriced, other.unpriced);
    }
}

/// Figures of one model in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// From a request's first byte to the end of its answer.
    pub latency: Histogram,
    /// From a request's first byte to the first piece of its answer.
    pub first_token: Histogram,
    /// Between the pieces of an answer.
    pub gap: Histogram,
    /// Tokens.
    pub counts: Counts,
    /// Requests that failed there.
    pub failed: u64,
}

impl Cell {
    fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.first_token.add(&other.first_token);
        self.gap.add(&other.gap);
        add_counts(&mut self.counts, other.counts);
        self.failed += other.failed;
    }
}

fn add_counts(sum: &mut Counts, other: Counts) {
    sum.prompt = sum.prompt.saturating_add(other.prompt);
    sum.cached = sum.cached.saturating_add(other.cached);
    sum.completion = sum.completion.saturating_add(other.completion);
    sum.reasoning = sum.reasoning.saturating_add(other.reasoning);
}

/// What requests are told apart by: dialect, hundreds of the status, code of the error.
type Sort = (&'static str, u16, &'static str);
type Named<T> = BTreeMap<String, BTreeMap<String, T>>;

/// All figures since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests by the pattern of their route, dialect, hundreds of the status and code of the error.
    pub requests: BTreeMap<String, BTreeMap<Sort, u64>>,
    /// By model and place.
    pub models: Named<Cell>,
}

/// A request that ended.
#[derive(Debug)]
struct Ended<'a> {
    route: &'a str,
    sort: Sort,
    /// Model and place, where there was an answer.
    at: Option<(String, String)>,
    cell: Cell,
    usage: Option<(UsageKey, Spent)>,
}

#[derive(Debug, Default)]
struct Shard {
    figures: Figures,
    usage: BTreeMap<UsageKey, Spent>,
}

/// Counts requests. Shared by all listeners.
#[derive(Debug, Default)]
pub struct Meters {
    shards: [Mutex<Shard>; SHARDS],
    /// Models and places that are told apart.
    admitted: Mutex<BTreeSet<(String, String)>>,
    /// The person of this computer, whom its own programs stand for.
    person: String,
}

impl Meters {
    /// `person`: whom this computer's own programs stand for; none: nobody in particular.
    #[must_use]
    pub fn new(person: Option<String>) -> Self {
        Self { person: person.unwrap_or_default(), ..Self::default() }
    }

    fn count(&self, ended: Ended<'_>) {
        let Ended { route, sort, at, cell, usage } = ended;
        let mut shard = lock(&self.shards[own_shard()]);
        let requests = &mut shard.figures.requests;
        match requests.get_mut(route) {
            Some(sorts) => *sorts.entry(sort).or_default() += 1,
            None => *requests.entry(route.to_owned()).or_default().entry(sort).or_default() += 1,
        }
        if let Some((model, place)) = at {
            let known = shard.figures.models.get_mut(&model).and_then(|m| m.get_mut(&place));
            match known {
                Some(known) => known.add(&cell),
                None => {
                    let (model, place) = self.admit(model, place);
                    let places = shard.figures.models.entry(model).or_default();
                    places.entry(place).or_default().add(&cell);
                }
            }
        }
        if let Some((key, spent)) = usage {
            shard.spend(key, &spent);
        }
    }

    /// The names under which a new model or place is counted.
    fn admit(&self, model: String, place: String) -> (String, String) {
        let mut admitted = lock(&self.admitted);
        let pair = (model, place);
        if admitted.contains(&pair) {
            return pair;
        }
        if admitted.len() >= METERED_MODELS {
            return (OTHER.to_owned(), OTHER.to_owned());
        }
        admitted.insert(pair.clone());
        pair
    }

    /// All figures since the start.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut all = Figures::default();
        for shard in &self.shards {
            let shard = lock(shard);
            for (route, sorts) in &shard.figures.requests {
                let sum = all.requests.entry(route.clone()).or_default();
                sorts.iter().for_each(|(sort, count)| *sum.entry(*sort).or_default() += count);
            }
            for (model, places) in &shard.figures.models {
                let sum = all.models.entry(model.clone()).or_default();
                for (place, cell) in places {
                    sum.entry(place.clone()).or_default().add(cell);
                }
            }
        }
        all
    }

    /// What was used since this was last asked. It is forgotten here.
    #[must_use]
    pub fn take_usage(&self) -> BTreeMap<UsageKey, Spent> {
        let mut all = BTreeMap::<UsageKey, Spent>::new();
        for shard in &self.shards {
            let usage = std::mem::take(&mut lock(shard).usage);
            usage.into_iter().for_each(|(key, spent)| all.entry(key).or_default().add(&spent));
        }
        all
    }

    /// Takes back what could not be written down.
    pub fn give_back(&self, usage: BTreeMap<UsageKey, Spent>) {
        let mut shard = lock(&self.shards[own_shard()]);
        usage.into_iter().for_each(|(key, spent)| shard.spend(key, &spent));
    }

    /// Counts what a lasting job used, which no request waited for.
    pub fn spend(&self, key: UsageKey, spent: &Spent) {
        lock(&self.shards[own_shard()]).spend(key, spent);
    }
}

impl Shard {
    fn spend(&mut self, mut key: UsageKey, spent: &Spent) {
        if self.usage.len() >= USAGE_ROWS && !self.usage.contains_key(&key) {
            (key.model, key.place) = (OTHER.to_owned(), OTHER.to_owned());
        }
        self.usage.entry(key).or_default().add(spent);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counts stay whole even if a thread ended while it held the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each thread has a shard; with more threads than shards some share one.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

#[cfg(test)]
mod tests;

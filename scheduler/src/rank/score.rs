//! The score: predicted time until the last token, as a sum of terms. All in milliseconds, rounded
//! up, so that what costs anything never counts as nothing.

use pumasi_protocol::advert::Queue;
use pumasi_protocol::{JobKind, ModelAdvert, ModelState, Need, Priority, Rate};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::rank::{Candidate, Measured};

/// Predicted completion time, term by term, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Until a slot is free.
    pub wait_ms: u32,
    /// Loading the model.
    pub load_ms: u32,
    /// Reading the prompt, all of it.
    pub prefill_ms: u32,
    /// Of that, saved by the prefix that lies in the KV cache.
    pub cached_ms: u32,
    /// Writing the answer.
    pub decode_ms: u32,
    /// Two round trips: one to be offered and bid, one to open the stream.
    pub network_ms: u32,
    /// Apparent load by recent failures.
    pub penalty_ms: u32,
}

impl Score {
    /// The sum of the terms, less what the cache saves.
    #[must_use]
    pub fn total_ms(&self) -> u32 {
        self.wait_ms.saturating_add(self.without_wait_ms())
    }

    /// The same without the wait.
    #[must_use]
    pub fn without_wait_ms(&self) -> u32 {
        self.load_ms
            .saturating_add(self.service_ms())
            .saturating_add(self.network_ms)
            .saturating_add(self.penalty_ms)
    }

    /// Time in the slot: prefill, less what the cache saves, and decode.
    #[must_use]
    pub fn service_ms(&self) -> u32 {
        self.prefill_ms.saturating_sub(self.cached_ms).saturating_add(self.decode_ms)
    }
}

/// What a prediction of time in a slot rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basis {
    /// Rates and usual length; zeros: unknown.
    pub(crate) rates: Measured,
    /// Tokens that a slot holds.
    pub(crate) context: u32,
    /// Prompt tokens in the KV cache.
    pub(crate) cached_tokens: u32,
    /// Other busy slots on the same node.
    pub(crate) busy: u32,
}

/// Scores a candidate that has passed the gates.
#[inline]
pub(crate) fn score(
    need: &Need,
    model: &ModelAdvert,
    candidate: &Candidate<'_>,
    config: &Config,
) -> Score {
    let loaded = matches!(model.state, ModelState::Loaded { .. });
    let full = matches!(model.state, ModelState::Loaded { slots, busy } if busy >= slots);
    let basis = Basis {
        rates: outrank(candidate.measured, model),
        context: model.context,
        cached_tokens: if loaded { candidate.cached_tokens } else { 0 },
        // A full model must free a slot first.
        busy: u32::from(candidate.busy.saturating_sub(u16::from(full))),
    };
    let queue = &candidate.advert.queue;
    let wait = if full || queue.interactive + queue.batch > 0 { queue_ms(need, queue) } else { 0 };
    Score {
        wait_ms: wait.saturating_sub(candidate.age_ms).saturating_add(candidate.offered_ms),
        load_ms: load_ms(model, model.state, config),
        network_ms: candidate.rtt_us.map_or(0, |rtt| rtt.saturating_mul(2).div_ceil(1_000).max(1)),
        penalty_ms: candidate.penalty_ms,
        ..service(need, &basis, config)
    }
}

/// The terms of the time in a slot: prefill, cached and decode.
#[inline]
pub(crate) fn service(need: &Need, basis: &Basis, config: &Config) -> Score {
    let slowdown = contention_permille(basis.busy, config);
    let prefill = rate_or(basis.rates.prefill, config.assumed_prefill);
    let decode = rate_or(basis.rates.decode, config.assumed_decode);
    let cached = basis.cached_tokens.min(need.prompt_tokens);
    Score {
        prefill_ms: ms_for(need.prompt_tokens, prefill, slowdown),
        cached_ms: ms_for(cached, prefill, slowdown),
        decode_ms: ms_for(answer_tokens(need, basis, config), decode, slowdown),
        ..Score::default()
    }
}

/// By how much other busy slots slow one down, in permille of its time alone.
pub(crate) fn contention_permille(busy: u32, config: &Config) -> u32 {
    config.contention_permille.saturating_mul(busy).saturating_add(1_000)
}

/// Time to load a model that is not loaded, in milliseconds; `state` is where it stands.
pub(crate) fn load_ms(model: &ModelAdvert, state: ModelState, config: &Config) -> u32 {
    let whole = if model.load_ms > 0 {
        model.load_ms
    } else {
        saturated(model.size.div_ceil(u64::from(config.assumed_load.max(1))))
    };
    match state {
        ModelState::Loaded { .. } => 0,
        ModelState::Loading(permille) => {
            let left = 1_000_u64.saturating_sub(u64::from(permille));
            saturated((u64::from(whole) * left).div_ceil(1_000))
        }
        ModelState::Held | ModelState::Unusable => whole,
    }
}

/// Interactive work does not wait behind batch work, so of a mixed queue it sees its share.
fn queue_ms(need: &Need, queue: &Queue) -> u32 {
    let work = saturated(queue.work_ms);
    match need.priority {
        Priority::Batch => work,
        Priority::Interactive => {
            let before = u64::from(queue.interactive) + 1;
            saturated((u64::from(work) * before).div_ceil(before + u64::from(queue.batch)))
        }
    }
}

/// What was measured, where anything was; else what the model's advert says.
pub(crate) fn outrank(measured: Measured, model: &ModelAdvert) -> Measured {
    let or = |own: Rate, theirs: Rate| if own.0 > 0 { own } else { theirs };
    Measured {
        prefill: or(measured.prefill, model.prefill),
        decode: or(measured.decode, model.decode),
        usual_tokens: if measured.usual_tokens > 0 {
            measured.usual_tokens
        } else {
            model.usual_tokens
        },
    }
}

/// Tokens that the answer will probably have: what was asked for, capped by what is usual and by
/// what the context leaves.
fn answer_tokens(need: &Need, basis: &Basis, config: &Config) -> u32 {
    let usual =
        if basis.rates.usual_tokens > 0 { basis.rates.usual_tokens } else { config.assumed_tokens };
    let left = basis.context.saturating_sub(need.prompt_tokens);
    match need.kind {
        JobKind::Embedding => 0,
        JobKind::Chat | JobKind::Completion | JobKind::Image | JobKind::Document => {
            usual.min(need.max_tokens.unwrap_or(u32::MAX)).min(left)
        }
    }
}

fn rate_or(rate: Rate, assumed_per_s: u32) -> Rate {
    if rate.0 > 0 { rate } else { Rate(assumed_per_s.max(1).saturating_mul(1_000)) }
}

fn ms_for(tokens: u32, rate: Rate, slowdown_permille: u32) -> u32 {
    // Tokens × 10⁶ / (thousandths of tokens per second) are milliseconds; × permille / 10³.
    let scaled = u64::from(tokens) * 1_000 * u64::from(slowdown_permille);
    saturated(scaled.div_ceil(u64::from(rate.0.max(1))))
}

pub(crate) fn saturated(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

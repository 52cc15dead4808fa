//! Whether a model fits: what it will take in memory, and a refusal with numbers when that is more
//! than there is. Weights and cache are exact; the buffer for computing follows the graph.

mod allocator;
mod devices;
mod graph;

use crate::inspect::Inspection;
use crate::kv_cache::{CachePlan, CacheType};

pub use devices::{Placed, place};
use graph::Batch;

/// How a model is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// Tokens that each slot can hold.
    pub context_per_slot: u64,
    /// Requests at once.
    pub slots: u64,
    /// Tokens computed at once (`n_ubatch`). llama.cpp's default is 512.
    pub batch: u64,
    /// Tokens of a batch whose scores are kept (`n_outputs_max`). llama.cpp's default is all.
    pub outputs: u64,
    /// Whether all slots share one pool of cells (`kv_unified`).
    pub unified: bool,
    /// Whether sliding blocks keep everything (`swa_full`), as the worker has it.
    pub full_windows: bool,
    /// Type of the cached keys.
    pub key_type: CacheType,
    /// Type of the cached values.
    pub value_type: CacheType,
    /// Whether attention is computed in one piece, without a matrix of all scores.
    pub flash_attention: bool,
    /// Whether there is a context for embeddings beside the one that writes.
    pub embeddings: bool,
}

impl Default for LoadPlan {
    fn default() -> Self {
        Self {
            context_per_slot: 4_096,
            slots: 1,
            batch: 512,
            outputs: 512,
            unified: true,
            full_windows: true,
            key_type: CacheType::F16,
            value_type: CacheType::F16,
            flash_attention: true,
            embeddings: false,
        }
    }
}

impl LoadPlan {
    /// The part of it that shapes the cache.
    pub fn cache(&self) -> CachePlan {
        CachePlan {
            context_per_slot: self.context_per_slot,
            slots: self.slots,
            batch: self.batch,
            unified: self.unified,
            full_windows: self.full_windows,
            key_type: self.key_type,
            value_type: self.value_type,
        }
    }
}

/// What a model takes in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// The weights.
    pub weights: u64,
    /// Keys, values and recurrent states.
    pub cache: u64,
    /// Working space of one batch.
    pub compute: u64,
    /// The vocabulary and the process itself.
    pub overhead: u64,
}

impl MemoryEstimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        [self.cache, self.compute, self.overhead]
            .iter()
            .fold(self.weights, |sum, &bytes| sum.saturating_add(bytes))
    }
}

/// Why a model is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// More is needed than is free.
    #[error(
        "This model needs {} of memory, but {} is free. Choose a shorter context, fewer slots or \
         a smaller version of the model, or let another machine run it.",
        readable(*.needed), readable(*.available)
    )]
    InsufficientMemory {
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        available: u64,
    },
}

impl FitError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            FitError::InsufficientMemory { .. } => "insufficient_memory",
        }
    }
}

/// Bytes in the unit that a person would use.
fn readable(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(size, name)| format!("{:.1} {name}", bytes as f64 / *size as f64),
    )
}

/// Bytes of a loaded vocabulary entry: text, maps, attributes. From the resident memory of loaded
/// models with 32,000 and 49,152 tokens.
const TOKEN_BYTES: u64 = 256;
/// What a worker takes without any model. From the resident memory of a loaded 1 MB model.
const PROCESS_BYTES: u64 = 16 << 20;

/// What `model` takes when loaded by `plan`.
pub fn estimate(model: &Inspection, plan: &LoadPlan) -> MemoryEstimate {
    // A model for embeddings has no other context.
    let (cache, compute) = if model.embeds {
        (0, 0)
    } else {
        (model.cache.bytes(&plan.cache()), compute_bytes(model, plan))
    };
    let beside = if plan.embeddings || model.embeds { embedding_bytes(model) } else { (0, 0) };
    MemoryEstimate {
        weights: model.weight_bytes,
        cache: cache.saturating_add(beside.0),
        compute: compute.saturating_add(beside.1),
        overhead: PROCESS_BYTES.saturating_add(TOKEN_BYTES.saturating_mul(model.vocabulary_size)),
    }
}

/// Refuses what does not fit into `available` bytes.
pub fn check_fit(estimate: &MemoryEstimate, available: u64) -> Result<(), FitError> {
    let needed = estimate.total();
    if needed > available {
        return Err(FitError::InsufficientMemory { needed, available });
    }
    Ok(())
}

/// The longest context per slot, up to the model's own, with which `plan` fits into `available`
/// bytes; `None` if not even the shortest does.
pub fn longest_context(model: &Inspection, plan: &LoadPlan, available: u64) -> Option<u64> {
    let fits = |context_per_slot| {
        check_fit(&estimate(model, &LoadPlan { context_per_slot, ..*plan }), available).is_ok()
    };
    let (mut low, mut high) = (1, model.context_length);
    if !fits(low) {
        return None;
    }
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    Some(low)
}

/// What a batch takes while it is computed.
fn compute_bytes(model: &Inspection, plan: &LoadPlan) -> u64 {
    let cells = plan.cache().cells();
    let tokens = plan.batch.min(cells).clamp(1, BATCH_MAX);
    // Without a shared pool each slot computes its share of the batch on its own cells.
    let seen = if plan.unified { cells } else { cells / plan.slots.max(1) };
    let outputs = plan.outputs.clamp(1, tokens);
    let flash = plan.flash_attention;
    let batch = Batch { tokens, outputs, cells: seen, flash, pooled: false };
    let followed = graph::compute_bytes(model, &batch);
    if flash { followed } else { followed.max(all_scores_bytes(model, tokens, seen)) }
}

/// The moment at which a matrix of all scores is there, with what lives beside it and the mask.
/// Equal to what llama.cpp reserves without flash attention on a CPU, within 1 %, for llama models of
/// 9M to 1B parameters.
fn all_scores_bytes(model: &Inspection, tokens: u64, seen: u64) -> u64 {
    let heads = &model.attention;
    let queries = heads.heads.saturating_mul(heads.key_length);
    let keys_and_values = heads.heads_kv.saturating_mul(heads.key_length + heads.value_length);
    let numbers = heads
        .heads
        .saturating_mul(seen)
        .saturating_add(queries)
        .saturating_add(keys_and_values)
        .saturating_add(model.embedding_length * 5);
    numbers.saturating_add(seen).saturating_mul(tokens).saturating_mul(4)
}

/// Largest batch that is reckoned with, in tokens.
const BATCH_MAX: u64 = 1 << 20;
/// Tokens that the context for embeddings holds, and computes at once.
const EMBEDDING_TOKENS: u64 = 2_048;

/// What the context for embeddings takes beside the one that writes: cache and compute.
fn embedding_bytes(model: &Inspection) -> (u64, u64) {
    let tokens = EMBEDDING_TOKENS.min(model.context_length.max(1));
    let plan = LoadPlan { context_per_slot: tokens, batch: tokens, ..LoadPlan::default() };
    let cells = plan.cache().cells();
    let batch = Batch { tokens, outputs: tokens, cells, flash: true, pooled: true };
    (model.cache.bytes(&plan.cache()), graph::compute_bytes(model, &batch))
}

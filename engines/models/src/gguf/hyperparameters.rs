//! The sizes of a model, each within its range. Many of them are divisors or lengths in C++ that
//! asserts or divides without asking; what is out of range is refused here.
//!
//! Source of the keys and of what llama.cpp asserts: `load_hparams` in llama-model.cpp.

use crate::limits::{
    BLOCK_COUNT_MAX, CONTEXT_LENGTH_MAX, EMBEDDING_LENGTH_MAX, EXPERT_COUNT_MAX,
    FEED_FORWARD_LENGTH_MAX, HEAD_COUNT_MAX, HEAD_LENGTH_MAX, STATE_LENGTH_MAX, VOCABULARY_MAX,
};

use super::Gguf;
use super::architecture::{Architecture, ContextMemory};
use super::blocks::{self, Block};
use super::error::{Excerpt, GgufError};
use super::keys::Keys;

/// The experts of a mixture-of-experts model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Experts {
    /// How many there are in a block.
    pub count: u64,
    /// How many of them see a token, at most.
    pub used: u64,
    /// How many more see every token.
    pub shared: u64,
    /// Width of one of them.
    pub feed_forward_length: u64,
}

/// The fixed-size state of recurrent blocks, per sequence and block, in 32-bit elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recurrent {
    /// Elements of the short convolution or token shift.
    pub convolution_elements: u64,
    /// Elements of the state itself.
    pub state_elements: u64,
}

/// The sizes of a model, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// Architecture and its memory.
    pub architecture: Architecture,
    /// Tokens that it was trained to see at once.
    pub context_length: u64,
    /// Elements of a token's vector.
    pub embedding_length: u64,
    /// Its blocks, first to last.
    pub blocks: Vec<Block>,
    /// Largest feed-forward width; 0 where there is none.
    pub feed_forward_length: u64,
    /// Elements of a key head.
    pub key_length: u64,
    /// Elements of a value head.
    pub value_length: u64,
    /// Elements of a key head in sliding blocks.
    pub key_length_sliding: u64,
    /// Elements of a value head in sliding blocks.
    pub value_length_sliding: u64,
    /// Whether keys and values are one compressed vector (multi-head latent attention, cached so).
    pub latent: bool,
    /// Elements of the vector that keys and values are computed from, where it is smaller than the
    /// embedding (multi-head latent attention, cached so or not); mostly 0.
    pub latent_length: u64,
    /// Elements that a sparse-attention indexer keeps per token and block; mostly 0.
    pub indexer_length: u64,
    /// Tokens that sliding blocks see, if there are such blocks.
    pub sliding_window: Option<u64>,
    /// Experts, if any.
    pub experts: Option<Experts>,
    /// Base of the rotary position embedding, if stated.
    pub rope_base: Option<f64>,
    /// State of the recurrent blocks.
    pub recurrent: Recurrent,
}

/// `prefix` is what its keys begin with: the architecture's name in the file.
pub(super) fn read(
    gguf: &Gguf,
    architecture: Architecture,
    prefix: &str,
) -> Result<Hyperparameters, GgufError> {
    let keys = Keys { metadata: &gguf.metadata, architecture: prefix };
    let context_length = keys.required("context_length", 1..=CONTEXT_LENGTH_MAX)?;
    let embedding_length = keys.required("embedding_length", 1..=EMBEDDING_LENGTH_MAX)?;
    let count = keys.required("block_count", 1..=BLOCK_COUNT_MAX)?;
    keys.count("vocab_size", 1..=VOCABULARY_MAX)?;
    keys.count("nextn_predict_layers", 0..=count)?;
    let (heads, heads_kv) = heads(&keys, architecture, count)?;
    let (key_length, value_length) = head_lengths(&keys, embedding_length, &heads)?;
    let sliding_lengths = 1..=HEAD_LENGTH_MAX;
    let key_sliding = keys.count("attention.key_length_swa", sliding_lengths.clone())?;
    let value_sliding = keys.count("attention.value_length_swa", sliding_lengths)?;
    let (blocks, sliding_window) =
        blocks::read(&keys, architecture, &heads, &heads_kv, &gguf.tensors)?;
    let feed_forward = keys.per_block("feed_forward_length", count, 0..=FEED_FORWARD_LENGTH_MAX)?;
    Ok(Hyperparameters {
        architecture,
        context_length,
        embedding_length,
        blocks,
        feed_forward_length: feed_forward.and_then(|all| all.into_iter().max()).unwrap_or(0),
        key_length,
        value_length,
        key_length_sliding: key_sliding.unwrap_or(key_length),
        value_length_sliding: value_sliding.unwrap_or(value_length),
        latent: is_latent(&keys)?,
        latent_length: keys.count("attention.kv_lora_rank", 0..=STATE_LENGTH_MAX)?.unwrap_or(0),
        indexer_length: keys
            .count("attention.indexer.key_length", 0..=HEAD_LENGTH_MAX)?
            .unwrap_or(0),
        sliding_window,
        experts: experts(&keys, count)?,
        rope_base: rope(&keys, key_length)?,
        recurrent: recurrent(&keys, embedding_length, &heads)?,
    })
}

/// Heads and key-value heads of each block. Hybrid models, and those of `deci`, have blocks with 0
/// of them; everywhere else they are divisors.
fn heads(
    keys: &Keys<'_>,
    architecture: Architecture,
    count: u64,
) -> Result<(Vec<u64>, Vec<u64>), GgufError> {
    let least = match architecture.memory {
        ContextMemory::KeyValue | ContextMemory::None => u64::from(architecture.name != "deci"),
        ContextMemory::Hybrid | ContextMemory::Recurrent => 0,
    };
    let range = least..=HEAD_COUNT_MAX;
    let key = "attention.head_count";
    let heads = match keys.per_block(key, count, range.clone())? {
        Some(heads) => heads,
        None if architecture.memory == ContextMemory::Recurrent => vec![0; count as usize],
        None => return Err(keys.missing(key)),
    };
    let key = "attention.head_count_kv";
    let heads_kv = keys.per_block(key, count, range)?.unwrap_or_else(|| heads.clone());
    for (&whole, &found) in heads.iter().zip(&heads_kv) {
        if whole > 0 && found > 0 && !whole.is_multiple_of(found) {
            return Err(GgufError::NotDivisible { key: Excerpt::of(keys.full(key)), found, whole });
        }
    }
    Ok((heads, heads_kv))
}

/// Lengths of key and value heads: stated, or the embedding divided by the heads of the first
/// block, as llama.cpp does it.
fn head_lengths(keys: &Keys<'_>, embedding: u64, heads: &[u64]) -> Result<(u64, u64), GgufError> {
    let range = 1..=HEAD_LENGTH_MAX;
    let key = keys.count("attention.key_length", range.clone())?;
    let value = keys.count("attention.value_length", range)?;
    if let (Some(key), Some(value)) = (key, value) {
        return Ok((key, value));
    }
    let first = heads[0];
    if first == 0 {
        return Ok((key.unwrap_or(0), value.unwrap_or(0)));
    }
    if !embedding.is_multiple_of(first) {
        let name = Excerpt::of(keys.full("attention.head_count"));
        return Err(GgufError::NotDivisible { key: name, found: first, whole: embedding });
    }
    let length = embedding / first;
    Ok((key.unwrap_or(length), value.unwrap_or(length)))
}

/// llama.cpp caches the compressed vector only if both of these are there.
fn is_latent(keys: &Keys<'_>) -> Result<bool, GgufError> {
    keys.count("attention.q_lora_rank", 0..=STATE_LENGTH_MAX)?;
    let key = keys.count("attention.key_length_mla", 0..=HEAD_LENGTH_MAX)?;
    let value = keys.count("attention.value_length_mla", 0..=HEAD_LENGTH_MAX)?;
    match (key.unwrap_or(0), value.unwrap_or(0)) {
        (0, 0) => Ok(false),
        (0, _) => Err(keys.missing("attention.key_length_mla")),
        (_, 0) => Err(keys.missing("attention.value_length_mla")),
        (_, _) => Ok(true),
    }
}

fn experts(keys: &Keys<'_>, count: u64) -> Result<Option<Experts>, GgufError> {
    let experts = keys.count("expert_count", 0..=EXPERT_COUNT_MAX)?.unwrap_or(0);
    let used = keys.per_block("expert_used_count", count, 0..=experts)?;
    let used = used.and_then(|used| used.into_iter().max()).unwrap_or(0);
    let shared = keys.count("expert_shared_count", 0..=EXPERT_COUNT_MAX)?.unwrap_or(0);
    // A divisor in llama.cpp, like the one below.
    keys.count("experts_per_group", 1..=EXPERT_COUNT_MAX)?;
    let groups = keys.count("expert_group_count", 0..=experts.saturating_sub(1))?.unwrap_or(0);
    if experts == 0 {
        return Ok(None);
    }
    if used == 0 {
        return Err(keys.missing("expert_used_count"));
    }
    if groups > 1 {
        if !experts.is_multiple_of(groups) {
            let key = Excerpt::of(keys.full("expert_group_count"));
            return Err(GgufError::NotDivisible { key, found: groups, whole: experts });
        }
        keys.required("expert_group_used_count", 1..=groups - 1)?;
    }
    let key = "expert_feed_forward_length";
    let width = keys.per_block(key, count, 0..=FEED_FORWARD_LENGTH_MAX)?;
    let dense = keys.per_block("feed_forward_length", count, 0..=FEED_FORWARD_LENGTH_MAX)?;
    let widest = width.or(dense).and_then(|all| all.into_iter().max());
    let feed_forward_length = widest.unwrap_or(0);
    Ok(Some(Experts { count: experts, used, shared, feed_forward_length }))
}

/// Checks everything about positions and norms, and gives the base.
fn rope(keys: &Keys<'_>, key_length: u64) -> Result<Option<f64>, GgufError> {
    let dimensions = keys.count("rope.dimension_count", 0..=HEAD_LENGTH_MAX)?.unwrap_or(0);
    if !dimensions.is_multiple_of(2) || (key_length > 0 && dimensions > key_length) {
        return Err(GgufError::OutOfRange {
            key: Excerpt::of(keys.full("rope.dimension_count")),
            found: Excerpt::of(dimensions.to_string()),
            min: 0,
            max: key_length,
        });
    }
    for key in ["rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor"] {
        keys.fraction(key, 1 << 20)?;
    }
    keys.count("rope.scaling.original_context_length", 0..=CONTEXT_LENGTH_MAX)?;
    for key in ["layer_norm_epsilon", "layer_norm_rms_epsilon", "group_norm_epsilon"] {
        keys.fraction(&format!("attention.{key}"), 1)?;
    }
    if let Some(kind) = keys.text("rope.scaling.type")
        && !["none", "linear", "yarn", "longrope"].contains(&kind)
    {
        // llama.cpp asserts on any other word.
        let key = Excerpt::of(keys.full("rope.scaling.type"));
        return Err(GgufError::OutOfRange { key, found: Excerpt::of(kind), min: 0, max: 3 });
    }
    keys.positive("rope.freq_base_swa", 1 << 50)?;
    keys.positive("rope.freq_base", 1 << 50)
}

/// Source of the formulas: `n_embd_r` and `n_embd_s` in llama-hparams.cpp.
fn recurrent(keys: &Keys<'_>, embedding: u64, heads: &[u64]) -> Result<Recurrent, GgufError> {
    let least_one = |key: &str| keys.count(key, 1..=STATE_LENGTH_MAX);
    let kernel = least_one("ssm.conv_kernel")?.unwrap_or(0);
    let inner = least_one("ssm.inner_size")?.unwrap_or(0);
    let state = least_one("ssm.state_size")?.unwrap_or(0);
    let groups = least_one("ssm.group_count")?.unwrap_or(0);
    least_one("ssm.time_step_rank")?;
    if let Some(head) = least_one("wkv.head_size")? {
        if !embedding.is_multiple_of(head) {
            let key = Excerpt::of(keys.full("wkv.head_size"));
            return Err(GgufError::NotDivisible { key, found: head, whole: embedding });
        }
        let shift = keys.count("token_shift_count", 0..=STATE_LENGTH_MAX)?.unwrap_or(2);
        let (convolution_elements, state_elements) = (shift * embedding, embedding * head);
        return Ok(Recurrent { convolution_elements, state_elements });
    }
    if let Some(cache) = least_one("shortconv.l_cache")? {
        let convolution_elements = embedding * (cache - 1);
        return Ok(Recurrent { convolution_elements, state_elements: 0 });
    }
    if let Some(head) = keys.count("kda.head_dim", 1..=HEAD_LENGTH_MAX)? {
        let heads = heads.iter().copied().max().unwrap_or(0);
        return Ok(Recurrent {
            convolution_elements: 3 * kernel.max(1).saturating_sub(1) * heads * head,
            state_elements: head * head * heads,
        });
    }
    Ok(Recurrent {
        convolution_elements: kernel
            .saturating_sub(1)
            .saturating_mul(inner.saturating_add((2 * groups).saturating_mul(state))),
        state_elements: state.saturating_mul(inner),
    })
}

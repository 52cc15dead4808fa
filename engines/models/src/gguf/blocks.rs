//! What each block of a model keeps for its context: keys and values for all of it, for a sliding
//! window, a state of fixed size, or nothing. Hybrid models differ from block to block, and the
//! tensors say it more reliably than the many metadata keys do.

use serde::{Deserialize, Serialize};

use crate::limits::CONTEXT_LENGTH_MAX;

use super::architecture::{Architecture, ContextMemory};
use super::error::GgufError;
use super::keys::Keys;
use super::tensors::Tensor;
use super::value::Number;

/// One block (layer) of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Attention heads; 0 in a block without attention.
    pub heads: u64,
    /// Key-value heads.
    pub heads_kv: u64,
    /// Whether its tokens look at each other.
    pub attends: bool,
    /// Whether it keeps keys and values of its own.
    pub caches: bool,
    /// Whether it sees only a sliding window.
    pub sliding: bool,
    /// Whether it keeps a recurrent state.
    pub recurrent: bool,
}

/// Which blocks slide in architectures whose file does not list them: every `period`-th block is
/// full. Source: the `load_swa_pattern` calls in llama.cpp's models/.
struct SlidingPattern {
    architecture: &'static str,
    period: u64,
    /// The full block comes first in each period, not last.
    full_first: bool,
    /// Window when the file states none.
    window: Option<u64>,
}

const fn pattern(
    architecture: &'static str,
    period: u64,
    full_first: bool,
    window: Option<u64>,
) -> SlidingPattern {
    SlidingPattern { architecture, period, full_first, window }
}

const SLIDING_PATTERNS: &[SlidingPattern] = &[
    pattern("afmoe", 4, false, None),
    pattern("cohere2", 4, false, None),
    pattern("cohere2moe", 4, true, None),
    pattern("exaone-moe", 4, false, Some(128)),
    pattern("exaone4", 4, false, None),
    pattern("gemma2", 2, false, Some(4_096)),
    pattern("gemma3", 6, false, None),
    pattern("gemma3n", 5, false, None),
    pattern("gpt-oss", 2, false, None),
    pattern("laguna", 4, true, None),
    pattern("llama4", 4, false, Some(8_192)),
    pattern("mellum", 4, false, None),
    pattern("muse-glimmer", 4, false, None),
    pattern("olmo2", 4, false, None),
    pattern("plamo3", 8, false, None),
    pattern("smallthinker", 4, true, None),
];

/// Architectures that list their sliding blocks in the file. All others see the whole context,
/// whatever window the file mentions, because llama.cpp ignores it there.
const SLIDING_LISTED: &[&str] =
    &["dots3note", "gemma4", "granite_swa", "maple", "mimo2", "spark2_5", "step35"];

/// The blocks and, if any of them slides, the window in tokens.
pub(super) fn read(
    keys: &Keys<'_>,
    architecture: Architecture,
    heads: &[u64],
    heads_kv: &[u64],
    tensors: &[Tensor],
) -> Result<(Vec<Block>, Option<u64>), GgufError> {
    let count = heads.len();
    let held = held_by_block(tensors, count);
    let any_keys = held.iter().any(|block| block.keys || block.fused);
    let (sliding, window) = sliding(keys, architecture, count)?;
    let own = own_caches(keys, architecture, count)?;
    // A divisor: every n-th block has attention, the others are recurrent.
    let interval = keys.count("full_attention_interval", 1..=count as u64)?;
    let blocks = (0..count).map(|index| {
        let held = held[index];
        let skipped = architecture.memory == ContextMemory::Hybrid
            && interval.is_some_and(|interval| !(index as u64 + 1).is_multiple_of(interval));
        let attends = heads_kv[index] > 0
            && !skipped
            && (held.keys || held.fused && !held.state || !any_keys);
        let remembers = match architecture.memory {
            ContextMemory::KeyValue | ContextMemory::Hybrid => true,
            ContextMemory::Recurrent | ContextMemory::None => false,
        };
        Block {
            heads: heads[index],
            heads_kv: heads_kv[index],
            attends,
            caches: attends && remembers && (index as u64) < own,
            sliding: attends && sliding[index],
            recurrent: held.state || skipped || architecture.memory == ContextMemory::Recurrent,
        }
    });
    let blocks: Vec<Block> = blocks.collect();
    let window = window.filter(|_| blocks.iter().any(|block| block.sliding));
    Ok((blocks, window))
}

/// How many blocks, from the first on, have a cache of their own; later ones reuse those.
fn own_caches(keys: &Keys<'_>, architecture: Architecture, count: usize) -> Result<u64, GgufError> {
    let count = count as u64;
    let shared = keys.count("attention.shared_kv_layers", 0..=count)?.unwrap_or(0);
    // llama.cpp sets this one without asking the file.
    let fixed = if architecture.name == "gemma3n" { 20 } else { count };
    Ok(fixed.min(count - shared))
}

fn sliding(
    keys: &Keys<'_>,
    architecture: Architecture,
    count: usize,
) -> Result<(Vec<bool>, Option<u64>), GgufError> {
    let none = (vec![false; count], None);
    let key = "attention.sliding_window";
    let stated = keys.count(key, 0..=CONTEXT_LENGTH_MAX)?;
    let pattern = SLIDING_PATTERNS.iter().find(|known| known.architecture == architecture.name);
    if pattern.is_none() && !SLIDING_LISTED.contains(&architecture.name) {
        return Ok(none);
    }
    let window = stated.or(pattern.and_then(|pattern| pattern.window));
    let Some(window) = window.filter(|&window| window > 0) else {
        return Ok(none);
    };
    let listed = keys.numbers("attention.sliding_window_pattern");
    if let Some(listed) = listed {
        let slides = |number: &Number| match number {
            Number::Bool(slides) => *slides,
            Number::Unsigned(_) | Number::Signed(_) => number.as_count() != Some(0),
            Number::Float(_) => false,
        };
        let flags = (0..count).map(|index| listed.get(index).is_some_and(slides)).collect();
        return Ok((flags, Some(window)));
    }
    let Some(pattern) = pattern else {
        return Err(keys.missing("attention.sliding_window_pattern"));
    };
    let stated = keys.count("attention.sliding_window_pattern", 0..=CONTEXT_LENGTH_MAX)?;
    let period = stated.unwrap_or(pattern.period);
    let slides = |index: u64| match period {
        0 => true,
        period if pattern.full_first => !index.is_multiple_of(period),
        period => index % period < period - 1,
    };
    Ok(((0..count as u64).map(slides).collect(), Some(window)))
}

/// What the tensors of one block tell about it.
#[derive(Clone, Copy, Default)]
struct Held {
    /// A key projection of its own.
    keys: bool,
    /// Query, key and value in one tensor, which linear attention has as well.
    fused: bool,
    /// Weights of a recurrent state.
    state: bool,
}

fn held_by_block(tensors: &[Tensor], count: usize) -> Vec<Held> {
    let mut held = vec![Held::default(); count];
    for tensor in tensors {
        let Some((index, part)) = split_block_name(&tensor.name) else { continue };
        let Some(block) = held.get_mut(index) else { continue };
        match part {
            "attn_k.weight" | "attn_kv.weight" | "attn_kv_a_mqa.weight" => block.keys = true,
            "attn_qkv.weight" => block.fused = true,
            part if part.starts_with("ssm_")
                || part.starts_with("shortconv.")
                || part.starts_with("time_mix_") =>
            {
                block.state = true;
            }
            _ => {}
        }
    }
    held
}

/// Splits `blk.7.attn_q.weight`, and `dec.blk.7.…` and `enc.blk.7.…` likewise, into number and rest.
pub(crate) fn split_block_name(name: &str) -> Option<(usize, &str)> {
    let name = name.strip_prefix("dec.").or_else(|| name.strip_prefix("enc.")).unwrap_or(name);
    let (number, part) = name.strip_prefix("blk.")?.split_once('.')?;
    Some((number.parse().ok()?, part))
}

//! What kind of attention a model has, from its heads.

use serde::{Deserialize, Serialize};

use crate::gguf::{Architecture, Hyperparameters};

/// How many query heads share a key-value head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// No block has attention (state-space models).
    None,
    /// MHA: each head has its own keys and values.
    MultiHead,
    /// GQA: groups of heads share them.
    GroupedQuery,
    /// MQA: all heads share one.
    MultiQuery,
    /// MLA: keys and values are one compressed vector.
    MultiHeadLatent,
    /// The engine does not know the architecture, so it cannot be said.
    Unknown,
}

/// The attention of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Its kind.
    pub kind: AttentionKind,
    /// Query heads, in the block that has most.
    pub heads: u64,
    /// Key-value heads, in the block that has most.
    pub heads_kv: u64,
    /// Elements of a key head.
    pub key_length: u64,
    /// Elements of a value head.
    pub value_length: u64,
    /// Elements of the compressed vector of MLA; else 0.
    pub latent_length: u64,
    /// Blocks with attention.
    pub blocks: u64,
    /// Blocks that see only the window.
    pub sliding_blocks: u64,
    /// The window in tokens.
    pub sliding_window: Option<u64>,
    /// Blocks with a recurrent state (state space, linear attention, short convolution).
    pub recurrent_blocks: u64,
}

impl Attention {
    pub(super) fn of(sizes: &Hyperparameters) -> Self {
        let attends = |block: &&crate::gguf::Block| block.attends;
        let blocks = || sizes.blocks.iter().filter(attends);
        let heads = blocks().map(|block| block.heads).max().unwrap_or(0);
        let heads_kv = blocks().map(|block| block.heads_kv).max().unwrap_or(0);
        Self {
            kind: kind(sizes, heads, heads_kv),
            heads,
            heads_kv,
            key_length: sizes.key_length,
            value_length: sizes.value_length,
            latent_length: sizes.latent_length,
            blocks: blocks().count() as u64,
            sliding_blocks: blocks().filter(|block| block.sliding).count() as u64,
            sliding_window: sizes.sliding_window,
            recurrent_blocks: sizes.blocks.iter().filter(|b| b.recurrent).count() as u64,
        }
    }
}

fn kind(sizes: &Hyperparameters, heads: u64, heads_kv: u64) -> AttentionKind {
    if sizes.architecture == Architecture::UNKNOWN {
        return AttentionKind::Unknown;
    }
    let latent = sizes.latent || sizes.latent_length > 0;
    match (heads, heads_kv) {
        (0, _) | (_, 0) => AttentionKind::None,
        _ if latent => AttentionKind::MultiHeadLatent,
        (heads, heads_kv) if heads == heads_kv => AttentionKind::MultiHead,
        (_, 1) => AttentionKind::MultiQuery,
        _ => AttentionKind::GroupedQuery,
    }
}

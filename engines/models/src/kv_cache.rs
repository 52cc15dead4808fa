//! Bytes that a context takes: keys and values of each block, and the state of recurrent ones.
//!
//! Source of the layout: llama_kv_cache and llama_kv_cache_iswa in llama.cpp. Cells are padded to
//! 256, sliding blocks hold their window and one batch, recurrent states are 32-bit.

use serde::{Deserialize, Serialize};

use crate::gguf::{Block, Hyperparameters, TensorType};

/// Cells are allocated in multiples of this.
const CELL_PADDING: u64 = 256;

/// How keys and values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheType {
    /// 16-bit floats, the default.
    #[default]
    F16,
    /// 8.5 bits an element.
    Q8_0,
    /// 4.5 bits an element.
    Q4_0,
}

impl CacheType {
    /// Every type.
    pub const ALL: [CacheType; 3] = [CacheType::F16, CacheType::Q8_0, CacheType::Q4_0];

    /// The tensor type that the cache is made of.
    pub fn tensor_type(self) -> TensorType {
        match self {
            CacheType::F16 => TensorType::F16,
            CacheType::Q8_0 => TensorType::Q8_0,
            CacheType::Q4_0 => TensorType::Q4_0,
        }
    }

    /// Bytes of a row; a row that is no multiple of the block is rounded up.
    fn row_bytes(self, elements: u64) -> u64 {
        let kind = self.tensor_type();
        elements.div_ceil(kind.block_elements()).saturating_mul(kind.block_bytes())
    }
}

/// What one cached block holds per token, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedBlock {
    /// Elements of the key.
    pub key_elements: u64,
    /// Elements of the value; 0 where keys and values are one compressed vector.
    pub value_elements: u64,
    /// Elements of a sparse-attention index; mostly 0.
    pub index_elements: u64,
    /// Whether only a window is kept.
    pub sliding: bool,
}

/// What a context takes, as a function of its length. Part of an inspection, so that the memory of
/// a model on another machine can be computed from its summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheShape {
    /// The blocks that cache, in order.
    pub blocks: Vec<CachedBlock>,
    /// Tokens that sliding blocks keep.
    pub sliding_window: Option<u64>,
    /// Bytes of recurrent state per sequence, over all blocks.
    pub state_bytes: u64,
}

/// How contexts are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePlan {
    /// Tokens that each sequence (slot) can hold.
    pub context_per_slot: u64,
    /// Sequences at once.
    pub slots: u64,
    /// Tokens computed at once (`n_ubatch`), which sliding blocks keep besides their window.
    pub batch: u64,
    /// Whether all slots share one pool of cells (`kv_unified`), so that they can share prefixes.
    pub unified: bool,
    /// Whether sliding blocks keep everything (`swa_full`), so that any prefix can be gone on with.
    pub full_windows: bool,
    /// Type of the keys.
    pub key_type: CacheType,
    /// Type of the values.
    pub value_type: CacheType,
}

impl CachePlan {
    /// Cells of a block that sees everything, over all slots.
    pub(crate) fn cells(&self) -> u64 {
        if self.unified {
            return padded(self.context_per_slot.saturating_mul(self.slots));
        }
        padded(self.context_per_slot).saturating_mul(self.slots)
    }

    /// Cells of a block that sees a window, over all slots.
    fn sliding_cells(&self, window: u64) -> u64 {
        if self.unified {
            let wanted = window.saturating_mul(self.slots).saturating_add(self.batch);
            return padded(wanted.min(self.cells()));
        }
        let wanted = window.saturating_add(self.batch).min(padded(self.context_per_slot));
        padded(wanted).saturating_mul(self.slots)
    }
}

/// Cells come in multiples of [`CELL_PADDING`].
fn padded(cells: u64) -> u64 {
    cells.div_ceil(CELL_PADDING).saturating_mul(CELL_PADDING)
}

impl CacheShape {
    /// Takes the shape from a model's sizes.
    pub fn of(sizes: &Hyperparameters) -> Self {
        let blocks = sizes.blocks.iter().filter(|block| block.caches);
        let recurrent = sizes.blocks.iter().filter(|block| block.recurrent).count() as u64;
        let state = sizes.recurrent.convolution_elements + sizes.recurrent.state_elements;
        Self {
            blocks: blocks.map(|block| cached_block(sizes, block)).collect(),
            sliding_window: sizes.sliding_window,
            state_bytes: recurrent.saturating_mul(state).saturating_mul(4),
        }
    }

    /// Bytes of cache and state for `plan`.
    pub fn bytes(&self, plan: &CachePlan) -> u64 {
        let full = plan.cells();
        let window = self.sliding_window.filter(|_| !plan.full_windows);
        let window = window.map_or(full, |window| plan.sliding_cells(window));
        let blocks = self.blocks.iter().map(|block| {
            let cells = if block.sliding { window } else { full };
            let row = plan.key_type.row_bytes(block.key_elements)
                + plan.value_type.row_bytes(block.value_elements)
                + plan.key_type.row_bytes(block.index_elements);
            cells.saturating_mul(row)
        });
        let states = self.state_bytes.saturating_mul(plan.slots);
        blocks.fold(states, u64::saturating_add)
    }

    /// Bytes that one more token takes while the context is within any sliding window.
    pub fn bytes_per_token(&self, key_type: CacheType, value_type: CacheType) -> u64 {
        let rows = self.blocks.iter().map(|block| {
            key_type.row_bytes(block.key_elements)
                + value_type.row_bytes(block.value_elements)
                + key_type.row_bytes(block.index_elements)
        });
        rows.fold(0, u64::saturating_add)
    }
}

fn cached_block(sizes: &Hyperparameters, block: &Block) -> CachedBlock {
    let (key, value) = if block.sliding {
        (sizes.key_length_sliding, sizes.value_length_sliding)
    } else {
        (sizes.key_length, sizes.value_length)
    };
    CachedBlock {
        key_elements: key * block.heads_kv,
        value_elements: if sizes.latent { 0 } else { value * block.heads_kv },
        index_elements: sizes.indexer_length,
        sliding: block.sliding,
    }
}

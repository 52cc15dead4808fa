//! An inspection that another computer tells: read within a bound, and believed only where every
//! number is one that a checked file could give. All that is computed from it stays within range.

use super::{Attention, BlockRun, Inspection, TensorGroup};
use crate::gguf::Block;
use crate::kv_cache::CacheShape;
use crate::limits::{
    ARCHITECTURE_BYTES_MAX, BLOCK_COUNT_MAX, CHAT_TEMPLATE_BYTES_MAX, CONTEXT_LENGTH_MAX,
    DESCRIPTION_BYTES_MAX, EMBEDDING_LENGTH_MAX, EXPERT_COUNT_MAX, FEED_FORWARD_LENGTH_MAX,
    FILE_BYTES_MAX, HEAD_COUNT_MAX, HEAD_LENGTH_MAX, INSPECTION_BYTES_MAX, STATE_LENGTH_MAX,
    TENSOR_GROUPS_MAX, TENSOR_NAME_BYTES_MAX, VOCABULARY_MAX,
};

/// Most parameters that any file can hold: 8 in a byte.
const PARAMETERS_MAX: u64 = FILE_BYTES_MAX * 8;
/// Parts of a model.
const PARTS_MAX: usize = 8;
/// Longest recurrent state of a whole model, in bytes (guess: published ones stay below 1 GiB).
const STATE_BYTES_MAX: u64 = 1 << 40;

impl Inspection {
    /// As JSON, within [`INSPECTION_BYTES_MAX`]: without the template's text where that is too long.
    /// `None` if it is too long even so.
    pub fn tell(&self) -> Option<Vec<u8>> {
        let within = |model: &Self| {
            let text = serde_json::to_vec(model).expect("plain data is always JSON");
            (text.len() <= INSPECTION_BYTES_MAX).then_some(text)
        };
        within(self).or_else(|| {
            let mut shorter = self.clone();
            shorter.chat_template.iter_mut().for_each(|template| template.text = None);
            within(&shorter)
        })
    }

    /// Reads what another computer told; `None` if it cannot be true.
    pub fn hear(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > INSPECTION_BYTES_MAX {
            return None;
        }
        let model: Self = serde_json::from_slice(bytes).ok()?;
        model.is_plausible().then_some(model)
    }

    fn is_plausible(&self) -> bool {
        let texts = [&self.name, &self.description, &self.license, &self.pre_tokenizer];
        let texts = texts.into_iter().flatten().chain([&self.tokenizer, &self.quantization]);
        let counts = [
            (self.file_bytes, FILE_BYTES_MAX),
            (self.weight_bytes, FILE_BYTES_MAX),
            (self.active.bytes, FILE_BYTES_MAX),
            (self.parameters, PARAMETERS_MAX),
            (self.active.parameters, PARAMETERS_MAX),
            (self.context_length, CONTEXT_LENGTH_MAX),
            (self.embedding_length, EMBEDDING_LENGTH_MAX),
            (self.block_count, BLOCK_COUNT_MAX),
            (self.feed_forward_length, FEED_FORWARD_LENGTH_MAX),
            (self.expert_count, EXPERT_COUNT_MAX),
            (self.expert_used_count, EXPERT_COUNT_MAX),
            (self.expert_shared_count, EXPERT_COUNT_MAX),
            (self.expert_feed_forward_length, FEED_FORWARD_LENGTH_MAX),
            (self.vocabulary_size, VOCABULARY_MAX),
        ];
        texts.into_iter().all(|text| text.len() <= DESCRIPTION_BYTES_MAX)
            && (1..=ARCHITECTURE_BYTES_MAX).contains(&self.architecture.len())
            && within(&counts)
            && self.context_length > 0
            && self.parameters > 0
            && self.bits_per_weight.is_finite()
            && (0.0..=64.0).contains(&self.bits_per_weight)
            && self.rope_base.is_none_or(|base| (0.0..=1e18).contains(&base))
            && self.parts.len() <= PARTS_MAX
            && self.parts.iter().all(|part| {
                (0.0..=1.0).contains(&part.share)
                    && part.parameters <= PARAMETERS_MAX
                    && part.bytes <= FILE_BYTES_MAX
            })
            && self.groups.len() <= TENSOR_GROUPS_MAX + 1
            && self.groups.iter().all(group)
            && self.blocks.len() as u64 <= BLOCK_COUNT_MAX
            && self.blocks.iter().all(run)
            && attention(&self.attention)
            && cache(&self.cache)
            && self.chat_template.as_ref().is_none_or(|template| {
                template.sha256.len() == 64
                    && template.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
                    && template.text.as_ref().is_none_or(|t| t.len() <= CHAT_TEMPLATE_BYTES_MAX)
            })
    }
}

fn within(counts: &[(u64, u64)]) -> bool {
    counts.iter().all(|(found, most)| found <= most)
}

fn group(group: &TensorGroup) -> bool {
    // `enc.blk.*.` and the like stand before the name.
    group.name.len() as u64 <= TENSOR_NAME_BYTES_MAX + 16
        && within(&[(group.parameters, PARAMETERS_MAX), (group.bytes, FILE_BYTES_MAX)])
        && group.types.len() <= crate::gguf::TensorType::ALL.len()
        && group.types.iter().all(|share| share.parameters <= PARAMETERS_MAX)
        && group.blocks.len() as u64 <= BLOCK_COUNT_MAX
        && group.blocks.iter().all(|run| run.first <= run.last && run.last < BLOCK_COUNT_MAX)
}

fn run(run: &BlockRun) -> bool {
    let Block { heads, heads_kv, .. } = run.block;
    run.first <= run.last
        && run.last < BLOCK_COUNT_MAX
        && within(&[
            (heads, HEAD_COUNT_MAX),
            (heads_kv, HEAD_COUNT_MAX),
            (run.bytes, FILE_BYTES_MAX),
        ])
        && run.parts.len() <= PARTS_MAX
        && run.parts.iter().all(|part| part.parameters <= PARAMETERS_MAX)
}

fn attention(shape: &Attention) -> bool {
    within(&[
        (shape.heads, HEAD_COUNT_MAX),
        (shape.heads_kv, HEAD_COUNT_MAX),
        (shape.key_length, HEAD_LENGTH_MAX),
        (shape.value_length, HEAD_LENGTH_MAX),
        (shape.latent_length, STATE_LENGTH_MAX),
        (shape.blocks, BLOCK_COUNT_MAX),
        (shape.sliding_blocks, BLOCK_COUNT_MAX),
        (shape.recurrent_blocks, BLOCK_COUNT_MAX),
        (shape.sliding_window.unwrap_or(0), CONTEXT_LENGTH_MAX),
    ])
}

fn cache(shape: &CacheShape) -> bool {
    let row = HEAD_COUNT_MAX * HEAD_LENGTH_MAX;
    shape.blocks.len() as u64 <= BLOCK_COUNT_MAX
        && shape.blocks.iter().all(|block| {
            within(&[
                (block.key_elements, row),
                (block.value_elements, row),
                (block.index_elements, row),
            ])
        })
        && shape.sliding_window.is_none_or(|window| window <= CONTEXT_LENGTH_MAX)
        && shape.state_bytes <= STATE_BYTES_MAX
}

//! What a model is, as data: parts and their shares, quantization, attention, vocabulary, template
//! and what its context costs. Computed from the header alone; nothing here reads weights.

mod attention;
mod blocks;
mod facts;
mod parts;
mod quantization;
mod template;
mod told;

use serde::{Deserialize, Serialize};

pub use attention::{Attention, AttentionKind};
pub use blocks::{Active, BlockPart, BlockRun};
pub use facts::{Activation, Facts, Norm, Positions, facts};
pub use parts::{Part, PartShare, TensorGroup, TypeRun, TypeShare};
pub use template::ChatTemplate;

use crate::gguf::{Architecture, ContextMemory, Gguf, GgufError, Hyperparameters};
use crate::kv_cache::CacheShape;
use crate::limits::DESCRIPTION_BYTES_MAX;

/// Everything that the header tells about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Version of the GGUF format.
    pub gguf_version: u32,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// Length of the weights in bytes.
    pub weight_bytes: u64,
    /// The model's own name for itself.
    pub name: Option<String>,
    /// Its own description.
    pub description: Option<String>,
    /// Its licence, as the file states it.
    pub license: Option<String>,
    /// Architecture, such as `llama`.
    pub architecture: String,
    /// Whether the engine knows that architecture. If not, what is said of attention, blocks and
    /// cache is a guess from the usual keys.
    pub known: bool,
    /// How it remembers its context.
    pub memory: ContextMemory,
    /// Number of parameters.
    pub parameters: u64,
    /// Parameters and bytes by part, in a fixed order, without empty parts.
    pub parts: Vec<PartShare>,
    /// Tensors of the same role over all blocks, with their types.
    pub groups: Vec<TensorGroup>,
    /// The usual word for the quantization, such as `Q4_K_M`.
    pub quantization: String,
    /// What one token makes the engine read.
    pub active: Active,
    /// Weight bits for each parameter, on average.
    pub bits_per_weight: f64,
    /// Tokens that it was trained to see at once.
    pub context_length: u64,
    /// Elements of a token's vector.
    pub embedding_length: u64,
    /// Number of blocks.
    pub block_count: u64,
    /// The blocks, as runs of equal ones.
    pub blocks: Vec<BlockRun>,
    /// Largest feed-forward width.
    pub feed_forward_length: u64,
    /// Its attention.
    pub attention: Attention,
    /// Experts in a block; 0 for a dense model.
    pub expert_count: u64,
    /// Experts that see a token.
    pub expert_used_count: u64,
    /// Experts that see every token.
    pub expert_shared_count: u64,
    /// Width of an expert; 0 for a dense model.
    pub expert_feed_forward_length: u64,
    /// Base of the rotary position embedding.
    pub rope_base: Option<f64>,
    /// Number of tokens in the vocabulary.
    pub vocabulary_size: u64,
    /// Whether the embedding is also the output.
    pub tied_output: bool,
    /// Kind of tokenizer, such as `gpt2` (byte-pair) or `llama` (SentencePiece).
    pub tokenizer: String,
    /// How text is split before tokens are looked up.
    pub pre_tokenizer: Option<String>,
    /// Whether the model makes embeddings and not text.
    pub embeds: bool,
    /// The template that turns messages into text.
    pub chat_template: Option<ChatTemplate>,
    /// What its context costs.
    pub cache: CacheShape,
}

impl Inspection {
    /// Checks that the engine can run the model, and describes it.
    pub fn of(gguf: &Gguf) -> Result<Self, GgufError> {
        gguf.hyperparameters().map(|sizes| Self::describe(gguf, &sizes))
    }

    /// Describes also what the engine cannot run, as far as the usual keys go.
    pub fn outline(gguf: &Gguf) -> Result<Self, GgufError> {
        let refused = match gguf.hyperparameters() {
            Ok(sizes) => return Ok(Self::describe(gguf, &sizes)),
            Err(refused) => refused,
        };
        // Where not even the usual keys are there, the first reason says more.
        gguf.outline().map(|sizes| Self::describe(gguf, &sizes)).map_err(|_| refused)
    }

    fn describe(gguf: &Gguf, sizes: &Hyperparameters) -> Self {
        let metadata = &gguf.metadata;
        let parameters = gguf.tensors.iter().fold(0, |sum: u64, t| sum.saturating_add(t.elements));
        let weight_bytes = gguf.tensors.iter().fold(0, |sum: u64, t| sum.saturating_add(t.bytes));
        let tokenizer = metadata.text("tokenizer.ggml.model").unwrap_or("none");
        let experts = sizes.experts.unwrap_or_default();
        let architecture = metadata.text("general.architecture").unwrap_or_default();
        Self {
            gguf_version: gguf.version,
            file_bytes: gguf.file_bytes,
            weight_bytes,
            name: description(gguf, "general.name"),
            description: description(gguf, "general.description"),
            license: description(gguf, "general.license"),
            architecture: cut(architecture),
            known: sizes.architecture != Architecture::UNKNOWN,
            memory: sizes.architecture.memory,
            parameters,
            parts: parts::shares(&gguf.tensors),
            groups: parts::groups(&gguf.tensors),
            quantization: quantization::name(gguf),
            active: blocks::active(sizes.experts, &gguf.tensors),
            bits_per_weight: weight_bytes as f64 * 8.0 / parameters as f64,
            context_length: sizes.context_length,
            embedding_length: sizes.embedding_length,
            block_count: sizes.blocks.len() as u64,
            blocks: blocks::runs(sizes, &gguf.tensors),
            feed_forward_length: sizes.feed_forward_length,
            attention: Attention::of(sizes),
            expert_count: experts.count,
            expert_used_count: experts.used,
            expert_shared_count: experts.shared,
            expert_feed_forward_length: experts.feed_forward_length,
            rope_base: sizes.rope_base,
            vocabulary_size: metadata.tokens.map_or(0, |tokens| tokens.count),
            tied_output: gguf.tensor("output.weight").is_none(),
            tokenizer: cut(tokenizer),
            pre_tokenizer: metadata.text("tokenizer.ggml.pre").map(cut),
            embeds: embeds(gguf, sizes),
            chat_template: metadata.text("tokenizer.chat_template").map(ChatTemplate::of),
            cache: CacheShape::of(sizes),
        }
    }
}

fn description(gguf: &Gguf, key: &str) -> Option<String> {
    gguf.metadata.text(key).map(cut)
}

/// Cuts at the bound, between characters.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(DESCRIPTION_BYTES_MAX)].to_owned()
}

/// Encoders, and decoders that say how their outputs are pooled into one vector.
fn embeds(gguf: &Gguf, sizes: &Hyperparameters) -> bool {
    let architecture = sizes.architecture.name;
    let pooled = gguf.metadata.count(&format!("{architecture}.pooling_type"));
    architecture.contains("bert")
        || architecture.contains("embed")
        || pooled.is_some_and(|kind| kind > 0)
}

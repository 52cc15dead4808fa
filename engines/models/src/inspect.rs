//! What a model is, as data: parts and their shares, quantization, attention, vocabulary, template
//! and what its context costs. Computed from the header alone; nothing here reads weights.

mod attention;
mod parts;
mod quantization;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use attention::{Attention, AttentionKind};
pub use parts::{Part, PartShare, TensorGroup, TypeShare};

use crate::gguf::{ContextMemory, Gguf, GgufError, Hyperparameters};
use crate::kv_cache::CacheShape;
use crate::limits::{CHAT_TEMPLATE_BYTES_MAX, DESCRIPTION_BYTES_MAX};

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
    /// Weight bits for each parameter, on average.
    pub bits_per_weight: f64,
    /// Tokens that it was trained to see at once.
    pub context_length: u64,
    /// Elements of a token's vector.
    pub embedding_length: u64,
    /// Number of blocks.
    pub block_count: u64,
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

/// A chat template, which is a small program in the file: it is named by its hash so that a change
/// between two revisions is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatTemplate {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub sha256: String,
    /// Length of the text.
    pub bytes: u64,
    /// The text; absent above [`CHAT_TEMPLATE_BYTES_MAX`].
    pub text: Option<String>,
}

impl Inspection {
    /// Checks the model and describes it.
    pub fn of(gguf: &Gguf) -> Result<Self, GgufError> {
        let sizes = gguf.hyperparameters()?;
        let metadata = &gguf.metadata;
        let parameters = gguf.tensors.iter().fold(0, |sum: u64, t| sum.saturating_add(t.elements));
        let weight_bytes = gguf.tensors.iter().fold(0, |sum: u64, t| sum.saturating_add(t.bytes));
        let tokenizer = metadata.text("tokenizer.ggml.model").unwrap_or("none");
        let experts = sizes.experts.unwrap_or_default();
        Ok(Self {
            gguf_version: gguf.version,
            file_bytes: gguf.file_bytes,
            weight_bytes,
            name: description(gguf, "general.name"),
            description: description(gguf, "general.description"),
            license: description(gguf, "general.license"),
            architecture: sizes.architecture.name.to_owned(),
            memory: sizes.architecture.memory,
            parameters,
            parts: parts::shares(&gguf.tensors),
            groups: parts::groups(&gguf.tensors),
            quantization: quantization::name(gguf),
            bits_per_weight: weight_bytes as f64 * 8.0 / parameters as f64,
            context_length: sizes.context_length,
            embedding_length: sizes.embedding_length,
            block_count: sizes.blocks.len() as u64,
            feed_forward_length: sizes.feed_forward_length,
            attention: Attention::of(&sizes),
            expert_count: experts.count,
            expert_used_count: experts.used,
            expert_shared_count: experts.shared,
            expert_feed_forward_length: experts.feed_forward_length,
            rope_base: sizes.rope_base,
            vocabulary_size: metadata.tokens.map_or(0, |tokens| tokens.count),
            tokenizer: cut(tokenizer),
            pre_tokenizer: metadata.text("tokenizer.ggml.pre").map(cut),
            embeds: embeds(gguf, &sizes),
            chat_template: metadata.text("tokenizer.chat_template").map(chat_template),
            cache: CacheShape::of(&sizes),
        })
    }
}

fn description(gguf: &Gguf, key: &str) -> Option<String> {
    gguf.metadata.text(key).map(cut)
}

/// Cuts at the bound, between characters.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(DESCRIPTION_BYTES_MAX)].to_owned()
}

fn chat_template(text: &str) -> ChatTemplate {
    ChatTemplate {
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
        bytes: text.len() as u64,
        text: (text.len() <= CHAT_TEMPLATE_BYTES_MAX).then(|| text.to_owned()),
    }
}

/// Encoders, and decoders that say how their outputs are pooled into one vector.
fn embeds(gguf: &Gguf, sizes: &Hyperparameters) -> bool {
    let architecture = sizes.architecture.name;
    let pooled = gguf.metadata.count(&format!("{architecture}.pooling_type"));
    architecture.contains("bert")
        || architecture.contains("embed")
        || pooled.is_some_and(|kind| kind > 0)
}

//! What a model is, part by part, and what loading it takes: the inspector's answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::fit::{CacheFormat, Fit};
use super::mesh::NodeRef;

/// A part of a model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WeightPart {
    /// Vectors of the tokens and positions.
    Embedding,
    /// Where tokens look at each other.
    Attention,
    /// Recurrent states: state-space layers, linear attention, short convolutions.
    Recurrent,
    /// The dense layers between.
    FeedForward,
    /// Feed-forward layers of which each token takes a few, and their router.
    Experts,
    /// Scales that keep numbers in range.
    Norms,
    /// From the last vector to the next token.
    Output,
    /// Everything else.
    Other,
}

/// A part's share of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PartShare {
    /// The part.
    pub part: WeightPart,
    /// Its parameters.
    pub parameters: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// Its share of all parameters, 0 to 1.
    pub share: f64,
    /// Bits that one of its parameters takes.
    pub bits_per_weight: f64,
}

/// The tensors with one role, over all blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct TensorGroup {
    /// Its name with `*` for the block.
    pub name: String,
    /// The part that it belongs to.
    pub part: WeightPart,
    /// Its parameters.
    pub parameters: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// Bits that one of its parameters takes, on average.
    pub bits_per_weight: f64,
    /// The types that it is stored in, the one with most parameters first.
    pub types: Vec<String>,
    /// The types by block; empty for what is outside the blocks.
    pub blocks: Vec<TypeRun>,
}

/// Blocks in a row whose tensor of one role has the same type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct TypeRun {
    /// The first of them.
    pub first: u32,
    /// The last of them.
    pub last: u32,
    /// The type, as ggml names it.
    pub tensor_type: String,
    /// Bits that one parameter takes in it.
    pub bits: f64,
}

/// How one block looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockSight {
    /// At all tokens before.
    Full,
    /// At a window of the last tokens.
    Sliding,
    /// At a state of fixed size.
    Recurrent,
    /// At both: tokens before, and a state.
    Both,
    /// Not at all.
    None,
}

/// Blocks in a row that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct BlockRun {
    /// The first of them, from 0.
    pub first: u32,
    /// The last of them.
    pub last: u32,
    /// How it looks back.
    pub sight: BlockSight,
    /// Query heads.
    pub heads: u32,
    /// Key-value heads.
    pub heads_kv: u32,
    /// Whether it keeps keys and values of its own.
    pub caches: bool,
    /// Whether its feed-forward layer is one of experts.
    pub experts: bool,
    /// Parameters of one of them, by part.
    pub parts: Vec<BlockPart>,
}

/// A part of one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct BlockPart {
    /// The part.
    pub part: WeightPart,
    /// Its parameters in one block.
    pub parameters: u64,
}

/// How many query heads share a key-value head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// No block has attention.
    None,
    /// MHA: each head has its own keys and values.
    MultiHead,
    /// GQA: groups of heads share them.
    GroupedQuery,
    /// MQA: all heads share one.
    MultiQuery,
    /// MLA: keys and values are one compressed vector.
    MultiHeadLatent,
    /// The engine does not know the architecture.
    Unknown,
}

/// The attention of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AttentionShape {
    /// Its kind.
    pub kind: AttentionKind,
    /// Query heads, in the block that has most.
    pub heads: u32,
    /// Key-value heads, in the block that has most.
    pub heads_kv: u32,
    /// Elements of a key head.
    pub key_length: u32,
    /// Elements of a value head.
    pub value_length: u32,
    /// Elements of the compressed vector of MLA; else 0.
    pub latent_length: u32,
    /// Blocks with attention.
    pub blocks: u32,
    /// Blocks that see only the window.
    pub sliding_blocks: u32,
    /// The window in tokens.
    pub sliding_window: Option<u32>,
    /// Blocks with a state of fixed size.
    pub recurrent_blocks: u32,
}

/// The experts of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ExpertShape {
    /// How many there are in a block.
    pub count: u32,
    /// How many of them see a token.
    pub used: u32,
    /// How many more see every token.
    pub shared: u32,
    /// Width of one of them, in elements.
    pub width: u32,
}

/// The template that turns messages into text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct TemplateCard {
    /// SHA-256 of the text, 64 hexadecimal digits.
    pub sha256: String,
    /// Length of the text in bytes.
    pub bytes: u64,
    /// The text; none where it is very long.
    pub text: Option<String>,
    /// It takes tools and writes their calls.
    pub tools: bool,
    /// It knows thinking before the answer.
    pub thinking: bool,
    /// It treats the system's message on its own.
    pub system: bool,
}

/// What one slot's context takes, in bytes, for each format of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CachePoint {
    /// Tokens.
    pub context: u32,
    /// As 16-bit floats.
    pub f16: u64,
    /// In 8-bit blocks.
    pub q8_0: u64,
    /// In 4-bit blocks.
    pub q4_0: u64,
}

/// One thing about this model in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Explanation {
    /// What it is about, a stable word.
    pub topic: String,
    /// The same for people.
    pub title: String,
    /// Some sentences, true for this model.
    pub text: String,
}

/// Everything that the header of a model's file tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Inspection {
    /// The name that was asked for.
    pub model: String,
    /// The computer whose file it is; none: a file outside the mesh.
    pub node: Option<NodeRef>,
    /// The model's own name for itself.
    pub title: Option<String>,
    /// Its own description.
    pub description: Option<String>,
    /// Its licence, as the file states it.
    pub license: Option<String>,
    /// Architecture, such as `llama`.
    pub architecture: String,
    /// The family, as people call it.
    pub family: Option<String>,
    /// The file of llama.cpp that computes it.
    pub source: Option<String>,
    /// Whether the engine here can run it.
    pub runs: bool,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// Length of the weights in bytes.
    pub weight_bytes: u64,
    /// Number of parameters.
    pub parameters: u64,
    /// Parameters that one token is multiplied with.
    pub active_parameters: u64,
    /// Bytes of weights that one token makes the engine read.
    pub active_bytes: u64,
    /// The usual word for the quantization.
    pub quantization: String,
    /// Weight bits for each parameter, on average.
    pub bits_per_weight: f64,
    /// Tokens that it was trained to see at once.
    pub context: u32,
    /// Elements of a token's vector.
    pub embedding_length: u32,
    /// Number of blocks.
    pub block_count: u32,
    /// Largest feed-forward width.
    pub feed_forward_length: u32,
    /// Its attention.
    pub attention: AttentionShape,
    /// Its experts; none: dense.
    pub experts: Option<ExpertShape>,
    /// Number of tokens in the vocabulary.
    pub vocabulary: u32,
    /// Kind of tokenizer.
    pub tokenizer: String,
    /// How text is split before tokens are looked up.
    pub pre_tokenizer: Option<String>,
    /// Whether the embedding is also the output.
    pub tied_output: bool,
    /// Whether it makes embeddings and not text.
    pub embeds: bool,
    /// The template that turns messages into text.
    pub template: Option<TemplateCard>,
    /// Parameters and bytes by part.
    pub parts: Vec<PartShare>,
    /// The same by role of the tensors.
    pub groups: Vec<TensorGroup>,
    /// The blocks.
    pub blocks: Vec<BlockRun>,
    /// What one slot's context takes, by its length.
    pub cache: Vec<CachePoint>,
    /// Bytes of recurrent state, whatever the context.
    pub state_bytes: u64,
    /// A planned load, on each computer that was asked about.
    pub fits: Vec<Fit>,
    /// All of it in plain words.
    pub explanations: Vec<Explanation>,
}

/// The query of `GET /api/v1/models/{model}/inspect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectQuery {
    /// Whose file (id); none: any, this computer's first.
    pub node: Option<String>,
    /// Tokens of each slot; none: as it would be loaded.
    pub context: Option<u32>,
    /// Requests at once; none: as it would be loaded.
    pub slots: Option<u16>,
    /// Format of the KV cache.
    pub cache: Option<CacheFormat>,
    /// Whether attention is computed in one piece.
    pub flash: Option<bool>,
    /// Blocks on the graphics card; none: all.
    pub gpu_layers: Option<u32>,
    /// `en` or `ko`.
    pub language: Option<Language>,
}

/// A language of explanations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

//! The header that a file of a known model would have: its metadata and tensors, by llama.cpp's
//! names, each in the type that its quantizer chooses.
//!
//! Source of the types: `llama_tensor_get_type` in llama-quant.cpp.

use super::{KnownModel, Quantization};
use crate::gguf::{Gguf, Metadata, Number, Tensor, TensorType, TokenList, Value, ValueType};

/// Alignment of the weights.
const ALIGNMENT: u64 = 32;

pub(super) fn of(model: &KnownModel, quantization: Quantization) -> Gguf {
    let mut layout = Layout { model, quantization, tensors: Vec::new(), end: 0 };
    layout.whole();
    Gguf {
        version: 3,
        alignment: ALIGNMENT,
        data_offset: 0,
        file_bytes: layout.end,
        metadata: metadata(model, quantization),
        tensors: layout.tensors,
    }
}

fn metadata(model: &KnownModel, quantization: Quantization) -> Metadata {
    let mut metadata = Metadata::default();
    let mut set = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    let count = |count: u32| Value::Number(ValueType::U32, Number::Unsigned(count.into()));
    set("general.architecture", Value::Text(model.architecture.clone()));
    set("general.name", Value::Text(model.title.clone()));
    set("general.license", Value::Text(model.license.clone()));
    // `enum llama_ftype` in llama.h.
    let file_type = match quantization {
        Quantization::Q8 => 7,
        Quantization::Q4KM => 15,
    };
    set("general.file_type", count(file_type));
    set("tokenizer.ggml.model", Value::Text("none".to_owned()));
    let mut own =
        |key: &str, value: u32| set(&format!("{}.{key}", model.architecture), count(value));
    own("context_length", model.context);
    own("embedding_length", model.embedding);
    own("block_count", model.blocks);
    own("feed_forward_length", model.feed_forward);
    own("attention.head_count", model.heads);
    own("attention.head_count_kv", model.heads_kv);
    own("attention.key_length", model.head);
    own("attention.value_length", model.head);
    if let Some(window) = model.window {
        own("attention.sliding_window", window);
    }
    if let Some(experts) = model.experts {
        own("expert_count", experts.count);
        own("expert_used_count", experts.used);
        own("expert_feed_forward_length", experts.width);
    }
    let count = model.vocabulary.into();
    metadata.tokens = Some(TokenList { count, ..TokenList::default() });
    metadata
}

struct Layout<'a> {
    model: &'a KnownModel,
    quantization: Quantization,
    tensors: Vec<Tensor>,
    end: u64,
}

impl Layout<'_> {
    fn add(&mut self, name: String, dimensions: [u64; 3], tensor_type: TensorType) {
        let elements = dimensions.iter().product();
        let bytes = tensor_type.bytes_for(elements).expect("rows are whole blocks");
        let [row, rows, matrices] = dimensions;
        let dimensions = [row, rows, matrices, 1];
        let offset = self.end.next_multiple_of(ALIGNMENT);
        self.end = offset + bytes;
        self.tensors.push(Tensor { name, dimensions, tensor_type, elements, bytes, offset });
    }

    fn norm(&mut self, name: String, length: u64) {
        self.add(name, [length, 1, 1], TensorType::F32);
    }

    /// `rich`: one of those that the mixed types give more bits.
    fn matrix(&mut self, name: String, dimensions: [u64; 3], rich: bool) {
        let whole = match self.quantization {
            Quantization::Q8 => TensorType::Q8_0,
            Quantization::Q4KM if rich => TensorType::Q6_K,
            Quantization::Q4KM => TensorType::Q4_K,
        };
        // Rows that are no whole super-blocks get the type that comes nearest.
        let fits = dimensions[0].is_multiple_of(whole.block_elements());
        let tensor_type = if fits {
            whole
        } else if whole == TensorType::Q6_K {
            TensorType::Q8_0
        } else {
            TensorType::Q5_0
        };
        self.add(name, dimensions, tensor_type);
    }

    fn whole(&mut self) {
        let model = self.model;
        let (wide, words) = (u64::from(model.embedding), u64::from(model.vocabulary));
        self.matrix("token_embd.weight".to_owned(), [wide, words, 1], model.tied);
        if !model.tied {
            self.matrix("output.weight".to_owned(), [wide, words, 1], true);
        }
        self.norm("output_norm.weight".to_owned(), wide);
        for block in 0..model.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: u32) {
        let model = self.model;
        let wide = u64::from(model.embedding);
        let head = u64::from(model.head);
        let (queries, keys) = (head * u64::from(model.heads), head * u64::from(model.heads_kv));
        let rich = has_more_bits(block, model.blocks);
        let name = |role: &str| format!("blk.{block}.{role}.weight");
        self.norm(name("attn_norm"), wide);
        self.norm(name("attn_q_norm"), head);
        self.norm(name("attn_k_norm"), head);
        self.matrix(name("attn_q"), [wide, queries, 1], false);
        self.matrix(name("attn_k"), [wide, keys, 1], false);
        self.matrix(name("attn_v"), [wide, keys, 1], rich);
        self.matrix(name("attn_output"), [queries, wide, 1], false);
        self.norm(name("ffn_norm"), wide);
        if model.architecture.starts_with("gemma") {
            self.norm(name("post_attention_norm"), wide);
            self.norm(name("post_ffw_norm"), wide);
        }
        match model.experts {
            Some(experts) => {
                let (count, width) = (u64::from(experts.count), u64::from(experts.width));
                self.add(name("ffn_gate_inp"), [wide, count, 1], TensorType::F32);
                self.matrix(name("ffn_gate_exps"), [wide, width, count], false);
                self.matrix(name("ffn_up_exps"), [wide, width, count], false);
                self.matrix(name("ffn_down_exps"), [width, wide, count], rich);
            }
            None => {
                let inner = u64::from(model.feed_forward);
                self.matrix(name("ffn_gate"), [wide, inner, 1], false);
                self.matrix(name("ffn_up"), [wide, inner, 1], false);
                self.matrix(name("ffn_down"), [inner, wide, 1], rich);
            }
        }
    }
}

/// The first and the last eighth of the blocks, and every third between (`use_more_bits`).
fn has_more_bits(block: u32, blocks: u32) -> bool {
    let eighth = blocks / 8;
    block < eighth || block >= 7 * blocks / 8 || (block - eighth) % 3 == 2
}

//! Models of several architectures with every tensor that llama.cpp asks for, as sparse files: their
//! weights are zero and take no room on the disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{GgufBuilder, Item, Sizes};
use crate::gguf::TensorType;

/// A model to make.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "named after the metadata keys")]
pub struct Shape {
    pub architecture: &'static str,
    pub sizes: Sizes,
    /// Elements of a head, if not the embedding divided by the heads.
    pub head: Option<u32>,
    /// How many experts, how many of them see a token, how wide each is.
    pub experts: Option<(u32, u32, u32)>,
    /// Tokens that sliding blocks see.
    pub window: Option<u32>,
    /// Whether the output is a tensor of its own.
    pub untied: bool,
    pub weights: TensorType,
}

impl Shape {
    /// A dense model with tied embeddings in Q8_0.
    pub fn dense(architecture: &'static str, sizes: Sizes) -> Self {
        Self {
            architecture,
            sizes,
            head: None,
            experts: None,
            window: None,
            untied: false,
            weights: TensorType::Q8_0,
        }
    }

    fn head(&self) -> u32 {
        self.head.unwrap_or(self.sizes.embedding / self.sizes.heads)
    }
}

impl GgufBuilder {
    /// A whole model of this shape.
    pub fn shaped(shape: &Shape) -> Self {
        let mut file = Self::default();
        file.set("general.architecture", shape.architecture);
        file.set("general.name", "Shape");
        file.set_sizes(shape);
        file.set_vocabulary(shape.sizes.vocabulary);
        let (wide, vocabulary) = (u64::from(shape.sizes.embedding), shape.sizes.vocabulary);
        file.tensor("token_embd.weight", &[wide, vocabulary.into()], shape.weights);
        file.tensor("output_norm.weight", &[wide], TensorType::F32);
        if shape.untied {
            file.tensor("output.weight", &[wide, vocabulary.into()], shape.weights);
        }
        for block in 0..shape.sizes.blocks {
            file.add_attention(shape, block);
            file.add_feed_forward(shape, block);
        }
        file
    }

    fn set_sizes(&mut self, shape: &Shape) {
        let sizes = shape.sizes;
        let mut set = |key: &str, item: Item| {
            self.set(&format!("{}.{key}", shape.architecture), item);
        };
        set("context_length", sizes.context.into());
        set("embedding_length", sizes.embedding.into());
        set("block_count", sizes.blocks.into());
        set("feed_forward_length", sizes.feed_forward.into());
        set("attention.head_count", sizes.heads.into());
        set("attention.head_count_kv", sizes.heads_kv.into());
        set("attention.key_length", shape.head().into());
        set("attention.value_length", shape.head().into());
        set("attention.layer_norm_rms_epsilon", 1e-5.into());
        set("rope.dimension_count", shape.head().into());
        set("rope.freq_base", 10_000.0.into());
        if let Some(window) = shape.window {
            set("attention.sliding_window", window.into());
        }
        if let Some((count, used, width)) = shape.experts {
            set("expert_count", count.into());
            set("expert_used_count", used.into());
            set("expert_feed_forward_length", width.into());
        }
    }

    fn add_attention(&mut self, shape: &Shape, block: u32) {
        let wide = u64::from(shape.sizes.embedding);
        let head = u64::from(shape.head());
        let queries = head * u64::from(shape.sizes.heads);
        let keys = head * u64::from(shape.sizes.heads_kv);
        let norm = TensorType::F32;
        let name = |role: &str| format!("blk.{block}.{role}");
        self.tensor(&name("attn_norm.weight"), &[wide], norm);
        if shape.architecture == "phi3" {
            let all = queries + 2 * keys;
            self.tensor(&name("attn_qkv.weight"), &[wide, all], shape.weights);
        } else {
            self.tensor(&name("attn_q.weight"), &[wide, queries], shape.weights);
            self.tensor(&name("attn_k.weight"), &[wide, keys], shape.weights);
            self.tensor(&name("attn_v.weight"), &[wide, keys], shape.weights);
        }
        self.tensor(&name("attn_output.weight"), &[queries, wide], shape.weights);
        if ["qwen2", "gpt-oss"].contains(&shape.architecture) {
            self.tensor(&name("attn_q.bias"), &[queries], norm);
            self.tensor(&name("attn_k.bias"), &[keys], norm);
            self.tensor(&name("attn_v.bias"), &[keys], norm);
        }
        if ["qwen3", "qwen3moe", "gemma3"].contains(&shape.architecture) {
            self.tensor(&name("attn_q_norm.weight"), &[head], norm);
            self.tensor(&name("attn_k_norm.weight"), &[head], norm);
        }
        if ["gemma2", "gemma3", "gpt-oss"].contains(&shape.architecture) {
            self.tensor(&name("post_attention_norm.weight"), &[wide], norm);
        }
        if shape.architecture == "gpt-oss" {
            self.tensor(&name("attn_output.bias"), &[wide], norm);
            self.tensor(&name("attn_sinks.weight"), &[shape.sizes.heads.into()], norm);
        }
    }

    fn add_feed_forward(&mut self, shape: &Shape, block: u32) {
        let wide = u64::from(shape.sizes.embedding);
        let (norm, kind) = (TensorType::F32, shape.weights);
        let name = |role: &str| format!("blk.{block}.{role}");
        if shape.architecture != "gpt-oss" {
            self.tensor(&name("ffn_norm.weight"), &[wide], norm);
        }
        if ["gemma2", "gemma3"].contains(&shape.architecture) {
            self.tensor(&name("post_ffw_norm.weight"), &[wide], norm);
        }
        let Some((count, _, width)) = shape.experts else {
            let inner = u64::from(shape.sizes.feed_forward);
            let fused = shape.architecture == "phi3";
            if !fused {
                self.tensor(&name("ffn_gate.weight"), &[wide, inner], kind);
            }
            let up = if fused { 2 * inner } else { inner };
            self.tensor(&name("ffn_up.weight"), &[wide, up], kind);
            self.tensor(&name("ffn_down.weight"), &[inner, wide], kind);
            return;
        };
        let (count, width) = (u64::from(count), u64::from(width));
        self.tensor(&name("ffn_gate_inp.weight"), &[wide, count], norm);
        self.tensor(&name("ffn_gate_exps.weight"), &[wide, width, count], kind);
        self.tensor(&name("ffn_up_exps.weight"), &[wide, width, count], kind);
        self.tensor(&name("ffn_down_exps.weight"), &[width, wide, count], kind);
        if shape.architecture == "gpt-oss" {
            self.tensor(&name("ffn_gate_inp.bias"), &[count], norm);
            self.tensor(&name("ffn_gate_exps.bias"), &[width, count], norm);
            self.tensor(&name("ffn_up_exps.bias"), &[width, count], norm);
            self.tensor(&name("ffn_down_exps.bias"), &[wide, count], norm);
        }
    }

    /// Writes the whole file without taking room for its weights.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_sparse(&self, path: &Path) -> io::Result<u64> {
        let header = self.header();
        let start = (header.len() as u64).next_multiple_of(self.alignment);
        let mut end = start;
        for tensor in &self.tensors {
            end = end.next_multiple_of(self.alignment) + tensor.all_bytes();
        }
        let mut file = File::create(path)?;
        file.write_all(&header)?;
        file.set_len(end)?;
        Ok(end)
    }
}

//! The graph that computes one batch, value by value, as far as it bears on memory. What a block
//! does in place (norms, biases, scales) takes nothing and is left out.
//!
//! Source: `build_inp_embd`, `build_qkv`, `build_attn`, `build_ffn`, `build_moe_ffn` in
//! llama-graph.cpp, and llama.cpp, phi3.cpp in its models folder. Compared with what llama.cpp
//! reserves on a CPU in engines/llama/tests/worker/memory.rs.

use super::allocator::{Graph, Value};
use crate::inspect::{BlockRun, Inspection};

/// Blocks that are computed here: the widest moment is in the first, the last or the output.
const BLOCKS_MAX: usize = 12;
/// Sequences of the context for embeddings.
const POOLED_SEQUENCES: u64 = 64;

/// One batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// Tokens in it.
    pub(super) tokens: u64,
    /// Tokens whose scores are kept.
    pub(super) outputs: u64,
    /// Cells that each token may look at.
    pub(super) cells: u64,
    /// Whether attention is computed in one piece.
    pub(super) flash: bool,
    /// Whether the vectors are pooled: then all of them are outputs.
    pub(super) pooled: bool,
}

/// Bytes of the buffer for computing.
pub(super) fn compute_bytes(model: &Inspection, batch: &Batch) -> u64 {
    let mut builder = Builder { graph: Graph::default(), model, batch: *batch };
    builder.whole();
    builder.graph.peak()
}

struct Builder<'a> {
    graph: Graph,
    model: &'a Inspection,
    batch: Batch,
}

/// What attention is given: where to put keys and values, and what each token sees.
#[derive(Clone, Copy)]
struct Sight {
    keys: Value,
    values: Value,
    mask: Value,
}

impl Builder<'_> {
    /// Bytes of a vector of 32-bit floats for each token.
    fn wide(&self, elements: u64) -> u64 {
        elements.saturating_mul(self.batch.tokens).saturating_mul(4)
    }

    fn whole(&mut self) {
        let tokens = self.batch.tokens;
        let vector = self.wide(self.model.embedding_length);
        let ids = self.graph.input(tokens * 4);
        // Batches may also hold vectors, or both: their inputs are there all the same.
        self.graph.input(vector);
        let mixed = self.graph.input(tokens * 4);
        let slots = self.graph.input(tokens * 8);
        let given = self.graph.input(vector);
        let positions = self.graph.input(tokens * 4);
        let slides = self.model.attention.sliding_blocks > 0;
        let sights: Vec<Sight> = (0..=u8::from(slides)).map(|_| self.sight()).collect();
        let outputs = self.graph.input(self.batch.outputs * 4);
        if self.batch.pooled {
            self.graph.input(tokens * POOLED_SEQUENCES * 4);
        }
        let mut value = self.graph.make(vector, &[ids]);
        let looked_up = self.graph.make(vector, &[mixed]);
        let copy = self.graph.make(vector, &[given]);
        self.graph.view(copy, &[looked_up, slots, copy]);
        let blocks = self.blocks();
        for (index, run) in blocks.iter().enumerate() {
            let sight = if run.block.sliding { sights[0] } else { sights[sights.len() - 1] };
            let last = index + 1 == blocks.len() && !self.batch.pooled;
            let until = last.then_some(outputs);
            value = self.block(value, positions, sight, run, until);
        }
        let vectors = self.batch.outputs.saturating_mul(self.model.embedding_length * 4);
        let norm = self.graph.reuse(vectors, &[value]);
        self.graph.keep(norm);
        let scores = self.batch.outputs.saturating_mul(self.model.vocabulary_size * 4);
        let scores = self.graph.make(scores, &[norm]);
        self.graph.keep(scores);
    }

    fn sight(&mut self) -> Sight {
        let tokens = self.batch.tokens;
        let element = if self.batch.flash { 2 } else { 4 };
        Sight {
            keys: self.graph.input(tokens * 8),
            values: self.graph.input(tokens * 8),
            mask: self.graph.input(self.batch.cells.saturating_mul(tokens * element)),
        }
    }

    /// The first and the last of them.
    fn blocks(&self) -> Vec<BlockRun> {
        let each = self.model.blocks.iter();
        let all: Vec<&BlockRun> =
            each.flat_map(|run| (run.first..=run.last).map(move |_| run)).collect();
        let skipped = all.len().saturating_sub(BLOCKS_MAX);
        let half = BLOCKS_MAX / 2;
        let kept = |index: &usize| skipped == 0 || *index < half || *index >= half + skipped;
        let kept = all.iter().enumerate().filter(|(index, _)| kept(index));
        kept.map(|(_, run)| (*run).clone()).collect()
    }

    fn block(
        &mut self,
        before: Value,
        positions: Value,
        sight: Sight,
        run: &BlockRun,
        until: Option<Value>,
    ) -> Value {
        let vector = self.wide(self.model.embedding_length);
        let norm = self.graph.reuse(vector, &[before]);
        let attended = if run.block.attends {
            self.attention(norm, positions, sight, run)
        } else {
            self.recurrent(norm)
        };
        let attended = self.graph.make(vector, &[attended]);
        let (attended, before, tokens) = match until {
            None => (attended, before, self.batch.tokens),
            Some(ids) => {
                let kept = self.batch.outputs.saturating_mul(self.model.embedding_length * 4);
                let cut = self.graph.make(kept, &[attended, ids]);
                (cut, self.graph.make(kept, &[before, ids]), self.batch.outputs)
            }
        };
        let vector = tokens.saturating_mul(self.model.embedding_length * 4);
        let sum = self.graph.reuse(vector, &[attended, before]);
        let norm = self.graph.reuse(vector, &[sum]);
        let fed =
            if run.experts { self.experts(norm, tokens) } else { self.feed_forward(norm, tokens) };
        self.graph.reuse(vector, &[fed, sum])
    }

    fn attention(&mut self, norm: Value, positions: Value, sight: Sight, run: &BlockRun) -> Value {
        let shape = &self.model.attention;
        let (key, value) = (shape.key_length, shape.value_length);
        let (heads, sets) = (run.block.heads, run.block.heads_kv);
        let queries = self.wide(heads.saturating_mul(key));
        let keys = self.wide(sets.saturating_mul(key));
        let values = self.wide(sets.saturating_mul(value));
        let (queries, values, keys) = if self.has("attn_qkv") {
            let all = queries.saturating_add(keys).saturating_add(values);
            let fused = self.graph.make(all, &[norm]);
            let query = self.graph.part(fused, queries);
            let key = self.graph.part(fused, keys);
            let value = self.graph.part(fused, values);
            let query = self.graph.make(queries, &[query, positions]);
            (query, value, self.graph.make(keys, &[key, positions]))
        } else {
            let query = self.graph.make(queries, &[norm]);
            let query = self.graph.view(query, &[query]);
            let query = self.graph.reuse(queries, &[query, positions]);
            let value = self.graph.make(values, &[norm]);
            let value = self.graph.view(value, &[value]);
            let key = self.graph.make(keys, &[norm]);
            let key = self.graph.view(key, &[key]);
            (query, value, self.graph.reuse(keys, &[key, positions]))
        };
        self.graph.store(&[keys, sight.keys]);
        self.graph.store(&[values, sight.values]);
        let looking = self.graph.view(queries, &[queries]);
        let seen = self.wide(heads.saturating_mul(value));
        let attended = if self.batch.flash {
            self.graph.make(seen, &[looking, sight.mask])
        } else {
            let scores = self.wide(heads.saturating_mul(self.batch.cells));
            let scores_of = self.graph.make(scores, &[looking]);
            let weights = self.graph.reuse(scores, &[scores_of, sight.mask]);
            let mixed = self.graph.make(seen, &[weights]);
            let turned = self.graph.view(mixed, &[mixed]);
            self.graph.make(seen, &[turned])
        };
        self.graph.view(attended, &[attended])
    }

    /// A state-space layer or the like: widened twice, with its state beside it. Not compared.
    fn recurrent(&mut self, norm: Value) -> Value {
        let inner = self.wide(self.model.embedding_length.saturating_mul(2));
        let widened = self.graph.make(inner.saturating_mul(2), &[norm]);
        let mixed = self.graph.make(inner, &[widened]);
        let scanned = self.graph.make(inner, &[mixed]);
        self.graph.reuse(inner, &[scanned, widened])
    }

    fn has(&self, role: &str) -> bool {
        let name = format!("blk.*.{role}.weight");
        self.model.groups.iter().any(|group| group.name == name)
    }

    fn feed_forward(&mut self, norm: Value, tokens: u64) -> Value {
        let vector = tokens.saturating_mul(self.model.embedding_length * 4);
        let inner = tokens.saturating_mul(self.model.feed_forward_length * 4);
        let gated = self.has("ffn_gate") || !self.has("ffn_up");
        let bent = if gated {
            let gate = self.graph.make(inner, &[norm]);
            let up = self.graph.make(inner, &[norm]);
            self.graph.make(inner, &[gate, up])
        } else if self.has("attn_qkv") {
            let both = self.graph.make(inner.saturating_mul(2), &[norm]);
            self.graph.make(inner, &[both])
        } else {
            let up = self.graph.make(inner, &[norm]);
            self.graph.reuse(inner, &[up])
        };
        self.graph.make(vector, &[bent])
    }

    fn experts(&mut self, norm: Value, tokens: u64) -> Value {
        let vector = tokens.saturating_mul(self.model.embedding_length * 4);
        let all = tokens.saturating_mul(self.model.expert_count * 4);
        let used = self.model.expert_used_count.max(1);
        let inner =
            tokens.saturating_mul(self.model.expert_feed_forward_length * 4).saturating_mul(used);
        let scores = self.graph.make(all, &[norm]);
        let scores = self.graph.reuse(all, &[scores]);
        let sorted = self.graph.make(all, &[scores]);
        let chosen = self.graph.view(sorted, &[sorted]);
        let scores = self.graph.view(scores, &[scores]);
        let weights = self.graph.make(tokens * used * 4, &[scores, chosen]);
        let input = self.graph.view(norm, &[norm]);
        let up = self.graph.make(inner, &[input, chosen]);
        let gate = self.graph.make(inner, &[input, chosen]);
        let bent = self.graph.make(inner, &[gate, up]);
        let down = self.graph.make(vector.saturating_mul(used), &[bent, chosen]);
        let down = self.graph.reuse(vector.saturating_mul(used), &[down, weights]);
        let parts: Vec<Value> = (0..used).map(|_| self.graph.part(down, vector)).collect();
        let mut sum = parts[0];
        for (index, part) in parts.iter().enumerate().skip(1) {
            let from = [sum, *part];
            sum = if index == 1 {
                self.graph.make(vector, &from)
            } else {
                self.graph.reuse(vector, &from)
            };
        }
        sum
    }
}

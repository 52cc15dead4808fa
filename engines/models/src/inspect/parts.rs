//! Which tensor belongs to which part of a model, by llama.cpp's names (`LLM_TENSOR_NAMES` in
//! llama-arch.cpp), and how many parameters and bytes each part has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gguf::{Tensor, TensorType, split_block_name};
use crate::limits::TENSOR_GROUPS_MAX;

/// A part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
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
    /// From the last vector to the next token. Absent where the embedding does that as well.
    Output,
    /// Everything else.
    Other,
}

/// A part's share of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartShare {
    /// The part.
    pub part: Part,
    /// Its tensors.
    pub tensors: u64,
    /// Its parameters.
    pub parameters: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// Its share of all parameters, 0 to 1.
    pub share: f64,
}

/// How much of a group is stored in one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeShare {
    /// The type.
    pub tensor_type: TensorType,
    /// Tensors of that type.
    pub tensors: u64,
    /// Parameters of that type.
    pub parameters: u64,
}

/// The tensors with one role, over all blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorGroup {
    /// The name with `*` for the block, such as `blk.*.attn_q.weight`.
    pub name: String,
    /// The part that it belongs to.
    pub part: Part,
    /// Its tensors.
    pub tensors: u64,
    /// Its parameters.
    pub parameters: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// The types that it is stored in.
    pub types: Vec<TypeShare>,
    /// The same by block, in the order of the blocks: which ones have it, in which type. Empty for
    /// tensors outside the blocks.
    pub blocks: Vec<TypeRun>,
}

/// Blocks in a row whose tensor of one role has the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRun {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// The type.
    pub tensor_type: TensorType,
}

/// Sums up the parts that there are, in the order of [`Part`].
pub(super) fn shares(tensors: &[Tensor]) -> Vec<PartShare> {
    let mut parts: BTreeMap<Part, PartShare> = BTreeMap::new();
    for tensor in tensors {
        let part = part(&tensor.name);
        let empty = PartShare { part, tensors: 0, parameters: 0, bytes: 0, share: 0.0 };
        let sum = parts.entry(part).or_insert(empty);
        sum.tensors += 1;
        sum.parameters = sum.parameters.saturating_add(tensor.elements);
        sum.bytes = sum.bytes.saturating_add(tensor.bytes);
    }
    let all: f64 = parts.values().map(|sum| sum.parameters as f64).sum();
    let mut shares: Vec<_> = parts.into_values().collect();
    for sum in &mut shares {
        sum.share = sum.parameters as f64 / all;
    }
    shares
}

/// Sums up the tensors of the same role; beyond [`TENSOR_GROUPS_MAX`] roles the rest are one.
pub(super) fn groups(tensors: &[Tensor]) -> Vec<TensorGroup> {
    let mut groups: BTreeMap<String, TensorGroup> = BTreeMap::new();
    // Files list blocks in any order.
    let block = |tensor: &Tensor| split_block_name(&tensor.name).map(|(block, _)| block as u64);
    let mut ordered: Vec<&Tensor> = tensors.iter().collect();
    ordered.sort_by_key(|tensor| block(tensor));
    for tensor in ordered {
        let mut name = group_name(&tensor.name);
        let mut part = part(&tensor.name);
        if groups.len() >= TENSOR_GROUPS_MAX && !groups.contains_key(&name) {
            (name, part) = ("*".to_owned(), Part::Other);
        }
        let group = groups.entry(name.clone()).or_insert_with(|| TensorGroup {
            name,
            part,
            tensors: 0,
            parameters: 0,
            bytes: 0,
            types: Vec::new(),
            blocks: Vec::new(),
        });
        group.tensors += 1;
        group.parameters = group.parameters.saturating_add(tensor.elements);
        group.bytes = group.bytes.saturating_add(tensor.bytes);
        count_type(&mut group.types, tensor);
        if let Some(block) = block(tensor) {
            add_block(&mut group.blocks, block, tensor.tensor_type);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| a.part.cmp(&b.part).then_with(|| a.name.cmp(&b.name)));
    groups
}

fn count_type(types: &mut Vec<TypeShare>, tensor: &Tensor) {
    let tensor_type = tensor.tensor_type;
    let at = types.iter().position(|share| share.tensor_type == tensor_type).unwrap_or_else(|| {
        types.push(TypeShare { tensor_type, tensors: 0, parameters: 0 });
        types.len() - 1
    });
    types[at].tensors += 1;
    types[at].parameters = types[at].parameters.saturating_add(tensor.elements);
}

fn add_block(runs: &mut Vec<TypeRun>, block: u64, tensor_type: TensorType) {
    if let Some(run) = runs.last_mut()
        && run.tensor_type == tensor_type
        && run.last + 1 >= block
    {
        run.last = block;
        return;
    }
    runs.push(TypeRun { first: block, last: block, tensor_type });
}

fn group_name(name: &str) -> String {
    match split_block_name(name) {
        Some((_, role)) => {
            let side = name.split("blk.").next().unwrap_or_default();
            format!("{side}blk.*.{role}")
        }
        None => name.to_owned(),
    }
}

pub(super) fn part(name: &str) -> Part {
    let role = split_block_name(name).map_or(name, |(_, role)| role);
    let stem = role.strip_suffix(".weight").or_else(|| role.strip_suffix(".bias")).unwrap_or(role);
    if stem.contains("norm") || stem.ends_with("_ln") {
        return Part::Norms;
    }
    let begins = |words: &[&str]| words.iter().any(|word| stem.starts_with(word));
    if begins(&["token_embd", "token_types", "position_embd", "per_layer_token_embd"]) {
        Part::Embedding
    } else if stem.ends_with("exps")
        || stem.ends_with("shexp")
        || begins(&["ffn_gate_inp", "exp_probs"])
    {
        Part::Experts
    } else if begins(&["ssm_", "shortconv", "time_mix"]) {
        Part::Recurrent
    } else if begins(&["ffn", "channel_mix"]) {
        Part::FeedForward
    } else if begins(&["attn_", "cross_attn_", "indexer"]) {
        Part::Attention
    } else if begins(&["output", "cls"]) {
        Part::Output
    } else {
        Part::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_belong_to_their_parts() {
        for (name, expected) in [
            ("token_embd.weight", Part::Embedding),
            ("token_embd_norm.weight", Part::Norms),
            ("output_norm.weight", Part::Norms),
            ("output.weight", Part::Output),
            ("blk.0.attn_q.weight", Part::Attention),
            ("blk.11.attn_q_norm.weight", Part::Norms),
            ("blk.3.attn_kv_a_mqa.weight", Part::Attention),
            ("blk.3.ffn_down.weight", Part::FeedForward),
            ("blk.3.ffn_down_exps.weight", Part::Experts),
            ("blk.3.ffn_up_shexp.weight", Part::Experts),
            ("blk.3.ffn_gate_inp.weight", Part::Experts),
            ("blk.3.exp_probs_b.bias", Part::Experts),
            ("blk.3.ssm_conv1d.weight", Part::Recurrent),
            ("blk.3.time_mix_key.weight", Part::Recurrent),
            ("dec.blk.3.cross_attn_k.weight", Part::Attention),
            ("enc.blk.3.ffn_up.weight", Part::FeedForward),
            ("enc.blk.0.attn_rel_b.weight", Part::Attention),
            ("rope_freqs.weight", Part::Other),
        ] {
            assert_eq!(part(name), expected, "{name}");
        }
    }
}

//! The blocks of a model as a few runs of equal ones, for people to look at, and what one token
//! makes the engine read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parts::{Part, part};
use crate::gguf::{Block, Experts, Hyperparameters, Tensor, split_block_name};

/// Blocks in a row that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRun {
    /// Number of the first, from 0.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// What each of them keeps, and how it looks back.
    pub block: Block,
    /// Whether its feed-forward layer is one of experts.
    pub experts: bool,
    /// Parameters of one of them, by part.
    pub parts: Vec<BlockPart>,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// A part of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockPart {
    /// The part.
    pub part: Part,
    /// Its parameters in one block.
    pub parameters: u64,
}

/// What one token takes, on its way through the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Parameters that are multiplied with.
    pub parameters: u64,
    /// Bytes of weights that are read.
    pub bytes: u64,
}

pub(super) fn runs(sizes: &Hyperparameters, tensors: &[Tensor]) -> Vec<BlockRun> {
    let mut parts = vec![BTreeMap::<Part, u64>::new(); sizes.blocks.len()];
    let mut bytes = vec![0_u64; sizes.blocks.len()];
    for tensor in tensors {
        let Some((index, _)) = split_block_name(&tensor.name) else { continue };
        let Some(of_block) = parts.get_mut(index) else { continue };
        let sum = of_block.entry(part(&tensor.name)).or_default();
        *sum = sum.saturating_add(tensor.elements);
        bytes[index] = bytes[index].saturating_add(tensor.bytes);
    }
    let mut runs: Vec<BlockRun> = Vec::new();
    for (index, ((&block, parts), bytes)) in sizes.blocks.iter().zip(&parts).zip(bytes).enumerate()
    {
        let parts: Vec<BlockPart> =
            parts.iter().map(|(&part, &parameters)| BlockPart { part, parameters }).collect();
        let index = index as u64;
        if let Some(run) = runs.last_mut()
            && run.block == block
            && run.parts == parts
        {
            run.last = index;
            run.bytes = run.bytes.saturating_add(bytes);
            continue;
        }
        let experts = parts.iter().any(|one| one.part == Part::Experts);
        runs.push(BlockRun { first: index, last: index, block, experts, parts, bytes });
    }
    runs
}

/// Experts count by the share of them that sees a token; tables of which a token takes one row count
/// for nothing, unless the table is also the output.
pub(super) fn active(experts: Option<Experts>, tensors: &[Tensor]) -> Active {
    let has_output = tensors.iter().any(|tensor| tensor.name == "output.weight");
    let looked_up = |name: &str| {
        let table = name.starts_with("per_layer_token_embd")
            || name.starts_with("position_embd")
            || name.starts_with("token_types");
        table || (has_output && name == "token_embd.weight")
    };
    let routed = |name: &str| {
        let role = split_block_name(name).map_or(name, |(_, role)| role);
        role.split('.').next().is_some_and(|stem| stem.ends_with("_exps"))
    };
    tensors.iter().filter(|tensor| !looked_up(&tensor.name)).fold(
        Active::default(),
        |sum, tensor| {
            let part = |all: u64| match experts {
                Some(Experts { count, used, .. }) if routed(&tensor.name) => {
                    // By way of 128 bits: sizes come from files.
                    (u128::from(all) * u128::from(used) / u128::from(count.max(1))) as u64
                }
                Some(_) | None => all,
            };
            Active {
                parameters: sum.parameters.saturating_add(part(tensor.elements)),
                bytes: sum.bytes.saturating_add(part(tensor.bytes)),
            }
        },
    )
}

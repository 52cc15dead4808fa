//! Which part of a planned load lies on which device: main memory, or graphics cards.
//!
//! Source of the layout: `load_tensors` in llama-model.cpp. The last blocks go to the cards, the
//! output counts as one more; several cards share them by their free memory, in order. The table of
//! token vectors stays in main memory. Keys and values lie with their block.

use super::{LoadPlan, MemoryEstimate, estimate};
use crate::inspect::{Inspection, Part};

/// What one device takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Main memory (`None`), or which of the cards.
    pub card: Option<usize>,
    /// What lies there.
    pub memory: MemoryEstimate,
}

/// Divides what `model` takes between main memory and cards with so much free memory each, the first
/// entry being main memory. `layers` blocks go to the cards; `None`: all.
pub fn place(
    model: &Inspection,
    plan: &LoadPlan,
    cards: &[u64],
    layers: Option<u64>,
) -> Vec<Placed> {
    let whole = estimate(model, plan);
    let blocks = model.block_count;
    let offloaded = if cards.is_empty() { 0 } else { layers.unwrap_or(u64::MAX).min(blocks + 1) };
    if offloaded == 0 {
        return vec![Placed { card: None, memory: whole }];
    }
    let share = |bytes: u64, part: u64, of: u64| {
        (u128::from(bytes) * u128::from(part) / u128::from(of.max(1))) as u64
    };
    let inside: u64 = model.blocks.iter().map(|run| run.bytes).fold(0, u64::saturating_add);
    let output = output_bytes(model);
    // Of the layers, the output is the last: it goes first.
    let on_cards = offloaded.saturating_sub(1);
    let moved = share(inside, on_cards, blocks).saturating_add(output);
    // A tied table is needed on both sides.
    let kept = if model.tied_output {
        whole.weights.saturating_sub(moved.saturating_sub(output))
    } else {
        whole.weights.saturating_sub(moved)
    };
    let cached = share(whole.cache, on_cards, blocks);
    let mut placed = vec![Placed {
        card: None,
        memory: MemoryEstimate {
            weights: kept,
            cache: whole.cache.saturating_sub(cached),
            // What goes over to the cards: masks and vectors, about a tenth.
            compute: if on_cards == blocks { whole.compute / 10 } else { whole.compute },
            overhead: whole.overhead,
        },
    }];
    let free: u64 = cards.iter().fold(0, |sum, free| sum.saturating_add(*free));
    for (index, card) in cards.iter().enumerate() {
        let part = |bytes| {
            if free == 0 { share(bytes, 1, cards.len() as u64) } else { share(bytes, *card, free) }
        };
        let memory = MemoryEstimate {
            weights: part(moved),
            cache: part(cached),
            compute: whole.compute,
            overhead: CARD_OVERHEAD_BYTES,
        };
        placed.push(Placed { card: Some(index), memory });
    }
    placed
}

/// What a driver's context takes on a card (guess: CUDA takes 200 to 500 MB, Vulkan less).
const CARD_OVERHEAD_BYTES: u64 = 300 << 20;

fn output_bytes(model: &Inspection) -> u64 {
    let part = if model.tied_output { Part::Embedding } else { Part::Output };
    model.parts.iter().find(|sum| sum.part == part).map_or(0, |sum| sum.bytes)
}

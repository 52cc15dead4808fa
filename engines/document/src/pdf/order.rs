//! The order in which blocks are read. Files are mostly written in the order in which they are to be
//! read; where the places on the page contradict that, the places count.

use super::blocks::Block;
use crate::limits::ORDERED_BLOCKS;

/// Whether two blocks stand above each other.
fn share_columns(a: &Block, b: &Block) -> bool {
    let overlap = a.u1.min(b.u1) - a.u0.max(b.u0);
    overlap > 0.2 * (a.u1 - a.u0).min(b.u1 - b.u0).max(0.1)
}

fn is_above(a: &Block, b: &Block) -> bool {
    a.bottom - b.top <= 0.35 * a.size().min(b.size())
}

/// Breuel's two rules: what stands above in the same columns comes first, and so does a column to the
/// left, unless something between the two spans both.
fn comes_first(a: &Block, b: &Block, all: &[Block]) -> bool {
    if a.angle != b.angle {
        return false;
    }
    if share_columns(a, b) {
        return is_above(a, b) && !is_above(b, a);
    }
    let left = a.u1 <= b.u0;
    let between = |c: &Block| {
        let (top, bottom) = (a.top.min(b.top), a.bottom.max(b.bottom));
        c.angle == a.angle
            && c.top > top
            && c.bottom < bottom
            && share_columns(c, a)
            && share_columns(c, b)
    };
    left && !all.iter().any(between)
}

/// Whether the order of the file goes up on the page where nothing explains it: not to a column at
/// the right, but over what was written before.
fn contradicts(blocks: &[Block]) -> bool {
    let goes_back = |pair: &[Block]| {
        let [a, b] = pair else { return false };
        a.angle == b.angle && is_above(b, a) && b.u0 < a.u1
    };
    blocks.windows(2).any(goes_back)
}

/// The blocks as they are read.
pub(crate) fn ordered(blocks: Vec<Block>) -> Vec<Block> {
    if blocks.len() > ORDERED_BLOCKS || !contradicts(&blocks) {
        return blocks;
    }
    let count = blocks.len();
    let mut before = vec![0_usize; count];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    for a in 0..count {
        for b in 0..count {
            if a != b && comes_first(&blocks[a], &blocks[b], &blocks) {
                after[a].push(b);
                before[b] += 1;
            }
        }
    }
    let mut left: Vec<Option<Block>> = blocks.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(count);
    for _ in 0..count {
        // Of those that may come, the file's first; in a circle, the file's first of all.
        let open = |at: &usize| left[*at].is_some();
        let free = (0..count).filter(open).find(|at| before[*at] == 0);
        let Some(at) = free.or_else(|| (0..count).find(open)) else { break };
        ordered.extend(left[at].take());
        for next in &after[at] {
            before[*next] = before[*next].saturating_sub(1);
        }
    }
    ordered
}

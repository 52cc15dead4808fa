//! Whom to ask: the best of a sample that is weighted by speed. The best of everybody would send all
//! owners that read the same adverts to the same node; a blind sample would ask slow ones.

use std::collections::BTreeSet;

use crate::draw::Draw;

/// Draws up to `count × draws_per_offer` different ones, each in proportion to the inverse of its
/// predicted time, and takes the best `count` of what was drawn. `totals_ms` are the predicted times,
/// best first; returns indices, in their order.
pub(super) fn nominate(
    totals_ms: &[u32],
    count: usize,
    draws_per_offer: usize,
    draw: &mut Draw,
) -> Vec<usize> {
    if totals_ms.len() <= count {
        return (0..totals_ms.len()).collect();
    }
    match draws_per_offer {
        0 => (0..count).collect(),
        _ => sample(totals_ms, count * draws_per_offer, draw).into_iter().take(count).collect(),
    }
}

/// Different indices, drawn by weight without putting back.
fn sample(totals_ms: &[u32], draws: usize, draw: &mut Draw) -> BTreeSet<usize> {
    let weight = |total_ms: &u32| ((1 << 32) / u64::from(*total_ms).max(1)).max(1);
    let mut weights: Vec<u64> = totals_ms.iter().map(weight).collect();
    let mut sum: u64 = weights.iter().sum();
    let mut drawn = BTreeSet::new();
    while drawn.len() < draws.min(weights.len()) {
        let mut point = draw.below(sum);
        let hit = weights.iter().position(|weight| {
            let inside = point < *weight;
            point = point.saturating_sub(*weight);
            inside
        });
        let index = hit.expect("the point is below the sum of all weights");
        sum -= std::mem::take(&mut weights[index]);
        drawn.insert(index);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nominated(totals_ms: &[u32], count: usize, draws: usize, seed: u64) -> Vec<usize> {
        nominate(totals_ms, count, draws, &mut Draw::new(seed))
    }

    #[test]
    fn few_candidates_are_all_asked_best_first() {
        assert_eq!(nominated(&[5, 6, 7], 3, 3, 1), [0, 1, 2]);
        assert_eq!(nominated(&[], 3, 3, 1), [0_usize; 0]);
    }

    #[test]
    fn without_draws_the_best_are_asked() {
        assert_eq!(nominated(&[5, 6, 7, 8, 9], 2, 0, 1), [0, 1]);
    }

    #[test]
    fn different_seeds_ask_different_ones_and_the_fast_more_often() {
        let mut times = vec![10; 4];
        times.extend([200; 40]);
        let mut asked = [0_u32; 44];
        for seed in 0..1_000 {
            for index in nominated(&times, 3, 1, seed) {
                asked[index] += 1;
            }
        }
        let (fast, slow): (u32, u32) = (asked[..4].iter().sum(), asked[4..].iter().sum());
        assert_eq!(fast + slow, 3_000);
        assert!(fast > slow, "{fast} fast, {slow} slow");
        assert!(asked[4..].iter().filter(|n| **n > 0).count() > 20);
    }
}

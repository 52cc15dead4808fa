//! Whom to ask: the best of a sample that is weighted by speed. The best of everybody would send all
//! owners that read the same adverts to the same node; a blind sample would ask slow ones.

use std::collections::BTreeSet;

use pumasi_protocol::NodeId;

use crate::draw::Draw;
use crate::rank::Score;

/// A node to be asked, with its score.
pub(super) type Nominee = (NodeId, Score);

/// Draws up to `count × draws_per_offer` different ones, each in proportion to the inverse of its
/// predicted time, and takes the best `count` of what was drawn. `scored` is best first.
pub(super) fn nominate(
    scored: Vec<Nominee>,
    count: usize,
    draws_per_offer: usize,
    draw: &mut Draw,
) -> Vec<Nominee> {
    if scored.len() <= count {
        return scored;
    }
    let drawn = match draws_per_offer {
        0 => (0..count).collect(),
        _ => sample(&scored, count * draws_per_offer, draw),
    };
    drawn.into_iter().take(count).map(|index| scored[index]).collect()
}

/// Different indices, drawn by weight without putting back.
fn sample(scored: &[Nominee], draws: usize, draw: &mut Draw) -> BTreeSet<usize> {
    let weight = |score: &Score| ((1 << 32) / u64::from(score.total_ms().max(1))).max(1);
    let mut weights: Vec<u64> = scored.iter().map(|(_, score)| weight(score)).collect();
    let mut sum: u64 = weights.iter().sum();
    let mut drawn = BTreeSet::new();
    while drawn.len() < draws.min(scored.len()) {
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

    fn ranked(decode_ms: &[u32]) -> Vec<Nominee> {
        let one =
            |(n, ms): (u8, &u32)| (NodeId([n; 32]), Score { decode_ms: *ms, ..Score::default() });
        (1..).zip(decode_ms).map(one).collect()
    }

    fn nominated(ranked: &[Nominee], count: usize, draws: usize, seed: u64) -> Vec<u8> {
        let nominees = nominate(ranked.to_vec(), count, draws, &mut Draw::new(seed));
        nominees.iter().map(|(node, _)| node.0[0]).collect()
    }

    #[test]
    fn few_candidates_are_all_asked_best_first() {
        assert_eq!(nominated(&ranked(&[5, 6, 7]), 3, 3, 1), [1, 2, 3]);
        assert_eq!(nominated(&[], 3, 3, 1), [0_u8; 0]);
    }

    #[test]
    fn without_draws_the_best_are_asked() {
        assert_eq!(nominated(&ranked(&[5, 6, 7, 8, 9]), 2, 0, 1), [1, 2]);
    }

    #[test]
    fn different_seeds_ask_different_ones_and_the_fast_more_often() {
        let mut times = vec![10; 4];
        times.extend([200; 40]);
        let ranked = ranked(&times);
        let mut asked = [0_u32; 45];
        for seed in 0..1_000 {
            for node in nominated(&ranked, 3, 1, seed) {
                asked[usize::from(node)] += 1;
            }
        }
        let (fast, slow): (u32, u32) = (asked[1..5].iter().sum(), asked[5..].iter().sum());
        assert_eq!(fast + slow, 3_000);
        assert!(fast > slow, "{fast} fast, {slow} slow");
        assert!(asked[5..].iter().filter(|n| **n > 0).count() > 20);
    }
}

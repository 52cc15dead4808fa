//! Whom to ask: the best of a sample that is weighted by speed. The best of everybody would send all
//! owners that read the same adverts to the same node; a blind sample would ask slow ones.

use std::collections::BTreeSet;

use pumasi_protocol::NodeId;

use crate::draw::Draw;
use crate::rank::{Ranked, Score};

/// A node to be asked, with its score.
pub(super) type Nominee = (NodeId, Score);

/// Draws `count × draws_per_offer` times from the scored ones, each in proportion to the inverse of
/// its predicted time without waiting, and takes the best `count` of what was drawn; fills up with
/// the best of the rest. `ranked` is best first.
pub(super) fn nominate(
    ranked: &[Ranked],
    count: usize,
    draws_per_offer: usize,
    draw: &mut Draw,
    skip: impl Fn(NodeId) -> bool,
) -> Vec<Nominee> {
    let scored = ranked.iter().filter_map(|r| r.score().map(|score| (r.node, *score)));
    let scored: Vec<Nominee> = scored.filter(|(node, _)| !skip(*node)).collect();
    if scored.len() <= count {
        return scored;
    }
    let mut drawn = sample(&scored, count * draws_per_offer, draw);
    for index in 0..scored.len() {
        if drawn.len() >= count {
            break;
        }
        drawn.insert(index);
    }
    drawn.into_iter().take(count).map(|index| scored[index]).collect()
}

fn sample(scored: &[Nominee], draws: usize, draw: &mut Draw) -> BTreeSet<usize> {
    let mut sums = Vec::with_capacity(scored.len());
    let mut sum: u64 = 0;
    for (_, score) in scored {
        sum += (1 << 32) / u64::from(score.without_wait_ms().max(1));
        sums.push(sum);
    }
    let pick = |point: u64| sums.partition_point(|sum| *sum <= point).min(scored.len() - 1);
    (0..draws).map(|_| pick(draw.below(sum))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Verdict;

    fn ranked(decode_ms: &[u32]) -> Vec<Ranked> {
        let one = |(n, ms): (u8, &u32)| Ranked {
            node: NodeId([n; 32]),
            verdict: Verdict::Scored(Score { decode_ms: *ms, ..Score::default() }),
        };
        (1..).zip(decode_ms).map(one).collect()
    }

    fn nominated(ranked: &[Ranked], count: usize, draws: usize, seed: u64) -> Vec<u8> {
        let nominees = nominate(ranked, count, draws, &mut Draw::new(seed), |_| false);
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
        times.extend([100; 40]);
        let ranked = ranked(&times);
        let mut asked = [0_u32; 45];
        for seed in 0..1_000 {
            for node in nominated(&ranked, 3, 3, seed) {
                asked[usize::from(node)] += 1;
            }
        }
        let (fast, slow): (u32, u32) = (asked[1..5].iter().sum(), asked[5..].iter().sum());
        assert_eq!(fast + slow, 3_000);
        assert!(fast > slow, "{fast} fast, {slow} slow");
        assert!(asked[5..].iter().filter(|n| **n > 0).count() > 20);
    }

    #[test]
    fn skipped_ones_are_not_asked() {
        let nominees =
            nominate(&ranked(&[5, 6, 7]), 2, 3, &mut Draw::new(1), |node| node.0[0] == 1);
        assert_eq!(nominees.iter().map(|(n, _)| n.0[0]).collect::<Vec<_>>(), [2, 3]);
    }
}

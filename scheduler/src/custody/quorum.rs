//! Which sets of holders may commit a state of a record, and which may elect its next owner: any
//! two of these share a node.
//!
//! Of three and more, the majority does both. Of one or two, the owner alone commits, and only the
//! owner itself can raise its term: nobody takes over without an adoption by hand. While holders
//! are replaced, the old set and the new one must both agree.

use pumasi_protocol::NodeId;
use pumasi_protocol::custody::Record;

/// A set below this size has no majority that survives the loss of one.
const MAJORITY_FROM: usize = 3;

fn sets(record: &Record) -> impl Iterator<Item = &Vec<NodeId>> {
    let old = Some(&record.leaving).filter(|set| !set.is_empty());
    old.into_iter().chain(Some(&record.holders))
}

/// Whether a set survives the loss of one; then its changes need both sets' agreement. A smaller one
/// grows without: its owner, whose disk comes first, is in every quorum of it.
pub(super) fn has_majority(set: &[NodeId]) -> bool {
    set.len() >= MAJORITY_FROM
}

fn agrees(set: &[NodeId], owner: NodeId, has: &impl Fn(NodeId) -> bool) -> bool {
    if !has_majority(set) {
        return has(owner);
    }
    set.iter().filter(|node| has(**node)).count() > set.len() / 2
}

/// Whether a state of a record cannot be lost any more, given who has it on its disk.
pub(super) fn commits(record: &Record, has: impl Fn(NodeId) -> bool) -> bool {
    sets(record).all(|set| agrees(set, record.owner(), &has))
}

/// Whether these votes make an owner, given the newest record that the voters keep.
pub(super) fn elects(record: &Record, voted: impl Fn(NodeId) -> bool) -> bool {
    commits(record, voted)
}

/// Whether the job can change its owner while that one is lost.
pub(super) fn outlives_owner(record: &Record) -> bool {
    elects(record, |node| node != record.owner())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::custody::testing::record;

    fn subsets(of: &[NodeId]) -> Vec<BTreeSet<NodeId>> {
        let pick = |bits: u32| (0..).zip(of).filter(move |(i, _)| bits >> i & 1 == 1);
        (0..1u32 << of.len()).map(|bits| pick(bits).map(|(_, node)| *node).collect()).collect()
    }

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    /// Every state that can follow another: growth from one or two, replacement from three.
    fn steps() -> [[Vec<u8>; 4]; 4] {
        [
            [vec![1, 2, 3], vec![], vec![1, 2, 3], vec![]],
            [vec![1, 2, 3], vec![], vec![1, 2, 4], vec![1, 2, 3]],
            [vec![1, 2, 4], vec![1, 2, 3], vec![1, 2, 4], vec![]],
            [vec![1, 2, 3, 4, 5], vec![], vec![1, 2, 3, 4, 6], vec![1, 2, 3, 4, 5]],
        ]
    }

    #[test]
    fn what_commits_one_state_meets_what_elects_over_the_one_before() {
        let all: Vec<NodeId> = (1..=6).map(node).collect();
        let nodes = |set: &[u8]| set.iter().map(|n| node(*n)).collect::<Vec<_>>();
        for [old, old_leaving, new, new_leaving] in steps() {
            let before = record(&nodes(&old), &nodes(&old_leaving));
            let after = record(&nodes(&new), &nodes(&new_leaving));
            for committed in subsets(&all) {
                for elected in subsets(&all) {
                    let apart = committed.is_disjoint(&elected);
                    let commit = |r: &Record| commits(r, |n| committed.contains(&n));
                    let elect = |r: &Record| elects(r, |n| elected.contains(&n));
                    assert!(!(apart && commit(&after) && elect(&before)), "{new:?} over {old:?}");
                    assert!(!(apart && commit(&before) && elect(&after)), "{old:?} over {new:?}");
                }
            }
        }
    }

    #[test]
    fn one_and_two_holders_wait_for_their_owner() {
        for holders in [vec![node(1)], vec![node(1), node(2)]] {
            let record = record(&holders, &[]);
            assert!(commits(&record, |n| n == node(1)));
            assert!(!outlives_owner(&record));
        }
        assert!(outlives_owner(&record(&[node(1), node(2), node(3)], &[])));
    }
}

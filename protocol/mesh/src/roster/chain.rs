//! The chain of a member: the entries by which it belongs, as it shows them to somebody who has not
//! heard of it, and as that one takes or refuses them.

use std::collections::{BTreeSet, VecDeque};

use super::entry::Change;
use super::log::RosterLog;
use super::{Roster, SignedEntry};
use crate::ids::NodeId;
use crate::limits;

/// Why entries do not make their sender a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// More than [`limits::CHAIN_ENTRIES`].
    #[error("a chain of too many entries")]
    TooLong,
    /// One of them is damaged, forged or of another mesh, or its author may not write it.
    #[error("a chain with entries that are not valid here")]
    Invalid,
    /// This key was removed.
    #[error("the chain of a computer that was removed")]
    Revoked,
    /// All are valid, and its sender is no member by them.
    #[error("a chain that does not let its sender in")]
    NotMember,
}

impl RosterLog {
    /// What proves that `node` belongs: its admissions and what they build on, the nearest first, up to
    /// [`limits::CHAIN_ENTRIES`] and `bytes`. Who lacks more than that must hear of it by gossip.
    #[must_use]
    pub fn chain(&self, node: &NodeId, bytes: usize) -> Vec<SignedEntry> {
        self.with_past(bytes, |change| match change {
            Change::Admit { node: admitted, .. } => admitted == node,
            Change::Found { .. } | Change::SetRoles { .. } | Change::Revoke { .. } => false,
        })
    }

    /// What proves that `node` was removed: its revocations and what they build on, the nearest first,
    /// up to [`limits::CHAIN_ENTRIES`] and `bytes`. Nothing, if it was not.
    #[must_use]
    pub fn removal(&self, node: &NodeId, bytes: usize) -> Vec<SignedEntry> {
        if !self.roster().revoked.contains(node) {
            return Vec::new();
        }
        self.with_past(bytes, |change| match change {
            Change::Revoke { node: removed, .. } => removed == node,
            Change::Found { .. } | Change::SetRoles { .. } | Change::Admit { .. } => false,
        })
    }

    /// The entries that are wanted and those that they build on, the nearest first.
    fn with_past(&self, bytes: usize, is_wanted: impl Fn(&Change) -> bool) -> Vec<SignedEntry> {
        let wanted =
            self.opened().filter(|(_, entry)| entry.change.as_ref().is_some_and(&is_wanted));
        let mut open: VecDeque<_> = wanted.map(|(_, entry)| entry.hash).collect();
        let (mut seen, mut chain, mut left) = (BTreeSet::new(), Vec::new(), bytes);
        while let Some(hash) = open.pop_front() {
            let Some((signed, entry)) = self.find(&hash).filter(|_| seen.insert(hash)) else {
                continue;
            };
            let Some(rest) = left.checked_sub(signed.size()) else { break };
            if chain.len() == limits::CHAIN_ENTRIES {
                break;
            }
            left = rest;
            chain.push(signed.clone());
            open.extend(&entry.parents);
        }
        chain
    }

    /// The entries of a chain that are new here, if `node` is a member by them. Nothing is kept.
    ///
    /// # Errors
    /// Why it is not; what was sent is worth nothing then.
    pub fn judge_chain(
        &self,
        node: &NodeId,
        chain: Vec<SignedEntry>,
    ) -> Result<Vec<SignedEntry>, ChainError> {
        if self.roster().contains(node) {
            return Ok(Vec::new());
        }
        if chain.len() > limits::CHAIN_ENTRIES {
            return Err(ChainError::TooLong);
        }
        refuse_revoked(self.roster(), node)?;
        // The first that is wrong ends it: checking signatures is what costs.
        let unknown = chain.into_iter().filter(|entry| self.find(&entry.hash()).is_none());
        let unknown: Vec<SignedEntry> = unknown.collect();
        if unknown.iter().any(|entry| entry.open().is_err()) {
            return Err(ChainError::Invalid);
        }
        let mut with = self.clone();
        let taken = with.take(unknown);
        if taken.refused > 0 {
            return Err(ChainError::Invalid);
        }
        refuse_revoked(with.roster(), node)?;
        with.roster().contains(node).then_some(taken.new).ok_or(ChainError::NotMember)
    }
}

fn refuse_revoked(roster: &Roster, node: &NodeId) -> Result<(), ChainError> {
    if roster.revoked.contains(node) { Err(ChainError::Revoked) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::super::NodeRole;
    use super::*;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn id(n: u8) -> NodeId {
        NodeId(key(n).verifying_key().to_bytes())
    }

    fn begun(by: u8) -> RosterLog {
        let name = |text: &str| text.parse().expect("a good name");
        let (mesh_name, node_name, person) = (name("office"), name("first"), name("kim"));
        let change = Change::Found { mesh_name, node_name, person, nonce: [by; 16] };
        let found = SignedEntry::sign(&key(by), None, Vec::new(), 1, &change).expect("small");
        RosterLog::begin(found).expect("it founds")
    }

    fn admit(log: &mut RosterLog, by: u8, n: u8, role: NodeRole) -> SignedEntry {
        let name = format!("node {n}").parse().expect("a good name");
        let change = Change::Admit { node: id(n), name, person: None, roles: [role].into() };
        let entry = log.sign(&key(by), 1, &change).expect("an admin");
        assert_eq!(log.take(vec![entry.clone()]).new.len(), 1);
        entry
    }

    #[test]
    fn a_chain_lets_its_owner_in_where_nobody_heard_of_it() {
        let mut here = begun(1);
        let elsewhere = &mut here.clone();
        admit(elsewhere, 1, 2, NodeRole::Admin);
        admit(elsewhere, 2, 3, NodeRole::Member);
        let chain = elsewhere.chain(&id(3), 100_000);
        assert_eq!(chain.len(), 3);
        let new = here.judge_chain(&id(3), chain.clone()).expect("a member by it");
        assert_eq!(here.roster().members.len(), 1, "nothing is kept yet");
        here.take(new);
        assert_eq!(here.roster(), elsewhere.roster());
        assert_eq!(here.judge_chain(&id(3), chain), Ok(Vec::new()), "known by now");
    }

    #[test]
    fn the_nearest_entries_come_first_and_no_more_than_fit() {
        let mut here = begun(1);
        for n in 2..60 {
            admit(&mut here, 1, n, NodeRole::Member);
        }
        let mut elsewhere = here.clone();
        let last = admit(&mut elsewhere, 1, 60, NodeRole::Member);
        let chain = elsewhere.chain(&id(60), 4_000);
        assert_eq!(chain[0], last);
        assert!((2..30).contains(&chain.len()), "{}", chain.len());
        assert_eq!(here.judge_chain(&id(60), chain).map(|new| new.len()), Ok(1));
        assert_eq!(elsewhere.chain(&id(99), 4_000), Vec::new());
    }

    #[test]
    fn cat_p06_forged_foreign_and_overlong_chains_are_refused_whole() {
        let here = begun(1);
        let mut other = begun(9);
        admit(&mut other, 9, 3, NodeRole::Member);
        let mut elsewhere = here.clone();
        let good = admit(&mut elsewhere, 1, 3, NodeRole::Member);
        let judge = |node: u8, chain: Vec<SignedEntry>| here.judge_chain(&id(node), chain);
        assert_eq!(judge(3, other.chain(&id(3), 100_000)), Err(ChainError::Invalid), "foreign");
        let mut forged = good.clone();
        forged.signature[5] ^= 1;
        assert_eq!(judge(3, vec![good.clone(), forged]), Err(ChainError::Invalid), "forged");
        assert_eq!(judge(4, vec![good.clone()]), Err(ChainError::NotMember), "somebody else's");
        assert_eq!(judge(3, Vec::new()), Err(ChainError::NotMember));
        let long = vec![good.clone(); limits::CHAIN_ENTRIES + 1];
        assert_eq!(judge(3, long), Err(ChainError::TooLong));
        // One that lets itself in, on top of the true founding.
        let by_itself = |log: &RosterLog| {
            let name = "evil".parse().expect("a good name");
            let change =
                Change::Admit { node: id(5), name, person: None, roles: [NodeRole::Admin].into() };
            let mesh = Some(log.roster().mesh);
            SignedEntry::sign(&key(5), mesh, log.heads(), 1, &change).expect("small")
        };
        assert_eq!(judge(5, vec![by_itself(&here)]), Err(ChainError::Invalid));
        // A member without the role lets somebody in.
        let name = "evil".parse().expect("a good name");
        let change =
            Change::Admit { node: id(5), name, person: None, roles: [NodeRole::Member].into() };
        let mesh = Some(elsewhere.roster().mesh);
        let wrong = SignedEntry::sign(&key(3), mesh, elsewhere.heads(), 1, &change).expect("small");
        assert_eq!(judge(5, vec![good, wrong]), Err(ChainError::Invalid));
    }

    #[test]
    fn who_was_removed_learns_it_from_the_entries_that_say_so() {
        let mut here = begun(1);
        admit(&mut here, 1, 2, NodeRole::Member);
        let mut there = here.clone();
        assert_eq!(here.removal(&id(2), 1_000), Vec::new(), "a member");
        // It has not heard of this one either.
        admit(&mut here, 1, 3, NodeRole::Member);
        let revoke = Change::Revoke { node: id(2), heads: here.heads() };
        let revoked = here.sign(&key(1), 1, &revoke).expect("an admin");
        here.take(vec![revoked.clone()]);
        let told = here.removal(&id(2), 1_000);
        assert_eq!(told[0], revoked);
        assert_eq!(there.take(told).waiting, 0);
        assert!(there.roster().revoked.contains(&id(2)));
        assert_eq!(here.removal(&id(2), revoked.size()), vec![revoked], "no more than fits");
        assert_eq!(here.removal(&id(2), 100), Vec::new());
        assert_eq!(here.removal(&id(3), 1_000), Vec::new());
    }

    #[test]
    fn who_was_removed_and_whom_a_removed_admin_lets_in_stay_out() {
        let mut here = begun(1);
        admit(&mut here, 1, 2, NodeRole::Admin);
        let mut aside = here.clone();
        let revoke = Change::Revoke { node: id(2), heads: here.heads() };
        let revoked = here.sign(&key(1), 1, &revoke).expect("an admin");
        here.take(vec![revoked]);
        assert_eq!(
            here.judge_chain(&id(2), aside.chain(&id(2), 100_000)),
            Err(ChainError::Revoked)
        );
        admit(&mut aside, 2, 3, NodeRole::Member);
        let chain = aside.chain(&id(3), 100_000);
        assert_eq!(here.judge_chain(&id(3), chain), Err(ChainError::NotMember));
        assert_eq!(here.roster().members.len(), 1);
    }
}

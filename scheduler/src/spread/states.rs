//! States: telling the own one, taking others', and finding out what was missed.

use std::ops::Bound;

use pumasi_protocol::state::{Seen, tag};
use pumasi_protocol::{NodeId, NodeState, StateMessage, limits};

use crate::time::Time;

use super::{Effect, Spread, seen};

/// Full adverts that may be asked for within a second, so that no digest causes a storm.
pub(super) const PULLS_AT_ONCE: u32 = 32;

/// What this node tells of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    latest: Option<NodeState>,
    /// It was not told yet.
    pending: bool,
    told_at: Option<Time>,
}

impl Own {
    pub(super) fn sequence(&self) -> u64 {
        self.latest.as_ref().map_or(0, |state| state.sequence)
    }
}

impl Spread {
    pub(super) fn on_own(&mut self, mut state: NodeState) {
        let newer =
            |old: &NodeState| (state.incarnation, state.sequence) > (old.incarnation, old.sequence);
        if self.own.latest.as_ref().is_none_or(newer) {
            // What comes into a cache is told once: also what the state before did not get to tell.
            if let Some(old) = self.own.latest.as_ref().filter(|_| self.own.pending) {
                state.hot.extend_from_slice(&old.hot);
                state.hot.truncate(limits::STATE_PREFIXES);
            }
            self.own.latest = Some(state);
            self.own.pending = true;
            self.push_due();
        }
    }

    pub(super) fn tell_again(&mut self) {
        self.own.pending = self.own.latest.is_some();
    }

    pub(super) fn push_at(&self) -> Option<Time> {
        let (config, peers) = (&self.config, u32::try_from(self.peers.len()).unwrap_or(u32::MAX));
        let shared = config.push_each_ms.saturating_mul(peers).min(config.push_most_ms);
        let after = |at: Time| at.after_ms(config.push_ms.max(shared));
        self.own.pending.then(|| self.own.told_at.map_or(self.now, after))
    }

    pub(super) fn push_due(&mut self) {
        if self.push_at().is_none_or(|at| at > self.now) {
            return;
        }
        self.own.pending = false;
        self.own.told_at = Some(self.now);
        let Some(state) = self.own.latest.clone() else { return };
        for node in self.up().collect::<Vec<_>>() {
            self.send(node, StateMessage::State(state.clone()));
        }
    }

    pub(super) fn on_state(&mut self, from: NodeId, state: NodeState) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let (incarnation, advert) = peer.advert;
        let at = (incarnation, state.sequence);
        let is_same = tag(incarnation) == state.incarnation;
        if is_same && at <= peer.known {
            return;
        }
        if !is_same || advert < state.base {
            // Its advert, asked for below, will be newer still.
            return self.pull(from);
        }
        peer.known = at;
        self.out.push_back(Effect::State { node: from, state });
    }

    pub(super) fn on_advert(&mut self, node: NodeId, at: (u64, u64)) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.advert = peer.advert.max(at);
            peer.known = peer.known.max(at);
        }
    }

    /// What it says of itself, and then of others: who is known less here is asked itself.
    pub(super) fn on_seen(&mut self, from: NodeId, told: &[Seen]) {
        for seen in told {
            let node = if seen.node == from.0[..4] { Some(from) } else { self.find(seen.node) };
            if let Some(node) = node
                && let Some(peer) = self.peers.get(&node)
                && !peer.down
                && is_behind(&node, peer.known, seen)
            {
                self.pull(node);
            }
        }
    }

    pub(super) fn on_sequence(&mut self, from: NodeId, sequence: u64) {
        if self.peers.get(&from).is_some_and(|peer| peer.known.1 < sequence) {
            self.pull(from);
        }
    }

    fn find(&self, head: [u8; 4]) -> Option<NodeId> {
        let mut first = [0; 32];
        first[..4].copy_from_slice(&head);
        let (node, _) = self.peers.range(NodeId(first)..).next()?;
        (node.0[..4] == head).then_some(*node)
    }

    pub(super) fn pull(&mut self, node: NodeId) {
        let (since, left) = &mut self.pulls;
        if self.now.ms_since(*since) >= 1_000 {
            (*since, *left) = (self.now, PULLS_AT_ONCE);
        }
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let again = u64::from(self.config.pull_ms);
        if *left > 0 && peer.pulled.is_none_or(|at| self.now.ms_since(at) >= again) {
            *left -= 1;
            peer.pulled = Some(self.now);
            self.out.push_back(Effect::Pull(node));
        }
    }

    /// This node and the next few, so that all are told in turn.
    pub(super) fn digest(&mut self) -> Vec<Seen> {
        let own = self.own.latest.as_ref().map(|state| Seen {
            incarnation: state.incarnation,
            ..Seen::of(&self.me, 0, state.sequence)
        });
        let after = (Bound::Excluded(self.digest_from), Bound::Unbounded);
        let wrapped = self.peers.range(after).chain(self.peers.range(..=self.digest_from));
        let known = wrapped.filter(|(_, peer)| !peer.down && peer.known.0 > 0);
        let some: Vec<_> = known.take(usize::from(self.config.seen)).collect();
        let last = some.last().map(|(node, _)| **node);
        let digest = own.into_iter().chain(some.into_iter().map(|(n, p)| seen(n, p.known)));
        let digest = digest.collect();
        self.digest_from = last.unwrap_or(self.me);
        digest
    }
}

/// Whether somebody knows more of a node; of another incarnation, only the node itself can say.
fn is_behind(node: &NodeId, known: (u64, u64), told: &Seen) -> bool {
    let here = seen(node, known);
    here.incarnation != told.incarnation || here.sequence < told.sequence
}

//! What all jobs of one node's custody share: members, links, dice, deadlines, and what is to be done.

use std::collections::{BTreeMap, VecDeque};

use pumasi_protocol::custody::CustodyMessage;
use pumasi_protocol::job::Trust;
use pumasi_protocol::{JobId, Need, NodeId};
use serde::{Deserialize, Serialize};

use super::action::CustodyAction;
use super::config::CustodyConfig;
use crate::draw::Draw;
use crate::input::{Link, MemberFacts};
use crate::limits;
use crate::time::Time;
use crate::timers::Timers;

/// What a deadline of custody is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CustodyWakeup {
    /// This job: something unconfirmed is repeated, an asking begins or ends, holders are looked at.
    Job(JobId),
    /// The roll call with this peer is repeated, in case it was lost.
    Roll(NodeId),
}

/// How a member's link is, and since when.
#[derive(Debug, Clone, Copy)]
struct Seen {
    up: bool,
    since: Time,
}

#[derive(Debug, Clone)]
pub(super) struct Env {
    pub(super) me: NodeId,
    pub(super) config: CustodyConfig,
    pub(super) draw: Draw,
    pub(super) now: Time,
    start: Time,
    pub(super) members: BTreeMap<NodeId, MemberFacts>,
    links: BTreeMap<NodeId, Seen>,
    pub(super) timers: Timers<CustodyWakeup>,
    actions: VecDeque<CustodyAction>,
    last_ticket: u64,
}

impl Env {
    pub(super) fn new(me: NodeId, config: CustodyConfig, seed: u64, now: Time) -> Self {
        Self {
            me,
            config,
            draw: Draw::new(seed),
            now,
            start: now,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            timers: Timers::default(),
            actions: VecDeque::new(),
            last_ticket: 0,
        }
    }

    pub(super) fn act(&mut self, action: CustodyAction) {
        let room = self.actions.len() < limits::CUSTODY_ACTIONS;
        assert!(room, "actions are drained after each input");
        self.actions.push_back(action);
    }

    pub(super) fn pop_action(&mut self) -> Option<CustodyAction> {
        self.actions.pop_front()
    }

    pub(super) fn send(&mut self, to: NodeId, message: CustodyMessage) {
        if to != self.me {
            self.act(CustodyAction::Send { to, message: Box::new(message) });
        }
    }

    pub(super) fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    pub(super) fn misbehaved(&mut self, node: NodeId) {
        self.act(CustodyAction::Misbehaved { node });
    }

    pub(super) fn on_link(&mut self, node: NodeId, link: Link) -> bool {
        let up = matches!(link, Link::Up { .. });
        let was = self.is_up(node);
        if was != up || !self.links.contains_key(&node) {
            self.links.insert(node, Seen { up, since: self.now });
        }
        was != up
    }

    pub(super) fn set_members(&mut self, members: BTreeMap<NodeId, MemberFacts>) {
        self.links.retain(|node, _| members.contains_key(node));
        self.members = members;
    }

    pub(super) fn is_member(&self, node: NodeId) -> bool {
        self.members.contains_key(&node)
    }

    /// Whether a member can be reached.
    pub(super) fn is_up(&self, node: NodeId) -> bool {
        node == self.me || self.is_member(node) && self.links.get(&node).is_some_and(|seen| seen.up)
    }

    /// Since when a node that cannot be reached has been so.
    pub(super) fn down_since(&self, node: NodeId) -> Time {
        self.links.get(&node).map_or(self.start, |seen| seen.since)
    }

    pub(super) fn reachable(&self) -> Vec<NodeId> {
        let members = self.members.keys().copied();
        members.filter(|node| *node != self.me && self.is_up(*node)).collect()
    }

    /// Whether the person of a job lets a node keep it, as far as the roster says.
    pub(super) fn may_hold(&self, need: &Need, node: NodeId) -> bool {
        if node == self.me {
            return true;
        }
        let Some(facts) = self.members.get(&node) else { return false };
        let constraints = &need.constraints;
        let is_trusted = match constraints.trust {
            Trust::Mine => facts.person == Some(need.person),
            Trust::Mesh => true,
        };
        facts.may_run && is_trusted && !constraints.local_only && !constraints.not.contains(&node)
    }

    /// How many nodes should keep a job.
    pub(super) fn wanted(&self) -> usize {
        usize::from(self.config.holders).clamp(1, pumasi_protocol::limits::HOLDERS)
    }

    /// Reachable members that may keep a job, in an order of the dice's.
    pub(super) fn candidates(&mut self, need: &Need, without: &[NodeId]) -> Vec<NodeId> {
        let may = |node: &NodeId| self.may_hold(need, *node) && !without.contains(node);
        let mut nodes: Vec<NodeId> = self.reachable().into_iter().filter(may).collect();
        for last in (1..nodes.len()).rev() {
            let other = self.draw.below(last as u64 + 1);
            nodes.swap(last, usize::try_from(other).expect("below a list's length"));
        }
        nodes
    }
}

//! What this node knows of the mesh: members, links, adverts, own measurements and open offers.
//! All of it is hints; it nominates candidates and decides nothing.

use std::collections::BTreeMap;

use pumasi_protocol::limits::ADVERT_PREFIXES;
use pumasi_protocol::state::{NodeState, Taken};
use pumasi_protocol::{
    Admission, AdvertDelta, JobId, ModelName, Need, NodeAdvert, NodeId, Refusal, Timings, Usage,
};

mod holders;
mod hot;
mod known;
mod nodes;

use crate::config::Config;
use crate::input::{Link, MemberFacts};
use crate::limits;
use crate::measure::Measurements;
use crate::rank::Candidate;
use crate::rank::score::contention_permille;
use crate::time::Time;
use crate::view::NodeView;

use holders::Holders;
use hot::HotIndex;
use known::{Known, OfJob};
use nodes::Nodes;

/// All nodes.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    me: NodeId,
    members: BTreeMap<NodeId, MemberFacts>,
    nodes: Nodes,
    holders: Holders,
    hot: HotIndex,
    measured: Measurements,
}

/// The candidates of a job, and how many members cannot be candidates at the moment.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    pub(crate) list: Vec<Candidate<'a>>,
    pub(crate) unreachable: u32,
}

impl Mesh {
    pub(crate) fn new(me: NodeId) -> Self {
        let mut nodes = Nodes::default();
        // This node itself is the first, and is never removed.
        nodes.entry(me, None).link = Link::Up { rtt_us: 0 };
        Self {
            me,
            members: BTreeMap::new(),
            nodes,
            holders: Holders::default(),
            hot: HotIndex::default(),
            measured: Measurements::default(),
        }
    }

    /// Takes a roster; returns who was a member until then.
    pub(crate) fn set_members(
        &mut self,
        mut members: BTreeMap<NodeId, MemberFacts>,
    ) -> Vec<NodeId> {
        while members.len() > limits::NODES {
            members.pop_last();
        }
        let before = std::mem::replace(&mut self.members, members);
        let mut left = self.members.keys().peekable();
        let mut is_gone = |node: &NodeId| {
            while left.next_if(|other| *other < node).is_some() {}
            left.next_if_eq(&node).is_none()
        };
        let gone = before.into_keys().filter(|node| *node != self.me && is_gone(node));
        let gone: Vec<NodeId> = gone.collect();
        for node in &gone {
            self.forget(*node);
        }
        self.nodes.set_members(&self.members);
        gone
    }

    fn forget(&mut self, node: NodeId) {
        if let Some(known) = self.nodes.remove(&node)
            && let Some(advert) = known.advert
        {
            self.holders.remove(known.slot, &advert.models);
            self.hot.change(known.slot, &advert.prefixes, &[]);
        }
    }

    /// What the roster says of this node.
    pub(crate) fn own_member(&self) -> Option<MemberFacts> {
        self.nodes.first().and_then(|own| own.member)
    }

    /// Whether nobody else belongs: who is not here then does not come.
    pub(crate) fn is_alone(&self) -> bool {
        self.members.keys().all(|node| *node == self.me)
    }

    pub(crate) fn member(&self, node: NodeId) -> Option<MemberFacts> {
        self.members.get(&node).copied()
    }

    /// Returns whether the node can be asked now and could not before.
    pub(crate) fn on_link(&mut self, node: NodeId, link: Link) -> bool {
        let own = node == self.me;
        let Some(known) = self.known(node).filter(|_| !own) else { return false };
        let before = std::mem::replace(&mut known.link, link);
        before == Link::Down && link != Link::Down
    }

    pub(crate) fn on_advert(&mut self, advert: NodeAdvert, now: Time) {
        if advert.node == self.me || !advert.is_plausible() {
            return;
        }
        let Some(known) = self.known(advert.node) else { return };
        let at = (advert.incarnation, advert.sequence);
        if known.advert.as_ref().is_some_and(|old| (old.incarnation, old.sequence) == at) {
            known.heard = now;
        }
        let newer = known.advert.as_ref().is_none_or(|old| advert.is_newer_than(old));
        if newer && at > known.floor {
            let node = advert.node;
            self.set_advert(advert);
            if let Some(known) = self.nodes.get_mut(&node) {
                known.heard = now;
            }
        }
    }

    /// Takes an advert of a node that has an entry; what did not change in it costs little.
    fn set_advert(&mut self, advert: NodeAdvert) {
        let node = advert.node;
        let known = self.nodes.get_mut(&node).expect("the caller made its entry");
        let old = known.advert.take();
        let (models, prefixes) = old
            .as_ref()
            .map_or((&[][..], &[][..]), |old| (old.models.as_slice(), old.prefixes.as_slice()));
        self.holders.change(known.slot, models, &advert.models);
        self.hot.change(known.slot, prefixes, &advert.prefixes);
        known.measured = self.measured.of(node, &advert.models);
        known.advert = Some(advert);
        known.count_busy();
    }

    /// Returns whether the node takes jobs from here on and did not before.
    pub(crate) fn on_delta(&mut self, delta: &AdvertDelta, now: Time) -> bool {
        let known = self.nodes.get_mut(&delta.node).filter(|_| delta.node != self.me);
        let Some(known) = known else { return false };
        let Some(advert) = known.advert.as_mut() else { return false };
        let before = advert.admission;
        if advert.apply(delta) {
            known.heard = now;
            known.count_busy();
        }
        opens(before, known.advert.as_ref())
    }

    /// As [`Self::on_delta`].
    pub(crate) fn on_state(&mut self, node: NodeId, state: &NodeState, now: Time) -> bool {
        let known = self.nodes.get_mut(&node).filter(|_| node != self.me);
        let Some(known) = known else { return false };
        let Some(advert) = known.advert.as_mut() else { return false };
        let before = advert.admission;
        if !state.is_plausible() || advert.take(state) != Taken::New {
            return false;
        }
        for hash in state.hot.iter().rev() {
            if self.hot.add(known.slot, *hash) {
                advert.prefixes.insert(0, *hash);
            }
        }
        for old in advert.prefixes.drain(advert.prefixes.len().min(ADVERT_PREFIXES)..) {
            self.hot.remove(known.slot, old);
        }
        known.heard = now;
        known.count_busy();
        opens(before, known.advert.as_ref())
    }

    /// A node hinted that it is idle.
    pub(crate) fn on_idle(&mut self, node: NodeId, now: Time) {
        if let Some(known) = self.nodes.get_mut(&node).filter(|_| node != self.me) {
            known.set_idle(now);
        }
    }

    pub(crate) fn on_left(&mut self, node: NodeId) {
        let known = self.nodes.get_mut(&node).filter(|_| node != self.me);
        let Some(known) = known else { return };
        if let Some(advert) = known.advert.take() {
            known.floor = (advert.incarnation, u64::MAX);
            self.holders.remove(known.slot, &advert.models);
            self.hot.change(known.slot, &advert.prefixes, &[]);
        }
        known.measured.clear();
        known.idle_since = None;
        known.busy = 0;
    }

    /// This node's own advert, to be kept true by the executor. Without prefixes: what lies in the
    /// caches here is asked of the executor.
    pub(crate) fn set_own(&mut self, advert: NodeAdvert) {
        assert_eq!(advert.node, self.me, "the executor speaks for this node");
        self.set_advert(advert);
    }

    /// Changes what of the own advert changes often, if there is one.
    pub(crate) fn update_own(&mut self, update: impl FnOnce(&mut NodeAdvert)) {
        let own = self.nodes.get_mut(&self.me).expect("this node itself is always known");
        if let Some(advert) = own.advert.as_mut() {
            update(advert);
            own.count_busy();
        }
    }

    /// A node that was told to take something and did not, or failed at it.
    pub(crate) fn on_failure(&mut self, node: NodeId, now: Time, config: &Config) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.failures.add(now, config);
        }
    }

    pub(crate) fn on_measured(
        &mut self,
        node: NodeId,
        model: ModelName,
        usage: Usage,
        timings: Timings,
        now: Time,
        config: &Config,
    ) {
        let others = self.nodes.get(&node).map_or(0, |known| known.busy.saturating_sub(1));
        let slowdown = contention_permille(u32::from(others), config);
        let forgotten = self.measured.add((node, model), usage, timings, slowdown, now);
        for node in std::iter::once(node).chain(forgotten) {
            if let Some(known) = self.nodes.get_mut(&node)
                && let Some(advert) = &known.advert
            {
                known.measured = self.measured.of(node, &advert.models);
            }
        }
    }

    pub(crate) fn set_offered(&mut self, node: NodeId, job: JobId, ms: u32) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.idle_since = None;
            let before = known.offered.insert(job, ms).unwrap_or(0);
            known.offered_ms = known.offered_ms.saturating_sub(before).saturating_add(ms);
        }
    }

    pub(crate) fn clear_offered(&mut self, node: NodeId, job: JobId) {
        if let Some(known) = self.nodes.get_mut(&node)
            && let Some(ms) = known.offered.remove(&job)
        {
            known.offered_ms = known.offered_ms.saturating_sub(ms);
        }
    }

    /// Whether nothing is offered to anybody.
    pub(crate) fn has_no_offers(&self) -> bool {
        self.nodes.iter().all(|known| known.offered.is_empty())
    }

    /// The nodes that can be asked, those in `skip` left out. `refused` says who answered lately
    /// that it will not, and `failed_ms` what earlier failures of this very job count there;
    /// `own_cached` tokens of its prompt lie in the caches of this node.
    pub(crate) fn candidates(
        &self,
        need: &Need,
        now: Time,
        config: &Config,
        own_cached: u32,
        refused: impl Fn(&NodeId) -> Option<Option<Refusal>>,
        failed_ms: impl Fn(&NodeId) -> u32,
    ) -> Candidates<'_> {
        let mut list = Vec::with_capacity(self.nodes.len());
        let (mut silent, mut reachable) = (0, 0);
        let cached = self.hot.cached(need);
        let mut holders = self.holders.of(&need.model).iter().peekable();
        for known in self.nodes.iter() {
            // Both are in the order of slots, and every holder has an entry.
            let named = holders.next_if(|(slot, _)| *slot == known.slot).map(|(_, index)| *index);
            let own = known.node == self.me;
            if !known.is_reachable() || !own && !known.is_fresh(now, config) {
                continue;
            }
            reachable += usize::from(known.member.is_some());
            let said = refused(&known.node);
            if matches!(said, Some(None)) {
                silent += 1;
                continue;
            }
            let of_job = OfJob {
                own,
                cached_tokens: if own { own_cached } else { cached.tokens(known.slot) },
                refused: said.flatten(),
                failed_ms: failed_ms(&known.node),
            };
            list.push(known.candidate(of_job, known.model(need, named), now, config));
        }
        let unreachable = self.members.len().saturating_sub(reachable) + silent;
        Candidates { list, unreachable: u32::try_from(unreachable).unwrap_or(u32::MAX) }
    }

    pub(crate) fn view(&self, now: Time, config: &Config) -> BTreeMap<NodeId, NodeView<'_>> {
        let nodes = self.nodes.iter().map(|known| &known.node).chain(self.members.keys());
        nodes.map(|node| (*node, self.view_of(*node, now, config))).collect()
    }

    pub(crate) fn node_view(
        &self,
        node: NodeId,
        now: Time,
        config: &Config,
    ) -> Option<NodeView<'_>> {
        let is_known = self.nodes.get(&node).is_some() || self.members.contains_key(&node);
        is_known.then(|| self.view_of(node, now, config))
    }

    fn view_of(&self, node: NodeId, now: Time, config: &Config) -> NodeView<'_> {
        let known = self.nodes.get(&node);
        NodeView {
            member: self.member(node),
            link: known.map_or(Link::Down, |k| k.link),
            advert: known.and_then(|k| k.advert.as_ref()),
            offered_ms: known.map_or(0, |k| k.offered_ms),
            penalty_ms: known.map_or(0, |k| k.failures.now_ms(now, config)),
        }
    }

    /// The entry of a node, made if there is room: members go before strangers.
    fn known(&mut self, node: NodeId) -> Option<&mut Known> {
        if self.nodes.len() >= limits::NODES && self.nodes.get(&node).is_none() {
            let me = self.me;
            let stranger = self.nodes.by_id().find(|k| k.member.is_none() && k.node != me);
            let stranger = stranger?.node;
            self.forget(stranger);
        }
        Some(self.nodes.entry(node, self.members.get(&node).copied()))
    }
}

/// Whether a node that was busy, paused or draining takes jobs again.
fn opens(before: Admission, advert: Option<&NodeAdvert>) -> bool {
    before != Admission::Accepting
        && advert.is_some_and(|advert| advert.admission == Admission::Accepting)
}

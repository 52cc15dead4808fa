//! What this node knows of the mesh: members, links, adverts, own measurements and open offers.
//! All of it is hints; it nominates candidates and decides nothing.

use std::collections::BTreeMap;

use pumasi_protocol::{
    AdvertDelta, JobId, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId, Refusal,
    Timings, Usage,
};

use crate::config::Config;
use crate::input::{Link, MemberFacts};
use crate::limits;
use crate::measure::{Failures, Measurements};
use crate::rank::score::contention_permille;
use crate::rank::{Candidate, Measured};
use crate::sketch::common_tokens;
use crate::time::Time;
use crate::view::NodeView;

/// One node, as far as it is known.
#[derive(Debug, Clone)]
struct Known {
    link: Link,
    advert: Option<NodeAdvert>,
    /// Adverts up to this (incarnation, sequence) are forgotten for good.
    floor: (u64, u64),
    index: BTreeMap<ModelName, usize>,
    /// The advert's prefixes, sorted.
    prefixes: Vec<u64>,
    /// Busy slots of all its models.
    busy: u16,
    failures: Failures,
    offered: BTreeMap<JobId, u32>,
    offered_ms: u32,
}

impl Known {
    fn new() -> Self {
        Self {
            link: Link::Down,
            advert: None,
            floor: (0, 0),
            index: BTreeMap::new(),
            prefixes: Vec::new(),
            busy: 0,
            failures: Failures::default(),
            offered: BTreeMap::new(),
            offered_ms: 0,
        }
    }

    fn set_advert(&mut self, advert: NodeAdvert) {
        self.index = (0..).zip(&advert.models).map(|(i, m)| (m.name.clone(), i)).collect();
        self.prefixes.clone_from(&advert.prefixes);
        self.prefixes.sort_unstable();
        self.advert = Some(advert);
        self.count_busy();
    }

    fn count_busy(&mut self) {
        let models = self.advert.iter().flat_map(|a| &a.models);
        self.busy = models.fold(0, |sum, m| match m.state {
            ModelState::Loaded { busy, .. } => sum.saturating_add(busy),
            ModelState::Held | ModelState::Loading(_) | ModelState::Unusable => sum,
        });
    }

    fn is_reachable(&self) -> bool {
        matches!(self.link, Link::Up { .. }) && self.advert.is_some()
    }

    /// The model that a job means: by name, or, for a given file, any model of that file.
    fn model(&self, need: &Need) -> Option<&ModelAdvert> {
        let advert = self.advert.as_ref()?;
        let named = self.index.get(&need.model).map(|i| &advert.models[*i]);
        match need.file {
            None => named,
            Some(file) => named
                .filter(|m| m.file == file)
                .or_else(|| advert.models.iter().find(|m| m.file == file)),
        }
    }
}

/// All nodes.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    me: NodeId,
    members: BTreeMap<NodeId, MemberFacts>,
    nodes: BTreeMap<NodeId, Known>,
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
        let (members, measured) = (BTreeMap::new(), Measurements::default());
        let mut own = Known::new();
        own.link = Link::Up { rtt_us: 0 };
        Self { me, members, nodes: BTreeMap::from([(me, own)]), measured }
    }

    /// Takes a roster; returns who was a member until then.
    pub(crate) fn set_members(&mut self, members: BTreeMap<NodeId, MemberFacts>) -> Vec<NodeId> {
        let kept: BTreeMap<_, _> = members.into_iter().take(limits::NODES).collect();
        let before = std::mem::replace(&mut self.members, kept);
        let gone = before.into_keys().filter(|n| !self.members.contains_key(n));
        let gone: Vec<NodeId> = gone.filter(|n| *n != self.me).collect();
        for node in &gone {
            self.nodes.remove(node);
        }
        gone
    }

    pub(crate) fn member(&self, node: NodeId) -> Option<MemberFacts> {
        self.members.get(&node).copied()
    }

    pub(crate) fn on_link(&mut self, node: NodeId, link: Link) {
        if node != self.me
            && let Some(known) = self.known(node)
        {
            known.link = link;
        }
    }

    pub(crate) fn on_advert(&mut self, advert: NodeAdvert) {
        if advert.node == self.me || !advert.is_plausible() {
            return;
        }
        let Some(known) = self.known(advert.node) else { return };
        let newer = known.advert.as_ref().is_none_or(|old| advert.is_newer_than(old));
        if newer && (advert.incarnation, advert.sequence) > known.floor {
            known.set_advert(advert);
        }
    }

    pub(crate) fn on_delta(&mut self, delta: &AdvertDelta) {
        let known = self.nodes.get_mut(&delta.node).filter(|_| delta.node != self.me);
        let Some(known) = known else { return };
        let Some(advert) = known.advert.as_mut() else { return };
        if advert.apply(delta) {
            known.count_busy();
        }
    }

    pub(crate) fn on_left(&mut self, node: NodeId) {
        let known = self.nodes.get_mut(&node).filter(|_| node != self.me);
        let Some(known) = known else { return };
        if let Some(advert) = known.advert.take() {
            known.floor = (advert.incarnation, u64::MAX);
        }
        known.index.clear();
        known.prefixes.clear();
        known.busy = 0;
    }

    /// This node's own advert, to be kept true by the executor.
    pub(crate) fn set_own(&mut self, advert: NodeAdvert) {
        let me = self.me;
        self.known(me).expect("this node itself is always known").set_advert(advert);
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
        self.measured.add((node, model), usage, timings, slowdown, now);
    }

    pub(crate) fn set_offered(&mut self, node: NodeId, job: JobId, ms: u32) {
        if let Some(known) = self.nodes.get_mut(&node) {
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
        self.nodes.values().all(|known| known.offered.is_empty())
    }

    /// The nodes that can be asked, those in `skip` left out. `refused` says who answered lately
    /// that it will not, and `failed_ms` what earlier failures of this very job count there.
    pub(crate) fn candidates(
        &self,
        need: &Need,
        now: Time,
        config: &Config,
        refused: impl Fn(NodeId) -> Option<Option<Refusal>>,
        failed_ms: impl Fn(NodeId) -> u32,
    ) -> Candidates<'_> {
        let mut list = Vec::with_capacity(self.nodes.len());
        let mut silent = 0;
        for (node, known) in self.nodes.iter().filter(|(_, known)| known.is_reachable()) {
            let said = refused(*node);
            if said == Some(None) {
                silent += 1;
                continue;
            }
            let mut candidate = self.candidate(*node, known, need, now, config);
            candidate.refused = said.flatten();
            candidate.penalty_ms = candidate.penalty_ms.saturating_add(failed_ms(*node));
            list.push(candidate);
        }
        let is_unreachable = |n: &&NodeId| !self.nodes.get(*n).is_some_and(Known::is_reachable);
        let unreachable = self.members.keys().filter(is_unreachable).count() + silent;
        Candidates { list, unreachable: u32::try_from(unreachable).unwrap_or(u32::MAX) }
    }

    fn candidate<'a>(
        &'a self,
        node: NodeId,
        known: &'a Known,
        need: &Need,
        now: Time,
        config: &Config,
    ) -> Candidate<'a> {
        let advert = known.advert.as_ref().expect("a reachable node has an advert");
        let model = known.model(need);
        let own = node == self.me;
        let hot = |hash| known.prefixes.binary_search(&hash).is_ok();
        let measured = match model {
            Some(model) if !own => self.measured.trusted(node, &model.name),
            Some(_) | None => Measured::default(),
        };
        Candidate {
            node,
            advert,
            model,
            member: self.member(node),
            rtt_us: if own { None } else { Some(known.rtt_us(config)) },
            busy: known.busy,
            cached_tokens: common_tokens(&need.prefix, need.prompt_tokens, hot),
            offered_ms: known.offered_ms,
            penalty_ms: known.failures.now_ms(now, config),
            measured,
            refused: None,
        }
    }

    pub(crate) fn view(&self, now: Time, config: &Config) -> BTreeMap<NodeId, NodeView> {
        let nodes = self.nodes.keys().chain(self.members.keys());
        nodes.map(|node| (*node, self.node_view(*node, now, config))).collect()
    }

    fn node_view(&self, node: NodeId, now: Time, config: &Config) -> NodeView {
        let known = self.nodes.get(&node);
        NodeView {
            member: self.member(node),
            link: known.map_or(Link::Down, |k| k.link),
            advert: known.and_then(|k| k.advert.clone()),
            offered_ms: known.map_or(0, |k| k.offered_ms),
            penalty_ms: known.map_or(0, |k| k.failures.now_ms(now, config)),
        }
    }

    /// The entry of a node, made if there is room: members go before strangers.
    fn known(&mut self, node: NodeId) -> Option<&mut Known> {
        if !self.nodes.contains_key(&node) {
            if self.nodes.len() >= limits::NODES {
                let stranger = self.nodes.keys().find(|n| !self.members.contains_key(n));
                let stranger = *stranger.filter(|n| **n != self.me)?;
                self.nodes.remove(&stranger);
            }
            self.nodes.insert(node, Known::new());
        }
        self.nodes.get_mut(&node)
    }
}

impl Known {
    fn rtt_us(&self, config: &Config) -> u32 {
        match self.link {
            Link::Up { rtt_us: 0 } | Link::Down => config.assumed_rtt_us,
            Link::Up { rtt_us } => rtt_us,
        }
    }
}

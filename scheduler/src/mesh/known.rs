//! One node as this node knows it: link, advert, failures, offers. Knows nothing of the other nodes.

use std::collections::BTreeMap;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::{JobId, ModelAdvert, ModelState, Need, NodeAdvert, NodeId, Refusal};

use crate::config::Config;
use crate::input::{Link, MemberFacts};
use crate::measure::Failures;
use crate::rank::score::saturated;
use crate::rank::{Candidate, Measured};
use crate::time::Time;

/// One node, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) node: NodeId,
    /// Its place among the nodes, and in the indexes of them.
    pub(super) slot: u16,
    pub(super) link: Link,
    pub(super) member: Option<MemberFacts>,
    pub(super) advert: Option<NodeAdvert>,
    /// Adverts up to this (incarnation, sequence) are forgotten for good.
    pub(super) floor: (u64, u64),
    /// Own measurements of the advert's models, in their order; empty: there are none at all.
    pub(super) measured: Vec<Measured>,
    /// When its advert was last renewed or confirmed.
    pub(super) heard: Time,
    /// Busy slots of all its models.
    pub(super) busy: u16,
    pub(super) failures: Failures,
    pub(super) offered: BTreeMap<JobId, u32>,
    pub(super) offered_ms: u32,
    /// When it last said that it is idle, until it is asked or says otherwise.
    pub(super) idle_since: Option<Time>,
}

impl Known {
    pub(super) fn new(node: NodeId, slot: u16, member: Option<MemberFacts>) -> Self {
        Self {
            node,
            slot,
            link: Link::Down,
            member,
            advert: None,
            floor: (0, 0),
            measured: Vec::new(),
            heard: Time::START,
            busy: 0,
            failures: Failures::default(),
            offered: BTreeMap::new(),
            offered_ms: 0,
            idle_since: None,
        }
    }

    pub(super) fn count_busy(&mut self) {
        let models = self.advert.iter().flat_map(|a| &a.models);
        self.busy = models.fold(0, |sum, m| match m.state {
            ModelState::Loaded { busy, .. } => sum.saturating_add(busy),
            ModelState::Held | ModelState::Loading(_) | ModelState::Unusable => sum,
        });
        if self.advert.as_ref().is_some_and(|a| a.queue.interactive + a.queue.batch > 0) {
            self.idle_since = None;
        }
    }

    /// It said that a slot is free and nobody waits: fresher than its advert.
    pub(super) fn set_idle(&mut self, now: Time) {
        let Some(advert) = self.advert.as_mut() else { return };
        advert.queue = Queue::default();
        for model in &mut advert.models {
            if let ModelState::Loaded { slots, busy } = &mut model.state {
                *busy = (*busy).min(slots.saturating_sub(1));
            }
        }
        self.count_busy();
        self.heard = now;
        self.idle_since = Some(now);
    }

    pub(super) fn is_reachable(&self) -> bool {
        matches!(self.link, Link::Up { .. }) && self.advert.is_some()
    }

    /// Whether its advert may still be acted on (invariant I11).
    pub(super) fn is_fresh(&self, now: Time, config: &Config) -> bool {
        now.ms_since(self.heard) <= u64::from(config.advert_ttl_ms)
    }

    /// The model that a job means, with its index: `named`, or, for a given file, any model of
    /// that file.
    pub(super) fn model(&self, need: &Need, named: Option<u16>) -> Option<(usize, &ModelAdvert)> {
        let models = &self.advert.as_ref()?.models;
        let named = named.map(usize::from).and_then(|index| Some((index, models.get(index)?)));
        match need.file {
            None => named,
            Some(file) => named
                .filter(|(_, m)| m.file == file)
                .or_else(|| models.iter().enumerate().find(|(_, m)| m.file == file)),
        }
    }
}

/// What a job knows of a node besides.
#[derive(Debug)]
pub(super) struct OfJob {
    /// The node is this one.
    pub(super) own: bool,
    /// Tokens of its prompt that lie in the node's caches.
    pub(super) cached_tokens: u32,
    /// What the node answered it lately.
    pub(super) refused: Option<Refusal>,
    /// What its earlier failures count there, in milliseconds.
    pub(super) failed_ms: u32,
}

impl Known {
    #[inline]
    pub(super) fn candidate<'a>(
        &'a self,
        of_job: OfJob,
        model: Option<(usize, &'a ModelAdvert)>,
        now: Time,
        config: &Config,
    ) -> Candidate<'a> {
        let OfJob { own, cached_tokens, refused, failed_ms } = of_job;
        let measured = model.filter(|_| !own).and_then(|(index, _)| self.measured.get(index));
        Candidate {
            node: self.node,
            advert: self.advert.as_ref().expect("a reachable node has an advert"),
            model: model.map(|(_, model)| model),
            member: self.member,
            age_ms: if own { 0 } else { saturated(now.ms_since(self.heard)) },
            rtt_us: if own { None } else { Some(self.rtt_us(config)) },
            busy: self.busy,
            cached_tokens,
            offered_ms: self.offered_ms,
            penalty_ms: self.failures.now_ms(now, config).saturating_add(failed_ms),
            measured: measured.copied().unwrap_or_default(),
            refused,
            idle: self.is_idle(now, config),
        }
    }

    /// Whether it hinted lately that it is idle, and was not asked since.
    fn is_idle(&self, now: Time, config: &Config) -> bool {
        self.idle_since.is_some_and(|at| now.ms_since(at) <= u64::from(config.idle_hint_ms))
    }

    pub(super) fn rtt_us(&self, config: &Config) -> u32 {
        match self.link {
            Link::Up { rtt_us: 0 } | Link::Down => config.assumed_rtt_us,
            Link::Up { rtt_us } => rtt_us,
        }
    }
}

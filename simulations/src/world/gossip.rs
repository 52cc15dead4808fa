//! What machines tell each other of themselves, and how they find out who can be reached.

use pumasi_protocol::{AdvertDelta, NodeAdvert, NodeId};
use pumasi_scheduler::{CustodyInput, Input, Link};

use crate::canary::Canary;
use crate::oracle::Invariant;
use crate::shell::News;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// How often a node repeats its full advert in these runs, in milliseconds, as a stand-in for the
/// state sync that repairs lost gossip; and that per machine in a large mesh.
const REFRESH_MS: u64 = 5_000;
const REFRESH_PER_NODE_MS: u64 = 50;
/// When a node that forgets whose link came up begins to forget, in milliseconds.
const FORGETS_FROM_MS: u64 = 5_000;

impl World<'_> {
    pub(super) fn refresh_ms(&self) -> u64 {
        match self.canary {
            Some(Canary::RefreshForgotten) => u64::MAX,
            Some(_) | None => REFRESH_MS.max(self.shells.len() as u64 * REFRESH_PER_NODE_MS),
        }
    }

    pub(super) fn gossip(&mut self, node: usize, boot: u64) {
        let refresh_ms = self.refresh_ms();
        let shell = &mut self.shells[node];
        if shell.boots != boot || !shell.is_alive() {
            return;
        }
        if let Some(news) = shell.news(self.now, refresh_ms) {
            for to in (0..self.shells.len()).filter(|to| *to != node) {
                self.publish(node, to, &news);
            }
        }
        self.check_bounds(node);
        self.later(self.scenario.net.gossip_ms * 1_000, Event::Gossip { node, boot });
    }

    fn publish(&mut self, node: usize, to: usize, news: &News) {
        let member = self.knows(node, self.shells[to].own_id);
        if self.wire.is_apart(node, to) || !self.shells[to].is_alive() {
            return;
        }
        if !member && self.canary != Some(Canary::StrangersTold) {
            return;
        }
        if !member {
            let what = format!("node {node} told node {to} of itself, which does not belong");
            self.violate(Invariant::StrangerSilence, what);
        }
        for delay in self.wire.datagram(node, to) {
            let event = match news {
                News::Full(advert) => Event::Advert { to, advert: Box::new(advert.clone()) },
                News::Delta(delta) => Event::Delta { to, delta: delta.clone() },
            };
            self.later(delay, event);
        }
    }

    /// Whether `id` belongs, as this machine knows it.
    pub(super) fn knows(&self, node: usize, id: NodeId) -> bool {
        let shell = &self.shells[node];
        shell.log.is_none() || shell.members.contains(&id)
    }

    pub(super) fn on_advert(&mut self, to: usize, mut advert: Box<NodeAdvert>) {
        let number = (advert.incarnation, advert.sequence);
        let before = self.shells[to].newest.get(&advert.node).map_or(0, |newest| newest.0);
        let stale = self.is_older(to, advert.node, number);
        if stale && self.canary == Some(Canary::StaleAdvertTaken) {
            let newest = self.shells[to].newest[&advert.node];
            (advert.incarnation, advert.sequence) = (newest.0, newest.1 + 1);
        }
        let node = advert.node;
        self.input(to, Input::Advert(advert));
        if before != 0 && number.0 > before {
            self.tell_custody(to, CustodyInput::Restarted { node });
        }
        if stale {
            self.check_kept(to, node);
        }
    }

    pub(super) fn on_delta(&mut self, to: usize, delta: AdvertDelta) {
        let (node, number) = (delta.node, (delta.incarnation, delta.sequence));
        let stale = self.is_older(to, node, number);
        self.input(to, Input::Delta(delta));
        if stale {
            self.check_kept(to, node);
        }
    }

    /// Notes the number of an advert; whether a newer one was here before.
    fn is_older(&mut self, to: usize, node: NodeId, number: (u64, u64)) -> bool {
        let newest = self.shells[to].newest.entry(node).or_default();
        let older = number < *newest;
        *newest = number.max(*newest);
        if older {
            self.saw(Situation::AdvertStale);
        }
        older
    }

    /// I11: what is known is as new as the newest that came.
    fn check_kept(&mut self, to: usize, node: NodeId) {
        let shell = &self.shells[to];
        if node == shell.id || shell.hostile > 0 {
            return;
        }
        let newest = shell.newest[&node];
        let known = shell.scheduler.as_ref().and_then(|s| s.view().node(node)?.advert);
        // A delta without the advert that it builds on is not taken, so that what is known may be
        // older; it must never be numbered as if it were newer.
        let wrong = known.filter(|k| (k.incarnation, k.sequence) > newest);
        if let Some(known) = wrong {
            let what = format!(
                "node {to} knows advert {}.{} of {node:?}, and {}.{} is the newest that came",
                known.incarnation, known.sequence, newest.0, newest.1
            );
            self.violate(Invariant::Freshness, what);
        }
    }

    /// A machine finds out how the link to another is; a new link begins with a state sync.
    pub(super) fn see(&mut self, node: usize, peer: usize) {
        if !self.shells[node].is_alive() {
            return;
        }
        let id = self.shells[peer].id;
        let apart = self.wire.is_apart(node, peer);
        let both = self.knows(node, id) && self.knows(peer, self.shells[node].id);
        if self.shells[peer].is_awake() && !apart {
            self.sync_roster(peer, node);
        }
        let up = self.shells[peer].is_awake() && !apart && both;
        let rtt_us = self.wire.rtt_us();
        let link = if up { Link::Up { rtt_us } } else { Link::Down };
        let forgets = self.canary == Some(Canary::LinkUpForgotten)
            && self.now.ms_since(pumasi_scheduler::Time::START) > FORGETS_FROM_MS;
        if up && forgets {
            return;
        }
        self.input(node, Input::Peer { node: id, link });
        self.tell_custody(node, CustodyInput::Peer { node: id, link });
        if up {
            self.ask_advert(node, peer);
        }
    }

    fn ask_advert(&mut self, node: usize, peer: usize) {
        let shell = &self.shells[peer];
        let advert = shell.scheduler.as_ref().and_then(|s| s.view().advert());
        if let Some(mut advert) = advert {
            advert.sequence = shell.published().0.1;
            self.on_advert(node, Box::new(advert));
        }
    }

    /// Both sides of a link find out how it is, each in its own time.
    pub(super) fn see_soon(&mut self, a: usize, b: usize) {
        self.see_after(a, b, 0);
    }

    /// The same, after the time that a liveness check needs.
    pub(super) fn see_after(&mut self, a: usize, b: usize, us: u64) {
        for (node, peer) in [(a, b), (b, a)] {
            let draw = self.draw(&[node as u64, peer as u64]);
            self.later(us + 1_000 + draw % 800_000, Event::See { node, peer });
        }
    }

    pub(super) fn tell_local(&mut self, node: usize) {
        let advert = Box::new(self.shells[node].local(self.canary));
        let model_memory = self.shells[node].budget();
        self.input(node, Input::Local { advert, model_memory });
    }
}

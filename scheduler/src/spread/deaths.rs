//! Who is dead: signs of life, doubts, second opinions, claims, and verification on request.

use pumasi_protocol::{NodeId, StateMessage};

use crate::draw::mix;
use crate::time::Time;

use super::{Effect, Spread, head};

/// Pings and questions that may be open; beyond that, the oldest ones count as unanswered.
const OPEN: usize = 4_096;

/// A node that counts on this one to notice its death.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watch {
    /// Since when its silence counts.
    since: Time,
    /// Since when it is doubted.
    doubted: Option<Time>,
    /// When somebody else last heard it.
    vouched: Option<Time>,
    /// Somebody who was asked does not hear it either.
    seconded: bool,
    /// When it last gave the sign that it is to be watched.
    beat: Time,
}

/// Why somebody was pinged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It was its turn.
    Turn,
    /// It is doubted here.
    Doubt,
    /// This member asked, under its own nonce.
    Asked(NodeId, u32),
    /// Another member says that it is dead.
    Claim,
    /// Somebody here must know.
    Verify,
}

/// A ping without an answer yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ping {
    pub(super) to: NodeId,
    pub(super) due: Time,
    sent: Time,
    cause: Cause,
}

/// A member that was asked about a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    about: NodeId,
    who: NodeId,
    pub(super) due: Time,
}

impl Spread {
    /// The members whose hash with this node is highest: a choice that changes little when members
    /// come and go, and spreads the work.
    fn choose_watchers(&mut self) {
        let own = u64::from_le_bytes(head(&self.me));
        let rank = |node: &NodeId| mix(own ^ mix(u64::from_le_bytes(head(node))));
        let mut all: Vec<NodeId> = self.up().collect();
        let count = usize::from(self.config.watchers);
        if all.len() > count && count > 0 {
            all.select_nth_unstable_by_key(count, |node| std::cmp::Reverse(rank(node)));
            all.truncate(count);
        }
        all.sort_unstable();
        self.watchers = all;
    }

    /// Somebody came or went; this node may want other watchers.
    pub(super) fn on_watchers_changed(&mut self) {
        self.rechoose = true;
        let up = self.watchers.iter().filter(|node| self.is_up(node)).count();
        if up < usize::from(self.config.watchers) {
            self.beat_at = self.now;
        }
    }

    pub(super) fn beat_due(&mut self) {
        if self.beat_at > self.now {
            return;
        }
        if std::mem::take(&mut self.rechoose) {
            self.choose_watchers();
        }
        self.beat_at = self.now.after_ms(self.config.beat_ms);
        let sequence = self.own.sequence();
        for node in self.watchers.clone() {
            self.send(node, StateMessage::Beat { sequence });
        }
    }

    pub(super) fn on_beat(&mut self, from: NodeId, sequence: u64) {
        let watch = Watch { since: self.now, beat: self.now, ..Watch::default() };
        self.watched.insert(from, watch);
        self.on_sequence(from, sequence);
    }

    pub(super) fn ping_due(&mut self) {
        if self.ping_at > self.now {
            return;
        }
        self.ping_at = self.now.after_ms(self.config.ping_ms);
        if let Some(next) = self.turns.pop() {
            // Everybody once, in a fresh order each time round.
            let behind = self.turns.len() / 2;
            let place = self.draw.below(behind as u64 + 1);
            self.turns.insert(usize::try_from(place).expect("an index"), next);
            if self.is_up(&next) {
                self.ping(next, Cause::Turn, self.config.ping_ms);
            }
        }
        // Those that are down may be back: each is asked every third time.
        self.rounds = self.rounds.wrapping_add(1);
        let turn = |node: &NodeId| node.0[0].wrapping_add(self.rounds).is_multiple_of(3);
        let down = self.peers.iter().filter(|(node, peer)| peer.down && turn(node));
        for node in down.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.ping(node, Cause::Turn, self.config.ping_ms);
        }
    }

    fn ping(&mut self, to: NodeId, cause: Cause, within_ms: u32) {
        let nonce = self.next_nonce();
        let due = self.now.after_ms(within_ms);
        if self.pings.len() >= OPEN {
            self.pings.pop_first();
        }
        self.pings.insert(nonce, Ping { to, due, sent: self.now, cause });
        let seen = if cause == Cause::Turn { self.digest() } else { Vec::new() };
        self.send(to, StateMessage::Ping { nonce, seen });
    }

    fn next_nonce(&mut self) -> u32 {
        self.nonce = self.nonce.wrapping_add(1);
        self.nonce
    }

    pub(super) fn on_pong(&mut self, from: NodeId, nonce: u32) {
        let Some(ping) = self.pings.get(&nonce).filter(|ping| ping.to == from).copied() else {
            return;
        };
        self.pings.remove(&nonce);
        match ping.cause {
            Cause::Turn => {
                let us = self.now.0.saturating_sub(ping.sent.0).max(1);
                self.out.push_back(Effect::RoundTrip { node: from, us });
            }
            Cause::Asked(who, theirs) => {
                self.send(who, StateMessage::Opinion { nonce: theirs, heard: true });
            }
            Cause::Verify => self.verified(from, true),
            Cause::Doubt | Cause::Claim => {}
        }
    }

    pub(super) fn on_unanswered(&mut self, ping: Ping) {
        let heard = self.peers.get(&ping.to).is_some_and(|peer| peer.heard >= ping.sent);
        match ping.cause {
            // It is nobody else's turn to notice: it is watched until it is heard.
            Cause::Turn if !heard && self.is_up(&ping.to) => {
                let watch = Watch { since: ping.sent, ..Watch::default() };
                self.watched.entry(ping.to).or_insert(watch);
            }
            Cause::Turn | Cause::Doubt => {}
            Cause::Asked(who, theirs) => {
                self.send(who, StateMessage::Opinion { nonce: theirs, heard });
            }
            Cause::Claim if !heard => self.declare(ping.to, false),
            Cause::Claim => {}
            Cause::Verify => self.verified(ping.to, heard),
        }
    }

    /// When something is to be done about a watched node.
    pub(super) fn watch_due(&self, node: NodeId, watch: &Watch) -> Time {
        let Some(peer) = self.peers.get(&node) else { return self.now };
        let (heard, config) = (peer.heard.max(watch.since), &self.config);
        match watch.doubted {
            None => heard.after_ms(config.doubt_ms),
            Some(since) => {
                let asked_again = since.after_ms(config.ask_ms);
                let last = watch.vouched.map_or(heard, |at| at.max(heard));
                asked_again.min(last.after_ms(config.dead_ms))
            }
        }
    }

    pub(super) fn deaths_due(&mut self) {
        let now = self.now;
        let due = self.pings.iter().filter(|(_, ping)| ping.due <= now).map(|(nonce, _)| *nonce);
        for nonce in due.collect::<Vec<_>>() {
            if let Some(ping) = self.pings.remove(&nonce) {
                self.on_unanswered(ping);
            }
        }
        self.asked.retain(|_, asked| asked.due > now);
        let due = self.watched.iter().filter(|(node, watch)| self.watch_due(**node, watch) <= now);
        for node in due.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.watch_on(node);
        }
    }

    /// Doubts a silent node, asks again, or declares it dead.
    fn watch_on(&mut self, node: NodeId) {
        let Some(mut watch) = self.watched.get(&node).copied() else { return };
        let Some(peer) = self.peers.get(&node) else { return };
        let heard = peer.heard.max(watch.since);
        let (silence_ms, config) = (self.now.ms_since(heard), &self.config);
        if silence_ms < u64::from(config.doubt_ms) {
            // It was heard since. Without beats it has found another watcher.
            let beats = self.now.ms_since(watch.beat) < u64::from(config.doubt_ms);
            watch = Watch { beat: watch.beat, since: heard, ..Watch::default() };
            if beats {
                self.watched.insert(node, watch)
            } else {
                self.watched.remove(&node)
            };
            return;
        }
        let vouched_ms = watch.vouched.map_or(u64::MAX, |at| self.now.ms_since(at));
        let is_deaf = silence_ms >= u64::from(config.deaf_ms);
        if is_deaf || silence_ms.min(vouched_ms) >= u64::from(config.dead_ms) {
            self.watched.remove(&node);
            let others = self.up().any(|other| other != node);
            let tell = !is_deaf && (watch.seconded || !others);
            return self.declare(node, tell);
        }
        watch.doubted = Some(self.now);
        self.watched.insert(node, watch);
        let within_ms = self.config.ask_ms;
        self.ping(node, Cause::Doubt, within_ms);
        self.ask_others(node);
    }

    fn ask_others(&mut self, about: NodeId) {
        let mut others: Vec<NodeId> = self.up().filter(|node| *node != about).collect();
        let due = self.now.after_ms(2 * self.config.ask_ms);
        for _ in 0..self.config.asked {
            if others.is_empty() || self.asked.len() >= OPEN {
                return;
            }
            let index = self.draw.below(others.len() as u64);
            let who = others.swap_remove(usize::try_from(index).expect("an index"));
            let nonce = self.next_nonce();
            self.asked.insert(nonce, Asked { about, who, due });
            self.send(who, StateMessage::Doubt { nonce, node: about });
        }
    }

    pub(super) fn on_doubt(&mut self, from: NodeId, nonce: u32, node: NodeId) {
        if self.is_up(&node) {
            self.ping(node, Cause::Asked(from, nonce), self.config.ask_ms);
        } else if node != self.me {
            self.send(from, StateMessage::Opinion { nonce, heard: false });
        }
    }

    pub(super) fn on_opinion(&mut self, from: NodeId, nonce: u32, heard: bool) {
        let Some(asked) = self.asked.get(&nonce).filter(|asked| asked.who == from).copied() else {
            return;
        };
        self.asked.remove(&nonce);
        if let Some(watch) = self.watched.get_mut(&asked.about) {
            watch.seconded |= !heard;
            if heard {
                watch.vouched = Some(self.now);
                watch.seconded = false;
            }
        }
        if heard {
            let open =
                self.pings.iter().find(|(_, p)| p.to == asked.about && p.cause == Cause::Verify);
            if let Some(nonce) = open.map(|(nonce, _)| *nonce) {
                self.pings.remove(&nonce);
                self.verified(asked.about, true);
            }
        }
    }

    /// Another member says that a node is dead.
    pub(super) fn on_claim(&mut self, from: NodeId, node: NodeId) {
        let Some(peer) = self.peers.get(&node).filter(|peer| !peer.down && node != from) else {
            return;
        };
        if self.now.ms_since(peer.heard) < u64::from(self.config.fresh_ms) {
            return;
        }
        let claims = self.claims.entry(node).or_default();
        claims.insert(from);
        match claims.len() {
            1 => self.ping(node, Cause::Claim, self.config.claim_ms),
            _ => self.declare(node, false),
        }
    }

    fn declare(&mut self, node: NodeId, tell: bool) {
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| !peer.down) else { return };
        peer.down = true;
        self.claims.remove(&node);
        self.watched.remove(&node);
        self.out.push_back(Effect::Down(node));
        if tell {
            for other in self.up().collect::<Vec<_>>() {
                self.send(other, StateMessage::Down { node });
            }
        }
        self.on_watchers_changed();
    }

    pub(super) fn on_verify(&mut self, node: NodeId) {
        if !self.peers.contains_key(&node) {
            return self.verified(node, false);
        }
        self.ping(node, Cause::Verify, self.config.verify_ms);
        self.ask_others(node);
    }

    fn verified(&mut self, node: NodeId, alive: bool) {
        self.out.push_back(Effect::Verified { node, alive });
    }

    /// This node stood still for a while: what was to be heard meanwhile may lie unread.
    pub(super) fn forgive(&mut self, ms: u64) {
        for peer in self.peers.values_mut() {
            peer.heard = peer.heard.after_ms(ms).min(self.now);
        }
        for ping in self.pings.values_mut() {
            ping.due = ping.due.after_ms(ms);
        }
        for asked in self.asked.values_mut() {
            asked.due = asked.due.after_ms(ms);
        }
        for watch in self.watched.values_mut() {
            *watch = Watch { since: self.now, beat: self.now, ..Watch::default() };
        }
        if ms >= u64::from(self.config.doubt_ms) {
            // Others may have given this node up.
            self.tell_again();
        }
    }
}

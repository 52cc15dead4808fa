//! The state plane of this node: what the scheduler's `spread` decides, carried over the streams of
//! states. It says who is here; the connections only say who could be.

use std::time::{Duration, Instant};

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::message::Request;
use pumasi_protocol::{NodeId, StateMessage};
use pumasi_scheduler::Time;
use pumasi_scheduler::spread::{Effect, News};

use super::super::conduct::Kind;
use super::super::event::NetEvent;
use super::super::identity::{node_id, peer_id};
use super::super::limits::{ADVERT_AGAIN, DOWN_GRACE};
use super::Control;
use super::peer::Peer;
use super::requests::Pending;
use super::states::{StateEvent, What};

impl Control {
    fn time(&self) -> Time {
        let since = u64::try_from(self.started.elapsed().as_micros());
        Time(since.unwrap_or(u64::MAX))
    }

    /// When the state plane has something to do.
    pub(super) fn spread_at(&self) -> Instant {
        self.started + Duration::from_micros(self.spread.next_timeout().0)
    }

    pub(super) fn spread_due(&mut self) {
        self.spread.handle_timeout(self.time());
        self.perform_effects();
    }

    pub(super) fn tell_spread(&mut self, news: News) {
        self.spread.handle(self.time(), news);
        self.perform_effects();
    }

    fn perform_effects(&mut self) {
        while let Some(effect) = self.spread.poll_effect() {
            match effect {
                Effect::Send { to, message } => self.send_state(to, &message),
                Effect::State { node, state } => {
                    let state = Box::new(state);
                    self.emit(NetEvent::State { node, state });
                }
                Effect::Pull(node) => self.ask_advert(node),
                Effect::Down(node) => self.on_down(node),
                Effect::Up(node) => self.on_up(node),
                Effect::RoundTrip { node, us } => {
                    if self.peers.get(&node).is_some_and(Peer::is_here) {
                        // One of many: no harm if the loop misses it.
                        let _ = self.setup.events.try_send(NetEvent::Rtt { node, rtt_us: us });
                    }
                }
                // Owners knock at the data plane, which also tells whether an attempt lives.
                Effect::Verified { .. } => {}
            }
        }
    }

    fn send_state(&mut self, to: NodeId, message: &StateMessage) {
        let carrier = self.peers.get(&to).and_then(Peer::carrier);
        let (Some(connection), Some(peer)) = (carrier, peer_id(&to)) else { return };
        match message.encode() {
            Ok(bytes) => self.swarm.behaviour_mut().states.send(peer, connection, bytes),
            Err(error) => tracing::error!(%error, "this node's state is too large to be told"),
        }
    }

    fn on_down(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let was_here = peer.is_here();
        peer.down_since = Some(Instant::now());
        tracing::info!(peer = %node.short(), "a member does not answer any more");
        if was_here {
            self.emit(NetEvent::PeerDown { node });
        }
    }

    fn on_up(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.down_since = None;
        let rtt_us = peer.sync.rtt_us();
        tracing::info!(peer = %node.short(), "a member answers again");
        if peer.up {
            self.emit(NetEvent::PeerUp { node, rtt_us });
        }
    }

    pub(super) fn on_state_event(&mut self, event: StateEvent) {
        let Some(node) = node_id(&event.peer) else { return };
        let Some(peer) = self.peers.get_mut(&node) else { return };
        match event.what {
            What::Open | What::Closed => {
                if let Some(link) = peer.links.get_mut(&event.connection) {
                    link.carries = event.what == What::Open;
                }
                self.link_spread(node);
            }
            What::Message(bytes) => self.on_state_message(node, &bytes),
            What::Malformed => self.note_misbehaviour(node),
        }
    }

    fn on_state_message(&mut self, from: NodeId, bytes: &[u8]) {
        if !self.peers.contains_key(&from) || !self.spend(from, Kind::State, 1) {
            return;
        }
        match StateMessage::decode(bytes) {
            Ok(Some(message)) => self.tell_spread(News::Heard { from, message }),
            // Of a later version.
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(peer = %from.short(), %error, "a message on the state plane");
                self.note_misbehaviour(from);
            }
        }
    }

    /// The state plane counts on members whose roster is in step and who take its messages. One of a
    /// former version takes none: it is here as long as it is connected.
    pub(super) fn link_spread(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let linked = peer.up && peer.carrier().is_some();
        match (std::mem::replace(&mut peer.linked, linked), linked) {
            (false, true) => self.tell_spread(News::Linked(node)),
            (true, false) => self.tell_spread(News::Unlinked(node)),
            (true, true) | (false, false) => {}
        }
    }

    /// How far the full advert of a node is known by this.
    pub(super) fn note_advert(&mut self, gossip: &Gossip) {
        if let Gossip::Advert(advert) = gossip {
            let (incarnation, sequence) = (advert.incarnation, advert.sequence);
            self.tell_spread(News::Advert { node: advert.node, incarnation, sequence });
        }
    }

    pub(super) fn ask_advert(&mut self, node: NodeId) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.asked = Instant::now();
        }
        if let Some(id) = self.request(node, Request::Advert) {
            self.pending.insert(id, Pending::Advert { node });
        }
    }

    /// Gives up connections that nobody answers on any more, and asks members that do not speak the
    /// state plane's protocol whether their adverts still hold.
    pub(super) fn look_after_peers(&mut self) {
        let now = Instant::now();
        let (mut lost, mut replaced, mut unheard) = (Vec::new(), Vec::new(), Vec::new());
        for (node, peer) in &self.peers {
            let links = peer.replaced(now);
            if !links.is_empty() {
                replaced.push((*node, links));
            } else if peer.down_since.is_some_and(|at| now.duration_since(at) >= DOWN_GRACE) {
                lost.push(*node);
            } else if peer.up && !peer.linked && now.duration_since(peer.asked) >= ADVERT_AGAIN {
                unheard.push(*node);
            }
        }
        for node in lost {
            if let Some(peer) = peer_id(&node) {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
        }
        for (node, links) in replaced {
            self.replace(node, &links);
        }
        unheard.into_iter().for_each(|node| self.ask_advert(node));
    }
}

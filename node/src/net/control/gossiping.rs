//! Gossip of the control plane: what this node publishes, and what becomes of others' messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, PublishError};
use pumasi_protocol::NodeId;
use pumasi_protocol::advert::Gossip;
use pumasi_protocol::envelope::{Addresses, Envelope, EnvelopeError};
use pumasi_protocol::limits::ADVERT_ADDRESSES;
use pumasi_protocol::roster::Roster;

use super::super::conduct::Kind;
use super::super::event::NetEvent;
use super::super::identity::node_id;
use super::super::limits::ADDRESSES_INTERVAL;
use super::hearsay::Verdict;
use super::{Control, behaviour, is_dialable};

/// After something changed, addresses are told this much later: once soon, and once when those who
/// have just connected are sure to listen.
const ANNOUNCE_AFTER: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(1_500)];

/// When addresses are told that were told too often a moment ago.
const ANNOUNCE_AGAIN: Duration = Duration::from_millis(500);

impl Control {
    /// Listens to the gossip of this node's mesh.
    pub(super) fn subscribe(&mut self, roster: &Roster) {
        if self.subscribed {
            return;
        }
        let topic = behaviour::topic(&roster.mesh);
        self.topic.set(topic.hash());
        match self.swarm.behaviour_mut().gossip.inner.subscribe(&topic) {
            Ok(_) => self.subscribed = true,
            Err(error) => tracing::error!(%error, "this node cannot listen to its mesh's gossip"),
        }
    }

    pub(super) fn publish(&mut self, gossip: &Gossip) {
        let Some(roster) = self.setup.membership.members().roster() else { return };
        let key = self.setup.identity.signing();
        match Envelope::seal(key, &roster.mesh, gossip) {
            Ok(bytes) => self.publish_bytes(&roster, bytes),
            Err(error) => tracing::error!(%error, "what this node says of itself is not published"),
        }
    }

    fn publish_bytes(&mut self, roster: &Roster, bytes: Vec<u8>) {
        let topic = behaviour::topic(&roster.mesh);
        match self.swarm.behaviour_mut().gossip.inner.publish(topic, bytes) {
            Ok(_) | Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(error) => tracing::debug!(%error, "gossip was not published"),
        }
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                self.on_message(&propagation_source, &message_id, &message);
            }
            gossipsub::Event::Subscribed { .. } => self.announce_soon(),
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                let _ = self.swarm.disconnect_peer_id(peer_id);
            }
            gossipsub::Event::Unsubscribed { .. } | gossipsub::Event::SlowPeer { .. } => {}
        }
    }

    fn on_message(&mut self, carrier: &PeerId, id: &MessageId, message: &gossipsub::Message) {
        let Some(roster) = self.setup.membership.members().roster() else { return };
        let source = message.source.as_ref().and_then(node_id);
        let verdict = self.hearsay.judge(&message.data, source, &roster);
        let acceptance = match verdict {
            _ if !self.may_author(&verdict, node_id(carrier)) => MessageAcceptance::Ignore,
            Verdict::Gossip(from, gossip) => {
                tracing::trace!(peer = %from.short(), bytes = message.data.len(), "gossip");
                self.hear_of(from);
                self.note_advert(&gossip);
                // A loop that is behind gets the next advert.
                let _ = self.setup.events.try_send(NetEvent::Gossip { from, gossip });
                MessageAcceptance::Accept
            }
            Verdict::Addresses(from, addresses) => {
                self.hear_of(from);
                self.on_addresses(from, &addresses);
                MessageAcceptance::Accept
            }
            Verdict::Opaque(_) => MessageAcceptance::Accept,
            Verdict::Old => MessageAcceptance::Ignore,
            Verdict::Refused(error) => {
                tracing::debug!(%error, "gossip was refused");
                // Who was admitted a moment ago may be known to the carrier already: no blame.
                if error != EnvelopeError::NotMember
                    && let Some(carrier) = node_id(carrier)
                {
                    self.note_misbehaviour(carrier);
                }
                if let (EnvelopeError::Implausible, Some(author)) = (error, source) {
                    self.doubt(author);
                }
                MessageAcceptance::Reject
            }
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
        gossip.report_message_validation_result(id, carrier, acceptance);
    }

    /// Whether the author of a message has not said more than it may.
    fn may_author(&self, verdict: &Verdict, carrier: Option<NodeId>) -> bool {
        match verdict {
            // Newer than all before, so that nobody else can have said it again.
            Verdict::Gossip(from, _) | Verdict::Addresses(from, _) => {
                self.spend(*from, Kind::Authored, 1)
            }
            // May be an old one that somebody repeats: that is not its author's doing.
            Verdict::Opaque(from) => carrier != Some(*from) || self.spend(*from, Kind::Authored, 1),
            Verdict::Old | Verdict::Refused(_) => true,
        }
    }

    /// Somebody reaches this member: whoever does not should try.
    fn hear_of(&mut self, node: NodeId) {
        if !self.peers.contains_key(&node) {
            self.book.hear_of(node, Instant::now());
        }
    }

    fn on_addresses(&mut self, from: NodeId, addresses: &Addresses) {
        // Loopback is this machine: believed only of who speaks, or can only speak, over it.
        let here = self.setup.listen.ip().is_loopback();
        let peer = self.peers.get(&from);
        let loopback = here || peer.is_some_and(super::Peer::is_loopback);
        let dialable = |list: &[SocketAddr]| {
            let good = list.iter().filter(|address| is_dialable(address, loopback));
            good.copied().collect::<Vec<_>>()
        };
        self.book.learn(from, &dialable(&addresses.control), Instant::now());
        let mut data = Vec::new();
        // Where the control connection comes from is where the node surely is.
        if let (Some(peer), Some(first)) = (peer, addresses.data.first()) {
            let seen =
                peer.links.values().map(|link| SocketAddr::new(link.remote.ip(), first.port()));
            data.extend(seen);
        }
        data.extend(dialable(&addresses.data));
        data.sort();
        data.dedup();
        if let Some(peer) = peer {
            // Stable: the seen ones first.
            let seen =
                |address: &SocketAddr| peer.links.values().any(|l| l.remote.ip() == address.ip());
            data.sort_by_key(|address| !seen(address));
        }
        let known = !data.is_empty();
        self.setup.data.set_addresses(from, data);
        if known && self.me < from && self.peers.contains_key(&from) {
            self.setup.data.warm(from);
        }
        self.remember();
    }

    pub(super) fn announce_soon(&mut self) {
        let now = Instant::now();
        self.announce.due.clear();
        self.announce.due.extend(ANNOUNCE_AFTER.map(|after| now + after));
    }

    /// When this node next tells the mesh where it is.
    pub(super) fn announce_at(&self) -> Option<Instant> {
        self.announce.due.first().copied()
    }

    /// Tells the mesh where this node is, if it is time.
    pub(super) fn announce_due(&mut self) {
        let now = Instant::now();
        let later = self.announce.due.split_off(&now);
        let due = !std::mem::replace(&mut self.announce.due, later).is_empty();
        if !due {
            return;
        }
        if !self.announce.pace.take(1, now) {
            self.announce.due.insert(now + ANNOUNCE_AGAIN);
            return;
        }
        if self.announce.due.is_empty() {
            self.announce.due.insert(now + ADDRESSES_INTERVAL);
        }
        let Some(roster) = self.setup.membership.members().roster() else { return };
        let listening = self.setup.listening.borrow().clone();
        let told = |mut list: Vec<SocketAddr>| {
            if list.iter().any(|address| !address.ip().is_loopback()) {
                list.retain(|address| !address.ip().is_loopback());
            }
            list.truncate(ADVERT_ADDRESSES);
            list
        };
        self.announce.sequence += 1;
        let addresses = Addresses {
            incarnation: self.setup.incarnation,
            sequence: self.announce.sequence,
            control: told(listening.control),
            data: told(listening.data),
        };
        let key = self.setup.identity.signing();
        match Envelope::seal_addresses(key, &roster.mesh, &addresses) {
            Ok(bytes) => self.publish_bytes(&roster, bytes),
            Err(error) => tracing::error!(%error, "this node's addresses are not published"),
        }
    }
}

//! Requests of the control plane in both directions, and what both sides of a new connection begin
//! with: bringing their rosters in step.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{self, OutboundFailure, OutboundRequestId, ResponseChannel};
use pumasi_protocol::advert::Gossip;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::roster::{EntryHash, FIRST_HASH, LAST_HASH, SignedEntry};
use pumasi_protocol::{Control as SchedulerMessage, NodeAdvert, NodeId, Refusal};
use tokio::sync::oneshot;

use super::super::conduct::Kind;
use super::super::event::NetEvent;
use super::super::handle::NetError;
use super::super::identity::{node_id, peer_id};
use super::super::limits::{REQUEST_TIMEOUT, SYNC_BYTES, SYNC_HASHES};
use super::super::members::Learned;
use super::{Control, Notice};

/// Rounds over all entries, for entries that came before those they build on.
const SYNC_ROUNDS: u32 = 8;
/// Failed requests of one synchronisation before the connection is given up.
const SYNC_FAILURES: u32 = 3;

/// What an answer is for.
pub(super) enum Pending {
    Control { to: NodeId, control: SchedulerMessage },
    Request { reply: oneshot::Sender<Result<Response, NetError>> },
    Sync { node: NodeId, sent: Instant },
    Advert { node: NodeId },
    Push,
}

/// How far the synchronisation of rosters with one peer is.
#[derive(Debug, Clone, Default)]
pub(super) struct Sync {
    running: bool,
    from: EntryHash,
    to: EntryHash,
    rounds: u32,
    failures: u32,
    waiting: bool,
    rtt_us: u64,
}

type RequestEvent = request_response::Event<Request, Response>;

impl Sync {
    /// Round trip of its last exchange, in microseconds.
    pub(super) fn rtt_us(&self) -> u64 {
        self.rtt_us
    }
}

impl Control {
    pub(super) fn request(&mut self, to: NodeId, request: Request) -> Option<OutboundRequestId> {
        let peer = peer_id(&to).filter(|_| self.peers.contains_key(&to))?;
        Some(self.swarm.behaviour_mut().requests.send_request(&peer, request))
    }

    pub(super) fn send_control(&mut self, to: NodeId, control: SchedulerMessage) {
        match self.request(to, Request::Scheduler(control.clone())) {
            Some(id) => drop(self.pending.insert(id, Pending::Control { to, control })),
            None => self.emit(NetEvent::ControlFailed { to, control }),
        }
    }

    pub(super) fn send_request(
        &mut self,
        to: NodeId,
        request: Request,
        reply: oneshot::Sender<Result<Response, NetError>>,
    ) {
        match self.request(to, request) {
            Some(id) => drop(self.pending.insert(id, Pending::Request { reply })),
            None => drop(reply.send(Err(NetError::NotConnected))),
        }
    }

    pub(super) fn on_request_event(&mut self, event: RequestEvent) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                request_response::Message::Request { request, channel, .. } => {
                    self.on_request(peer, request, channel);
                }
                request_response::Message::Response { request_id, response } => {
                    self.on_response(request_id, response);
                }
            },
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                self.on_failure(request_id, &error);
            }
            request_response::Event::InboundFailure { error, .. } => {
                tracing::debug!(%error, "a member's request was not answered");
            }
            request_response::Event::ResponseSent { .. } => {}
        }
    }

    fn on_request(&mut self, peer: PeerId, request: Request, channel: ResponseChannel<Response>) {
        let from = node_id(&peer).filter(|node| self.applied.contains(node));
        let Some(from) = from else {
            return self.answer(channel, Response::Refused(Refusal::NotMember));
        };
        if !self.may_ask(from, &request) {
            return self.answer(channel, Response::Refused(Refusal::QueueFull));
        }
        match request {
            Request::Scheduler(control) => {
                let event = NetEvent::Control { from, control };
                let taken = self.setup.events.try_send(event).is_ok();
                let refused = Response::Refused(Refusal::QueueFull);
                self.answer(channel, if taken { Response::Done } else { refused });
            }
            Request::Roster { known } => {
                let lacking = |log: Option<&mut pumasi_protocol::roster::RosterLog>| {
                    log.map(|log| log.lacking(&known, SYNC_BYTES)).unwrap_or_default()
                };
                let entries = self.setup.membership.with_log(lacking);
                self.answer(channel, Response::Roster(entries));
            }
            Request::RosterEntries(entries) => {
                self.take_entries(from, entries, |node, learned| Notice::Pushed { node, learned });
                self.answer(channel, Response::Done);
            }
            Request::Advert
            | Request::Load(_)
            | Request::Unload(_)
            | Request::Jobs { .. }
            | Request::JobsSince(_)
            | Request::Job(_)
            | Request::CancelJob(_)
            | Request::Attempt(_)
            | Request::Why(_)
            | Request::Custody(_)
            | Request::AdoptJob(_)
            | Request::RemoveJob(_)
            | Request::Inspect(_)
            | Request::Copy(_)
            | Request::Settings(_)
            | Request::Set(..)
            | Request::Keep(..) => self.ask_loop(from, request, channel),
        }
    }

    /// Whether a member has not asked more than it may.
    fn may_ask(&self, from: NodeId, request: &Request) -> bool {
        let may = self.spend(from, Kind::Request, 1);
        match request {
            Request::Roster { .. } => may && self.spend(from, Kind::RosterSync, 1),
            Request::RosterEntries(entries) => {
                may && self.spend(from, Kind::RosterEntry, entries.len())
            }
            Request::Scheduler(_)
            | Request::Advert
            | Request::Load(_)
            | Request::Unload(_)
            | Request::Jobs { .. }
            | Request::JobsSince(_)
            | Request::Job(_)
            | Request::CancelJob(_)
            | Request::Attempt(_)
            | Request::Why(_)
            | Request::Custody(_)
            | Request::AdoptJob(_)
            | Request::RemoveJob(_)
            | Request::Inspect(_)
            | Request::Copy(_)
            | Request::Settings(_)
            | Request::Set(..)
            | Request::Keep(..) => may,
        }
    }

    fn ask_loop(&mut self, from: NodeId, request: Request, channel: ResponseChannel<Response>) {
        let (reply, answer) = oneshot::channel();
        let event = NetEvent::Request { from, request, reply };
        if self.setup.events.try_send(event).is_err() {
            return self.answer(channel, Response::Refused(Refusal::QueueFull));
        }
        let notices = self.setup.notices.clone();
        tokio::spawn(async move {
            // Without an answer the channel is dropped, and the asker gets an error.
            if let Ok(Ok(response)) = tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
                let _ = notices.send(Notice::Answered { channel, response }).await;
            }
        });
    }

    pub(super) fn answer(&mut self, channel: ResponseChannel<Response>, response: Response) {
        // The asker may be gone.
        let _ = self.swarm.behaviour_mut().requests.send_response(channel, response);
    }

    fn on_response(&mut self, id: OutboundRequestId, response: Response) {
        let Some(pending) = self.pending.remove(&id) else { return };
        match (pending, response) {
            (Pending::Request { reply }, response) => drop(reply.send(Ok(response))),
            (Pending::Control { .. }, Response::Done) | (Pending::Push, _) => {}
            (Pending::Control { to, control }, _) => {
                self.emit(NetEvent::ControlFailed { to, control });
            }
            (Pending::Sync { node, sent }, Response::Roster(entries)) => {
                self.on_sync_entries(node, sent, entries);
            }
            (Pending::Sync { node, .. }, _) => self.on_sync_failure(node),
            (Pending::Advert { node }, Response::Advert(advert)) => self.on_advert(node, advert),
            (Pending::Advert { .. }, _) => {}
        }
    }

    fn on_failure(&mut self, id: OutboundRequestId, error: &OutboundFailure) {
        let Some(pending) = self.pending.remove(&id) else { return };
        match pending {
            Pending::Control { to, control } => {
                self.emit(NetEvent::ControlFailed { to, control });
            }
            Pending::Request { reply } => {
                let error = match error {
                    OutboundFailure::Timeout => NetError::Timeout,
                    OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => {
                        NetError::NotConnected
                    }
                    OutboundFailure::UnsupportedProtocols | OutboundFailure::Io(_) => {
                        NetError::Protocol
                    }
                };
                let _ = reply.send(Err(error));
            }
            Pending::Sync { node, .. } => self.on_sync_failure(node),
            Pending::Advert { .. } | Pending::Push => {}
        }
    }

    /// The state that gossip may have missed; the loop hears of it as gossip.
    fn on_advert(&mut self, node: NodeId, advert: Box<NodeAdvert>) {
        if advert.node != node || !advert.is_plausible() {
            self.doubt(node);
            return self.note_misbehaviour(node);
        }
        let gossip = Gossip::Advert(advert);
        self.note_advert(&gossip);
        // One as new as the last one confirms it; older ones are for the scheduler to leave.
        let _ = self.hearsay.is_newer(node, &gossip);
        self.emit(NetEvent::Gossip { from: node, gossip });
    }

    /// Begins to ask a peer for the entries that are not here.
    pub(super) fn start_sync(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.sync.running {
            // It is not over before everything that waits was asked for again.
            peer.sync.waiting = true;
            return;
        }
        let rtt_us = peer.sync.rtt_us;
        peer.sync = Sync { running: true, from: FIRST_HASH, rtt_us, ..Sync::default() };
        self.ask_window(node);
    }

    fn ask_window(&mut self, node: NodeId) {
        let Some(from) = self.peers.get(&node).map(|peer| peer.sync.from) else { return };
        let known = self.setup.membership.with_log(|log| {
            log.map_or_else(|| vec![FIRST_HASH, LAST_HASH], |log| log.window(from, SYNC_HASHES))
        });
        let to = known.last().copied().unwrap_or(LAST_HASH);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.sync.to = to;
        }
        match self.request(node, Request::Roster { known }) {
            Some(id) => {
                let sent = Instant::now();
                self.pending.insert(id, Pending::Sync { node, sent });
            }
            None => self.on_sync_failure(node),
        }
    }

    fn on_sync_entries(&mut self, node: NodeId, sent: Instant, entries: Vec<SignedEntry>) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.sync.rtt_us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        if entries.is_empty() {
            return self.on_synced(node, Learned::default());
        }
        self.take_entries(node, entries, |node, learned| Notice::Synced { node, learned });
    }

    fn take_entries(
        &mut self,
        node: NodeId,
        entries: Vec<SignedEntry>,
        notice: impl FnOnce(NodeId, Learned) -> Notice + Send + 'static,
    ) {
        let (membership, notices) = (self.setup.membership.clone(), self.setup.notices.clone());
        tokio::spawn(async move {
            let learned = membership.take(entries, Some(node)).await.unwrap_or_else(|error| {
                tracing::error!(%error, "roster entries of a member cannot be stored");
                Learned::default()
            });
            let _ = notices.send(notice(node, learned)).await;
        });
    }

    /// Entries of a window were taken: the rest of it, the next one, another round, or done.
    pub(super) fn on_synced(&mut self, node: NodeId, learned: Learned) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let sync = &mut peer.sync;
        sync.waiting |= learned.waiting;
        if learned.new == 0 {
            sync.from = sync.to;
        }
        if sync.from == LAST_HASH && sync.waiting && sync.rounds < SYNC_ROUNDS {
            sync.rounds += 1;
            sync.waiting = false;
            sync.from = FIRST_HASH;
        }
        if sync.from != LAST_HASH {
            return self.ask_window(node);
        }
        sync.running = false;
        let (newly_up, rtt_us) = (!peer.up, sync.rtt_us);
        peer.up = true;
        if newly_up {
            self.noticed.turned_away.remove(&node);
            self.emit(NetEvent::PeerUp { node, rtt_us });
            self.link_spread(node);
            self.ask_advert(node);
        }
    }

    fn on_sync_failure(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.sync.failures += 1;
        if peer.sync.failures < SYNC_FAILURES {
            self.ask_window(node);
        } else if let Some(peer) = peer_id(&node) {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// Sends entries to every connected member but the one they came from.
    pub(super) fn push_entries(&mut self, entries: &[SignedEntry], from: Option<NodeId>) {
        let others = self.peers.keys().filter(|node| Some(**node) != from);
        for node in others.copied().collect::<Vec<_>>() {
            let mut bytes = 0;
            let few = entries.iter().take_while(|entry| {
                bytes += entry.payload.len() + 128;
                bytes <= SYNC_BYTES
            });
            // What does not fit comes with the synchronisation that its missing parts cause.
            let request = Request::RosterEntries(few.cloned().collect());
            if let Some(id) = self.request(node, request) {
                self.pending.insert(id, Pending::Push);
            }
        }
    }
}

//! The streams of states between connected members, as a libp2p behaviour: one in each direction of a
//! connection, opened at once, with two bytes of length before each message. What does not fit into
//! a bounded queue is left out, because later messages say more. Knows nothing of what they mean.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream, StreamProtocol};
use pumasi_protocol::limits::STATE_BYTES;

use super::super::limits::{STATE_OUTBOX, STATE_PIECE, STATE_STREAMS};
use super::super::traffic::{Envelope, Traffic};

/// The protocol and its version.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/pumasi/state/1");
/// Bytes of a message's length.
const PREFIX: usize = 2;

/// What happened on the streams of one connection.
#[derive(Debug)]
pub(super) struct StateEvent {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// This node's messages reach the other side.
    Open,
    /// They do not: it does not know the protocol, or ends each stream.
    Closed,
    /// It said this, not decoded yet.
    Message(Vec<u8>),
    /// It sent what is no message.
    Malformed,
}

pub(super) struct States {
    out: VecDeque<ToSwarm<StateEvent, Vec<u8>>>,
    traffic: Arc<Traffic>,
}

impl States {
    pub(super) fn new(traffic: Arc<Traffic>) -> Self {
        Self { out: VecDeque::new(), traffic }
    }

    /// Sends an encoded message over a connection.
    pub(super) fn send(&mut self, peer: PeerId, connection: ConnectionId, message: Vec<u8>) {
        let handler = NotifyHandler::One(connection);
        self.out.push_back(ToSwarm::NotifyHandler { peer_id: peer, handler, event: message });
    }

    fn handler(&self, address: &Multiaddr) -> Handler {
        Handler::new(Envelope::of(address), self.traffic.clone())
    }
}

impl NetworkBehaviour for States {
    type ConnectionHandler = Handler;
    type ToSwarm = StateEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(remote))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        what: THandlerOutEvent<Self>,
    ) {
        self.out.push_back(ToSwarm::GenerateEvent(StateEvent { peer, connection, what }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<StateEvent, THandlerInEvent<Self>>> {
        self.out.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Where the stream towards the other side stands.
enum Outbound {
    Wanted,
    Opening,
    Open(Stream),
    Refused,
}

/// The streams of one connection.
pub(super) struct Handler {
    outbound: Outbound,
    /// Streams opened so far; one that ends is opened again, not for ever.
    opened: u32,
    /// Framed messages that wait.
    outbox: VecDeque<Vec<u8>>,
    /// Bytes under way, and how many of them the stream took.
    unsent: Vec<u8>,
    taken: usize,
    inbound: Option<Stream>,
    /// Bytes that came and are no whole message yet.
    read: Vec<u8>,
    events: VecDeque<What>,
    envelope: Envelope,
    traffic: Arc<Traffic>,
}

type Request = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), What>;

impl Handler {
    fn new(envelope: Envelope, traffic: Arc<Traffic>) -> Self {
        Self {
            outbound: Outbound::Wanted,
            opened: 0,
            outbox: VecDeque::new(),
            unsent: Vec::new(),
            taken: 0,
            inbound: None,
            read: Vec::new(),
            events: VecDeque::new(),
            envelope,
            traffic,
        }
    }

    /// The stream towards the other side ended: another one, or none any more.
    fn on_outbound_lost(&mut self) {
        (self.unsent, self.taken) = (Vec::new(), 0);
        if self.opened < STATE_STREAMS {
            self.outbound = Outbound::Wanted;
        } else {
            self.outbound = Outbound::Refused;
            self.outbox.clear();
            self.events.push_back(What::Closed);
        }
    }

    /// Writes what waits, as far as the stream takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Outbound::Open(stream) = &mut self.outbound else { return };
        loop {
            if self.taken == self.unsent.len() {
                self.unsent.clear();
                self.taken = 0;
                // What waits goes in one piece, and so in one packet.
                self.outbox.drain(..).for_each(|message| self.unsent.extend(message));
            }
            if self.unsent.is_empty() {
                break;
            }
            match Pin::new(&mut *stream).poll_write(cx, &self.unsent[self.taken..]) {
                Poll::Pending => break,
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.taken += count;
                    self.traffic.on_sent(count, self.envelope);
                }
                Poll::Ready(_) => return self.on_outbound_lost(),
            }
        }
        if let Poll::Ready(Err(_)) = Pin::new(stream).poll_flush(cx) {
            self.on_outbound_lost();
        }
    }

    /// Reads a piece, if there is one. False: there is nothing more for now.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &mut self.inbound else { return false };
        let mut piece = [0; STATE_PIECE];
        match Pin::new(stream).poll_read(cx, &mut piece) {
            Poll::Pending => false,
            Poll::Ready(Ok(count)) if count > 0 => {
                self.traffic.on_received(count, self.envelope);
                self.read.extend_from_slice(&piece[..count]);
                self.take_messages();
                true
            }
            Poll::Ready(_) => {
                self.inbound = None;
                false
            }
        }
    }

    fn take_messages(&mut self) {
        let messages = split(&mut self.read);
        let is_good = messages.is_ok();
        self.events.extend(messages.unwrap_or_default().into_iter().map(What::Message));
        if !is_good {
            self.inbound = None;
            self.read.clear();
            self.events.push_back(What::Malformed);
        }
    }
}

/// A message with its length before it.
fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok().filter(|length| *length > 0)?;
    Some([&length.to_le_bytes()[..], message].concat())
}

/// Takes the whole messages off the front of what came. An error: a length that none has.
fn split(read: &mut Vec<u8>) -> Result<Vec<Vec<u8>>, ()> {
    let (mut messages, mut at) = (Vec::new(), 0);
    while let Some(prefix) = read.get(at..at + PREFIX) {
        let length = usize::from(u16::from_le_bytes([prefix[0], prefix[1]]));
        if length == 0 || length > STATE_BYTES {
            return Err(());
        }
        let Some(message) = read.get(at + PREFIX..at + PREFIX + length) else { break };
        messages.push(message.to_vec());
        at += PREFIX + length;
    }
    read.drain(..at);
    Ok(messages)
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Vec<u8>;
    type ToBehaviour = What;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<ReadyUpgrade<StreamProtocol>> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn on_behaviour_event(&mut self, message: Vec<u8>) {
        let is_open = !matches!(self.outbound, Outbound::Refused);
        if is_open
            && self.outbox.len() < STATE_OUTBOX
            && let Some(framed) = framed(&message)
        {
            self.outbox.push_back(framed);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Request> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event));
            }
            if matches!(self.outbound, Outbound::Wanted) {
                self.outbound = Outbound::Opening;
                self.opened += 1;
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ());
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
            self.poll_write(cx);
            let read_some = self.poll_read(cx);
            let is_wanted = matches!(self.outbound, Outbound::Wanted);
            if !read_some && !is_wanted && self.events.is_empty() {
                return Poll::Pending;
            }
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, ReadyUpgrade<StreamProtocol>, ReadyUpgrade<StreamProtocol>>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => {
                // A new one takes the place of one that broke.
                self.inbound = Some(protocol);
                self.read.clear();
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => {
                self.outbound = Outbound::Open(protocol);
                self.events.push_back(What::Open);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                if let StreamUpgradeError::NegotiationFailed = error {
                    self.opened = STATE_STREAMS;
                }
                self.on_outbound_lost();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let sent: Vec<Vec<u8>> = [vec![1], vec![2; 700], vec![3; STATE_BYTES]].into();
        let bytes = sent.iter().flat_map(|message| framed(message).expect("it has a length"));
        let bytes: Vec<u8> = bytes.collect();
        for size in [1, 3, 1_000, bytes.len()] {
            let (mut read, mut got) = (Vec::new(), Vec::new());
            for piece in bytes.chunks(size) {
                read.extend_from_slice(piece);
                got.extend(split(&mut read).expect("good lengths"));
            }
            assert_eq!((&got, read.len()), (&sent, 0));
        }
    }

    #[test]
    fn cat_p05_lengths_that_no_message_has_are_refused() {
        let too_long = u16::try_from(STATE_BYTES + 1).expect("small").to_le_bytes();
        assert_eq!(split(&mut vec![0, 0, 7]), Err(()));
        assert_eq!(split(&mut too_long.to_vec()), Err(()));
        assert_eq!(split(&mut vec![255, 255]), Err(()));
        assert_eq!(framed(&[]), None);
    }
}

//! What the network tells the node's loop: one closed enum over a bounded channel.

use std::net::SocketAddr;
use std::sync::Arc;

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::roster::Roster;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{AttemptId, BlobAsk, Control, ModelName, NodeId, NodeState, Work};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::conduct::CutOff;
use super::data::BlobSource;

/// Where this node listens, with the real ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listening {
    /// Control plane (each port is open for TCP, QUIC or both).
    pub control: Vec<SocketAddr>,
    /// Data plane: what belongs into [`pumasi_protocol::NodeAdvert::data`].
    pub data: Vec<SocketAddr>,
    /// Join door.
    pub join: Vec<SocketAddr>,
}

/// Another install that DNS-SD found. Nothing of it is verified; texts are cut and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The node it claims to be.
    pub node: NodeId,
    /// The name it claims.
    pub name: String,
    /// The mesh it claims to be in: name and first eight digits of its id.
    pub mesh: Option<(String, String)>,
    /// Its join door.
    pub join: Vec<SocketAddr>,
    /// The version it claims.
    pub version: String,
    /// Whether it says that it asks to be let in.
    pub asks: bool,
}

/// An owner opened the stream of an attempt. Whether this node bound it is the loop's to decide.
#[derive(Debug)]
pub struct AttemptOpened {
    /// The authenticated owner.
    pub from: NodeId,
    /// Which attempt.
    pub attempt: AttemptId,
    /// Which model, as the offer named it.
    pub model: ModelName,
    /// What to run; within the protocol's limits.
    pub work: Work,
    /// Towards the owner, with back-pressure; the event that `is_last` ends the stream. Closed when
    /// the owner or its connection is gone. Dropped without a last event, it resets the stream.
    pub events: mpsc::Sender<AttemptEvent>,
    /// Fires when the owner cancels or is gone.
    pub cancelled: CancellationToken,
}

/// What happened in the network.
#[derive(Debug)]
pub enum NetEvent {
    /// The listening addresses are known, or changed.
    Listening(Listening),
    /// A member is connected and the rosters are in step.
    PeerUp {
        /// Who.
        node: NodeId,
        /// Round trip of the first exchange, in microseconds.
        rtt_us: u64,
    },
    /// A member is here no more: its connection is closed, or the state plane finds it dead, frozen
    /// or out of reach.
    PeerDown {
        /// Who.
        node: NodeId,
    },
    /// A ping came back.
    Rtt {
        /// From whom.
        node: NodeId,
        /// Round trip in microseconds.
        rtt_us: u64,
    },
    /// What a member gossiped, newer than what it said before; or its full advert, because it was
    /// asked for.
    Gossip {
        /// Its author, not its last carrier.
        from: NodeId,
        /// What it says.
        gossip: Gossip,
    },
    /// How a member is; newer than what it said before.
    State {
        /// Who.
        node: NodeId,
        /// How.
        state: Box<NodeState>,
    },
    /// A member says of itself what cannot be: what it said before still stands, in doubt.
    Implausible {
        /// Who.
        from: NodeId,
    },
    /// A scheduler's message from a member.
    Control {
        /// The authenticated sender.
        from: NodeId,
        /// What it says.
        control: Control,
    },
    /// A scheduler's message could not be delivered.
    ControlFailed {
        /// To whom.
        to: NodeId,
        /// The message.
        control: Control,
    },
    /// A member asks something that the loop must answer.
    Request {
        /// The authenticated asker.
        from: NodeId,
        /// What it asks. Never [`Request::Scheduler`], nor one of the roster's.
        request: Request,
        /// Where the answer goes. Dropped, the asker gets an error.
        reply: oneshot::Sender<Response>,
    },
    /// A member opened the stream of an attempt.
    AttemptOpened(Box<AttemptOpened>),
    /// A member wants to read a file.
    BlobAsked {
        /// The authenticated asker.
        from: NodeId,
        /// What it asks for.
        ask: BlobAsk,
        /// Where the open file goes; `None`: there is none for the asker.
        reply: oneshot::Sender<Option<BlobSource>>,
    },
    /// Members, names or roles changed.
    RosterChanged(Arc<Roster>),
    /// Another install was found on the local network.
    Found(Candidate),
    /// Another computer runs with this node's key (a cloned disk).
    SameKey {
        /// Where.
        address: SocketAddr,
        /// It was started earlier, so that this one left the mesh to it.
        withdrawn: bool,
    },
    /// A member sent what no honest node sends, or far too much, and is cut off.
    Misbehaved(CutOff),
    /// Its time is over.
    Behaves {
        /// Whose.
        node: NodeId,
    },
}

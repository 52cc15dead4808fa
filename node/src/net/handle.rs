//! The loop's side of the network: cheap to clone; what must not wait never awaits.

use std::sync::Arc;

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::invitation::Token;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::pairing::{PairingRefusal, Standing};
use pumasi_protocol::roster::{Change, Roster, SignedEntry};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    AttemptId, BlobId, BlobRight, Control, ModelName, NodeId, NodeName, NodeState, Work,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::control::Command;
use super::data::{DataPlane, FetchError};
use super::event::Listening;
use super::invitation::Invite;
use super::join::{
    Approval, Approvals, ApproveError, Approved, Asker, Askers, JoinAs, JoinError, Joiner, Porch,
};
use super::traffic::{Rates, Traffic};
use crate::config::PeerAddress;
use crate::store::StoreError;

/// Why something was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The queue towards the network is full.
    #[error("the queue towards the network is full")]
    Full,
    /// The network was shut down.
    #[error("the network of this node was shut down")]
    Closed,
}

/// Why the network could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A port is taken by another program.
    #[error(
        "port {port} ({plane}) is taken, perhaps by another Pumasi: choose another with the settings, or 0"
    )]
    PortTaken {
        /// Which plane it was for.
        plane: &'static str,
        /// The port.
        port: u16,
    },
    /// The system refused to listen.
    #[error("the {plane} cannot listen on this address ({error})")]
    Listen {
        /// Which plane.
        plane: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// This node belongs to no mesh.
    #[error("this computer belongs to no mesh yet: join one with an invitation, or start one")]
    NoMesh,
    /// This node belongs to a mesh already.
    #[error("this computer belongs to a mesh already")]
    HasMesh,
    /// Only an admin's computer can do this.
    #[error("only a computer with the role admin can do this")]
    NotAdmin,
    /// The peer is not connected, or the connection broke.
    #[error("the other computer is not connected")]
    NotConnected,
    /// The peer did not answer in time.
    #[error("the other computer did not answer in time")]
    Timeout,
    /// Our request, or the answer, broke the protocol or its limits.
    #[error("the request or its answer is not valid")]
    Protocol,
    /// The queue towards the network is full, or it was shut down.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The roster cannot take this change.
    #[error(transparent)]
    Roster(#[from] pumasi_protocol::roster::LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why no invitation was made.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// See [`NetError`].
    #[error(transparent)]
    Net(#[from] NetError),
    /// Zero uses, no role, or an unreasonable duration.
    #[error("an invitation needs a role, at least one use, and ends within a year")]
    Terms,
    /// As many are open as may be.
    #[error("too many invitations are open: withdraw some, or wait until they end")]
    TooMany,
    /// The system gave no random bytes.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// How far an attempt's stream is before its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// There is no connection yet, or no stream on it.
    Connecting,
    /// So many bytes of the work are on their way.
    Sending(usize),
    /// The work is sent.
    Open,
}

/// A running attempt on another node, as its owner sees it.
#[derive(Debug)]
pub struct Attempt {
    /// How far it is before the first event.
    pub opening: watch::Receiver<Opening>,
    /// Its events, checked for order; always ends with one that `is_last`.
    pub events: mpsc::Receiver<AttemptEvent>,
    /// Cancels it; the last event still comes. Dropping `events` cancels, too.
    pub cancel: CancellationToken,
}

/// Pairing by digits, on both sides.
#[derive(Clone)]
pub(super) struct Pairing {
    pub(super) porch: Arc<Porch>,
    pub(super) approvals: Arc<Approvals>,
    pub(super) askers: Arc<Askers>,
}

/// The network of this node.
#[derive(Clone)]
pub struct NetHandle {
    pub(super) me: NodeId,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) data: DataPlane,
    pub(super) roster: watch::Receiver<Option<Arc<Roster>>>,
    pub(super) listening: watch::Receiver<Listening>,
    pub(super) joiner: Joiner,
    pub(super) pairing: Pairing,
    pub(super) traffic: Arc<Traffic>,
}

impl NetHandle {
    /// This node.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Who belongs to the mesh; `None` while this node belongs to none.
    #[must_use]
    pub fn roster(&self) -> Option<Arc<Roster>> {
        self.roster.borrow().clone()
    }

    /// Where this node listens.
    #[must_use]
    pub fn listening(&self) -> Listening {
        self.listening.borrow().clone()
    }

    /// Waits until it listens on the control plane.
    pub async fn listens(&self) -> Listening {
        let mut listening = self.listening.clone();
        let known = listening.wait_for(|l| !l.control.is_empty()).await;
        // An error means that the network has ended: nothing will be known any more.
        known.map(|l| l.clone()).unwrap_or_default()
    }

    /// Sends a scheduler's message. A failure after this comes as `NetEvent::ControlFailed`.
    ///
    /// # Errors
    /// When it could not even be queued.
    pub fn send_control(&self, to: NodeId, control: Control) -> Result<(), SendError> {
        self.queue(Command::Control { to, control })
    }

    /// Asks a member and waits for its answer.
    ///
    /// # Errors
    /// When it is not connected, does not answer in time, or answers nonsense.
    pub async fn request(&self, to: NodeId, request: Request) -> Result<Response, NetError> {
        let (reply, answer) = oneshot::channel();
        self.queue(Command::Request { to, request, reply })?;
        answer.await.map_err(|_| SendError::Closed)?
    }

    /// Sends a request whose answer nobody waits for; what cannot be delivered is lost.
    pub fn post(&self, to: NodeId, request: Request) {
        let (reply, _) = oneshot::channel();
        // Full or closed: as lost as what the other side never gets.
        let _ = self.queue(Command::Request { to, request, reply });
    }

    /// Signs and gossips to the whole mesh. Without a mesh, or with nobody there, it goes nowhere.
    ///
    /// # Errors
    /// When it could not even be queued.
    pub fn publish(&self, gossip: Gossip) -> Result<(), SendError> {
        self.queue(Command::Publish(gossip))
    }

    /// Tells all connected members how this node is; what is told while an older one waits takes its
    /// place.
    ///
    /// # Errors
    /// When it could not even be queued.
    pub fn tell_state(&self, state: Box<NodeState>) -> Result<(), SendError> {
        self.queue(Command::State(state))
    }

    /// Bytes a second of the state plane in the last minute, with headers; `None`: too early to say.
    pub(crate) fn state_traffic(&self) -> Option<Rates> {
        self.traffic.rates()
    }

    /// Opens the stream of an attempt that `to` has bound. Never waits: what goes wrong comes as
    /// the last event.
    #[must_use]
    pub fn open_attempt(
        &self,
        to: NodeId,
        attempt: AttemptId,
        model: ModelName,
        work: Work,
    ) -> Attempt {
        self.data.open(to, attempt, model, work)
    }

    /// Whether the system of a member says that nothing listens at its data port any more. A silent
    /// one says nothing either.
    pub async fn is_closed(&self, node: NodeId) -> bool {
        self.data.is_closed(node).await
    }

    /// Fetches a whole file from a member, checked against its name.
    ///
    /// # Errors
    /// See [`FetchError`]; a file above `at_most` bytes is none.
    pub async fn fetch(
        &self,
        from: NodeId,
        blob: BlobId,
        right: BlobRight,
        at_most: usize,
    ) -> Result<Vec<u8>, FetchError> {
        self.data.fetch(from, blob, right, at_most).await
    }

    /// Starts a mesh with this node as its first admin.
    ///
    /// # Errors
    /// [`NetError::HasMesh`], or when the store fails.
    pub async fn found(
        &self,
        mesh_name: NodeName,
        person: NodeName,
    ) -> Result<Arc<Roster>, NetError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Found { mesh_name, person, reply }).await?;
        answer.await.map_err(|_| SendError::Closed)?
    }

    /// Makes an invitation that this node redeems.
    ///
    /// # Errors
    /// When this node is no admin, or the terms make no sense.
    pub async fn invite(&self, invite: Invite) -> Result<Token, InviteError> {
        self.joiner.invite(invite, self.roster(), self.listening()).await
    }

    /// Joins a mesh with an invitation.
    ///
    /// # Errors
    /// When the issuer cannot be reached or refuses; see [`JoinError`].
    pub async fn join(&self, token: &Token, who: JoinAs) -> Result<Arc<Roster>, JoinError> {
        if self.roster().is_some() {
            return Err(JoinError::HasMesh);
        }
        let welcome = self.joiner.join(token, who).await?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Joined { welcome, reply }).await.map_err(NetError::from)?;
        Ok(answer.await.map_err(|_| NetError::Send(SendError::Closed))??)
    }

    /// A person looks at the digits by which this node can be let in; shows some, if it belongs to no
    /// mesh. `again`: also after too many wrong ones.
    ///
    /// # Errors
    /// [`PairingRefusal::HasMesh`], or `Failed` without random numbers.
    pub fn ask_in(&self, again: bool) -> Result<Standing, PairingRefusal> {
        if self.roster().is_some() {
            return Err(PairingRefusal::HasMesh);
        }
        self.pairing.porch.look(again)
    }

    /// What this node's screen says to whoever may let it in.
    ///
    /// # Errors
    /// As [`Self::ask_in`].
    pub fn standing(&self) -> Result<Standing, PairingRefusal> {
        if self.roster().is_some() {
            return Err(PairingRefusal::HasMesh);
        }
        self.pairing.porch.standing()
    }

    /// Milliseconds of the clock of [`Standing`].
    #[must_use]
    pub fn standing_ms(&self) -> u64 {
        self.pairing.porch.now_ms()
    }

    /// Computers that ask to be let in, as discovery sees them; who has waited longest first.
    #[must_use]
    pub fn askers(&self) -> Vec<Asker> {
        let roster = self.roster();
        let stranger = |asker: &Asker| roster.as_ref().is_none_or(|r| !r.contains(&asker.node));
        self.pairing.askers.list().into_iter().filter(stranger).collect()
    }

    /// Lets a newcomer in whose digits an admin typed. Returns once it is a member by its own word.
    ///
    /// # Errors
    /// See [`ApproveError`].
    pub async fn approve(&self, approval: Approval) -> Result<Approved, ApproveError> {
        let approved = self.pairing.approvals.approve(approval).await?;
        self.pairing.askers.forget(&approved.node);
        Ok(approved)
    }

    /// Signs a change of the roster and spreads it: admit, set roles, revoke.
    ///
    /// # Errors
    /// When this node is no admin, or the store fails.
    pub async fn change_roster(&self, change: Change) -> Result<Arc<Roster>, NetError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Change { change, reply }).await?;
        answer.await.map_err(|_| SendError::Closed)?
    }

    /// Takes entries that came by another way; returns how many were new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_entries(&self, entries: Vec<SignedEntry>) -> Result<usize, NetError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::AddEntries { entries, reply }).await?;
        answer.await.map_err(|_| SendError::Closed)?
    }

    /// Dials a control address until it answers.
    ///
    /// # Errors
    /// When it could not even be queued.
    pub fn dial(&self, address: PeerAddress) -> Result<(), SendError> {
        self.queue(Command::Dial(address))
    }

    /// Says goodbye on all planes and ends the network's tasks.
    pub async fn shutdown(&self) {
        let (reply, done) = oneshot::channel();
        if self.send(Command::Shutdown { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    fn queue(&self, command: Command) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }

    pub(super) async fn send(&self, command: Command) -> Result<(), SendError> {
        self.commands.send(command).await.map_err(|_| SendError::Closed)
    }
}

//! The newcomer's side of a pairing: it is dialled by who says to know its digits, has that proved,
//! and takes the roster that follows.

use std::net::SocketAddr;
use std::sync::Arc;

use pumasi_protocol::limits::PAIRING_BYTES;
use pumasi_protocol::pairing::{
    Hello, Here, Newcomer, PairingMessage, PairingRefusal, Parties, Trial,
};
use pumasi_protocol::roster::{NodeRole, RosterLog, SignedEntry};
use pumasi_protocol::{NodeId, NodeName};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{mpsc, oneshot};

use super::super::control::Command;
use super::super::frames;
use super::super::members::Membership;
use super::client::{Welcome, read_answers};
use super::porch::{Porch, random};

/// A computer that may be let in.
pub(crate) struct Host {
    pub(crate) me: NodeId,
    pub(crate) name: NodeName,
    pub(crate) person: Option<NodeName>,
    pub(crate) porch: Arc<Porch>,
    /// Weak, because a door must not keep the network alive.
    pub(crate) commands: mpsc::WeakSender<Command>,
}

/// Both directions of the one stream.
pub(super) struct Talk {
    pub(super) out: SendStream,
    pub(super) input: RecvStream,
}

impl Talk {
    pub(super) async fn say(&mut self, message: &PairingMessage) -> Result<(), PairingRefusal> {
        let said = frames::write(&mut self.out, message, PAIRING_BYTES).await;
        said.map_err(|_| PairingRefusal::Protocol)
    }

    /// The other side's next word; a refusal is an error.
    pub(super) async fn hear(&mut self) -> Result<PairingMessage, PairingRefusal> {
        match frames::read(&mut self.input, PAIRING_BYTES).await {
            Ok(PairingMessage::Refused(refusal)) => Err(refusal),
            Ok(message) => Ok(message),
            Err(_) => Err(PairingRefusal::Protocol),
        }
    }
}

impl Host {
    /// Serves one approver.
    pub(super) async fn serve(
        &self,
        membership: &Membership,
        connection: &Connection,
        approver: NodeId,
    ) {
        let Ok((out, input)) = connection.accept_bi().await else { return };
        let mut talk = Talk { out, input };
        let outcome = self.pair(membership, &mut talk, connection.remote_address(), approver).await;
        let last = match outcome {
            Ok(()) => PairingMessage::Joined,
            Err(refusal) => {
                tracing::info!(node = %approver.short(), %refusal, "this computer was not let in");
                PairingMessage::Refused(refusal)
            }
        };
        // Who is gone need not be told.
        let _ = talk.say(&last).await;
        let _ = talk.out.finish();
    }

    async fn pair(
        &self,
        membership: &Membership,
        talk: &mut Talk,
        from: SocketAddr,
        approver: NodeId,
    ) -> Result<(), PairingRefusal> {
        let PairingMessage::Hello(hello) = talk.hear().await? else {
            return Err(PairingRefusal::Protocol);
        };
        if membership.members().roster().is_some() {
            return Err(PairingRefusal::HasMesh);
        }
        let trial = self.porch.begin(from.ip())?;
        self.prove(talk, &hello, approver, trial).await?;
        let (entries, control_port, data_port) =
            read_answers(&mut talk.input).await.map_err(|_| PairingRefusal::Protocol)?;
        let entries = self.checked(&hello, approver, entries)?;
        let (control, data) =
            (SocketAddr::new(from.ip(), control_port), SocketAddr::new(from.ip(), data_port));
        self.join(Welcome { issuer: approver, entries, control, data }).await?;
        self.porch.close();
        tracing::info!(node = %approver.short(), mesh = %hello.mesh_name, "this computer was let in");
        Ok(())
    }

    async fn prove(
        &self,
        talk: &mut Talk,
        hello: &Hello,
        approver: NodeId,
        trial: Trial,
    ) -> Result<(), PairingRefusal> {
        let parties = Parties { approver, newcomer: self.me };
        let here = Here { name: self.name.clone(), person: self.person.clone(), element: [0; 32] };
        let (newcomer, here) = Newcomer::answer(trial.digits, parties, hello, here, random()?)?;
        talk.say(&PairingMessage::Here(here)).await?;
        let PairingMessage::Proof(proof) = talk.hear().await? else {
            return Err(PairingRefusal::Protocol);
        };
        self.porch.spend(trial)?;
        match newcomer.check(&proof) {
            Ok(proof) => talk.say(&PairingMessage::Proof(proof)).await,
            Err(error) => {
                self.porch.note_wrong(trial);
                Err(error.into())
            }
        }
    }

    /// The entries, founding one first, if they are of the mesh that was agreed on, and let this
    /// computer in.
    fn checked(
        &self,
        hello: &Hello,
        approver: NodeId,
        entries: Vec<SignedEntry>,
    ) -> Result<Vec<SignedEntry>, PairingRefusal> {
        let log = RosterLog::from_entries(hello.mesh, entries);
        let log = log.map_err(|_| PairingRefusal::Protocol)?;
        let roster = log.roster();
        let agreed = roster.name.as_ref() == Some(&hello.mesh_name)
            && roster.contains(&self.me)
            && roster.has_role(&approver, NodeRole::Admin);
        if !agreed {
            return Err(PairingRefusal::Protocol);
        }
        let mut kept: Vec<_> = log.entries().cloned().collect();
        kept.sort_by_key(|entry| entry.hash() != hello.mesh.0);
        Ok(kept)
    }

    async fn join(&self, welcome: Welcome) -> Result<(), PairingRefusal> {
        let commands = self.commands.upgrade().ok_or(PairingRefusal::Failed)?;
        let (reply, answer) = oneshot::channel();
        let sent = commands.send(Command::Joined { welcome, reply }).await;
        drop(commands);
        sent.map_err(|_| PairingRefusal::Failed)?;
        match answer.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the admission could not be kept");
                Err(PairingRefusal::Failed)
            }
            Err(_) => Err(PairingRefusal::Failed),
        }
    }
}

//! The join door: its own endpoint with three exchanges. With an invitation, a newcomer dials its
//! issuer: it checks the issuer's key, then shows its secret and its name; the issuer checks and
//! consumes the invitation, signs an admission, and answers with the roster. With six digits, an
//! admin's computer dials the newcomer (`pumasi_protocol::pairing`). And a member that another has not
//! heard of yet shows its chain (`pumasi_protocol::chain`).

use std::sync::Arc;

use pumasi_protocol::invitation::{TOKEN_DOORS, Token};
pub use pumasi_protocol::join::JoinRefusal;
use pumasi_protocol::join::{Answer, Ask};
use pumasi_protocol::roster::{NodeRole, Roster, SignedEntry};
use pumasi_protocol::{NodeName, limits};

use super::event::Listening;
use super::handle::{InviteError, NetError};
use super::identity::Identity;
use super::invitation::Invite;
use super::members::now_ms;
use super::tls::Certificate;
use crate::store::{Invitation, Store, invitation_id};

mod approver;
mod asking;
mod chain;
mod client;
mod door;
mod newcomer;
mod porch;

pub(crate) use approver::Approvals;
pub use approver::{Approval, ApproveError, Approved};
pub use asking::Asker;
pub(crate) use asking::Askers;
pub(crate) use chain::Presenter;
pub(crate) use client::Welcome;
pub(crate) use door::{Door, DoorSetup};
pub(crate) use newcomer::Host;
pub(crate) use porch::Porch;

/// What both sides must name in the handshake: door, exchange and version.
pub(crate) const PROTOCOL: &[u8] = b"pumasi-join/1";
/// See [`PROTOCOL`].
pub(crate) const PAIRING_PROTOCOL: &[u8] = b"pumasi-pair/1";
/// See [`PROTOCOL`].
pub(crate) const CHAIN_PROTOCOL: &[u8] = b"pumasi-chain/1";

/// Longest validity of an invitation, in seconds.
const YEAR_S: u64 = 366 * 24 * 60 * 60;
/// Computers that one invitation may admit.
const USES: u32 = 128;
/// Invitations that are open at a time (guess: one for each desk of a large office).
const OPEN: usize = 256;
/// How long after its end an invitation is remembered, in seconds: who lost the answer may ask again.
const REMEMBERED_S: u64 = 7 * 24 * 60 * 60;

/// How a newcomer wants to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAs {
    /// The computer's name.
    pub name: NodeName,
    /// Whose it is, where the invitation leaves that open; `None`: a shared machine.
    pub person: Option<NodeName>,
}

/// Why joining did not work.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// This node belongs to a mesh already.
    #[error("this computer belongs to a mesh already")]
    HasMesh,
    /// The issuer made the token for itself.
    #[error("this invitation was made on this very computer: use it on another one")]
    Own,
    /// No address of the token answers with the issuer's key.
    #[error(
        "the computer that made the invitation cannot be reached: is it on, in the same network, and \
         is UDP port {port} open on it?"
    )]
    Unreachable {
        /// Port of its join door.
        port: u16,
    },
    /// It refused.
    #[error(transparent)]
    Refused(#[from] JoinRefusal),
    /// Its answer is not of the mesh that the token names, or does not admit this node.
    #[error("the answer to the invitation is not valid: ask for a new one")]
    Answer,
    /// See [`NetError`].
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Makes invitations and redeems those of others.
#[derive(Clone)]
pub(crate) struct Joiner {
    pub(super) identity: Identity,
    pub(super) certificate: Certificate,
    pub(super) store: Store,
}

impl Joiner {
    pub(crate) async fn invite(
        &self,
        invite: Invite,
        roster: Option<Arc<Roster>>,
        listening: Listening,
    ) -> Result<Token, InviteError> {
        let roster = roster.ok_or(NetError::NoMesh)?;
        if !roster.has_role(&self.identity.node(), NodeRole::Admin) {
            return Err(NetError::NotAdmin.into());
        }
        let valid_s = invite.valid.as_secs();
        let sensible = (1..=USES).contains(&invite.uses) && (1..=YEAR_S).contains(&valid_s);
        if !sensible || invite.roles.is_empty() {
            return Err(InviteError::Terms);
        }
        let now_s = now_ms() / 1_000;
        self.make_room(now_s).await?;
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(InviteError::Random)?;
        let expires_s = now_s + valid_s;
        let kept = Invitation {
            person: invite.person,
            roles: invite.roles,
            uses_left: invite.uses,
            expires_s,
            admitted: Vec::new(),
        };
        self.store.add_invitation(invitation_id(&secret), kept).await.map_err(NetError::from)?;
        let doors = listening.join.into_iter().take(TOKEN_DOORS).collect();
        let issuer = self.identity.node();
        Ok(Token { mesh: roster.mesh, issuer, secret, expires_s, doors })
    }

    /// Forgets what ended long ago; an error if too many are open.
    async fn make_room(&self, now_s: u64) -> Result<(), InviteError> {
        let kept = self.store.invitations().map_err(NetError::from)?;
        if kept.iter().filter(|(_, invitation)| invitation.is_open(now_s)).count() >= OPEN {
            return Err(InviteError::TooMany);
        }
        let over =
            |invitation: &Invitation| invitation.expires_s.saturating_add(REMEMBERED_S) < now_s;
        let old: Vec<_> =
            kept.into_iter().filter(|(_, kept)| over(kept)).map(|(id, _)| id).collect();
        if !old.is_empty() {
            self.store.forget_invitations(old).await.map_err(NetError::from)?;
        }
        Ok(())
    }
}

/// Entries in messages that each fit the door's limit.
fn in_messages(entries: Vec<SignedEntry>) -> Vec<Answer> {
    let room = limits::CONTROL_BYTES - 1_024;
    let mut messages = Vec::new();
    let (mut message, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let size = entry.payload.len() + 128;
        if bytes + size > room {
            messages.push(Answer::Entries(std::mem::take(&mut message)));
            bytes = 0;
        }
        bytes += size;
        message.push(entry);
    }
    messages.push(Answer::Entries(message));
    messages
}

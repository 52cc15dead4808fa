//! Invitations as their issuer keeps them: terms, uses left, who used them. The secret itself is
//! not kept.

use std::collections::BTreeSet;

use pumasi_protocol::roster::{EntryHash, NodeRole, SignedEntry};
use pumasi_protocol::{NodeId, NodeName};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::database::{Batch, Changing};
use super::record::{Record, Table};

/// Nodes that one invitation remembers as admitted, for those that ask twice.
pub(crate) const REMEMBERED_NODES: usize = 128;

/// What an invitation is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The person that the new computers will belong to; `None`: a new one, or nobody.
    pub person: Option<NodeName>,
    /// What they may do.
    pub roles: BTreeSet<NodeRole>,
    /// How many more computers may use it.
    pub uses_left: u32,
    /// When it ends, Unix time in seconds on this node's clock.
    pub expires_s: u64,
    /// Who used it.
    pub admitted: Vec<NodeId>,
}

impl Record for Invitation {}

impl Invitation {
    /// Whether somebody may still come in with it.
    #[must_use]
    pub fn is_open(&self, now_s: u64) -> bool {
        self.uses_left > 0 && self.expires_s > now_s
    }
}

/// What redeeming an invitation gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// The node is admitted by this entry.
    Admitted(SignedEntry),
    /// The node had redeemed it before, and was admitted then.
    Before,
}

/// Why an invitation is worth no admission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError<E> {
    /// There is none with this secret.
    #[error("there is no such invitation")]
    Unknown,
    /// Its time is over.
    #[error("the invitation has expired")]
    Expired,
    /// It was used as often as it may be.
    #[error("the invitation was used up")]
    Spent,
    /// The admission itself was refused.
    #[error("the admission was refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// The name under which the invitation with this secret is kept.
#[must_use]
pub fn invitation_id(secret: &[u8; 16]) -> EntryHash {
    blake3::derive_key("pumasi invitation id 1", secret)
}

pub(super) fn redeem<E>(
    ledger: &Changing<'_>,
    id: &EntryHash,
    node: NodeId,
    now_s: u64,
    admit: impl FnOnce(&Invitation) -> Result<SignedEntry, E>,
) -> Result<(Redeemed, Batch), RedeemError<E>> {
    let kept = ledger.read(Table::Invitation, id).map_err(RedeemError::Store)?;
    let mut invitation: Invitation = kept.ok_or(RedeemError::Unknown)?;
    if invitation.admitted.contains(&node) {
        return Ok((Redeemed::Before, Batch::default()));
    }
    if now_s >= invitation.expires_s {
        return Err(RedeemError::Expired);
    }
    invitation.uses_left = invitation.uses_left.checked_sub(1).ok_or(RedeemError::Spent)?;
    let entry = admit(&invitation).map_err(RedeemError::Refused)?;
    if invitation.admitted.len() < REMEMBERED_NODES {
        invitation.admitted.push(node);
    }
    let mut batch = Batch::default();
    batch.put(Table::Invitation, id, &invitation).map_err(RedeemError::Store)?;
    batch.put(Table::Roster, &entry.hash(), &entry).map_err(RedeemError::Store)?;
    Ok((Redeemed::Admitted(entry), batch))
}

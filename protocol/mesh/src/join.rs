//! What a newcomer with an invitation and its issuer say to each other at the join door, each in a
//! frame of [`limits::CONTROL_BYTES`](crate::limits::CONTROL_BYTES) at most.

use serde::{Deserialize, Serialize};

use crate::name::NodeName;
use crate::roster::SignedEntry;

/// What a newcomer sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The secret of the invitation.
    pub secret: [u8; 16],
    /// The name of the computer.
    pub name: NodeName,
    /// Whose it is, where the invitation leaves that open.
    pub person: Option<NodeName>,
}

/// What the issuer answers: entries in as many messages as it takes, then where it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Entries of the roster.
    Entries(Vec<SignedEntry>),
    /// The last message of an admission.
    Done {
        /// UDP port of the mesh door.
        control_port: u16,
        /// UDP port of the data plane.
        data_port: u16,
    },
    /// The only message: no.
    Refused(JoinRefusal),
}

/// Why an issuer does not let a newcomer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum JoinRefusal {
    /// No invitation has this secret, or the issuer withdrew it.
    #[error("the issuer does not know this invitation: ask for a new one")]
    Unknown,
    /// Its time is over, by the issuer's clock.
    #[error("the invitation has expired: ask for a new one")]
    Expired,
    /// It was used as often as it may be.
    #[error("the invitation was used already: ask for a new one")]
    Used,
    /// The name of the person is taken, and the invitation does not give it.
    #[error(
        "the mesh has a person of this name already: choose another, or ask for an invitation in that name"
    )]
    PersonTaken,
    /// This key was removed from the mesh, which is for ever.
    #[error("this computer was removed from the mesh: it needs a new identity to join again")]
    Revoked,
    /// The issuer is no admin any more.
    #[error("the computer that made the invitation may admit nobody any more: ask another admin")]
    NotAdmin,
    /// The issuer's store failed.
    #[error("the computer that made the invitation cannot store the admission: try again later")]
    Failed,
}

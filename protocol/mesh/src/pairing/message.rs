//! What approver and newcomer say to each other, each in a frame of [`limits::PAIRING_BYTES`] at most.

use serde::{Deserialize, Serialize};

use crate::ids::MeshId;
#[cfg(doc)]
use crate::limits;
use crate::name::NodeName;

/// A point of the curve, encoded (RFC 8032).
pub type Element = [u8; 32];
/// A MAC over all that was said.
pub type Proof = [u8; 32];

/// The approver's first word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The mesh that the newcomer would join.
    pub mesh: MeshId,
    /// Its name; the newcomer refuses a roster that gives it another.
    pub mesh_name: NodeName,
    /// The name of the approving computer.
    pub name: NodeName,
    /// SPAKE2's message of side A.
    pub element: Element,
}

/// The newcomer's first word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// How it wants to be called.
    pub name: NodeName,
    /// Whose it says it is; the approver decides.
    pub person: Option<NodeName>,
    /// SPAKE2's message of side B.
    pub element: Element,
}

/// One message of a pairing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PairingMessage {
    /// Approver → newcomer.
    Hello(Hello),
    /// Newcomer → approver.
    Here(Here),
    /// Both: I mean the same digits, the same keys, and all that was said. The approver first.
    Proof(Proof),
    /// Both: it ends here.
    Refused(PairingRefusal),
    /// Newcomer → approver: the roster is stored.
    Joined,
}

/// Why one side of a pairing stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PairingRefusal {
    /// Nobody asked it to join a mesh.
    #[error("that computer does not ask to join: open its page, or run `pumasi join` there")]
    Closed,
    /// Too many wrong digits in all.
    #[error(
        "wrong digits were tried there too often: on the new computer, choose to show new digits, \
         or run `pumasi join --again`"
    )]
    Shut,
    /// Too many wrong digits from this address.
    #[error("too many wrong digits from this computer: wait a minute, and read the new digits")]
    Throttled,
    /// The time of the digits was over, or somebody tried them in the meantime.
    #[error("the digits have changed: type those that the new computer shows now")]
    Spent,
    /// The digits are not the same.
    #[error("the digits are wrong, and can be tried once only: type those that it shows now")]
    Wrong,
    /// The newcomer belongs to a mesh.
    #[error("that computer belongs to a mesh already")]
    HasMesh,
    /// The newcomer names a person that the mesh knows; the approver must say that it is theirs.
    #[error(
        "the new computer says that it belongs to a person whom the mesh knows: say whose it is, \
         and approve again"
    )]
    PersonTaken,
    /// The newcomer's key was removed from the mesh, which is for ever.
    #[error("that computer was removed from the mesh: it needs a new identity to join again")]
    Revoked,
    /// What was sent makes no sense here.
    #[error("the other computer does not keep to the protocol: do both run the same version?")]
    Protocol,
    /// Its store or its random numbers failed.
    #[error("the other computer could not write down the membership: try again later")]
    Failed,
}

//! Why coming into the mesh, or letting somebody in, did not work.

use pumasi_protocol::NameError;
use pumasi_protocol::pairing::PairingRefusal;

/// Why inviting or joining failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// Only an admin may.
    #[error("only an admin of the mesh may do this")]
    NotAllowed,
    /// This node belongs to no mesh yet.
    #[error("this computer belongs to no mesh yet")]
    NoMesh,
    /// It belongs to one already.
    #[error("this computer belongs to a mesh already")]
    AlreadyMember,
    /// Too many invitations are open.
    #[error("too many invitations are open: withdraw some, or wait until they end")]
    TooMany,
    /// Zero uses, or an unreasonable duration.
    #[error("an invitation is for 1 to 128 computers, and ends within a year")]
    Terms,
    /// None has this id.
    #[error("there is no such invitation: perhaps it was withdrawn, or is over")]
    NoInvitation,
    /// A name in the request is not valid.
    #[error("{0}")]
    Name(NameError),
    /// The token is not one.
    #[error("this is not an invitation: copy the whole line that `pumasi invite` printed")]
    BadToken,
    /// It has expired, was used up, or was revoked.
    #[error("this invitation is no longer valid: ask for a new one")]
    Expired,
    /// The node that issued it could not be reached.
    #[error("the computer that issued this invitation cannot be reached")]
    Unreachable,
    /// The text is not six digits.
    #[error("type the six digits that the new computer shows")]
    BadDigits,
    /// The text is not an address.
    #[error("this is not an address: 10.0.0.7, or with the port of its join door, 10.0.0.7:7865")]
    BadAddress,
    /// No computer, or none of this name, asks to be let in.
    #[error(
        "no such computer asks to join: open its page, or run `pumasi join` there; where computers \
         do not find each other by themselves, give its address"
    )]
    NobodyAsks,
    /// More than one asks.
    #[error("several computers ask to join: say which one shows these digits")]
    SeveralAsk,
    /// The newcomer could not be reached.
    #[error(
        "the new computer cannot be reached: is it on, in the same network, and is UDP port 7865 \
         open on it?"
    )]
    NewcomerUnreachable,
    /// It was let in, and did not say that it knows.
    #[error(
        "the new computer was let in, but did not confirm it: if it does not show, approve again"
    )]
    Unconfirmed,
    /// One of the two sides stopped.
    #[error("{0}")]
    Pairing(#[from] PairingRefusal),
    /// The world failed: the store could not be written.
    #[error("this computer could not write down its membership")]
    Store,
}

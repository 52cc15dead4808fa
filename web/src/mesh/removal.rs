//! Why a member is not removed.

/// Why a member is not removed from the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemoveError {
    /// Only an admin may.
    #[error("only an admin of the mesh may remove a computer: do it at an admin's computer")]
    NotAllowed,
    /// This node belongs to no mesh.
    #[error("this computer belongs to no mesh, so there is nobody to remove")]
    NoMesh,
    /// No member has this id.
    #[error("the mesh has no such computer: `pumasi peers` lists them")]
    Unknown,
    /// This node itself.
    #[error("a computer does not remove itself: run `pumasi remove` at another admin's computer")]
    Own,
    /// This node itself, and nobody else could ever let in or remove anybody.
    #[error(
        "this computer is the last admin of the mesh: without it nobody could be let in or removed \
         any more; let in another one with the role admin first, and remove this one there"
    )]
    LastAdmin,
    /// It is an admin, and only one would be left. A person has to say so.
    #[error(
        "then this computer is the only admin, and if it is lost nobody can be let in or removed any \
         more: confirm it, or let in another admin first"
    )]
    Unconfirmed,
    /// The world failed: it could not be written down.
    #[error("this computer could not write the removal down: is the disk full?")]
    Store,
    /// The node is stopping.
    #[error("this node is stopping")]
    Stopping,
}

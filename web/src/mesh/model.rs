//! What can be wrong with loading and unloading.

use pumasi_protocol::{Fault, SettingsFault};

/// Why a model was not loaded or unloaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// That node does not hold it.
    #[error("that computer does not hold this model")]
    NotFound,
    /// There is no such node.
    #[error("the mesh has no such computer")]
    UnknownNode,
    /// Its file there is damaged, or of a kind that cannot be read.
    #[error("the file of this model cannot be read: `pumasi inspect FILE` there says why")]
    Damaged,
    /// Jobs are using it.
    #[error("jobs are using this model")]
    InUse,
    /// The caller's or the node's role does not allow it.
    #[error("the role of this computer does not allow it")]
    NotAllowed,
    /// The node could not be asked.
    #[error("that computer cannot be reached")]
    Unreachable,
    /// That node neither gives nor takes copies of models.
    #[error("copying models is switched off on that computer (`copies`)")]
    CopiesOff,
    /// Another model has the name there.
    #[error("another model has this name on that computer: remove or rename it first")]
    NameTaken,
    /// Its settings would be out of range.
    #[error("{0}")]
    Settings(SettingsFault),
    /// The disk did not take it.
    #[error("it could not be written: is the disk full?")]
    NotKept,
    /// The engine there said no.
    #[error("{0}")]
    Fault(Fault),
}

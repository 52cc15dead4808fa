//! The roster: who belongs to the mesh, as signed, hash-linked entries and one pure function over them.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// A roster entry with its author's signature; the payload's kinds may be newer than this version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry {
    /// Who signed.
    pub author: NodeId,
    /// The entry, encoded.
    pub payload: Vec<u8>,
    /// Ed25519 signature over the domain tag and the payload (64 bytes).
    pub signature: Vec<u8>,
}

//! One entry: its encoding, its signature and its hash. Knows nothing of who may write what.

use std::collections::BTreeSet;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::{NodeRole, SignedEntry};
use crate::frame;
use crate::ids::{MeshId, NodeId};
use crate::limits;
use crate::name::NodeName;

/// BLAKE3 of a signed entry.
pub type EntryHash = [u8; 32];

/// Parents or heads that one entry names (guess: concurrent admins in one office are few).
pub const ENTRY_PARENTS: usize = 64;

/// Version of the payload's layout.
const VERSION: u16 = 1;
/// What a signature covers begins with this, so that no other signed thing can pass for an entry.
const SIGNATURE_DOMAIN: &[u8] = b"pumasi roster entry 1\0";
/// BLAKE3 key derivation context of entry hashes.
const HASH_CONTEXT: &str = "pumasi roster entry hash 1";

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Larger than [`limits::ROSTER_ENTRY_BYTES`].
    #[error("a roster entry is too large")]
    TooLarge,
    /// The payload cannot be decoded.
    #[error("a roster entry cannot be decoded")]
    Payload,
    /// The author's key or the signature is not valid.
    #[error("the signature of a roster entry is not valid")]
    Signature,
    /// More than [`ENTRY_PARENTS`] parents or heads.
    #[error("a roster entry names too many parents")]
    Parents,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The mesh begins; its author is the first admin. Such an entry names no mesh and no parents.
    Found {
        /// The mesh's name for people.
        mesh_name: NodeName,
        /// The founding node's name.
        node_name: NodeName,
        /// The founding person.
        person: NodeName,
        /// Makes two meshes of the same founder and names differ.
        nonce: [u8; 16],
    },
    /// A node belongs, or belongs under another name, person or roles.
    Admit {
        /// Which node.
        node: NodeId,
        /// Its name.
        name: NodeName,
        /// Whose it is; `None`: a shared machine.
        person: Option<NodeName>,
        /// What it may do.
        roles: BTreeSet<NodeRole>,
    },
    /// A member's roles change.
    SetRoles {
        /// Which node.
        node: NodeId,
        /// What it may do.
        roles: BTreeSet<NodeRole>,
    },
    /// A key belongs no more, for ever.
    Revoke {
        /// Which node.
        node: NodeId,
        /// What that node wrote counts only where these entries build on it.
        heads: Vec<EntryHash>,
    },
}

/// An entry whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its hash.
    pub hash: EntryHash,
    /// Who signed it.
    pub author: NodeId,
    /// The mesh it is for; `None` in a founding entry.
    pub mesh: Option<MeshId>,
    /// The entries that its author knew and that nothing else it knew built on.
    pub parents: Vec<EntryHash>,
    /// When it was written, Unix time in milliseconds on its author's clock (for people only).
    pub at_ms: u64,
    /// What it says; `None` for a kind that this version does not know.
    pub change: Option<Change>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    version: u16,
    kind: u16,
    mesh: Option<MeshId>,
    parents: Vec<EntryHash>,
    at_ms: u64,
    body: Vec<u8>,
}

const KIND_FOUND: u16 = 1;
const KIND_ADMIT: u16 = 2;
const KIND_SET_ROLES: u16 = 3;
const KIND_REVOKE: u16 = 4;

type FoundBody = (NodeName, NodeName, NodeName, [u8; 16]);
type AdmitBody = (NodeId, NodeName, Option<NodeName>, BTreeSet<NodeRole>);
type SetRolesBody = (NodeId, BTreeSet<NodeRole>);
type RevokeBody = (NodeId, Vec<EntryHash>);

impl Change {
    fn encode(&self) -> Result<(u16, Vec<u8>), frame::FrameError> {
        let limit = limits::ROSTER_ENTRY_BYTES;
        Ok(match self {
            Self::Found { mesh_name, node_name, person, nonce } => {
                (KIND_FOUND, frame::encode_body(&(mesh_name, node_name, person, nonce), limit)?)
            }
            Self::Admit { node, name, person, roles } => {
                (KIND_ADMIT, frame::encode_body(&(node, name, person, roles), limit)?)
            }
            Self::SetRoles { node, roles } => {
                (KIND_SET_ROLES, frame::encode_body(&(node, roles), limit)?)
            }
            Self::Revoke { node, heads } => {
                (KIND_REVOKE, frame::encode_body(&(node, heads), limit)?)
            }
        })
    }

    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, frame::FrameError> {
        Ok(Some(match kind {
            KIND_FOUND => {
                let (mesh_name, node_name, person, nonce) = frame::decode_body::<FoundBody>(body)?;
                Self::Found { mesh_name, node_name, person, nonce }
            }
            KIND_ADMIT => {
                let (node, name, person, roles) = frame::decode_body::<AdmitBody>(body)?;
                Self::Admit { node, name, person, roles }
            }
            KIND_SET_ROLES => {
                let (node, roles) = frame::decode_body::<SetRolesBody>(body)?;
                Self::SetRoles { node, roles }
            }
            KIND_REVOKE => {
                let (node, heads) = frame::decode_body::<RevokeBody>(body)?;
                Self::Revoke { node, heads }
            }
            _ => return Ok(None),
        }))
    }

    fn heads(&self) -> &[EntryHash] {
        match self {
            Self::Revoke { heads, .. } => heads,
            Self::Found { .. } | Self::Admit { .. } | Self::SetRoles { .. } => &[],
        }
    }
}

impl SignedEntry {
    /// Signs a change. `mesh` is `None` for [`Change::Found`] only.
    ///
    /// # Errors
    /// [`EntryError::Parents`] or [`EntryError::TooLarge`].
    pub fn sign(
        key: &SigningKey,
        mesh: Option<MeshId>,
        parents: Vec<EntryHash>,
        at_ms: u64,
        change: &Change,
    ) -> Result<Self, EntryError> {
        if parents.len() > ENTRY_PARENTS || change.heads().len() > ENTRY_PARENTS {
            return Err(EntryError::Parents);
        }
        let (kind, body) = change.encode().map_err(|_| EntryError::TooLarge)?;
        let payload = Payload { version: VERSION, kind, mesh, parents, at_ms, body };
        let payload = frame::encode_body(&payload, limits::ROSTER_ENTRY_BYTES)
            .map_err(|_| EntryError::TooLarge)?;
        let signature = key.sign(&signed_bytes(&payload)).to_bytes().to_vec();
        Ok(Self { author: NodeId(key.verifying_key().to_bytes()), payload, signature })
    }

    /// Bytes that it takes in a message, at most: author, signature and lengths take less than 128.
    #[must_use]
    pub fn size(&self) -> usize {
        self.payload.len() + 128
    }

    /// The entry's hash. Equal hashes mean equal author, payload and signature.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        let mut hasher = blake3::Hasher::new_derive_key(HASH_CONTEXT);
        hasher.update(&self.author.0);
        hasher.update(&(self.payload.len() as u64).to_le_bytes());
        hasher.update(&self.payload).update(&self.signature);
        *hasher.finalize().as_bytes()
    }

    /// Checks size and signature, and decodes.
    ///
    /// # Errors
    /// What is wrong with it. A kind of a newer version is no error.
    pub fn open(&self) -> Result<Entry, EntryError> {
        if self.payload.len() > limits::ROSTER_ENTRY_BYTES {
            return Err(EntryError::TooLarge);
        }
        let signature =
            Signature::from_slice(&self.signature).map_err(|_| EntryError::Signature)?;
        VerifyingKey::from_bytes(&self.author.0)
            .and_then(|key| key.verify_strict(&signed_bytes(&self.payload), &signature))
            .map_err(|_| EntryError::Signature)?;
        let payload: Payload =
            frame::decode_body(&self.payload).map_err(|_| EntryError::Payload)?;
        let change = match payload.version {
            VERSION => {
                Change::decode(payload.kind, &payload.body).map_err(|_| EntryError::Payload)?
            }
            _ => None,
        };
        let heads = change.as_ref().map_or(0, |change| change.heads().len());
        if payload.parents.len() > ENTRY_PARENTS || heads > ENTRY_PARENTS {
            return Err(EntryError::Parents);
        }
        Ok(Entry {
            hash: self.hash(),
            author: self.author,
            mesh: payload.mesh,
            parents: payload.parents,
            at_ms: payload.at_ms,
            change,
        })
    }
}

fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, payload].concat()
}

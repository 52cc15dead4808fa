//! The roster: who belongs to the mesh, as signed, hash-linked entries and one pure function over
//! them. The same set of entries gives the same roster on every node, in whatever order it came.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{MeshId, NodeId, PersonId};
use crate::name::NodeName;

mod chain;
mod entry;
mod log;
mod resolve;
#[cfg(test)]
mod tests;

pub use chain::ChainError;
pub use entry::{Change, ENTRY_PARENTS, Entry, EntryError, EntryHash};
pub use log::{FIRST_HASH, LAST_HASH, LogError, RosterLog, Taken};
pub use resolve::roster;

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

/// What a node may do in its mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeRole {
    /// Admits, revokes, and sees every person's jobs.
    Admin,
    /// Submits jobs and runs those of others.
    Member,
    /// Runs jobs, submits none.
    WorkerOnly,
    /// Submits jobs, runs none of others.
    SubmitOnly,
    /// Submits jobs behind everybody else's, runs none.
    Guest,
}

/// A node that belongs to the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name for people.
    pub name: NodeName,
    /// Whose computer it is; `None`: a shared one.
    pub person: Option<NodeName>,
    /// What it may do.
    pub roles: BTreeSet<NodeRole>,
    /// Who admitted it; the founder admitted itself.
    pub admitted_by: NodeId,
}

/// Who belongs to a mesh, as one set of entries says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Which mesh.
    pub mesh: MeshId,
    /// Its name for people; `None` while the founding entry is not at hand, and then nobody belongs.
    pub name: Option<NodeName>,
    /// Its members.
    pub members: BTreeMap<NodeId, Member>,
    /// Keys that were revoked, for ever.
    pub revoked: BTreeSet<NodeId>,
    /// Parents that are named but not at hand; what builds on them counts for nothing until then.
    pub missing: BTreeSet<EntryHash>,
}

impl Roster {
    /// Whether `node` belongs.
    #[must_use]
    pub fn contains(&self, node: &NodeId) -> bool {
        self.members.contains_key(node)
    }

    /// Whether `node` belongs and has the role.
    #[must_use]
    pub fn has_role(&self, node: &NodeId, role: NodeRole) -> bool {
        self.members.get(node).is_some_and(|member| member.roles.contains(&role))
    }

    /// The id of the person that `node` belongs to; `None` for shared machines and strangers.
    #[must_use]
    pub fn person(&self, node: &NodeId) -> Option<PersonId> {
        let person = self.members.get(node)?.person.as_ref()?;
        Some(PersonId::derive(&self.mesh, person.as_str()))
    }
}

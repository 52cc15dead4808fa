//! Computers on the local network that ask to be let in, as they say of themselves. Bounded, and who
//! was seen first stays: a flood of others hides nobody.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

use pumasi_protocol::NodeId;

use super::super::event::Candidate;
use super::super::limits::{ADDRESSES, ASKERS};
use super::super::members::now_ms;

/// A computer that asks. Nothing of it is verified; texts are cut and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The node that it claims to be.
    pub node: NodeId,
    /// The name it claims.
    pub name: String,
    /// The version it claims.
    pub version: String,
    /// Its join door.
    pub doors: Vec<SocketAddr>,
    /// Since when, Unix time in milliseconds.
    pub since_ms: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Askers(Mutex<BTreeMap<NodeId, Asker>>);

impl Askers {
    fn table(&self) -> MutexGuard<'_, BTreeMap<NodeId, Asker>> {
        self.0.lock().expect("no code that holds this lock panics")
    }

    /// Takes what discovery saw; `doors` are those that may be dialled.
    pub(crate) fn see(&self, candidate: &Candidate, doors: Vec<SocketAddr>) {
        if !candidate.asks || candidate.mesh.is_some() {
            return self.forget(&candidate.node);
        }
        let mut table = self.table();
        if table.len() >= ASKERS && !table.contains_key(&candidate.node) {
            return;
        }
        let asker = table.entry(candidate.node).or_insert_with(|| Asker {
            node: candidate.node,
            name: String::new(),
            version: String::new(),
            doors: Vec::new(),
            since_ms: now_ms(),
        });
        asker.name.clone_from(&candidate.name);
        asker.version.clone_from(&candidate.version);
        // Only the node itself gets past the handshake: an address too many does no harm.
        let new: Vec<_> = doors.into_iter().filter(|door| !asker.doors.contains(door)).collect();
        asker.doors.splice(0..0, new);
        asker.doors.truncate(ADDRESSES);
    }

    pub(crate) fn forget(&self, node: &NodeId) {
        self.table().remove(node);
    }

    /// All of them, who has waited longest first.
    pub(crate) fn list(&self) -> Vec<Asker> {
        let mut askers: Vec<_> = self.table().values().cloned().collect();
        askers.sort_by_key(|asker| asker.since_ms);
        askers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(n: u32, asks: bool) -> Candidate {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_le_bytes());
        Candidate {
            node: NodeId(id),
            name: format!("desk {n}"),
            mesh: None,
            join: Vec::new(),
            version: "0.1.0".to_owned(),
            asks,
        }
    }

    fn door(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 7], port))
    }

    #[test]
    fn cat_p02_a_flood_of_newcomers_hides_nobody_who_was_there_before() {
        let askers = Askers::default();
        askers.see(&candidate(0, true), vec![door(1)]);
        for n in 1..10_000 {
            askers.see(&candidate(n, true), vec![door(1)]);
        }
        let listed = askers.list();
        assert_eq!(listed.len(), ASKERS);
        assert_eq!(listed[0].name, "desk 0");
    }

    #[test]
    fn who_asks_no_more_or_belongs_to_a_mesh_is_not_listed() {
        let askers = Askers::default();
        askers.see(&candidate(0, true), vec![door(1)]);
        askers.see(&candidate(0, true), vec![door(2), door(1)]);
        assert_eq!(askers.list()[0].doors, [door(2), door(1)]);
        askers.see(&candidate(0, false), vec![door(1)]);
        assert!(askers.list().is_empty());
        let member = Candidate { mesh: Some(Default::default()), ..candidate(1, true) };
        askers.see(&member, vec![door(1)]);
        assert!(askers.list().is_empty());
    }
}

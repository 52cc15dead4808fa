//! Entries of a roster. If the first byte is even, the rest is entries as they travel; else it is
//! what five keys sign, of which the first founded the mesh: four bytes each (who, what, whom, and
//! on which of the last eight entries it builds).

use pumasi_protocol::roster::{Change, NodeRole, RosterLog, SignedEntry, roster};
use pumasi_protocol::{MeshId, NodeId, limits};

use crate::keys::{founding, key, mesh, name, node};
use crate::{body, seed};

/// Keys that sign.
const KEYS: u8 = 5;
/// Entries of one run: signatures take most of the time.
const ENTRIES: usize = 24;

/// See the module.
///
/// # Panics
/// When the order of entries matters, or somebody belongs who was revoked or never admitted.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    if which % 2 == 0 { travelled(bytes) } else { signed(bytes) }
}

fn travelled(bytes: &[u8]) {
    let Some(entries) = body::<Vec<SignedEntry>>(bytes, limits::CONTROL_BYTES) else { return };
    let mut log = mesh();
    let before = log.roster().clone();
    let offered = entries.len();
    let taken = log.take(entries);
    assert!(taken.new.len() + taken.refused + taken.waiting <= offered);
    assert!(!taken.new.is_empty() || *log.roster() == before, "refused entries changed something");
}

fn signed(bytes: &[u8]) {
    let mut entries = vec![founding()];
    let mesh = RosterLog::begin(founding()).expect("a founding entry").roster().mesh;
    for four in bytes.chunks_exact(4).take(ENTRIES) {
        let recent = entries.iter().rev().take(8).enumerate();
        let parents = recent.filter(|(bit, _)| four[3] & (1 << bit) != 0);
        let parents: Vec<_> = parents.map(|(_, entry)| entry.hash()).collect();
        let change = change(four[1], node(four[2] % KEYS), &parents);
        let entry = SignedEntry::sign(&key(four[0] % KEYS), Some(mesh), parents, 0, &change);
        entries.push(entry.expect("small"));
    }
    let all = roster(mesh, &entries);
    let mut turned = entries.clone();
    turned.reverse();
    assert_eq!(roster(mesh, &turned), all, "the order matters");
    // A log keeps less: nothing by authors without rights, and nothing that builds on it.
    let one = log_of(mesh, &entries);
    let middle = entries.len() / 2;
    turned.rotate_left(middle);
    let other = log_of(mesh, &turned);
    assert!(one.entries().eq(other.entries()), "the order matters to a log");
    assert_eq!(one.roster(), other.roster());
    let kept: Vec<SignedEntry> = one.entries().cloned().collect();
    assert_eq!(*one.roster(), roster(mesh, &kept), "a log says something else");
    for (member, details) in &all.members {
        assert!(!all.revoked.contains(member), "a revoked key belongs");
        assert!(was_admitted(&entries, member, &details.admitted_by), "nobody admitted it");
    }
}

fn log_of(mesh: MeshId, entries: &[SignedEntry]) -> RosterLog {
    RosterLog::from_entries(mesh, entries.to_vec()).expect("the founding entry is there")
}

fn change(what: u8, whom: NodeId, parents: &[[u8; 32]]) -> Change {
    let roles = match what / 4 % 3 {
        0 => [NodeRole::Member].into(),
        1 => [NodeRole::Admin, NodeRole::Member].into(),
        _ => [NodeRole::Guest].into(),
    };
    match what % 4 {
        0 | 1 => Change::Admit { node: whom, name: name("some"), person: None, roles },
        2 => Change::SetRoles { node: whom, roles },
        _ => Change::Revoke { node: whom, heads: parents.iter().take(2).copied().collect() },
    }
}

fn was_admitted(entries: &[SignedEntry], member: &NodeId, by: &NodeId) -> bool {
    let opened = entries.iter().filter_map(|entry| entry.open().ok());
    opened.filter(|entry| entry.author == *by).any(|entry| match entry.change {
        Some(Change::Admit { node, .. }) => node == *member,
        Some(Change::Found { .. }) => member == by,
        Some(Change::SetRoles { .. } | Change::Revoke { .. }) | None => false,
    })
}

/// A roster that travels, and admins who admit, demote and revoke each other.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let log = mesh();
    let entries: Vec<SignedEntry> = log.entries().cloned().collect();
    vec![
        seed(0, &entries),
        vec![1, 0, 4, 1, 1, 1, 0, 2, 1, 0, 3, 1, 2, 1, 3, 0, 3],
        vec![1, 0, 4, 1, 1, 0, 4, 2, 1, 1, 3, 2, 1, 2, 3, 1, 2, 2, 2, 1, 1],
    ]
}

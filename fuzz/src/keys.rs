//! Keys of a mesh that does not exist.

use ed25519_dalek::SigningKey;
use pumasi_protocol::roster::{Change, NodeRole, RosterLog, SignedEntry};
use pumasi_protocol::{NodeId, NodeName};

/// One of 256 keys.
pub(crate) fn key(which: u8) -> SigningKey {
    SigningKey::from_bytes(&[which; 32])
}

pub(crate) fn node(which: u8) -> NodeId {
    NodeId(key(which).verifying_key().to_bytes())
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::try_from(text.to_owned()).expect("a name")
}

/// The founding entry of the key 0.
pub(crate) fn founding() -> SignedEntry {
    let found = Change::Found {
        mesh_name: name("office"),
        node_name: name("first"),
        person: name("founder"),
        nonce: [7; 16],
    };
    SignedEntry::sign(&key(0), None, Vec::new(), 0, &found).expect("small")
}

/// A mesh of the keys 0 (admin) and 1 (member).
pub(crate) fn mesh() -> RosterLog {
    let mut log = RosterLog::begin(founding()).expect("a founding entry");
    let admit = Change::Admit {
        node: node(1),
        name: name("second"),
        person: None,
        roles: [NodeRole::Member].into(),
    };
    let entry = log.sign(&key(0), 1, &admit).expect("an admin");
    log.take(vec![entry]);
    log
}

//! The chain of a member as the join door hears it, and what a removed one is told as its connections are
//! closed. The first byte chooses: entries as they travel, or those of a mesh that has gone on without the
//! listener, whole, in another order and with a bit changed.

use pumasi_protocol::chain::{Chain, ChainAnswer, Removal};
use pumasi_protocol::roster::{ChainError, Change, NodeRole, RosterLog, SignedEntry};
use pumasi_protocol::{NodeId, limits};

use crate::keys::{key, mesh, name, node};
use crate::{body, seed};

/// See the module.
///
/// # Panics
/// When somebody becomes a member by what does not make it one, or a refused chain changes something.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 4 {
        0 => shown(bytes),
        1 => told(bytes),
        2 => drop(body::<ChainAnswer>(bytes, limits::CONTROL_BYTES)),
        _ => grown(bytes),
    }
}

fn shown(bytes: &[u8]) {
    let Some(Chain(chain)) = body::<Chain>(bytes, limits::CHAIN_BYTES) else { return };
    for who in 0..4 {
        judged(&mesh(), &node(who), chain.clone());
    }
}

/// Judges a chain, and checks what must hold of the judgement.
fn judged(here: &RosterLog, who: &NodeId, chain: Vec<SignedEntry>) -> bool {
    let before = here.roster().clone();
    let offered = chain.len();
    let judgement = here.judge_chain(who, chain);
    assert_eq!(*here.roster(), before, "judging kept something");
    let Ok(new) = judgement else {
        let error = judgement.expect_err("just looked");
        assert_eq!(error == ChainError::TooLong, offered > limits::CHAIN_ENTRIES);
        return false;
    };
    let mut with = here.clone();
    let count = new.len();
    assert!(count <= offered);
    let taken = with.take(new);
    assert_eq!((taken.new.len(), taken.refused, taken.waiting), (count, 0, 0), "all of it");
    assert!(with.roster().contains(who), "what made it a member does not");
    assert!(!with.roster().revoked.contains(who), "a removed one came back");
    assert!(with.roster().revoked.is_superset(&before.revoked), "a removed one was forgotten");
    true
}

/// What a closed connection says: it is in its limits, and says no more than entries do.
fn told(bytes: &[u8]) {
    let Ok(removal) = Removal::decode(bytes) else { return };
    assert!(bytes.len() <= limits::REMOVAL_BYTES);
    assert_eq!(
        Removal::decode(&removal.encode()).ok(),
        (!removal.0.is_empty()).then_some(removal.clone())
    );
    let mut log = mesh();
    let before = log.roster().clone();
    let taken = log.take(removal.0);
    assert!(!taken.new.is_empty() || *log.roster() == before, "refused entries changed something");
    assert!(log.roster().revoked.is_superset(&before.revoked));
}

/// The mesh goes on elsewhere by these bytes, and somebody shows its chain, changed by the last of them.
fn grown(bytes: &[u8]) {
    let Some(([who, cut, byte, bit], steps)) = bytes.split_first_chunk::<4>() else { return };
    let here = mesh();
    let mut elsewhere = here.clone();
    for step in steps.chunks_exact(2).take(16) {
        grow(&mut elsewhere, step[0], step[1]);
    }
    let who = node(who % 6);
    let whole = elsewhere.chain(&who, limits::CHAIN_BYTES);
    let mut with = here.clone();
    with.take(whole.clone());
    // Whom this one knows as a member needs no chain: nothing is read of it, not even its own removal.
    let belongs = here.roster().contains(&who) || with.roster().contains(&who);
    assert_eq!(judged(&here, &who, whole.clone()), belongs, "an honest chain");
    let mut changed = whole;
    let middle = usize::from(*cut) % changed.len().max(1);
    changed.rotate_left(middle);
    assert_eq!(judged(&here, &who, changed.clone()), belongs, "the order matters");
    if let Some(entry) = changed.first_mut().filter(|entry| !entry.payload.is_empty()) {
        let at = usize::from(*byte) % entry.payload.len();
        entry.payload[at] ^= 1 << (bit % 8);
        let was_here = here.roster().contains(&who);
        assert!(!judged(&here, &who, changed) || was_here, "a forged chain");
    }
    let told = elsewhere.removal(&who, limits::REMOVAL_BYTES - 8);
    assert!(told.is_empty() || elsewhere.roster().revoked.contains(&who));
    assert!(Removal(told).encode().len() <= limits::REMOVAL_BYTES);
}

/// One more entry, of whoever may write it.
fn grow(log: &mut RosterLog, who: u8, what: u8) {
    let author = key(who % 6);
    let whom = node(what / 4 % 6);
    let role = if what & 0x80 == 0 { NodeRole::Member } else { NodeRole::Admin };
    let change = match what % 4 {
        0..=2 => {
            Change::Admit { node: whom, name: name("some"), person: None, roles: [role].into() }
        }
        _ => Change::Revoke { node: whom, heads: log.heads() },
    };
    if let Ok(entry) = log.sign(&author, 1, &change) {
        log.take(vec![entry]);
    }
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut elsewhere = mesh();
    grow(&mut elsewhere, 0, 0x80 | 2 << 2);
    grow(&mut elsewhere, 2, 3 << 2);
    let chain = elsewhere.chain(&node(3), limits::CHAIN_BYTES);
    grow(&mut elsewhere, 0, 3 << 2 | 3);
    let told = Removal(elsewhere.removal(&node(3), limits::REMOVAL_BYTES - 8));
    vec![
        seed(0, &Chain(chain)),
        [&[1], told.encode().as_slice()].concat(),
        seed(2, &ChainAnswer::Member),
        seed(2, &ChainAnswer::Stranger),
        vec![3, 3, 1, 40, 2, 0, 0x88, 2, 12],
        vec![3, 2, 0, 0, 0, 0, 0x88, 2, 12, 0, 11, 2, 20],
    ]
}

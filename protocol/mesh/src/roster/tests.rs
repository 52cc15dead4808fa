//! The roster's rules, one by one and over random histories in every order.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::entry::ENTRY_PARENTS;
use super::*;
use crate::frame;
use crate::limits;

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn id(n: u8) -> NodeId {
    NodeId(key(n).verifying_key().to_bytes())
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a good name")
}

fn found(by: u8) -> SignedEntry {
    let change = Change::Found {
        mesh_name: name("office"),
        node_name: name("first"),
        person: name("kim"),
        nonce: [9; 16],
    };
    SignedEntry::sign(&key(by), None, Vec::new(), 1, &change).expect("small")
}

fn admit(n: u8, roles: &[NodeRole]) -> Change {
    Change::Admit {
        node: id(n),
        name: name(&format!("node {n}")),
        person: None,
        roles: roles.iter().copied().collect(),
    }
}

fn revoke(n: u8, heads: Vec<EntryHash>) -> Change {
    Change::Revoke { node: id(n), heads }
}

const ADMIN: &[NodeRole] = &[NodeRole::Admin, NodeRole::Member];
const MEMBER: &[NodeRole] = &[NodeRole::Member];

/// A history written down step by step, with parents chosen freely.
struct History {
    mesh: MeshId,
    entries: Vec<SignedEntry>,
}

impl History {
    fn begin() -> Self {
        let first = found(1);
        Self { mesh: MeshId(first.hash()), entries: vec![first] }
    }

    fn add(&mut self, by: u8, on: &[EntryHash], change: Change) -> EntryHash {
        let entry = SignedEntry::sign(&key(by), Some(self.mesh), on.to_vec(), 2, &change);
        self.entries.push(entry.expect("small"));
        self.entries.last().expect("just pushed").hash()
    }

    fn roster(&self) -> Roster {
        roster(self.mesh, &self.entries)
    }

    fn members(&self) -> Vec<u8> {
        let roster = self.roster();
        (1..20).filter(|n| roster.contains(&id(*n))).collect()
    }
}

#[test]
fn the_founder_is_admin_and_admits_others() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    history.add(2, &[two], admit(3, MEMBER));
    let roster = history.roster();
    assert_eq!(roster.name, Some(name("office")));
    assert_eq!(history.members(), [1, 2, 3]);
    assert!(roster.has_role(&id(1), NodeRole::Admin));
    assert_eq!(roster.members[&id(3)].admitted_by, id(2));
    assert_eq!(roster.person(&id(1)), Some(PersonId::derive(&history.mesh, "kim")));
    assert_eq!(roster.person(&id(3)), None);
}

#[test]
fn entries_of_members_without_the_role_and_of_strangers_count_for_nothing() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, MEMBER));
    history.add(2, &[two], admit(3, MEMBER));
    history.add(9, &[two], admit(9, ADMIN));
    history.add(2, &[two], revoke(1, vec![two]));
    assert_eq!(history.members(), [1, 2]);
}

#[test]
fn an_author_needs_the_role_in_the_entrys_own_past() {
    let mut history = History::begin();
    let root = history.mesh.0;
    // Node 2 becomes admin, but what it writes does not build on that.
    history.add(1, &[root], admit(2, ADMIN));
    history.add(2, &[root], admit(3, MEMBER));
    assert_eq!(history.members(), [1, 2]);
}

#[test]
fn a_revoked_key_never_comes_back() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, MEMBER));
    let gone = history.add(1, &[two], revoke(2, vec![two]));
    history.add(1, &[gone], admit(2, ADMIN));
    assert_eq!(history.members(), [1]);
    assert_eq!(history.roster().revoked, BTreeSet::from([id(2)]));
}

#[test]
fn what_a_revoked_admin_wrote_outside_the_named_heads_is_void() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    let three = history.add(2, &[two], admit(3, MEMBER));
    // Written later with an old parent, as a thief would.
    history.add(2, &[two], admit(4, ADMIN));
    history.add(1, &[three], revoke(2, vec![three]));
    assert_eq!(history.members(), [1, 3]);
}

#[test]
fn two_admins_who_revoke_each_other_are_both_out() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    let three = history.add(1, &[two], admit(3, ADMIN));
    history.add(2, &[three], revoke(1, vec![three]));
    history.add(1, &[three], revoke(2, vec![three]));
    assert_eq!(history.members(), [3]);
}

#[test]
fn a_stolen_key_that_was_revoked_undoes_no_revocation_in_hindsight() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    let three = history.add(2, &[two], admit(3, ADMIN));
    let four = history.add(3, &[three], admit(4, MEMBER));
    let gone = history.add(2, &[four], revoke(4, vec![four]));
    history.add(2, &[gone], revoke(1, vec![gone]));
    assert_eq!(history.members(), [2, 3]);
    // The founder's thief removes who removed it, as if it had been first: it takes that one along.
    history.add(1, &[two], revoke(2, vec![two]));
    assert_eq!(history.members(), [], "and with it what that one wrote since");
    assert!(!history.roster().contains(&id(1)) && !history.roster().contains(&id(4)));
}

#[test]
fn a_revoked_founder_escapes_by_no_demotion_in_hindsight() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    let three = history.add(1, &[two], admit(3, ADMIN));
    let four = history.add(3, &[three], admit(4, MEMBER));
    history.add(2, &[four], revoke(1, vec![four]));
    assert_eq!(history.members(), [2, 3, 4]);
    // Of the revoker, of itself, and of another admin: each beside what they wrote.
    for demoted in [2, 1, 3] {
        history.add(1, &[three], admit(demoted, MEMBER));
        assert_eq!(history.members(), [2, 3, 4], "{demoted}");
    }
}

#[test]
fn an_admin_can_revoke_the_founder() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    history.add(2, &[two], revoke(1, vec![two]));
    assert_eq!(history.members(), [2]);
}

#[test]
fn losing_the_role_admin_voids_what_was_written_beside_it() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, ADMIN));
    let three = history.add(2, &[two], admit(3, MEMBER));
    let roles = MEMBER.iter().copied().collect();
    let demoted = history.add(1, &[three], Change::SetRoles { node: id(2), roles });
    history.add(2, &[three], admit(4, MEMBER));
    history.add(2, &[demoted], admit(5, MEMBER));
    assert_eq!(history.members(), [1, 2, 3]);
    let roles = ADMIN.iter().copied().collect();
    let again = history.add(1, &[demoted], Change::SetRoles { node: id(2), roles });
    history.add(2, &[again], admit(6, MEMBER));
    assert_eq!(history.members(), [1, 2, 3, 6]);
}

#[test]
fn a_member_may_leave() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, MEMBER));
    history.add(2, &[two], revoke(2, vec![two]));
    assert_eq!(history.members(), [1]);
}

#[test]
fn entries_without_their_parents_wait_and_say_what_is_missing() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let two = history.add(1, &[root], admit(2, MEMBER));
    history.add(1, &[two], admit(3, MEMBER));
    let middle = history.entries.remove(1);
    assert_eq!(history.members(), [1]);
    assert_eq!(history.roster().missing, BTreeSet::from([two]));
    history.entries.push(middle);
    assert_eq!(history.members(), [1, 2, 3]);
}

#[test]
fn cat_p06_forged_altered_and_foreign_entries_count_for_nothing() {
    let mut history = History::begin();
    let root = history.mesh.0;
    history.add(1, &[root], admit(2, MEMBER));
    let good = history.entries.pop().expect("just added");
    let mut other = History::begin();
    other.mesh = MeshId([5; 32]);
    other.add(1, &[root], admit(2, MEMBER));
    let foreign = other.entries.pop().expect("just added");
    let flip = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let forged = [
        SignedEntry { author: id(2), ..good.clone() },
        SignedEntry { payload: flip(&good.payload, 60), ..good.clone() },
        SignedEntry { signature: flip(&good.signature, 3), ..good.clone() },
        SignedEntry { signature: Vec::new(), ..good.clone() },
        SignedEntry { signature: [good.signature.clone(), vec![0]].concat(), ..good.clone() },
        SignedEntry { payload: vec![0; limits::ROSTER_ENTRY_BYTES + 1], ..good.clone() },
        // The neutral element as key and signature would satisfy a lax verifier for any message.
        SignedEntry {
            author: NodeId([1, 0].repeat(16).try_into().expect("32 bytes")),
            signature: [[1u8, 0].repeat(16), vec![0; 32]].concat(),
            ..good.clone()
        },
        foreign,
    ];
    for entry in forged {
        let entries = [history.entries[0].clone(), entry];
        assert_eq!(roster(history.mesh, &entries).members.len(), 1);
    }
    assert_eq!(roster(history.mesh, &[history.entries[0].clone(), good]).members.len(), 2);
}

#[test]
fn cat_p06_a_log_keeps_nothing_of_other_meshes_and_of_who_was_never_named() {
    let first = found(1);
    let (mesh, root) = (MeshId(first.hash()), first.hash());
    let mut log = RosterLog::begin(first).expect("it founds");
    let foreign =
        SignedEntry::sign(&key(1), Some(MeshId([5; 32])), vec![root], 2, &admit(2, MEMBER));
    for entry in [foreign.expect("small"), of_unknown_kind(7, mesh, vec![root])] {
        let taken = log.take(vec![entry]);
        assert_eq!((taken.new.len(), taken.refused), (0, 1));
    }
    assert_eq!(log.take(vec![of_unknown_kind(1, mesh, vec![root])]).new.len(), 1);
}

#[test]
fn cat_p13_a_log_is_bounded_and_unknown_kinds_leave_room_for_what_is_understood() {
    let first = found(1);
    let (mesh, root) = (MeshId(first.hash()), first.hash());
    let unknown = |n: usize| {
        use ed25519_dalek::Signer;
        let body = n.to_le_bytes().to_vec();
        let payload = (1u16, 77u16, Some(mesh), vec![root], 3u64, body);
        let payload = frame::encode_body(&payload, 1_000).expect("small");
        let signed = [b"pumasi roster entry 1\0".as_slice(), &payload].concat();
        let signature = key(1).sign(&signed).to_bytes().to_vec();
        SignedEntry { author: id(1), payload, signature }
    };
    let mut log = RosterLog::begin(first).expect("it founds");
    let most = limits::ROSTER_ENTRIES / 4;
    let taken = log.take((0..most + 9).map(unknown).collect());
    assert_eq!((taken.new.len(), taken.refused), (most, 9));
    let admission = |n: usize| {
        let change = admit(2, MEMBER);
        SignedEntry::sign(&key(1), Some(mesh), vec![root], n as u64, &change).expect("small")
    };
    let room = limits::ROSTER_ENTRIES - log.entries().count();
    let taken = log.take((0..room + 9).map(admission).collect());
    assert_eq!((taken.new.len(), taken.refused), (room, 9));
    assert_eq!(log.entries().count(), limits::ROSTER_ENTRIES);
}

/// An entry of a kind that this version does not know.
fn of_unknown_kind(by: u8, mesh: MeshId, parents: Vec<EntryHash>) -> SignedEntry {
    use ed25519_dalek::Signer;
    let payload =
        frame::encode_body(&(1u16, 77u16, Some(mesh), parents, 3u64, vec![1u8, 2, 3]), 1_000)
            .expect("small");
    let signed = [b"pumasi roster entry 1\0".as_slice(), &payload].concat();
    let signature = key(by).sign(&signed).to_bytes().to_vec();
    SignedEntry { author: id(by), payload, signature }
}

#[test]
fn unknown_kinds_are_kept_and_built_upon() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let newer = of_unknown_kind(1, history.mesh, vec![root]);
    assert_eq!(newer.open().expect("signed well").change, None);
    history.entries.push(newer.clone());
    history.add(1, &[newer.hash()], admit(2, MEMBER));
    assert_eq!(history.members(), [1, 2]);
    let log = RosterLog::from_entries(history.mesh, history.entries).expect("begins well");
    assert!(log.entries().any(|entry| *entry == newer));
}

/// A member whom an admin names writes an entry that does not build on that. Everybody who heard of
/// it keeps it, and builds on it; so must who hears of everything at once, in whatever order.
#[test]
fn an_entry_that_hides_where_its_author_was_named_holds_nothing_up() {
    let mut history = History::begin();
    let root = history.mesh.0;
    let named = history.add(1, &[root], admit(2, MEMBER));
    let beside = history.add(2, &[root], revoke(2, vec![]));
    history.add(1, &[named, beside], admit(3, MEMBER));
    let all = history.roster();
    assert!(all.contains(&id(3)));
    for turn in 0..history.entries.len() {
        let mut entries = history.entries.clone();
        entries.rotate_left(turn);
        for entries in [entries.clone(), entries.into_iter().rev().collect()] {
            let log = RosterLog::from_entries(history.mesh, entries).expect("begins well");
            assert_eq!(log.roster().members, all.members, "turned by {turn}");
        }
    }
}

#[test]
fn too_many_parents_are_refused() {
    let parents = vec![[1; 32]; ENTRY_PARENTS + 1];
    let mesh = Some(MeshId([1; 32]));
    let signed = SignedEntry::sign(&key(1), mesh, parents, 1, &admit(2, MEMBER));
    assert_eq!(signed, Err(EntryError::Parents));
}

#[test]
fn a_log_signs_on_top_of_all_it_holds_and_refuses_authors_without_rights() {
    let mut log = RosterLog::begin(found(1)).expect("founds");
    for n in 2..5 {
        let entry = log.sign(&key(1), 1, &admit(n, MEMBER)).expect("an admin");
        assert_eq!(log.take(vec![entry.clone()]).new, [entry]);
    }
    assert_eq!(log.roster().members.len(), 4);
    assert_eq!(log.heads().len(), 1);
    assert_eq!(log.sign(&key(2), 1, &admit(6, MEMBER)), Err(LogError::NotAdmin));
    assert_eq!(log.sign(&key(9), 1, &revoke(9, vec![])), Err(LogError::NotAdmin));
    let bare =
        SignedEntry::sign(&key(2), Some(log.roster().mesh), log.heads(), 1, &admit(6, ADMIN));
    let taken = log.take(vec![bare.expect("small")]);
    assert_eq!((taken.new.len(), taken.refused), (0, 1));
}

/// Two logs ask each other for what they lack, a few entries at a time, until neither gets more.
fn synchronise(a: &mut RosterLog, b: &mut RosterLog) {
    for _ in 0..2 {
        let mut from = FIRST_HASH;
        while from != LAST_HASH {
            let window = a.window(from, 4);
            let got = b.lacking(&window, 1_000);
            if a.take(got).new.is_empty() {
                from = *window.last().expect("has bounds");
            }
        }
        std::mem::swap(a, b);
    }
}

#[test]
fn two_logs_become_the_same_by_exchanging_windows() {
    let mut a = RosterLog::begin(found(1)).expect("founds");
    let mut b = a.clone();
    for n in 2..12 {
        let log = if n % 2 == 0 { &mut a } else { &mut b };
        let entry = log.sign(&key(1), 1, &admit(n, MEMBER)).expect("an admin");
        log.take(vec![entry]);
    }
    // What one misses may need what comes later: a few rounds, as reconnecting gives.
    for _ in 0..12 {
        synchronise(&mut a, &mut b);
    }
    assert_eq!(a.roster(), b.roster());
    assert_eq!(a.roster().members.len(), 11);
    assert_eq!(a.lacking(&[], 1_000), Vec::new());
    assert_eq!(a.lacking(&[LAST_HASH, FIRST_HASH], 1_000), Vec::new());
}

/// The log that results from offering the same entries until nothing more is taken.
fn settled(entries: &[SignedEntry]) -> Roster {
    let mesh = entries.iter().find(|e| e.payload == found(1).payload).expect("founds").hash();
    let mut log = RosterLog::from_entries(MeshId(mesh), entries.to_vec()).expect("founds");
    while !log.take(entries.to_vec()).new.is_empty() {}
    log.roster().clone()
}

/// A step of a random history: who writes, what, about whom, on top of which earlier entries.
type Step = (u8, u8, u8, Vec<prop::sample::Index>);

fn history_of(steps: &[Step]) -> History {
    let mut history = History::begin();
    extend(&mut history, steps);
    history
}

fn extend(history: &mut History, steps: &[Step]) {
    for (by, what, about, on) in steps {
        let hashes: Vec<_> = history.entries.iter().map(SignedEntry::hash).collect();
        let parents: Vec<_> = on.iter().map(|index| *index.get(&hashes)).collect();
        let change = match what {
            0 | 1 => admit(*about, ADMIN),
            2 => admit(*about, MEMBER),
            3 => Change::SetRoles { node: id(*about), roles: MEMBER.iter().copied().collect() },
            _ => revoke(*about, parents.clone()),
        };
        history.add(*by, &parents, change);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let on = prop::collection::vec(any::<prop::sample::Index>(), 1..3);
    prop::collection::vec((1u8..6, 0u8..6, 1u8..6, on), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_order_of_entries_and_duplicates_change_nothing(
        steps in steps(),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let history = history_of(&steps);
        let expected = history.roster();
        let mut entries = history.entries.clone();
        for index in &shuffle {
            let entry = entries.remove(index.index(entries.len()));
            entries.push(entry.clone());
            entries.insert(0, entry);
            entries.dedup();
        }
        prop_assert_eq!(roster(history.mesh, &entries), expected.clone());
        prop_assert_eq!(settled(&history.entries), settled(&entries));
    }

    #[test]
    fn the_founder_and_everybody_else_is_either_member_or_revoked_never_both(steps in steps()) {
        let roster = history_of(&steps).roster();
        prop_assert!(roster.contains(&id(1)) != roster.revoked.contains(&id(1)));
        let both = roster.members.keys().find(|node| roster.revoked.contains(node));
        prop_assert_eq!(both, None);
    }

    #[test]
    fn a_counting_revocation_stays_whatever_is_added_by_the_revoked(
        steps in steps(),
        more in prop::collection::vec((0u8..4, 1u8..6, any::<prop::sample::Index>()), 0..6),
    ) {
        let mut history = history_of(&steps);
        let before = history.roster();
        let by_number: BTreeMap<NodeId, u8> = (1..6).map(|n| (id(n), n)).collect();
        let Some(thief) = before.revoked.iter().next().and_then(|node| by_number.get(node)) else {
            return Ok(());
        };
        for (what, about, on) in more {
            // The thief builds on what it knew before it was revoked, and on its own entries.
            let hashes: Vec<_> = history.entries.iter().map(SignedEntry::hash).collect();
            let change = if what == 0 { admit(about, ADMIN) } else { admit(about, MEMBER) };
            let parent = *on.get(&hashes);
            history.add(*thief, &[parent], change);
        }
        let after = history.roster();
        prop_assert!(!after.contains(&id(*thief)));
        prop_assert_eq!(before.members, after.members);
    }

    #[test]
    fn nothing_that_comes_later_brings_a_revoked_key_back(steps in steps(), more in steps()) {
        let mut history = history_of(&steps);
        let before = history.roster().revoked;
        extend(&mut history, &more);
        prop_assert!(before.is_subset(&history.roster().revoked));
    }

    #[test]
    fn any_bytes_are_an_entry_or_an_error(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 0..80),
        author in any::<[u8; 32]>(),
    ) {
        let entry = SignedEntry { author: NodeId(author), payload, signature };
        prop_assert!(entry.open().is_err());
    }
}

//! Keys, signed entries and what nodes make of them, each computed once. Entries are numbered as they
//! are first written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use ed25519_dalek::SigningKey;
use pumasi_protocol::roster::{Change, EntryHash, NodeRole, Roster, RosterLog, SignedEntry};
use pumasi_protocol::{MeshId, NodeId, NodeName};

use super::Rule;

/// One key.
pub type Key = u8;
/// Founded the mesh.
pub const FOUNDER: Key = 0;
/// An admin that the founder let in.
pub const SECOND: Key = 1;
/// An admin that the second let in.
pub const THIRD: Key = 2;
/// A member without that role.
pub const MEMBER: Key = 3;
/// Whom an admin may let in.
pub const NEWCOMER: Key = 4;
/// Whom nobody lets in.
pub const STRANGER: Key = 5;

pub(crate) const KEYS: [Key; 6] = [FOUNDER, SECOND, THIRD, MEMBER, NEWCOMER, STRANGER];

/// An entry's number.
pub(crate) type Id = u16;
/// A set of entries.
pub(crate) type Entries = BTreeSet<Id>;

/// What an entry says. Revocations name as heads what they build on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// The mesh begins.
    Found,
    /// A node is let in as a member.
    Admit(Key),
    /// A node is let in as an admin, or becomes one.
    Promote(Key),
    /// A key is removed.
    Revoke(Key),
}

pub(crate) struct Written {
    pub(crate) signed: SignedEntry,
    pub(crate) by: Key,
    pub(crate) what: What,
    pub(crate) parents: Entries,
    /// All that it builds on.
    pub(crate) past: Entries,
}

#[derive(Default)]
struct Known {
    entries: Vec<Arc<Written>>,
    numbers: BTreeMap<(Key, What, Entries), Id>,
    rosters: BTreeMap<Vec<Id>, Arc<Roster>>,
    logs: BTreeMap<Entries, Arc<RosterLog>>,
    kept: BTreeMap<(Entries, Id), bool>,
    agree: BTreeMap<(Entries, Entries), bool>,
}

pub(crate) struct Ledger {
    rule: Rule,
    mesh: MeshId,
    known: Mutex<Known>,
}

fn key(key: Key) -> SigningKey {
    SigningKey::from_bytes(&[key + 1; 32])
}

pub(crate) fn id(of: Key) -> NodeId {
    static IDS: std::sync::OnceLock<Vec<NodeId>> = std::sync::OnceLock::new();
    let all = IDS
        .get_or_init(|| KEYS.iter().map(|k| NodeId(key(*k).verifying_key().to_bytes())).collect());
    all[usize::from(of)]
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a good name")
}

fn admission(of: Key, roles: &[NodeRole]) -> Change {
    let roles = roles.iter().copied().collect();
    Change::Admit { node: id(of), name: name(&format!("node {of}")), person: None, roles }
}

fn change(what: What, heads: Vec<EntryHash>) -> Change {
    match what {
        What::Found => Change::Found {
            mesh_name: name("office"),
            node_name: name("first"),
            person: name("kim"),
            nonce: [1; 16],
        },
        What::Admit(of) => admission(of, &[NodeRole::Member]),
        What::Promote(of) => admission(of, &[NodeRole::Admin, NodeRole::Member]),
        What::Revoke(of) => Change::Revoke { node: id(of), heads },
    }
}

impl Ledger {
    /// With the entries that everybody holds from the beginning.
    pub(crate) fn begin(rule: Rule) -> Self {
        let founding =
            SignedEntry::sign(&key(FOUNDER), None, Vec::new(), 1, &change(What::Found, Vec::new()));
        let mesh = MeshId(founding.expect("small").hash());
        let ledger = Self { rule, mesh, known: Mutex::default() };
        let found = ledger.write(FOUNDER, What::Found, Entries::new());
        let second = ledger.write(FOUNDER, What::Promote(SECOND), Entries::from([found]));
        let third = ledger.write(SECOND, What::Promote(THIRD), Entries::from([second]));
        ledger.write(THIRD, What::Admit(MEMBER), Entries::from([third]));
        ledger
    }

    pub(crate) fn beginning(&self) -> Entries {
        (0..4).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no code that holds this lock panics")
    }

    pub(crate) fn entry(&self, entry: Id) -> Arc<Written> {
        self.known().entries[usize::from(entry)].clone()
    }

    /// The number of this entry, which is signed if it is new.
    pub(crate) fn write(&self, by: Key, what: What, parents: Entries) -> Id {
        let mut known = self.known();
        let recipe = (by, what, parents);
        if let Some(number) = known.numbers.get(&recipe) {
            return *number;
        }
        let on = |of: &Id| known.entries[usize::from(*of)].clone();
        let hashes: Vec<_> = recipe.2.iter().map(|parent| on(parent).signed.hash()).collect();
        let past = recipe.2.iter().flat_map(|parent| {
            let before = on(parent).past.clone();
            before.into_iter().chain([*parent])
        });
        let past = past.collect();
        let mesh = (what != What::Found).then_some(self.mesh);
        let said = change(what, hashes.clone());
        let signed = SignedEntry::sign(&key(by), mesh, hashes, 1, &said).expect("small");
        let number = Id::try_from(known.entries.len()).expect("a small model");
        let written = Written { signed, by, what, parents: recipe.2.clone(), past };
        known.entries.push(Arc::new(written));
        known.numbers.insert(recipe, number);
        number
    }

    /// Those that no other of the set builds on.
    pub(crate) fn heads(&self, held: &Entries) -> Entries {
        let known = self.known();
        let parents = held.iter().flat_map(|e| known.entries[usize::from(*e)].parents.iter());
        let parents: Entries = parents.copied().collect();
        held.difference(&parents).copied().collect()
    }

    pub(crate) fn roster(&self, held: &Entries) -> Arc<Roster> {
        self.roster_in_order(held.iter().copied().collect())
    }

    /// The roster by the rule under test, which is given the entries in this order.
    fn roster_in_order(&self, order: Vec<Id>) -> Arc<Roster> {
        if let Some(roster) = self.known().rosters.get(&order) {
            return roster.clone();
        }
        let Rule::Wrong(rule) = self.rule else {
            let roster = Arc::new(self.log(&order.iter().copied().collect()).roster().clone());
            self.known().rosters.insert(order, roster.clone());
            return roster;
        };
        let mut known = self.known();
        let entries: Vec<_> =
            order.iter().map(|e| known.entries[usize::from(*e)].signed.clone()).collect();
        let roster = Arc::new(rule(self.mesh, &entries));
        known.rosters.insert(order, roster.clone());
        roster
    }

    /// The log of a node that holds these: that without the last written one, and this.
    fn log(&self, held: &Entries) -> Arc<RosterLog> {
        if let Some(log) = self.known().logs.get(held) {
            return log.clone();
        }
        let mut rest = held.clone();
        let last = self.entry(rest.pop_last().expect("the founding entry is among them"));
        let mut log = match rest.is_empty() {
            true => RosterLog::begin(last.signed.clone()).expect("it founds"),
            false => RosterLog::clone(&self.log(&rest)),
        };
        log.take(vec![last.signed.clone()]);
        let log = Arc::new(log);
        self.known().logs.insert(held.clone(), log.clone());
        log
    }

    /// Whether a node that holds these keeps the entry.
    pub(crate) fn keeps(&self, held: &Entries, entry: Id) -> bool {
        let asked = (held.clone(), entry);
        if let Some(kept) = self.known().kept.get(&asked) {
            return *kept;
        }
        let offered = self.entry(entry).signed.clone();
        let mut log = RosterLog::clone(&self.log(held));
        let kept = !log.take(vec![offered]).new.is_empty();
        self.known().kept.insert(asked, kept);
        kept
    }

    /// Whether two nodes that give each other all they hold come to the same entries and roster.
    pub(crate) fn agree(&self, a: &Entries, b: &Entries) -> bool {
        if a == b {
            return true;
        }
        let asked = (a.clone(), b.clone());
        if let Some(agree) = self.known().agree.get(&asked) {
            return *agree;
        }
        let (mut ours, mut theirs) =
            (RosterLog::clone(&self.log(a)), RosterLog::clone(&self.log(b)));
        loop {
            let to_us = ours.take(theirs.entries().cloned().collect()).new.len();
            let to_them = theirs.take(ours.entries().cloned().collect()).new.len();
            if to_us + to_them == 0 {
                break;
            }
        }
        let same_log = ours.entries().eq(theirs.entries()) && ours.roster() == theirs.roster();
        let joined = |first: &Entries, then: &Entries| {
            let order: Vec<_> = first.iter().chain(then.difference(first)).copied().collect();
            self.roster_in_order(order)
        };
        let agree = same_log && joined(a, b) == joined(b, a);
        self.known().agree.insert(asked, agree);
        agree
    }

    pub(crate) fn mesh(&self) -> MeshId {
        self.mesh
    }
}

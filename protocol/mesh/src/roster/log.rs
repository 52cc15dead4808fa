//! The entries that a node holds of one mesh, their roster, and what two nodes exchange to hold the
//! same ones.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::entry::{Change, ENTRY_PARENTS, Entry, EntryError, EntryHash};
use super::resolve::{Judged, counting, resolve};
use super::{NodeRole, Roster, SignedEntry};
use crate::ids::{MeshId, NodeId};
use crate::limits;

/// Of the entries, those of unknown kinds.
const OPAQUE_ENTRIES: usize = limits::ROSTER_ENTRIES / 4;

/// Why a log cannot be begun or added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The entry itself is not valid.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The first entry does not found a mesh.
    #[error("these entries do not begin with the founding of a mesh")]
    NotFounding,
    /// The author has not the right.
    #[error("only an admin can change who belongs to the mesh")]
    NotAdmin,
    /// [`limits::ROSTER_ENTRIES`] are held.
    #[error("the roster holds as many entries as it can")]
    Full,
}

/// What became of entries that were offered.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Kept now, and not before; parents first.
    pub new: Vec<SignedEntry>,
    /// Not kept, because entries that they build on are not at hand.
    pub waiting: usize,
    /// Not kept, because they are damaged, forged, foreign, of an author without rights, or too many.
    pub refused: usize,
}

/// All entries of one mesh that a node holds. Parents are always held, too.
#[derive(Debug, Clone)]
pub struct RosterLog {
    mesh: MeshId,
    entries: BTreeMap<EntryHash, (SignedEntry, Entry)>,
    /// Keys that some entry admits, rightly or not: nobody else's entries are kept.
    named: BTreeSet<NodeId>,
    /// Of these, keys that some entry made an admin.
    named_admins: BTreeSet<NodeId>,
    opaque: usize,
    judged: Judged,
    roster: Roster,
}

impl RosterLog {
    /// Begins with the founding entry.
    ///
    /// # Errors
    /// When it is not one.
    pub fn begin(found: SignedEntry) -> Result<Self, LogError> {
        let entry = found.open()?;
        let founds = matches!(entry.change, Some(Change::Found { .. }));
        if !founds || entry.mesh.is_some() || !entry.parents.is_empty() {
            return Err(LogError::NotFounding);
        }
        let mesh = MeshId(entry.hash);
        let mut log = Self {
            mesh,
            roster: resolve(mesh, std::iter::empty(), &mut Judged::new()),
            entries: BTreeMap::new(),
            named: BTreeSet::new(),
            named_admins: BTreeSet::new(),
            opaque: 0,
            judged: Judged::new(),
        };
        log.keep(found, entry);
        log.resolve();
        Ok(log)
    }

    /// From all entries of a mesh in any order; those that do not belong are left out.
    ///
    /// # Errors
    /// When its founding entry is not among them.
    pub fn from_entries(mesh: MeshId, entries: Vec<SignedEntry>) -> Result<Self, LogError> {
        let found = entries.iter().find(|entry| entry.hash() == mesh.0);
        let mut log = Self::begin(found.ok_or(LogError::NotFounding)?.clone())?;
        log.take(entries);
        Ok(log)
    }

    /// The roster that these entries give.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// All entries, by hash.
    pub fn entries(&self) -> impl Iterator<Item = &SignedEntry> {
        self.entries.values().map(|(signed, _)| signed)
    }

    /// All entries that were understood, by hash, and whether each counts.
    #[must_use]
    pub fn history(&self) -> Vec<(Entry, bool)> {
        let entries = || self.entries.values().map(|(_, entry)| entry);
        let counts = counting(self.mesh, entries(), &self.judged);
        entries().map(|entry| (entry.clone(), counts.contains(&entry.hash))).collect()
    }

    /// Entries with what they say.
    pub(super) fn opened(&self) -> impl Iterator<Item = &(SignedEntry, Entry)> {
        self.entries.values()
    }

    pub(super) fn find(&self, hash: &EntryHash) -> Option<&(SignedEntry, Entry)> {
        self.entries.get(hash)
    }

    /// Takes entries in any order.
    pub fn take(&mut self, offered: Vec<SignedEntry>) -> Taken {
        let mut taken = Taken::default();
        let mut ready = Vec::new();
        let mut waiting: BTreeMap<EntryHash, Vec<(SignedEntry, Entry)>> = BTreeMap::new();
        let unknown = |signed: &SignedEntry| !self.entries.contains_key(&signed.hash());
        for signed in offered.into_iter().filter(unknown) {
            match signed.open() {
                Ok(entry) => ready.push((signed, entry)),
                Err(_) => taken.refused += 1,
            }
        }
        let mut unwanted = Vec::new();
        let mut named = self.named.len() + self.named_admins.len();
        loop {
            let Some((signed, entry)) = ready.pop() else {
                // An author may have been named only by what came after its entry.
                let now = self.named.len() + self.named_admins.len();
                if now == named || unwanted.is_empty() {
                    break;
                }
                named = now;
                ready.append(&mut unwanted);
                continue;
            };
            if self.entries.contains_key(&entry.hash) {
                continue;
            }
            let absent = entry.parents.iter().find(|hash| !self.entries.contains_key(*hash));
            if let Some(parent) = absent {
                waiting.entry(*parent).or_default().push((signed, entry));
                continue;
            }
            if !self.would_keep(&entry) {
                unwanted.push((signed, entry));
                continue;
            }
            ready.extend(waiting.remove(&entry.hash).unwrap_or_default());
            taken.new.push(signed.clone());
            self.keep(signed, entry);
        }
        taken.refused += unwanted.len();
        taken.waiting = waiting.values().map(Vec::len).sum();
        if !taken.new.is_empty() {
            self.resolve();
        }
        taken
    }

    fn resolve(&mut self) {
        let entries = self.entries.values().map(|(_, entry)| entry);
        self.roster = resolve(self.mesh, entries, &mut self.judged);
    }

    fn would_keep(&self, entry: &Entry) -> bool {
        let from_admin = self.named_admins.contains(&entry.author);
        let allowed = match &entry.change {
            Some(Change::Found { .. }) => false,
            Some(Change::Admit { .. } | Change::SetRoles { .. }) => from_admin,
            Some(Change::Revoke { node, .. }) => from_admin || *node == entry.author,
            None => self.opaque < OPAQUE_ENTRIES,
        };
        allowed
            && entry.mesh == Some(self.mesh)
            && self.named.contains(&entry.author)
            && self.entries.len() < limits::ROSTER_ENTRIES
    }

    fn keep(&mut self, signed: SignedEntry, entry: Entry) {
        match &entry.change {
            Some(Change::Found { .. }) => {
                self.named.insert(entry.author);
                self.named_admins.insert(entry.author);
            }
            Some(Change::Admit { node, roles, .. } | Change::SetRoles { node, roles }) => {
                self.named.insert(*node);
                if roles.contains(&NodeRole::Admin) {
                    self.named_admins.insert(*node);
                }
            }
            Some(Change::Revoke { .. }) => {}
            None => self.opaque += 1,
        }
        self.entries.insert(entry.hash, (signed, entry));
    }

    /// The entries that nothing builds on.
    #[must_use]
    pub fn heads(&self) -> Vec<EntryHash> {
        let parents = self.entries.values().flat_map(|(_, entry)| entry.parents.iter());
        let parents: BTreeSet<&EntryHash> = parents.collect();
        self.entries.keys().filter(|hash| !parents.contains(hash)).copied().collect()
    }

    /// Signs a change on top of all that is held. It is not taken yet.
    ///
    /// # Errors
    /// When the key is no admin's (a node may revoke itself), or the log is full.
    pub fn sign(
        &self,
        key: &SigningKey,
        at_ms: u64,
        change: &Change,
    ) -> Result<SignedEntry, LogError> {
        let author = NodeId(key.verifying_key().to_bytes());
        let leaves = match change {
            Change::Revoke { node, .. } => *node == author && self.roster.contains(&author),
            Change::Found { .. } | Change::Admit { .. } | Change::SetRoles { .. } => false,
        };
        if !leaves && !self.roster.has_role(&author, NodeRole::Admin) {
            return Err(LogError::NotAdmin);
        }
        if self.entries.len() >= limits::ROSTER_ENTRIES {
            return Err(LogError::Full);
        }
        let mut parents = self.heads();
        parents.truncate(ENTRY_PARENTS);
        Ok(SignedEntry::sign(key, Some(self.mesh), parents, at_ms, change)?)
    }

    /// A part of the hashes that are held, ascending, beginning at `from`: the first and the last
    /// element are bounds, and between them nothing that is held is left out. `[0; 32]` begins and
    /// `[255; 32]` ends the whole; no entry has these hashes.
    #[must_use]
    pub fn window(&self, from: EntryHash, count: usize) -> Vec<EntryHash> {
        let mut window = vec![from];
        window.extend(self.entries.range(from..).map(|(hash, _)| *hash).filter(|h| *h != from));
        if window.len() > count.max(2) {
            window.truncate(count.max(2));
        } else {
            window.push(LAST_HASH);
        }
        window
    }

    /// What is held between the bounds of `window` and not in it, up to `bytes`.
    #[must_use]
    pub fn lacking(&self, window: &[EntryHash], bytes: usize) -> Vec<SignedEntry> {
        let (Some(first), Some(last)) = (window.first(), window.last()) else { return Vec::new() };
        if first > last {
            return Vec::new();
        }
        let known: BTreeSet<&EntryHash> = window.iter().collect();
        let unknown = self.entries.range(*first..=*last).filter(|(hash, _)| !known.contains(hash));
        let mut left = bytes;
        let fits = |(signed, _): &&(SignedEntry, Entry)| {
            left.checked_sub(signed.size()).map(|rest| left = rest).is_some()
        };
        unknown.map(|(_, kept)| kept).take_while(fits).map(|(signed, _)| signed.clone()).collect()
    }
}

/// Where [`RosterLog::window`] begins.
pub const FIRST_HASH: EntryHash = [0; 32];
/// Where the last [`RosterLog::window`] ends.
pub const LAST_HASH: EntryHash = [255; 32];

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(
        log: &mut RosterLog,
        key: &SigningKey,
        parents: Vec<EntryHash>,
        change: &Change,
    ) -> EntryHash {
        let entry = SignedEntry::sign(key, Some(log.mesh), parents, 5, change).expect("small");
        let hash = entry.hash();
        assert_eq!(log.take(vec![entry]).new.len(), 1);
        hash
    }

    #[test]
    fn the_history_tells_what_counts_from_what_a_revoked_admin_wrote_aside() {
        let [founder, admin] = [1, 2].map(|n| SigningKey::from_bytes(&[n; 32]));
        let id = |key: &SigningKey| NodeId(key.verifying_key().to_bytes());
        let name = |text: &str| text.parse().expect("a name");
        let (mesh_name, node_name) = (name("office"), name("front"));
        let found = Change::Found { mesh_name, node_name, person: name("kim"), nonce: [0; 16] };
        let found = SignedEntry::sign(&founder, None, Vec::new(), 1, &found).expect("small");
        let first = found.hash();
        let mut log = RosterLog::begin(found).expect("it founds");
        let admit = |node, role| {
            let roles = BTreeSet::from([role]);
            Change::Admit { node, name: name("desk"), person: None, roles }
        };
        let second = signed(&mut log, &founder, vec![first], &admit(id(&admin), NodeRole::Admin));
        let aside = admit(NodeId([9; 32]), NodeRole::Member);
        let aside = signed(&mut log, &admin, vec![second], &aside);
        let revoke = Change::Revoke { node: id(&admin), heads: vec![second] };
        let removal = signed(&mut log, &founder, vec![second], &revoke);
        let history: BTreeMap<EntryHash, bool> =
            log.history().into_iter().map(|(entry, counts)| (entry.hash, counts)).collect();
        let expected = [(first, true), (second, true), (aside, false), (removal, true)];
        assert_eq!(history, BTreeMap::from(expected));
    }
}

//! From a set of entries to the roster. Pure, and the same whatever the order of the entries.
//!
//! A revocation counts if its author was an admin by what lies in the revocation's own past. Nothing
//! that comes to light later changes that, so a revoked key stays out for ever: not even the removal
//! of who removed it brings it back, and of two admins who remove each other both are out.
//!
//! Anything else counts if its author was an admin in the entry's own past (the entries it builds on),
//! and if no *limit* on its author voids it. A revocation voids what the revoked key wrote and the
//! named heads do not build on; taking the role admin away voids what was written beside it, neither
//! before nor after. Demotions are accepted author by author, the longest admitted first.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Change, Entry, EntryHash};
use super::{Member, NodeRole, Roster, SignedEntry};
use crate::ids::{MeshId, NodeId};
use crate::limits;

/// The roster of `mesh` that these entries give. Entries that are damaged, forged, of another mesh,
/// or by authors without the right count for nothing; so does everything above
/// [`limits::ROSTER_ENTRIES`], the highest hashes first.
#[must_use]
pub fn roster(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let opened = entries.iter().filter_map(|entry| entry.open().ok());
    let by_hash: BTreeMap<_, _> = opened.map(|entry| (entry.hash, entry)).collect();
    resolve(mesh, by_hash.values().take(limits::ROSTER_ENTRIES), &mut Judged::new())
}

/// Which revocations count, and which do not; a judgement never changes.
pub(super) type Judged = BTreeMap<EntryHash, bool>;

/// As [`roster`], for entries that were opened before; in ascending order of their hashes.
pub(super) fn resolve<'a>(
    mesh: MeshId,
    entries: impl Iterator<Item = &'a Entry>,
    judged: &mut Judged,
) -> Roster {
    let graph = Graph::build(mesh, entries);
    let (counts, revoked) = graph.settle(judged);
    Roster {
        mesh,
        name: graph.mesh_name(),
        members: graph.members(&counts, &revoked),
        revoked,
        missing: graph.missing,
    }
}

/// The hashes of the entries that count.
pub(super) fn counting<'a>(
    mesh: MeshId,
    entries: impl Iterator<Item = &'a Entry>,
    judged: &Judged,
) -> BTreeSet<EntryHash> {
    let graph = Graph::build(mesh, entries);
    let (counts, _) = graph.settle(&mut judged.clone());
    let counting = graph.entries.iter().zip(counts).filter(|(_, counts)| *counts);
    counting.map(|(entry, _)| entry.hash).collect()
}

/// Which entries an entry builds on, as bits by position.
#[derive(Clone)]
struct Past(Vec<u64>);

impl Past {
    fn empty(entries: usize) -> Self {
        Self(vec![0; entries.div_ceil(64)])
    }

    fn whole(entries: usize) -> Self {
        Self(vec![u64::MAX; entries.div_ceil(64)])
    }

    fn add(&mut self, position: usize) {
        self.0[position / 64] |= 1 << (position % 64);
    }

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    fn contains(&self, position: usize) -> bool {
        self.0[position / 64] & (1 << (position % 64)) != 0
    }
}

/// A key that is out, and the position of the entry that says so.
type Revocation = (NodeId, usize);

/// What bounds an author's entries.
enum Limit {
    /// Only what lies in this past counts.
    Revoked(Past),
    /// What is neither before nor after the entry at this position does not count.
    Demoted(usize),
}

/// Entries in an order in which parents come first; deterministic.
struct Graph<'a> {
    mesh: MeshId,
    entries: Vec<&'a Entry>,
    position: BTreeMap<EntryHash, usize>,
    /// Length of the longest way back to an entry without parents.
    depth: Vec<u32>,
    past: Vec<Past>,
    /// Per node, the entries that admit it or set its roles, latest (deepest) first.
    about: BTreeMap<NodeId, Vec<usize>>,
    missing: BTreeSet<EntryHash>,
}

impl<'a> Graph<'a> {
    fn build(mesh: MeshId, entries: impl Iterator<Item = &'a Entry>) -> Self {
        let belongs = |entry: &&Entry| match (&entry.change, entry.mesh) {
            (Some(Change::Found { .. }), None) => entry.hash == mesh.0 && entry.parents.is_empty(),
            (Some(Change::Found { .. }), Some(_)) => false,
            (_, of) => of == Some(mesh),
        };
        let all: BTreeMap<EntryHash, &Entry> =
            entries.filter(belongs).map(|entry| (entry.hash, entry)).collect();
        let parents = all.values().flat_map(|entry| &entry.parents);
        let missing = parents.filter(|hash| !all.contains_key(*hash)).copied().collect();
        let mut graph = Self {
            mesh,
            entries: parents_first(&all),
            position: BTreeMap::new(),
            depth: Vec::new(),
            past: Vec::new(),
            about: BTreeMap::new(),
            missing,
        };
        graph.link();
        graph
    }

    fn link(&mut self) {
        let count = self.entries.len();
        for (i, entry) in self.entries.iter().enumerate() {
            self.position.insert(entry.hash, i);
            let depths = entry.parents.iter().filter_map(|hash| self.position.get(hash));
            let depth = depths.map(|parent| self.depth[*parent] + 1).max().unwrap_or_default();
            let past = self.up_to(&entry.parents, count);
            self.past.push(past);
            self.depth.push(depth);
            if let Some((node, _)) = self.roles_in(i) {
                self.about.entry(node).or_default().push(i);
            }
        }
        let (depth, entries) = (&self.depth, &self.entries);
        for about in self.about.values_mut() {
            about.sort_by_key(|i| std::cmp::Reverse((depth[*i], entries[*i].hash)));
        }
    }

    /// The node whose roles the entry sets, and these.
    fn roles_in(&self, i: usize) -> Option<(NodeId, BTreeSet<NodeRole>)> {
        let entry = self.entries[i];
        match entry.change.as_ref()? {
            Change::Found { .. } => {
                Some((entry.author, BTreeSet::from([NodeRole::Admin, NodeRole::Member])))
            }
            Change::Admit { node, roles, .. } | Change::SetRoles { node, roles } => {
                Some((*node, roles.clone()))
            }
            Change::Revoke { .. } => None,
        }
    }

    fn admits(&self, i: usize) -> bool {
        match self.entries[i].change {
            Some(Change::Found { .. } | Change::Admit { .. }) => true,
            Some(Change::SetRoles { .. } | Change::Revoke { .. }) | None => false,
        }
    }

    /// These entries, as far as they are at hand, and all that they build on.
    fn up_to(&self, heads: &[EntryHash], count: usize) -> Past {
        let mut past = Past::empty(count);
        for head in heads.iter().filter_map(|hash| self.position.get(hash)) {
            past.join(&self.past[*head]);
            past.add(*head);
        }
        past
    }

    fn grants_admin(&self, i: usize) -> bool {
        self.roles_in(i).is_some_and(|(_, roles)| roles.contains(&NodeRole::Admin))
    }

    fn about(&self, node: &NodeId) -> &[usize] {
        self.about.get(node).map_or(&[], Vec::as_slice)
    }

    /// Which entries count, and which keys are revoked.
    fn settle(&self, judged: &mut Judged) -> (Vec<bool>, BTreeSet<NodeId>) {
        let revocations = self.revocations(judged);
        let mut counts = self.settle_under(&Past::whole(self.entries.len()), &revocations);
        for (i, entry) in self.entries.iter().enumerate() {
            if let Some(counting) = judged.get(&entry.hash) {
                counts[i] = *counting;
            }
        }
        (counts, revocations.into_iter().map(|(node, _)| node).collect())
    }

    /// The revocations that count, parents first.
    fn revocations(&self, judged: &mut Judged) -> Vec<Revocation> {
        let mut counting = Vec::new();
        for (i, entry) in self.entries.iter().enumerate() {
            let Some(Change::Revoke { node, .. }) = &entry.change else { continue };
            let counts = judged.get(&entry.hash).copied();
            let counts = counts.unwrap_or_else(|| self.may_revoke(i, &counting));
            judged.insert(entry.hash, counts);
            if counts {
                counting.push((*node, i));
            }
        }
        counting
    }

    /// Whether the author of this revocation may write it, by its own past and nothing else.
    fn may_revoke(&self, i: usize, earlier: &[Revocation]) -> bool {
        let past = &self.past[i];
        let known = earlier.iter().filter(|(_, at)| past.contains(*at)).copied();
        let known: Vec<Revocation> = known.collect();
        let author = self.entries[i].author;
        let is_out = known.iter().any(|(node, _)| *node == author);
        !is_out && self.has_right(i, &self.settle_under(past, &known))
    }

    /// Which entries of `within` count under these revocations. Accepts demotions until none is left.
    fn settle_under(&self, within: &Past, revocations: &[Revocation]) -> Vec<bool> {
        let mut limits: BTreeMap<NodeId, Vec<Limit>> = BTreeMap::new();
        for (node, at) in revocations {
            let Some(Change::Revoke { heads, .. }) = &self.entries[*at].change else { continue };
            let past = self.up_to(heads, self.entries.len());
            limits.entry(*node).or_default().push(Limit::Revoked(past));
        }
        let mut accepted = BTreeSet::new();
        loop {
            let counts = self.counting(within, &limits);
            let open = (0..self.entries.len()).filter(|i| counts[*i] && !accepted.contains(i));
            let open = open.filter_map(|i| Some((i, self.demoted(i, &counts)?)));
            let ranked =
                open.map(|(i, node)| (self.seniority(&self.entries[i].author, &counts), i, node));
            let open: Vec<_> = ranked.collect();
            let Some(senior) = open.iter().map(|(rank, ..)| *rank).min() else { return counts };
            for (_, i, node) in open.into_iter().filter(|(rank, ..)| *rank == senior) {
                accepted.insert(i);
                limits.entry(node).or_default().push(Limit::Demoted(i));
            }
        }
    }

    /// Which entries of `within` count under these limits.
    fn counting(&self, within: &Past, limits: &BTreeMap<NodeId, Vec<Limit>>) -> Vec<bool> {
        let mut counts = Vec::with_capacity(self.entries.len());
        for i in 0..self.entries.len() {
            let author = &self.entries[i].author;
            let allows = |limit: &Limit| match limit {
                Limit::Revoked(past) => past.contains(i),
                Limit::Demoted(at) => self.past[*at].contains(i) || self.past[i].contains(*at),
            };
            let bound = || limits.get(author).is_none_or(|limits| limits.iter().all(allows));
            counts.push(within.contains(i) && bound() && self.has_right(i, &counts));
        }
        counts
    }

    /// Whether the author had the right to write this, by what counts in the entry's own past.
    fn has_right(&self, i: usize, counts: &[bool]) -> bool {
        let entry = self.entries[i];
        let mut known = self.about(&entry.author).iter();
        let latest = known.find(|about| self.past[i].contains(**about) && counts[**about]);
        match &entry.change {
            None => false,
            Some(Change::Found { .. }) => true,
            Some(Change::Revoke { node, .. }) if *node == entry.author => latest.is_some(),
            Some(Change::Admit { .. } | Change::SetRoles { .. } | Change::Revoke { .. }) => {
                latest.is_some_and(|about| self.grants_admin(*about))
            }
        }
    }

    /// Whom this entry takes the role admin from.
    fn demoted(&self, i: usize, counts: &[bool]) -> Option<NodeId> {
        match &self.entries[i].change {
            Some(Change::Admit { node, .. } | Change::SetRoles { node, .. }) => {
                let was_admin = |about: &usize| {
                    counts[*about] && self.past[i].contains(*about) && self.grants_admin(*about)
                };
                let demotes = !self.grants_admin(i) && self.about(node).iter().any(was_admin);
                demotes.then_some(*node)
            }
            Some(Change::Found { .. } | Change::Revoke { .. }) | None => None,
        }
    }

    /// Smaller is more senior: how deep the first entry lies that admitted the node, and which it is.
    fn seniority(&self, node: &NodeId, counts: &[bool]) -> (u32, EntryHash) {
        let admissions = self.about(node).iter().filter(|i| counts[**i] && self.admits(**i));
        let first = admissions.map(|i| (self.depth[*i], self.entries[*i].hash)).min();
        first.unwrap_or((u32::MAX, node.0))
    }

    fn mesh_name(&self) -> Option<crate::name::NodeName> {
        let founding = self.entries.iter().find(|entry| entry.hash == self.mesh.0)?;
        let Some(Change::Found { mesh_name, .. }) = &founding.change else { return None };
        Some(mesh_name.clone())
    }

    fn members(&self, counts: &[bool], revoked: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Member> {
        let nodes = self.about.iter().filter(|(node, _)| !revoked.contains(node));
        nodes.filter_map(|(node, about)| Some((*node, self.member(about, counts)?))).collect()
    }

    /// What the counting entries about one node, latest first, make of it.
    fn member(&self, about: &[usize], counts: &[bool]) -> Option<Member> {
        let counting = about.iter().copied().filter(|i| counts[*i]);
        let mut admissions = counting.clone().filter(|i| self.admits(*i));
        let (latest, first) = (admissions.clone().next()?, admissions.next_back()?);
        let (_, roles) = self.roles_in(counting.clone().next()?)?;
        let (name, person) = match self.entries[latest].change.as_ref()? {
            Change::Found { node_name, person, .. } => (node_name.clone(), Some(person.clone())),
            Change::Admit { name, person, .. } => (name.clone(), person.clone()),
            Change::SetRoles { .. } | Change::Revoke { .. } => return None,
        };
        Some(Member { name, person, roles, admitted_by: self.entries[first].author })
    }
}

/// The entries whose ancestors are all at hand, parents before children.
fn parents_first<'a>(all: &BTreeMap<EntryHash, &'a Entry>) -> Vec<&'a Entry> {
    let mut open: BTreeMap<EntryHash, usize> = BTreeMap::new();
    let mut children: BTreeMap<EntryHash, Vec<EntryHash>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for (hash, entry) in all {
        let parents: BTreeSet<_> = entry.parents.iter().copied().collect();
        if parents.is_empty() {
            ready.insert(*hash);
        }
        open.insert(*hash, parents.len());
        for parent in parents {
            children.entry(parent).or_default().push(*hash);
        }
    }
    let mut order = Vec::with_capacity(all.len());
    while let Some(hash) = ready.pop_first() {
        order.push(all[&hash]);
        for child in children.remove(&hash).unwrap_or_default() {
            let left = open.get_mut(&child).expect("children are among all entries");
            *left -= 1;
            if *left == 0 {
                ready.insert(child);
            }
        }
    }
    order
}

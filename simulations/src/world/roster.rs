//! Who belongs, by the real roster: entries signed by real keys, exchanged over the links, resolved
//! on each machine. Only scenarios that change the roster have one; in the others all belong.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ed25519_dalek::SigningKey;
use pumasi_protocol::NodeId;
use pumasi_protocol::name::NodeName;
use pumasi_protocol::roster::{Change, NodeRole, RosterLog, SignedEntry};
use pumasi_scheduler::{CustodyInput, Input, MemberFacts, Time};

use crate::canary::Canary;
use crate::chance::hash;
use crate::oracle::Invariant;
use crate::scenario::{Operation, Scenario};
use crate::shell::{Shell, person_id};
use crate::situations::Situation;

use super::World;
use super::events::Event;
use super::judge::REVOKED_MS;

fn bytes(machine: usize) -> [u8; 32] {
    let mut id = [0; 32];
    for (part, bytes) in id.chunks_mut(8).enumerate() {
        bytes.copy_from_slice(&hash(&[7, machine as u64, part as u64]).to_le_bytes());
    }
    id
}

fn key(machine: usize) -> SigningKey {
    SigningKey::from_bytes(&bytes(machine))
}

fn name(machine: usize) -> NodeName {
    format!("node {machine}").parse().expect("a node name")
}

fn changes_roster(scenario: &Scenario) -> bool {
    let changes = |operation: &Operation| match operation {
        Operation::Admit { .. } | Operation::Revoke { .. } => true,
        Operation::Submit(_)
        | Operation::Cancel { .. }
        | Operation::Adopt { .. }
        | Operation::Preload { .. }
        | Operation::Release { .. } => false,
    };
    scenario.machines.iter().any(|machine| machine.stranger)
        || scenario.workload.iter().any(|op| changes(&op.operation))
}

/// The machines of a scenario; machine 0 founded the mesh.
pub(super) fn machines(scenario: &Scenario) -> Vec<Shell> {
    let count = scenario.machines.len();
    if !changes_roster(scenario) {
        return (0..count).map(|i| Shell::new(i, NodeId(bytes(i)), scenario)).collect();
    }
    let id = |machine: usize| NodeId(key(machine).verifying_key().to_bytes());
    let mut shells: Vec<Shell> = (0..count).map(|i| Shell::new(i, id(i), scenario)).collect();
    let begun = founding();
    let mut log = begun.clone();
    for (machine, spec) in scenario.machines.iter().enumerate().skip(1) {
        if !spec.stranger {
            let entry = admission(&log, 0, machine, id(machine), false);
            log.take(entry.into_iter().collect());
        }
    }
    let (begun, log) = (Rc::new(begun), Rc::new(log));
    for shell in &mut shells {
        let stranger = shell.spec.stranger && shell.index > 0;
        shell.log = Some(Rc::clone(if stranger { &begun } else { &log }));
    }
    shells
}

fn founding() -> RosterLog {
    let found = Change::Found {
        mesh_name: "simulated".parse().expect("a name"),
        node_name: name(0),
        person: "founder".parse().expect("a name"),
        nonce: [1; 16],
    };
    let entry = SignedEntry::sign(&key(0), None, Vec::new(), 0, &found).expect("a small entry");
    RosterLog::begin(entry).expect("it founds a mesh")
}

fn admission(
    log: &RosterLog,
    author: usize,
    machine: usize,
    node: NodeId,
    admin: bool,
) -> Option<SignedEntry> {
    let role = if admin { NodeRole::Admin } else { NodeRole::Member };
    let roles = BTreeSet::from([role]);
    let change = Change::Admit { node, name: name(machine), person: None, roles };
    log.sign(&key(author), machine as u64, &change).ok()
}

impl World<'_> {
    /// Tells a machine's scheduler who belongs.
    pub(super) fn tell_roster(&mut self, node: usize) {
        let facts = |person: Option<u8>| MemberFacts {
            person: person.map(person_id),
            may_run: true,
            may_submit: true,
        };
        let shell = &self.shells[node];
        let known: BTreeSet<NodeId> = match &shell.log {
            None => self.shells.iter().map(|s| s.own_id).collect(),
            Some(log) => {
                let roster = log.roster();
                let alone = !roster.contains(&shell.id) && !roster.revoked.contains(&shell.id);
                if alone {
                    BTreeSet::from([shell.id])
                } else {
                    roster.members.keys().copied().collect()
                }
            }
        };
        let told: BTreeSet<NodeId> = match self.canary {
            Some(Canary::RevokedKept) => known.union(&shell.members).copied().collect(),
            Some(_) | None => known.clone(),
        };
        let of = |id: &NodeId| self.by_id.get(id).and_then(|n| self.shells[*n].spec.person);
        let members: BTreeMap<_, _> = told.iter().map(|id| (*id, facts(of(id)))).collect();
        self.shells[node].members = Rc::new(known);
        self.tell_custody(node, CustodyInput::Roster { members: members.clone() });
        self.input(node, Input::Roster { members });
    }

    pub(super) fn admit(&mut self, node: usize, machine: usize, admin: bool) {
        let id = self.shells[machine].own_id;
        let Some(log) = self.shells[node].log.clone().filter(|_| self.shells[node].is_awake())
        else {
            return;
        };
        match admission(&log, node, machine, id, admin) {
            Some(entry) => self.write_entry(node, entry, Some(machine)),
            None => self.saw(Situation::NotAllowed),
        }
    }

    pub(super) fn revoke(&mut self, node: usize, machine: usize) {
        let id = self.shells[machine].own_id;
        let Some(log) = self.shells[node].log.clone().filter(|_| self.shells[node].is_awake())
        else {
            return;
        };
        let change = Change::Revoke { node: id, heads: log.heads() };
        let Ok(entry) = log.sign(&key(node), self.now.0, &change) else {
            return self.saw(Situation::NotAllowed);
        };
        self.note_revoked(machine);
        self.write_entry(node, entry, None);
        let at = self.now;
        self.later(REVOKED_MS * 1_000, Event::RevokedKnown { machine, at });
    }

    fn note_revoked(&mut self, machine: usize) {
        self.saw(Situation::Revoked);
        let id = self.shells[machine].own_id;
        if self.shells[machine].told.values().any(|(owner, _)| *owner != id) {
            self.saw(Situation::RevokedExecutor);
        }
        if self.shells[machine].pumps.values().any(|pump| pump.executor != machine) {
            self.saw(Situation::RevokedOwner);
        }
    }

    fn write_entry(&mut self, node: usize, entry: SignedEntry, greets: Option<usize>) {
        self.take_entries(node, &[entry]);
        // A new member gets the roster at the join door, from who admitted it.
        if let Some(machine) = greets.filter(|machine| *machine != node) {
            self.send_entries(node, machine);
        }
    }

    /// Sends all entries that one machine holds to another, over a connection.
    pub(super) fn sync_roster(&mut self, from: usize, to: usize) {
        if self.knows(from, self.shells[to].own_id) {
            self.send_entries(from, to);
        }
    }

    fn send_entries(&mut self, from: usize, to: usize) {
        let Some(log) = self.shells[from].log.clone() else { return };
        if self.wire.is_apart(from, to) || !self.shells[to].is_alive() {
            return;
        }
        let entries = Rc::new(log.entries().cloned().collect());
        let delay = self.wire.stream(from, to);
        self.later(delay, Event::Entries { to, entries });
    }

    pub(super) fn on_entries(&mut self, to: usize, entries: &Rc<Vec<SignedEntry>>) {
        if self.shells[to].is_alive() {
            self.take_entries(to, entries);
        }
    }

    /// Takes entries; what was new is told to the scheduler and passed on.
    fn take_entries(&mut self, node: usize, entries: &[SignedEntry]) {
        let Some(log) = &mut self.shells[node].log else { return };
        let held: BTreeSet<_> = log.entries().map(SignedEntry::hash).collect();
        let unknown: Vec<_> =
            entries.iter().filter(|e| !held.contains(&e.hash())).cloned().collect();
        if unknown.is_empty() || Rc::make_mut(log).take(unknown).new.is_empty() {
            return;
        }
        let before = Rc::clone(&self.shells[node].members);
        self.check_revoked_stay(node);
        self.tell_roster(node);
        let after = Rc::clone(&self.shells[node].members);
        for gone in before.difference(&after) {
            if let Some(peer) = self.by_id.get(gone).copied().filter(|peer| *peer != node) {
                self.break_streams(node, peer);
            }
        }
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.sync_roster(node, peer);
        }
        let changed: Vec<_> = before.symmetric_difference(&after).copied().collect();
        let peers: Vec<usize> =
            changed.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        for peer in peers {
            if peer != node {
                self.see_soon(node, peer);
            }
        }
        let was_alone = before.iter().all(|id| *id == self.shells[node].id);
        if was_alone || changed.contains(&self.shells[node].id) {
            self.shells[node].disturbed = self.now;
            for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
                self.see_soon(node, peer);
            }
        }
    }

    /// I20: a revoked key is never a member again.
    fn check_revoked_stay(&mut self, node: usize) {
        let Some(log) = &self.shells[node].log else { return };
        let roster = log.roster();
        let back = roster.revoked.iter().find(|id| roster.contains(id)).copied();
        if let Some(id) = back {
            let what = format!("{id:?} was revoked, and belongs again at node {node}");
            self.violate(Invariant::RosterAgreement, what);
        }
    }

    /// I20: the same entries give the same roster, in any order.
    pub(super) fn check_rosters_agree(&mut self) {
        let mut seen: Vec<(BTreeSet<[u8; 32]>, usize)> = Vec::new();
        for node in 0..self.shells.len() {
            let Some(log) = self.shells[node].log.clone() else { return };
            let entries: BTreeSet<_> = log.entries().map(SignedEntry::hash).collect();
            let twin = seen.iter().find(|(known, _)| *known == entries).map(|(_, n)| *n);
            let same = match twin {
                Some(other) => {
                    let other = self.shells[other].log.as_ref();
                    other.is_none_or(|other| other.roster() == log.roster())
                }
                None => is_ordered_freely(&log),
            };
            if !same {
                let what = format!("the entries of node {node} give two rosters");
                self.violate(Invariant::RosterAgreement, what);
            }
            seen.push((entries, node));
        }
    }

    /// I6: some seconds after a revocation, who could hear of it has heard.
    pub(super) fn check_revoked_known(&mut self, machine: usize, at: Time) {
        let id = self.shells[machine].own_id;
        for node in (0..self.shells.len()).filter(|node| *node != machine) {
            let shell = &self.shells[node];
            // Who runs with another's key is told nothing as itself.
            let itself = shell.id == shell.own_id;
            let undisturbed = itself && at.ms_since(shell.disturbed) >= REVOKED_MS;
            let reached = shell.log.as_ref().is_some_and(|log| log.roster().revoked.contains(&id));
            let belongs = self.knows(0, shell.id) && shell.members.contains(&shell.id);
            let hub = &self.shells[0];
            let linked = hub.is_awake()
                && at.ms_since(hub.disturbed) >= REVOKED_MS
                && !self.wire.is_apart(0, node)
                && hub.log.as_ref().is_some_and(|log| log.roster().revoked.contains(&id));
            if shell.is_awake() && undisturbed && belongs && linked && !reached {
                let what = format!("node {node} does not know that node {machine} was revoked");
                self.violate(Invariant::ApprovedOnly, what);
                return;
            }
            let serves = |owner: &NodeId| *owner == id;
            let runs = shell.told.values().any(|(owner, _)| serves(owner))
                || shell.expected.values().any(serves);
            if shell.is_awake() && reached && runs {
                let what = format!("node {node} still works for node {machine}, which was revoked");
                self.violate(Invariant::ApprovedOnly, what);
                return;
            }
        }
    }
}

fn is_ordered_freely(log: &RosterLog) -> bool {
    let mut entries: Vec<SignedEntry> = log.entries().cloned().collect();
    entries.reverse();
    let other = RosterLog::from_entries(log.roster().mesh, entries);
    other.is_ok_and(|other| other.roster() == log.roster())
}

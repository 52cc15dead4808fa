//! The roster's rule, model-checked; and wrong rules, each of which must be found.

use std::collections::BTreeSet;

use pumasi_protocol::MeshId;
use pumasi_protocol::roster::{Change, Member, NodeRole, Roster, SignedEntry, roster};
use pumasi_roster_model::{AGREE, CHAIN, FOUNDER, Office, Rule, SECOND, STAY_OUT, THIRD, VOID};
use stateright::{Checker, HasDiscoveries, Model};

/// Checks everything, and says how much that was.
#[expect(clippy::print_stderr, reason = "a figure, shown where somebody looks for it")]
fn holds(office: Office) {
    let shape = format!("nodes {:?}, thief {}", office.nodes, office.thief);
    let checked = office.checker().threads(2).spawn_bfs().join();
    eprintln!("{shape}: {} states", checked.unique_state_count());
    checked.assert_properties();
}

#[test]
fn two_nodes_and_a_stolen_founder() {
    holds(Office::new(Rule::Real, &[SECOND, THIRD], FOUNDER, 2));
}

#[test]
fn two_nodes_and_a_stolen_younger_admin() {
    holds(Office::new(Rule::Real, &[FOUNDER, SECOND], THIRD, 2));
}

#[test]
fn three_nodes_of_which_one_key_is_stolen() {
    holds(Office::new(Rule::Real, &[FOUNDER, SECOND, THIRD], SECOND, 2));
}

#[test]
fn three_entries_about_admins_alone() {
    let mut office = Office::new(Rule::Real, &[SECOND, THIRD], FOUNDER, 3);
    office.narrow = true;
    holds(office);
}

fn is_found(rule: fn(MeshId, &[SignedEntry]) -> Roster, property: &'static str) {
    let office = Office::new(Rule::Wrong(rule), &[SECOND, THIRD], FOUNDER, 2);
    let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checked = office.checker().threads(2).finish_when(found).spawn_bfs().join();
    checked.assert_any_discovery(property);
}

fn changes(entries: &[SignedEntry]) -> impl Iterator<Item = (&SignedEntry, Change)> {
    entries.iter().filter_map(|entry| Some((entry, entry.open().ok()?.change?)))
}

/// Who is revoked by anybody.
fn targets(entries: &[SignedEntry]) -> BTreeSet<pumasi_protocol::NodeId> {
    let target = |(_, change)| match change {
        Change::Revoke { node, .. } => Some(node),
        Change::Found { .. } | Change::Admit { .. } | Change::SetRoles { .. } => None,
    };
    changes(entries).filter_map(target).collect()
}

/// Later entries win over earlier ones, as they come.
fn as_they_come(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let mut taken = Vec::new();
    for entry in entries {
        let before = roster(mesh, &taken);
        let may = taken.is_empty() || before.has_role(&entry.author, NodeRole::Admin);
        if may {
            taken.push(entry.clone());
        }
    }
    roster(mesh, &taken)
}

#[test]
fn a_rule_that_depends_on_the_order_is_found() {
    is_found(as_they_come, AGREE);
}

/// What a revoked key wrote is void, its revocations included.
fn revoked_revoke_nobody(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let whole = roster(mesh, entries);
    let is_void = |entry: &SignedEntry| {
        let revokes = matches!(entry.open().map(|e| e.change), Ok(Some(Change::Revoke { .. })));
        revokes && whole.revoked.contains(&entry.author)
    };
    let left: Vec<_> = entries.iter().filter(|entry| !is_void(entry)).cloned().collect();
    roster(mesh, &left)
}

#[test]
fn a_rule_by_which_the_removed_come_back_is_found() {
    is_found(revoked_revoke_nobody, STAY_OUT);
}

/// Of two that revoke each other, the one that was let in first stays.
fn seniors_win(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let revocations = changes(entries).filter_map(|(entry, change)| match change {
        Change::Revoke { node, .. } => Some((entry.author, node)),
        Change::Found { .. } | Change::Admit { .. } | Change::SetRoles { .. } => None,
    });
    let revocations: BTreeSet<_> = revocations.collect();
    let let_in = |of| {
        let mut changes = changes(entries);
        changes.position(|(_, c)| matches!(c, Change::Admit { node, .. } if node == of))
    };
    let yields = |entry: &&SignedEntry| match entry.open().map(|e| e.change) {
        Ok(Some(Change::Revoke { node, .. })) => {
            revocations.contains(&(node, entry.author)) && let_in(node) < let_in(entry.author)
        }
        Ok(_) | Err(_) => false,
    };
    let left: Vec<_> = entries.iter().filter(|entry| !yields(entry)).cloned().collect();
    roster(mesh, &left)
}

#[test]
fn a_rule_by_which_a_thief_with_a_senior_key_undoes_its_removal_is_found() {
    is_found(seniors_win, STAY_OUT);
}

/// A revocation removes its key and leaves all that it wrote.
fn nothing_is_void(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let out = roster(mesh, entries).revoked;
    let gone = targets(entries);
    let is_other = |(_, change): &(&SignedEntry, Change)| !matches!(change, Change::Revoke { .. });
    let left: Vec<_> = changes(entries).filter(is_other).map(|(entry, _)| entry.clone()).collect();
    let mut made = roster(mesh, &left);
    made.members.retain(|node, _| !gone.contains(node));
    made.revoked = out;
    made
}

#[test]
fn a_rule_that_voids_nothing_is_found() {
    is_found(nothing_is_void, VOID);
}

/// Whoever signs may let in.
fn everybody_admits(mesh: MeshId, entries: &[SignedEntry]) -> Roster {
    let mut made = roster(mesh, entries);
    for (entry, change) in changes(entries) {
        if let Change::Admit { node, name, person, roles } = change
            && !made.revoked.contains(&node)
        {
            let admitted_by = entry.author;
            let member = Member { name, person, roles, admitted_by };
            made.members.entry(node).or_insert(member);
        }
    }
    made
}

#[test]
fn a_rule_without_chains_is_found() {
    is_found(everybody_admits, CHAIN);
}

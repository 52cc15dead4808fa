//! A small office as a model for `stateright`: a few nodes hold roster entries that reach them in any
//! order, admins write at the same time, and the key of one of them is stolen. The rule that makes a
//! roster of entries is passed in, so that wrong ones can be seen to fail.

#![cfg(feature = "check")]

use std::collections::BTreeSet;

use pumasi_protocol::MeshId;
use pumasi_protocol::roster::{NodeRole, Roster, SignedEntry};
use stateright::{Model, Property};

mod chain;
mod world;

use world::{Entries, Id, Ledger};
pub use world::{FOUNDER, Key, MEMBER, NEWCOMER, SECOND, STRANGER, THIRD, What};

/// What makes a roster of entries.
#[derive(Clone, Copy)]
pub enum Rule {
    /// The real one, as nodes use it.
    Real,
    /// Another one.
    Wrong(fn(MeshId, &[SignedEntry]) -> Roster),
}

/// In a narrow model, thieves write on top of this entry (all admins are in by then) and later ones.
const PAST: Id = 2;

/// Keys that were once seen revoked, as bits.
type Keys = u8;

/// What is checked, and how far.
pub struct Office {
    /// Whose nodes look at the roster; each is an admin that writes honestly.
    pub nodes: Vec<Key>,
    /// Whose key writes what it likes, on top of whatever it likes.
    pub thief: Key,
    /// Entries that are written at most.
    pub writes: usize,
    /// Only admins, who remove each other and let somebody in, and a thief that writes into the past.
    pub narrow: bool,
    ledger: Ledger,
}

/// Who holds what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    written: Entries,
    held: Vec<Entries>,
    /// Per node, which keys it has ever seen revoked.
    ever_out: Vec<Keys>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A key signs an entry on top of others.
    Write {
        /// Whose key.
        by: Key,
        /// What it says.
        what: What,
        /// On top of which.
        on: Entries,
    },
    /// An entry reaches a node.
    Deliver {
        /// Which node.
        to: usize,
        /// Which entry.
        entry: Id,
    },
}

impl Office {
    /// An office of a founder, two further admins and a member.
    #[must_use]
    pub fn new(rule: Rule, nodes: &[Key], thief: Key, writes: usize) -> Self {
        Self { nodes: nodes.to_vec(), thief, writes, narrow: false, ledger: Ledger::begin(rule) }
    }

    fn honest(&self, state: &State, steps: &mut Vec<Step>) {
        for (node, by) in self.nodes.iter().enumerate() {
            let held = &state.held[node];
            let roster = self.ledger.roster(held);
            if !roster.has_role(&world::id(*by), NodeRole::Admin) {
                continue;
            }
            let on = self.ledger.heads(held);
            let others = [FOUNDER, SECOND, THIRD, MEMBER].into_iter().filter(|other| other != by);
            let others = others.filter(|other| !self.narrow || *other != MEMBER);
            let whats = others.map(What::Revoke).chain([What::Admit(NEWCOMER)]);
            steps.extend(whats.map(|what| Step::Write { by: *by, what, on: on.clone() }));
        }
    }

    /// A stolen key writes on top of any single entry, old ones included; who has no right writes, too.
    fn dishonest(&self, state: &State, steps: &mut Vec<Step>) {
        let admins = [FOUNDER, SECOND, THIRD].into_iter().filter(|key| *key != self.thief);
        let whats = admins.map(What::Revoke).chain([What::Admit(NEWCOMER), What::Promote(MEMBER)]);
        for what in whats {
            if self.narrow && matches!(what, What::Promote(_)) {
                continue;
            }
            let later = |entry: &&Id| !self.narrow || **entry >= PAST;
            let on = state.written.iter().filter(later).map(|entry| Entries::from([*entry]));
            steps.extend(on.map(|on| Step::Write { by: self.thief, what, on }));
        }
        if self.narrow {
            return;
        }
        let on = self.ledger.heads(&state.held[0]);
        for (by, what) in [
            (MEMBER, What::Admit(NEWCOMER)),
            (STRANGER, What::Admit(STRANGER)),
            (STRANGER, What::Revoke(FOUNDER)),
        ] {
            steps.push(Step::Write { by, what, on: on.clone() });
        }
    }

    fn note_revoked(&self, state: &mut State) {
        for (held, ever) in state.held.iter().zip(&mut state.ever_out) {
            *ever |= bits(&self.ledger.roster(held).revoked);
        }
    }
}

fn bits(nodes: &BTreeSet<pumasi_protocol::NodeId>) -> Keys {
    let out = world::KEYS.iter().filter(|key| nodes.contains(&world::id(**key)));
    out.fold(0, |bits, key| bits | 1 << key)
}

impl Model for Office {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let begun = self.ledger.beginning();
        let held = vec![begun.clone(); self.nodes.len()];
        vec![State { written: begun, held, ever_out: vec![0; self.nodes.len()] }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.written.len() < self.ledger.beginning().len() + self.writes {
            self.honest(state, steps);
            self.dishonest(state, steps);
        }
        for (to, held) in state.held.iter().enumerate() {
            let new = state.written.difference(held);
            steps.extend(new.map(|entry| Step::Deliver { to, entry: *entry }));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Write { by, what, on } => {
                let entry = self.ledger.write(by, what, on);
                if !next.written.insert(entry) {
                    return None;
                }
                // Who writes honestly holds what it wrote; a thief's reach nobody by themselves.
                let on = &self.ledger.entry(entry).parents;
                for (node, owner) in self.nodes.iter().enumerate() {
                    if *owner == by && self.ledger.heads(&state.held[node]) == *on {
                        next.held[node].insert(entry);
                    }
                }
            }
            Step::Deliver { to, entry } => {
                if !self.ledger.keeps(&state.held[to], entry) {
                    return None;
                }
                next.held[to].insert(entry);
            }
        }
        self.note_revoked(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AGREE, |office, state: &State| {
                let mut pairs =
                    state.held.iter().flat_map(|a| state.held.iter().map(move |b| (a, b)));
                pairs.all(|(a, b)| office.ledger.agree(a, b))
            }),
            Property::always(STAY_OUT, |office, state: &State| {
                let mut seen = state.held.iter().zip(&state.ever_out);
                seen.all(|(held, ever)| {
                    let members = &office.ledger.roster(held).members;
                    bits(&members.keys().copied().collect()) & ever == 0
                })
            }),
            Property::always(VOID, |office, state: &State| {
                state.held.iter().all(|held| chain::owes_nothing_void(&office.ledger, held))
            }),
            Property::always(CHAIN, |office, state: &State| {
                state.held.iter().all(|held| chain::all_have_one(&office.ledger, held))
            }),
            Property::sometimes("two admins revoke each other", |office, state: &State| {
                state.held.iter().all(|held| {
                    office.ledger.roster(held).revoked.len() >= 2 && *held == state.written
                })
            }),
            Property::sometimes("a newcomer is let in", |office, state: &State| {
                let is_in = |held| office.ledger.roster(held).contains(&world::id(NEWCOMER));
                state.held.iter().all(is_in)
            }),
        ]
    }
}

/// Two nodes that give each other all they have know the same roster.
pub const AGREE: &str = "nodes with the same entries agree";
/// See its words.
pub const STAY_OUT: &str = "who was seen revoked is no member again";
/// See its words.
pub const VOID: &str = "nobody is in by what a revoked admin wrote outside the heads named";
/// See its words.
pub const CHAIN: &str = "nobody is in without a chain of admins from the founder";

//! What must be true of a roster, said in another way than the rule under test says it: by walking
//! back from each member to whom it owes its place.

use pumasi_protocol::roster::{self, NodeRole};

use super::world::{self, Entries, FOUNDER, Id, Key, Ledger, What};

/// Whether an entry of the set that grants something to `key` satisfies this.
fn is_granted(
    ledger: &Ledger,
    held: &Entries,
    of: Key,
    admin: bool,
    good: impl Fn(Id) -> bool,
) -> bool {
    held.iter().any(|entry| {
        let what = ledger.entry(*entry).what;
        let grants = match what {
            What::Promote(to) => to == of,
            What::Admit(to) => to == of && !admin,
            What::Found | What::Revoke(_) => false,
        };
        grants && good(*entry)
    })
}

/// Whether the author was the founder, or was made an admin by such an entry in this one's past.
fn has_chain(ledger: &Ledger, entry: Id) -> bool {
    let written = ledger.entry(entry);
    let made = |grant: Id| has_chain(ledger, grant);
    written.by == FOUNDER || is_granted(ledger, &written.past, written.by, true, made)
}

/// Everybody in was let in by somebody with a chain, and every admin was made one so.
pub(crate) fn all_have_one(ledger: &Ledger, held: &Entries) -> bool {
    let roster = ledger.roster(held);
    let others = world::KEYS.into_iter().filter(|key| *key != FOUNDER);
    others.filter(|key| roster.contains(&world::id(*key))).all(|key| {
        let admin = roster.has_role(&world::id(key), NodeRole::Admin);
        is_granted(ledger, held, key, admin, |entry| has_chain(ledger, entry))
    })
}

/// Whether, by its own past alone, an admin wrote this revocation.
fn is_rightful(ledger: &Ledger, revocation: Id) -> bool {
    let written = ledger.entry(revocation);
    let past: Vec<_> = written.past.iter().map(|e| ledger.entry(*e).signed.clone()).collect();
    let known = roster::roster(ledger.mesh(), &past);
    known.has_role(&world::id(written.by), NodeRole::Admin)
}

/// Whether no rightful revocation of its author leaves this entry outside the heads that it names.
fn is_untouched(ledger: &Ledger, held: &Entries, entry: Id) -> bool {
    let author = ledger.entry(entry).by;
    held.iter().all(|other| {
        let revocation = ledger.entry(*other);
        let voids = revocation.what == What::Revoke(author) && !revocation.past.contains(&entry);
        !voids || !is_rightful(ledger, *other)
    })
}

/// Everybody in was let in by an entry that no revocation voids, and every admin was made one so.
pub(crate) fn owes_nothing_void(ledger: &Ledger, held: &Entries) -> bool {
    let roster = ledger.roster(held);
    let others = world::KEYS.into_iter().filter(|key| *key != FOUNDER);
    others.filter(|key| roster.contains(&world::id(*key))).all(|key| {
        let admin = roster.has_role(&world::id(key), NodeRole::Admin);
        is_granted(ledger, held, key, admin, |entry| is_untouched(ledger, held, entry))
    })
}

//! Which providers of this node others may ask through it, and how much. Pure: who asks and what is set
//! comes in, yes or no comes out.

use std::collections::BTreeMap;

use pumasi_protocol::NodeName;
use pumasi_protocol::roster::{Member, NodeRole};
use serde::{Deserialize, Serialize};

use super::place::Place;

/// People that one provider may be shared with by name.
pub(super) const PEOPLE: usize = 64;
/// Requests a minute, and tokens a day, that may be set at most: what is far beyond every provider.
pub(super) const MOST_REQUESTS: u32 = 1_000_000;
/// See [`MOST_REQUESTS`].
pub(super) const MOST_TOKENS: u64 = 1_000_000_000_000;

/// Who may ask a provider through this node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum With {
    /// Nobody else.
    #[default]
    Nobody,
    /// Every member that may ask for anything.
    Everyone,
    /// The computers of these people.
    People,
}

/// How one provider is shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sharing {
    /// With whom.
    pub(crate) with: With,
    /// Which people, where it is for some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) people: Vec<NodeName>,
    /// Requests that all others together may put in a minute; 0: any number.
    pub(crate) requests_per_minute: u32,
    /// Tokens that all others together may use on one day (UTC), of prompts and answers; 0: any number.
    pub(crate) tokens_per_day: u64,
}

/// How providers are shared, by their ids, where a person has said so.
pub(super) type Shared = BTreeMap<String, Sharing>;

/// Why a provider cannot be shared like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharingFault {
    /// It is for some people, and none is named.
    #[error("name at least one person, or share it with everyone or nobody")]
    NoPeople,
    /// There are too many.
    #[error("at most 64 people can be named: share it with everyone")]
    TooManyPeople,
    /// A number is out of its range.
    #[error(
        "a limit may be 1,000,000 requests a minute and 1,000,000,000,000 tokens a day at most"
    )]
    TooLarge,
}

impl Sharing {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self) -> Result<(), SharingFault> {
        if self.with == With::People && self.people.is_empty() {
            return Err(SharingFault::NoPeople);
        }
        if self.people.len() > PEOPLE {
            return Err(SharingFault::TooManyPeople);
        }
        let fits = self.requests_per_minute <= MOST_REQUESTS && self.tokens_per_day <= MOST_TOKENS;
        if fits { Ok(()) } else { Err(SharingFault::TooLarge) }
    }

    /// What holds until a person says otherwise. A server in the office that needs no key costs nothing
    /// but what this mesh is for, the time of a computer; what takes a key may cost its owner money, and
    /// what lies outside takes text out of the office in its owner's name.
    pub(super) fn usual(place: &Place) -> Self {
        let is_free = !place.is_outside() && !place.has_key;
        let with = if is_free { With::Everyone } else { With::Nobody };
        Self { with, ..Self::default() }
    }

    /// Whether a member may ask. Guests get what is in the office, but do not spend money unless they
    /// are named.
    pub(super) fn is_for(&self, member: &Member, outside: bool) -> bool {
        let has = |role: NodeRole| member.roles.contains(&role);
        // It may do more than run the jobs of others.
        let submits = member.roles.iter().any(|role| *role != NodeRole::WorkerOnly);
        let is_guest = has(NodeRole::Guest) && !has(NodeRole::Member) && !has(NodeRole::Admin);
        let is_meant = match self.with {
            With::Nobody => false,
            With::Everyone => !(outside && is_guest),
            With::People => {
                member.person.as_ref().is_some_and(|person| self.people.contains(person))
            }
        };
        submits && is_meant
    }
}

/// How a place is shared.
pub(super) fn of<'a>(shared: &'a Shared, place: &Place) -> std::borrow::Cow<'a, Sharing> {
    match shared.get(place.id()) {
        Some(sharing) => std::borrow::Cow::Borrowed(sharing),
        None => std::borrow::Cow::Owned(Sharing::usual(place)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pumasi_protocol::NodeId;

    use super::*;
    use crate::router::place::samples::{place, places};

    fn member(person: Option<&str>, roles: &[NodeRole]) -> Member {
        Member {
            name: "desk".parse().expect("a name"),
            person: person.map(|name| name.parse().expect("a name")),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            admitted_by: NodeId([1; 32]),
        }
    }

    fn with(with: With, people: &[&str]) -> Sharing {
        let people = people.iter().map(|name| name.parse().expect("a name")).collect();
        Sharing { with, people, ..Sharing::default() }
    }

    #[test]
    fn clouds_and_what_takes_a_key_are_shared_only_if_a_person_says_so() {
        let [cloud, lab] = &places()[..] else { panic!("two places") };
        assert_eq!(Sharing::usual(cloud).with, With::Nobody);
        assert_eq!(Sharing::usual(lab).with, With::Everyone);
        let keyed = place("keyed", "openai-compatible", Some("http://127.0.0.1:1/v1"), "m");
        let keyed = std::sync::Arc::into_inner(keyed).expect("nobody else has it").holding(true);
        assert_eq!(Sharing::usual(&keyed).with, With::Nobody);
        let told = Shared::from([("cloud".to_owned(), with(With::Everyone, &[]))]);
        assert_eq!(of(&told, cloud).with, With::Everyone);
    }

    #[test]
    fn who_is_meant_is_told_by_role_and_person() {
        use NodeRole::{Admin, Guest, Member as Usual, SubmitOnly, WorkerOnly};
        let everyone = with(With::Everyone, &[]);
        for role in [Admin, Usual, SubmitOnly] {
            assert!(everyone.is_for(&member(None, &[role]), true), "{role:?}");
        }
        assert!(!everyone.is_for(&member(None, &[WorkerOnly]), false));
        assert!(!everyone.is_for(&member(None, &[Guest]), true), "it would spend money");
        assert!(everyone.is_for(&member(None, &[Guest]), false));
        let some = with(With::People, &["one"]);
        assert!(some.is_for(&member(Some("one"), &[Guest]), true));
        assert!(!some.is_for(&member(Some("other"), &[Admin]), false));
        assert!(!some.is_for(&member(None, &[Admin]), false));
        assert!(!with(With::Nobody, &["one"]).is_for(&member(Some("one"), &[Admin]), false));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(with(With::People, &[]).check(), Err(SharingFault::NoPeople));
        let many = Sharing { tokens_per_day: MOST_TOKENS + 1, ..Sharing::default() };
        assert_eq!(many.check(), Err(SharingFault::TooLarge));
        assert_eq!(with(With::People, &["one"]).check(), Ok(()));
    }
}

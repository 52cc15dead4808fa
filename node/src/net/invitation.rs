//! What an admin offers with an invitation; the token that is handed over is
//! `pumasi_protocol::invitation`'s.

use std::collections::BTreeSet;
use std::time::Duration;

use pumasi_protocol::NodeName;
use pumasi_protocol::roster::NodeRole;

/// What an admin offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The person that the new computers will belong to; `None`: a new person that the newcomer
    /// names, or nobody.
    pub person: Option<NodeName>,
    /// What they may do.
    pub roles: BTreeSet<NodeRole>,
    /// How many computers may use it.
    pub uses: u32,
    /// How long it is valid, by the issuer's clock.
    pub valid: Duration,
}

impl Invite {
    /// One computer of a new person, as a plain member, within a day.
    #[must_use]
    pub fn one() -> Self {
        Self {
            person: None,
            roles: BTreeSet::from([NodeRole::Member]),
            uses: 1,
            valid: Duration::from_secs(24 * 60 * 60),
        }
    }
}

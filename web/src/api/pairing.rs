//! Coming into the mesh by six digits: what a newcomer shows, who asks, whom an admin lets in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{MeshRole, NodeRef};

/// `GET /api/v1/pairing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Pairing {
    /// What this computer shows to whoever may let it in; none: it belongs to a mesh.
    pub own: Option<Doorstep>,
    /// Whether this computer may let others in.
    pub may_approve: bool,
    /// Computers of this network that ask to be let in; who has waited longest first. What they say
    /// of themselves is not verified.
    pub asking: Vec<Newcomer>,
}

/// A newcomer's screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Doorstep {
    /// Nobody looked at it lately, so it shows nothing and lets nobody try.
    Closed,
    /// It waits for an admin to type these digits.
    Open {
        /// Six digits. They are good for one try.
        digits: String,
        /// In how many seconds others take their place.
        left_s: u32,
        /// How many wrong ones were tried since a person opened it.
        wrong: u32,
    },
    /// Wrong digits were tried too often: a person must open it again.
    Shut,
}

/// A computer that asks to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Newcomer {
    /// The id and the name that it claims.
    pub node: NodeRef,
    /// The version it claims.
    pub version: String,
    /// Where its door is.
    pub addresses: Vec<String>,
    /// Since when it has been seen, Unix time in milliseconds.
    pub since_ms: u64,
}

/// The body of `POST /api/v1/pairing`: a person looks at the digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskInRequest {
    /// Open the door again, after too many wrong digits.
    #[serde(default)]
    pub again: bool,
}

/// The body of `POST /api/v1/pairing/approve`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// The digits that the newcomer shows.
    pub digits: String,
    /// The newcomer's id, or its beginning, or its name; none: the only one that asks.
    #[serde(default)]
    pub node: Option<String>,
    /// The address of its join door, where discovery does not find it.
    #[serde(default)]
    pub address: Option<String>,
    /// Whose it is; none: as it says itself, if that is a person new to the mesh.
    #[serde(default)]
    pub person: Option<String>,
    /// Its role; none: member.
    #[serde(default)]
    pub role: Option<MeshRole>,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Approved {
    /// The new member.
    pub node: NodeRef,
    /// Whose it is; none: a shared computer.
    pub person: Option<String>,
}

/// The body of `POST /api/v1/mesh`: start one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundRequest {
    /// The name of the mesh; none: that of this computer.
    #[serde(default)]
    pub name: Option<String>,
}

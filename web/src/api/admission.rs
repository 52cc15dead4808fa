//! Coming into the mesh: invitations and joining.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a member may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MeshRole {
    /// Admits, revokes, sets roles.
    Admin,
    /// Runs jobs of others and submits its own.
    Member,
    /// Runs jobs of others only.
    WorkerOnly,
    /// Submits jobs only.
    SubmitOnly,
    /// Submits batch jobs only, behind everybody else.
    Guest,
}

/// The body of `POST /api/v1/invitations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// The person that the new nodes will belong to; none: shared computers.
    #[serde(default)]
    pub person: Option<String>,
    /// Their role; none: member.
    #[serde(default)]
    pub role: Option<MeshRole>,
    /// How many nodes may use it; none: one.
    #[serde(default)]
    pub uses: Option<u32>,
    /// How long it is valid, in seconds; none: a day.
    #[serde(default)]
    pub valid_s: Option<u32>,
}

/// An invitation without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The person that the new nodes will belong to.
    pub person: Option<String>,
    /// Their role.
    pub role: MeshRole,
    /// How often it may be used.
    pub uses: u32,
    /// How often it was.
    pub used: u32,
    /// When it ends, Unix time in milliseconds on its issuer's clock.
    pub expires_ms: u64,
}

/// A fresh invitation: the token is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct InvitationToken {
    /// What to give to the new computer's `pumasi join`.
    pub token: String,
    /// The same as a picture.
    pub qr: Qr,
    /// The invitation.
    pub invitation: Invitation,
}

/// A QR code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Qr {
    /// Modules on each side; the standard asks for four light ones around them.
    pub size: u32,
    /// The dark modules, each of size one, as the path of an SVG.
    pub path: String,
}

/// The body of `POST /api/v1/join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The token that `pumasi invite` printed.
    pub token: String,
}

/// The body of `POST /api/v1/nodes/{node}/remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveRequest {
    /// Also if only one admin is left then.
    #[serde(default)]
    pub confirmed: bool,
}

/// Who was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Removed {
    /// The former member.
    pub node: super::NodeRef,
    /// Members that are left.
    pub members: u32,
}

/// The mesh that this node now belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Joined {
    /// The mesh.
    pub mesh: super::MeshRef,
    /// Members known at once.
    pub members: u32,
}

//! Founding, inviting and joining, as the interface asks for them. Each takes time, so each is a task.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pumasi_protocol::NodeName;
use pumasi_protocol::invitation::Token;
use pumasi_protocol::roster::{EntryHash, NodeRole, Roster};
use pumasi_web::api;
use pumasi_web::mesh::AdmissionError;
use tokio::sync::oneshot;

use super::{Core, unix_ms};
use crate::net::{Invite, InviteError, JoinAs, JoinError, JoinRefusal, NetError, NetHandle};
use crate::qr;
use crate::store::{Act, AuditRecord, Invitation, Store, invitation_id};

/// How long an invitation is valid where nothing else is said, in seconds: a day.
const VALID_S: u32 = 24 * 60 * 60;

pub(super) type Reply<T> = oneshot::Sender<Result<T, AdmissionError>>;

impl Core {
    /// Makes an invitation. A computer without a mesh founds one first: inviting somebody is the
    /// wish to share.
    pub(super) fn invite(
        &mut self,
        request: api::InviteRequest,
        reply: Reply<api::InvitationToken>,
    ) {
        let (net, notes) = (self.net.clone(), self.notes.clone());
        let (mesh_name, person) = self.founding_names();
        tokio::spawn(async move {
            let made = make_invitation(&net, request, mesh_name, person).await;
            if let Ok(made) = &made {
                notes.note(noted(&made.invitation));
            }
            // Whoever does not wait any more does not need it.
            drop(reply.send(made));
        });
    }

    /// A new mesh is called after its first computer, and belongs to that computer's person.
    pub(super) fn founding_names(&self) -> (NodeName, NodeName) {
        let name = self.config.name.clone();
        let person = self.config.person.clone().unwrap_or_else(|| name.clone());
        (name, person)
    }

    pub(super) fn join(&mut self, token: &str, reply: Reply<api::Joined>) {
        let token = match token.parse::<Token>() {
            Ok(token) => token,
            Err(_) => return drop(reply.send(Err(AdmissionError::BadToken))),
        };
        let net = self.net.clone();
        let who = JoinAs { name: self.config.name.clone(), person: self.config.person.clone() };
        tokio::spawn(async move {
            let joined = net.join(&token, who).await;
            let joined = joined.map(|roster| joined_view(&roster)).map_err(|e| join_error(&e));
            drop(reply.send(joined));
        });
    }

    pub(super) fn list_invitations(&self, reply: oneshot::Sender<Vec<api::Invitation>>) {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || {
            let open = store.invitations().unwrap_or_default();
            let now_s = unix_ms() / 1_000;
            let is_open = |(_, kept): &&(EntryHash, Invitation)| kept.is_open(now_s);
            drop(reply.send(open.iter().filter(is_open).map(invitation_view).collect()));
        });
    }

    pub(super) fn withdraw_invitation(&self, id: String, reply: Reply<()>) {
        let (store, notes) = (self.store.clone(), self.notes.clone());
        tokio::spawn(async move {
            let withdrawn = withdraw(&store, &id).await;
            if withdrawn.is_ok() {
                notes.note(AuditRecord { at_ms: unix_ms(), act: Act::Withdrawn { id } });
            }
            drop(reply.send(withdrawn));
        });
    }
}

async fn withdraw(store: &Store, id: &str) -> Result<(), AdmissionError> {
    let kept = store.invitations().map_err(|_| AdmissionError::Store)?;
    let meant = kept.into_iter().map(|(hash, _)| hash).find(|hash| shown_id(hash) == id);
    let meant = meant.ok_or(AdmissionError::NoInvitation)?;
    store.forget_invitations(vec![meant]).await.map_err(|_| AdmissionError::Store)
}

/// The beginning of the name under which an invitation is kept; it does not tell the secret.
fn shown_id(id: &EntryHash) -> String {
    hex::encode(&id[..8])
}

async fn make_invitation(
    net: &NetHandle,
    request: api::InviteRequest,
    mesh_name: NodeName,
    person: NodeName,
) -> Result<api::InvitationToken, AdmissionError> {
    let invited =
        request.person.map(|name| name.parse()).transpose().map_err(AdmissionError::Name)?;
    if net.roster().is_none() {
        net.found(mesh_name, person).await.map_err(|error| net_error(&error))?;
    }
    let role = request.role.unwrap_or(api::MeshRole::Member);
    let valid_s = request.valid_s.unwrap_or(VALID_S);
    let invite = Invite {
        person: invited.clone(),
        roles: BTreeSet::from([node_role(role)]),
        uses: request.uses.unwrap_or(1),
        valid: Duration::from_secs(valid_s.into()),
    };
    let uses = invite.uses;
    let token = net.invite(invite).await.map_err(|error| invite_error(&error))?;
    let invitation = api::Invitation {
        id: shown_id(&invitation_id(&token.secret)),
        person: invited.map(|name| name.to_string()),
        role,
        uses,
        used: 0,
        expires_ms: token.expires_s.saturating_mul(1_000),
    };
    let token = token.to_string();
    let qr = qr::drawn(&token).ok_or(AdmissionError::Store)?;
    Ok(api::InvitationToken { token, qr, invitation })
}

fn noted(made: &api::Invitation) -> AuditRecord {
    let act = Act::Invited {
        id: made.id.clone(),
        person: made.person.as_deref().and_then(|name| name.parse().ok()),
        roles: BTreeSet::from([node_role(made.role)]),
        uses: made.uses,
    };
    AuditRecord { at_ms: unix_ms(), act }
}

pub(super) fn joined_view(roster: &Arc<Roster>) -> api::Joined {
    let name = roster.name.as_ref().map_or_else(|| roster.mesh.short(), ToString::to_string);
    let members = u32::try_from(roster.members.len()).unwrap_or(u32::MAX);
    api::Joined { mesh: api::MeshRef { id: roster.mesh.to_string(), name }, members }
}

pub(super) fn node_role(role: api::MeshRole) -> NodeRole {
    match role {
        api::MeshRole::Admin => NodeRole::Admin,
        api::MeshRole::Member => NodeRole::Member,
        api::MeshRole::WorkerOnly => NodeRole::WorkerOnly,
        api::MeshRole::SubmitOnly => NodeRole::SubmitOnly,
        api::MeshRole::Guest => NodeRole::Guest,
    }
}

fn invitation_view((id, kept): &(EntryHash, Invitation)) -> api::Invitation {
    let used = u32::try_from(kept.admitted.len()).unwrap_or(u32::MAX);
    let role = kept.roles.first().map_or(api::MeshRole::Member, mesh_role);
    api::Invitation {
        id: shown_id(id),
        person: kept.person.as_ref().map(ToString::to_string),
        role,
        uses: kept.uses_left.saturating_add(used),
        used,
        expires_ms: kept.expires_s.saturating_mul(1_000),
    }
}

pub(super) fn mesh_role(role: &NodeRole) -> api::MeshRole {
    match role {
        NodeRole::Admin => api::MeshRole::Admin,
        NodeRole::Member => api::MeshRole::Member,
        NodeRole::WorkerOnly => api::MeshRole::WorkerOnly,
        NodeRole::SubmitOnly => api::MeshRole::SubmitOnly,
        NodeRole::Guest => api::MeshRole::Guest,
    }
}

pub(super) fn net_error(error: &NetError) -> AdmissionError {
    match error {
        NetError::NoMesh => AdmissionError::NoMesh,
        NetError::HasMesh => AdmissionError::AlreadyMember,
        NetError::NotAdmin => AdmissionError::NotAllowed,
        NetError::Roster(_) | NetError::Store(_) => AdmissionError::Store,
        NetError::PortTaken { .. }
        | NetError::Listen { .. }
        | NetError::NotConnected
        | NetError::Timeout
        | NetError::Protocol
        | NetError::Send(_) => AdmissionError::Unreachable,
    }
}

fn invite_error(error: &InviteError) -> AdmissionError {
    match error {
        InviteError::Net(error) => net_error(error),
        InviteError::Terms => AdmissionError::Terms,
        InviteError::TooMany => AdmissionError::TooMany,
        InviteError::Random(_) => AdmissionError::Store,
    }
}

fn join_error(error: &JoinError) -> AdmissionError {
    match error {
        JoinError::HasMesh => AdmissionError::AlreadyMember,
        JoinError::Own | JoinError::Answer => AdmissionError::BadToken,
        JoinError::Unreachable { .. } => AdmissionError::Unreachable,
        JoinError::Refused(refusal) => match refusal {
            JoinRefusal::Unknown | JoinRefusal::Expired | JoinRefusal::Used => {
                AdmissionError::Expired
            }
            JoinRefusal::PersonTaken | JoinRefusal::Revoked | JoinRefusal::NotAdmin => {
                AdmissionError::NotAllowed
            }
            JoinRefusal::Failed => AdmissionError::Store,
        },
        JoinError::Net(error) => net_error(error),
    }
}

//! The approver's side of a pairing: an admin typed the digits that a newcomer shows; its door is
//! dialled, both sides prove them to each other, and only then an admission is signed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use pumasi_protocol::pairing::{
    Approver, Digits, Hello, Here, PairingMessage, PairingRefusal, Parties,
};
use pumasi_protocol::roster::{Change, NodeRole, Roster, SignedEntry};
use pumasi_protocol::{NodeId, NodeName};
use quinn::Connection;
use tokio::time::timeout;

use super::super::frames;
use super::super::handle::NetError;
use super::super::identity::Identity;
use super::super::limits::{DIALLED, JOIN_ANSWER_BYTES, JOIN_DEADLINE};
use super::super::members::Membership;
use super::super::tls::{Accept, Certificate, peer_of};
use super::client::reach;
use super::door::is_person;
use super::newcomer::Talk;
use super::porch::random;
use super::{Answer, PAIRING_PROTOCOL, in_messages};

/// Whom an admin lets in, and as what.
#[derive(Debug, Clone)]
pub struct Approval {
    /// The digits that the newcomer shows.
    pub digits: Digits,
    /// Its key, where discovery found it; `None`: whoever answers there and knows the digits.
    pub node: Option<NodeId>,
    /// Its join door.
    pub doors: Vec<SocketAddr>,
    /// Whose it is; `None`: as it says itself, if that is a person new to the mesh.
    pub person: Option<NodeName>,
    /// What it may do.
    pub roles: BTreeSet<NodeRole>,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The new member.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Whose it is.
    pub person: Option<NodeName>,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// No door answers.
    #[error(
        "the new computer cannot be reached: is it on, in the same network, and is UDP port 7865 \
         open on it?"
    )]
    Unreachable,
    /// It was let in, and did not say that it knows.
    #[error(
        "the new computer was let in, but did not confirm it: if it does not show, approve again"
    )]
    Unconfirmed,
    /// See [`PairingRefusal`].
    #[error(transparent)]
    Refused(#[from] PairingRefusal),
    /// See [`NetError`].
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Lets newcomers in.
pub(crate) struct Approvals {
    pub(crate) identity: Identity,
    pub(crate) certificate: Certificate,
    pub(crate) membership: Arc<Membership>,
    pub(crate) control_port: u16,
    pub(crate) data_port: u16,
}

impl Approvals {
    pub(crate) async fn approve(&self, approval: Approval) -> Result<Approved, ApproveError> {
        let me = self.identity.node();
        let roster = self.membership.members().roster().ok_or(NetError::NoMesh)?;
        if !roster.has_role(&me, NodeRole::Admin) {
            return Err(NetError::NotAdmin.into());
        }
        let accept = approval.node.map_or(Accept::Anybody, Accept::Node);
        let doors = &approval.doors[..approval.doors.len().min(DIALLED)];
        let reaching = reach(&self.certificate, PAIRING_PROTOCOL, &accept, doors);
        let reached = timeout(JOIN_DEADLINE, reaching).await.ok().flatten();
        let (connection, _endpoints) = reached.ok_or(ApproveError::Unreachable)?;
        let pairing = timeout(JOIN_DEADLINE, self.pair(&roster, &connection, approval)).await;
        connection.close(0u32.into(), b"");
        pairing.unwrap_or(Err(ApproveError::Unreachable))
    }

    async fn pair(
        &self,
        roster: &Roster,
        connection: &Connection,
        approval: Approval,
    ) -> Result<Approved, ApproveError> {
        let newcomer = peer_of(connection).ok_or(PairingRefusal::Protocol)?;
        let opened = connection.open_bi().await;
        let (out, input) = opened.map_err(|_| ApproveError::Unreachable)?;
        let mut talk = Talk { out, input };
        let agreed = self.agree(roster, &mut talk, newcomer, &approval).await;
        let approved = match agreed {
            Ok(approved) => approved,
            Err(refusal) => {
                // Who refused by itself does not listen any more.
                let _ = talk.say(&PairingMessage::Refused(refusal)).await;
                return Err(refusal.into());
            }
        };
        let entries = self.admit(roster, &approved, approval.roles).await?;
        self.hand_over(&mut talk, entries).await?;
        tracing::info!(node = %newcomer.short(), "a newcomer was admitted by its digits");
        Ok(approved)
    }

    /// Both sides prove the digits to each other.
    async fn agree(
        &self,
        roster: &Roster,
        talk: &mut Talk,
        newcomer: NodeId,
        approval: &Approval,
    ) -> Result<Approved, PairingRefusal> {
        let me = self.identity.node();
        let own = roster.members.get(&me).ok_or(PairingRefusal::Failed)?;
        let mesh_name = roster.name.clone().ok_or(PairingRefusal::Failed)?;
        let name = own.name.clone();
        let hello = Hello { mesh: roster.mesh, mesh_name, name, element: [0; 32] };
        let parties = Parties { approver: me, newcomer };
        let (approver, hello) = Approver::begin(approval.digits, parties, hello, random()?);
        talk.say(&PairingMessage::Hello(hello)).await?;
        let PairingMessage::Here(here) = talk.hear().await? else {
            return Err(PairingRefusal::Protocol);
        };
        // What speaks against it is found before its digits are spent.
        let person = person_of(roster, newcomer, approval, &here)?;
        let (awaiting, proof) = approver.answer(&here)?;
        talk.say(&PairingMessage::Proof(proof)).await?;
        let PairingMessage::Proof(proof) = talk.hear().await? else {
            return Err(PairingRefusal::Protocol);
        };
        awaiting.check(&proof)?;
        Ok(Approved { node: newcomer, name: here.name, person })
    }

    /// Signs the admission, if it says something new, and gives all entries.
    async fn admit(
        &self,
        roster: &Roster,
        approved: &Approved,
        roles: BTreeSet<NodeRole>,
    ) -> Result<Vec<SignedEntry>, ApproveError> {
        let Approved { node, name, person } = approved.clone();
        let known = roster.members.get(&node);
        let is_news = known.is_none_or(|member| member.name != name || member.person != person);
        if is_news {
            let roles = known.map_or(roles, |member| member.roles.clone());
            let entry = self.membership.sign(&Change::Admit { node, name, person, roles })?;
            self.membership.take(vec![entry], None).await.map_err(NetError::from)?;
        }
        let entries = self
            .membership
            .with_log(|log| log.map(|log| log.entries().cloned().collect()).unwrap_or_default());
        Ok(entries)
    }

    async fn hand_over(
        &self,
        talk: &mut Talk,
        entries: Vec<SignedEntry>,
    ) -> Result<(), ApproveError> {
        let mut answers = in_messages(entries);
        let (control_port, data_port) = (self.control_port, self.data_port);
        answers.push(Answer::Done { control_port, data_port });
        for answer in answers {
            let written = frames::write(&mut talk.out, &answer, JOIN_ANSWER_BYTES).await;
            written.map_err(|_| ApproveError::Unconfirmed)?;
        }
        let _ = talk.out.finish();
        match talk.hear().await {
            Ok(PairingMessage::Joined) => Ok(()),
            Ok(_) | Err(_) => Err(ApproveError::Unconfirmed),
        }
    }
}

/// Whose the newcomer will be.
fn person_of(
    roster: &Roster,
    newcomer: NodeId,
    approval: &Approval,
    here: &Here,
) -> Result<Option<NodeName>, PairingRefusal> {
    if roster.revoked.contains(&newcomer) {
        return Err(PairingRefusal::Revoked);
    }
    if approval.person.is_some() {
        return Ok(approval.person.clone());
    }
    let known = roster.members.get(&newcomer).and_then(|member| member.person.as_ref());
    match &here.person {
        Some(own) if known != Some(own) && is_person(roster, own.as_str()) => {
            Err(PairingRefusal::PersonTaken)
        }
        own => Ok(own.clone()),
    }
}

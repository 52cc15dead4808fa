//! Removing a member for good, as an admin asks for it; and what it means here that a member, or this
//! node itself, was removed.

use std::sync::Arc;

use pumasi_protocol::roster::{NodeRole, Roster};
use pumasi_protocol::{Fault, JobState, NodeId};
use pumasi_web::api;
use pumasi_web::mesh::RemoveError;
use tokio::sync::oneshot;

use super::Core;
use super::board::count;
use crate::net::NetError;

type Reply = oneshot::Sender<Result<api::Removed, RemoveError>>;

impl Core {
    pub(super) fn remove(&self, node: NodeId, request: &api::RemoveRequest, reply: Reply) {
        let checked = check(self.roster.as_ref(), self.me, node, request.confirmed);
        let removed = api::NodeRef { id: node.to_string(), name: self.node_name(node).to_string() };
        let net = self.net.clone();
        tokio::spawn(async move {
            let done = match checked {
                Ok(()) => net.revoke(node).await.map_err(|error| remove_error(&error)),
                Err(error) => Err(error),
            };
            let members = |roster: Arc<Roster>| count(roster.members.len());
            // Whoever does not wait any more does not need it.
            drop(
                reply.send(
                    done.map(|roster| api::Removed { node: removed, members: members(roster) }),
                ),
            );
        });
    }
}

impl Core {
    /// The mesh that this node is a member of.
    pub(super) fn company(&self) -> Option<&Arc<Roster>> {
        self.roster.as_ref().filter(|roster| roster.contains(&self.me))
    }

    /// Whether this node was removed from its mesh.
    pub(super) fn is_outside(&self) -> bool {
        self.roster.as_ref().is_some_and(|roster| !roster.contains(&self.me))
    }

    /// Why an attempt there cannot go on: that node, or this one, was removed. The network knows before
    /// the loop does, and closes the connection.
    pub(super) fn parting(&self, executor: NodeId) -> Option<Fault> {
        let roster = self.net.roster().filter(|_| executor != self.me)?;
        match (roster.contains(&self.me), roster.contains(&executor)) {
            (false, _) => Some(Fault::Outside),
            (true, false) => Some(Fault::Removed),
            (true, true) => None,
        }
    }

    /// To a node that was removed nobody comes back.
    pub(super) fn final_state(&self, state: JobState) -> JobState {
        let is_lost = matches!(state, JobState::Failed(Fault::NoCandidate | Fault::NotContinued));
        if is_lost && self.is_outside() { JobState::Failed(Fault::Outside) } else { state }
    }
}

/// What keeps `me` from removing `node`.
fn check(
    roster: Option<&Arc<Roster>>,
    me: NodeId,
    node: NodeId,
    confirmed: bool,
) -> Result<(), RemoveError> {
    let roster = roster.ok_or(RemoveError::NoMesh)?;
    let is_admin = |node: &NodeId| roster.has_role(node, NodeRole::Admin);
    if !is_admin(&me) {
        return Err(RemoveError::NotAllowed);
    }
    if !roster.contains(&node) {
        return Err(RemoveError::Unknown);
    }
    let admins = roster.members.keys().filter(|node| is_admin(node)).count();
    if node == me {
        return Err(if admins == 1 { RemoveError::LastAdmin } else { RemoveError::Own });
    }
    if is_admin(&node) && admins == 2 && !confirmed {
        return Err(RemoveError::Unconfirmed);
    }
    Ok(())
}

fn remove_error(error: &NetError) -> RemoveError {
    match error {
        NetError::NoMesh => RemoveError::NoMesh,
        NetError::NotAdmin => RemoveError::NotAllowed,
        NetError::Roster(_) | NetError::Store(_) => RemoveError::Store,
        NetError::HasMesh
        | NetError::PortTaken { .. }
        | NetError::Listen { .. }
        | NetError::NotConnected
        | NetError::Timeout
        | NetError::Protocol
        | NetError::Send(_) => RemoveError::Stopping,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use pumasi_protocol::MeshId;
    use pumasi_protocol::roster::Member;

    use super::*;

    fn roster(members: &[(u8, NodeRole)]) -> Arc<Roster> {
        let member = |(id, role): &(u8, NodeRole)| {
            let node = NodeId([*id; 32]);
            let (name, roles) = ("desk".parse().expect("a name"), BTreeSet::from([*role]));
            (node, Member { name, person: None, roles, admitted_by: node })
        };
        Arc::new(Roster {
            mesh: MeshId([0; 32]),
            name: None,
            members: members.iter().map(member).collect::<BTreeMap<_, _>>(),
            revoked: BTreeSet::new(),
            missing: BTreeSet::new(),
        })
    }

    #[test]
    fn cat_c09_who_may_not_be_removed_or_only_with_a_word() {
        use NodeRole::{Admin, Member};
        let outcome = |members: &[(u8, NodeRole)], me: u8, node: u8, confirmed| {
            let roster = roster(members);
            check(Some(&roster), NodeId([me; 32]), NodeId([node; 32]), confirmed)
        };
        let office = [(1, Admin), (2, Member)];
        assert_eq!(outcome(&office, 1, 2, false), Ok(()));
        assert_eq!(outcome(&office, 1, 1, true), Err(RemoveError::LastAdmin));
        assert_eq!(outcome(&office, 1, 3, true), Err(RemoveError::Unknown));
        assert_eq!(outcome(&office, 2, 1, true), Err(RemoveError::NotAllowed));
        let two = [(1, Admin), (2, Admin), (3, Member)];
        assert_eq!(outcome(&two, 1, 1, true), Err(RemoveError::Own));
        assert_eq!(outcome(&two, 1, 2, false), Err(RemoveError::Unconfirmed));
        assert_eq!(outcome(&two, 1, 2, true), Ok(()));
        let three = [(1, Admin), (2, Admin), (3, Admin)];
        assert_eq!(outcome(&three, 1, 2, false), Ok(()));
        assert_eq!(check(None, NodeId([1; 32]), NodeId([2; 32]), true), Err(RemoveError::NoMesh));
    }
}

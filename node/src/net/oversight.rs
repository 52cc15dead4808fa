//! What people look at and decide: who belonged when, who is where, and who belongs no more.

use std::sync::Arc;

use pumasi_protocol::NodeId;
use pumasi_protocol::roster::{Entry, Roster};
use tokio::sync::oneshot;

use super::control::{Command, Survey};
use super::handle::{NetError, NetHandle};

impl NetHandle {
    /// Removes a member for good and spreads it. What that member wrote until then stands.
    ///
    /// # Errors
    /// When this node is no admin, or the store fails.
    pub async fn revoke(&self, node: NodeId) -> Result<Arc<Roster>, NetError> {
        let membership = &self.pairing.approvals.membership;
        membership.take(vec![membership.sign_revocation(node)?], None).await?;
        self.roster().ok_or(NetError::NoMesh)
    }

    /// The roster's entries that were understood, and whether each counts.
    pub(crate) fn history(&self) -> Vec<(Entry, bool)> {
        let membership = &self.pairing.approvals.membership;
        membership.with_log(|log| log.map(|log| log.history())).unwrap_or_default()
    }

    /// What is known of the way to everybody; empty once the network has ended.
    pub(crate) async fn survey(&self) -> Survey {
        let (reply, answer) = oneshot::channel();
        let asked = self.send(Command::Survey { reply }).await;
        if asked.is_ok() { answer.await.unwrap_or_default() } else { Survey::default() }
    }
}

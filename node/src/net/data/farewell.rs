//! The last word on a connection: whom an admin removed hears from whoever closes by which entries it
//! belongs no more, so that it does not wait for what cannot come.

use std::time::Instant;

use pumasi_protocol::NodeId;
use pumasi_protocol::chain::Removal;
use quinn::ConnectionError;

use super::super::conduct::Kind;
use super::{DataPlane, NOT_MEMBER};

impl DataPlane {
    /// Takes what a member said as it closed a connection; entries are signed, so it may be anybody.
    pub(super) async fn hear_farewell(&self, from: NodeId, end: &ConnectionError) {
        let ConnectionError::ApplicationClosed(close) = end else { return };
        if close.error_code != NOT_MEMBER || close.reason.is_empty() {
            return;
        }
        let Ok(Removal(entries)) = Removal::decode(&close.reason) else {
            return self.inner.conduct.blame(from, Instant::now());
        };
        let cost = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        if !self.inner.conduct.spend(from, Kind::RosterEntry, cost, Instant::now()) {
            return;
        }
        if let Err(error) = self.inner.membership.take(entries, Some(from)).await {
            tracing::error!(%error, "by which entries this computer was removed cannot be stored");
        }
    }
}

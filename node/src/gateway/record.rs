//! The audit log: what is read of it, and what changing a key adds to it.

use pumasi_web::api;
use pumasi_web::keys::{KeyRow, Terms};
use pumasi_web::mesh::{AuditError, AuditFilter, Caller};

use super::Gateway;
use crate::audit::{self, Sources};
use crate::core::unix_ms;
use crate::store::{Act, AuditRecord, StoreError};

/// The audit log, as far as it is the caller's to see.
pub(super) async fn audit(
    gateway: &Gateway,
    caller: &Caller,
    filter: AuditFilter,
) -> Result<Vec<api::AuditEntry>, AuditError> {
    gateway.notes.flush().await;
    let (store, net, caller) = (gateway.store.clone(), gateway.net.clone(), caller.clone());
    let (name, person) = (gateway.config.name.clone(), gateway.config.person.clone());
    let read = move || {
        let (roster, history) = (net.roster(), net.history());
        let sources = Sources {
            me: net.me(),
            name: &name,
            person: person.as_ref(),
            roster: roster.as_deref(),
            history: &history,
            records: store.audit()?,
        };
        Ok::<_, StoreError>(audit::view(&sources, &caller, &filter))
    };
    let entries = tokio::task::spawn_blocking(read).await;
    let entries = entries.map_err(|_| AuditError::Store)?;
    entries.map_err(|error| {
        tracing::warn!(%error, "the audit log cannot be read");
        AuditError::Store
    })
}

/// What the log says of a key that was made, changed or revoked.
pub(super) fn noted(row: &KeyRow) -> AuditRecord {
    let Terms { id, name, person, scopes, .. } = row.terms.clone();
    let act = Act::Key { change: row.step, id, name, person, scopes };
    AuditRecord { at_ms: unix_ms(), act }
}

//! API keys as they are kept: what is agreed, written when it changes, and apart from it what was used,
//! written now and then, so that a late count never undoes a revocation. No secret is kept, only hashes.

use std::collections::BTreeSet;

use pumasi_protocol::{NodeName, frame};
use pumasi_web::api::KeyScope;
use pumasi_web::keys::{KeptKey, Terms, Used};
use serde::{Deserialize, Serialize};

use super::AuditRecord;
use super::database::Batch;
use super::record::{Record, Table};
use super::{Store, StoreError};

impl Record for Terms {
    const VERSION: u8 = 2;

    fn from_previous(body: &[u8]) -> Option<Self> {
        frame::decode_body::<FirstTerms>(body).ok().map(Self::from)
    }
}

/// Terms before there were tokens in a minute.
#[derive(Serialize, Deserialize)]
struct FirstTerms {
    id: String,
    name: NodeName,
    person: NodeName,
    hash: [u8; 32],
    scopes: BTreeSet<KeyScope>,
    created_ms: u64,
    expires_ms: Option<u64>,
    requests_per_min: Option<u32>,
    tokens_per_day: Option<u64>,
    tokens_in_all: Option<u64>,
    revoked_ms: Option<u64>,
}

impl From<FirstTerms> for Terms {
    fn from(first: FirstTerms) -> Self {
        Self {
            id: first.id,
            name: first.name,
            person: first.person,
            hash: first.hash,
            scopes: first.scopes,
            created_ms: first.created_ms,
            expires_ms: first.expires_ms,
            requests_per_min: first.requests_per_min,
            tokens_per_min: None,
            tokens_per_day: first.tokens_per_day,
            tokens_in_all: first.tokens_in_all,
            revoked_ms: first.revoked_ms,
        }
    }
}

impl Record for Used {}

impl Store {
    /// All API keys, the oldest first.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn keys(&self) -> Result<Vec<KeptKey>, StoreError> {
        let database = &self.inner.database;
        let rows = database.scan::<Terms>(Table::Key)?;
        let with_use = rows.into_iter().map(|(id, terms)| {
            let used = database.read(Table::KeyUse, &id)?.unwrap_or_default();
            Ok(KeptKey { terms, used })
        });
        let mut keys: Vec<KeptKey> = with_use.collect::<Result<_, StoreError>>()?;
        keys.sort_by_key(|key| key.terms.created_ms);
        Ok(keys)
    }

    /// Keeps what is agreed about a key, and who changed it; the key that it replaces goes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn put_key(
        &self,
        terms: Terms,
        instead_of: Option<String>,
        noted: AuditRecord,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        if let Some(id) = instead_of {
            batch.remove(Table::Key, id.as_bytes());
            batch.remove(Table::KeyUse, id.as_bytes());
        }
        batch.put(Table::Key, terms.id.as_bytes(), &terms)?;
        self.inner.audit.append(&mut batch, noted)?;
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }

    /// Keeps what was used of some keys. What belongs to none is left out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn put_used(&self, used: Vec<(String, Used)>) -> Result<(), StoreError> {
        self.inner
            .writer
            .apply(move |ledger| {
                let mut batch = Batch::default();
                for (id, used) in used {
                    if ledger.read::<Terms>(Table::Key, id.as_bytes())?.is_some() {
                        batch.put(Table::KeyUse, id.as_bytes(), &used)?;
                    }
                }
                Ok::<_, StoreError>(((), batch))
            })
            .await?
    }
}

//! API keys: who holds them, what they open, how much. Shared by all listeners and changed while they
//! run; where they are kept is the node's business. A key's secret is 256 random bits, so its hash need
//! not be a slow one: nobody can try that many. Only the hash is kept.

mod holder;
mod lasting;
mod pace;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use blake3::Hash;
use data_encoding::BASE32_NOPAD;
use pumasi_protocol::NodeName;
use serde::{Deserialize, Serialize};

use crate::api::{self, KeyScope};
use crate::app::random;
use crate::limits;

pub(crate) use holder::{Crowd, Holder, Place};
pub(crate) use lasting::{Lasting, charge_at_end};
pub(crate) use pace::Allowance;
use pace::Pace;

/// What is agreed about a key. The node keeps it in this layout: a changed field is a new version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its id, 12 hexadecimal digits.
    pub id: String,
    /// What people call it.
    pub name: NodeName,
    /// The person it stands for: the owner of its jobs.
    pub person: NodeName,
    /// The hash of its secret.
    pub hash: [u8; 32],
    /// What it opens.
    pub scopes: BTreeSet<KeyScope>,
    /// When it was made, Unix time in milliseconds.
    pub created_ms: u64,
    /// When it ends, Unix time in milliseconds; none: when it is revoked.
    pub expires_ms: Option<u64>,
    /// Requests in a minute; none: any number.
    pub requests_per_min: Option<u32>,
    /// Tokens in a minute, prompts included; none: any number.
    pub tokens_per_min: Option<u64>,
    /// Tokens in a day of UTC, prompts included; none: any number.
    pub tokens_per_day: Option<u64>,
    /// Tokens in all, prompts included; none: any number.
    pub tokens_in_all: Option<u64>,
    /// When it was revoked, Unix time in milliseconds.
    pub revoked_ms: Option<u64>,
}

/// What a key was used for so far. Kept apart from its terms, later and less often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Requests that it opened.
    pub requests: u64,
    /// Tokens, prompts included.
    pub tokens: u64,
    /// The day of [`Self::tokens_of_day`], in days of UTC since 1970.
    pub day: u64,
    /// Tokens of that day.
    pub tokens_of_day: u64,
    /// When it was last used, Unix time in milliseconds.
    pub last_ms: Option<u64>,
}

/// A key as the node keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptKey {
    /// What is agreed.
    pub terms: Terms,
    /// What was used.
    pub used: Used,
}

/// What becomes of a key. The node keeps it in this layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStep {
    /// It is new.
    Made,
    /// Its terms are others.
    Changed,
    /// It opens nothing any more.
    Revoked,
}

/// A key that is to be kept from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// What is agreed.
    pub terms: Terms,
    /// The id of a revoked key that makes room for it.
    pub instead_of: Option<String>,
    /// As it is shown.
    pub shown: api::Key,
    /// What becomes of it.
    pub step: KeyStep,
}

/// Why a key is not made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none with this id.
    #[error("there is no API key with this id: `pumasi keys list` lists what there is")]
    NotFound,
    /// As many as there may be are in use.
    #[error("there are as many API keys as this computer keeps: revoke one first")]
    TooMany,
    /// It was revoked, and a revoked key stays so.
    #[error("this API key was revoked: make a new one")]
    Revoked,
    /// Its name, or its person's, is none.
    #[error("{0}")]
    Name(pumasi_protocol::NameError),
    /// The world failed: it could not be written down.
    #[error("this computer could not write the API key down: is the disk full?")]
    Store,
}

/// All keys of this computer. Cheap to share; whatever changes counts from the next request on.
#[derive(Debug, Default)]
pub struct Keyring {
    holders: RwLock<Vec<Arc<Holder>>>,
    pub(crate) lasting: Lasting,
    /// One change after the other, each written down before the next.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

/// What starts each secret, so that people and scanners see what it is.
const PREFIX: &str = "pumasi-key-";

/// What is kept of a secret. A fast hash will do: of 256 random bits nobody tries a share worth naming.
#[must_use]
pub fn hash_of(secret: &[u8]) -> [u8; 32] {
    blake3::derive_key("pumasi api key 1", secret)
}

impl Keyring {
    /// With the keys that were kept.
    #[must_use]
    pub fn new(kept: Vec<KeptKey>) -> Self {
        let holders = kept.into_iter().map(|key| Arc::new(Holder::new(key.terms, key.used)));
        Self { holders: RwLock::new(holders.collect()), ..Self::default() }
    }

    /// Whether nobody can come in by a key: none was made, or all were revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holders().iter().all(|holder| holder.is_revoked())
    }

    fn holders(&self) -> Vec<Arc<Holder>> {
        // The list stays whole even if a thread ended while it held the lock.
        self.holders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All keys, the oldest first.
    #[must_use]
    pub fn list(&self, now_ms: u64) -> Vec<api::Key> {
        self.holders().iter().map(|holder| holder.show(now_ms)).collect()
    }

    /// Whose secret it is. Costs one hash and one comparison of equal length per key, whatever it is.
    pub(crate) fn judge(&self, presented: &[u8]) -> Option<Arc<Holder>> {
        let hash = Hash::from_bytes(hash_of(presented));
        let holders = self.holders.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for holder in holders.iter() {
            // Equality of hashes is constant-time, and none is left out, found or not.
            if holder.hash == hash {
                found = Some(holder);
            }
        }
        found.cloned()
    }

    pub(crate) fn find(&self, id: &str) -> Result<Arc<Holder>, KeyError> {
        let found = self.holders().into_iter().find(|holder| holder.id() == id);
        found.ok_or(KeyError::NotFound)
    }

    /// A new key and its secret, which is nowhere else; it opens nothing before [`Self::put`].
    pub(crate) fn draft(&self, wanted: Wanted, now_ms: u64) -> Result<(KeyRow, String), KeyError> {
        let holders = self.holders();
        let mut instead_of = None;
        if holders.len() >= limits::KEYS {
            let revoked = holders.iter().find(|holder| holder.is_revoked());
            instead_of = Some(revoked.ok_or(KeyError::TooMany)?.id());
        }
        let secret = BASE32_NOPAD.encode(&random::<32>()).to_ascii_lowercase();
        let secret = format!("{PREFIX}{secret}");
        let mut terms = wanted.into_terms(now_ms);
        terms.hash = hash_of(secret.as_bytes());
        let shown = Holder::new(terms.clone(), Used::default()).show(now_ms);
        Ok((KeyRow { terms, instead_of, shown, step: KeyStep::Made }, secret))
    }

    /// Lets a key in, or changes it. The key that it replaces goes.
    pub(crate) fn put(&self, terms: Terms) {
        let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
        match holders.iter().find(|holder| holder.id() == terms.id) {
            Some(holder) => holder.agree(terms),
            None => holders.push(Arc::new(Holder::new(terms, Used::default()))),
        }
    }

    pub(crate) fn forget(&self, id: &str) {
        let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|holder| holder.id() != id);
    }

    /// What was used of each key that was used since this was last asked.
    #[must_use]
    pub fn take_used(&self) -> Vec<(String, Used)> {
        self.holders().iter().filter_map(|holder| holder.take_used()).collect()
    }
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: NodeName,
    pub(crate) person: NodeName,
    pub(crate) scopes: BTreeSet<KeyScope>,
    pub(crate) valid_ms: Option<u64>,
    pub(crate) requests_per_min: Option<u32>,
    pub(crate) tokens_per_min: Option<u64>,
    pub(crate) tokens_per_day: Option<u64>,
    pub(crate) tokens_in_all: Option<u64>,
}

impl Wanted {
    fn into_terms(self, now_ms: u64) -> Terms {
        Terms {
            id: hex::encode(random::<6>()),
            name: self.name,
            person: self.person,
            hash: [0; 32],
            scopes: self.scopes,
            created_ms: now_ms,
            expires_ms: self.valid_ms.map(|valid_ms| now_ms.saturating_add(valid_ms)),
            requests_per_min: self.requests_per_min,
            tokens_per_min: self.tokens_per_min,
            tokens_per_day: self.tokens_per_day,
            tokens_in_all: self.tokens_in_all,
            revoked_ms: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! What this node remembers of who did what: names, ids, numbers and closed words. No text that anybody
//! asked or was answered has a place in it. Two logs, so that however many jobs never push out who
//! was let in by what; in each the oldest makes way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumasi_protocol::roster::NodeRole;
use pumasi_protocol::{JobId, JobKind, ModelName, NodeId, NodeName, Usage, frame};
use pumasi_web::api::{KeyScope, Lend};
use pumasi_web::keys::KeyStep;
use serde::{Deserialize, Serialize};

use super::database::{Batch, Changing, Database};
use super::limits::{AUDITED_ACTS, AUDITED_JOBS};
use super::record::{Record, Table};
use super::{Store, StoreError};

/// Something that somebody did, and when, Unix time in milliseconds on this node's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When.
    pub at_ms: u64,
    /// What.
    pub act: Act,
}

/// What can be done. A new kind is a new layout: raise [`Record::VERSION`] with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// The node began.
    Started {
        /// Its version.
        version: String,
    },
    /// An API key was made, changed or revoked here.
    Key {
        /// Which of these.
        change: KeyStep,
        /// Its id.
        id: String,
        /// What people call it.
        name: NodeName,
        /// Whom it stands for.
        person: NodeName,
        /// What it opens.
        scopes: BTreeSet<KeyScope>,
    },
    /// An invitation was made here.
    Invited {
        /// Its id, as lists show it.
        id: String,
        /// Whose computers it lets in.
        person: Option<NodeName>,
        /// As what.
        roles: BTreeSet<NodeRole>,
        /// How many.
        uses: u32,
    },
    /// This computer was told whether to work for others.
    Lend {
        /// What it was told.
        lend: Lend,
        /// Until when.
        until_ms: Option<u64>,
    },
    /// A job that was asked for here ended.
    Asked(Box<JobNote>),
    /// An attempt at another node's job ended here.
    Ran(Box<JobNote>),
    /// An invitation was withdrawn here before all its uses.
    Withdrawn {
        /// Its id, as lists show it.
        id: String,
    },
    /// A job that was asked for here ended at a provider.
    Provided {
        /// The job; no node ran it.
        note: Box<JobNote>,
        /// The provider's id.
        provider: String,
    },
}

/// A job, without what it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobNote {
    /// Which.
    pub job: JobId,
    /// What sort of work.
    pub kind: JobKind,
    /// With which model.
    pub model: ModelName,
    /// For whom; none: a shared computer's own.
    pub person: Option<NodeName>,
    /// The id of the API key that it came with.
    pub key: Option<String>,
    /// The node that accepted it.
    pub owner: NodeId,
    /// Where it ran last.
    pub ran_on: Option<NodeId>,
    /// Bytes of what was asked.
    pub asked_bytes: u64,
    /// Tokens.
    pub usage: Usage,
    /// Bindings.
    pub attempts: u32,
    /// When it was accepted, Unix time in milliseconds.
    pub accepted_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// With its result.
    Completed,
    /// Without, for a reason of the closed list.
    Failed(String),
    /// Somebody cancelled it.
    Cancelled,
}

/// A record as it lies in its log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) record: AuditRecord,
}

impl Record for Numbered {
    const VERSION: u8 = 2;

    /// It knew fewer acts, written alike.
    fn from_previous(body: &[u8]) -> Option<Self> {
        frame::decode_body(body).ok()
    }
}

/// The next number in each log.
#[derive(Debug, Default)]
pub(super) struct Next {
    act: AtomicU64,
    job: AtomicU64,
}

impl Next {
    pub(super) fn restore(database: &Database) -> Result<Arc<Self>, StoreError> {
        let after = |table| {
            let last: Vec<Numbered> = database.newest(table, 1)?;
            Ok::<_, StoreError>(AtomicU64::new(last.first().map_or(0, |last| last.number + 1)))
        };
        Ok(Arc::new(Self { act: after(Table::Act)?, job: after(Table::JobNote)? }))
    }

    /// Adds a record to a batch, and takes out the one that makes way for it. A batch that does not
    /// come to the disk leaves numbers unused, which is no harm.
    pub(super) fn append(&self, batch: &mut Batch, record: AuditRecord) -> Result<(), StoreError> {
        let (table, next, most) = match record.act {
            Act::Asked(_) | Act::Ran(_) | Act::Provided { .. } => {
                (Table::JobNote, &self.job, AUDITED_JOBS)
            }
            Act::Started { .. }
            | Act::Key { .. }
            | Act::Invited { .. }
            | Act::Withdrawn { .. }
            | Act::Lend { .. } => (Table::Act, &self.act, AUDITED_ACTS),
        };
        let number = next.fetch_add(1, Ordering::Relaxed);
        batch.put(table, &number.to_be_bytes(), &Numbered { number, record })?;
        if let Some(oldest) = number.checked_sub(most) {
            batch.remove(table, &oldest.to_be_bytes());
        }
        Ok(())
    }
}

impl Store {
    /// Writes down what was done.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn note(&self, records: Vec<AuditRecord>) -> Result<(), StoreError> {
        let next = self.inner.audit.clone();
        let decide = move |_: &Changing<'_>| {
            let mut batch = Batch::default();
            for record in records {
                next.append(&mut batch, record)?;
            }
            Ok::<_, StoreError>(((), batch))
        };
        self.inner.writer.apply(decide).await?
    }

    /// What was done, as far as it is kept; in no order.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn audit(&self) -> Result<Vec<AuditRecord>, StoreError> {
        let mut records = Vec::new();
        for table in [Table::Act, Table::JobNote] {
            let rows = self.inner.database.scan::<Numbered>(table)?;
            records.extend(rows.into_iter().map(|(_, numbered)| numbered.record));
        }
        Ok(records)
    }
}

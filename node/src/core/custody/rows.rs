//! The rows of custody in the store: changes of one job in their order, those of different jobs
//! beside each other, so that one sync acknowledges many.

use std::collections::{BTreeMap, VecDeque};

use pumasi_protocol::JobId;
use pumasi_scheduler::{CustodyInput, Holding};

use super::super::durable::Draft;
use super::super::{Core, Event};
use crate::store::{JobRecord, Store, StoreError};

/// A change of a job's row.
enum Change {
    Put(u64, Box<JobRecord>),
    Remove,
}

/// Changes that wait for the one before of the same job; a job with one under way has an entry.
#[derive(Default)]
pub(super) struct Rows(BTreeMap<JobId, VecDeque<Change>>);

impl Core {
    pub(super) fn persist(&mut self, ticket: u64, holding: Holding) {
        let job = holding.record.job;
        let draft = self.keeping.drafts.get(&job).and_then(Draft::repeat);
        let repeat = draft.or_else(|| self.owned.find(job).and_then(|job| job.repeat));
        let record = JobRecord::of(holding, repeat);
        self.change_row(job, Change::Put(ticket, Box::new(record)));
    }

    pub(super) fn erase(&mut self, job: JobId) {
        self.keeping.offered.remove(&job);
        self.keeping.accounts.forget(job);
        self.on_forgotten(job);
        self.change_row(job, Change::Remove);
    }

    fn change_row(&mut self, job: JobId, change: Change) {
        if let Some(waiting) = self.keeping.rows.0.get_mut(&job) {
            let comes = matches!(change, Change::Put(..));
            if comes && matches!(waiting.back(), Some(Change::Remove)) {
                // It comes back before it went: its files stay.
                waiting.pop_back();
            }
            return waiting.push_back(change);
        }
        self.keeping.rows.0.insert(job, VecDeque::new());
        self.start_change(job, change);
    }

    fn start_change(&self, job: JobId, change: Change) {
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let ticket = match &change {
                Change::Put(ticket, _) => Some(*ticket),
                Change::Remove => None,
            };
            let changed = change.apply(&store, job).await;
            if let Err(error) = &changed {
                tracing::error!(%error, job = %job.short(), "a lasting job could not be written down");
            }
            // At the node's end nobody listens any more; the row is on the disk or not.
            let _ = events.send(Event::RowChanged(job, ticket, changed.is_ok())).await;
        });
    }

    pub(in super::super) fn on_row_changed(&mut self, job: JobId, ticket: Option<u64>, done: bool) {
        let next = self.keeping.rows.0.get_mut(&job).and_then(VecDeque::pop_front);
        match next {
            Some(change) => self.start_change(job, change),
            None => drop(self.keeping.rows.0.remove(&job)),
        }
        match ticket {
            Some(ticket) if done => self.tell_custody(CustodyInput::Persisted { job, ticket }),
            Some(ticket) => self.tell_custody(CustodyInput::PersistFailed { job, ticket }),
            None => {}
        }
    }
}

impl Change {
    async fn apply(self, store: &Store, job: JobId) -> Result<(), StoreError> {
        match self {
            Self::Put(_, record) => store.put_job(*record).await,
            Self::Remove => store.remove_job(job).await,
        }
    }
}

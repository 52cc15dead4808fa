//! What the results of kept jobs tell of how they came about. A job's record does not say; who lists
//! jobs that ended in an earlier start, or at another owner, wants to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use pumasi_protocol::custody::Ended;
use pumasi_protocol::{BlobId, JobId};
use tokio::sync::Semaphore;

use super::super::kept::{Account, read_account};
use super::super::{Core, Event};

/// Results that are read at a time: a start has as many to read as jobs are kept.
const READS: usize = 2;

/// What is known of results that lie here; one for each job that is kept and complete.
pub(super) struct Accounts {
    known: BTreeMap<JobId, Account>,
    turns: Arc<Semaphore>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { known: BTreeMap::new(), turns: Arc::new(Semaphore::new(READS)) }
    }
}

impl Accounts {
    pub(super) fn of(&self, job: JobId) -> Option<&Account> {
        self.known.get(&job)
    }

    pub(super) fn forget(&mut self, job: JobId) {
        self.known.remove(&job);
    }
}

impl Core {
    /// Looks into the result of a job that this node did not see coming about.
    pub(super) fn look_into(&self, job: JobId, ended: &Ended) {
        let seen = self.owned.find(job).is_some_and(|job| job.usage.is_some());
        if let Some(result) = ended.end.result().filter(|_| !seen) {
            self.read_result(job, result.id);
        }
    }

    fn read_result(&self, job: JobId, result: BlobId) {
        let (store, events) = (self.store.clone(), self.events.clone());
        let turns = Arc::clone(&self.keeping.accounts.turns);
        tokio::spawn(async move {
            let Ok(_turn) = turns.acquire().await else { return };
            let read = tokio::task::spawn_blocking(move || read_account(&store, result)).await;
            if let Ok(Some(account)) = read {
                // At the node's end nobody listens any more.
                let _ = events.send(Event::Account(job, Box::new(account))).await;
            }
        });
    }

    pub(in super::super) fn on_account(&mut self, job: JobId, account: Account) {
        if self.keeping.custody.job(job).is_some() {
            self.keeping.accounts.known.insert(job, account);
            self.publish_kept(job);
        }
    }
}

//! What lasting jobs cost their keys: told by the mesh when they end, perhaps long after they were
//! handed in. Not kept: a job that ends after a restart costs its key nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pumasi_protocol::JobId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Holder, Keyring};
use crate::api::{Event, Job};
use crate::app::unix_ms;
use crate::limits;
use crate::mesh::{Caller, Mesh};

/// Jobs that have not ended, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    jobs: Mutex<BTreeMap<String, Arc<Holder>>>,
}

impl Lasting {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Holder>>> {
        // The table stays whole even if a thread ended while it held the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of one more; true when it is the only one.
    fn begin(&self, job: &str, holder: Arc<Holder>) -> bool {
        let mut jobs = self.jobs();
        // Ids grow with time: the oldest is least likely to end still.
        while jobs.len() >= limits::CHARGED_JOBS {
            jobs.pop_first();
        }
        let first = jobs.is_empty();
        jobs.insert(job.to_owned(), holder);
        first
    }

    /// Charges a job that has ended; true when there is no other to wait for.
    fn settle(&self, job: &Job) -> bool {
        let mut jobs = self.jobs();
        if job.state.is_terminal()
            && let Some(holder) = jobs.remove(&job.id)
            && let Some(usage) = &job.usage
        {
            let tokens = u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
            holder.spend(tokens, unix_ms());
        }
        jobs.is_empty()
    }
}

/// Charges `holder` when this job ends. `changes` was subscribed before the job was handed in.
pub(crate) fn charge_at_end(
    keys: &Arc<Keyring>,
    mesh: &Arc<dyn Mesh>,
    changes: broadcast::Receiver<Event>,
    job: &Job,
    holder: Arc<Holder>,
) {
    if keys.lasting.begin(&job.id, holder) {
        tokio::spawn(follow(Arc::clone(keys), Arc::clone(mesh), changes));
    }
}

/// Listens for as long as a job is open: whoever listens costs the node some work.
async fn follow(keys: Arc<Keyring>, mesh: Arc<dyn Mesh>, mut changes: broadcast::Receiver<Event>) {
    loop {
        match changes.recv().await {
            Ok(Event::Job { job }) => {
                if keys.lasting.settle(&job) {
                    return;
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                if look(&keys, &mesh).await {
                    return;
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// After a gap, each open job is looked at.
async fn look(keys: &Keyring, mesh: &Arc<dyn Mesh>) -> bool {
    let open: Vec<String> = keys.lasting.jobs().keys().cloned().collect();
    for id in open {
        let Ok(parsed) = id.parse::<JobId>() else { continue };
        if let Ok(job) = mesh.job(&Caller::Install, parsed).await {
            keys.lasting.settle(&job);
        } else {
            keys.lasting.jobs().remove(&id);
        }
    }
    keys.lasting.jobs().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::keyring;

    #[test]
    fn cat_h43_lasting_jobs_that_are_waited_for_are_bounded_and_the_oldest_is_given_up() {
        let keys = keyring(&["k"]);
        let holder = keys.judge(b"k").expect("its key");
        let id = |n: usize| format!("{n:08}");
        assert!(keys.lasting.begin(&id(0), Arc::clone(&holder)));
        for n in 1..limits::CHARGED_JOBS + 10 {
            assert!(!keys.lasting.begin(&id(n), Arc::clone(&holder)));
        }
        let jobs = keys.lasting.jobs();
        assert_eq!(jobs.len(), limits::CHARGED_JOBS);
        assert_eq!(jobs.keys().next(), Some(&id(10)));
    }
}

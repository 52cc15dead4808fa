//! The files of durable jobs: brought here from whoever keeps them, and read when a job is to be run.

use std::time::Duration;

use pumasi_protocol::custody::Blob;
use pumasi_protocol::{BlobId, BlobRight, Epoch, JobId, NodeId, Term};
use pumasi_scheduler::CustodyInput;
use tokio_util::sync::CancellationToken;

use super::super::kept::{KEPT_BYTES, Question};
use super::super::{Core, Event};
use super::Placing;
use crate::net::NetHandle;
use crate::store::Store;

/// Between two tries to read what a job was asked, when neither disk nor holders give it.
const READ_AGAIN: Duration = Duration::from_secs(10);

impl Core {
    /// Brings a file here.
    pub(super) fn fetch_file(&self, job: JobId, blob: Blob, from: Vec<NodeId>) {
        let (store, net, events) = (self.store.clone(), self.net.clone(), self.events.clone());
        tokio::spawn(async move {
            let blob_id = blob.id;
            let done = match bring(&store, &net, job, blob_id, &from).await {
                // Also one that was here: a row that goes meanwhile would take it along.
                Some(bytes) => {
                    let put = tokio::task::spawn_blocking(move || store.put_file(&bytes)).await;
                    matches!(put, Ok(Ok(_)))
                }
                None => false,
            };
            let input = if done {
                CustodyInput::Fetched { blob: blob_id }
            } else {
                CustodyInput::FetchFailed { blob: blob_id }
            };
            // At the node's end nobody listens any more.
            let _ = events.send(Event::Custody(Box::new(input))).await;
        });
    }

    /// Reads what was asked, to give the job to the scheduler.
    pub(in super::super) fn read_question(&mut self, job: JobId, term: Term, floor: Epoch) {
        let Some(record) = self.record(job) else { return };
        let Some(input) = record.inputs.first().map(|blob| blob.id) else { return };
        let keepers = record.keepers();
        let over = CancellationToken::new();
        self.keeping.placing.insert(job, Placing { term, floor, over: over.clone() });
        let (store, net, events) = (self.store.clone(), self.net.clone(), self.events.clone());
        tokio::spawn(async move {
            loop {
                let bytes = bring(&store, &net, job, input, &keepers).await;
                if let Some(question) = bytes.and_then(|bytes| Question::read(&bytes)) {
                    let read = Event::Question(job, term, Box::new(question));
                    // At the node's end nobody listens any more.
                    let _ = events.send(read).await;
                    return;
                }
                tracing::error!(job = %job.short(), "what a lasting job was asked cannot be read");
                tokio::select! {
                    () = over.cancelled() => return,
                    () = tokio::time::sleep(READ_AGAIN) => {}
                }
            }
        });
    }
}

/// The bytes of a file that is here when this returns.
async fn bring(
    store: &Store,
    net: &NetHandle,
    job: JobId,
    blob: BlobId,
    from: &[NodeId],
) -> Option<Vec<u8>> {
    let reading = store.clone();
    let here = tokio::task::spawn_blocking(move || reading.file(blob).ok().flatten()).await;
    if let Ok(Some(bytes)) = here {
        return Some(bytes);
    }
    let me = net.me();
    for node in from.iter().filter(|node| **node != me) {
        let fetched = net.fetch(*node, blob, BlobRight::Job(job), KEPT_BYTES).await;
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(problem) => {
                tracing::debug!(peer = %node.short(), %problem, "a job's file was not fetched");
                continue;
            }
        };
        let (writing, kept) = (store.clone(), bytes.clone());
        let written = tokio::task::spawn_blocking(move || writing.put_file(&kept)).await;
        return matches!(written, Ok(Ok(_))).then_some(bytes);
    }
    None
}

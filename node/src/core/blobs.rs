//! Which members may read which files: a job's inputs and results go to its person's nodes, to admins,
//! to those that keep the job and to the one that runs it.

use pumasi_protocol::custody::Record;
use pumasi_protocol::{BlobAsk, BlobId, BlobRight, JobId, NodeId};
use tokio::sync::oneshot;

use super::Core;
use crate::net::BlobSource;

impl Core {
    pub(super) fn on_blob_asked(
        &self,
        from: NodeId,
        ask: BlobAsk,
        reply: oneshot::Sender<Option<BlobSource>>,
    ) {
        let may = match ask.right {
            BlobRight::Job(job) => self.may_read_file(from, job, ask.blob),
        };
        if !may {
            return drop(reply.send(None));
        }
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || {
            let opened = store.open_file(ask.blob).ok().flatten();
            drop(reply.send(opened.map(|(file, size)| BlobSource { file, size })));
        });
    }

    fn may_read_file(&self, from: NodeId, job: JobId, blob: BlobId) -> bool {
        let owned = self.owned.find(job);
        let record = self.record(job);
        let of_record = record.is_some_and(|record| record.blobs().iter().any(|b| b.id == blob));
        let is_its = of_record
            || owned.is_some_and(|job| job.input == Some(blob) || job.result == Some(blob));
        let runs_it =
            owned.is_some_and(|job| job.first.attempt.is_some() && job.node == Some(from));
        let person = record.map(Record::person).or(owned.map(|job| job.need.person));
        let is_seen = person.is_some_and(|person| self.may_read(from, person));
        is_its && (runs_it || is_seen || self.is_keeper(from, job))
    }
}

//! Documents on this node as an executor: the file comes from the owner, and goes into a process of
//! its own. What a person asks of documents is taken apart in [`crate::documents`].

use pumasi_protocol::document::DocumentWork;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    AttemptId, BlobRight, Epoch, Fault, JobState, NodeId, Refusal, Work, limits,
};
use pumasi_web::mesh::{Placed, RunEvent};
use tokio::sync::{mpsc, oneshot};

use super::owned::OwnedJob;
use super::pump::{EngineStart, OwnerReport};
use super::{Core, Event};
use crate::documents::{self, Pieces, Terms};

/// Events of a job about documents that wait for whoever writes them down.
const WAITING: usize = 64;

impl Core {
    /// Takes a job about documents apart. The receiver gets what came of it; it ends with the job.
    pub(super) fn accept_documents(
        &mut self,
        mut job: OwnedJob,
        floor: Epoch,
    ) -> mpsc::Receiver<RunEvent> {
        let (out, events) = mpsc::channel(WAITING);
        let Work::Documents(documents) = job.run.work.clone() else { return events };
        let (id, over, reports) = (job.id, job.over.clone(), self.events.clone());
        job.state = JobState::Running(self.me);
        job.node = Some(self.me);
        let terms = Terms {
            caller: job.run.caller.clone(),
            model: job.run.model.clone(),
            constraints: job.run.constraints.clone(),
            priority: job.run.priority,
        };
        let pieces = Pieces::new(terms, self.events.clone());
        let why = "its pieces are placed by themselves".to_owned();
        let epoch = Epoch(floor.0 + 1);
        let (node, name) = (self.me, self.config.name.clone());
        let placed = Placed { node, name, why, epoch, after: None, model: None };
        self.owned.live.insert(id, job);
        self.owned.touch(id);
        self.publish_job(id);
        tokio::spawn(async move {
            let (told, mut heard) = mpsc::channel(WAITING);
            let work = documents::run(*documents, pieces, told);
            // Its reader ends with the job.
            let _ = out.send(RunEvent::Placed(placed)).await;
            let pass_on = async {
                while let Some(event) = heard.recv().await {
                    if let RunEvent::Attempt(AttemptEvent::Alive { phase, step }) = event {
                        let attempt = AttemptId { job: id, epoch };
                        let progress = OwnerReport::Progress(attempt, phase, step);
                        let _ = reports.send(Event::Owner(progress)).await;
                    } else if out.send(event).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                // What is over tells its own end.
                () = over.cancelled() => {}
                ((), ()) = async { tokio::join!(work, pass_on) } => {}
            }
        });
        events
    }

    /// Starts work on a document as soon as its file is here. A file that was fetched stays in memory
    /// and goes with the attempt.
    pub(super) fn start_document(
        &self,
        attempt: AttemptId,
        owner: NodeId,
        work: DocumentWork,
        engine: oneshot::Sender<EngineStart>,
    ) {
        let Some(documents) = self.fleet.documents().cloned() else {
            // The pump may have ended.
            return drop(engine.send(Err(Fault::Refused(Refusal::EngineAbsent))));
        };
        let (store, net, me) = (self.store.clone(), self.net.clone(), self.me);
        tokio::spawn(async move {
            let (file, size) = (work.file.id, work.file.bytes);
            let here = tokio::task::spawn_blocking(move || store.file(file).ok().flatten()).await;
            let bytes = match here {
                Ok(Some(bytes)) => Some(bytes),
                Ok(None) | Err(_) if owner == me => None,
                Ok(None) | Err(_) => {
                    let most = usize::try_from(limits::DOCUMENT_BYTES).unwrap_or(usize::MAX);
                    let right = BlobRight::Job(attempt.job);
                    let fetched = net.fetch(owner, file, right, most).await;
                    fetched.inspect_err(|problem| {
                        tracing::debug!(peer = %owner.short(), %problem, "a document did not come");
                    }).ok()
                }
            };
            let start = match bytes.filter(|bytes| bytes.len() as u64 == size) {
                Some(bytes) => Ok(documents.submit(work, bytes)),
                None => Err(Fault::Connection),
            };
            // A pump that ended meanwhile drops the events, which ends the process.
            drop(engine.send(start));
        });
    }
}

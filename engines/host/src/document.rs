//! Documents: a process for each, which one file cannot leave for the next. A page under which the
//! process dies is told of as such, and a new process goes on with the others.

use std::sync::Arc;

use pumasi_protocol::document::{DocumentPart, DocumentProblem, DocumentWork, PartKind};
use pumasi_protocol::limits::DOCUMENT_DEATHS;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention, LoadModel};
use pumasi_protocol::{BlobId, EngineKind, Fault, Finish, Timings, Usage, Work};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::engine::Engine;
use crate::events::{self, EventSender, Events, SendError};
use crate::limits;
use crate::spec::WorkerSpec;
use crate::worker::WorkerEngine;

/// Runs documents.
#[derive(Debug, Clone)]
pub struct DocumentEngine {
    spec: WorkerSpec,
}

impl DocumentEngine {
    /// For the worker binary at `program`.
    #[must_use]
    pub fn new(program: impl Into<std::path::PathBuf>) -> Self {
        let mut spec = WorkerSpec::new(program, EngineKind::Document);
        spec.address_space = Some(limits::DOCUMENT_ADDRESS_SPACE);
        Self { spec }
    }

    /// Works on one document. Dropping the events ends its process. Must be called in a tokio runtime.
    #[must_use]
    pub fn submit(&self, work: DocumentWork, file: Vec<u8>) -> Events {
        let left = Arc::new(Notify::new());
        let (events, received) = events::channel(work.skip, Arc::clone(&left));
        let next = work.skip;
        let run = Run { spec: self.spec.clone(), work, file, events, left, page: 0, next };
        tokio::spawn(run.run());
        received
    }
}

/// One document while it is worked on.
struct Run {
    spec: WorkerSpec,
    work: DocumentWork,
    file: Vec<u8>,
    events: EventSender,
    left: Arc<Notify>,
    /// The page that is being read, as the process last said.
    page: u32,
    /// Place of the next piece.
    next: u32,
}

/// How one process ended.
enum End {
    /// With the last event, or nobody wants one any more.
    Told,
    /// It died.
    Died(Fault),
}

impl Run {
    async fn run(mut self) {
        let deadline = Instant::now() + limits::DOCUMENT_LONGEST;
        loop {
            self.work.skip = self.next;
            let end = timeout_at(deadline, self.one_process()).await;
            let fault = match end {
                Ok(End::Told) => return,
                Ok(End::Died(fault)) => fault,
                Err(_) => return self.fail(DocumentProblem::TooComplex),
            };
            // Nothing of the document was read yet: it is the computer's fault.
            if fault == Fault::EngineStart {
                return self.events.fail(fault);
            }
            let is_hopeless = self.page == 0
                || self.work.avoid.contains(&self.page)
                || self.work.avoid.len() >= DOCUMENT_DEATHS;
            if is_hopeless {
                return self.fail(DocumentProblem::TooComplex);
            }
            self.work.avoid.push(self.page);
        }
    }

    fn fail(&mut self, problem: DocumentProblem) {
        if self.next == 0 {
            return self.events.fail(Fault::Document(problem));
        }
        // What was read is good: the rest is told of as one problem.
        let kind = PartKind::Problem(problem);
        let part = DocumentPart { file: 0, number: 0, kind, bytes: Vec::new(), more: false };
        let (usage, timings) = (Usage::default(), Timings::default());
        let last = AttemptEvent::Finished { finish: Finish::Stop, usage, timings };
        for event in [AttemptEvent::Part { index: self.next, part }, last] {
            // Whoever is gone does not need it.
            let _ = self.events.send(event);
        }
    }

    async fn one_process(&mut self) -> End {
        self.page = 0;
        let engine = match WorkerEngine::start(self.spec.clone()).await {
            Ok(engine) => engine,
            Err(fault) => return End::Died(fault),
        };
        if engine.load(nothing()).await.is_err() {
            return End::Died(Fault::EngineStart);
        }
        let work = Work::Document(Box::new(self.work.clone()));
        let submitted = match engine.submit_with(work, self.file.clone()) {
            Ok(submitted) => submitted,
            Err(fault) => {
                self.events.fail(fault);
                return End::Told;
            }
        };
        let end = self.relay(submitted.events).await;
        engine.shutdown().await;
        end
    }

    async fn relay(&mut self, mut source: Events) -> End {
        loop {
            let event = tokio::select! {
                event = source.recv() => event,
                () = self.left.notified() => return End::Told,
            };
            let event = match event {
                Some(AttemptEvent::Failed(fault)) if fault.ends_engine() => {
                    return End::Died(fault);
                }
                None => return End::Died(Fault::EngineCrash),
                Some(event) => event,
            };
            match &event {
                AttemptEvent::Alive { step, .. } => self.page = *step,
                AttemptEvent::Part { index, .. } => self.next = index + 1,
                AttemptEvent::Started { .. }
                | AttemptEvent::Tokens { .. }
                | AttemptEvent::Finished { .. }
                | AttemptEvent::Embedded { .. }
                | AttemptEvent::Failed(_) => {}
            }
            let is_last = event.is_last();
            match self.events.send(event) {
                Ok(()) if !is_last => {}
                Ok(()) | Err(SendError::Closed | SendError::Full) => return End::Told,
                Err(SendError::Order(_)) => {
                    self.events.fail(Fault::EngineGarbage);
                    return End::Told;
                }
            }
        }
    }
}

/// A document worker holds no model; loading it tells that it is ready.
fn nothing() -> LoadModel {
    LoadModel {
        path: String::new(),
        hash: BlobId([0; 32]),
        context: 0,
        slots: 1,
        gpu_layers: None,
        threads: 1,
        cache: CacheType::F16,
        flash: FlashAttention::Auto,
        drafting: Drafting::Off,
        embeddings: false,
    }
}

//! A process and the load that it is for, as the actor holds them, and what it waits for in each.

use pumasi_protocol::EngineKind;
use pumasi_protocol::worker::LoadModel;
use tokio::time::Instant;

use crate::orders::LoadReply;
use crate::process::{Incoming, Process};
use crate::session::Session;

#[derive(Debug)]
pub(crate) struct PendingLoad {
    pub(crate) model: LoadModel,
    pub(crate) reply: LoadReply,
    pub(crate) cancelled: bool,
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) process: Process,
    pub(crate) session: Session,
    pub(crate) started: Instant,
    /// Its last frame, or the beginning of its work if that came later.
    pub(crate) last_sign: Instant,
    pub(crate) up: bool,
    /// The file that it may read, until it was told to: it was confined to that at its start.
    pub(crate) file: Option<String>,
}

impl Worker {
    /// A process that was just started, for `file` if it is to load one.
    pub(crate) fn new(process: Process, kind: EngineKind, file: Option<String>) -> Self {
        let (session, now) = (Session::new(kind), Instant::now());
        Self { process, session, started: now, last_sign: now, up: false, file }
    }

    /// Whether this process can read the model. One that has read another file cannot: it would not
    /// see a better one that was put in its place, and it may have been damaged by what it read.
    pub(crate) fn may_load(&self, model: &LoadModel) -> bool {
        self.file.as_ref() == Some(&model.path)
    }
}

pub(crate) async fn next_incoming(worker: Option<&mut Worker>) -> Incoming {
    match worker {
        Some(worker) => worker.process.incoming.recv().await.unwrap_or(Incoming::End),
        None => std::future::pending().await,
    }
}

pub(crate) async fn abandoned(load: Option<&mut PendingLoad>) {
    match load {
        Some(load) if !load.cancelled => load.reply.closed().await,
        Some(_) | None => std::future::pending().await,
    }
}

pub(crate) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

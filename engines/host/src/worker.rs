//! [`WorkerEngine`]: an engine in a process of its own, as the rest of the node sees it. A handle;
//! all work is done by the task behind it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use pumasi_protocol::worker::{LoadModel, LoadedModel, RequestId};
use pumasi_protocol::{Device, EngineKind, Fault, Refusal, Tempo, Work};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::actor::Actor;
use crate::diagnostics::{Diagnostics, Found};
use crate::engine::{Engine, EngineState, Submitted};
use crate::events;
use crate::limits;
use crate::orders::{Order, SharedBoard};
use crate::spec::WorkerSpec;

/// Bytes of stderr that diagnostics show.
const SHOWN_STDERR_BYTES: usize = 16 * 1024;

/// An engine that runs as a process. Dropping it ends the process.
#[derive(Debug)]
pub struct WorkerEngine {
    kind: EngineKind,
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<EngineState>,
    board: SharedBoard,
    left: Arc<Notify>,
    next_request: AtomicU64,
}

impl WorkerEngine {
    /// Sets up the engine without starting its process: the first load does.
    /// Must be called in a tokio runtime.
    #[must_use]
    pub fn new(spec: WorkerSpec) -> Self {
        let kind = spec.kind;
        let (orders, receiver) = mpsc::channel(limits::ORDERS);
        let (state_sender, state) = watch::channel(EngineState::Stopped);
        let (board, left) = (SharedBoard::default(), Arc::new(Notify::new()));
        let actor = Actor::new(spec, receiver, Arc::clone(&left), state_sender, Arc::clone(&board));
        tokio::spawn(actor.run());
        Self { kind, orders, state, board, left, next_request: AtomicU64::new(0) }
    }

    /// Starts the process and waits until it said hello.
    ///
    /// # Errors
    /// [`Fault::EngineStart`]: it is absent, ended, said nothing in time, or is another program.
    pub async fn start(spec: WorkerSpec) -> Result<Self, Fault> {
        let engine = Self::new(spec);
        let (reply, started) = oneshot::channel();
        engine.order(Order::Start(reply)).await?;
        started.await.map_err(|_| Fault::EngineStart)??;
        Ok(engine)
    }

    /// What a worker binary finds, without keeping it running.
    ///
    /// # Errors
    /// As [`WorkerEngine::start`].
    pub async fn probe(program: impl Into<PathBuf>, kind: EngineKind) -> Result<Found, Fault> {
        let engine = Self::start(WorkerSpec::new(program, kind)).await?;
        let (devices, confinement) = (engine.devices(), engine.diagnostics().confinement);
        engine.shutdown().await;
        Ok(Found { devices, confinement })
    }

    /// Takes work together with the file that it is about.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub(crate) fn submit_with(&self, work: Work, input: Vec<u8>) -> Result<Submitted, Fault> {
        if !matches!(*self.state.borrow(), EngineState::Ready(_)) {
            return Err(Fault::Refused(Refusal::ModelAbsent));
        }
        let delivered = match &work {
            Work::Generate(body) => body.resume.as_ref().map_or(0, |r| r.delivered.len()),
            Work::Embed(_) | Work::Documents(_) => 0,
            Work::Document(body) => usize::try_from(body.skip).unwrap_or(usize::MAX),
        };
        let delivered = u32::try_from(delivered).map_err(|_| Fault::BadRequest)?;
        let request = RequestId(self.next_request.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = events::channel(delivered, Arc::clone(&self.left));
        let order = Order::Submit { request, work, input, events: sender };
        let full = Fault::Refused(Refusal::QueueFull);
        self.orders.try_send(order).map_err(|_| full)?;
        Ok(Submitted { request, events })
    }

    async fn order(&self, order: Order) -> Result<(), Fault> {
        self.orders.send(order).await.map_err(|_| Fault::EngineStart)
    }

    async fn end(&self) {
        let (reply, ended) = oneshot::channel();
        if self.order(Order::End(reply)).await.is_ok() {
            // An error means that the task is gone, and the process with it.
            let _ = ended.await;
        }
    }
}

#[async_trait]
impl Engine for WorkerEngine {
    fn kind(&self) -> EngineKind {
        self.kind
    }

    fn devices(&self) -> Vec<Device> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).devices.clone()
    }

    fn state(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }

    async fn load(&self, model: LoadModel) -> Result<LoadedModel, Fault> {
        let (reply, loaded) = oneshot::channel();
        self.order(Order::Load { model, reply }).await?;
        loaded.await.map_err(|_| Fault::EngineStart)?
    }

    fn cancel_load(&self) {
        // A full queue means that the engine is being asked far more than it can do; dropping the
        // load's future cancels it too, and that needs no place in the queue.
        let _ = self.orders.try_send(Order::CancelLoad);
    }

    async fn unload(&self) {
        self.end().await;
    }

    fn submit(&self, work: Work) -> Result<Submitted, Fault> {
        self.submit_with(work, Vec::new())
    }

    fn cancel(&self, request: RequestId) {
        // As for a load: dropping the events cancels without a place in the queue.
        let _ = self.orders.try_send(Order::Cancel(request));
    }

    fn set_tempo(&self, request: RequestId, tempo: Tempo) {
        // Not by the queue, which may be full: a request that nobody resumes would pause for ever.
        self.board.lock().unwrap_or_else(PoisonError::into_inner).tempos.insert(request, tempo);
        self.left.notify_one();
    }

    fn diagnostics(&self) -> Diagnostics {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let mut diagnostics = board.diagnostics.clone();
        if let Some(ring) = &board.ring {
            let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            diagnostics.stderr_bytes = ring.total();
            diagnostics.stderr = ring.tail(SHOWN_STDERR_BYTES);
        }
        diagnostics
    }

    async fn shutdown(&self) {
        self.end().await;
    }
}

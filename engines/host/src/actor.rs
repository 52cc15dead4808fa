//! The task that owns one worker: takes orders, feeds the session, keeps deadlines, ends the
//! process. The only place of this crate with a clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pumasi_protocol::limits::PART_BYTES;
use pumasi_protocol::worker::{Command, LoadModel, LoadedModel, RequestId};
use pumasi_protocol::{Fault, Refusal, Work};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::diagnostics::{EndReason, Exit, ExitKind};
use crate::engine::EngineState;
use crate::events::EventSender;
use crate::limits;
use crate::orders::{Board, LoadReply, Order, SharedBoard};
use crate::process::{Incoming, Process, SharedRing, WriteError};
use crate::running::{PendingLoad, Worker, abandoned, next_incoming, sleep_until};
use crate::session::Step;
use crate::spec::WorkerSpec;
use crate::stderr_ring::StderrRing;

/// See the module.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) spec: WorkerSpec,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) left: Arc<Notify>,
    pub(crate) state: watch::Sender<EngineState>,
    pub(crate) board: SharedBoard,
    worker: Option<Worker>,
    load: Option<PendingLoad>,
    start: Option<oneshot::Sender<Result<(), Fault>>>,
    failures: u32,
    not_before: Instant,
}

impl Actor {
    pub(crate) fn new(
        spec: WorkerSpec,
        orders: mpsc::Receiver<Order>,
        left: Arc<Notify>,
        state: watch::Sender<EngineState>,
        board: SharedBoard,
    ) -> Self {
        let not_before = Instant::now();
        let (worker, load, start, failures) = (None, None, None, 0);
        Self { spec, orders, left, state, board, worker, load, start, failures, not_before }
    }

    /// Runs until every handle is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let deadline = self.deadline();
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.on_order(order).await,
                    None => break,
                },
                incoming = next_incoming(self.worker.as_mut()) => self.on_incoming(incoming).await,
                () = self.left.notified() => self.tell_untold(),
                () = abandoned(self.load.as_mut()) => self.cancel_load(),
                () = sleep_until(deadline) => self.on_deadline().await,
            }
        }
        self.end(EndReason::Asked).await;
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Only plain assignments run under this lock, so a poisoned board is still whole.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.worker {
            None => (self.load.is_some() || self.start.is_some()).then_some(self.not_before),
            Some(worker) if !worker.up => Some(worker.started + self.spec.start_deadline),
            Some(worker) if worker.session.has_work() => {
                Some(worker.last_sign + self.spec.silence_deadline)
            }
            Some(_) => None,
        }
    }

    async fn on_deadline(&mut self) {
        match &self.worker {
            None => self.start_process().await,
            Some(worker) if !worker.up => self.end(EndReason::NoStart).await,
            Some(_) => self.end(EndReason::Silent).await,
        }
    }

    async fn on_order(&mut self, order: Order) {
        match order {
            Order::Start(reply) => self.start = Some(reply),
            Order::Load { model, reply } => self.on_load(model, reply).await,
            Order::CancelLoad => self.cancel_load(),
            Order::Submit { request, work, input, events } => {
                self.on_submit(request, work, &input, events);
            }
            Order::Cancel(request) => {
                if let Some(worker) = &mut self.worker {
                    worker.session.cancel(request);
                }
                self.tell_untold();
            }
            Order::End(reply) => {
                self.end(EndReason::Asked).await;
                // Whoever asked may have stopped waiting.
                let _ = reply.send(());
            }
        }
    }

    async fn on_load(&mut self, model: LoadModel, reply: LoadReply) {
        let ready = self.worker.as_ref().is_some_and(|worker| worker.session.is_ready());
        if ready || self.load.is_some() {
            let _ = reply.send(Err(Fault::BadRequest));
            return;
        }
        if self.worker.as_ref().is_some_and(|worker| !worker.may_load(&model)) {
            // Whoever waits for a process waits for the next one.
            let start = self.start.take();
            self.end(EndReason::Asked).await;
            self.start = start;
        }
        self.load = Some(PendingLoad { model, reply, cancelled: false });
        if self.worker.as_ref().is_some_and(|worker| worker.up) {
            self.send_load();
        } else if self.worker.is_none() && self.not_before > Instant::now() {
            self.state.send_replace(EngineState::BackingOff);
        }
    }

    fn send_load(&mut self) {
        let (Some(worker), Some(load)) = (&mut self.worker, &self.load) else { return };
        worker.session.begin_load(load.model.hash);
        worker.file = None;
        worker.last_sign = Instant::now();
        self.state.send_replace(EngineState::Loading(0));
        // A worker that does not take even this falls silent, and is ended for that.
        let _ = worker.process.send(&Command::Load(load.model.clone()));
    }

    fn cancel_load(&mut self) {
        let loading = self.worker.as_ref().is_some_and(|w| w.up && w.session.has_work());
        match &mut self.load {
            Some(load) if loading => {
                load.cancelled = true;
                self.send(&Command::CancelLoad);
            }
            Some(_) => {
                self.finish_load(Err(Fault::Cancelled));
                let idle = if self.worker.is_some() {
                    EngineState::Starting
                } else {
                    EngineState::Stopped
                };
                self.state.send_replace(idle);
            }
            None => {}
        }
    }

    fn finish_load(&mut self, result: Result<LoadedModel, Fault>) {
        if let Some(load) = self.load.take() {
            // Whoever asked may have stopped waiting.
            let _ = load.reply.send(result);
        }
    }

    fn on_submit(&mut self, request: RequestId, work: Work, input: &[u8], mut events: EventSender) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.session.is_ready()) else {
            events.fail(Fault::Refused(Refusal::ModelAbsent));
            return;
        };
        if worker.session.requests() >= limits::REQUESTS {
            events.fail(Fault::Refused(Refusal::QueueFull));
            return;
        }
        let command = match work {
            Work::Generate(body) => Command::Generate { request, body },
            Work::Embed(body) => Command::Embed { request, body },
            Work::Document(body) => Command::Document { request, body },
            // A job about several documents is its owner's to take apart.
            Work::Documents(_) => return events.fail(Fault::BadRequest),
        };
        let mut chunks = input.chunks(PART_BYTES).map(<[u8]>::to_vec);
        let sent = worker.process.send(&command).and_then(|()| {
            chunks.try_for_each(|bytes| worker.process.send(&Command::Input { request, bytes }))
        });
        match sent {
            Ok(()) => {
                if !worker.session.has_work() {
                    worker.last_sign = Instant::now();
                }
                worker.session.begin_request(request, events);
            }
            Err(WriteError::TooLong) => events.fail(Fault::BadRequest),
            Err(WriteError::Full) => events.fail(Fault::Refused(Refusal::QueueFull)),
        }
    }

    fn send(&self, command: &Command) {
        if let Some(worker) = &self.worker {
            // A worker that does not read falls silent, and is ended for that.
            let _ = worker.process.send(command);
        }
    }

    /// Tells the process which requests to end, and at which tempo others are to run.
    fn tell_untold(&mut self) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let tempos = std::mem::take(&mut board.tempos);
        drop(board);
        let Some(worker) = &mut self.worker else { return };
        worker.session.set_tempos(tempos);
        for command in worker.session.untold() {
            // What finds no room is told again with the request's next event.
            if worker.process.send(&command).is_ok() {
                worker.session.told(&command);
            }
        }
    }

    async fn on_incoming(&mut self, incoming: Incoming) {
        let Some(worker) = &mut self.worker else { return };
        let step = match incoming {
            Incoming::Event(event) => {
                worker.last_sign = Instant::now();
                worker.session.on_event(*event)
            }
            Incoming::Garbage(error) => {
                tracing::warn!(%error, pid = worker.process.pid(), "an engine wrote no frame");
                Err(EndReason::Garbage)
            }
            Incoming::End => Err(EndReason::ByItself),
        };
        match step {
            Ok(Step::Go) => {}
            Ok(Step::Up) => self.on_up(),
            Ok(Step::Progress(permille)) => {
                self.state.send_replace(EngineState::Loading(permille));
            }
            Ok(Step::Loaded(result)) => self.on_loaded(result),
            Ok(Step::Done) => self.on_success(),
            Ok(Step::Untold) => self.tell_untold(),
            Err(reason) => self.end(reason).await,
        }
    }

    fn on_up(&mut self) {
        let Some(worker) = &mut self.worker else { return };
        worker.up = true;
        let (version, devices) = (worker.session.version.clone(), worker.session.devices.clone());
        let confinement = worker.session.confinement;
        if !confinement.is_whole() {
            let pid = worker.process.pid();
            tracing::warn!(pid, ?confinement, "the system does not wholly confine an engine");
        }
        let mut board = self.board();
        board.diagnostics.version = version;
        board.diagnostics.confinement = confinement;
        board.devices = devices;
        drop(board);
        self.state.send_replace(EngineState::Idle);
        if let Some(reply) = self.start.take() {
            let _ = reply.send(Ok(()));
        }
        self.send_load();
    }

    fn on_loaded(&mut self, result: Result<LoadedModel, Fault>) {
        self.state.send_replace(match &result {
            Ok(model) => EngineState::Ready(Box::new(model.clone())),
            Err(_) => EngineState::Idle,
        });
        self.finish_load(result);
    }

    fn on_success(&mut self) {
        self.failures = 0;
        let drafts = self.worker.as_ref().map(|worker| worker.session.drafts);
        let mut board = self.board();
        board.diagnostics.failures_in_a_row = 0;
        board.diagnostics.drafts = drafts.unwrap_or_default();
    }

    async fn start_process(&mut self) {
        self.state.send_replace(EngineState::Starting);
        if let Some(path) = &self.spec.record
            && crate::left_over::end_left_over(path)
        {
            tracing::warn!(path = %path.display(), "ended an engine that an earlier node left over");
        }
        let ring = Arc::new(Mutex::new(StderrRing::new(limits::STDERR_BYTES)));
        let file = self.load.as_ref().map(|load| load.model.path.clone());
        let started = Process::start(&self.spec, file.as_deref(), Arc::clone(&ring)).await;
        let mut board = self.board();
        board.diagnostics.starts += 1;
        board.ring = Some(ring);
        board.diagnostics.pid = started.as_ref().ok().map(Process::pid);
        drop(board);
        match started {
            Ok(process) => self.worker = Some(Worker::new(process, self.spec.kind, file)),
            Err(error) => {
                let program = self.spec.program.display();
                tracing::warn!(%error, %program, "an engine could not be started");
                self.on_failure();
                self.answer_waiting(&Fault::EngineStart);
            }
        }
    }

    fn on_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now() + self.spec.backoff(self.failures);
        self.board().diagnostics.failures_in_a_row = self.failures;
        self.state.send_replace(EngineState::Stopped);
    }

    fn answer_waiting(&mut self, fault: &Fault) {
        if let Some(reply) = self.start.take() {
            let _ = reply.send(Err(fault.clone()));
        }
        let cancelled = self.load.as_ref().is_some_and(|load| load.cancelled);
        self.finish_load(Err(if cancelled { Fault::Cancelled } else { fault.clone() }));
    }

    /// Ends the process, if there is one, and everything that waits for it.
    async fn end(&mut self, reason: EndReason) {
        let Some(mut worker) = self.worker.take() else {
            return self.answer_waiting(&Fault::Cancelled);
        };
        let (fault, grace) = match reason {
            EndReason::Asked => (Fault::Cancelled, self.spec.exit_grace),
            EndReason::ByItself if worker.up => (Fault::EngineCrash, self.spec.exit_grace),
            EndReason::ByItself => (Fault::EngineStart, self.spec.exit_grace),
            EndReason::NoStart | EndReason::WrongHello => (Fault::EngineStart, Duration::ZERO),
            EndReason::Silent => (Fault::EngineSilent, Duration::ZERO),
            EndReason::Garbage | EndReason::WrongModel => (Fault::EngineGarbage, Duration::ZERO),
        };
        // Requests go elsewhere at once; only a new load has to wait for the memory.
        worker.session.fail_requests(&fault);
        let kind = worker.process.end(grace).await;
        self.note_exit(kind, reason);
        match reason {
            EndReason::Asked => {
                self.state.send_replace(EngineState::Stopped);
            }
            EndReason::ByItself
            | EndReason::NoStart
            | EndReason::WrongHello
            | EndReason::Silent
            | EndReason::Garbage
            | EndReason::WrongModel => self.on_failure(),
        }
        self.answer_waiting(&fault);
    }

    fn note_exit(&self, kind: ExitKind, reason: EndReason) {
        let mut board = self.board();
        let lock =
            |ring: &SharedRing| ring.lock().unwrap_or_else(PoisonError::into_inner).last_line();
        let last_line = board.ring.as_ref().map(lock).unwrap_or_default();
        let exit = Exit { kind, reason, last_line };
        if reason != EndReason::Asked {
            tracing::warn!(pid = board.diagnostics.pid, "{exit}");
        }
        board.diagnostics.pid = None;
        board.diagnostics.last_exit = Some(exit);
    }
}

//! What one worker process is doing: its state, its requests, and what each of its events means.
//! Pure: no clock, no process; the actor feeds it and acts on what it says.

use std::collections::BTreeMap;

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{
    Command, Confinement, Drafts, Event, LoadedModel, RequestId, WORKER_PROTOCOL,
};
use pumasi_protocol::{BlobId, Device, EngineKind, Fault, Tempo};

use crate::diagnostics::EndReason;
use crate::events::{EventSender, SendError};

/// What the actor has to do after an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Go,
    /// The process said hello.
    Up,
    /// The load goes on: permille.
    Progress(u16),
    /// The load ended.
    Loaded(Result<LoadedModel, Fault>),
    /// A request ended with its result: the engine works.
    Done,
    /// The process has to be told something of a request: see [`Session::untold`].
    Untold,
}

/// Where a process stands.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    BeforeHello,
    Idle,
    Loading(BlobId),
    Ready,
}

#[derive(Debug)]
struct Request {
    events: EventSender,
    /// It was cancelled, or nobody wants its events.
    unwanted: bool,
    /// The process was told so.
    told: bool,
    /// The tempo that the process was not told yet.
    tempo: Option<Tempo>,
}

/// One process's view of its work.
#[derive(Debug)]
pub(crate) struct Session {
    kind: EngineKind,
    stage: Stage,
    requests: BTreeMap<RequestId, Request>,
    /// The latest request that was begun, and tempos of such that will be.
    newest: Option<RequestId>,
    early: BTreeMap<RequestId, Tempo>,
    pub(crate) devices: Vec<Device>,
    pub(crate) version: String,
    pub(crate) confinement: Confinement,
    /// What was drafted in all requests that have ended.
    pub(crate) drafts: Drafts,
}

impl Session {
    pub(crate) fn new(kind: EngineKind) -> Self {
        Self {
            kind,
            stage: Stage::BeforeHello,
            requests: BTreeMap::new(),
            newest: None,
            early: BTreeMap::new(),
            devices: Vec::new(),
            version: String::new(),
            confinement: Confinement::default(),
            drafts: Drafts::default(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether signs of life are due.
    pub(crate) fn has_work(&self) -> bool {
        match self.stage {
            Stage::Loading(_) => true,
            Stage::BeforeHello | Stage::Idle | Stage::Ready => !self.requests.is_empty(),
        }
    }

    pub(crate) fn begin_load(&mut self, hash: BlobId) {
        self.stage = Stage::Loading(hash);
    }

    pub(crate) fn begin_request(&mut self, request: RequestId, events: EventSender) {
        let tempo = self.early.remove(&request);
        self.newest = self.newest.max(Some(request));
        self.requests.insert(request, Request { events, unwanted: false, told: false, tempo });
    }

    /// Requests are to run at other tempos; those that have ended are ignored.
    pub(crate) fn set_tempos(&mut self, tempos: BTreeMap<RequestId, Tempo>) {
        for (request, tempo) in tempos {
            match self.requests.get_mut(&request) {
                Some(known) => known.tempo = Some(tempo),
                None => drop(self.early.insert(request, tempo)),
            }
        }
        self.early.retain(|request, _| Some(*request) > self.newest);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// A request is cancelled; its events are still wanted.
    pub(crate) fn cancel(&mut self, request: RequestId) {
        if let Some(request) = self.requests.get_mut(&request) {
            request.unwanted = true;
        }
    }

    /// What the process has to be told and was not told yet.
    pub(crate) fn untold(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        for (id, request) in &mut self.requests {
            request.unwanted |= request.events.is_closed();
            if request.unwanted && !request.told {
                commands.push(Command::Cancel(*id));
            } else if let Some(tempo) = request.tempo.filter(|_| !request.unwanted) {
                commands.push(Command::Tempo { request: *id, tempo });
            }
        }
        commands
    }

    /// The process was told.
    pub(crate) fn told(&mut self, command: &Command) {
        match command {
            Command::Cancel(request) => {
                if let Some(request) = self.requests.get_mut(request) {
                    request.told = true;
                }
            }
            Command::Tempo { request, .. } => {
                if let Some(request) = self.requests.get_mut(request) {
                    request.tempo = None;
                }
            }
            Command::Load(_)
            | Command::Generate { .. }
            | Command::Embed { .. }
            | Command::CancelLoad
            | Command::Document { .. }
            | Command::Input { .. }
            | Command::Shutdown => {}
        }
    }

    /// Ends every request with `fault`.
    pub(crate) fn fail_requests(&mut self, fault: &Fault) {
        while let Some((_, mut request)) = self.requests.pop_first() {
            request.events.fail(fault.clone());
        }
    }

    /// Takes one event of the process.
    ///
    /// # Errors
    /// Why the process must be ended.
    pub(crate) fn on_event(&mut self, event: Event) -> Result<Step, EndReason> {
        match event {
            Event::Hello { protocol, engine, version, devices, confinement } => {
                let fits = protocol == WORKER_PROTOCOL && engine == self.kind;
                (self.version, self.confinement) = (version, confinement);
                self.on_hello(fits, devices)
            }
            _ if self.stage == Stage::BeforeHello => Err(EndReason::WrongHello),
            Event::Alive { request: None, step, .. } => Ok(match self.stage {
                Stage::Loading(_) => {
                    Step::Progress(u16::try_from(step.min(1_000)).unwrap_or(1_000))
                }
                Stage::BeforeHello | Stage::Idle | Stage::Ready => Step::Go,
            }),
            Event::Loaded(model) => self.on_loaded(model),
            Event::LoadFailed(fault) => self.on_load_failed(fault),
            Event::Alive { phase, step, request: Some(request) } => {
                self.on_request(request, AttemptEvent::Alive { phase, step })
            }
            Event::Started { request, prompt, cached, syntax } => {
                self.on_request(request, AttemptEvent::Started { prompt, cached, syntax })
            }
            Event::Tokens { request, index, tokens } => {
                self.on_request(request, AttemptEvent::Tokens { index, tokens })
            }
            Event::Finished { request, finish, usage, timings, drafts } => {
                self.drafts.add(drafts);
                self.on_request(request, AttemptEvent::Finished { finish, usage, timings })
            }
            Event::Embeddings { request, embedded, timings } => {
                self.on_request(request, AttemptEvent::Embedded { embedded, timings })
            }
            Event::Failed { request, fault } => {
                self.on_request(request, AttemptEvent::Failed(fault))
            }
            Event::Part { request, index, part } => {
                self.on_request(request, AttemptEvent::Part { index, part })
            }
        }
    }

    fn on_hello(&mut self, fits: bool, devices: Vec<Device>) -> Result<Step, EndReason> {
        match self.stage {
            Stage::BeforeHello if fits => {
                self.stage = Stage::Idle;
                self.devices = devices;
                Ok(Step::Up)
            }
            Stage::BeforeHello => Err(EndReason::WrongHello),
            Stage::Idle | Stage::Loading(_) | Stage::Ready => Err(EndReason::Garbage),
        }
    }

    fn on_loaded(&mut self, model: LoadedModel) -> Result<Step, EndReason> {
        match self.stage {
            Stage::Loading(hash) if hash == model.hash => {
                self.stage = Stage::Ready;
                Ok(Step::Loaded(Ok(model)))
            }
            Stage::Loading(_) => Err(EndReason::WrongModel),
            Stage::BeforeHello | Stage::Idle | Stage::Ready => Err(EndReason::Garbage),
        }
    }

    fn on_load_failed(&mut self, fault: Fault) -> Result<Step, EndReason> {
        match self.stage {
            Stage::Loading(_) => {
                self.stage = Stage::Idle;
                Ok(Step::Loaded(Err(fault)))
            }
            Stage::BeforeHello | Stage::Idle | Stage::Ready => Err(EndReason::Garbage),
        }
    }

    fn on_request(&mut self, request: RequestId, event: AttemptEvent) -> Result<Step, EndReason> {
        let Some(Request { events, unwanted, told, tempo }) = self.requests.get_mut(&request)
        else {
            return Err(EndReason::Garbage);
        };
        let sent = events.send(event);
        match sent {
            Err(SendError::Order(_)) => return Err(EndReason::Garbage),
            Err(SendError::Closed | SendError::Full) => *unwanted = true,
            Ok(()) => {}
        }
        if events.is_ended() {
            self.requests.remove(&request);
            return Ok(Step::Done);
        }
        let untold = if *unwanted { !*told } else { tempo.is_some() };
        Ok(if untold { Step::Untold } else { Step::Go })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pumasi_protocol::{Capabilities, Finish, Phase, Timings, Usage};

    use super::*;
    use crate::events::{Events, channel};

    fn hello(protocol: u16, engine: EngineKind) -> Event {
        let (version, confinement) = ("1".into(), Confinement::default());
        Event::Hello { protocol, engine, version, devices: Vec::new(), confinement }
    }

    fn up() -> Session {
        let mut session = Session::new(EngineKind::Llama);
        let hello = hello(WORKER_PROTOCOL, EngineKind::Llama);
        assert_eq!(session.on_event(hello), Ok(Step::Up));
        session
    }

    fn loaded(hash: [u8; 32]) -> LoadedModel {
        LoadedModel {
            hash: BlobId(hash),
            context: 8,
            slots: 1,
            vocabulary: 8,
            embedding_dimensions: 8,
            capabilities: Capabilities::default(),
            weights_bytes: 1,
            cache_bytes: 1,
            load_us: 1,
        }
    }

    fn with_request(session: &mut Session, id: u64) -> Events {
        let (sender, events) = channel(0, Arc::default());
        session.begin_request(RequestId(id), sender);
        events
    }

    fn finished(id: u64) -> Event {
        let (usage, timings) = (Usage::default(), Timings::default());
        Event::Finished {
            request: RequestId(id),
            finish: Finish::Stop,
            usage,
            timings,
            drafts: Drafts::default(),
        }
    }

    #[test]
    fn cat_e06_another_version_engine_or_first_frame_is_refused() {
        let first = [
            hello(WORKER_PROTOCOL + 1, EngineKind::Llama),
            hello(WORKER_PROTOCOL, EngineKind::Image),
            Event::Alive { phase: Phase::Load, step: 0, request: None },
            Event::Loaded(loaded([0; 32])),
        ];
        for event in first {
            let mut session = Session::new(EngineKind::Llama);
            assert_eq!(session.on_event(event), Err(EndReason::WrongHello));
        }
        let again = hello(WORKER_PROTOCOL, EngineKind::Llama);
        assert_eq!(up().on_event(again), Err(EndReason::Garbage));
    }

    #[test]
    fn cat_e06_another_hash_than_the_one_to_load_is_refused() {
        let mut session = up();
        session.begin_load(BlobId([1; 32]));
        assert_eq!(session.on_event(Event::Loaded(loaded([2; 32]))), Err(EndReason::WrongModel));
        let mut session = up();
        session.begin_load(BlobId([1; 32]));
        let model = loaded([1; 32]);
        let step = session.on_event(Event::Loaded(model.clone()));
        assert_eq!(step, Ok(Step::Loaded(Ok(model.clone()))));
        assert!(session.is_ready());
        assert_eq!(session.on_event(Event::Loaded(model)), Err(EndReason::Garbage));
    }

    #[test]
    fn cat_e04_events_of_unknown_requests_and_out_of_order_are_garbage() {
        assert_eq!(up().on_event(finished(7)), Err(EndReason::Garbage));
        let mut session = up();
        let _events = with_request(&mut session, 1);
        let tokens = Event::Tokens { request: RequestId(1), index: 0, tokens: Vec::new() };
        assert_eq!(session.on_event(tokens), Err(EndReason::Garbage));
    }

    #[test]
    fn a_request_without_a_receiver_is_unwanted_until_it_ends() {
        let mut session = up();
        drop(with_request(&mut session, 1));
        let cancel = Command::Cancel(RequestId(1));
        assert_eq!(session.untold(), std::slice::from_ref(&cancel));
        let alive = Event::Alive { phase: Phase::Decode, step: 1, request: Some(RequestId(1)) };
        assert_eq!(session.on_event(alive.clone()), Ok(Step::Untold), "it was not told yet");
        session.told(&cancel);
        assert_eq!(session.untold(), []);
        assert_eq!(session.on_event(alive), Ok(Step::Go));
        assert!(session.has_work());
        assert_eq!(session.on_event(finished(1)), Ok(Step::Done));
        assert!(!session.has_work());
    }

    #[test]
    fn a_tempo_is_told_once_also_if_it_comes_before_its_request() {
        let mut session = up();
        let _first = with_request(&mut session, 1);
        let paused = |id| BTreeMap::from([(RequestId(id), Tempo::Paused)]);
        session.set_tempos(paused(0));
        assert_eq!(session.untold(), [], "it has ended");
        session.set_tempos(paused(2));
        assert_eq!(session.untold(), [], "it has not begun");
        let _second = with_request(&mut session, 2);
        let command = Command::Tempo { request: RequestId(2), tempo: Tempo::Paused };
        assert_eq!(session.untold(), std::slice::from_ref(&command));
        session.told(&command);
        assert_eq!(session.untold(), []);
    }
}

//! The event loop of a node: takes one event at a time, tells the scheduler, performs what it asks.
//! Nothing here waits; what takes time runs as a task and comes back as an event.

mod admission;
mod answer;
mod blobs;
mod board;
mod copyable;
pub(crate) mod copying;
pub(crate) mod custody;
mod documents;
pub(crate) mod durable;
mod elsewhere;
pub(crate) mod event;
mod executor;
mod following;
mod hearing;
pub(crate) mod inspecting;
mod kept;
mod lending;
mod need;
mod neighbours;
mod noting;
mod owned;
mod owner;
mod pairing;
mod publish;
mod pump;
mod removal;
mod renewing;
mod repeats;
mod settings;
mod settling;
mod sheets;
mod silence;
mod telling;
mod transcript;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::document::DOCUMENT_ENGINE;
use pumasi_protocol::roster::Roster;
use pumasi_protocol::{Control, Device, ModelName, ModelSettings, NodeId};
use pumasi_scheduler::{Action, Input, Scheduler, Time};
use pumasi_web::api;
use pumasi_web::meters::Meters;
use tokio::sync::{broadcast, mpsc};

use crate::audit::Notes;
use crate::config::Config;
use crate::fleet::Fleet;
use crate::models::LocalModel;
use crate::net::{NetEvent, NetHandle};
use crate::recorder::Recorder;
use crate::store::Store;

use event::{Event, FleetEvent};
pub(crate) use noting::size;

/// Events that wait for the loop.
pub(crate) const EVENTS: usize = 4_096;
/// Changes that a listener may lag behind.
pub(crate) const CHANGES: usize = 1_024;
/// How often adverts and the interface's view are compared with what was last told.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// How often hardware is read and idle models are looked for.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(2);

/// The scheduler's clock: microseconds since this process started the node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    fn now(self) -> Time {
        Time(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn instant(self, time: Time) -> Instant {
        self.0 + Duration::from_micros(time.0)
    }
}

/// Unix time in milliseconds, for people only.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What the loop starts with.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) scheduler: Scheduler,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) net: NetHandle,
    pub(crate) fleet: Fleet,
    pub(crate) store: Store,
    pub(crate) model_store: Arc<pumasi_models::store::Store>,
    /// What this computer was told on lending itself before it stopped.
    pub(crate) told: Option<String>,
    /// Where programs of other computers are served.
    pub(crate) endpoint: Option<api::Endpoint>,
    pub(crate) keeping: custody::Keeping,
    pub(crate) notes: Notes,
    pub(crate) meters: Arc<Meters>,
    pub(crate) incarnation: u64,
    pub(crate) changes: broadcast::Sender<api::Event>,
    pub(crate) events: mpsc::Sender<Event>,
}

/// A node at work.
pub(crate) struct Core {
    config: Config,
    clock: Clock,
    me: NodeId,
    scheduler: Scheduler,
    recorder: Option<Recorder>,
    net: NetHandle,
    fleet: Fleet,
    store: Store,
    copies: copying::Copies,
    copyable: copyable::Copyable,
    endpoint: Option<api::Endpoint>,
    roster: Option<Arc<Roster>>,
    models: BTreeMap<ModelName, LocalModel>,
    tuned: BTreeMap<ModelName, ModelSettings>,
    /// Permille of models that are loading.
    loading: BTreeMap<ModelName, u16>,
    devices: Vec<Device>,
    owned: owner::Owned,
    elsewhere: elsewhere::Elsewhere,
    keeping: custody::Keeping,
    notes: Notes,
    meters: Arc<Meters>,
    here: executor::Here,
    desk: lending::Desk,
    /// When each peer was last heard of, Unix time in milliseconds.
    seen: BTreeMap<NodeId, u64>,
    /// The newest incarnation of each peer that was heard of.
    runs: BTreeMap<NodeId, u64>,
    notices: BTreeMap<&'static str, api::Notice>,
    /// Members that are cut off for what they sent.
    cut_off: BTreeMap<NodeId, api::CutOff>,
    /// Members whose latest advert could not be true.
    doubtful: BTreeSet<NodeId>,
    settling: settling::Settling,
    publisher: publish::Publisher,
    platform: String,
    started_ms: u64,
    incarnation: u64,
    events: mpsc::Sender<Event>,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Self {
        let roster = parts.net.roster();
        Self {
            me: parts.net.me(),
            config: parts.config,
            clock: parts.clock,
            scheduler: parts.scheduler,
            recorder: parts.recorder,
            net: parts.net,
            fleet: parts.fleet,
            store: parts.store,
            copies: copying::Copies::new(parts.model_store),
            copyable: copyable::Copyable::default(),
            endpoint: parts.endpoint,
            roster,
            models: BTreeMap::new(),
            tuned: BTreeMap::new(),
            loading: BTreeMap::new(),
            devices: Vec::new(),
            owned: owner::Owned::beginning(parts.incarnation),
            elsewhere: elsewhere::Elsewhere::default(),
            keeping: parts.keeping,
            notes: parts.notes,
            meters: parts.meters,
            here: executor::Here::default(),
            desk: lending::Desk::new(parts.told.as_deref()),
            seen: BTreeMap::new(),
            runs: BTreeMap::new(),
            notices: BTreeMap::new(),
            cut_off: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            settling: settling::Settling::start(),
            publisher: publish::Publisher::new(parts.changes),
            platform: crate::hardware::platform(),
            started_ms: unix_ms(),
            incarnation: parts.incarnation,
            events: parts.events,
        }
    }

    /// Runs until [`Event::Stop`].
    pub(crate) async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        mut net: mpsc::Receiver<NetEvent>,
    ) {
        let mut publish = tokio::time::interval(PUBLISH_EVERY);
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING_EVERY);
        self.notice_removal();
        self.tell_roster();
        self.tell_local();
        self.settle();
        loop {
            let wake = self.scheduler.next_timeout().map(|(time, _)| time);
            let wake = wake.into_iter().chain(self.custody_timeout()).min();
            let wake = wake.map(|time| self.clock.instant(time));
            let wake = wake.unwrap_or_else(|| Instant::now() + HOUSEKEEPING_EVERY);
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Stop) | None => break,
                    Some(event) => self.on_event(event),
                },
                Some(event) = net.recv() => self.on_net(event),
                () = tokio::time::sleep_until(wake.into()) => {}
                _ = publish.tick() => self.publish(),
                _ = housekeeping.tick() => self.keep_house(),
            }
            self.wake();
            self.wake_custody();
            self.settle();
            self.take_held();
        }
        self.shut_down().await;
    }

    async fn shut_down(&mut self) {
        let leaving = Gossip::Leaving { node: self.me, incarnation: self.incarnation };
        // Peers also notice by themselves; this only spares them the wait.
        let _ = self.net.publish(leaving);
        self.stop_copies();
        self.net.shutdown().await;
        self.fleet.shutdown().await;
    }

    fn tell(&mut self, input: Input) {
        tracing::trace!(?input, "scheduler input");
        let now = self.clock.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        self.scheduler.handle(now, input);
    }

    /// Without a deadline that is due, this changes nothing that a recording would need.
    fn wake(&mut self) {
        let now = self.clock.now();
        let is_due = self.scheduler.next_timeout().is_some_and(|(at, _)| at <= now);
        if let Some(recorder) = self.recorder.as_mut().filter(|_| is_due) {
            recorder.timeout(now);
        }
        self.scheduler.handle_timeout(now);
    }

    /// Performs what scheduler and custody ask, until they ask nothing more.
    fn settle(&mut self) {
        loop {
            if let Some(action) = self.scheduler.poll_action() {
                tracing::trace!(?action, "scheduler action");
                if let Some(recorder) = &mut self.recorder {
                    recorder.action(&action);
                }
                self.perform(action);
            } else if let Some(action) = self.poll_custody() {
                self.perform_custody(action);
            } else {
                break;
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.asked();
        }
        self.refuse_unexpected_streams();
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send { to, control } => self.send(to, control),
            Action::Dispatch { attempt, executor, model } => {
                self.keep_as_asked(attempt, executor, &model);
                self.dispatch(attempt, executor, model);
            }
            Action::Hedge { job, hedge } => self.hedge(job, hedge),
            Action::CancelAttempt { attempt, .. } => self.cancel_attempt(attempt),
            Action::JobState { job, state } => self.on_job_state(job, state),
            Action::Expect { attempt, owner } => self.expect_stream(attempt, owner),
            Action::Run { attempt, model, .. } => self.run_attempt(attempt, model),
            Action::SetTempo { attempt, tempo } => self.set_tempo(attempt, tempo),
            Action::Stop { attempt, fault } => self.stop_attempt(attempt, fault),
            Action::Load { model } => self.load_model(&model),
            Action::Unload { model } => self.fleet.unload(&model),
        }
    }

    fn send(&mut self, to: NodeId, control: Control) {
        let attempt = control.attempt();
        if self.net.send_control(to, control).is_err() {
            self.send_failed(to, attempt);
        }
    }

    /// A hint that was lost is not missed.
    pub(super) fn send_failed(&mut self, to: NodeId, attempt: Option<pumasi_protocol::AttemptId>) {
        if let Some(attempt) = attempt {
            self.tell(Input::SendFailed { to, attempt });
        }
    }

    fn load_model(&mut self, model: &ModelName) {
        if model.as_str() == DOCUMENT_ENGINE {
            return self.fleet.open_documents();
        }
        match self.models.get(model) {
            Some(local) => self.fleet.load(local),
            None => self.copy_to_load(model),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Ask(ask) => self.answer(ask),
            Event::Owner(report) => self.on_owner_report(report),
            Event::Executor(report) => self.on_executor_report(report),
            Event::Fleet(event) => self.on_fleet(event),
            Event::Devices(devices) => {
                self.devices = devices;
                self.settling.probed = true;
                self.tell_local();
            }
            Event::Scanned(models) => self.on_scanned(models),
            Event::Arrived(arrived) => self.on_arrived(*arrived),
            Event::Tuned(model, settings) => self.on_tuned(&model, *settings),
            Event::Gone(job) => self.tell(Input::Cancel { job }),
            Event::Stored(job, draft) => self.on_stored(job, draft),
            Event::Forgotten(jobs) => jobs.into_iter().for_each(|job| self.forget_kept(job)),
            Event::RowChanged(job, ticket, done) => self.on_row_changed(job, ticket, done),
            Event::Question(job, term, question) => self.on_question(job, term, *question),
            Event::Account(job, account) => self.on_account(job, *account),
            Event::Custody(input) => self.tell_custody(*input),
            Event::CancelKept(sheet, reply) => {
                self.cancel_known(&sheet, custody::Waiter::Here(reply));
            }
            Event::Found(job, owner) => self.elsewhere.remember(job, owner),
            Event::ListedElsewhere(listing, told) => self.list_with(*listing, told),
            Event::ToldJobs(node, told) => self.on_told_jobs(node, told),
            Event::Told(told, reply) => self.on_told(told, reply),
            Event::Renewed(renewed) => self.on_renewed(renewed),
            Event::Stop => {}
        }
    }

    fn on_fleet(&mut self, event: FleetEvent) {
        match event {
            FleetEvent::Loading(model, permille) => {
                self.loading.insert(model, permille);
            }
            FleetEvent::Loaded(model, facts) => {
                self.loading.remove(&model);
                self.tell(Input::ModelLoaded { model, facts });
            }
            FleetEvent::LoadFailed(model, fault) => {
                self.loading.remove(&model);
                tracing::warn!(%model, %fault, "a model could not be loaded");
                self.tell(Input::LoadFailed { model, fault });
            }
            FleetEvent::Unloaded(model) => {
                self.loading.remove(&model);
                self.tell(Input::ModelUnloaded { model });
            }
        }
    }

    fn keep_house(&mut self) {
        for model in self.fleet.idle() {
            let busy = self.here.uses(&model);
            if busy { self.fleet.touch(&model) } else { self.fleet.unload(&model) }
        }
        self.devices = crate::hardware::devices(&self.devices);
        self.look_at_desk();
        self.look_at_copies();
        self.tell_local();
        self.retain_jobs();
        self.answer_late_cancels();
    }
}

//! The event loop of a node: takes one event at a time, tells the scheduler, performs what it asks.
//! Nothing here waits; what takes time runs as a task and comes back as an event.

mod admission;
mod answer;
mod board;
pub(crate) mod durable;
pub(crate) mod event;
mod executor;
mod lending;
mod need;
mod owned;
mod owner;
mod publish;
mod pump;
mod repeats;
mod settling;
mod silence;
mod transcript;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::roster::{NodeRole, Roster};
use pumasi_protocol::{Control, Device, Fault, ModelName, NodeId, Refusal};
use pumasi_scheduler::{Action, Input, Link, MemberFacts, Scheduler, Time};
use pumasi_web::api;
use tokio::sync::{broadcast, mpsc};

use crate::config::Config;
use crate::fleet::Fleet;
use crate::models::LocalModel;
use crate::net::{NetEvent, NetHandle};
use crate::store::Store;

use event::{Event, FleetEvent};

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
    pub(crate) net: NetHandle,
    pub(crate) fleet: Fleet,
    pub(crate) store: Store,
    /// What this computer was told on lending itself before it stopped.
    pub(crate) told: Option<String>,
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
    net: NetHandle,
    fleet: Fleet,
    store: Store,
    roster: Option<Arc<Roster>>,
    models: BTreeMap<ModelName, LocalModel>,
    /// Permille of models that are loading.
    loading: BTreeMap<ModelName, u16>,
    devices: Vec<Device>,
    owned: owner::Owned,
    here: executor::Here,
    desk: lending::Desk,
    /// When each peer was last heard of, Unix time in milliseconds.
    seen: BTreeMap<NodeId, u64>,
    notices: BTreeMap<&'static str, api::Notice>,
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
            net: parts.net,
            fleet: parts.fleet,
            store: parts.store,
            roster,
            models: BTreeMap::new(),
            loading: BTreeMap::new(),
            devices: Vec::new(),
            owned: owner::Owned::default(),
            here: executor::Here::default(),
            desk: lending::Desk::new(parts.told.as_deref()),
            seen: BTreeMap::new(),
            notices: BTreeMap::new(),
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
        restored: Vec<durable::Restored>,
    ) {
        let mut publish = tokio::time::interval(PUBLISH_EVERY);
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING_EVERY);
        self.tell_roster();
        self.tell_local();
        self.restore_jobs(restored);
        loop {
            let wake = self.scheduler.next_timeout().map(|(time, _)| self.clock.instant(time));
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
            self.scheduler.handle_timeout(self.clock.now());
            self.settle();
            self.take_held();
        }
        self.shut_down().await;
    }

    async fn shut_down(&mut self) {
        let leaving = Gossip::Leaving { node: self.me, incarnation: self.incarnation };
        // Peers also notice by themselves; this only spares them the wait.
        let _ = self.net.publish(leaving);
        self.net.shutdown().await;
        self.fleet.shutdown().await;
    }

    fn tell(&mut self, input: Input) {
        tracing::trace!(?input, "scheduler input");
        self.scheduler.handle(self.clock.now(), input);
    }

    /// Performs what the scheduler asks, until it asks nothing more.
    fn settle(&mut self) {
        while let Some(action) = self.scheduler.poll_action() {
            tracing::trace!(?action, "scheduler action");
            self.perform(action);
        }
        self.refuse_unexpected_streams();
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send { to, control } => self.send(to, control),
            Action::Dispatch { attempt, executor, model } => {
                self.dispatch(attempt, executor, model);
            }
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
        let attempt = attempt_of(&control);
        if self.net.send_control(to, control).is_err() {
            self.tell(Input::SendFailed { to, attempt });
        }
    }

    fn load_model(&mut self, model: &ModelName) {
        match self.models.get(model) {
            Some(local) => self.fleet.load(local),
            None => {
                let fault = Fault::Refused(Refusal::ModelAbsent);
                self.tell(Input::LoadFailed { model: model.clone(), fault });
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Net(event) => self.on_net(event),
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
            Event::Gone(job) => self.tell(Input::Cancel { job }),
            Event::Stored(job, input, reply) => self.on_stored(*job, input, reply),
            Event::Forgotten(jobs) => self.on_forgotten(&jobs),
            Event::Kept(job) => self.on_kept(job),
            Event::Told(told, reply) => self.on_told(told, reply),
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

    fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening(_) => self.tell_local(),
            NetEvent::PeerUp { node, rtt_us } => {
                self.on_link(node, Link::Up { rtt_us: saturate(rtt_us) });
                self.ask_advert(node);
            }
            NetEvent::Rtt { node, rtt_us } => {
                self.on_link(node, Link::Up { rtt_us: saturate(rtt_us) });
            }
            NetEvent::PeerDown { node } => self.on_link(node, Link::Down),
            NetEvent::Gossip { from, gossip } => self.on_gossip(from, gossip),
            NetEvent::Control { from, control } => self.tell(Input::Message { from, control }),
            NetEvent::ControlFailed { to, control } => {
                self.tell(Input::SendFailed { to, attempt: attempt_of(&control) });
            }
            NetEvent::Request { from, request, reply } => self.on_request(from, request, reply),
            NetEvent::AttemptOpened(opened) => self.on_stream(*opened),
            NetEvent::RosterChanged(roster) => {
                self.roster = Some(roster);
                self.settling.extend();
                self.tell_roster();
                self.tell_local();
            }
            NetEvent::Found(candidate) => {
                tracing::debug!(node = %candidate.node.short(), "another install was found");
            }
            NetEvent::SameKey { address } => self.notice_same_key(address),
            NetEvent::Misbehaved { node } => {
                tracing::warn!(peer = %node.short(), "a member sent what no honest node sends");
            }
        }
    }

    fn on_link(&mut self, node: NodeId, link: Link) {
        if matches!(link, Link::Up { .. }) {
            self.seen.insert(node, unix_ms());
        }
        self.tell(Input::Peer { node, link });
    }

    fn on_gossip(&mut self, from: NodeId, gossip: Gossip) {
        self.seen.insert(from, unix_ms());
        let input = match gossip {
            Gossip::Advert(advert) if advert.node == from => Input::Advert(advert),
            Gossip::Delta(delta) if delta.node == from => Input::Delta(delta),
            Gossip::Leaving { node, .. } if node == from => Input::Left { node },
            Gossip::Advert(_) | Gossip::Delta(_) | Gossip::Leaving { .. } => return,
        };
        self.tell(input);
    }

    fn tell_roster(&mut self) {
        let members = match &self.roster {
            Some(roster) => {
                roster.members.keys().map(|node| (*node, facts(roster, node))).collect()
            }
            None => {
                let alone = MemberFacts { person: None, may_run: true, may_submit: true };
                BTreeMap::from([(self.me, alone)])
            }
        };
        self.tell(Input::Roster { members });
    }

    fn notice_same_key(&mut self, address: std::net::SocketAddr) {
        let message = format!(
            "Another computer ({address}) runs with this computer's identity. If its disk was cloned, \
             give the copy a data directory of its own."
        );
        let code = "same_key";
        let level = api::NoticeLevel::Trouble;
        self.notices.insert(code, api::Notice { level, code: code.to_owned(), message });
    }

    fn keep_house(&mut self) {
        for model in self.fleet.idle() {
            let busy = self.here.uses(&model);
            if busy { self.fleet.touch(&model) } else { self.fleet.unload(&model) }
        }
        self.devices = crate::hardware::devices(&self.devices);
        self.look_at_desk();
        self.tell_local();
    }
}

fn saturate(us: u64) -> u32 {
    u32::try_from(us).unwrap_or(u32::MAX)
}

fn attempt_of(control: &Control) -> pumasi_protocol::AttemptId {
    match control {
        Control::Offer(offer) => offer.attempt,
        Control::Bid { attempt, .. }
        | Control::Refuse { attempt, .. }
        | Control::Claim { attempt }
        | Control::Bind { attempt }
        | Control::Gone { attempt }
        | Control::Unbound { attempt, .. } => *attempt,
    }
}

fn facts(roster: &Roster, node: &NodeId) -> MemberFacts {
    let has = |role| roster.has_role(node, role);
    MemberFacts {
        person: roster.person(node),
        may_run: !has(NodeRole::SubmitOnly) && !has(NodeRole::Guest),
        may_submit: !has(NodeRole::WorkerOnly),
    }
}

//! The control plane: one task around the libp2p swarm. It connects members, keeps their rosters in
//! step, carries gossip and requests, and watches who is alive. It never waits for the loop, the
//! store or a peer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use libp2p::Swarm;
use libp2p::request_response::{OutboundRequestId, ResponseChannel};
use libp2p::swarm::ConnectionId;
use pumasi_protocol::advert::Gossip;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::roster::{Change, Roster, SignedEntry};
use pumasi_protocol::{Control as SchedulerMessage, NodeId, NodeName, NodeState};
use pumasi_scheduler::Time;
use pumasi_scheduler::spread::{News, Spread, SpreadConfig};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::bucket::Bucket;
use super::conduct::Conduct;
use super::data::DataPlane;
use super::discovery::{Discovery, Sighting};
use super::event::{Listening, NetEvent};
use super::handle::NetError;
use super::identity::Identity;
use super::join::{Door, Presenter, Welcome};
use super::limits::{ANNOUNCEMENTS, NOTICES, TICK};
use super::members::{Learned, Membership};
use super::traffic::Traffic;
use crate::config::PeerAddress;
use crate::store::Store;

mod asking;
mod behaviour;
mod belonging;
mod book;
mod codec;
mod conducting;
mod connections;
mod copies;
mod doorkeeper;
mod gossip_guard;
mod gossiping;
mod hearsay;
mod peer;
mod remembering;
mod requests;
mod sighted;
mod spreading;
mod states;
mod survey;

pub(super) use asking::Asking;
use behaviour::{Behaviour, BehaviourEvent, OneTopic};
use book::{Book, is_dialable};
use hearsay::Hearsay;
use peer::{Link, Peer};
use requests::Pending;
pub(crate) use survey::Survey;

/// The topic of a mesh, for tests that gossip by hand.
#[cfg(test)]
pub(super) fn gossip_topic(mesh: &pumasi_protocol::MeshId) -> String {
    behaviour::topic(mesh).hash().into_string()
}

/// What the handle asks of the control plane.
pub(crate) enum Command {
    Control { to: NodeId, control: SchedulerMessage },
    Request { to: NodeId, request: Request, reply: oneshot::Sender<Result<Response, NetError>> },
    Publish(Gossip),
    State(Box<NodeState>),
    Found { mesh_name: NodeName, person: NodeName, reply: RosterReply },
    Joined { welcome: Welcome, reply: RosterReply },
    Change { change: Change, reply: RosterReply },
    AddEntries { entries: Vec<SignedEntry>, reply: oneshot::Sender<Result<usize, NetError>> },
    Dial(PeerAddress),
    Survey { reply: oneshot::Sender<Survey> },
    Shutdown { reply: oneshot::Sender<()> },
}

pub(crate) type RosterReply = oneshot::Sender<Result<Arc<Roster>, NetError>>;

/// What the network's other tasks tell the control plane.
pub(crate) enum Notice {
    /// New entries were kept; everybody but `from` should have them.
    Fresh { entries: Vec<SignedEntry>, from: Option<NodeId> },
    /// Entries of a synchronisation were taken.
    Synced { node: NodeId, learned: Learned },
    /// Pushed entries of a peer were taken.
    Pushed { node: NodeId, learned: Learned },
    /// A member that had not heard of this node was shown why it belongs.
    Welcomed { node: NodeId },
    /// The loop answered a peer's request.
    Answered { channel: ResponseChannel<Response>, response: Response },
    /// A given address was looked up.
    Resolved { address: PeerAddress, found: Vec<SocketAddr> },
    /// Discovery saw somebody.
    Seen(Sighting),
    /// Discovery sees nothing of that node any more.
    Unseen(NodeId),
}

/// What the task is built from.
pub(super) struct Setup {
    pub(super) listen: SocketAddr,
    pub(super) name: NodeName,
    pub(super) incarnation: u64,
    pub(super) identity: Identity,
    pub(super) membership: Arc<Membership>,
    pub(super) store: Store,
    pub(super) data: DataPlane,
    pub(super) presenter: Presenter,
    pub(super) events: mpsc::Sender<NetEvent>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) conduct: Arc<Conduct>,
    pub(super) listening: watch::Sender<Listening>,
}

/// The swarm, listening already, so that a taken port is an error of the start.
pub(super) struct Control {
    me: NodeId,
    setup: Setup,
    swarm: Swarm<Behaviour>,
    topic: OneTopic,
    subscribed: bool,
    book: Book,
    sighted: sighted::Sighted,
    hearsay: Hearsay,
    /// Its clock begins with this task.
    spread: Spread,
    started: Instant,
    peers: BTreeMap<NodeId, Peer>,
    pending: BTreeMap<OutboundRequestId, Pending>,
    /// Dials of given addresses, to learn who answers there.
    dialling: BTreeMap<ConnectionId, PeerAddress>,
    /// The members of the last roster that was applied.
    applied: BTreeSet<NodeId>,
    /// Events that the loop must get, while its channel is full.
    unsent: VecDeque<NetEvent>,
    control_port: u16,
    data_port: u16,
    join_port: u16,
    announce: Announce,
    remembered: remembering::Remembered,
    discovery: Option<Discovery>,
    noticed: survey::Noticed,
    door: Option<Door>,
    asking: Option<Asking>,
    copies: copies::Copies,
}

/// When to tell the mesh where this node is.
struct Announce {
    sequence: u64,
    due: BTreeSet<Instant>,
    /// So that nobody can make this node tell it all the time.
    pace: Bucket,
}

impl Control {
    pub(super) fn listen(setup: Setup) -> Result<Self, NetError> {
        let topic = OneTopic::default();
        let (traffic, conduct) = (setup.traffic.clone(), setup.conduct.clone());
        let mut swarm = behaviour::swarm(&setup.identity, topic.clone(), traffic, conduct);
        let control_port = behaviour::listen(&mut swarm, setup.listen)?;
        let me = setup.identity.node();
        let data_port = setup.data.port();
        let spread = Spread::new(me, SpreadConfig::default(), setup.incarnation, Time::START);
        let pace = Bucket::new(ANNOUNCEMENTS, Instant::now());
        Ok(Self {
            me,
            setup,
            swarm,
            topic,
            subscribed: false,
            book: Book::new(me),
            sighted: sighted::Sighted::default(),
            hearsay: Hearsay::default(),
            spread,
            started: Instant::now(),
            peers: BTreeMap::new(),
            pending: BTreeMap::new(),
            dialling: BTreeMap::new(),
            applied: BTreeSet::new(),
            unsent: VecDeque::new(),
            control_port,
            data_port,
            join_port: 0,
            announce: Announce { sequence: 0, due: BTreeSet::new(), pace },
            remembered: remembering::Remembered::default(),
            discovery: None,
            noticed: survey::Noticed::default(),
            door: None,
            asking: None,
            copies: copies::Copies::default(),
        })
    }

    pub(super) fn control_port(&self) -> u16 {
        self.control_port
    }

    /// Adds the door, once it is open, and discovery, once everything listens.
    pub(super) fn complete(
        &mut self,
        door: Door,
        peers: Vec<PeerAddress>,
        discovery: Option<Discovery>,
        asking: Asking,
    ) {
        self.join_port = door.port();
        self.door = Some(door);
        self.asking = Some(asking);
        self.discovery = discovery;
        let now = Instant::now();
        peers.into_iter().for_each(|address| self.book.give(address, now));
        self.recall(now);
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut notices: mpsc::Receiver<Notice>,
    ) {
        let mut roster = self.setup.membership.members().watch();
        roster.mark_changed();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let (announce_at, spread_at) = (self.announce_at(), self.spread_at());
            tokio::select! {
                () = until(announce_at) => self.announce_due(),
                () = until(Some(spread_at)) => self.spread_due(),
                event = self.swarm.select_next_some() => self.on_swarm(event),
                command = commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => return self.shutdown(Some(reply)).await,
                    Some(command) => self.on_command(command),
                    None => return self.shutdown(None).await,
                },
                Some(notice) = notices.recv() => self.on_notice(notice),
                Ok(()) = roster.changed() => {
                    let roster = roster.borrow_and_update().clone();
                    self.on_roster(roster);
                }
                _ = tick.tick() => self.on_tick(),
            }
            self.cut_off_due();
            self.flush_unsent();
        }
    }

    async fn shutdown(mut self, reply: Option<oneshot::Sender<()>>) {
        if let Some(storing) = self.storing() {
            storing.await;
        }
        let connected: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        if let Some(discovery) = self.discovery.take() {
            discovery.close();
        }
        if let Some(door) = self.door.take() {
            door.close().await;
        }
        self.setup.data.shutdown().await;
        // The goodbyes go out while the swarm is still driven.
        let drained = async {
            while self.swarm.network_info().num_peers() > 0 {
                self.swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(TICK, drained).await;
        drop(self);
        if let Some(reply) = reply {
            let _ = reply.send(());
        }
    }

    fn on_command(&mut self, command: Command) {
        let membership = self.setup.membership.clone();
        match command {
            Command::Control { to, control } => self.send_control(to, control),
            Command::Request { to, request, reply } => self.send_request(to, request, reply),
            Command::Publish(gossip) => self.publish(&gossip),
            Command::State(state) => self.tell_spread(News::Own(*state)),
            Command::Found { mesh_name, person, reply } => {
                let name = self.setup.name.clone();
                tokio::spawn(async move {
                    let _ = reply.send(membership.found(mesh_name, name, person).await);
                });
            }
            Command::Joined { welcome, reply } => {
                self.setup.data.set_addresses(welcome.issuer, vec![welcome.data]);
                self.book.learn_first(welcome.issuer, welcome.control, Instant::now());
                let storing = self.storing();
                tokio::spawn(async move {
                    // Who is killed right after joining must find the mesh again.
                    if let Some(storing) = storing {
                        storing.await;
                    }
                    let _ = reply.send(membership.begin(welcome.entries).await);
                });
            }
            Command::Change { change, reply } => {
                tokio::spawn(async move {
                    let _ = reply.send(change_roster(&membership, &change).await);
                });
            }
            Command::AddEntries { entries, reply } => {
                tokio::spawn(async move {
                    let taken = membership.take(entries, None).await;
                    let _ = reply.send(taken.map(|learned| learned.new).map_err(Into::into));
                });
            }
            Command::Dial(address) => self.book.give(address, Instant::now()),
            Command::Survey { reply } => drop(reply.send(self.survey())),
            Command::Shutdown { .. } => unreachable!("the task's loop takes this one itself"),
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Fresh { entries, from } => self.push_entries(&entries, from),
            Notice::Synced { node, learned } => self.on_synced(node, learned),
            Notice::Pushed { node, learned } if learned.waiting => self.start_sync(node),
            Notice::Pushed { .. } => {}
            Notice::Welcomed { node } => {
                self.book.welcomed(&node, Instant::now());
                self.dial_due();
            }
            Notice::Answered { channel, response } => self.answer(channel, response),
            Notice::Resolved { address, found } => self.dial_given(&address, &found),
            Notice::Seen(sighting) => self.on_sighting(sighting),
            Notice::Unseen(node) => {
                self.noticed.sightings.remove(&node);
                self.forget_candidate(&node);
            }
        }
    }

    fn on_tick(&mut self) {
        self.let_in_again();
        self.dial_due();
        self.look_after_peers();
        self.remember();
        self.tell_asking();
        self.setup.traffic.sample(Instant::now());
    }

    /// Hands an event that must not be lost to the loop.
    fn emit(&mut self, event: NetEvent) {
        if !self.unsent.is_empty() {
            return self.unsent.push_back(event);
        }
        if let Err(mpsc::error::TrySendError::Full(event)) = self.setup.events.try_send(event) {
            self.unsent.push_back(event);
        }
    }

    fn flush_unsent(&mut self) {
        while let Some(event) = self.unsent.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.setup.events.try_send(event) {
                // Peers that come and go while the loop is stuck need no more room than this.
                self.unsent.push_front(event);
                self.unsent.truncate(NOTICES);
                return;
            }
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

async fn change_roster(membership: &Membership, change: &Change) -> Result<Arc<Roster>, NetError> {
    let entry = membership.sign(change)?;
    membership.take(vec![entry], None).await?;
    membership.members().roster().ok_or(NetError::NoMesh)
}

//! Whole networks of several nodes in one process, over loopback.

use std::sync::Arc;
use std::time::Duration;

use pumasi_protocol::advert::{AdvertDelta, Gossip, Queue};
use pumasi_protocol::generate::{Generate, Prompt};
use pumasi_protocol::job::Work;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::roster::{Change, NodeRole, Roster};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    Admission, AttemptId, Control, Epoch, Fault, Finish, JobId, NodeAdvert, NodeId, NodeName,
    Timings, Token as OutputToken, Usage,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

mod attempts;
mod chains;
mod copies;
mod crowds;
mod doors;
mod files;
mod hints;
mod hostile;
mod impostors;
mod joining;
mod lent;
mod meeting;
mod pairing;
mod states;
mod strangers;

/// Longer than anything here takes on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn name(text: &str) -> NodeName {
    text.parse().expect("a good name")
}

/// One node: its network, its events, and a directory that vanishes with it.
struct Node {
    net: NetHandle,
    events: mpsc::Receiver<NetEvent>,
    store: Store,
    dir: TempDir,
}

impl Node {
    async fn start(called: &str) -> Self {
        let dir = TempDir::new().expect("a folder");
        Self::start_in(dir, called).await
    }

    async fn start_in(dir: TempDir, called: &str) -> Self {
        Self::start_as(dir, called, None).await
    }

    async fn start_as(dir: TempDir, called: &str, person: Option<NodeName>) -> Self {
        let store = Store::open(dir.path(), 1_000).expect("a new store");
        let plain = NetConfig::loopback(name(called), store.incarnation());
        Self::start_with(dir, store, NetConfig { person, ..plain }).await
    }

    async fn start_with(dir: TempDir, store: Store, config: NetConfig) -> Self {
        let identity = Identity::from_seed(store.identity_seed());
        let started = NetHandle::start(config, identity, store.clone()).await;
        let (net, events) = started.expect("free ports on loopback");
        let mut node = Self { net, events, store, dir };
        node.until(|event| matches!(event, NetEvent::Listening(l) if l.control.len() == 1)).await;
        node
    }

    /// Starts a mesh.
    async fn founder(called: &str) -> Self {
        let node = Self::start(called).await;
        node.net.found(name("office"), name("kim")).await.expect("founded");
        node
    }

    /// Starts a node and joins the founder's mesh by invitation.
    async fn joined(called: &str, founder: &Self) -> Self {
        let node = Self::start(called).await;
        let token = founder.net.invite(Invite::one()).await.expect("an admin invites");
        let who = JoinAs { name: name(called), person: None };
        node.net.join(&token, who).await.expect("joins");
        node
    }

    fn id(&self) -> NodeId {
        self.net.me()
    }

    /// The next event that the test waits for; all before it are dropped.
    async fn until(&mut self, wanted: impl Fn(&NetEvent) -> bool) -> NetEvent {
        let next = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("the event comes")
    }

    async fn until_up(&mut self, other: NodeId) {
        self.until(|event| matches!(event, NetEvent::PeerUp { node, .. } if *node == other)).await;
    }

    async fn until_down(&mut self, other: NodeId) {
        self.until(|event| matches!(event, NetEvent::PeerDown { node } if *node == other)).await;
    }

    async fn until_members(&mut self, count: usize) {
        let mut roster = self.net.roster.clone();
        let enough = |roster: &Option<Arc<Roster>>| {
            roster.as_ref().is_some_and(|roster| roster.members.len() == count)
        };
        timeout(PATIENCE, roster.wait_for(enough)).await.expect("in time").expect("runs");
    }
}

/// A mesh of two that know each other.
async fn pair() -> (Node, Node) {
    let mut founder = Node::founder("first").await;
    let mut second = Node::joined("second", &founder).await;
    let ids = (founder.id(), second.id());
    tokio::join!(founder.until_up(ids.1), second.until_up(ids.0));
    (founder, second)
}

fn delta(node: NodeId, incarnation: u64, sequence: u64) -> Gossip {
    Gossip::Delta(AdvertDelta {
        node,
        incarnation,
        sequence,
        queue: Queue::default(),
        admission: Admission::Accepting,
        memory_free: 0,
        models: Vec::new(),
    })
}

fn advert(node: &Node, sequence: u64) -> NodeAdvert {
    NodeAdvert {
        node: node.id(),
        incarnation: node.store.incarnation(),
        sequence,
        name: name("node"),
        version: "0.1.0".to_owned(),
        platform: "Linux x86_64".to_owned(),
        devices: Vec::new(),
        memory_total: 2,
        memory_free: 1,
        engines: Vec::new(),
        models: Vec::new(),
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: node.net.listening().data,
        prefixes: Vec::new(),
    }
}

fn attempt_id(n: u64) -> AttemptId {
    AttemptId { job: JobId::from_parts(n, [0; 10]), epoch: Epoch(1) }
}

fn work() -> Work {
    Work::Generate(Box::new(Generate::new(Prompt::Text("repeat: a".to_owned()))))
}

fn started() -> AttemptEvent {
    AttemptEvent::Started { prompt: vec![1], cached: 0, syntax: Default::default() }
}

fn tokens(index: u32) -> AttemptEvent {
    let token = OutputToken { id: 7, bytes: b"a".to_vec(), logprob: None, top: Vec::new() };
    AttemptEvent::Tokens { index, tokens: vec![token] }
}

fn finished(finish: Finish) -> AttemptEvent {
    AttemptEvent::Finished { finish, usage: Usage::default(), timings: Timings::default() }
}

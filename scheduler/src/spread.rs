//! How members learn each other's state, and who is dead. Sans-IO, like the scheduler; knows no
//! connection, no roster and no job.
//!
//! **State** goes from its node straight to each connected member, because only who is connected can
//! use it, and the connection says whose it is: nothing needs a signature, nothing is passed on. A
//! state is complete beside the full advert that it builds on, so only the latest counts. Pings,
//! each to another member in turn, tell how far some nodes are known; who finds that it is behind
//! asks the node itself for its full advert.
//!
//! **Deaths** (after SWIM, Das et al. 2002, and Lifeguard, Dadgar et al. 2018): each node sends signs
//! of life to a few watchers of its choice. A watcher that misses them asks the node and, through
//! others, again; only when nobody hears it for longer than a pause may last, it tells everybody.
//! Who is told believes a second one, or its own unanswered ping. Who stood still itself forgives
//! others their silence of that time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pumasi_protocol::state::Seen;
use pumasi_protocol::{NodeId, NodeState, StateMessage};

use crate::draw::{Draw, mix};
use crate::time::Time;

mod config;
mod deaths;
mod states;

pub use config::SpreadConfig;

use deaths::{Asked, Ping, Watch};
use states::{Own, PULLS_AT_ONCE};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A member is connected and can be told.
    Linked(NodeId),
    /// It is not connected any more.
    Unlinked(NodeId),
    /// It said this.
    Heard {
        /// The authenticated sender.
        from: NodeId,
        /// What.
        message: StateMessage,
    },
    /// This node's own state changed.
    Own(NodeState),
    /// A node's full advert is known up to this point.
    Advert {
        /// Which node.
        node: NodeId,
        /// Its incarnation.
        incarnation: u64,
        /// Its sequence.
        sequence: u64,
    },
    /// Somebody here must know quickly whether a node lives; [`Effect::Verified`] answers.
    Verify(NodeId),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send this. Lost ones are covered by later ones.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: StateMessage,
    },
    /// A newer state of a node.
    State {
        /// Which node.
        node: NodeId,
        /// Its state.
        state: NodeState,
    },
    /// Ask a node for its full advert.
    Pull(NodeId),
    /// A connected node is dead, frozen, or cannot be reached although it is connected.
    Down(NodeId),
    /// A node that was down was heard.
    Up(NodeId),
    /// A ping came back.
    RoundTrip {
        /// From whom.
        node: NodeId,
        /// In microseconds.
        us: u64,
    },
    /// The answer to [`News::Verify`].
    Verified {
        /// Which node.
        node: NodeId,
        /// Whether it, or somebody who heard it, answered in time.
        alive: bool,
    },
}

/// A connected member.
#[derive(Debug, Clone)]
struct Peer {
    /// When it last said anything.
    heard: Time,
    /// It was found dead and not heard since.
    down: bool,
    /// How far its advert is known, with its later states.
    known: (u64, u64),
    /// How far its full advert is known.
    advert: (u64, u64),
    pulled: Option<Time>,
}

/// One node's part.
#[derive(Debug, Clone)]
pub struct Spread {
    me: NodeId,
    config: SpreadConfig,
    draw: Draw,
    now: Time,
    peers: BTreeMap<NodeId, Peer>,
    own: Own,
    /// Whom this node asked to watch it.
    watchers: Vec<NodeId>,
    rechoose: bool,
    beat_at: Time,
    ping_at: Time,
    /// Members in the order in which they are pinged; the next one is last.
    turns: Vec<NodeId>,
    /// Where the next digest begins.
    digest_from: NodeId,
    watched: BTreeMap<NodeId, Watch>,
    pings: BTreeMap<u32, Ping>,
    asked: BTreeMap<u32, Asked>,
    claims: BTreeMap<NodeId, BTreeSet<NodeId>>,
    nonce: u32,
    rounds: u8,
    pulls: (Time, u32),
    out: VecDeque<Effect>,
}

impl Spread {
    /// A part for the node `me`. Equal arguments and news give equal effects.
    #[must_use]
    pub fn new(me: NodeId, config: SpreadConfig, seed: u64, now: Time) -> Self {
        let mut draw = Draw::new(seed ^ mix(u64::from_le_bytes(head(&me))));
        // Not all of a mesh that starts together beat and ping at the same time.
        let beat_at = now.after_ms(draw.below(u64::from(config.beat_ms.max(1))));
        let ping_at = now.after_ms(draw.below(u64::from(config.ping_ms.max(1))));
        Self {
            me,
            config,
            draw,
            now,
            peers: BTreeMap::new(),
            own: Own::default(),
            watchers: Vec::new(),
            rechoose: false,
            beat_at,
            ping_at,
            turns: Vec::new(),
            digest_from: me,
            watched: BTreeMap::new(),
            pings: BTreeMap::new(),
            asked: BTreeMap::new(),
            claims: BTreeMap::new(),
            nonce: 0,
            rounds: 0,
            pulls: (now, PULLS_AT_ONCE),
            out: VecDeque::new(),
        }
    }

    /// Takes news. What is late or makes no sense is ignored.
    pub fn handle(&mut self, now: Time, news: News) {
        self.advance(now);
        match news {
            News::Linked(node) => self.on_linked(node),
            News::Unlinked(node) => self.on_unlinked(node),
            News::Heard { from, message } => self.on_heard(from, message),
            News::Own(state) => self.on_own(state),
            News::Advert { node, incarnation, sequence } => {
                self.on_advert(node, (incarnation, sequence));
            }
            News::Verify(node) => self.on_verify(node),
        }
    }

    /// Acts on what is due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        self.beat_due();
        self.ping_due();
        self.push_due();
        self.deaths_due();
    }

    /// When something is due next.
    #[must_use]
    pub fn next_timeout(&self) -> Time {
        let watched = self.watched.iter().map(|(node, watch)| self.watch_due(*node, watch));
        let pings = self.pings.values().map(|ping| ping.due);
        let asked = self.asked.values().map(|asked| asked.due);
        let deadlines = watched.chain(pings).chain(asked).chain(self.push_at());
        deadlines.chain([self.beat_at, self.ping_at]).min().unwrap_or(self.beat_at)
    }

    /// The next thing to do. To be drained after each call.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// Whether a node is connected and not known to be dead.
    #[must_use]
    pub fn is_up(&self, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer| !peer.down)
    }

    /// How far the state of a node is known: incarnation and sequence.
    #[must_use]
    pub fn known(&self, node: &NodeId) -> Option<(u64, u64)> {
        self.peers.get(node).map(|peer| peer.known)
    }

    fn advance(&mut self, now: Time) {
        let late_ms = now.ms_since(self.next_timeout());
        self.now = self.now.max(now);
        if late_ms >= u64::from(self.config.stall_ms) {
            self.forgive(late_ms);
        }
    }

    fn on_linked(&mut self, node: NodeId) {
        if node == self.me || self.peers.contains_key(&node) {
            return;
        }
        let peer = Peer {
            heard: self.now,
            down: false,
            known: (0, 0),
            advert: (0, 0),
            pulled: Some(self.now),
        };
        self.peers.insert(node, peer);
        let place = self.draw.below(self.turns.len() as u64 + 1);
        self.turns.insert(usize::try_from(place).expect("an index"), node);
        self.on_watchers_changed();
    }

    fn on_unlinked(&mut self, node: NodeId) {
        if self.peers.remove(&node).is_none() {
            return;
        }
        self.turns.retain(|turn| *turn != node);
        self.watched.remove(&node);
        self.claims.remove(&node);
        let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.pings).into_iter().partition(|(_, p)| p.to == node);
        self.pings = kept;
        for ping in gone.into_values() {
            self.on_unanswered(ping);
        }
        self.on_watchers_changed();
    }

    fn on_heard(&mut self, from: NodeId, message: StateMessage) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.heard = self.now;
        if std::mem::take(&mut peer.down) {
            self.out.push_back(Effect::Up(from));
            self.on_watchers_changed();
            self.pull(from);
        }
        self.claims.remove(&from);
        match message {
            StateMessage::State(state) => self.on_state(from, state),
            StateMessage::Beat { sequence } => self.on_beat(from, sequence),
            StateMessage::Ping { nonce, seen } => {
                let answer = StateMessage::Pong { nonce, seen: self.digest() };
                self.send(from, answer);
                self.on_seen(from, &seen);
            }
            StateMessage::Pong { nonce, seen } => {
                self.on_pong(from, nonce);
                self.on_seen(from, &seen);
            }
            StateMessage::Doubt { nonce, node } => self.on_doubt(from, nonce, node),
            StateMessage::Opinion { nonce, heard } => self.on_opinion(from, nonce, heard),
            StateMessage::Down { node } => self.on_claim(from, node),
        }
    }

    fn send(&mut self, to: NodeId, message: StateMessage) {
        self.out.push_back(Effect::Send { to, message });
    }

    /// Those that are connected and not known to be dead, in the order of their ids.
    fn up(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.peers.iter().filter(|(_, peer)| !peer.down).map(|(node, _)| *node)
    }
}

fn head(node: &NodeId) -> [u8; 8] {
    let mut head = [0; 8];
    head.copy_from_slice(&node.0[..8]);
    head
}

/// A peer's place in a digest.
fn seen(node: &NodeId, known: (u64, u64)) -> Seen {
    Seen::of(node, known.0, known.1)
}

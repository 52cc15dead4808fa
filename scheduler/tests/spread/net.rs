//! A mesh of state planes in one thread, from one seed: links with delay, loss and order, nodes that
//! are killed or stand still, and an account of every byte that an honest network would carry.
//! Shared by the tests and the benchmark.

#![allow(dead_code, reason = "the tests and the benchmark use different parts")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use pumasi_protocol::advert::Admission;
use pumasi_protocol::state::{Coarse, ModelNow, tag};
use pumasi_protocol::{ModelState, NodeId, NodeState, StateMessage};
use pumasi_scheduler::Time;
use pumasi_scheduler::spread::{Effect, News, Spread, SpreadConfig};

/// IPv4, UDP, QUIC's short header with an 8-byte connection id, its tag, a stream frame's header.
pub(crate) const PACKET_BYTES: u64 = 20 + 8 + 11 + 16 + 5;
/// The same with an acknowledgement only: traffic this sparse has one for each packet.
pub(crate) const ACK_BYTES: u64 = 20 + 8 + 11 + 16 + 6;
/// A request for a full advert and its answer, negotiation of the stream and packets included
/// (four models and no prefixes: measured 420 bytes).
const PULL_ASK_BYTES: u64 = PACKET_BYTES + ACK_BYTES + 50;
const PULL_ANSWER_BYTES: u64 = PACKET_BYTES + ACK_BYTES + 30 + 420;
/// A lost packet is sent again after this time, and after twice that, and so on.
const RETRY_MS: u64 = 60;
const INCARNATION: u64 = 1_700_000_000_000;

/// What the network does to messages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Packets lost and sent again, in permille.
    pub(crate) lost_permille: u64,
    /// Messages lost for good, in permille: worse than any stream.
    pub(crate) vanished_permille: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Message { from: usize, to: usize, bytes: Vec<u8> },
    Pulled { by: usize, of: usize },
    Wake { node: usize, turn: u64 },
    Change(usize),
    Resume(usize),
}

struct Node {
    spread: Spread,
    turn: u64,
    alive: bool,
    paused: bool,
    /// What came while it stood still.
    unread: Vec<(usize, Vec<u8>)>,
    sequence: u64,
    /// When each sequence came to be.
    changes: Vec<Time>,
    pub(crate) sent_bytes: u64,
    pub(crate) sent_packets: u64,
}

/// The mesh.
pub(crate) struct Net {
    nodes: Vec<Node>,
    ids: Vec<NodeId>,
    index: BTreeMap<NodeId, usize>,
    pub(crate) now: Time,
    queue: BinaryHeap<Reverse<(Time, u64, What)>>,
    order: u64,
    dice: u64,
    weather: Weather,
    delivered: BTreeMap<(usize, usize), Time>,
    cut: BTreeSet<(usize, usize)>,
    /// Time between two changes of one node, on average; 0: nothing changes.
    change_ms: u64,
    hot: bool,
    /// Milliseconds until another node knew of a change.
    pub(crate) ages: Vec<u64>,
    known: BTreeMap<(usize, usize), u64>,
    pub(crate) downs: Vec<(Time, usize, usize)>,
    pub(crate) verdicts: Vec<(Time, usize, usize, bool)>,
    pub(crate) pulls: u64,
}

impl Net {
    pub(crate) fn new(count: usize, seed: u64, weather: Weather, config: &SpreadConfig) -> Self {
        let ids: Vec<NodeId> = (0..count).map(node_id).collect();
        let node = |(n, id): (u64, &NodeId)| Node {
            spread: Spread::new(*id, config.clone(), seed ^ n, Time::START),
            turn: 0,
            alive: true,
            paused: false,
            unread: Vec::new(),
            sequence: 0,
            changes: Vec::new(),
            sent_bytes: 0,
            sent_packets: 0,
        };
        let mut net = Self {
            nodes: (0..).zip(&ids).map(node).collect(),
            index: ids.iter().enumerate().map(|(n, id)| (*id, n)).collect(),
            ids,
            now: Time::START,
            queue: BinaryHeap::new(),
            order: 0,
            dice: seed,
            weather,
            delivered: BTreeMap::new(),
            cut: BTreeSet::new(),
            change_ms: 0,
            hot: false,
            ages: Vec::new(),
            known: BTreeMap::new(),
            downs: Vec::new(),
            verdicts: Vec::new(),
            pulls: 0,
        };
        for a in 0..count {
            net.change(a);
            for b in (0..count).filter(|b| *b != a) {
                net.news(a, News::Linked(net.ids[b]));
            }
        }
        for a in 0..count {
            for b in (0..count).filter(|b| *b != a) {
                net.learn(b, a);
            }
        }
        net
    }

    /// From here on, each node changes once per `ms`, at random times; with `hot`, each change
    /// comes with a prefix.
    pub(crate) fn change_every(&mut self, ms: u64, hot: bool) {
        (self.change_ms, self.hot) = (ms, hot);
        for node in 0..self.nodes.len() {
            let at = self.now.after_ms(self.roll(ms));
            self.at(at, What::Change(node));
        }
    }

    /// Each node changes once, at this moment.
    pub(crate) fn change_once(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.change(node));
    }

    /// Runs for some time.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end = self.now.after_ms(ms);
        while self.queue.peek().is_some_and(|Reverse((at, ..))| *at <= end) {
            let Some(Reverse((at, _, what))) = self.queue.pop() else { return };
            self.now = at;
            self.on(what);
        }
        self.now = end;
    }

    /// From here on, nothing changes.
    pub(crate) fn change_no_more(&mut self) {
        self.change_ms = 0;
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].alive = false;
    }

    pub(crate) fn pause_ms(&mut self, node: usize, ms: u64) {
        self.nodes[node].paused = true;
        self.at(self.now.after_ms(ms), What::Resume(node));
    }

    pub(crate) fn cut(&mut self, a: usize, b: usize) {
        self.cut.extend([(a, b), (b, a)]);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn verify(&mut self, by: usize, of: usize) {
        self.news(by, News::Verify(self.ids[of]));
    }

    pub(crate) fn is_up(&self, at: usize, of: usize) -> bool {
        self.nodes[at].spread.is_up(&self.ids[of])
    }

    /// Pairs of living nodes of which one does not know the other's latest state.
    pub(crate) fn behind(&self) -> usize {
        let living: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].alive).collect();
        let pairs = living.iter().flat_map(|a| living.iter().map(move |b| (*a, *b)));
        pairs
            .filter(|(at, of)| at != of)
            .filter(|(at, of)| {
                let known = self.nodes[*at].spread.known(&self.ids[*of]);
                known != Some((INCARNATION, self.nodes[*of].sequence))
            })
            .count()
    }

    /// Bytes and packets that the nodes have sent, of all together.
    pub(crate) fn sent(&self) -> (u64, u64) {
        let sum = |of: fn(&Node) -> u64| self.nodes.iter().map(of).sum();
        (sum(|node| node.sent_bytes), sum(|node| node.sent_packets))
    }

    pub(crate) fn roll(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn at(&mut self, at: Time, what: What) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order, what)));
    }

    fn on(&mut self, what: What) {
        match what {
            What::Message { from, to, bytes } => self.on_message(from, to, bytes),
            What::Pulled { by, of } if self.nodes[by].alive && self.nodes[of].alive => {
                self.nodes[of].sent_bytes += PULL_ANSWER_BYTES;
                self.learn(by, of);
            }
            What::Pulled { .. } => {}
            What::Wake { node, turn } => {
                let awake = &mut self.nodes[node];
                if awake.turn == turn && awake.alive && !awake.paused {
                    awake.spread.handle_timeout(self.now);
                    self.drain(node);
                }
            }
            What::Change(_) if self.change_ms == 0 => {}
            What::Change(node) => {
                if self.nodes[node].alive && !self.nodes[node].paused {
                    self.change(node);
                }
                let again = self.now.after_ms(1 + self.roll(2 * self.change_ms));
                self.at(again, What::Change(node));
            }
            What::Resume(node) => {
                self.nodes[node].paused = false;
                self.nodes[node].spread.handle_timeout(self.now);
                self.drain(node);
                for (from, bytes) in std::mem::take(&mut self.nodes[node].unread) {
                    self.on_message(from, node, bytes);
                }
            }
        }
    }

    fn on_message(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        let node = &mut self.nodes[to];
        if !node.alive {
            return;
        }
        if node.paused {
            return node.unread.push((from, bytes));
        }
        let message = StateMessage::decode(&bytes).expect("what was encoded");
        let message = message.expect("of this version");
        self.news(to, News::Heard { from: self.ids[from], message });
    }

    fn news(&mut self, node: usize, news: News) {
        self.nodes[node].spread.handle(self.now, news);
        self.drain(node);
    }

    /// The node `by` has the full advert of `of`.
    fn learn(&mut self, by: usize, of: usize) {
        let (node, sequence) = (self.ids[of], self.nodes[of].sequence);
        self.note(by, of, sequence);
        self.news(by, News::Advert { node, incarnation: INCARNATION, sequence });
    }

    fn change(&mut self, node: usize) {
        let now = self.now;
        let (busy, work) = (self.roll(5), self.roll(20_000));
        let hot = if self.hot { vec![self.roll(u64::MAX)] } else { vec![] };
        let this = &mut self.nodes[node];
        this.sequence += 1;
        this.changes.push(now);
        let state = state(this.sequence, busy, work, hot);
        self.news(node, News::Own(state));
    }

    fn drain(&mut self, node: usize) {
        // What goes to one peer at one moment shares a packet.
        let mut packets: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        while let Some(effect) = self.nodes[node].spread.poll_effect() {
            match effect {
                Effect::Send { to, message } => {
                    let bytes = message.encode().expect("within the limit");
                    packets.entry(self.index[&to]).or_default().push(bytes);
                }
                Effect::State { node: of, state } => {
                    self.note(node, self.index[&of], state.sequence);
                }
                Effect::Pull(of) => self.pull(node, self.index[&of]),
                Effect::Down(of) => self.downs.push((self.now, node, self.index[&of])),
                Effect::Verified { node: of, alive } => {
                    self.verdicts.push((self.now, node, self.index[&of], alive));
                }
                Effect::Up(_) | Effect::RoundTrip { .. } => {}
            }
        }
        for (to, messages) in packets {
            self.send(node, to, messages);
        }
        let due = self.nodes[node].spread.next_timeout().max(self.now.after_ms(1_u32));
        self.nodes[node].turn += 1;
        let turn = self.nodes[node].turn;
        self.at(due, What::Wake { node, turn });
    }

    fn send(&mut self, from: usize, to: usize, messages: Vec<Vec<u8>>) {
        // Two bytes of length before each message.
        let payload: usize = messages.iter().map(|bytes| bytes.len() + 2).sum();
        let mut at = self.now.0 + 200 + self.roll(1_500);
        let (mut tries, mut retry_ms) = (1, RETRY_MS);
        while self.roll(1_000) < self.weather.lost_permille {
            at += retry_ms * 1_000;
            (tries, retry_ms) = (tries + 1, retry_ms * 2);
        }
        self.nodes[from].sent_packets += tries;
        self.nodes[from].sent_bytes += tries * (PACKET_BYTES + payload as u64);
        if !self.nodes[to].alive || self.cut.contains(&(from, to)) {
            return;
        }
        self.nodes[to].sent_packets += 1;
        self.nodes[to].sent_bytes += ACK_BYTES;
        // A stream keeps its order.
        let last = self.delivered.entry((from, to)).or_default();
        let at = Time(at.max(last.0));
        *last = at;
        for bytes in messages {
            if self.roll(1_000) >= self.weather.vanished_permille {
                self.at(at, What::Message { from, to, bytes });
            }
        }
    }

    fn pull(&mut self, by: usize, of: usize) {
        self.pulls += 1;
        self.nodes[by].sent_bytes += PULL_ASK_BYTES;
        if !self.cut.contains(&(by, of)) && self.nodes[of].alive && !self.nodes[of].paused {
            self.at(self.now.after_ms(3_u32), What::Pulled { by, of });
        }
    }

    fn note(&mut self, at: usize, of: usize, sequence: u64) {
        let known = self.known.entry((at, of)).or_default();
        let first = usize::try_from(*known).expect("few");
        let changes = &self.nodes[of].changes;
        let fresh = changes.iter().take(usize::try_from(sequence).expect("few")).skip(first);
        if self.change_ms > 0 {
            self.ages.extend(fresh.map(|since| self.now.ms_since(*since)));
        }
        *known = sequence.max(*known);
    }
}

fn node_id(number: usize) -> NodeId {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&(number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    NodeId(id)
}

fn state(sequence: u64, busy: u64, work: u64, hot: Vec<u64>) -> NodeState {
    let busy = u16::try_from(busy).expect("small");
    let model = |index| ModelNow {
        index,
        state: ModelState::Loaded { slots: 4, busy },
        prefill: Coarse::of(800),
        decode: Coarse::of(640),
        usual_tokens: Coarse::of(150),
    };
    NodeState {
        incarnation: tag(INCARNATION),
        base: 1,
        sequence,
        waiting: (u32::from(busy), 0),
        work_ms: Coarse::of(u32::try_from(work).expect("small")),
        admission: Admission::Accepting,
        memory_free: 40,
        models: vec![model(0), model(3)],
        hot,
    }
}

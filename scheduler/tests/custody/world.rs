//! A small world for custody: nodes with disks that lose what was not synced, a network that drops,
//! repeats and reorders, and an oracle that sees everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pumasi_protocol::custody::{Blob, CustodyMessage, End, Ended, KeyHash, Record, Term};
use pumasi_protocol::{
    BlobId, Capabilities, Constraints, JobId, JobKind, Need, NodeId, PersonId, Priority,
};
use pumasi_scheduler::{
    AcceptRefusal, Custody, CustodyAction, CustodyConfig, CustodyInput, Draft, Holding, Link,
    MemberFacts, Time,
};

use crate::words;

pub(crate) const PERSON: PersonId = PersonId([7; 16]);

/// Planted bugs: the oracle must see each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The disk answers before it has synced.
    AnswersBeforeSync,
    /// Votes are not on the disk.
    VotesForgotten,
    /// The terms of messages are taken as the receiver's own.
    TermsForgotten,
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) custody: Option<Custody>,
    pub(crate) disk: BTreeMap<JobId, Holding>,
    pub(crate) blobs: BTreeSet<BlobId>,
    pub(crate) writes: VecDeque<(u64, Holding)>,
    pub(crate) fetches: VecDeque<(Blob, Vec<NodeId>)>,
    pub(crate) placed: BTreeMap<JobId, Term>,
    pub(crate) told_up: BTreeSet<usize>,
    pub(crate) dead: bool,
    starts: u64,
}

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) acked: BTreeSet<JobId>,
    pub(crate) refused: BTreeMap<JobId, AcceptRefusal>,
    pub(crate) same: BTreeMap<JobId, JobId>,
    pub(crate) shown: BTreeMap<JobId, Ended>,
    pub(crate) adopted: BTreeSet<JobId>,
    pub(crate) superseded: BTreeSet<JobId>,
    pub(crate) overridden: BTreeSet<JobId>,
    pub(crate) owners: BTreeMap<(JobId, Term), NodeId>,
    pub(crate) misbehaved: usize,
    pub(crate) violations: Vec<String>,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Node>,
    pub(crate) wire: VecDeque<(usize, usize, CustodyMessage)>,
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) oracle: Oracle,
    pub(crate) keys: BTreeMap<JobId, KeyHash>,
    pub(crate) bug: Option<Bug>,
    pub(crate) trace: Vec<String>,
    pub(crate) tracing: bool,
    seed: u64,
    submitted: u64,
}

pub(crate) fn node_id(index: usize) -> NodeId {
    NodeId([u8::try_from(index).expect("few nodes") + 1; 32])
}

pub(crate) fn job_id(number: u64) -> JobId {
    JobId::from_parts(number, [0; 10])
}

pub(crate) fn need() -> Need {
    Need {
        kind: JobKind::Document,
        model: "m".parse().expect("a model's name"),
        file: None,
        capabilities: Capabilities::default(),
        person: PERSON,
        priority: Priority::Batch,
        constraints: Constraints::default(),
        prompt_tokens: 10,
        max_tokens: None,
        prefix: Vec::new(),
    }
}

fn result_of(job: JobId, node: usize, term: Term) -> Blob {
    let mut hash = [0xee; 32];
    hash[..16].copy_from_slice(job.0.as_bytes());
    hash[16] = u8::try_from(node).expect("few nodes");
    hash[17..19].copy_from_slice(&term.0.to_le_bytes());
    Blob { id: BlobId(hash), bytes: 3 }
}

impl World {
    pub(crate) fn new(nodes: usize, seed: u64) -> Self {
        let node = |index| Node {
            id: node_id(index),
            custody: None,
            disk: BTreeMap::new(),
            blobs: BTreeSet::new(),
            writes: VecDeque::new(),
            fetches: VecDeque::new(),
            placed: BTreeMap::new(),
            told_up: BTreeSet::new(),
            dead: false,
            starts: 0,
        };
        let mut world = Self {
            now: Time::START,
            nodes: (0..nodes).map(node).collect(),
            wire: VecDeque::new(),
            cut: BTreeSet::new(),
            oracle: Oracle::default(),
            keys: BTreeMap::new(),
            bug: None,
            trace: Vec::new(),
            tracing: false,
            seed,
            submitted: 0,
        };
        for index in 0..nodes {
            world.start(index, false);
        }
        world.detect();
        world
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.tracing {
            let line = line();
            self.trace.push(format!("{:>8} {line}", self.now.0 / 1_000));
        }
    }

    pub(crate) fn start(&mut self, index: usize, doubtful: bool) {
        let members: BTreeMap<NodeId, MemberFacts> = (0..self.nodes.len())
            .map(|i| {
                let facts = MemberFacts { person: Some(PERSON), may_run: true, may_submit: true };
                (node_id(i), facts)
            })
            .collect();
        self.note(|| format!("{} starts", words::node(node_id(index))));
        let node = &mut self.nodes[index];
        if node.custody.is_some() || node.dead {
            return;
        }
        node.starts += 1;
        let rows = node.disk.values().cloned().collect();
        let seed = self.seed ^ (index as u64) << 32 ^ node.starts;
        let config = CustodyConfig::default();
        let custody = Custody::restore(node.id, config, seed, self.now, rows, doubtful);
        node.custody = Some(custody);
        self.input(index, CustodyInput::Roster { members });
    }

    /// Everything that was not synced is lost.
    pub(crate) fn crash(&mut self, index: usize) {
        self.note(|| format!("{} crashes", words::node(node_id(index))));
        let node = &mut self.nodes[index];
        node.custody = None;
        node.writes.clear();
        node.fetches.clear();
        node.placed.clear();
        node.told_up.clear();
    }

    pub(crate) fn is_connected(&self, a: usize, b: usize) -> bool {
        let alive = |i: usize| self.nodes[i].custody.is_some();
        alive(a) && alive(b) && !self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Tells everybody how its links are.
    pub(crate) fn detect(&mut self) {
        for a in 0..self.nodes.len() {
            for b in 0..self.nodes.len() {
                self.see(a, b);
            }
        }
    }

    /// Node `a` finds out how its link to `b` is.
    pub(crate) fn see(&mut self, a: usize, b: usize) {
        if a == b || self.nodes[a].custody.is_none() {
            return;
        }
        let up = self.is_connected(a, b);
        if up != self.nodes[a].told_up.contains(&b) {
            let link = if up { Link::Up { rtt_us: 100 } } else { Link::Down };
            if up {
                self.nodes[a].told_up.insert(b);
            } else {
                self.nodes[a].told_up.remove(&b);
            }
            self.input(a, CustodyInput::Peer { node: node_id(b), link });
        }
    }

    pub(crate) fn submit(&mut self, index: usize, key: Option<KeyHash>) -> JobId {
        self.submitted += 1;
        let job = job_id(self.submitted);
        let mut hash = [1; 32];
        hash[..16].copy_from_slice(job.0.as_bytes());
        let input = Blob { id: BlobId(hash), bytes: 5 };
        if self.nodes[index].custody.is_none() {
            return job;
        }
        self.nodes[index].blobs.insert(input.id);
        if let Some(key) = key {
            self.keys.insert(job, key);
        }
        let draft =
            Draft { job, need: need(), key, inputs: vec![input], accepted_ms: self.submitted };
        self.input(index, CustodyInput::Accept(Box::new(draft)));
        job
    }

    /// The scheduler of a node ends what was placed there.
    pub(crate) fn finish(&mut self, index: usize, job: JobId) {
        let Some(term) = self.nodes[index].placed.get(&job).copied() else { return };
        let result = result_of(job, index, term);
        self.nodes[index].blobs.insert(result.id);
        let end = End::Completed { result, node: node_id(index) };
        let ended = Ended { end, at_ms: 1 };
        self.input(index, CustodyInput::Ended { job, term, ended });
    }

    pub(crate) fn input(&mut self, index: usize, input: CustodyInput) {
        let now = self.now;
        self.note(|| format!("{} < {}", words::node(node_id(index)), words::input(&input)));
        let Some(custody) = self.nodes[index].custody.as_mut() else { return };
        custody.handle(now, input);
        self.drain(index);
    }

    pub(crate) fn time_out(&mut self, index: usize) {
        let now = self.now;
        if let Some(custody) = self.nodes[index].custody.as_mut() {
            custody.handle_timeout(now);
            self.drain(index);
        }
    }

    /// The earliest deadline of all nodes.
    pub(crate) fn next_timeout(&self) -> Option<(Time, usize)> {
        let each = self.nodes.iter().enumerate();
        each.filter_map(|(i, node)| Some((node.custody.as_ref()?.next_timeout()?.0, i))).min()
    }

    fn drain(&mut self, index: usize) {
        while let Some(action) = self.nodes[index].custody.as_mut().and_then(Custody::poll_action) {
            self.note(|| format!("{} > {}", words::node(node_id(index)), words::action(&action)));
            self.perform(index, action);
        }
    }

    fn perform(&mut self, index: usize, action: CustodyAction) {
        match action {
            CustodyAction::Send { to, message } => {
                let to = usize::from(to.0[0]) - 1;
                self.wire.push_back((index, to, *message));
            }
            CustodyAction::Persist { ticket, holding } => self.persist(index, ticket, *holding),
            CustodyAction::Erase { job } => {
                self.nodes[index].disk.remove(&job);
                self.nodes[index].writes.retain(|(_, holding)| holding.record.job != job);
            }
            CustodyAction::Fetch { blob, from, .. } => {
                self.nodes[index].fetches.push_back((blob, from));
            }
            CustodyAction::Acknowledge { job, holders } => self.on_acknowledge(job, &holders),
            CustodyAction::Refuse { job, refusal } => {
                self.oracle.refused.insert(job, refusal);
            }
            CustodyAction::Same { job, existing } => {
                self.oracle.same.insert(job, existing);
            }
            CustodyAction::Place { job, term, floor, .. } => {
                assert_eq!(term.floor(), floor);
                let owner = *self.oracle.owners.entry((job, term)).or_insert(node_id(index));
                if owner != node_id(index) && !self.oracle.adopted.contains(&job) {
                    self.oracle
                        .violations
                        .push(format!("I4: {} has two owners in {term:?}", words::job(job)));
                }
                self.nodes[index].placed.insert(job, term);
            }
            CustodyAction::Withdraw { job } => {
                self.nodes[index].placed.remove(&job);
            }
            CustodyAction::Show { job, ended } => self.on_show(index, job, ended),
            CustodyAction::Superseded { job, .. } => {
                self.oracle.superseded.insert(job);
            }
            CustodyAction::Overridden { job, .. } => {
                self.oracle.overridden.insert(job);
            }
            CustodyAction::Adopted { job } => {
                self.oracle.adopted.insert(job);
            }
            CustodyAction::NotAdopted { .. } => {}
            CustodyAction::Misbehaved { .. } => self.oracle.misbehaved += 1,
        }
    }

    fn persist(&mut self, index: usize, ticket: u64, mut holding: Holding) {
        let job = holding.record.job;
        match self.bug {
            Some(Bug::AnswersBeforeSync) => {
                self.nodes[index].writes.push_back((ticket, holding));
                self.input(index, CustodyInput::Persisted { job, ticket });
                return;
            }
            Some(Bug::VotesForgotten) => {
                let disk = self.nodes[index].disk.get(&job).map(|disk| disk.promise);
                holding.promise = disk.unwrap_or(holding.promise);
            }
            Some(Bug::TermsForgotten) | None => {}
        }
        self.nodes[index].writes.push_back((ticket, holding));
    }

    /// The next write of a node reaches the disk, or is refused.
    pub(crate) fn sync(&mut self, index: usize, works: bool) {
        let Some((ticket, holding)) = self.nodes[index].writes.pop_front() else { return };
        let job = holding.record.job;
        if works {
            self.check_blobs(index, &holding.record);
            self.nodes[index].disk.insert(job, holding);
            if self.bug != Some(Bug::AnswersBeforeSync) {
                self.input(index, CustodyInput::Persisted { job, ticket });
            }
        } else {
            self.input(index, CustodyInput::PersistFailed { job, ticket });
        }
    }

    fn check_blobs(&mut self, index: usize, record: &Record) {
        let node = &self.nodes[index];
        if record.blobs().iter().any(|blob| !node.blobs.contains(&blob.id)) {
            let what = format!("{index} keeps {} without its files", words::job(record.job));
            self.oracle.violations.push(what);
        }
    }

    /// The next fetch of a node is done, or fails at everybody.
    pub(crate) fn fetch(&mut self, index: usize, works: bool) {
        let Some((blob, from)) = self.nodes[index].fetches.pop_front() else { return };
        let has = |node: &NodeId| {
            let other = usize::from(node.0[0]) - 1;
            self.is_connected(index, other) && self.nodes[other].blobs.contains(&blob.id)
        };
        let found = self.nodes[index].blobs.contains(&blob.id) || works && from.iter().any(has);
        let blob = blob.id;
        if found {
            self.nodes[index].blobs.insert(blob);
            self.input(index, CustodyInput::Fetched { blob });
        } else {
            self.input(index, CustodyInput::FetchFailed { blob });
        }
    }

    pub(crate) fn deliver(&mut self, at: usize) {
        let Some((from, to, message)) = self.wire.remove(at) else { return };
        if !self.is_connected(from, to) {
            return;
        }
        let message = if self.bug == Some(Bug::TermsForgotten) {
            self.with_own_term(to, message)
        } else {
            message
        };
        let message = Box::new(message);
        self.input(to, CustodyInput::Message { from: node_id(from), message });
    }

    /// As if the receiver took every confirmation as one of its newest state.
    fn with_own_term(&self, to: usize, message: CustodyMessage) -> CustodyMessage {
        let CustodyMessage::Declined { job, .. } = message else { return message };
        let view = self.nodes[to].custody.as_ref().and_then(|custody| custody.job(job));
        let version = view.map(|view| view.record.version);
        version.map_or(message, |version| CustodyMessage::Kept { job, version })
    }

    fn on_acknowledge(&mut self, job: JobId, holders: &[NodeId]) {
        self.oracle.acked.insert(job);
        for holder in holders {
            let node = &self.nodes[usize::from(holder.0[0]) - 1];
            let row = node.disk.get(&job);
            let has = row.is_some_and(|row| {
                row.record.inputs.iter().all(|blob| node.blobs.contains(&blob.id))
            });
            // A holder that lost its disk since is another matter.
            if !has && !node.dead {
                let what = format!("I3: {} acknowledged before {holder:?} had it", words::job(job));
                self.oracle.violations.push(what);
            }
        }
    }

    fn on_show(&mut self, index: usize, job: JobId, ended: Ended) {
        if self.oracle.adopted.contains(&job) {
            self.oracle.shown.insert(job, ended);
            return;
        }
        let first = self.oracle.shown.entry(job).or_insert_with(|| ended.clone());
        if *first != ended {
            let what =
                format!("I1: {index} shows {} as {ended:?}, before {first:?}", words::job(job));
            self.oracle.violations.push(what);
        }
    }

    /// Everything that is under way, until nothing is: in order, without loss.
    pub(crate) fn calm(&mut self) {
        loop {
            if !self.wire.is_empty() {
                self.deliver(0);
                continue;
            }
            let busy = |node: &Node| !node.writes.is_empty() || !node.fetches.is_empty();
            let Some(index) = self.nodes.iter().position(busy) else { return };
            self.sync(index, true);
            self.fetch(index, true);
        }
    }

    /// Runs in order and without loss for a while; work ends as soon as it is placed, if `working`.
    pub(crate) fn run(&mut self, ms: u64, working: bool) {
        let end = self.now.after_ms(ms);
        loop {
            self.calm();
            let placed = self.nodes.iter().enumerate().find_map(|(i, node)| {
                let (job, _) = node.placed.iter().next()?;
                Some((i, *job))
            });
            if let Some((index, job)) = placed.filter(|_| working) {
                self.finish(index, job);
                self.nodes[index].placed.remove(&job);
                continue;
            }
            let Some((at, index)) = self.next_timeout().filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.time_out(index);
        }
        self.now = end;
    }
}

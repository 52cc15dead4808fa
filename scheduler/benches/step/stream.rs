//! A stream of inputs as a node of a busy mesh gets them, given to one scheduler that lives on: its
//! person submits, peers ask for slots, answer, go and come, and tell of themselves.

use std::collections::BinaryHeap;
use std::time::Instant;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::message::Offer;
use pumasi_protocol::{
    Admission, AdvertDelta, AttemptId, Bid, Control, Epoch, Fault, JobId, ModelState, NodeAdvert,
    NodeState, Rate, Refusal, Timings, Usage,
};
use pumasi_scheduler::{
    Action, Config, DeskState, Input, Link, LoadedFacts, MemberFacts, Outcome, Scheduler, Time,
};

use crate::office::{Dice, advert, need, node_id};

/// Virtual time of the run, in milliseconds.
const RUN_MS: u64 = 30_000;
/// Tokens of each answer.
const USAGE: Usage = Usage { prompt: 400, cached: 0, completion: 60 };
const TIMINGS: Timings = Timings { queued_us: 0, prefill_us: 400_000, decode_us: 1_500_000 };
const LOADED: LoadedFacts = LoadedFacts {
    slots: 4,
    context: 4_096,
    memory: 1 << 30,
    prefill: Rate(0),
    decode: Rate(0),
    load_ms: 2_000,
};

/// What comes to the node under test at some time.
#[derive(Debug, PartialEq)]
enum Coming {
    Input(&'static str, Box<Input>),
    /// The person here submits a job, again and again.
    Submitting,
    /// A peer asks for a slot here, again and again.
    Asking,
    /// Some peer's state, round trip, advert; some peer goes and comes.
    News,
    /// The desk, the roster, this node itself.
    Seldom,
}

#[derive(Debug, PartialEq)]
struct At(u64, u64, Coming);

impl Eq for At {}
impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

/// One run; equal for equal counts, but for the times.
pub(crate) struct Stream<'a> {
    scheduler: Scheduler,
    nodes: Vec<NodeAdvert>,
    queue: BinaryHeap<At>,
    order: u64,
    now_ms: u64,
    dice: Dice,
    jobs: u64,
    /// Called before each input.
    between: &'a mut dyn FnMut(),
    /// Each input's kind and time in nanoseconds.
    pub(crate) times: Vec<(&'static str, u64)>,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(count: usize, between: &'a mut dyn FnMut()) -> Self {
        let mut stream = Self {
            scheduler: Scheduler::new(node_id(0), Config::default(), 1, Time::START),
            nodes: (0..count).map(advert).collect(),
            queue: BinaryHeap::new(),
            order: 0,
            now_ms: 0,
            dice: Dice(1),
            jobs: 0,
            between,
            times: Vec::new(),
        };
        stream.give("roster", stream.roster(None));
        stream.give("local", stream.local());
        for node in 1..count {
            let (node, link) = (node_id(node), Link::Up { rtt_us: 400 });
            stream.give("peer up", Input::Peer { node, link });
        }
        for node in 1..count {
            stream.give("first advert", Input::Advert(Box::new(stream.nodes[node].clone())));
        }
        stream.after(0, Coming::Submitting);
        stream.after(1, Coming::Asking);
        stream.after(2, Coming::News);
        stream.after(500, Coming::Seldom);
        stream
    }

    pub(crate) fn run(&mut self) {
        while let Some(At(at, _, coming)) = self.queue.pop().filter(|next| next.0 < RUN_MS) {
            while let Some((due, _)) = self.scheduler.next_timeout()
                && due.0 / 1_000 < at
            {
                self.now_ms = self.now_ms.max(due.0.div_ceil(1_000));
                self.step("timeout", |scheduler, now| scheduler.handle_timeout(now));
            }
            self.now_ms = self.now_ms.max(at);
            match coming {
                Coming::Input(kind, input) => self.give(kind, *input),
                Coming::Submitting => self.submit(),
                Coming::Asking => self.ask(),
                Coming::News => self.news(),
                Coming::Seldom => self.seldom(),
            }
        }
    }

    fn after(&mut self, ms: u64, coming: Coming) {
        self.order += 1;
        self.queue.push(At(self.now_ms + ms, self.order, coming));
    }

    fn input_after(&mut self, ms: u64, kind: &'static str, input: Input) {
        self.after(ms, Coming::Input(kind, Box::new(input)));
    }

    fn give(&mut self, kind: &'static str, input: Input) {
        self.step(kind, |scheduler, now| scheduler.handle(now, input));
    }

    fn step(&mut self, kind: &'static str, step: impl FnOnce(&mut Scheduler, Time)) {
        (self.between)();
        let now = Time::from_ms(self.now_ms);
        let begin = Instant::now();
        step(&mut self.scheduler, now);
        let taken = begin.elapsed().as_nanos();
        self.times.push((kind, u64::try_from(taken).expect("short")));
        while let Some(action) = self.scheduler.poll_action() {
            self.react(action);
        }
    }

    /// Peers answer as peers do: most bid, some refuse, some are silent; what is bound runs a while.
    fn react(&mut self, action: Action) {
        match action {
            Action::Send { to, control: Control::Offer(offer) } => {
                let attempt = offer.attempt;
                self.answer(to, attempt);
            }
            Action::Dispatch { attempt, .. } => {
                let usage = USAGE;
                let outcome = match self.dice.roll(20) {
                    0 => Outcome::Failed(Fault::Connection),
                    _ => Outcome::Completed { usage, timings: TIMINGS },
                };
                self.input_after(50, "started", Input::AttemptStarted { attempt });
                let begun = Input::AnswerBegun { attempt, file: None, patience_ms: 10_000 };
                self.input_after(400, "answer begun", begun);
                self.input_after(1_900, "ended", Input::AttemptEnded { attempt, outcome });
            }
            Action::Send { to, control: Control::Bid { attempt, bid } } if bid.start_ms == 0 => {
                let bind = Input::Message { from: to, control: Control::Bind { attempt } };
                self.input_after(3, "bind", bind);
                self.input_after(4, "stream", Input::StreamOpened { from: to, attempt });
            }
            Action::Send { to, control: Control::Claim { attempt } } => {
                let bind = Input::Message { from: to, control: Control::Bind { attempt } };
                self.input_after(3, "bind", bind);
            }
            Action::Run { attempt, .. } => {
                let (usage, timings, fault) = (USAGE, TIMINGS, None);
                let done = Input::ExecutorDone { attempt, usage, timings, fault };
                self.input_after(1_900, "done", done);
            }
            Action::Load { model } => {
                let loaded = Input::ModelLoaded { model, facts: LOADED };
                self.input_after(2_000, "loaded", loaded);
            }
            Action::Unload { model } => {
                self.input_after(100, "unloaded", Input::ModelUnloaded { model });
            }
            Action::Stop { attempt, fault } => {
                let fault = Some(fault);
                let (usage, timings) = (Usage::default(), Timings::default());
                let done = Input::ExecutorDone { attempt, usage, timings, fault };
                self.input_after(20, "done", done);
            }
            Action::Send { .. }
            | Action::Hedge { .. }
            | Action::Expect { .. }
            | Action::SetTempo { .. }
            | Action::CancelAttempt { .. }
            | Action::JobState { .. } => {}
        }
    }

    /// A peer's answer to an offer.
    fn answer(&mut self, peer: pumasi_protocol::NodeId, attempt: AttemptId) {
        let busy = self.dice.roll(20);
        let message = |control| Input::Message { from: peer, control };
        match busy {
            19 => {}
            18 => self.input_after(1, "send failed", Input::SendFailed { to: peer, attempt }),
            16 | 17 => {
                let refusal = Refusal::OwnerBusy;
                self.input_after(2, "refusal", message(Control::Refuse { attempt, refusal }));
            }
            _ => {
                let start_ms = if busy < 6 { 500 } else { 0 };
                let (load_ms, cached_tokens, finish_ms, valid_ms) = (0, 0, 2_000, 1_000);
                let bid = Bid { start_ms, load_ms, cached_tokens, finish_ms, valid_ms };
                self.input_after(2, "bid", message(Control::Bid { attempt, bid }));
                if start_ms > 0 {
                    self.input_after(400, "claim", message(Control::Claim { attempt }));
                }
            }
        }
    }

    fn submit(&mut self) {
        let (job, need) = (self.next_job(), Box::new(need(&mut self.dice)));
        if self.dice.roll(20) == 0 {
            self.input_after(300, "cancel", Input::Cancel { job });
        }
        let floor = Epoch::default();
        self.give("submit", Input::Submit { job, need, floor });
        self.after(50, Coming::Submitting);
    }

    fn ask(&mut self) {
        let from = node_id(1 + self.dice.roll(self.nodes.len() - 1));
        let attempt = AttemptId { job: self.next_job(), epoch: Epoch(1) };
        let offer = Box::new(Offer { attempt, need: need(&mut self.dice), alone: false });
        self.give("offer", Input::Message { from, control: Control::Offer(offer) });
        if self.dice.roll(3) == 0 {
            let gone = Input::Message { from, control: Control::Gone { attempt } };
            self.input_after(60, "gone", gone);
        }
        self.after(60, Coming::Asking);
    }

    /// 20 % of the nodes change each second, each is pinged each second, a full advert comes twice
    /// and a peer is lost or found four times a second; some say that they are idle.
    fn news(&mut self) {
        let node = 1 + self.dice.roll(self.nodes.len() - 1);
        match self.dice.roll(128) {
            0..40 => {
                let (node, state) = (node_id(node), Box::new(self.state(node)));
                self.give("state", Input::State { node, state });
            }
            40..42 => {
                let delta = self.delta(node);
                self.give("delta", Input::Delta(delta));
            }
            42..120 => {
                let rtt_us = 300 + u32::try_from(self.dice.roll(200)).expect("small");
                self.give(
                    "round trip",
                    Input::Peer { node: node_id(node), link: Link::Up { rtt_us } },
                );
            }
            120..122 => self.new_advert(node),
            122..125 => {
                let idle = Input::Message { from: node_id(node), control: Control::Idle };
                self.give("idle hint", idle);
            }
            _ => {
                let (node, up) = (node_id(node), Link::Up { rtt_us: 400 });
                self.give("peer down", Input::Peer { node, link: Link::Down });
                self.input_after(400, "peer up", Input::Peer { node, link: up });
            }
        }
        self.after(5, Coming::News);
    }

    fn seldom(&mut self) {
        let node = 1 + self.dice.roll(self.nodes.len() - 1);
        match self.dice.roll(5) {
            0 => self.give("local", self.local()),
            1 => {
                self.give("roster", self.roster(Some(node)));
                let all = self.roster(None);
                self.input_after(300, "roster", all);
                let (node, up) = (node_id(node), Link::Up { rtt_us: 400 });
                self.input_after(310, "peer up", Input::Peer { node, link: up });
            }
            2 => {
                let (in_use, free) = (DeskState::InUse, DeskState::Free);
                self.give("desk", Input::Desk { state: in_use });
                self.input_after(400, "desk", Input::Desk { state: free });
            }
            3 => {
                self.give("left", Input::Left { node: node_id(node) });
                self.nodes[node].incarnation += 1;
                let advert = Box::new(self.nodes[node].clone());
                self.input_after(300, "first advert", Input::Advert(advert));
            }
            _ => {
                let job = self.next_job();
                let attempt = AttemptId { job, epoch: Epoch(1) };
                let refusal = Refusal::Stale;
                let control = Control::Unbound { attempt, refusal };
                self.give("unbound", Input::Message { from: node_id(node), control });
            }
        }
        self.after(500, Coming::Seldom);
    }

    fn roster(&self, without: Option<usize>) -> Input {
        let facts = MemberFacts { person: None, may_run: true, may_submit: true };
        let numbers = (0..self.nodes.len()).filter(|n| Some(*n) != without);
        Input::Roster { members: numbers.map(|n| (node_id(n), facts)).collect() }
    }

    fn local(&self) -> Input {
        Input::Local { advert: Box::new(self.nodes[0].clone()), model_memory: 64 << 30 }
    }

    fn new_advert(&mut self, node: usize) {
        let new = self.dice.0;
        let advert = &mut self.nodes[node];
        advert.sequence += 1;
        advert.prefixes.rotate_right(16);
        advert.prefixes[0] = new;
        self.give("advert", Input::Advert(Box::new(self.nodes[node].clone())));
    }

    /// Another count of busy slots and, half of the time, a prefix that came into the cache.
    fn state(&mut self, node: usize) -> NodeState {
        let (busy, waiting, hot) = (self.dice.roll(5), self.dice.roll(4), self.dice.roll(2));
        let prefix = self.dice.0;
        let advert = &mut self.nodes[node];
        let base = advert.sequence;
        advert.sequence += 1;
        let busy = u16::try_from(busy).expect("small");
        advert.models[0].state = ModelState::Loaded { slots: 4, busy };
        advert.queue.interactive = u32::try_from(waiting).expect("small");
        advert.queue.work_ms = 400 * u64::from(advert.queue.interactive);
        NodeState::of(advert, base, &[prefix][..hot])
    }

    fn delta(&mut self, node: usize) -> AdvertDelta {
        let (busy, waiting) = (self.dice.roll(5), self.dice.roll(4));
        let advert = &mut self.nodes[node];
        advert.sequence += 1;
        let state = ModelState::Loaded { slots: 4, busy: u16::try_from(busy).expect("small") };
        let interactive = u32::try_from(waiting).expect("small");
        AdvertDelta {
            node: advert.node,
            incarnation: advert.incarnation,
            sequence: advert.sequence,
            queue: Queue { interactive, batch: 0, work_ms: 400 * u64::from(interactive) },
            admission: Admission::Accepting,
            memory_free: advert.memory_free,
            models: vec![(0, state)],
        }
    }

    fn next_job(&mut self) -> JobId {
        self.jobs += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.jobs.to_le_bytes());
        JobId::from_parts(self.now_ms, random)
    }
}

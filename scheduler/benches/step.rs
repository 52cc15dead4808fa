//! Prints what one input costs a scheduler in a mesh of 200 nodes (or as many as the first argument
//! says), by kind of input. Each input is given to several copies of the same scheduler and the
//! shortest time counts, so that other programs on the machine add little. Asserts nothing.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::collections::{BTreeMap, BinaryHeap};
use std::io::Write as _;
use std::time::Instant;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, PersonId};
use pumasi_protocol::message::Offer;
use pumasi_protocol::{
    Admission, AdvertDelta, AttemptId, Bid, Capabilities, Constraints, Control, EngineKind, Epoch,
    Fault, JobId, JobKind, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId, Priority,
    Rate, Refusal, Timings, Usage,
};
use pumasi_scheduler::{Action, Config, Input, Link, MemberFacts, Outcome, Scheduler, Time};

/// Copies that each input is given to.
const COPIES: usize = 3;
/// Names of models in the mesh; each node holds a share of them.
const NAMES: usize = 24;
/// Models of one node. The first name is held by all.
const HELD: usize = 8;
/// Virtual time of the run, in milliseconds.
const RUN_MS: u64 = 6_000;
/// Tokens of each answer.
const USAGE: Usage = Usage { prompt: 400, cached: 0, completion: 60 };
const TIMINGS: Timings = Timings { queued_us: 0, prefill_us: 400_000, decode_us: 1_500_000 };

/// What comes to the node under test at some time.
#[derive(Debug, Clone, PartialEq)]
enum Coming {
    Input(&'static str, Box<Input>),
    /// The person here submits a job, again and again.
    Submitting,
    /// A peer asks for a slot here, again and again.
    Asking,
    /// Some peer's delta, round trip, advert; some peer goes and comes.
    News,
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

struct Bench {
    scheduler: Scheduler,
    nodes: Vec<NodeAdvert>,
    queue: BinaryHeap<At>,
    order: u64,
    now_ms: u64,
    dice: u64,
    jobs: u64,
    times: BTreeMap<&'static str, Vec<u64>>,
}

impl Bench {
    fn new(count: usize) -> Self {
        let me = node_id(0);
        let mut bench = Self {
            scheduler: Scheduler::new(me, Config::default(), 1, Time::START),
            nodes: (0..count).map(advert).collect(),
            queue: BinaryHeap::new(),
            order: 0,
            now_ms: 0,
            dice: 1,
            jobs: 0,
            times: BTreeMap::new(),
        };
        let facts = MemberFacts { person: None, may_run: true, may_submit: true };
        let members = (0..count).map(|n| (node_id(n), facts)).collect();
        bench.give("roster", Input::Roster { members });
        let advert = Box::new(bench.nodes[0].clone());
        bench.give("local", Input::Local { advert, model_memory: 64 << 30 });
        for node in 1..count {
            let (node, link) = (node_id(node), Link::Up { rtt_us: 400 });
            bench.give("peer up", Input::Peer { node, link });
        }
        for node in 1..count {
            bench.give("first advert", Input::Advert(Box::new(bench.nodes[node].clone())));
        }
        bench.after(0, Coming::Submitting);
        bench.after(1, Coming::Asking);
        bench.after(2, Coming::News);
        bench
    }

    fn roll(&mut self, bound: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.dice >> 33).expect("31 bits") % bound
    }

    fn after(&mut self, ms: u64, coming: Coming) {
        self.order += 1;
        self.queue.push(At(self.now_ms + ms, self.order, coming));
    }

    fn input_after(&mut self, ms: u64, kind: &'static str, input: Input) {
        self.after(ms, Coming::Input(kind, Box::new(input)));
    }

    fn run(&mut self) {
        while let Some(At(at, _, coming)) = self.queue.pop().filter(|next| next.0 < RUN_MS) {
            while let Some((due, _)) = self.scheduler.next_timeout()
                && due.0 / 1_000 < at
            {
                self.now_ms = self.now_ms.max(due.0.div_ceil(1_000));
                self.measure("timeout", |scheduler, now| scheduler.handle_timeout(now));
            }
            self.now_ms = self.now_ms.max(at);
            match coming {
                Coming::Input(kind, input) => self.give(kind, *input),
                Coming::Submitting => self.submit(),
                Coming::Asking => self.ask(),
                Coming::News => self.news(),
            }
        }
    }

    fn give(&mut self, kind: &'static str, input: Input) {
        let inputs = std::cell::RefCell::new(vec![input; COPIES]);
        self.measure(kind, |scheduler, now| {
            let input = inputs.borrow_mut().pop().expect("one for each copy");
            scheduler.handle(now, input);
        });
    }

    fn measure(&mut self, kind: &'static str, step: impl Fn(&mut Scheduler, Time)) {
        let now = Time::from_ms(self.now_ms);
        let mut best = u64::MAX;
        for copy in 0..COPIES {
            let mut scheduler = if copy + 1 == COPIES {
                // The last one goes on; what it was is not needed any more.
                std::mem::replace(&mut self.scheduler, empty())
            } else {
                self.scheduler.clone()
            };
            let begin = Instant::now();
            step(&mut scheduler, now);
            best = best.min(u64::try_from(begin.elapsed().as_nanos()).expect("short"));
            if copy + 1 == COPIES {
                self.scheduler = scheduler;
            }
        }
        self.times.entry(kind).or_default().push(best);
        while let Some(action) = self.scheduler.poll_action() {
            self.react(action);
        }
    }

    /// Peers answer as peers do: most bid, some refuse; what is bound runs a while.
    fn react(&mut self, action: Action) {
        match action {
            Action::Send { to, control: Control::Offer(offer) } => {
                let attempt = offer.attempt;
                let busy = self.roll(10);
                let bid = Bid {
                    start_ms: if busy < 3 { 500 } else { 0 },
                    load_ms: 0,
                    cached_tokens: 0,
                    finish_ms: 2_000,
                    valid_ms: 1_000,
                };
                if busy == 9 {
                    let control = Control::Refuse { attempt, refusal: Refusal::OwnerBusy };
                    self.input_after(2, "refusal", Input::Message { from: to, control });
                } else {
                    let control = Control::Bid { attempt, bid };
                    self.input_after(2, "bid", Input::Message { from: to, control });
                }
            }
            Action::Dispatch { attempt, .. } => {
                let usage = USAGE;
                let outcome = match self.roll(20) {
                    0 => Outcome::Failed(Fault::Connection),
                    _ => Outcome::Completed { usage, timings: TIMINGS },
                };
                self.input_after(50, "started", Input::AttemptStarted { attempt });
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
            Action::Send { .. }
            | Action::Load { .. }
            | Action::Hedge { .. }
            | Action::Unload { .. }
            | Action::Expect { .. }
            | Action::SetTempo { .. }
            | Action::Stop { .. }
            | Action::CancelAttempt { .. }
            | Action::JobState { .. } => {}
        }
    }

    fn submit(&mut self) {
        let (job, need) = (self.next_job(), Box::new(self.need()));
        if self.roll(20) == 0 {
            self.input_after(300, "cancel", Input::Cancel { job });
        }
        let floor = Epoch::default();
        self.give("submit", Input::Submit { job, need, floor });
        self.after(50, Coming::Submitting);
    }

    fn ask(&mut self) {
        let from = node_id(1 + self.roll(self.nodes.len() - 1));
        let attempt = AttemptId { job: self.next_job(), epoch: Epoch(1) };
        let offer = Box::new(Offer { attempt, need: self.need(), alone: false });
        self.give("offer", Input::Message { from, control: Control::Offer(offer) });
        if self.roll(3) == 0 {
            let gone = Input::Message { from, control: Control::Gone { attempt } };
            self.input_after(60, "gone", gone);
        }
        self.after(60, Coming::Asking);
    }

    /// 20 % of the nodes change each second, each is pinged each second, a full advert comes twice
    /// and a peer is lost or found four times a second.
    fn news(&mut self) {
        let count = self.nodes.len();
        let node = 1 + self.roll(count - 1);
        let news = self.roll(126);
        if news < 40 {
            let delta = self.delta(node);
            self.give("delta", Input::Delta(delta));
        } else if news < 120 {
            let link = Link::Up { rtt_us: 300 + u32::try_from(self.roll(200)).expect("small") };
            self.give("round trip", Input::Peer { node: node_id(node), link });
        } else if news < 122 {
            let advert = &mut self.nodes[node];
            advert.sequence += 1;
            advert.prefixes.rotate_right(16);
            self.dice = self.dice.wrapping_add(1);
            advert.prefixes[0] = self.dice;
            self.give("advert", Input::Advert(Box::new(self.nodes[node].clone())));
        } else if news == 122 {
            let advert = Box::new(self.nodes[0].clone());
            self.give("local", Input::Local { advert, model_memory: 64 << 30 });
        } else {
            let (node, up) = (node_id(node), Link::Up { rtt_us: 400 });
            self.give("peer down", Input::Peer { node, link: Link::Down });
            self.input_after(400, "peer up", Input::Peer { node, link: up });
        }
        self.after(5, Coming::News);
    }

    fn delta(&mut self, node: usize) -> AdvertDelta {
        let (busy, waiting) = (self.roll(5), self.roll(4));
        let advert = &mut self.nodes[node];
        advert.sequence += 1;
        let state = ModelState::Loaded { slots: 4, busy: u16::try_from(busy).expect("small") };
        let interactive = u32::try_from(waiting).expect("small");
        AdvertDelta {
            node: advert.node,
            incarnation: 1,
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

    /// Three of four jobs want the model that all hold. A chat of a few turns whose beginning lies
    /// in the caches of some nodes.
    fn need(&mut self) -> Need {
        let model = if self.roll(4) < 3 { 0 } else { self.roll(NAMES) };
        let chat = self.roll(1_000) as u64 * 64;
        Need {
            kind: JobKind::Chat,
            model: model_name(model),
            file: None,
            capabilities: Capabilities { generate: true, ..Capabilities::default() },
            person: PersonId([u8::try_from(self.roll(30)).expect("small"); 16]),
            priority: Priority::Interactive,
            constraints: Constraints::default(),
            prompt_tokens: 400,
            max_tokens: Some(200),
            prefix: (chat..chat + 24).collect(),
        }
    }
}

fn empty() -> Scheduler {
    Scheduler::new(node_id(0), Config::default(), 1, Time::START)
}

fn node_id(number: usize) -> NodeId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    NodeId(id)
}

fn model_name(number: usize) -> ModelName {
    format!("family/model-{number}-instruct:q4_0").parse().expect("a model name")
}

fn advert(number: usize) -> NodeAdvert {
    let models =
        (0..HELD).map(|n| model(if n == 0 { 0 } else { (number * 7 + n * 3) % NAMES }, number));
    let mut models: Vec<ModelAdvert> = models.collect();
    models.dedup_by_key(|m| m.name.clone());
    NodeAdvert {
        node: node_id(number),
        incarnation: 1,
        sequence: 1,
        name: "node".parse().expect("a node name"),
        version: "0.1.0".to_owned(),
        platform: "linux x86_64".to_owned(),
        devices: Vec::new(),
        memory_total: 64 << 30,
        memory_free: 8 << 30,
        engines: vec![EngineKind::Llama],
        models,
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: (0..384).map(|n| ((number * 131 + n) % 64_000) as u64).collect(),
    }
}

fn model(name: usize, node: usize) -> ModelAdvert {
    let speed = u32::try_from(node % 25 + 1).expect("small");
    ModelAdvert {
        name: model_name(name),
        file: BlobId([u8::try_from(name).expect("small"); 32]),
        size: 1 << 30,
        engine: EngineKind::Llama,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        context: 4_096,
        state: if name == 0 { ModelState::Loaded { slots: 4, busy: 0 } } else { ModelState::Held },
        memory: 1 << 30,
        prefill: Rate(speed * 200_000),
        decode: Rate(speed * 10_000),
        load_ms: 2_000,
        usual_tokens: 120,
    }
}

fn main() {
    let counts = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(200);
    let mut bench = Bench::new(counts);
    bench.run();
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").expect("standard output takes a line");
    say(format!("one input of a scheduler in a mesh of {counts} nodes, in µs"));
    say(format!("{:<14}{:>7}{:>9}{:>9}{:>9}", "input", "number", "p50", "p99", "most"));
    for (kind, times) in &mut bench.times {
        times.sort_unstable();
        let at = |permille: usize| times[(times.len() - 1) * permille / 1_000] as f64 / 1_000.0;
        let (number, p50, p99, most) = (times.len(), at(500), at(990), at(1_000));
        say(format!("{kind:<14}{number:>7}{p50:>9.1}{p99:>9.1}{most:>9.1}"));
    }
}

//! A few schedulers on a virtual network with modelled engines, driven by a line of text each.
//! Everything takes the time that the line says; what happens is written down as a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, Epoch, PersonId};
use pumasi_protocol::{
    Admission, AttemptId, Bid, Capabilities, Constraints, Control, Device, DeviceKind, EngineKind,
    Fault, JobId, JobKind, JobState, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId,
    NodeState, Offer, Priority, Rate, Refusal, Tempo, Timings, Trust, Usage,
};
use pumasi_scheduler::{
    Action, Answer, Config, DeskState, Input, Link, LoadedFacts, MemberFacts, Outcome, Scheduler,
    Time, Verdict, Yield,
};

const GIB: u64 = 1 << 30;

/// What will happen to a node.
#[derive(Debug, Clone)]
enum Event {
    Input(Input),
    /// An engine has done an attempt's work.
    Work(AttemptId),
}

struct Machine {
    name: String,
    scheduler: Scheduler,
    advert: NodeAdvert,
    memory: u64,
    facts: MemberFacts,
    alive: bool,
    /// Attempts whose stream is open or whose work is at hand, and those told to run.
    at_hand: BTreeSet<AttemptId>,
    told: BTreeMap<AttemptId, NodeId>,
    /// Attempts whose stream is accepted, and those whose engine has begun.
    expected: BTreeMap<AttemptId, NodeId>,
    begun: BTreeSet<AttemptId>,
    /// Those whose engine pauses, and the work that each has left, in milliseconds.
    paused: BTreeMap<AttemptId, u64>,
    /// Ends here at the next load.
    load_fault: Option<Fault>,
}

/// The world of one scenario.
pub(crate) struct World {
    now: Time,
    machines: Vec<Machine>,
    queue: BTreeMap<(Time, u64), (NodeId, Event)>,
    counter: u64,
    needs: BTreeMap<JobId, (String, Need)>,
    drops: Vec<(String, String, String)>,
    delays: BTreeMap<(NodeId, NodeId), u64>,
    config: Config,
    trace: String,
}

/// Runs a scenario; returns its trace.
pub(crate) fn run(scenario: &str) -> String {
    let mut world = World {
        now: Time::START,
        machines: Vec::new(),
        queue: BTreeMap::new(),
        counter: 0,
        needs: BTreeMap::new(),
        drops: Vec::new(),
        delays: BTreeMap::new(),
        config: Config::default(),
        trace: String::new(),
    };
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        world.command(&Line { words });
    }
    world.trace
}

/// One command: its words, some of them `key=value` or flags.
struct Line<'a> {
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn word(&self, index: usize) -> &'a str {
        self.words.get(index).copied().unwrap_or_else(|| panic!("{:?} is too short", self.words))
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.value(key).map(|text| text.parse().expect("a number"))
    }

    fn flag(&self, name: &str) -> bool {
        self.words.contains(&name)
    }
}

fn id_of(name: &str) -> NodeId {
    let mut id = [0; 32];
    id[..name.len()].copy_from_slice(name.as_bytes());
    NodeId(id)
}

fn person_of(name: &str) -> PersonId {
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    PersonId(id)
}

fn job_of(name: &str) -> JobId {
    let number = name.trim_start_matches('j').trim_end_matches('h');
    let number: u64 = number.parse().expect("jobs are j1, j2, …, hedges j1h, j2h, …");
    let job = JobId::from_parts(number, [0; 10]);
    if name.ends_with('h') { job.twin() } else { job }
}

fn model_of(name: &str) -> ModelName {
    name.parse().expect("a model name")
}

impl World {
    fn command(&mut self, line: &Line<'_>) {
        match line.word(0) {
            "config" => self.configure(line),
            "node" => self.add_node(line),
            "model" => self.add_model(line),
            "start" => self.start(),
            "gossip" => self.gossip(),
            "submit" => self.submit(line),
            "cancel" => {
                let job = job_of(line.word(2));
                self.input(line.word(1), Input::Cancel { job });
            }
            "run" => self.advance(line.word(1).parse().expect("milliseconds")),
            "kill" => self.kill(line.word(1)),
            "cut" => self.cut(line.word(1), line.word(2)),
            "join" => self.join(line.word(1), line.word(2)),
            "drop" => {
                let words = [1, 2, 3].map(|i| line.word(i).to_owned());
                let [from, to, kind] = words;
                self.drops.push((from, to, kind));
            }
            "delay" => {
                let ms = line.word(3).parse().expect("milliseconds");
                self.delays.insert((id_of(line.word(1)), id_of(line.word(2))), ms);
            }
            "say" => self.say(line),
            "desk" => self.set_desk(line.word(1), line.word(2)),
            "tell" => self.tell_state(line.word(1)),
            "admission" => self.set_admission(line.word(1), line.word(2)),
            "crash" => self.crash(line.word(1), line.word(2)),
            "engine-dies" => self.end_engine(line.word(1), line.word(2)),
            "begun" => self.begin_answer(line),
            "spoil" => self.machine(line.word(1)).load_fault = Some(Fault::ModelDamaged),
            "expel" => self.expel(line.word(1)),
            "preload" => {
                let model = model_of(line.word(2));
                self.input(line.word(1), Input::Preload { model });
            }
            "why" => self.print_why(line.word(1), line.word(2)),
            "idle" => self.print_idle(),
            other => panic!("unknown command {other}"),
        }
    }

    fn configure(&mut self, line: &Line<'_>) {
        let config = &mut self.config;
        config.local_permille = line.number("local_permille").unwrap_or(config.local_permille);
        config.starving_ms = line.number("starving_ms").unwrap_or(config.starving_ms);
        let deadline = line.number("queue_deadline_ms");
        config.queue_deadline_ms = deadline.unwrap_or(config.queue_deadline_ms);
        config.hedge_permille = line.number("hedge_permille").unwrap_or(config.hedge_permille);
        config.renew_ms = line.number("renew_ms").unwrap_or(config.renew_ms);
        let reservation = line.number("reservation_ms");
        config.reservation_ms = reservation.unwrap_or(config.reservation_ms);
        config.yields = match line.value("yields") {
            None => config.yields,
            Some("pause") => Yield::Pause,
            Some("slow") => Yield::Slow,
            Some(other) => panic!("unknown policy {other}"),
        };
    }

    fn add_node(&mut self, line: &Line<'_>) {
        let name = line.word(1);
        let memory = u64::from(line.number("memory").unwrap_or(16)) * GIB;
        let device = Device {
            name: "cpu".to_owned(),
            kind: DeviceKind::Cpu,
            backend: "CPU".to_owned(),
            memory_total: memory,
            memory_free: memory,
        };
        let advert = NodeAdvert {
            node: id_of(name),
            incarnation: 1,
            sequence: 1,
            name: name.parse().expect("a node name"),
            version: "0".to_owned(),
            platform: "test".to_owned(),
            devices: vec![device],
            memory_total: memory,
            memory_free: memory,
            engines: vec![EngineKind::Llama],
            models: Vec::new(),
            queue: Queue::default(),
            admission: Admission::Accepting,
            data: Vec::new(),
            prefixes: Vec::new(),
        };
        self.machines.push(Machine {
            name: name.to_owned(),
            scheduler: Scheduler::new(id_of(name), self.config.clone(), 1, self.now),
            advert,
            memory,
            facts: MemberFacts {
                person: line.value("person").map(person_of),
                may_run: !line.flag("submit-only"),
                may_submit: !line.flag("worker-only"),
            },
            alive: true,
            at_hand: BTreeSet::new(),
            told: BTreeMap::new(),
            expected: BTreeMap::new(),
            begun: BTreeSet::new(),
            paused: BTreeMap::new(),
            load_fault: None,
        });
    }

    fn add_model(&mut self, line: &Line<'_>) {
        let name = line.word(2);
        let slots = u16::try_from(line.number("slots").unwrap_or(1)).expect("a small number");
        let loaded = ModelState::Loaded { slots, busy: 0 };
        let capabilities =
            Capabilities { generate: true, tools: !line.flag("plain"), ..Capabilities::default() };
        let model = ModelAdvert {
            name: model_of(name),
            file: BlobId([name.as_bytes()[0]; 32]),
            size: GIB,
            engine: EngineKind::Llama,
            capabilities,
            context: line.number("context").unwrap_or(4_096),
            state: if line.flag("loaded") { loaded } else { ModelState::Held },
            memory: u64::from(line.number("size").unwrap_or(1)) * GIB,
            prefill: Rate(line.number("prefill").unwrap_or(1_000) * 1_000),
            decode: Rate(line.number("decode").unwrap_or(100) * 1_000),
            load_ms: line.number("load").unwrap_or(3_000),
            usual_tokens: line.number("usual").unwrap_or(100),
        };
        self.machine(line.word(1)).advert.models.push(model);
    }

    fn start(&mut self) {
        let members: BTreeMap<_, _> =
            self.machines.iter().map(|m| (m.advert.node, m.facts)).collect();
        let names: Vec<String> = self.machines.iter().map(|m| m.name.clone()).collect();
        for name in &names {
            self.input(name, Input::Roster { members: members.clone() });
            self.tell_local(name);
            for peer in names.iter().filter(|peer| *peer != name) {
                let link = Link::Up { rtt_us: 2_000 };
                self.input(name, Input::Peer { node: id_of(peer), link });
            }
        }
        self.gossip();
    }

    fn tell_local(&mut self, name: &str) {
        let machine = self.machine(name);
        let (advert, model_memory) = (Box::new(machine.advert.clone()), machine.memory);
        self.input(name, Input::Local { advert, model_memory });
    }

    /// Everybody hears everybody's present advert.
    fn gossip(&mut self) {
        let living = self.machines.iter_mut().filter(|m| m.alive);
        let adverts: Vec<NodeAdvert> = living
            .filter_map(|m| {
                m.advert.sequence += 1;
                let mut advert = m.scheduler.view().advert()?;
                advert.sequence = m.advert.sequence;
                Some(advert)
            })
            .collect();
        for name in self.machines.iter().map(|m| m.name.clone()).collect::<Vec<_>>() {
            for advert in adverts.iter().filter(|a| a.node != id_of(&name)) {
                self.input(&name, Input::Advert(Box::new(advert.clone())));
            }
        }
    }

    fn submit(&mut self, line: &Line<'_>) {
        let nodes = |key: &str| -> Vec<NodeId> {
            line.value(key).map(|names| names.split(',').map(id_of).collect()).unwrap_or_default()
        };
        let need = Need {
            kind: JobKind::Chat,
            model: model_of(line.word(3)),
            file: None,
            capabilities: Capabilities {
                generate: true,
                tools: line.flag("tools"),
                ..Capabilities::default()
            },
            person: person_of(line.value("person").unwrap_or("kim")),
            priority: if line.flag("batch") { Priority::Batch } else { Priority::Interactive },
            constraints: Constraints {
                only: nodes("only"),
                not: nodes("not"),
                local_only: line.flag("local"),
                trust: if line.flag("mine") { Trust::Mine } else { Trust::Mesh },
            },
            prompt_tokens: line.number("prompt").unwrap_or(100),
            max_tokens: line.number("max"),
            prefix: Vec::new(),
        };
        let (name, job) = (line.word(2), job_of(line.word(2)));
        self.needs.insert(job, (name.to_owned(), need.clone()));
        self.input(line.word(1), Input::Submit { job, need: Box::new(need), floor: Epoch(0) });
    }

    /// A message out of the blue, as from a node that missed something.
    fn say(&mut self, line: &Line<'_>) {
        let (from, to) = (line.word(1), line.word(2));
        let epoch = Epoch(line.number("epoch").unwrap_or(1));
        let attempt = AttemptId { job: job_of(line.word(4)), epoch };
        let bid = Bid { start_ms: 0, load_ms: 0, cached_tokens: 0, finish_ms: 1, valid_ms: 1_000 };
        let control = match line.word(3) {
            "claim" => Control::Claim { attempt },
            "bind" => Control::Bind { attempt },
            "gone" => Control::Gone { attempt },
            "bid" => Control::Bid { attempt, bid },
            "offer" => {
                let need = self.needs[&attempt.job].1.clone();
                Control::Offer(Box::new(Offer { attempt, need, alone: line.flag("alone") }))
            }
            other => panic!("unknown message {other}"),
        };
        self.log(&format!("{from}>{to} {}", self.describe(&control)));
        self.input(to, Input::Message { from: id_of(from), control });
    }

    fn set_admission(&mut self, name: &str, admission: &str) {
        self.machine(name).advert.admission = match admission {
            "accepting" => Admission::Accepting,
            "owner-busy" => Admission::OwnerBusy,
            "paused" => Admission::Paused,
            "draining" => Admission::Draining,
            other => panic!("unknown admission {other}"),
        };
        self.tell_local(name);
    }

    /// Everybody hears the state of one, which builds on its last advert.
    fn tell_state(&mut self, name: &str) {
        let machine = self.machine(name);
        let base = machine.advert.sequence;
        machine.advert.sequence += 1;
        let advert = machine.scheduler.view().advert().expect("it has started");
        let state = NodeState::of(&NodeAdvert { sequence: base + 1, ..advert }, base, &[]);
        for other in self.machines.iter().map(|m| m.name.clone()).collect::<Vec<_>>() {
            if other != name {
                let (node, state) = (id_of(name), Box::new(state.clone()));
                self.input(&other, Input::State { node, state });
            }
        }
    }

    fn set_desk(&mut self, name: &str, state: &str) {
        let state = match state {
            "free" => DeskState::Free,
            "in-use" => DeskState::InUse,
            "closed" => DeskState::Closed,
            other => panic!("unknown desk {other}"),
        };
        self.input(name, Input::Desk { state });
    }

    /// A paused engine does nothing; slowed ones are modelled at full tempo.
    fn set_tempo(&mut self, name: &str, attempt: AttemptId, tempo: Tempo) {
        self.log(&format!("{name} sets {} to {tempo:?}", self.attempt(attempt)));
        let (now, me) = (self.now, id_of(name));
        let work = |(_, (node, event)): &(&(Time, u64), &(NodeId, Event))| {
            *node == me && matches!(event, Event::Work(of) if *of == attempt)
        };
        match tempo {
            Tempo::Paused => {
                if let Some(key) = self.queue.iter().find(work).map(|(key, _)| *key) {
                    self.queue.remove(&key);
                    let left = key.0.ms_since(now);
                    self.machine(name).paused.insert(attempt, left);
                }
            }
            Tempo::Full | Tempo::Slow => {
                if let Some(left) = self.machine(name).paused.remove(&attempt) {
                    self.later(left, me, Event::Work(attempt));
                }
            }
        }
    }

    fn kill(&mut self, name: &str) {
        self.machine(name).alive = false;
        self.log(&format!("{name} dies"));
        self.lose(name, None);
    }

    /// Two nodes lose sight of each other; streams between them break.
    fn cut(&mut self, a: &str, b: &str) {
        self.log(&format!("{a} and {b} are cut"));
        self.lose(a, Some(b));
        self.lose(b, Some(a));
    }

    /// They see each other again.
    fn join(&mut self, a: &str, b: &str) {
        self.log(&format!("{a} and {b} meet again"));
        for (name, peer) in [(a, b), (b, a)] {
            let link = Link::Up { rtt_us: 2_000 };
            self.input(name, Input::Peer { node: id_of(peer), link });
        }
    }

    /// The others (or only `to`) find out that `name` is down.
    fn lose(&mut self, name: &str, to: Option<&str>) {
        let others = self.machines.iter().filter(|m| m.alive && m.name != name);
        let others = others.filter(|m| to.is_none_or(|to| m.name == to));
        for other in others.map(|m| m.name.clone()).collect::<Vec<_>>() {
            let node = id_of(name);
            self.input(&other, Input::Peer { node, link: Link::Down });
            for attempt in self.attempts_between(&other, node) {
                let outcome = Outcome::Failed(Fault::Connection);
                self.input(&other, Input::AttemptEnded { attempt, outcome });
            }
            self.lose_owner(&other, node);
        }
    }

    /// The streams that `owner` opened to an executor break.
    fn lose_owner(&mut self, executor: &str, owner: NodeId) {
        let expected = self.machine(executor).expected.clone();
        for (attempt, _) in expected.into_iter().filter(|(_, of)| *of == owner) {
            let machine = self.machine(executor);
            machine.expected.remove(&attempt);
            if machine.at_hand.contains(&attempt) {
                self.end_work(executor, attempt, owner, Some(Fault::Connection));
            }
        }
    }

    fn attempts_between(&self, owner: &str, executor: NodeId) -> Vec<AttemptId> {
        let owner = self.machines.iter().find(|m| m.name == owner).expect("a known node");
        let view = owner.scheduler.view();
        let bound = view.jobs().into_iter().filter_map(|why| {
            let last =
                why.attempts.last().filter(|a| a.executor == executor && a.ended.is_none())?;
            Some(AttemptId { job: why.job, epoch: last.epoch })
        });
        bound.collect()
    }

    /// The engine crashes under every attempt of a job on a node.
    fn crash(&mut self, name: &str, job: &str) {
        let job = job_of(job);
        let told = self.machine(name).told.clone();
        for (attempt, owner) in told.into_iter().filter(|(a, _)| a.job == job) {
            self.end_work(name, attempt, owner, Some(Fault::EngineCrash));
        }
    }

    /// The engine of a model dies under everything that runs in it.
    fn end_engine(&mut self, name: &str, model: &str) {
        self.log(&format!("{name}'s engine of {model} dies"));
        let model = model_of(model);
        let told = self.machine(name).told.clone();
        for (attempt, owner) in told {
            if self.needs[&attempt.job].1.model == model {
                self.end_work(name, attempt, owner, Some(Fault::EngineCrash));
            }
        }
        self.input(name, Input::ModelUnloaded { model });
    }

    /// The first tokens of a job's present attempt have come to its owner.
    fn begin_answer(&mut self, line: &Line<'_>) {
        let (name, job) = (line.word(1), job_of(line.word(2)));
        let why = self.machine_ref(name).scheduler.view().why(job).cloned();
        let epoch = why.and_then(|why| Some(why.attempts.last()?.epoch)).expect("it is bound");
        let attempt = AttemptId { job, epoch };
        let model = &self.needs[&job].1.model;
        let file = Some(BlobId([model.as_str().as_bytes()[0]; 32]));
        let patience_ms = line.number("patience").expect("milliseconds");
        self.input(name, Input::AnswerBegun { attempt, file, patience_ms });
    }

    fn expel(&mut self, name: &str) {
        let members: BTreeMap<_, _> = self
            .machines
            .iter()
            .filter(|m| m.name != name)
            .map(|m| (m.advert.node, m.facts))
            .collect();
        self.log(&format!("{name} is expelled"));
        for other in self.machines.iter().map(|m| m.name.clone()).collect::<Vec<_>>() {
            if other != name {
                self.input(&other, Input::Roster { members: members.clone() });
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        let end = self.now.after_ms(ms);
        loop {
            let next_event = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timers = self.machines.iter().filter(|m| m.alive);
            let next_timer =
                timers.filter_map(|m| Some((m.scheduler.next_timeout()?.0, m.advert.node))).min();
            let event_first = next_event.is_some_and(|at| next_timer.is_none_or(|(t, _)| at <= t));
            if event_first {
                let ((at, _), (node, event)) = self.queue.pop_first().expect("there is one");
                if at > end {
                    self.queue.insert((at, 0), (node, event));
                    break;
                }
                self.now = self.now.max(at);
                self.on_event(node, event);
            } else if let Some((at, node)) = next_timer.filter(|(at, _)| *at <= end) {
                self.now = self.now.max(at);
                let now = self.now;
                let name = self.name(node);
                self.machine(&name).scheduler.handle_timeout(now);
                self.perform(&name);
            } else {
                break;
            }
        }
        self.now = end;
    }

    fn on_event(&mut self, node: NodeId, event: Event) {
        let name = self.name(node);
        if !self.machine(&name).alive {
            return;
        }
        match event {
            Event::Input(Input::StreamOpened { from, attempt }) => {
                self.machine(&name).at_hand.insert(attempt);
                self.input(&name, Input::StreamOpened { from, attempt });
                if self.machine(&name).expected.contains_key(&attempt) {
                    self.begin(&name, attempt);
                } else {
                    self.machine(&name).at_hand.remove(&attempt);
                    let fault = Fault::Refused(Refusal::Stale);
                    self.tell_end(node, from, attempt, Outcome::Failed(fault));
                }
            }
            Event::Input(input) => self.input(&name, input),
            Event::Work(attempt) => {
                if let Some(owner) = self.machine(&name).told.get(&attempt).copied() {
                    self.end_work(&name, attempt, owner, None);
                }
            }
        }
    }

    fn input(&mut self, name: &str, input: Input) {
        let now = self.now;
        let machine = self.machine(name);
        if machine.alive {
            machine.scheduler.handle(now, input);
            self.perform(name);
        }
    }

    fn perform(&mut self, name: &str) {
        while let Some(action) = self.machine(name).scheduler.poll_action() {
            self.perform_one(name, action);
        }
    }

    fn perform_one(&mut self, name: &str, action: Action) {
        let me = id_of(name);
        match action {
            Action::Send { to, control } => self.send(name, to, control),
            Action::Dispatch { attempt, executor, .. } => {
                self.log(&format!(
                    "{name} dispatches {} to {}",
                    self.attempt(attempt),
                    self.name(executor)
                ));
                if executor == me {
                    self.machine(name).at_hand.insert(attempt);
                } else {
                    let event = Event::Input(Input::StreamOpened { from: me, attempt });
                    self.later(self.delay(me, executor) + 1, executor, event);
                }
            }
            Action::Hedge { job, hedge } => {
                let (name_of_job, need) = self.needs[&job].clone();
                self.needs.insert(hedge, (format!("{name_of_job}h"), need));
                self.log(&format!("{name} hedges {name_of_job}"));
            }
            Action::CancelAttempt { attempt, executor } => {
                self.log(&format!(
                    "{name} cancels {} at {}",
                    self.attempt(attempt),
                    self.name(executor)
                ));
            }
            Action::JobState { job, state } => {
                let text = self.state(&state);
                self.log(&format!("{name} {} {text}", self.job(job)));
            }
            Action::Expect { attempt, owner } => {
                self.machine(name).expected.insert(attempt, owner);
                self.log(&format!(
                    "{name} expects {} of {}",
                    self.attempt(attempt),
                    self.name(owner)
                ));
            }
            Action::Run { attempt, owner, .. } => {
                self.machine(name).told.insert(attempt, owner);
                self.begin(name, attempt);
            }
            Action::SetTempo { attempt, tempo } => self.set_tempo(name, attempt, tempo),
            Action::Stop { attempt, fault } => {
                self.log(&format!("{name} stops {}", self.attempt(attempt)));
                let machine = self.machine(name);
                let expected = machine.expected.remove(&attempt);
                if let Some(owner) = machine.told.get(&attempt).copied() {
                    self.end_work(name, attempt, owner, Some(fault));
                } else {
                    let owner = expected.unwrap_or(me);
                    self.tell_end(me, owner, attempt, Outcome::Failed(fault));
                }
            }
            Action::Load { model } => self.load(name, model),
            Action::Unload { model } => {
                self.log(&format!("{name} unloads {model}"));
                self.later(10, me, Event::Input(Input::ModelUnloaded { model }));
            }
        }
    }

    fn load(&mut self, name: &str, model: ModelName) {
        self.log(&format!("{name} loads {model}"));
        let machine = self.machine(name);
        let held = machine.advert.models.iter().find(|m| m.name == model).expect("it holds it");
        let facts = LoadedFacts {
            slots: 2,
            context: held.context,
            memory: held.memory,
            prefill: held.prefill,
            decode: held.decode,
            load_ms: held.load_ms,
        };
        let ms = u64::from(held.load_ms);
        let input = match machine.load_fault.take() {
            None => Input::ModelLoaded { model, facts },
            Some(fault) => Input::LoadFailed { model, fault },
        };
        self.later(ms, id_of(name), Event::Input(input));
    }

    fn send(&mut self, name: &str, to: NodeId, control: Control) {
        let to_name = self.name(to);
        let text = self.describe(&control);
        let kind = text.split_whitespace().next().unwrap_or("").to_owned();
        let drop = (name.to_owned(), to_name.clone(), kind);
        if let Some(index) = self.drops.iter().position(|d| *d == drop) {
            self.drops.remove(index);
            return self.log(&format!("{name}>{to_name} {text} (lost)"));
        }
        self.log(&format!("{name}>{to_name} {text}"));
        let from = id_of(name);
        let event = Event::Input(Input::Message { from, control });
        self.later(self.delay(from, to), to, event);
    }

    /// Starts an engine once its slot and its work are there.
    fn begin(&mut self, name: &str, attempt: AttemptId) {
        let machine = self.machine(name);
        let ready = machine.at_hand.contains(&attempt) && machine.told.contains_key(&attempt);
        if !ready || !machine.begun.insert(attempt) {
            return;
        }
        let owner = machine.told[&attempt];
        let model = &self.needs[&attempt.job].1.model;
        let held = self.machine_ref(name).advert.models.iter().find(|m| m.name == *model);
        let held = held.expect("it holds the model");
        let need = &self.needs[&attempt.job].1;
        let read = held.prefill.micros_for(need.prompt_tokens).expect("a rate");
        let written = held.decode.micros_for(need.max_tokens.unwrap_or(100)).expect("a rate");
        self.log(&format!("{name} runs {}", self.attempt(attempt)));
        let ms = self.delay(id_of(name), owner);
        self.later(ms, owner, Event::Input(Input::AttemptStarted { attempt }));
        self.later((read + written) / 1_000, id_of(name), Event::Work(attempt));
    }

    fn end_work(&mut self, name: &str, attempt: AttemptId, owner: NodeId, fault: Option<Fault>) {
        let machine = self.machine(name);
        machine.told.remove(&attempt);
        machine.expected.remove(&attempt);
        machine.at_hand.remove(&attempt);
        let need = &self.needs[&attempt.job].1;
        let usage = Usage {
            prompt: need.prompt_tokens,
            cached: 0,
            completion: need.max_tokens.unwrap_or(100),
        };
        let timings = Timings { queued_us: 0, prefill_us: 100_000, decode_us: 1_000_000 };
        let outcome = match &fault {
            None => Outcome::Completed { usage, timings },
            Some(fault) => Outcome::Failed(fault.clone()),
        };
        let me = id_of(name);
        self.tell_end(me, owner, attempt, outcome);
        self.input(name, Input::ExecutorDone { attempt, usage, timings, fault });
    }

    fn tell_end(&mut self, from: NodeId, owner: NodeId, attempt: AttemptId, outcome: Outcome) {
        let event = Event::Input(Input::AttemptEnded { attempt, outcome });
        self.later(self.delay(from, owner), owner, event);
    }

    fn print_why(&mut self, name: &str, job: &str) {
        let why = self.machine_ref(name).scheduler.view().why(job_of(job)).cloned();
        let why = why.expect("the job is known");
        for c in &why.candidates {
            let verdict = match &c.verdict {
                Verdict::Scored(s) => format!(
                    "wait {} load {} prefill {} cached {} decode {} network {} penalty {} = {}",
                    s.wait_ms,
                    s.load_ms,
                    s.prefill_ms,
                    s.cached_ms,
                    s.decode_ms,
                    s.network_ms,
                    s.penalty_ms,
                    s.total_ms()
                ),
                Verdict::Refused(refusal) => refusal_word(refusal),
            };
            let answer = match &c.answer {
                Answer::NotAsked => "not asked".to_owned(),
                Answer::Asked => "asked".to_owned(),
                Answer::Bid(bid) => format!("bid {}", bid.finish_ms),
                Answer::Refused(refusal) => refusal_word(refusal),
                Answer::Silent => "silent".to_owned(),
            };
            let text = format!("  {}: {verdict}; {answer}", self.name(c.node));
            self.log(&text);
        }
        for a in &why.attempts {
            let alone = if a.alone { ", alone" } else { "" };
            let name = self.name(a.executor);
            let text = format!("  epoch {} on {name}: {:?}{alone}", a.epoch.0, a.reason);
            self.log(&text);
        }
    }

    fn print_idle(&mut self) {
        let living = self.machines.iter().filter(|m| m.alive);
        let busy: Vec<&str> =
            living.filter(|m| !m.scheduler.view().is_idle()).map(|m| m.name.as_str()).collect();
        let text = if busy.is_empty() { "all idle".to_owned() } else { format!("busy: {busy:?}") };
        self.log(&text);
    }

    fn describe(&self, control: &Control) -> String {
        match control {
            Control::Offer(offer) => {
                let alone = if offer.alone { " alone" } else { "" };
                format!("offer {}{alone}", self.attempt(offer.attempt))
            }
            Control::Bid { attempt, bid } => {
                let (start, end) = (bid.start_ms, bid.finish_ms);
                format!("bid {} start {start} end {end}", self.attempt(*attempt))
            }
            Control::Refuse { attempt, refusal } => {
                format!("refuse {} {}", self.attempt(*attempt), refusal_word(refusal))
            }
            Control::Claim { attempt } => format!("claim {}", self.attempt(*attempt)),
            Control::Bind { attempt } => format!("bind {}", self.attempt(*attempt)),
            Control::Gone { attempt } => format!("gone {}", self.attempt(*attempt)),
            Control::Unbound { attempt, refusal } => {
                format!("unbound {} {}", self.attempt(*attempt), refusal_word(refusal))
            }
            Control::Idle => "idle".to_owned(),
        }
    }

    fn state(&self, state: &JobState) -> String {
        match state {
            JobState::Waiting => "waits".to_owned(),
            JobState::Bound(node) => format!("bound to {}", self.name(*node)),
            JobState::Running(node) => format!("running on {}", self.name(*node)),
            JobState::Completed(node) => format!("completed on {}", self.name(*node)),
            JobState::Failed(fault) => format!("failed: {}", fault.code()),
            JobState::Cancelled => "cancelled".to_owned(),
        }
    }

    fn log(&mut self, text: &str) {
        writeln!(self.trace, "{:<5} {text}", self.now.0 / 1_000).expect("strings take all");
    }

    fn later(&mut self, ms: u64, node: NodeId, event: Event) {
        self.counter += 1;
        self.queue.insert((self.now.after_ms(ms), self.counter), (node, event));
    }

    fn delay(&self, from: NodeId, to: NodeId) -> u64 {
        if from == to { 0 } else { self.delays.get(&(from, to)).copied().unwrap_or(1) }
    }

    fn machine(&mut self, name: &str) -> &mut Machine {
        self.machines.iter_mut().find(|m| m.name == name).expect("a known node")
    }

    fn machine_ref(&self, name: &str) -> &Machine {
        self.machines.iter().find(|m| m.name == name).expect("a known node")
    }

    fn name(&self, node: NodeId) -> String {
        let machine = self.machines.iter().find(|m| m.advert.node == node);
        machine.map_or_else(|| node.short(), |m| m.name.clone())
    }

    fn job(&self, job: JobId) -> String {
        self.needs.get(&job).map_or_else(|| job.short(), |(name, _)| name.clone())
    }

    fn attempt(&self, attempt: AttemptId) -> String {
        format!("{}.{}", self.job(attempt.job), attempt.epoch.0)
    }
}

fn refusal_word(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Context { needed, available } => format!("context {needed}>{available}"),
        Refusal::Memory { needed, available } => {
            format!("memory {}>{}", needed / GIB, available / GIB)
        }
        Refusal::NotMember
        | Refusal::Role
        | Refusal::ModelAbsent
        | Refusal::EngineAbsent
        | Refusal::Capability
        | Refusal::QueueFull
        | Refusal::OwnerBusy
        | Refusal::Paused
        | Refusal::Excluded
        | Refusal::Stale
        | Refusal::Unsupported => format!("{refusal:?}"),
    }
}

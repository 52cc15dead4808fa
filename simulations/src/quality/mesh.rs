//! The real schedulers, one on each machine, joined by a modelled network and modelled engines.

use std::collections::BTreeMap;

use pumasi_protocol::{AttemptId, Control, Epoch, Fault, JobId, NodeId, Usage};
use pumasi_scheduler::{Action, Config, Input, Link, Outcome as AttemptOutcome, Time};

use super::load::Case;
use super::outcome::Outcome;
use super::queue::Events;

mod node;

use node::{News, Node};

pub(super) use node::model_name;

enum Event {
    Arrive(usize),
    Message { from: usize, to: usize, control: Box<Control> },
    Opened { from: usize, to: usize, attempt: AttemptId },
    Cancelled { to: usize, attempt: AttemptId },
    Started { to: usize, attempt: AttemptId },
    Ended { to: usize, attempt: AttemptId, outcome: AttemptOutcome },
    End(usize, u64),
    Loaded(usize, usize),
    Unloaded(usize, usize),
    Gossip(usize),
    Heard(usize, Box<News>),
    Timeout(usize),
}

struct World<'a> {
    case: &'a Case,
    now: u64,
    nodes: Vec<Node>,
    by_id: BTreeMap<NodeId, usize>,
    events: Events<Event>,
    jobs: BTreeMap<JobId, usize>,
    first_us: Vec<u64>,
    ended_us: Vec<u64>,
    left: usize,
    offers: u64,
    messages: u64,
    work_us: f64,
    wasted_us: f64,
    prompt_tokens: u64,
    hit_tokens: u64,
}

pub(super) fn run(case: &Case, config: &Config) -> Outcome {
    let mut world = World::new(case, config);
    world.meet();
    while world.left > 0
        && let Some((now, event)) = world.events.pop()
    {
        world.now = now;
        world.on_event(event);
    }
    world.outcome()
}

impl<'a> World<'a> {
    fn new(case: &'a Case, config: &Config) -> Self {
        let nodes: Vec<Node> =
            (0..case.machines.len()).map(|index| Node::new(case, index, config)).collect();
        let count = case.tasks.len();
        Self {
            case,
            now: 0,
            by_id: nodes.iter().enumerate().map(|(index, node)| (node.id, index)).collect(),
            nodes,
            events: Events::new(),
            jobs: (0..count).map(|task| (node::job_id(task), task)).collect(),
            first_us: vec![0; count],
            ended_us: vec![0; count],
            left: count,
            offers: 0,
            messages: 0,
            work_us: 0.0,
            wasted_us: 0.0,
            prompt_tokens: 0,
            hit_tokens: 0,
        }
    }

    /// Everybody knows everybody before the first job comes.
    fn meet(&mut self) {
        let members = node::members(&self.nodes);
        let rtt_us = u32::try_from(2 * self.case.delay_us).unwrap_or(u32::MAX);
        for index in 0..self.nodes.len() {
            self.input(index, Input::Roster { members: members.clone() });
            let (advert, model_memory) = self.nodes[index].local(self.case);
            self.input(index, Input::Local { advert: Box::new(advert), model_memory });
        }
        for from in 0..self.nodes.len() {
            let News::Full(advert) = self.nodes[from].first_news() else { continue };
            for to in (0..self.nodes.len()).filter(|to| *to != from) {
                let node = self.nodes[from].id;
                self.input(to, Input::Peer { node, link: Link::Up { rtt_us } });
                self.input(to, Input::Advert(advert.clone()));
            }
            let phase = crate::chance::hash(&[self.case.seed, from as u64]) % self.case.gossip_us;
            self.events.at(phase, Event::Gossip(from));
        }
        for (index, task) in self.case.tasks.iter().enumerate() {
            self.events.at(task.at_us, Event::Arrive(index));
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Arrive(task) => {
                let owner = self.case.tasks[task].owner;
                let (job, need) = (node::job_id(task), Box::new(node::need(self.case, task)));
                self.input(owner, Input::Submit { job, need, floor: Epoch(0) });
            }
            Event::Message { from, to, control } => {
                let from = self.nodes[from].id;
                self.input(to, Input::Message { from, control: *control });
            }
            Event::Opened { from, to, attempt } => {
                self.nodes[to].at_hand.insert(attempt);
                let from = self.nodes[from].id;
                self.input(to, Input::StreamOpened { from, attempt });
                self.begin(to, attempt);
            }
            Event::Cancelled { to, attempt } => self.cancel(to, attempt),
            Event::Started { to, attempt } => self.on_started(to, attempt),
            Event::Ended { to, attempt, outcome } => {
                self.input(to, Input::AttemptEnded { attempt, outcome });
            }
            Event::End(index, generation) => self.on_end(index, generation),
            Event::Loaded(index, kind) => {
                let (model, facts) = self.nodes[index].loaded_facts(self.case, kind);
                self.input(index, Input::ModelLoaded { model, facts });
            }
            Event::Unloaded(index, kind) => {
                self.nodes[index].forget_cache();
                self.input(index, Input::ModelUnloaded { model: node::model_name(kind) });
            }
            Event::Gossip(index) => self.gossip(index),
            Event::Heard(from, news) => self.hear(from, &news),
            Event::Timeout(index) => {
                self.nodes[index].wakes_us = None;
                self.nodes[index].scheduler.handle_timeout(Time(self.now));
                self.perform(index);
            }
        }
    }

    fn gossip(&mut self, from: usize) {
        self.events.at(self.now + self.case.gossip_us, Event::Gossip(from));
        let news = self.nodes[from].news(self.now, self.case.digest_us);
        self.events.at(self.now + self.case.delay_us, Event::Heard(from, Box::new(news)));
    }

    fn hear(&mut self, from: usize, news: &News) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let input = match news {
                News::Full(advert) => Input::Advert(advert.clone()),
                News::Delta(delta) => Input::Delta(delta.clone()),
            };
            self.input(to, input);
        }
    }

    fn input(&mut self, index: usize, input: Input) {
        self.nodes[index].scheduler.handle(Time(self.now), input);
        self.perform(index);
    }

    fn perform(&mut self, index: usize) {
        while let Some(action) = self.nodes[index].scheduler.poll_action() {
            self.perform_one(index, action);
        }
        if let Some((at, _)) = self.nodes[index].scheduler.next_timeout()
            && self.nodes[index].wakes_us.is_none_or(|wakes| at.0 < wakes)
        {
            self.nodes[index].wakes_us = Some(at.0);
            self.events.at(at.0.max(self.now), Event::Timeout(index));
        }
    }

    fn perform_one(&mut self, index: usize, action: Action) {
        match action {
            Action::Send { to, control } => {
                let to = self.by_id[&to];
                self.messages += 1;
                self.offers += u64::from(matches!(control, Control::Offer(_)));
                let event = Event::Message { from: index, to, control: Box::new(control) };
                self.later(event);
            }
            Action::Dispatch { attempt, executor, .. } => {
                let to = self.by_id[&executor];
                if to == index {
                    self.nodes[index].at_hand.insert(attempt);
                    self.begin(index, attempt);
                } else {
                    self.later(Event::Opened { from: index, to, attempt });
                }
            }
            Action::Hedge { job, hedge } => {
                let task = self.jobs[&job];
                self.jobs.insert(hedge, task);
            }
            Action::CancelAttempt { attempt, executor } => {
                let to = self.by_id[&executor];
                self.later(Event::Cancelled { to, attempt });
            }
            Action::JobState { job, state } if state.is_terminal() => {
                let task = self.jobs[&job];
                self.ended_us[task] = self.now;
                self.left -= 1;
            }
            Action::JobState { .. } | Action::Expect { .. } | Action::SetTempo { .. } => {}
            Action::Run { attempt, owner, .. } => {
                let owner = self.by_id[&owner];
                self.nodes[index].told.insert(attempt, owner);
                self.begin(index, attempt);
            }
            Action::Stop { attempt, .. } => self.cancel(index, attempt),
            Action::Load { model } => {
                let (kind, load_us) = self.nodes[index].load(self.case, &model);
                self.events.at(self.now + load_us, Event::Loaded(index, kind));
            }
            Action::Unload { model } => {
                let kind = node::kind_of(self.case, &model);
                self.events.at(self.now, Event::Unloaded(index, kind));
            }
        }
    }

    fn later(&mut self, event: Event) {
        self.events.at(self.now + self.case.delay_us, event);
    }

    fn delay_to(&self, index: usize, owner: usize) -> u64 {
        self.now + if index == owner { 0 } else { self.case.delay_us }
    }

    /// Starts an attempt whose work is at hand and whose slot is there.
    fn begin(&mut self, index: usize, attempt: AttemptId) {
        let node = &mut self.nodes[index];
        if !node.at_hand.contains(&attempt) || !node.told.contains_key(&attempt) {
            return;
        }
        node.at_hand.remove(&attempt);
        let owner = node.told[&attempt];
        let task = self.jobs[&attempt.job];
        let spec = &self.case.tasks[task];
        let cached = node.read(spec);
        let strain = self.strain(attempt);
        let alone = self.case.alone_us(task, index, cached) * strain;
        self.prompt_tokens += u64::from(spec.prompt);
        self.hit_tokens += u64::from(cached);
        self.work_us += alone;
        let node = &mut self.nodes[index];
        node.cached.insert(attempt, cached);
        node.engine.start(self.now, attempt, alone);
        self.foretell(index);
        let read = (self.case.read_us(task, index, cached) * strain) as u64;
        let at = self.delay_to(index, owner) + read;
        self.events.at(at, Event::Started { to: owner, attempt });
    }

    /// By how much an attempt is slower than it should be.
    fn strain(&self, attempt: AttemptId) -> f64 {
        let (permille, factor) = self.case.stragglers;
        let task = self.jobs[&attempt.job] as u64;
        let draw = crate::chance::hash(&[self.case.seed, task, u64::from(attempt.epoch.0)]);
        if draw % 1_000 < permille { factor } else { 1.0 }
    }

    fn on_started(&mut self, owner: usize, attempt: AttemptId) {
        let task = self.jobs[&attempt.job];
        if self.first_us[task] == 0 {
            self.first_us[task] = self.now;
        }
        self.input(owner, Input::AttemptStarted { attempt });
        if !self.case.kinds[self.case.tasks[task].kind].image {
            self.input(owner, Input::AnswerBegun { attempt, file: None, patience_ms: u32::MAX });
        }
    }

    fn foretell(&mut self, index: usize) {
        let engine = &self.nodes[index].engine;
        if let Some(at) = engine.next_end_us() {
            self.events.at(at, Event::End(index, engine.generation));
        }
    }

    fn on_end(&mut self, index: usize, generation: u64) {
        if self.nodes[index].engine.generation != generation {
            return;
        }
        for (attempt, took_us) in self.nodes[index].engine.take_ended(self.now) {
            let task = self.jobs[&attempt.job];
            let owner = self.nodes[index].told.remove(&attempt).expect("it was told to run");
            let cached = self.nodes[index].cached.remove(&attempt).unwrap_or(0);
            let spec = &self.case.tasks[task];
            let usage = Usage { prompt: spec.prompt, cached, completion: spec.answer };
            let timings = self.case.timings(task, index, cached, took_us);
            let outcome = AttemptOutcome::Completed { usage, timings };
            let at = self.delay_to(index, owner);
            self.events.at(at, Event::Ended { to: owner, attempt, outcome });
            self.input(index, Input::ExecutorDone { attempt, usage, timings, fault: None });
        }
        self.foretell(index);
    }

    fn cancel(&mut self, index: usize, attempt: AttemptId) {
        let node = &mut self.nodes[index];
        node.at_hand.remove(&attempt);
        node.cached.remove(&attempt);
        if node.told.remove(&attempt).is_none() {
            return;
        }
        if let Some(took_us) = node.engine.cancel(self.now, attempt) {
            self.wasted_us += took_us as f64;
        }
        self.foretell(index);
        let (usage, timings) = (Usage::default(), pumasi_protocol::Timings::default());
        let fault = Some(Fault::Cancelled);
        self.input(index, Input::ExecutorDone { attempt, usage, timings, fault });
    }

    fn outcome(self) -> Outcome {
        let from = self.case.uncounted;
        let since = |at: &[u64], task: usize| {
            at[task].saturating_sub(self.case.tasks[task].at_us) as f64 / 1e3
        };
        let counted = from..self.case.tasks.len();
        let jobs = self.case.tasks.len() as f64;
        Outcome {
            latency_ms: counted.clone().map(|task| since(&self.ended_us, task)).collect(),
            first_ms: counted.map(|task| since(&self.first_us, task)).collect(),
            offers: self.offers as f64 / jobs,
            messages: self.messages as f64 / jobs,
            extra: self.wasted_us / self.work_us.max(1.0),
            hits: self.hit_tokens as f64 / (self.prompt_tokens as f64).max(1.0),
        }
    }
}

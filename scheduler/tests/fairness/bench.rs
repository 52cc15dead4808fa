//! One executor under load: offers of other nodes in, modelled engines behind it, and a record of who
//! got how much of the device, and when each job began. Every job takes exactly what was estimated.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, Epoch, PersonId};
use pumasi_protocol::{
    Admission, AttemptId, Capabilities, Constraints, Control, Device, DeviceKind, EngineKind,
    Fault, JobId, JobKind, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId, Offer,
    Priority, Rate, Tempo, Timings, Usage,
};
use pumasi_scheduler::{Action, Config, Input, Link, LoadedFacts, MemberFacts, Scheduler, Time};

pub(crate) const ME: NodeId = NodeId([1; 32]);
pub(crate) const OTHER: NodeId = NodeId([2; 32]);
pub(crate) const LOAD_MS: u32 = 500;

pub(crate) fn person(n: u8) -> PersonId {
    PersonId([n + 10; 16])
}

pub(crate) fn attempt(job: u32) -> AttemptId {
    AttemptId { job: JobId::from_parts(u64::from(job), [0; 10]), epoch: Epoch(1) }
}

fn model_name(n: u8) -> ModelName {
    format!("m{n}").parse().expect("a model name")
}

/// One job: for whom, on which model, how long it takes, and when it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) person: u8,
    pub(crate) model: u8,
    pub(crate) ms: u32,
    pub(crate) batch: bool,
    pub(crate) at_ms: u32,
}

#[derive(Debug)]
enum Event {
    Offer(u32),
    Loaded(ModelName),
    Done(AttemptId, Option<Fault>),
}

/// The executor and its world.
pub(crate) struct Bench {
    pub(crate) scheduler: Scheduler,
    pub(crate) now: Time,
    jobs: Vec<Work>,
    queue: BTreeMap<(Time, u64), Event>,
    counter: u64,
    memory: BTreeMap<ModelName, u64>,
    slots: u16,
    pub(crate) waiting: BTreeSet<u32>,
    pub(crate) running: BTreeMap<u32, Time>,
    /// The order in which jobs were started.
    pub(crate) started: Vec<u32>,
    /// When each came, when it began, and within which time it was said to begin when it came.
    pub(crate) times: BTreeMap<u32, (Time, Option<Time>, u64)>,
    pub(crate) tempos: BTreeMap<u32, Tempo>,
    pub(crate) stopped: BTreeSet<u32>,
}

impl Bench {
    /// An executor with models of these sizes, all in one budget, and jobs that will come.
    pub(crate) fn new(
        config: Config,
        slots: u16,
        sizes: &[u64],
        budget: u64,
        loaded: bool,
        jobs: &[Work],
    ) -> Self {
        let mut bench = Self {
            scheduler: Scheduler::new(ME, config, 1, Time::START),
            now: Time::START,
            jobs: jobs.to_vec(),
            queue: BTreeMap::new(),
            counter: 0,
            memory: (0..).zip(sizes).map(|(n, size)| (model_name(n), *size)).collect(),
            slots,
            waiting: BTreeSet::new(),
            running: BTreeMap::new(),
            started: Vec::new(),
            times: BTreeMap::new(),
            tempos: BTreeMap::new(),
            stopped: BTreeSet::new(),
        };
        let member = |n| MemberFacts { person: Some(person(n)), may_run: true, may_submit: true };
        let members = BTreeMap::from([(ME, member(0)), (OTHER, member(1))]);
        bench.input(Input::Roster { members });
        bench.input(Input::Peer { node: OTHER, link: Link::Up { rtt_us: 0 } });
        let advert = Box::new(bench.advert(budget, loaded));
        bench.input(Input::Local { advert, model_memory: budget });
        for (job, work) in (0..).zip(jobs) {
            bench.later(u64::from(work.at_ms), Event::Offer(job));
        }
        bench
    }

    fn advert(&self, budget: u64, loaded: bool) -> NodeAdvert {
        let state = if loaded {
            ModelState::Loaded { slots: self.slots, busy: 0 }
        } else {
            ModelState::Held
        };
        let model = |(name, memory): (&ModelName, &u64)| ModelAdvert {
            name: name.clone(),
            file: BlobId([name.as_str().as_bytes()[1]; 32]),
            size: 1,
            engine: EngineKind::Llama,
            capabilities: Capabilities::default(),
            context: 1_000_000,
            state,
            memory: *memory,
            prefill: Rate(1_000_000),
            decode: Rate(1_000_000),
            load_ms: LOAD_MS,
            usual_tokens: 1_000_000,
        };
        let device = Device {
            name: "cpu".to_owned(),
            kind: DeviceKind::Cpu,
            backend: "CPU".to_owned(),
            memory_total: budget,
            memory_free: budget,
        };
        NodeAdvert {
            node: ME,
            incarnation: 1,
            sequence: 1,
            name: "me".parse().expect("a name"),
            version: "0".to_owned(),
            platform: "test".to_owned(),
            devices: vec![device],
            memory_total: budget,
            memory_free: budget,
            engines: vec![EngineKind::Llama],
            models: self.memory.iter().map(model).collect(),
            queue: Queue::default(),
            admission: Admission::Accepting,
            data: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    fn later(&mut self, ms: u64, event: Event) {
        self.counter += 1;
        self.queue.insert((self.now.after_ms(ms), self.counter), event);
    }

    fn need(&self, job: u32) -> Need {
        let work = self.jobs[job as usize];
        Need {
            kind: JobKind::Chat,
            model: model_name(work.model),
            file: None,
            capabilities: Capabilities::default(),
            person: person(work.person),
            priority: if work.batch { Priority::Batch } else { Priority::Interactive },
            constraints: Constraints::default(),
            prompt_tokens: 0,
            // One token a millisecond.
            max_tokens: Some(work.ms),
            prefix: Vec::new(),
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.scheduler.handle(self.now, input);
        self.perform();
    }

    /// Offers a job at this moment.
    pub(crate) fn offer(&mut self, job: u32) {
        self.waiting.insert(job);
        let (from, offer) =
            (OTHER, Offer { attempt: attempt(job), need: self.need(job), alone: false });
        self.input(Input::Message { from, control: Control::Offer(Box::new(offer)) });
        let view = self.scheduler.view().executor();
        let found = view.reservations.iter().find(|r| r.attempt == attempt(job));
        let within = found.map_or(0, |r| r.starts_within_ms);
        let began = self.times.get(&job).and_then(|(_, began, _)| *began);
        self.times.insert(job, (self.now, began, within));
    }

    fn perform(&mut self) {
        while let Some(action) = self.scheduler.poll_action() {
            match action {
                Action::Send { control, .. } => self.on_control(control),
                Action::Expect { attempt, .. } => {
                    self.scheduler.handle(self.now, Input::StreamOpened { from: OTHER, attempt });
                }
                Action::Run { attempt, .. } => self.run(number(attempt)),
                Action::Load { model } => self.later(LOAD_MS.into(), Event::Loaded(model)),
                Action::Unload { model } => {
                    self.scheduler.handle(self.now, Input::ModelUnloaded { model });
                }
                Action::SetTempo { attempt, tempo } => {
                    self.tempos.insert(number(attempt), tempo);
                }
                Action::Stop { attempt, fault } => {
                    self.stopped.insert(number(attempt));
                    self.later(0, Event::Done(attempt, Some(fault)));
                }
                Action::Dispatch { .. }
                | Action::Hedge { .. }
                | Action::CancelAttempt { .. }
                | Action::JobState { .. } => {
                    panic!("this node owns nothing")
                }
            }
        }
    }

    fn on_control(&mut self, control: Control) {
        let bound = match control {
            Control::Bid { attempt, bid } => (bid.start_ms == 0).then_some(attempt),
            Control::Claim { attempt } => Some(attempt),
            Control::Refuse { attempt, .. } | Control::Unbound { attempt, .. } => {
                self.waiting.remove(&number(attempt));
                None
            }
            Control::Offer(_) | Control::Bind { .. } | Control::Gone { .. } | Control::Idle => None,
        };
        if let Some(attempt) = bound {
            let message = Input::Message { from: OTHER, control: Control::Bind { attempt } };
            self.scheduler.handle(self.now, message);
        }
    }

    fn run(&mut self, job: u32) {
        self.waiting.remove(&job);
        self.started.push(job);
        self.running.insert(job, self.now);
        let entry = self.times.entry(job).or_insert((self.now, None, 0));
        entry.1 = Some(self.now);
        let ms = self.jobs[job as usize].ms;
        self.later(ms.into(), Event::Done(attempt(job), None));
    }

    fn next_at(&self) -> (Option<Time>, Option<Time>) {
        let timer = self.scheduler.next_timeout().map(|(at, _)| at);
        (timer, self.queue.first_key_value().map(|((at, _), _)| *at))
    }

    /// Everything happens until this many milliseconds since the start.
    pub(crate) fn run_until(&mut self, ms: u64) {
        let end = Time::from_ms(ms);
        loop {
            let (timer, event) = self.next_at();
            if timer.into_iter().chain(event).min().is_none_or(|at| at > end) {
                break;
            }
            self.step();
        }
        self.now = end;
    }

    /// The next thing happens; none when nothing will. Gives the jobs that ended.
    pub(crate) fn step(&mut self) -> Option<Vec<u32>> {
        let (timer, event) = self.next_at();
        let at = timer.into_iter().chain(event).min()?;
        self.now = self.now.max(at);
        if event.is_none_or(|event| timer.is_some_and(|timer| timer < event)) {
            self.scheduler.handle_timeout(self.now);
            self.perform();
            return Some(Vec::new());
        }
        let (_, event) = self.queue.pop_first().expect("it was seen");
        match event {
            Event::Offer(job) => self.offer(job),
            Event::Loaded(model) => {
                let facts = LoadedFacts {
                    slots: self.slots,
                    context: 1_000_000,
                    memory: self.memory[&model],
                    prefill: Rate::default(),
                    decode: Rate::default(),
                    load_ms: LOAD_MS,
                };
                self.input(Input::ModelLoaded { model, facts });
            }
            Event::Done(attempt, fault) => {
                if self.running.remove(&number(attempt)).is_some() {
                    let (usage, timings) = (Usage::default(), Timings::default());
                    self.input(Input::ExecutorDone { attempt, usage, timings, fault });
                    return Some(vec![number(attempt)]);
                }
            }
        }
        Some(Vec::new())
    }
}

fn number(attempt: AttemptId) -> u32 {
    let uuid = attempt.job.0.as_u128() >> 80;
    u32::try_from(uuid).expect("tests count jobs")
}

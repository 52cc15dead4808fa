//! One machine around one real scheduler: what a node's event loop keeps beside it. It knows which
//! streams are open and which engines run; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use pumasi_protocol::ids::PersonId;
use pumasi_protocol::roster::RosterLog;
use pumasi_protocol::stream::EventOrder;
use pumasi_protocol::{
    Admission, AttemptId, Epoch, JobId, ModelName, ModelState, NodeAdvert, NodeId, Phase, Rate,
    Term,
};
use pumasi_scheduler::{Config, Custody, CustodyConfig, LoadedFacts, Scheduler, Time};

use crate::canary::Canary;
use crate::chance::hash;
use crate::disk::Disk;
use crate::engine::{Engines, Place};
use crate::scenario::{CrashPoint, MachineSpec, Scenario};

mod clock;
mod facts;

pub(crate) use clock::Clock;
pub(crate) use facts::{News, says_the_same};

/// Owner: one attempt that is out, as the task that reads its stream knows it.
#[derive(Debug, Clone)]
pub(crate) struct Pump {
    pub(crate) executor: usize,
    pub(crate) order: EventOrder,
    pub(crate) begun: bool,
    /// When it last heard of its executor, on this machine's clock, and what it has found out of one
    /// that says nothing since.
    pub(crate) heard: Time,
    pub(crate) doubt: Doubt,
    pub(crate) phase: Phase,
}

/// How far a silent executor's owner has come with finding out whether it is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing is wrong yet.
    #[default]
    None,
    /// It was asked whether the attempt lives.
    Asked,
    /// It lives, as it says.
    Lives,
    /// It has no such attempt any more, as it said at this time; its last word may be on its way.
    Absent(Time),
}

/// Owner: a chat with its client, across attempts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chat {
    pub(crate) delivered: Vec<u32>,
    /// The client reads no further.
    pub(crate) stalled: bool,
    /// Where it was bound last.
    pub(crate) last: Option<usize>,
    pub(crate) failovers: u32,
}

/// Executor: the work of an attempt whose stream is open.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkAtHand {
    /// Token ids that the client has already.
    pub(crate) delivered: Vec<u32>,
    /// Counts its ticks: one of an older count is void.
    pub(crate) ticks: u64,
}

/// What it keeps of lasting jobs, and what is under way with them.
#[derive(Debug, Clone)]
pub(crate) struct Keeping {
    pub(crate) custody: Custody,
    /// The term in which a job was given to the scheduler last, and whether its end is to be told.
    pub(crate) placed: BTreeMap<JobId, (Term, bool)>,
    /// Jobs that are to be given to the scheduler once what was asked is read: term and floor.
    pub(crate) placing: BTreeMap<JobId, (Term, Epoch)>,
    /// To whom records were offered to keep: they may read the job's files.
    pub(crate) offered: BTreeMap<JobId, BTreeSet<NodeId>>,
}

impl Keeping {
    fn new(custody: Custody) -> Self {
        let (placed, placing, offered) = Default::default();
        Self { custody, placed, placing, offered }
    }
}

/// A machine of the run.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) index: usize,
    pub(crate) id: NodeId,
    pub(crate) own_id: NodeId,
    pub(crate) spec: MachineSpec,
    /// `None` while it is stopped.
    pub(crate) scheduler: Option<Scheduler>,
    /// `None` while it is stopped, and where nobody hands in lasting jobs.
    pub(crate) keeping: Option<Keeping>,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    /// Its next deadline in the world's time, as it stands in the queue of events.
    pub(crate) armed: Option<Time>,
    pub(crate) engines: Engines,
    /// Counts starts.
    pub(crate) boots: u64,
    /// It knows that its ledger is an older copy.
    pub(crate) doubtful: bool,
    /// How many faults of a kind hold it.
    pub(crate) pauses: u32,
    pub(crate) freezes: u32,
    pub(crate) sleeps: u32,
    pub(crate) hangs: u32,
    pub(crate) lost_devices: u32,
    pub(crate) hostile: u32,
    /// How long it slept in all, in microseconds, and since when it sleeps.
    pub(crate) slept_us: u64,
    pub(crate) asleep_since: Time,
    /// Memory that other programs take, in bytes.
    pub(crate) squeezed: u64,
    pub(crate) spoil_next_load: bool,
    pub(crate) spoil_next_tokens: bool,
    pub(crate) next_crash: Option<CrashPoint>,
    /// Executor: attempts whose streams are accepted, whose work is at hand, that were told to run.
    pub(crate) expected: BTreeMap<AttemptId, NodeId>,
    pub(crate) at_hand: BTreeMap<AttemptId, WorkAtHand>,
    pub(crate) told: BTreeMap<AttemptId, (NodeId, ModelName)>,
    /// Owner: attempts that are out, and the chats of live jobs.
    pub(crate) pumps: BTreeMap<AttemptId, Pump>,
    pub(crate) chats: BTreeMap<JobId, Chat>,
    /// Roster entries, where the scenario changes them; and who belongs, as this machine knows.
    pub(crate) log: Option<Rc<RosterLog>>,
    pub(crate) members: Rc<BTreeSet<NodeId>>,
    /// The newest advert of each node that arrived here.
    pub(crate) newest: BTreeMap<NodeId, (u64, u64)>,
    /// Ends told so far.
    pub(crate) ends: u64,
    /// When something last went wrong here.
    pub(crate) disturbed: Time,
    sequence: u64,
    published: Option<(NodeAdvert, Time)>,
    base: NodeAdvert,
}

pub(crate) fn person_id(number: u8) -> PersonId {
    PersonId([number + 1; 16])
}

pub(crate) fn model_name(index: usize) -> ModelName {
    format!("model-{index}").parse().expect("a model name")
}

impl Shell {
    pub(crate) fn new(index: usize, id: NodeId, scenario: &Scenario) -> Self {
        let spec = scenario.machines[index].clone();
        let engines = facts::engines(&spec, scenario);
        let base = facts::base_advert(id, index, &spec, scenario);
        Self {
            index,
            id,
            own_id: id,
            spec,
            scheduler: None,
            keeping: None,
            disk: Disk::default(),
            clock: Clock::default(),
            armed: None,
            engines,
            boots: 0,
            doubtful: false,
            pauses: 0,
            freezes: 0,
            sleeps: 0,
            hangs: 0,
            lost_devices: 0,
            hostile: 0,
            slept_us: 0,
            asleep_since: Time::START,
            squeezed: 0,
            spoil_next_load: false,
            spoil_next_tokens: false,
            next_crash: None,
            expected: BTreeMap::new(),
            at_hand: BTreeMap::new(),
            told: BTreeMap::new(),
            pumps: BTreeMap::new(),
            chats: BTreeMap::new(),
            log: None,
            members: Rc::default(),
            newest: BTreeMap::new(),
            ends: 0,
            disturbed: Time::START,
            sequence: 0,
            published: None,
            base,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.scheduler.is_some()
    }

    /// Whether it runs and is neither frozen nor asleep.
    pub(crate) fn is_awake(&self) -> bool {
        self.is_alive() && self.freezes == 0 && self.sleeps == 0
    }

    /// Microseconds that it has been awake, as its engines count them.
    pub(crate) fn awake_us(&self, now: Time) -> u64 {
        now.0 - self.slept_us
    }

    /// Starts (again), knowing nothing. After the first start nothing is loaded.
    pub(crate) fn boot(&mut self, seed: u64, now: Time, keeps: bool) {
        self.boots += 1;
        let seed = hash(&[seed, self.index as u64, self.boots]);
        self.clock = Clock::start(now, self.spec.drift_ppm);
        self.scheduler = Some(Scheduler::new(self.id, Config::default(), seed, self.clock.at(now)));
        self.keeping = keeps.then(|| {
            let rows = self.disk.rows().cloned().collect();
            let own = self.clock.at(now);
            let config = CustodyConfig::default();
            Keeping::new(Custody::restore(self.id, config, seed, own, rows, self.doubtful))
        });
        self.sequence = 0;
        self.published = None;
        self.newest.clear();
        self.base.node = self.id;
        self.base.incarnation = self.boots;
    }

    /// Stops at once; what was in memory is gone.
    pub(crate) fn kill(&mut self) {
        self.scheduler = None;
        self.keeping = None;
        self.armed = None;
        for name in self.engines.models.keys().cloned().collect::<Vec<_>>() {
            self.engines.crash(&name);
        }
        self.expected.clear();
        self.at_hand.clear();
        self.told.clear();
        self.pumps.clear();
        self.chats.clear();
    }

    /// Bytes for models as the node measures them.
    pub(crate) fn budget(&self) -> u64 {
        self.engines.budget.saturating_sub(self.squeezed)
    }

    /// The truth about this machine for [`pumasi_scheduler::Input::Local`].
    pub(crate) fn local(&self, canary: Option<Canary>) -> NodeAdvert {
        let mut advert = self.base.clone();
        advert.admission = if self.pauses > 0 { Admission::Paused } else { Admission::Accepting };
        for model in &mut advert.models {
            let engine = &self.engines.models[&model.name];
            model.state = match engine.place {
                Place::Memory => ModelState::Loaded { slots: engine.slots, busy: 0 },
                Place::Disk | Place::Loading | Place::Unloading => ModelState::Held,
            };
            if canary == Some(Canary::MemoryCountedAtLoad) && engine.place != Place::Memory {
                model.memory = 0;
            }
        }
        advert
    }

    /// What loading a model turned out to give.
    pub(crate) fn loaded_facts(&self, model: &ModelName) -> LoadedFacts {
        let engine = &self.engines.models[model];
        LoadedFacts {
            slots: engine.slots,
            context: engine.context,
            memory: engine.memory,
            prefill: Rate(self.spec.prefill_per_s * 1_000),
            decode: Rate(self.spec.decode_per_s * 1_000),
            load_ms: u32::try_from(engine.load_ms).unwrap_or(u32::MAX),
        }
    }

    /// What there is to publish: nothing if nothing changed lately, and all of it now and then.
    pub(crate) fn news(&mut self, now: Time, refresh_ms: u64) -> Option<News> {
        let mut advert = self.scheduler.as_ref()?.view().advert()?;
        let before = self.published.take();
        let fresh = before.as_ref().filter(|(_, at)| now.ms_since(*at) < refresh_ms);
        let Some((old, at)) = fresh.cloned() else {
            return Some(News::Full(self.publish(&mut advert, now)));
        };
        if says_the_same(&old, &advert) {
            self.published = Some((old, at));
            return None;
        }
        let mut expected = old.clone();
        let delta = facts::delta_of(&old, &advert, self.sequence + 1);
        expected.apply(&delta);
        advert.sequence = self.sequence + 1;
        if expected == advert {
            self.sequence += 1;
            self.published = Some((advert, at));
            return Some(News::Delta(delta));
        }
        Some(News::Full(self.publish(&mut advert, now)))
    }

    /// Incarnation and number of what it last published, and that advert.
    pub(crate) fn published(&self) -> ((u64, u64), Option<&NodeAdvert>) {
        let advert = self.published.as_ref().map(|(advert, _)| advert);
        ((self.boots, self.sequence), advert)
    }

    fn publish(&mut self, advert: &mut NodeAdvert, now: Time) -> NodeAdvert {
        self.sequence += 1;
        advert.sequence = self.sequence;
        self.published = Some((advert.clone(), now));
        advert.clone()
    }
}

//! The models of this node and the memory they take. Two sums are kept within the budget: what is
//! *required* (models with a slot held, bound or running, or being loaded) and what is *resident*
//! (models that have memory). A promise is made on the first; a load is begun on the second.

use std::collections::{BTreeMap, VecDeque};

use pumasi_protocol::{
    AttemptId, BlobId, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, Refusal,
};

use crate::input::LoadedFacts;
use crate::measure::Measurement;
use crate::rank::{Measured, score};
use crate::time::Time;
use crate::view::{ModelView, Residence};

use super::hot::HotPrefixes;

/// One model of this node.
#[derive(Debug, Clone)]
pub(super) struct LocalModel {
    pub(super) facts: ModelAdvert,
    pub(super) residence: Residence,
    /// Slots; 1 until it was loaded once.
    pub(super) slots: u16,
    /// Slots held, claimed, bound or running.
    pub(super) busy: u16,
    /// Slots running.
    pub(super) running: u16,
    /// The one busy slot is of a job that must be alone.
    pub(super) closed: bool,
    /// Reservations without a slot that must be alone: the engine drains for them.
    pub(super) waiting_alone: u16,
    /// What the reservations without a slot count, in milliseconds: see `predict::reserved_ms`.
    pub(super) waiting_ms: u64,
    /// Bound attempts that wait for the model or for its slot, oldest first.
    pub(super) ready: VecDeque<AttemptId>,
    pub(super) measured: Measurement,
    pub(super) hot: HotPrefixes,
    pub(super) last_used: Time,
    /// Usual time between two uses, in milliseconds; 0: not known.
    pub(super) gap_ms: u64,
    pub(super) loading_since: Time,
    /// It failed to load and is not tried for a while; what to answer meanwhile.
    pub(super) backing_off: Option<Refusal>,
    /// Times that it failed to load since it last was loaded.
    pub(super) load_failures: u32,
    /// A person asked for it to be loaded.
    pub(super) wanted: bool,
    /// A person asked for it to be unloaded, or its file is gone: unload when idle.
    pub(super) leaving: bool,
    /// Its file is still here.
    pub(super) listed: bool,
    /// A person pinned it: it stays loaded until a person unloads it.
    pub(super) pinned: bool,
    /// It was loaded for others, and the desk has not used it since.
    pub(super) lent: bool,
}

impl LocalModel {
    fn new(facts: &ModelAdvert) -> Self {
        let (residence, slots) = match facts.state {
            ModelState::Held => (Residence::Held, 1),
            ModelState::Loading(_) => (Residence::Loading, 1),
            ModelState::Loaded { slots, .. } => (Residence::Loaded, slots.max(1)),
            ModelState::Unusable => (Residence::Unusable, 1),
        };
        Self {
            facts: facts.clone(),
            residence,
            slots,
            busy: 0,
            running: 0,
            closed: false,
            waiting_alone: 0,
            waiting_ms: 0,
            ready: VecDeque::new(),
            measured: Measurement::default(),
            hot: HotPrefixes::default(),
            last_used: Time::START,
            gap_ms: 0,
            loading_since: Time::START,
            backing_off: None,
            load_failures: 0,
            wanted: false,
            leaving: false,
            listed: true,
            pinned: false,
            lent: false,
        }
    }

    /// Whether its memory is spoken for.
    pub(super) fn is_required(&self) -> bool {
        self.busy > 0 || self.wanted || self.residence == Residence::Loading
    }

    /// Whether nobody else is promised its memory.
    pub(super) fn is_claimed(&self) -> bool {
        let stays = self.pinned && !self.leaving && self.residence == Residence::Loaded;
        self.is_required() || stays
    }

    fn is_resident(&self) -> bool {
        match self.residence {
            Residence::Loading | Residence::Loaded | Residence::Unloading => true,
            Residence::Held | Residence::Unusable => false,
        }
    }

    /// Whether it may be evicted: loaded and not required.
    pub(super) fn is_idle(&self) -> bool {
        self.residence == Residence::Loaded && !self.is_required()
    }

    pub(super) fn on_loaded(&mut self, facts: &LoadedFacts) {
        self.residence = Residence::Loaded;
        self.slots = facts.slots.max(1);
        self.facts.context = facts.context;
        self.facts.memory = facts.memory;
        self.facts.load_ms = facts.load_ms;
        if facts.prefill.0 > 0 {
            self.facts.prefill = facts.prefill;
        }
        if facts.decode.0 > 0 {
            self.facts.decode = facts.decode;
        }
        self.backing_off = None;
        self.load_failures = 0;
        self.wanted = false;
    }

    /// Its state as advertised.
    pub(super) fn state(&self, now: Time) -> ModelState {
        match self.residence {
            Residence::Held | Residence::Unloading => ModelState::Held,
            Residence::Unusable => ModelState::Unusable,
            Residence::Loaded => {
                ModelState::Loaded { slots: self.slots, busy: self.busy.min(self.slots) }
            }
            Residence::Loading => {
                let elapsed = now.ms_since(self.loading_since);
                let share = elapsed * 1_000 / u64::from(self.facts.load_ms.max(1));
                ModelState::Loading(u16::try_from(share.min(990)).expect("at most 990"))
            }
        }
    }

    /// What is advertised of it: its facts, with own averages where there are enough samples.
    pub(super) fn advert(&self, now: Time) -> ModelAdvert {
        let mut advert = self.facts.clone();
        self.update(&mut advert, now);
        advert
    }

    /// Brings into an advert of it what changes while it runs.
    pub(super) fn update(&self, advert: &mut ModelAdvert, now: Time) {
        let rates = self.rates();
        advert.state = self.state(now);
        advert.prefill = rates.prefill;
        advert.decode = rates.decode;
        advert.usual_tokens = rates.usual_tokens;
    }

    /// Own averages where there are enough samples; else what its facts say.
    pub(super) fn rates(&self) -> Measured {
        score::outrank(self.measured.trusted(), &self.facts)
    }
}

/// All models of this node, and their budget.
#[derive(Debug, Clone, Default)]
pub(super) struct Models {
    pub(super) budget: u64,
    by_name: BTreeMap<ModelName, LocalModel>,
}

impl Models {
    pub(super) fn named(&self, name: &ModelName) -> Option<&LocalModel> {
        self.by_name.get(name)
    }

    pub(super) fn named_mut(&mut self, name: &ModelName) -> Option<&mut LocalModel> {
        self.by_name.get_mut(name)
    }

    /// The model that a reservation holds; it stays known as long as one does.
    pub(super) fn reserved(&mut self, name: &ModelName) -> &mut LocalModel {
        self.by_name.get_mut(name).expect("a model stays known while it has reservations")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ModelName, &LocalModel)> {
        self.by_name.iter()
    }

    /// The listed model that a job means: by name, or, for a given file, any model of that file.
    pub(super) fn for_need(&self, need: &Need) -> Option<&LocalModel> {
        let of = |file: BlobId| move |m: &&LocalModel| m.listed && m.facts.file == file;
        let named = self.by_name.get(&need.model).filter(|m| m.listed);
        match need.file {
            None => named,
            Some(file) => {
                named.filter(|m| of(file)(m)).or_else(|| self.by_name.values().find(of(file)))
            }
        }
    }

    /// Takes over what the node says of its files. Engine states of known models are kept.
    pub(super) fn on_local(&mut self, advert: &NodeAdvert, budget: u64) {
        self.budget = budget;
        for model in self.by_name.values_mut() {
            model.listed = false;
        }
        for facts in &advert.models {
            match self.by_name.get_mut(&facts.name) {
                Some(known) => relist(known, facts),
                None => {
                    self.by_name.insert(facts.name.clone(), LocalModel::new(facts));
                }
            }
        }
        for model in self.by_name.values_mut().filter(|m| !m.listed) {
            model.leaving = true;
        }
    }

    /// Forgets models whose files are gone and that have neither memory nor reservations.
    pub(super) fn forget_unlisted(&mut self, is_reserved: impl Fn(&ModelName) -> bool) {
        self.by_name
            .retain(|name, m| m.listed || m.is_resident() || m.busy > 0 || is_reserved(name));
    }

    fn required(&self) -> u64 {
        let required = self.by_name.values().filter(|m| m.is_claimed());
        required.fold(0, |sum, m| sum.saturating_add(m.facts.memory))
    }

    fn resident(&self) -> u64 {
        let resident = self.by_name.values().filter(|m| m.is_resident());
        resident.fold(0, |sum, m| sum.saturating_add(m.facts.memory))
    }

    fn unloading(&self) -> u64 {
        let unloading = self.by_name.values().filter(|m| m.residence == Residence::Unloading);
        unloading.fold(0, |sum, m| sum.saturating_add(m.facts.memory))
    }

    /// Whether this model's memory can be promised beside what is required already.
    pub(super) fn can_require(&self, name: &ModelName) -> bool {
        self.by_name.get(name).is_some_and(|model| {
            let mine = if model.is_claimed() { model.facts.memory } else { 0 };
            let others = self.required().saturating_sub(mine);
            model.is_required() || others.saturating_add(model.facts.memory) <= self.budget
        })
    }

    /// Whether a slot of this model can be promised from this moment on. Who must be alone gets one
    /// only of an engine without any other.
    pub(super) fn can_hold(&self, name: &ModelName, alone: bool) -> bool {
        self.by_name.get(name).is_some_and(|model| {
            let is_free = match alone {
                true => model.busy == 0,
                false => model.busy < model.slots && !model.closed,
            };
            is_free && model.residence != Residence::Unusable && model.backing_off.is_none()
        }) && self.can_require(name)
    }

    /// The models of which a slot can be promised, in the order of their names.
    pub(super) fn free(&self) -> Vec<&ModelName> {
        self.by_name.keys().filter(|name| self.can_hold(name, false)).collect()
    }

    /// Whether `bytes` more can become resident at once.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.resident().saturating_add(bytes) <= self.budget
    }

    /// Bytes that are missing beyond what is unloading so that `bytes` more can become resident.
    pub(super) fn missing_bytes(&self, bytes: u64) -> Option<u64> {
        let after = self.resident().saturating_sub(self.unloading()).saturating_add(bytes);
        after.checked_sub(self.budget).filter(|missing| *missing > 0)
    }

    /// Models that wait to be loaded.
    pub(super) fn to_load(&self) -> Vec<ModelName> {
        let waiting = self
            .by_name
            .iter()
            .filter(|(_, m)| m.residence == Residence::Held && (m.wanted || !m.ready.is_empty()));
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// Idle models that are to be unloaded.
    pub(super) fn to_leave(&self) -> Vec<ModelName> {
        let leaving = self.by_name.iter().filter(|(_, m)| m.leaving && m.is_idle());
        leaving.map(|(name, _)| name.clone()).collect()
    }

    /// Busy slots of all models.
    pub(super) fn busy(&self) -> u32 {
        self.by_name.values().map(|m| u32::from(m.busy)).sum()
    }

    pub(super) fn view(&self) -> Vec<ModelView> {
        let view = |(name, m): (&ModelName, &LocalModel)| ModelView {
            name: name.clone(),
            residence: m.residence,
            memory: m.facts.memory,
            slots: m.slots,
            busy: m.busy,
        };
        self.by_name.iter().map(view).collect()
    }
}

/// Refreshes a known model's facts; what the engine measured or reported stays.
fn relist(known: &mut LocalModel, facts: &ModelAdvert) {
    known.listed = true;
    known.facts.file = facts.file;
    known.facts.size = facts.size;
    known.facts.engine = facts.engine;
    known.facts.capabilities = facts.capabilities;
    match known.residence {
        Residence::Held | Residence::Unusable => {
            known.facts = facts.clone();
            known.residence = match facts.state {
                ModelState::Unusable => Residence::Unusable,
                ModelState::Held | ModelState::Loading(_) | ModelState::Loaded { .. } => {
                    Residence::Held
                }
            };
        }
        Residence::Loading | Residence::Loaded | Residence::Unloading => {}
    }
}

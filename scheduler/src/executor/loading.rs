//! Loading, evicting and starting: what follows a binding, and what engines report.

use pumasi_protocol::{Control, Fault, ModelName, Refusal};

use crate::action::Action;
use crate::context::Context;
use crate::input::LoadedFacts;
use crate::time::backoff_ms;
use crate::timers::Wakeup;
use crate::view::{Residence, Stage};

use super::Executor;

impl Executor {
    /// Brings a model with bound attempts nearer to running them.
    pub(super) fn start_or_load(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        match self.models.reserved(name).residence {
            Residence::Loaded => self.start_ready(ctx, name),
            Residence::Held => self.load(ctx, name),
            Residence::Loading | Residence::Unloading | Residence::Unusable => {}
        }
    }

    pub(super) fn start_all_ready(&mut self, ctx: &mut Context<'_>) {
        let loaded = self.models.iter().filter(|(_, m)| {
            m.residence == Residence::Loaded && !m.ready.is_empty() && m.running < m.slots
        });
        for name in loaded.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.start_ready(ctx, &name);
        }
    }

    fn start_ready(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let model = self.models.reserved(name);
        while model.running < model.slots
            && let Some(attempt) = model.ready.pop_front()
        {
            model.running += 1;
            model.on_use(ctx.now);
            let reservation = self.reservations.get_mut(&attempt).expect("ready ones are reserved");
            reservation.stage = Stage::Running;
            reservation.since = ctx.now;
            // Who comes later starts when it has been read, or reads it at the same time.
            model.hot.add(&reservation.need.prefix);
            if reservation.is_of_desk(ctx.scene()) {
                model.lent = false;
            }
            let (owner, model) = (reservation.owner, name.clone());
            ctx.out.act(Action::Run { attempt, owner, model });
        }
    }

    /// Begins to load if there is room; else evicts idle models, the longest unused first, and waits
    /// for their memory.
    fn load(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let bytes = self.models.reserved(name).facts.memory;
        while let Some(idle) = self.models.next_to_evict(bytes, ctx.now) {
            self.unload(ctx, &idle);
        }
        if self.models.has_room(bytes) {
            let model = self.models.reserved(name);
            let own = |a| self.reservations[a].is_of_desk(ctx.scene());
            model.lent = !model.wanted && !model.ready.iter().any(own);
            model.residence = Residence::Loading;
            model.loading_since = ctx.now;
            ctx.out.act(Action::Load { model: name.clone() });
        }
        self.dirty = true;
    }

    pub(super) fn unload(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let model = self.models.reserved(name);
        assert!(model.is_idle(), "only idle models are unloaded");
        model.residence = Residence::Unloading;
        model.leaving = false;
        ctx.out.act(Action::Unload { model: name.clone() });
        self.dirty = true;
    }

    /// Unloads what is to go and idle, and what a smaller budget leaves no room for.
    pub(super) fn let_go(&mut self, ctx: &mut Context<'_>) {
        for name in self.models.to_leave() {
            self.unload(ctx, &name);
        }
        while let Some(idle) =
            self.models.next_to_evict(0, ctx.now).or_else(|| self.beyond_cap(ctx.scene()))
        {
            self.unload(ctx, &idle);
        }
        let reserved = &self.reservations;
        self.models.forget_unlisted(|name| reserved.values().any(|r| r.model == *name));
    }

    /// A person wants a model loaded although no job needs it yet.
    pub(crate) fn on_preload(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let allowed = self.models.can_require(name);
        let Some(model) = self.models.named_mut(name).filter(|_| allowed) else { return };
        if model.residence == Residence::Held && model.listed && model.backing_off.is_none() {
            model.wanted = true;
            self.load(ctx, name);
        }
    }

    /// A person pins a model, or lets go of it.
    pub(crate) fn on_pin(&mut self, ctx: &mut Context<'_>, name: &ModelName, pinned: bool) {
        if let Some(model) = self.models.named_mut(name) {
            model.pinned = pinned;
            self.settle(ctx);
        }
    }

    /// A person wants a model unloaded.
    pub(crate) fn on_release(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let Some(model) = self.models.named_mut(name) else { return };
        match model.residence {
            Residence::Loaded | Residence::Loading => model.leaving = true,
            Residence::Held | Residence::Unloading | Residence::Unusable => return,
        }
        self.settle(ctx);
    }

    pub(crate) fn on_model_loading(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        if let Some(model) = self.models.named_mut(name)
            && model.residence == Residence::Held
        {
            model.residence = Residence::Loading;
            model.loading_since = ctx.now;
            self.dirty = true;
        }
    }

    pub(crate) fn on_model_loaded(
        &mut self,
        ctx: &mut Context<'_>,
        name: &ModelName,
        facts: &LoadedFacts,
    ) {
        let Some(model) = self.models.named_mut(name) else { return };
        model.on_loaded(facts);
        model.last_used = ctx.now;
        self.dirty_facts = true;
        self.start_ready(ctx, name);
        self.settle(ctx);
    }

    pub(crate) fn on_model_unloaded(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        let Some(model) = self.models.named_mut(name) else { return };
        match model.residence {
            Residence::Loading | Residence::Loaded | Residence::Unloading => {
                model.residence = Residence::Held;
            }
            Residence::Held | Residence::Unusable => {}
        }
        model.hot = super::hot::HotPrefixes::default();
        self.dirty = true;
        self.settle(ctx);
    }

    pub(crate) fn on_load_failed(
        &mut self,
        ctx: &mut Context<'_>,
        name: &ModelName,
        fault: &Fault,
    ) {
        let Some(model) = self.models.named_mut(name) else { return };
        let (residence, refusal) = after_failure(fault);
        model.residence = residence;
        model.wanted = false;
        model.backing_off = Some(refusal.clone());
        let (first, most) = (ctx.config.load_backoff_ms, ctx.config.load_backoff_max_ms);
        let again = ctx.now.after_ms(backoff_ms(first, model.load_failures, most));
        model.load_failures = model.load_failures.saturating_add(1);
        ctx.timers.set(Wakeup::LoadBackoff(name.clone()), again);
        let affected = self.reservations.iter().filter(|(_, r)| r.model == *name);
        let affected: Vec<_> = affected.map(|(a, r)| (*a, r.owner, r.stage)).collect();
        // An engine that dies while it loads has not seen the job yet.
        let told = if fault.ends_engine() { &Fault::EngineStart } else { fault };
        for (attempt, owner, stage) in affected {
            self.end(ctx, attempt, told.clone());
            if matches!(stage, Stage::Waiting | Stage::Held | Stage::Claimed) {
                ctx.send(owner, Control::Unbound { attempt, refusal: refusal.clone() });
            }
        }
        self.dirty = true;
        self.settle(ctx);
    }

    pub(crate) fn on_load_backoff_over(&mut self, ctx: &mut Context<'_>, name: &ModelName) {
        if let Some(model) = self.models.named_mut(name) {
            model.backing_off = None;
            self.settle(ctx);
        }
    }
}

/// Where a model stands after it failed to load, and what offers are answered meanwhile: lasting
/// refusals for what time does not mend.
fn after_failure(fault: &Fault) -> (Residence, Refusal) {
    match fault {
        Fault::ModelDamaged | Fault::ModelUnsupported => {
            (Residence::Unusable, Refusal::ModelAbsent)
        }
        Fault::Memory { needed, available } => {
            (Residence::Held, Refusal::Memory { needed: *needed, available: *available })
        }
        Fault::EngineCrash
        | Fault::EngineSilent
        | Fault::EngineGarbage
        | Fault::EngineStart
        | Fault::Context { .. }
        | Fault::Grammar
        | Fault::Template
        | Fault::Capability
        | Fault::BadRequest
        | Fault::Refused(_)
        | Fault::Connection
        | Fault::Silent
        | Fault::PeerProtocol
        | Fault::Cancelled
        | Fault::NoCandidate
        | Fault::Deadline
        | Fault::NotContinued
        | Fault::Removed
        | Fault::Outside
        | Fault::Document(_) => (Residence::Held, Refusal::Paused),
    }
}

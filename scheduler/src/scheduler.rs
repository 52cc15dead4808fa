//! The scheduler as its node sees it: inputs and time in, actions and the next deadline out.

use std::collections::BTreeMap;

use pumasi_protocol::{Control, JobId, NodeAdvert, NodeId, Refusal};

use crate::action::Action;
use crate::config::Config;
use crate::context::{Context, Outbox, Scene};
use crate::draw::Draw;
use crate::executor::Executor;
use crate::input::{Input, Link, MemberFacts};
use crate::mesh::Mesh;
use crate::owner::{Here, Owner};
use crate::time::Time;
use crate::timers::{Timers, Wakeup};
use crate::view::{ExecutorView, NodeView, View, Why};

/// One node's scheduler.
#[derive(Debug, Clone)]
pub struct Scheduler {
    me: NodeId,
    config: Config,
    draw: Draw,
    now: Time,
    mesh: Mesh,
    owner: Owner,
    executor: Executor,
    timers: Timers,
    out: Outbox,
}

impl Scheduler {
    /// A scheduler for the node `me`. Equal arguments and inputs give equal actions.
    #[must_use]
    pub fn new(me: NodeId, config: Config, seed: u64, now: Time) -> Self {
        Self {
            me,
            config,
            draw: Draw::new(seed),
            now,
            mesh: Mesh::new(me),
            owner: Owner::default(),
            executor: Executor::default(),
            timers: Timers::default(),
            out: Outbox::default(),
        }
    }

    /// Takes one input. Never fails: what is wrong, late or unknown is refused or ignored.
    /// Time that runs backwards counts as standing still.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        self.on_input(input);
        self.settle();
    }

    /// Acts on all deadlines that are due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(reason) = self.timers.pop_due(self.now) {
            let (owner, executor, mut ctx) = self.parts();
            match reason {
                Wakeup::Job(job) => owner.on_job_timeout(&mut ctx, job),
                Wakeup::Hedge(job) => owner.on_hedge_due(&mut ctx, job),
                Wakeup::QueueDeadline(job) => owner.on_queue_deadline(&mut ctx, job),
                Wakeup::Reservation(attempt) => executor.on_reservation_timeout(&mut ctx, attempt),
                Wakeup::Yield(attempt) => executor.on_paused_too_long(&mut ctx, attempt),
                Wakeup::LoadBackoff(model) => executor.on_load_backoff_over(&mut ctx, &model),
            }
            self.settle();
        }
    }

    /// The next deadline and its reason.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Time, Wakeup)> {
        self.timers.next()
    }

    /// The next thing to do. To be drained after each `handle` and `handle_timeout`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.pop_action()
    }

    /// A read-only look at what it knows.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { scheduler: self }
    }

    fn parts(&mut self) -> (&mut Owner, &mut Executor, Context<'_>) {
        let ctx = Context {
            now: self.now,
            me: self.me,
            config: &self.config,
            mesh: &mut self.mesh,
            draw: &mut self.draw,
            timers: &mut self.timers,
            out: &mut self.out,
        };
        (&mut self.owner, &mut self.executor, ctx)
    }

    fn on_input(&mut self, input: Input) {
        let (owner, executor, mut ctx) = self.parts();
        let ctx = &mut ctx;
        match input {
            Input::Submit { job, need, floor } => owner.on_submit(ctx, job, *need, floor),
            Input::Cancel { job } => owner.on_cancel(ctx, job),
            Input::Message { from, control } => self.on_message(from, control),
            Input::SendFailed { to, attempt } => owner.on_send_failed(ctx, attempt, to),
            Input::Advert(advert) => {
                let node = advert.node;
                ctx.mesh.on_advert(*advert, ctx.now);
                owner.on_mesh_changed(ctx, Some(node));
            }
            Input::Delta(delta) => {
                if ctx.mesh.on_delta(&delta, ctx.now) {
                    owner.on_mesh_changed(ctx, Some(delta.node));
                }
            }
            Input::State { node, state } => {
                if ctx.mesh.on_state(node, &state, ctx.now) {
                    owner.on_mesh_changed(ctx, Some(node));
                }
            }
            Input::Left { node } => {
                ctx.mesh.on_left(node);
                owner.on_lost(ctx, &[node], false);
            }
            Input::Peer { node, link } => self.on_peer(node, link),
            Input::Roster { members } => self.on_roster(members),
            Input::Local { advert, model_memory } => {
                let node = ctx.me;
                executor.on_local(ctx, *advert, model_memory);
                owner.on_mesh_changed(ctx, Some(node));
            }
            Input::Desk { state } => executor.on_desk(ctx, state),
            Input::Preload { model } => executor.on_preload(ctx, &model),
            Input::Release { model } => executor.on_release(ctx, &model),
            Input::Pin { model, pinned } => executor.on_pin(ctx, &model, pinned),
            Input::ModelLoading { model } => executor.on_model_loading(ctx, &model),
            Input::ModelLoaded { model, facts } => executor.on_model_loaded(ctx, &model, &facts),
            Input::ModelUnloaded { model } => executor.on_model_unloaded(ctx, &model),
            Input::LoadFailed { model, fault } => executor.on_load_failed(ctx, &model, &fault),
            Input::AttemptStarted { attempt } => owner.on_started(ctx, attempt),
            Input::AnswerBegun { attempt, file, patience_ms } => {
                owner.on_answer_begun(ctx, attempt, file, patience_ms);
            }
            Input::AttemptEnded { attempt, outcome } => owner.on_ended(ctx, attempt, outcome),
            Input::StreamOpened { from, attempt } => {
                executor.on_stream_opened(ctx, from, attempt);
            }
            Input::ExecutorDone { attempt, usage, timings, fault } => {
                executor.on_done(ctx, attempt, usage, timings, fault.as_ref());
            }
        }
    }

    /// A control message; of strangers only offers are answered, with a refusal.
    fn on_message(&mut self, from: NodeId, control: Control) {
        let is_member = self.mesh.member(from).is_some();
        let (owner, executor, mut ctx) = self.parts();
        let ctx = &mut ctx;
        match control {
            Control::Offer(offer) if is_member => executor.on_offer(ctx, from, *offer),
            Control::Offer(offer) => {
                let (attempt, refusal) = (offer.attempt, Refusal::NotMember);
                ctx.send(from, Control::Refuse { attempt, refusal });
            }
            Control::Bid { attempt, bid } if is_member => owner.on_bid(ctx, from, attempt, bid),
            Control::Refuse { attempt, refusal } if is_member => {
                owner.on_refusal(ctx, from, attempt, refusal);
            }
            Control::Claim { attempt } if is_member => owner.on_claim(ctx, from, attempt),
            Control::Bind { attempt } if is_member => executor.on_bind(ctx, from, attempt),
            Control::Gone { attempt } if is_member => executor.on_gone(ctx, from, attempt),
            Control::Unbound { attempt, refusal } if is_member => {
                owner.on_unbound(ctx, from, attempt, refusal);
            }
            Control::Idle if is_member => ctx.mesh.on_idle(from, ctx.now),
            Control::Bid { .. }
            | Control::Refuse { .. }
            | Control::Claim { .. }
            | Control::Bind { .. }
            | Control::Gone { .. }
            | Control::Unbound { .. }
            | Control::Idle => {}
        }
    }

    fn on_peer(&mut self, node: NodeId, link: Link) {
        let (owner, executor, mut ctx) = self.parts();
        let is_new = ctx.mesh.on_link(node, link);
        match link {
            Link::Up { .. } if is_new => owner.on_mesh_changed(&mut ctx, None),
            Link::Up { .. } => {}
            Link::Down => {
                executor.on_owner_down(&mut ctx, node);
                owner.on_lost(&mut ctx, &[node], false);
            }
        }
    }

    fn on_roster(&mut self, members: BTreeMap<NodeId, MemberFacts>) {
        let (owner, executor, mut ctx) = self.parts();
        let expelled = ctx.mesh.set_members(members);
        executor.on_expelled(&mut ctx, &expelled);
        owner.on_lost(&mut ctx, &expelled, true);
        owner.on_mesh_changed(&mut ctx, None);
    }

    /// Lets owner and executor of this node talk, and places what is to be placed, until both rest.
    fn settle(&mut self) {
        loop {
            if let Some(control) = self.out.pop_own() {
                self.on_own_message(control);
            } else if !self.place_next() {
                return;
            }
        }
    }

    fn place_next(&mut self) -> bool {
        let (owner, executor, mut ctx) = self.parts();
        let Some((job, need)) = owner.next_to_place() else { return false };
        executor.refresh(&mut ctx);
        let here = Here {
            warm: executor.is_warm_and_idle(need),
            cached_tokens: executor.cached_here(need),
        };
        owner.place(&mut ctx, job, here);
        true
    }

    /// A message between the two parts of this node, whatever the roster says.
    fn on_own_message(&mut self, control: Control) {
        let (owner, executor, mut ctx) = self.parts();
        let (me, ctx) = (ctx.me, &mut ctx);
        match control {
            Control::Offer(offer) => executor.on_offer(ctx, me, *offer),
            Control::Bid { attempt, bid } => owner.on_bid(ctx, me, attempt, bid),
            Control::Refuse { attempt, refusal } => owner.on_refusal(ctx, me, attempt, refusal),
            Control::Claim { attempt } => owner.on_claim(ctx, me, attempt),
            Control::Bind { attempt } => executor.on_bind(ctx, me, attempt),
            Control::Gone { attempt } => executor.on_gone(ctx, me, attempt),
            Control::Unbound { attempt, refusal } => owner.on_unbound(ctx, me, attempt, refusal),
            Control::Idle => {}
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene { now: self.now, me: self.me, config: &self.config, mesh: &self.mesh }
    }

    pub(crate) fn mesh_view(&self) -> BTreeMap<NodeId, NodeView<'_>> {
        self.mesh.view(self.now, &self.config)
    }

    pub(crate) fn node_view(&self, node: NodeId) -> Option<NodeView<'_>> {
        self.mesh.node_view(node, self.now, &self.config)
    }

    pub(crate) fn live_jobs(&self) -> Vec<&Why> {
        self.owner.live()
    }

    pub(crate) fn why(&self, job: JobId) -> Option<&Why> {
        self.owner.why(job)
    }

    pub(crate) fn executor_view(&self) -> ExecutorView {
        self.executor.view(self.scene())
    }

    pub(crate) fn own_advert(&self) -> Option<NodeAdvert> {
        self.executor.advert(self.scene())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.owner.is_idle()
            && self.executor.is_idle()
            && self.mesh.has_no_offers()
            && self.out.is_empty()
    }
}

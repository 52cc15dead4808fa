//! The scheduler as its node sees it: inputs and time in, actions and the next deadline out.

use std::collections::{BTreeMap, VecDeque};

use pumasi_protocol::{JobId, NodeAdvert, NodeId};

use crate::action::Action;
use crate::config::Config;
use crate::draw::Draw;
use crate::input::Input;
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
    timers: Timers,
    actions: VecDeque<Action>,
}

impl Scheduler {
    /// A scheduler for the node `me`. Equal arguments and inputs give equal actions.
    #[must_use]
    pub fn new(me: NodeId, config: Config, seed: u64, now: Time) -> Self {
        let timers = Timers::default();
        Self { me, config, draw: Draw::new(seed), now, timers, actions: VecDeque::new() }
    }

    /// Takes one input. Never fails: what is wrong, late or unknown is refused or ignored.
    /// Time that runs backwards counts as standing still.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        drop(input);
    }

    /// Acts on all deadlines that are due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(reason) = self.timers.pop_due(self.now) {
            drop(reason);
        }
    }

    /// The next deadline and its reason.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Time, Wakeup)> {
        self.timers.next()
    }

    /// The next thing to do. To be drained after each `handle` and `handle_timeout`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// A read-only look at what it knows.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { scheduler: self }
    }

    pub(crate) fn mesh_view(&self) -> BTreeMap<NodeId, NodeView> {
        BTreeMap::new()
    }

    pub(crate) fn live_jobs(&self) -> Vec<&Why> {
        Vec::new()
    }

    pub(crate) fn why(&self, _job: JobId) -> Option<&Why> {
        None
    }

    pub(crate) fn executor_view(&self) -> ExecutorView {
        ExecutorView { model_memory: 0, models: Vec::new(), reservations: Vec::new() }
    }

    pub(crate) fn own_advert(&self) -> Option<NodeAdvert> {
        None
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.actions.is_empty()
    }
}

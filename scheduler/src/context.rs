//! What both parts of a scheduler share while they handle one input.

use std::collections::VecDeque;

use pumasi_protocol::{Control, NodeId};

use crate::action::Action;
use crate::config::Config;
use crate::draw::Draw;
use crate::limits;
use crate::mesh::Mesh;
use crate::time::Time;
use crate::timers::Timers;

/// What was decided and not yet taken away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    actions: VecDeque<Action>,
    own: VecDeque<Control>,
}

impl Outbox {
    pub(crate) fn act(&mut self, action: Action) {
        assert!(self.actions.len() < limits::ACTIONS, "actions are drained after each input");
        self.actions.push_back(action);
    }

    pub(crate) fn pop_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next message from one part of this node to the other.
    pub(crate) fn pop_own(&mut self) -> Option<Control> {
        self.own.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.own.is_empty()
    }
}

/// Borrowed for one input.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) me: NodeId,
    pub(crate) config: &'a Config,
    pub(crate) mesh: &'a mut Mesh,
    pub(crate) draw: &'a mut Draw,
    pub(crate) timers: &'a mut Timers,
    pub(crate) out: &'a mut Outbox,
}

/// The same, to look at only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) now: Time,
    pub(crate) me: NodeId,
    pub(crate) config: &'a Config,
    pub(crate) mesh: &'a Mesh,
}

impl Context<'_> {
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene { now: self.now, me: self.me, config: self.config, mesh: self.mesh }
    }

    /// Sends to a peer, or to the other part of this node: owner and executor speak the same
    /// protocol whether or not a network lies between them.
    pub(crate) fn send(&mut self, to: NodeId, control: Control) {
        if to == self.me {
            self.out.own.push_back(control);
        } else {
            self.out.act(Action::Send { to, control });
        }
    }
}

//! Hints of an idle executor: when a slot falls free and nobody waits for it, some of the owners that
//! asked this node lately are told, so that their next jobs need not guess from gossip.

use std::collections::VecDeque;

use pumasi_protocol::{Admission, Control, NodeId, Tempo};

use crate::context::Context;
use crate::draw::Draw;
use crate::limits;
use crate::mesh::Mesh;
use crate::view::Residence;

use super::Executor;

/// The other owners that asked this node, the latest last, and whether they are owed a hint.
#[derive(Debug, Clone, Default)]
pub(super) struct Askers {
    latest: VecDeque<NodeId>,
    owed: bool,
}

impl Askers {
    pub(super) fn on_offer(&mut self, from: NodeId) {
        if self.latest.back() == Some(&from) {
            return;
        }
        self.latest.retain(|node| *node != from);
        if self.latest.len() >= limits::ASKERS {
            self.latest.pop_front();
        }
        self.latest.push_back(from);
    }

    /// A slot was taken: once it is free again, that is news.
    pub(super) fn on_bind(&mut self) {
        self.owed = true;
    }

    /// Different members, drawn.
    fn draw(&self, count: usize, mesh: &Mesh, draw: &mut Draw) -> Vec<NodeId> {
        let members = self.latest.iter().filter(|node| mesh.member(**node).is_some());
        let mut left: Vec<NodeId> = members.copied().collect();
        let mut drawn = Vec::new();
        while drawn.len() < count && !left.is_empty() {
            let index = usize::try_from(draw.below(left.len() as u64)).expect("below a usize");
            drawn.push(left.swap_remove(index));
        }
        drawn
    }
}

impl Executor {
    /// After anything that may have freed a slot.
    pub(super) fn hint_if_idle(&mut self, ctx: &mut Context<'_>) {
        let accepting = self.advert.as_ref().is_some_and(|a| a.admission == Admission::Accepting);
        let lends = accepting && self.foreign_tempo(ctx.scene()) != Tempo::Paused;
        if !self.askers.owed || !lends || self.is_awaited() || !self.has_free_slot() {
            return;
        }
        self.askers.owed = false;
        let count = usize::from(ctx.config.idle_hints);
        for owner in self.askers.draw(count, ctx.mesh, ctx.draw) {
            ctx.send(owner, Control::Idle);
        }
    }

    fn has_free_slot(&self) -> bool {
        let mut loaded = self.models.iter().filter(|(_, m)| m.residence == Residence::Loaded);
        loaded.any(|(name, _)| self.models.can_hold(name, false))
    }
}

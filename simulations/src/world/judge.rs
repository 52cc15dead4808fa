//! Checks at certain moments: after a cancellation, after a revocation, and after the faults are over.

use pumasi_protocol::{AttemptId, NodeId};
use pumasi_scheduler::{Link, Time};

use crate::oracle::{Invariant, Task, task_of};
use crate::scenario::WorldFault;

use super::World;

/// T_cancel of I12 and T_rev of I6, in milliseconds.
pub(super) const CANCEL_MS: u64 = 2_000;
pub(super) const REVOKED_MS: u64 = 5_000;
/// T_conv of I10: what is published until the snapshot is known to all by then, in milliseconds
/// after the last fault (two refreshes, because lost links are found out first).
pub(super) const SNAPSHOT_MS: u64 = 2_000;
pub(super) const CONVERGED_MS: u64 = 12_000;
/// T_dead of I10.
pub(super) const DEAD_MS: u64 = 15_000;
/// When an executor that had begun and says nothing must have been given up: two and a half seconds
/// after its last sign of life, which may have been on its way for as long as half a second.
pub(super) const GIVEN_UP_MS: u64 = 3_250;
/// How long a connection may take to be noticed as broken, in milliseconds.
const BREAK_MS: u64 = 5_000;
/// In a mesh of more nodes than this, only some pairs are compared.
const ALL_PAIRS: usize = 60;

impl World<'_> {
    /// I12: some seconds after "cancelled" no engine works for the job any more.
    pub(super) fn check_slot_free(&mut self, job: Task, at: Time) {
        let Some(owner) = self.oracle.owner(job) else { return };
        let calm = |node: usize| {
            let shell = &self.shells[node];
            let good = at.0.saturating_sub(shell.disturbed.0) / 1_000 >= BREAK_MS;
            shell.is_awake() && good && shell.hangs == 0 && shell.hostile == 0
        };
        let works = (0..self.shells.len()).find(|node| {
            let models = self.shells[*node].engines.models.values();
            // What a liar has bound under the job's number is not the job.
            let honest = |attempt: &AttemptId| {
                let told = self.shells[*node].told.get(attempt);
                told.is_some_and(|(of, _)| *of == self.shells[owner].id)
            };
            let mut runs = models.flat_map(|m| m.running.keys());
            let runs = runs.any(|attempt| task_of(*attempt) == job && honest(attempt));
            let linked = !self.wire.is_apart(owner, *node) && !self.wire.is_slow(owner, *node);
            runs && linked && calm(*node) && calm(owner)
        });
        if let Some(node) = works {
            let what =
                format!("node {node} works for {job:?} {CANCEL_MS} ms after it was cancelled");
            self.violate(Invariant::CancelFinal, what);
        }
    }

    /// I2: an executor that froze some seconds ago has no attempt of an owner who could notice.
    pub(super) fn check_given_up(&mut self, node: usize, since: Time) {
        let frozen = &self.shells[node];
        if !frozen.is_alive() || frozen.is_awake() || frozen.disturbed > since {
            return;
        }
        let waits = |owner: &&crate::shell::Shell| {
            let reading = |job| owner.chats.get(job).is_some_and(|chat| !chat.stalled);
            let mut out = owner.pumps.iter();
            let waits = out.any(|(at, p)| p.executor == node && p.begun && reading(&at.job));
            let calm = since.0.saturating_sub(owner.disturbed.0) / 1_000 >= BREAK_MS;
            let linked = !self.wire.is_slow(node, owner.index) && owner.disturbed <= since;
            owner.index != node && owner.is_awake() && calm && linked && waits
        };
        if let Some(owner) = self.shells.iter().find(waits) {
            let owner = owner.index;
            let what = format!("node {owner} still waits for node {node}, {GIVEN_UP_MS} ms frozen");
            self.violate(Invariant::GivenUp, what);
        }
    }

    /// Whether nothing has gone wrong with a machine since the last fault was over.
    fn is_settled(&self, node: usize) -> bool {
        let shell = &self.shells[node];
        shell.is_awake() && shell.hostile == 0 && shell.id == shell.own_id
    }

    pub(super) fn take_snapshot(&mut self) {
        self.snapshot = self.shells.iter().map(|shell| shell.published().0).collect();
    }

    /// Pairs of machines that should know each other.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let count = self.shells.len();
        let step = count / ALL_PAIRS + 1;
        let linked = |a: usize, b: usize| {
            let (id_a, id_b) = (self.shells[a].own_id, self.shells[b].own_id);
            a != b
                && !self.wire.is_apart(a, b)
                && self.knows(a, id_b)
                && self.knows(b, id_a)
                && self.knows(a, id_a)
        };
        let pairs = (0..count).step_by(step).flat_map(|a| (0..count).map(move |b| (a, b)));
        // Who was admitted a moment ago is still being told.
        let old =
            |n: usize| self.now.ms_since(self.shells[n].disturbed) >= CONVERGED_MS - SNAPSHOT_MS;
        let met = |a: usize, b: usize| linked(a, b) && old(a) && old(b);
        pairs.filter(|(a, b)| met(*a, *b) && self.is_settled(*a)).collect()
    }

    /// I10: some seconds after the last fault everybody knows what everybody had published.
    pub(super) fn check_converged(&mut self) {
        let permitted = self.refresh_ms().saturating_add(self.scenario.net.gossip_ms);
        if permitted > CONVERGED_MS - SNAPSHOT_MS && self.canary.is_none() {
            return;
        }
        for (a, b) in self.pairs() {
            if !self.is_settled(b) || self.was_impersonated(b) {
                continue;
            }
            let id = self.shells[b].own_id;
            let known = self.known_number(a, id);
            let published = self.snapshot[b];
            if known < published && published.0 == self.shells[b].boots {
                let what = format!(
                    "node {a} knows advert {}.{} of node {b}, which had published {}.{} long before",
                    known.0, known.1, published.0, published.1
                );
                return self.violate(Invariant::Convergence, what);
            }
        }
    }

    /// Whether another machine ran with its key, or it lied of itself: what others know of it may
    /// outlive that.
    pub(super) fn was_impersonated(&self, node: usize) -> bool {
        self.scenario.faults.iter().any(|timed| {
            let lies = matches!(timed.fault, WorldFault::Twin { .. } | WorldFault::Hostile { .. });
            lies && timed.fault.machines().contains(&node)
        })
    }

    fn known_number(&self, at: usize, id: NodeId) -> (u64, u64) {
        let scheduler = self.shells[at].scheduler.as_ref();
        let advert = scheduler.and_then(|s| s.view().node(id)?.advert);
        advert.map_or((0, 0), |advert| (advert.incarnation, advert.sequence))
    }

    /// I10: some seconds after the last fault everybody knows who is dead and who lives.
    pub(super) fn check_dead_known(&mut self) {
        let twins =
            self.scenario.faults.iter().any(|timed| matches!(timed.fault, WorldFault::Twin { .. }));
        if twins {
            return;
        }
        for (a, b) in self.pairs() {
            let scheduler = self.shells[a].scheduler.as_ref();
            let link = scheduler.and_then(|s| s.view().node(self.shells[b].own_id)).map(|n| n.link);
            let up = matches!(link, Some(Link::Up { .. }));
            if up != self.shells[b].is_awake() {
                let state = if up { "reachable" } else { "unreachable" };
                let what = format!("node {a} takes node {b} for {state}, and it is not");
                return self.violate(Invariant::Convergence, what);
            }
        }
    }

    /// I14: what a machine keeps stays within its declared bounds.
    pub(super) fn check_bounds(&mut self, node: usize) {
        use pumasi_scheduler::limits;
        if !self.counts.steps.is_multiple_of(8) {
            return;
        }
        let Some(scheduler) = &self.shells[node].scheduler else { return };
        let view = scheduler.view();
        let (jobs, reservations) = (view.jobs().len(), view.executor().reservations.len());
        if jobs > limits::JOBS || reservations > limits::RESERVATIONS {
            let what = format!("node {node} keeps {jobs} jobs and {reservations} reservations");
            self.violate(Invariant::Bounded, what);
        }
    }
}

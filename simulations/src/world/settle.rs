//! The checks that need the whole world: who was overlooked, what never ended, what was left.

use pumasi_protocol::{Fault, JobState, NodeId};
use pumasi_scheduler::{Link, Scheduler};

use crate::counts::Report;
use crate::oracle::{Invariant, Task, blames_the_mesh};
use crate::scenario::{Job, MachineSpec};
use crate::shell::{model_name, says_the_same};

use super::World;

/// How long nothing may have gone wrong with a node that counts as known to all, in milliseconds:
/// longer than an owner believes a refusal for want of memory (30 s).
const CALM_MS: u64 = 35_000;
/// After which a job goes first, and what retries and pauses may take beside it, in milliseconds.
const STARVING_MS: u64 = 180_000;
/// What offers, unloading and retries may take for one job, in milliseconds.
const SETTLING_MS: u64 = 5_000;

impl World<'_> {
    /// I9: a job must not fail for want of a node while one that its owner knows could run it.
    /// I18: nor may it wait until its deadline while one was free for it long enough.
    pub(super) fn check_failure(&mut self, owner: usize, id: Task, state: &JobState) {
        let JobState::Failed(fault) = state else { return };
        let starved = *fault == Fault::Deadline && self.is_enough_time(id);
        if !blames_the_mesh(fault) && !starved {
            return;
        }
        let able = (0..self.shells.len()).find(|node| self.could_run(owner, *node, id));
        let Some(node) = able else { return };
        let what = format!("{id:?} failed with {fault:?} while node {node} could run it");
        self.violate(if starved { Invariant::Starved } else { Invariant::Overlooked }, what);
    }

    /// The bound of I18: everything that was to be done when the faults were over, one after the
    /// other on the slowest machine, with a load before each job, and the time after which a job
    /// goes first.
    fn is_enough_time(&self, id: Task) -> bool {
        let Some(submitted) = self.oracle.submitted(id) else { return false };
        let since = submitted.max(self.calm_from);
        self.now.ms_since(since) > self.oracle.work_left_ms() + STARVING_MS
    }

    /// An upper bound of the time that a job takes on any machine that holds its model.
    pub(super) fn longest_ms(&self, job: &Job) -> u64 {
        let holds =
            |machine: &&MachineSpec| machine.models.iter().any(|held| held.model == job.model);
        let memory_mib = self.scenario.models[job.model].memory_mib;
        let each = self.scenario.machines.iter().filter(holds).map(|machine| {
            let write = u64::from(job.answer) * 1_000 / u64::from(machine.decode_per_s);
            let read = u64::from(job.prompt) * 1_000 / u64::from(machine.prefill_per_s);
            let load = memory_mib * 1_000 / machine.load_mib_per_s.max(1);
            (read + write) * 4 + load + SETTLING_MS
        });
        each.max().unwrap_or(0)
    }

    fn could_run(&self, owner: usize, node: usize, id: Task) -> bool {
        let Some(job) = self.oracle.job(id.0) else { return false };
        let shell = &self.shells[node];
        if self.was_impersonated(node) || self.was_impersonated(owner) {
            return false;
        }
        let calm = |n: usize| self.now.ms_since(self.shells[n].disturbed) >= CALM_MS;
        let awake = shell.is_awake() && shell.hangs == 0 && shell.lost_devices == 0;
        if !awake || self.wire.is_apart(owner, node) || !calm(node) || !calm(owner) {
            return false;
        }
        let known = self.shells[owner].scheduler.as_ref().is_some_and(|s| {
            s.view().node(shell.id).is_some_and(|n| {
                n.advert.is_some() && (node == owner || matches!(n.link, Link::Up { .. }))
            })
        });
        // Who was just revoked may be the first to hear of it, and refuse.
        let belongs = self.knows(owner, shell.id)
            && self.knows(node, shell.id)
            && self.knows(node, self.shells[owner].id)
            && self.knows(owner, self.shells[owner].id);
        let trusted = !job.mine || shell.spec.person == Some(job.person);
        let open = shell.pauses == 0 || node == owner;
        let fits = shell
            .engines
            .models
            .get(&model_name(job.model))
            .is_some_and(|model| model.memory <= shell.budget() && job.prompt < model.context);
        known && belongs && trusted && open && fits && shell.hostile == 0
    }

    /// I2, for chats: each ends, unless its owner is gone.
    pub(super) fn check_all_ended(&mut self) {
        let mut unended = self.oracle.unended().iter().copied();
        let lasting = unended
            .find(|id| self.oracle.owner(*id).is_some_and(|owner| self.shells[owner].is_awake()));
        if let Some(id) = lasting {
            return self.violate(Invariant::Ends, format!("{id:?} has not ended"));
        }
        self.check_lasting();
    }

    /// I13: at rest nothing is reserved, bound or running anywhere. I10: and everybody knows the
    /// truth. I20: and the same entries give the same roster.
    pub(super) fn check_at_rest(&mut self) {
        if !self.oracle.violations.is_empty() {
            return;
        }
        let honest = |shell: &&crate::shell::Shell| !self.was_impersonated(shell.index);
        // The jobs of whoever lied once are its own affair, and may still run.
        let lied =
            |owner: &NodeId| self.by_id.get(owner).is_some_and(|n| self.was_impersonated(*n));
        let waited_for = |shell: &&crate::shell::Shell| {
            let told = shell.told.values().map(|(owner, _)| owner);
            !told.chain(shell.expected.values()).any(lied)
        };
        let awake = self.shells.iter().filter(|shell| shell.is_awake()).filter(honest);
        let awake = awake.filter(waited_for);
        let busy = awake.into_iter().find(|shell| {
            let idle = shell.scheduler.as_ref().is_none_or(|s| s.view().is_idle());
            let quiet = shell.told.is_empty() && shell.at_hand.is_empty() && shell.pumps.is_empty();
            !idle || shell.engines.running() > 0 || !quiet
        });
        if let Some(shell) = busy {
            let view = shell.scheduler.as_ref().map(Scheduler::view);
            let executor = view.map(|view| view.executor().reservations);
            let what = format!(
                "node {} is not at rest: reservations {executor:?}, told {:?}, at hand {:?}, out {:?}",
                shell.index,
                shell.told.keys(),
                shell.at_hand.keys(),
                shell.pumps.keys(),
            );
            self.violate(Invariant::Leak, what);
        }
        self.check_truth_known();
        self.check_keys();
        self.check_rosters_agree();
    }

    fn check_truth_known(&mut self) {
        let lied = self.scenario.faults.iter().any(|timed| {
            use crate::scenario::WorldFault;
            matches!(timed.fault, WorldFault::Twin { .. } | WorldFault::Hostile { .. })
        });
        let stranded = self.shells.iter().any(|shell| shell.is_alive() && !shell.is_awake());
        if lied || stranded || self.shells.iter().any(|shell| shell.log.is_some()) {
            return;
        }
        let awake: Vec<usize> =
            self.shells.iter().filter(|s| s.is_awake()).map(|s| s.index).collect();
        for a in awake.iter().copied().take(20) {
            let scheduler = self.shells[a].scheduler.as_ref();
            let nodes = scheduler.map(|s| s.view().nodes()).unwrap_or_default();
            for b in awake.iter().copied().filter(|b| *b != a && !self.wire.is_apart(a, *b)) {
                let truth = self.shells[b].scheduler.as_ref().and_then(|s| s.view().advert());
                let known = nodes.get(&self.shells[b].id).and_then(|node| node.advert);
                let same = match (&truth, known) {
                    (Some(truth), Some(known)) => says_the_same(truth, known),
                    (None, _) => true,
                    (Some(_), None) => false,
                };
                if !same {
                    let what = format!("at rest node {a} knows {known:?} of node {b}: {truth:?}");
                    return self.violate(Invariant::Convergence, what);
                }
            }
        }
    }

    pub(super) fn report(mut self) -> Report {
        let oracle = &self.oracle;
        self.counts.completed = oracle.count_ended(|s| matches!(s, JobState::Completed(_)));
        self.counts.failed = oracle.count_ended(|s| matches!(s, JobState::Failed(_)));
        self.counts.cancelled = oracle.count_ended(|s| matches!(s, JobState::Cancelled));
        self.counts.orphaned = self.counts.jobs
            - self.counts.completed
            - self.counts.failed
            - self.counts.cancelled
            - oracle.unended_chats();
        let mut kinds = std::collections::BTreeMap::new();
        for timed in self.scenario.faults.iter().filter(|t| t.at_ms <= self.now.0 / 1_000) {
            *kinds.entry(timed.fault.kind()).or_default() += 1;
        }
        Report {
            violation: self.oracle.violations.first().cloned(),
            counts: self.counts,
            situations: self.situations,
            kinds,
            digest: self.digest.finish(),
            virtual_ms: self.now.0 / 1_000,
            trace: self.trace.into_iter().collect(),
            marks: self.marks,
        }
    }
}

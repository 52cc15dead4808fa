//! Submitting, and the checks that need the whole world: who was overlooked, what never ended, what
//! was left.

use pumasi_protocol::{
    Capabilities, Constraints, Epoch, JobId, JobKind, JobState, Need, Priority, Trust,
};
use pumasi_scheduler::{Input, Link};

use crate::counts::Report;
use crate::oracle::{Invariant, blames_the_mesh};
use crate::scenario::Job;
use crate::shell::{model_name, person_id};

use super::World;

/// How long nothing may have gone wrong with a node that counts as known to all, in milliseconds.
const CALM_MS: u64 = 10_000;

/// The id of a job by its number.
pub(super) fn job_id(number: u64) -> JobId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    JobId::from_parts(number, random)
}

impl World<'_> {
    pub(super) fn submit(&mut self, node: usize, job: &Job) {
        if !self.shells[node].is_alive() {
            return;
        }
        let id = job_id(job.number);
        self.counts.jobs += 1;
        self.jobs.insert(id, job.clone());
        self.owners.insert(job.number, node);
        self.oracle.on_submit(id, self.shells[node].id);
        let trust = if job.mine { Trust::Mine } else { Trust::Mesh };
        let need = Need {
            kind: JobKind::Chat,
            model: model_name(job.model),
            file: None,
            capabilities: Capabilities { generate: true, ..Capabilities::default() },
            person: person_id(job.person),
            priority: if job.batch { Priority::Batch } else { Priority::Interactive },
            constraints: Constraints { trust, ..Constraints::default() },
            prompt_tokens: job.prompt,
            max_tokens: job.number.is_multiple_of(2).then_some(job.answer * 2),
            prefix: Vec::new(),
        };
        self.input(node, Input::Submit { job: id, need: Box::new(need), floor: Epoch(0) });
    }

    /// I9: a job must not fail for want of a node while one that its owner knows could run it.
    pub(super) fn check_failure(&mut self, owner: usize, id: JobId, state: &JobState) {
        let JobState::Failed(fault) = state else { return };
        if !blames_the_mesh(fault) {
            return;
        }
        let able = (0..self.shells.len()).find(|node| self.could_run(owner, *node, id));
        if let Some(node) = able {
            let what = format!("{id:?} failed with {fault:?} while node {node} could run it");
            self.violate(Invariant::Overlooked, what);
        }
    }

    fn could_run(&self, owner: usize, node: usize, id: JobId) -> bool {
        let (job, shell) = (&self.jobs[&id], &self.shells[node]);
        let calm = |n: usize| self.now.ms_since(self.shells[n].disturbed) >= CALM_MS;
        if !shell.is_alive() || self.wire.is_cut(owner, node) || !calm(node) || !calm(owner) {
            return false;
        }
        let known = self.shells[owner].scheduler.as_ref().is_some_and(|s| {
            let nodes = s.view().nodes();
            nodes.get(&shell.id).is_some_and(|n| {
                n.advert.is_some() && (node == owner || matches!(n.link, Link::Up { .. }))
            })
        });
        let trusted = !job.mine || shell.spec.person == Some(job.person);
        let open = !shell.paused || node == owner;
        let fits = shell.engines.models.get(&model_name(job.model)).is_some_and(|model| {
            model.memory <= shell.engines.budget && job.prompt < model.context
        });
        known && trusted && open && fits
    }

    pub(super) fn check_all_ended(&mut self) {
        if let Some(id) = self.oracle.unended().first().copied() {
            let what = format!("{id:?} has not ended");
            self.violate(Invariant::Ends, what);
        }
    }

    /// I13: at rest nothing is reserved, bound or running anywhere.
    pub(super) fn check_nothing_left(&mut self) {
        let busy = self.shells.iter().find(|shell| {
            let idle = shell.scheduler.as_ref().is_none_or(|s| s.view().is_idle());
            !idle || shell.engines.running() > 0 || !shell.told.is_empty()
        });
        if let Some(shell) = busy {
            let executor = shell.scheduler.as_ref().map(|s| s.view().executor().reservations);
            let what = format!("node {} is not at rest: {executor:?}", shell.index);
            self.violate(Invariant::Leak, what);
        }
    }

    pub(super) fn report(mut self) -> Report {
        self.counts.completed =
            self.oracle.count_ended(|state| matches!(state, JobState::Completed(_)));
        self.counts.failed = self.oracle.count_ended(|state| matches!(state, JobState::Failed(_)));
        self.counts.cancelled =
            self.oracle.count_ended(|state| matches!(state, JobState::Cancelled));
        self.counts.orphaned = self.counts.jobs
            - self.counts.completed
            - self.counts.failed
            - self.counts.cancelled
            - self.oracle.unended().len() as u64;
        Report {
            violation: self.oracle.violations.first().cloned(),
            counts: self.counts,
            digest: self.digest,
            virtual_ms: self.now.0 / 1_000,
            trace: self.trace.into_iter().collect(),
        }
    }
}

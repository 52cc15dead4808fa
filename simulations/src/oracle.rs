//! What must hold, checked from outside the schedulers by one who sees all nodes.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::{AttemptId, Epoch, Fault, JobId, JobState, ModelName, NodeId, Term};
use pumasi_scheduler::Time;

use crate::engine::{Chain, Engines};
use crate::scenario::Job;

mod invariant;
mod lasting;

pub use invariant::{Invariant, Violation};
pub(crate) use lasting::LastingOracle;

/// Work on a job under one owner: chats have one term, lasting jobs one for each owner in turn.
pub(crate) type Task = (JobId, Term);

/// Of which task an attempt is.
pub(crate) fn task_of(attempt: AttemptId) -> Task {
    (attempt.job, Term::of(attempt.epoch))
}

/// What is remembered of each job.
#[derive(Debug, Clone)]
struct Followed {
    job: Job,
    owner: usize,
    submitted: Time,
    /// An upper bound of the time that it takes, in milliseconds.
    longest_ms: u64,
    dispatched: Epoch,
    ended: Option<JobState>,
    /// What its client got: how many tokens, and what the next one is.
    next: u32,
    chain: Chain,
    /// A hostile member ran it, so that its content proves nothing.
    tainted: bool,
    /// Its owner is hostile: what it does with its own jobs is its own affair.
    void: bool,
    /// Where an engine crashed under it that was given to it alone, and where one that had nothing
    /// else in it.
    crashed_alone: BTreeSet<usize>,
    crashed_single: BTreeSet<usize>,
    /// It was in an engine that a poisonous job crashed.
    neighbour: bool,
}

/// An engine that crashed under an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) node: usize,
    /// It was given to the attempt alone.
    pub(crate) alone: bool,
    /// Nothing else was in it.
    pub(crate) single: bool,
}

/// The observer of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    specs: BTreeMap<JobId, Job>,
    jobs: BTreeMap<Task, Followed>,
    /// Work that has not ended and whose owner lives.
    live: BTreeSet<Task>,
    /// Where each attempt was expected or run.
    bound: BTreeMap<AttemptId, NodeId>,
    /// Crashes of which the owners have not heard.
    crashes: BTreeMap<AttemptId, Crash>,
    pub(crate) lasting: LastingOracle,
    pub(crate) violations: Vec<Violation>,
}

impl Oracle {
    pub(crate) fn violate(&mut self, invariant: Invariant, now: Time, what: String) {
        self.violations.push(Violation { invariant, at_us: now.0, what });
    }

    /// A person gave a job.
    pub(crate) fn on_given(&mut self, id: JobId, job: &Job) {
        self.specs.insert(id, job.clone());
    }

    /// An owner gives a job to its scheduler.
    pub(crate) fn on_submit(
        &mut self,
        now: Time,
        task: Task,
        owner: usize,
        job: &Job,
        longest_ms: u64,
    ) {
        let followed = Followed {
            job: job.clone(),
            owner,
            submitted: now,
            longest_ms,
            dispatched: Epoch(0),
            ended: None,
            next: 0,
            chain: Chain::of(job.number),
            tainted: false,
            void: false,
            crashed_alone: BTreeSet::new(),
            crashed_single: BTreeSet::new(),
            neighbour: false,
        };
        self.jobs.insert(task, followed);
        self.live.insert(task);
    }

    /// Chats end with the node that they came to.
    pub(crate) fn on_owner_died(&mut self, owner: usize) {
        let jobs = &self.jobs;
        self.live.retain(|id| jobs[id].owner != owner);
    }

    /// From here on nothing is asked of the jobs that this owner has.
    pub(crate) fn on_owner_hostile(&mut self, owner: usize) {
        self.on_owner_died(owner);
        let theirs = self.jobs.values_mut().filter(|f| f.owner == owner);
        theirs.for_each(|followed| followed.void = true);
    }

    /// A hostile member wrote for this job.
    pub(crate) fn on_taint(&mut self, id: Task) {
        if let Some(followed) = self.jobs.get_mut(&id) {
            followed.tainted = true;
        }
    }

    /// What is remembered of a job that is to be checked.
    fn followed(&mut self, id: Task) -> Option<&mut Followed> {
        self.jobs.get_mut(&id).filter(|followed| !followed.void)
    }

    pub(crate) fn job(&self, id: JobId) -> Option<&Job> {
        self.specs.get(&id)
    }

    pub(crate) fn submitted(&self, id: Task) -> Option<Time> {
        self.jobs.get(&id).map(|f| f.submitted)
    }

    /// The faults are over: what has ended by now does not count for how long the others may wait.
    pub(crate) fn on_calm(&mut self) {
        let ended = self.jobs.values_mut().filter(|followed| followed.ended.is_some());
        ended.for_each(|followed| followed.longest_ms = 0);
    }

    /// An upper bound of all work that was left when the faults were over, in milliseconds.
    pub(crate) fn work_left_ms(&self) -> u64 {
        self.jobs.values().map(|followed| followed.longest_ms).sum()
    }

    pub(crate) fn owner(&self, id: Task) -> Option<usize> {
        self.jobs.get(&id).map(|f| f.owner)
    }

    pub(crate) fn has_ended(&self, id: Task) -> bool {
        self.jobs.get(&id).is_none_or(|f| f.ended.is_some())
    }

    /// Work that has not ended although its owner lives.
    pub(crate) fn unended(&self) -> &BTreeSet<Task> {
        &self.live
    }

    /// Chats that have not ended although their owners live.
    pub(crate) fn unended_chats(&self) -> u64 {
        self.live.iter().filter(|task| self.jobs[*task].job.lasting.is_none()).count() as u64
    }

    pub(crate) fn count_ended(&self, matches: impl Fn(&JobState) -> bool) -> u64 {
        let chats = self.jobs.values().filter(|f| f.job.lasting.is_none());
        chats.filter_map(|f| f.ended.as_ref()).filter(|s| matches(s)).count() as u64
    }

    /// An owner bound an attempt: epochs only rise.
    pub(crate) fn on_dispatch(&mut self, now: Time, attempt: AttemptId, hostile: bool) {
        let Some(followed) = self.followed(task_of(attempt)) else { return };
        let before = followed.dispatched;
        followed.dispatched = attempt.epoch;
        followed.tainted |= hostile;
        if before >= attempt.epoch && !self.lasting.is_broken(attempt.job) {
            let what = format!("{attempt:?} was dispatched after epoch {}", before.0);
            self.violate(Invariant::Fencing, now, what);
        }
    }

    /// A node believes that an attempt is bound to it. `owner`: for whom; what a liar invents under
    /// another's number is not followed.
    pub(crate) fn on_bound(
        &mut self,
        now: Time,
        attempt: AttemptId,
        owner: Option<usize>,
        node: NodeId,
    ) {
        let theirs = self.followed(task_of(attempt)).map(|followed| followed.owner);
        if owner.is_none() || owner != theirs {
            return;
        }
        match self.bound.insert(attempt, node) {
            Some(other) if other != node && !self.lasting.is_broken(attempt.job) => {
                let what = format!("{attempt:?} is bound to {other:?} and to {node:?}");
                self.violate(Invariant::Fencing, now, what);
            }
            Some(_) | None => {}
        }
    }

    /// Whether an attempt is older than the newest that its owner bound.
    pub(crate) fn is_stale(&self, attempt: AttemptId) -> bool {
        self.jobs.get(&task_of(attempt)).is_some_and(|f| f.dispatched > attempt.epoch)
    }

    /// I5, I12, I17: the client of a job got tokens.
    pub(crate) fn on_tokens(&mut self, now: Time, id: Task, index: u32, ids: &[u32]) {
        if self.lasting.is_broken(id.0) {
            return;
        }
        let Some(followed) = self.followed(id) else { return };
        let expected = followed.next;
        let mut wrong = None;
        for (at, got) in (index..).zip(ids) {
            if *got != followed.chain.next() && wrong.is_none() {
                wrong = Some(at);
            }
            followed.chain = followed.chain.with(*got);
        }
        followed.next = index.saturating_add(u32::try_from(ids.len()).unwrap_or(u32::MAX));
        let (ended, tainted) = (followed.ended.clone(), followed.tainted);
        if let Some(end) = ended {
            let cancelled = end == JobState::Cancelled;
            let invariant =
                if cancelled { Invariant::CancelFinal } else { Invariant::TerminalOnce };
            let what = format!("the client of {id:?} got token {index} after {end:?}");
            self.violate(invariant, now, what);
        } else if index != expected {
            let what = format!("the client of {id:?} got token {index}, and {expected} was next");
            self.violate(Invariant::Tokens, now, what);
        } else if let Some(at) = wrong.filter(|_| !tainted) {
            let what =
                format!("token {at} of {id:?} is not the one that follows from those before");
            let invariant =
                if self.is_anothers(id, ids) { Invariant::Isolation } else { Invariant::Tokens };
            self.violate(invariant, now, what);
        }
    }

    /// Whether these tokens are from the beginning of another job's answer.
    fn is_anothers(&self, id: Task, ids: &[u32]) -> bool {
        let others = self.jobs.iter().filter(|(other, _)| other.0 != id.0);
        let first = ids.first().copied();
        others.map(|(_, f)| f).any(|f| first == Some(Chain::of(f.job.number).next()))
    }

    /// A job changed its state. `stale`: because of news of an attempt that does not stand.
    pub(crate) fn on_state(&mut self, now: Time, id: Task, state: &JobState, stale: bool) {
        let broken = self.lasting.is_broken(id.0);
        let Some(followed) = self.followed(id) else { return };
        if broken {
            if state.is_terminal() {
                followed.ended = Some(state.clone());
                self.live.remove(&id);
            }
            return;
        }
        if let Some(before) = &followed.ended {
            let what = format!("{id:?} became {state:?} after {before:?}");
            return self.violate(Invariant::TerminalOnce, now, what);
        }
        let (got, answer, tainted) = (followed.next, followed.job.answer, followed.tainted);
        if state.is_terminal() {
            followed.ended = Some(state.clone());
            self.live.remove(&id);
        }
        if stale {
            let what = format!("news of an old epoch made {id:?} {state:?}");
            self.violate(Invariant::Fencing, now, what);
        }
        if matches!(state, JobState::Completed(_)) && got != answer && !tainted {
            let what = format!("{id:?} is complete, and its client has {got} of {answer} tokens");
            self.violate(Invariant::Tokens, now, what);
        }
    }

    /// I21: an engine crashed under an attempt. `alone`: it was given to it alone; `single`: nothing
    /// else was in it; `poison`: the job, or one beside it, crashes engines.
    pub(crate) fn on_crash(&mut self, attempt: AttemptId, crash: Crash, poison: bool) {
        self.crashes.insert(attempt, crash);
        let Some(followed) = self.jobs.get_mut(&task_of(attempt)) else { return };
        followed.neighbour |= poison && !followed.job.poison;
    }

    /// I21: the owner of an attempt is told its end, so that a crash counts from here on.
    pub(crate) fn on_end_told(&mut self, attempt: AttemptId) {
        let Some(crash) = self.crashes.remove(&attempt) else { return };
        let Some(followed) = self.jobs.get_mut(&task_of(attempt)) else { return };
        if crash.alone {
            followed.crashed_alone.insert(crash.node);
        }
        if crash.single {
            followed.crashed_single.insert(crash.node);
        }
    }

    /// Whether it was in an engine that a poisonous job crashed.
    pub(crate) fn is_neighbour(&self, id: Task) -> bool {
        self.jobs.get(&id).is_some_and(|followed| followed.neighbour)
    }

    /// I21: a crash was told, and the job may have ended with it. Who did not crash the engines of two
    /// nodes by itself must not have.
    pub(crate) fn check_innocent(&mut self, now: Time, id: Task) {
        let Some(followed) = self.followed(id) else { return };
        let crashed = followed.crashed_single.clone();
        let blamed = followed.ended == Some(JobState::Failed(Fault::EngineCrash));
        if blamed && !followed.job.poison && followed.neighbour && crashed.len() < 2 {
            let what = format!(
                "{id:?} shared an engine with a poisonous job and ended for its crash; of its own it \
                 crashed the engines of {crashed:?}"
            );
            self.violate(Invariant::Poison, now, what);
        }
    }

    /// I21: an attempt begins; one that crashed two nodes' engines must not.
    pub(crate) fn on_run(&mut self, now: Time, attempt: AttemptId, node: usize) {
        let Some(followed) = self.followed(task_of(attempt)) else { return };
        let crashed = followed.crashed_alone.clone();
        // A machine that was away may begin what its owner gave up long ago.
        let stands = attempt.epoch >= followed.dispatched && followed.ended.is_none();
        if stands && crashed.len() >= 2 && !crashed.contains(&node) {
            let what = format!(
                "{:?} crashed the engines of nodes {crashed:?}, alone, and was begun on node {node}",
                attempt.job
            );
            self.violate(Invariant::Poison, now, what);
        }
    }

    /// What a machine really does, after each step on it.
    pub(crate) fn on_step(&mut self, now: Time, node: usize, engines: &Engines) {
        let resident = engines.resident();
        if resident > engines.budget {
            let what = format!("node {node} has {resident} bytes in use of {}", engines.budget);
            self.violate(Invariant::Memory, now, what);
        }
        for (name, model) in &engines.models {
            if model.running.len() > usize::from(model.slots) {
                self.violate(Invariant::Memory, now, too_many(node, model.running.len(), name));
            }
        }
    }
}

fn too_many(node: usize, running: usize, name: &ModelName) -> String {
    format!("node {node} runs {running} attempts on {name}, more than it has slots")
}

/// Whether a failure says that nobody could run the job.
pub(crate) fn blames_the_mesh(fault: &Fault) -> bool {
    matches!(fault, Fault::NoCandidate | Fault::Refused(_))
}

//! What people do: they submit, cancel, leave, do not read on, and change who belongs.

use pumasi_protocol::{
    AttemptId, Capabilities, Constraints, Epoch, Fault, JobId, JobKind, JobState, Need, Priority,
    Term, Trust,
};
use pumasi_scheduler::{Input, Outcome};

use crate::canary::Canary;
use crate::oracle::Task;
use crate::scenario::{Client, Job, Moment, Operation};
use crate::shell::{Chat, model_name, person_id};
use crate::situations::Situation;

use super::World;
use super::events::Event;
use super::judge::CANCEL_MS;

/// Time after which a connection on which nothing is read is given up, in microseconds.
const STALLED_US: u64 = 30_000_000;
/// Time that a person takes to cancel, in microseconds.
const REACTION_US: u64 = 1_000;

/// The id of a job by its number.
pub(super) fn job_id(number: u64) -> JobId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    JobId::from_parts(number, random)
}

impl World<'_> {
    pub(super) fn operate(&mut self, index: usize) {
        let op = &self.scenario.workload[index];
        match &op.operation {
            Operation::Submit(job) => self.submit(op.node, job),
            Operation::Cancel { number } => {
                let given = self.oracle.job(job_id(*number));
                if given.is_some_and(|job| job.lasting.is_some()) {
                    self.cancel_lasting(op.node, job_id(*number));
                } else if let Some(owner) = self.owners.get(number).copied() {
                    let boot = self.shells[owner].boots;
                    let job = job_id(*number);
                    self.later(0, Event::ClientCancels { node: owner, boot, job });
                }
            }
            Operation::Adopt { number } => self.adopt(op.node, job_id(*number)),
            Operation::Preload { model } => {
                self.awake_input(op.node, Input::Preload { model: model_name(*model) });
            }
            Operation::Release { model } => {
                self.awake_input(op.node, Input::Release { model: model_name(*model) });
            }
            Operation::Admit { machine, admin } => self.admit(op.node, *machine, *admin),
            Operation::Revoke { machine } => self.revoke(op.node, *machine),
        }
    }

    /// An input of a person at a machine, who can reach nobody while it is frozen.
    fn awake_input(&mut self, node: usize, input: Input) {
        if self.shells[node].is_awake() {
            self.input(node, input);
        }
    }

    fn submit(&mut self, node: usize, job: &Job) {
        let id = job_id(job.number);
        if !self.shells[node].is_awake() || self.oracle.job(id).is_some() {
            return;
        }
        self.oracle.on_given(id, job);
        if let Some(lasting) = job.lasting {
            return self.hand_in(node, job, lasting);
        }
        self.counts.jobs += 1;
        self.owners.insert(job.number, node);
        let longest_ms = self.longest_ms(job);
        let task = (id, Term::FIRST);
        self.oracle.on_submit(self.now, task, node, job, longest_ms);
        if self.shells[node].hostile > 0 {
            self.oracle.on_owner_hostile(node);
        }
        self.shells[node].chats.insert(id, Chat::default());
        let need = Box::new(need_of(job));
        self.input(node, Input::Submit { job: id, need, floor: Epoch(0) });
        self.at_moment(node, id, Moment::Accepted);
    }

    /// A job came to a new state; its client may cancel, and its end closes the connection.
    pub(super) fn react(&mut self, node: usize, id: JobId, state: &JobState) {
        match state {
            JobState::Waiting => {}
            JobState::Bound(_) => self.at_moment(node, id, Moment::Bound),
            JobState::Running(_) => self.at_moment(node, id, Moment::Running),
            JobState::Completed(_) | JobState::Failed(_) | JobState::Cancelled => {
                if self.canary != Some(Canary::CancelledDelivered) {
                    self.shells[node].chats.remove(&id);
                }
                if *state == JobState::Cancelled {
                    let check = Event::SlotFree { job: self.task(node, id), at: self.now };
                    self.later(CANCEL_MS * 1_000, check);
                }
                self.at_moment(node, id, Moment::Ended);
            }
        }
    }

    fn at_moment(&mut self, node: usize, job: JobId, moment: Moment) {
        let client = self.oracle.job(job).map(|job| job.client);
        if client == Some(Client::CancelsWhen(moment)) {
            let boot = self.shells[node].boots;
            self.later(REACTION_US, Event::ClientCancels { node, boot, job });
        }
    }

    pub(super) fn on_client_cancels(&mut self, node: usize, boot: u64, job: JobId) {
        let shell = &self.shells[node];
        if shell.boots != boot || !shell.is_alive() {
            return;
        }
        let view = shell.scheduler.as_ref().map(pumasi_scheduler::Scheduler::view);
        let state = view.as_ref().and_then(|view| view.why(job)).map(|why| why.state.clone());
        let task = self.task(node, job);
        let ended = self.oracle.has_ended(task);
        self.saw(match state {
            Some(JobState::Waiting) => Situation::CancelWaiting,
            Some(JobState::Bound(_)) => Situation::CancelBound,
            Some(JobState::Running(_)) => Situation::CancelRunning,
            Some(JobState::Completed(_) | JobState::Failed(_) | JobState::Cancelled) | None => {
                Situation::CancelAfterEnd
            }
        });
        self.input(node, Input::Cancel { job });
        if self.canary == Some(Canary::TwoEnds) && ended {
            self.oracle.on_state(self.now, task, &JobState::Cancelled, false);
        }
    }

    /// Its client read so far; whether it reads on.
    pub(super) fn on_read(&mut self, node: usize, attempt: AttemptId) {
        let job = attempt.job;
        let Some(client) = self.oracle.job(job).map(|job| job.client) else { return };
        let boot = self.shells[node].boots;
        let Some(chat) = self.shells[node].chats.get_mut(&job) else { return };
        let count = u32::try_from(chat.delivered.len()).expect("answers are short");
        match client {
            Client::LeavesAfter(tokens) if count >= tokens => {
                self.saw(Situation::ClientLeft);
                self.later(REACTION_US, Event::ClientGone { node, boot, job });
            }
            Client::StopsReading(tokens) if count >= tokens && !chat.stalled => {
                chat.stalled = true;
                self.saw(Situation::ClientStalled);
                self.later(STALLED_US, Event::ClientGone { node, boot, job });
            }
            Client::LeavesAfter(_)
            | Client::StopsReading(_)
            | Client::Patient
            | Client::CancelsWhen(_) => {}
        }
    }

    /// The connection of a client is gone: nobody waits for the answer any more.
    pub(super) fn on_client_gone(&mut self, node: usize, boot: u64, job: JobId) {
        if self.shells[node].boots != boot || !self.shells[node].chats.contains_key(&job) {
            return;
        }
        let out = self.shells[node].pumps.keys().find(|attempt| attempt.job == job).copied();
        if let Some(attempt) = out {
            self.give_up(node, attempt);
        }
        self.input(node, Input::Cancel { job });
    }

    /// Counts how a job ended.
    pub(super) fn note_end(&mut self, id: Task, state: &JobState) {
        let poison = self.oracle.job(id.0).is_some_and(|job| job.poison);
        match state {
            JobState::Failed(Fault::NoCandidate) => self.saw(Situation::NoCandidate),
            JobState::Failed(Fault::Context { .. }) => self.saw(Situation::TooLong),
            JobState::Failed(Fault::EngineCrash) if poison => self.saw(Situation::PoisonEnded),
            JobState::Completed(executor) => self.note_completed(id, *executor),
            JobState::Failed(_)
            | JobState::Waiting
            | JobState::Bound(_)
            | JobState::Running(_)
            | JobState::Cancelled => {}
        }
    }

    fn note_completed(&mut self, id: Task, executor: pumasi_protocol::NodeId) {
        if self.oracle.is_neighbour(id) {
            self.saw(Situation::PoisonNeighbour);
        }
        let Some(owner) = self.oracle.owner(id) else { return };
        let Some(chat) = self.shells[owner].chats.get(&id.0) else { return };
        let (failovers, remote) = (chat.failovers, self.shells[owner].id != executor);
        let mine = self.oracle.job(id.0).is_some_and(|job| job.mine);
        if failovers > 0 {
            self.saw(Situation::ContinuedToTheEnd);
        }
        if mine && remote {
            self.saw(Situation::MineKept);
        }
    }
}

/// What placing a job needs to know.
pub(super) fn need_of(job: &Job) -> Need {
    let trust = if job.mine { Trust::Mine } else { Trust::Mesh };
    Need {
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
    }
}

/// News of an attempt's end for its owner.
pub(super) fn ended(attempt: AttemptId, outcome: Outcome) -> Input {
    Input::AttemptEnded { attempt, outcome }
}

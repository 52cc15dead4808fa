//! What a machine does when its scheduler tells it to: messages, bindings, states.

use pumasi_protocol::{AttemptId, Control, JobId, JobState, NodeId, Refusal};
use pumasi_scheduler::{Action, Input, Reason};

use crate::canary::Canary;
use crate::oracle::Invariant;
use crate::scenario::WorldFault;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// Time until a peer that is gone is noticed while sending to it, in microseconds.
const REFUSED_US: u64 = 1_000;

impl World<'_> {
    /// Takes and performs all actions of a machine, and lets the oracle look at it.
    pub(super) fn perform(&mut self, node: usize, stale: bool) {
        self.counts.steps += 1;
        loop {
            let shell = &mut self.shells[node];
            let action =
                shell.scheduler.as_mut().and_then(pumasi_scheduler::Scheduler::poll_action);
            if let Some(action) = action {
                self.digest.action(self.now, node, &action);
                self.note(|| format!("{node} > {action:?}"));
                self.perform_one(node, action, stale);
                continue;
            }
            let keeping = shell.keeping.as_mut();
            let Some(action) = keeping.and_then(|keeping| keeping.custody.poll_action()) else {
                break;
            };
            self.digest.add(self.now, node, 8, &action);
            self.note(|| format!("{node} > {action:?}"));
            self.perform_custody(node, action);
        }
        self.oracle.on_step(self.now, node, &self.shells[node].engines);
        self.arm(node);
    }

    fn perform_one(&mut self, node: usize, action: Action, stale: bool) {
        match action {
            Action::Send { to, control } => self.send(node, to, control),
            Action::Dispatch { attempt, executor, .. } => {
                self.check_member(node, executor, "bound a job to");
                self.note_reason(node, attempt);
                self.dispatch(node, attempt, executor);
            }
            // The modelled clients know one try: hedging is off.
            Action::Hedge { hedge, .. } => self.input(node, Input::Cancel { job: hedge }),
            Action::CancelAttempt { attempt, .. } => self.give_up(node, attempt),
            Action::JobState { job, state } => self.on_job_state(node, job, state, stale),
            Action::Expect { attempt, owner } => {
                self.check_member(node, owner, "expects work of");
                self.note_bound(node, attempt, owner);
                self.shells[node].expected.insert(attempt, owner);
            }
            Action::Run { attempt, owner, model } => {
                self.check_member(node, owner, "runs work of");
                self.note_bound(node, attempt, owner);
                self.oracle.on_run(self.now, attempt, node);
                self.shells[node].told.insert(attempt, (owner, model));
                self.begin(node, attempt);
            }
            // The modelled engines know one tempo; who is paused for long is stopped.
            Action::SetTempo { .. } => {}
            Action::Stop { attempt, fault } => {
                self.counts.stops += 1;
                self.stop(node, attempt, fault);
            }
            Action::Load { model } => self.load(node, model),
            Action::Unload { model } => self.unload(node, model),
        }
    }

    /// I6: nothing for and nothing by somebody who does not belong, as this node knows it.
    fn check_member(&mut self, node: usize, other: NodeId, does: &str) {
        let shell = &self.shells[node];
        if shell.log.is_some() && other != shell.id && !shell.members.contains(&other) {
            let what = format!("node {node} {does} {other:?}, who does not belong to the mesh");
            self.violate(Invariant::ApprovedOnly, what);
        }
    }

    fn note_bound(&mut self, node: usize, attempt: AttemptId, owner: NodeId) {
        // Who lies with another's key binds that one's jobs as it likes.
        let owner = self.by_id.get(&owner).copied().filter(|owner| !self.has_lying_twin(*owner));
        self.oracle.on_bound(self.now, attempt, owner, self.shells[node].id);
    }

    fn has_lying_twin(&self, machine: usize) -> bool {
        let mut faults = self.scenario.faults.iter().map(|timed| &timed.fault);
        let lies = |twin: usize| {
            let mut faults = self.scenario.faults.iter().map(|timed| &timed.fault);
            faults.any(|fault| matches!(fault, WorldFault::Hostile { node } if *node == twin))
        };
        faults.any(
            |fault| matches!(fault, WorldFault::Twin { node, of } if *of == machine && lies(*node)),
        )
    }

    fn note_reason(&mut self, node: usize, attempt: AttemptId) {
        let view = self.shells[node].scheduler.as_ref().map(pumasi_scheduler::Scheduler::view);
        let why = view.as_ref().and_then(|view| view.why(attempt.job));
        let situation = match why.and_then(|why| why.attempts.last()).map(|last| last.reason) {
            Some(Reason::LocalIdle) => Situation::LocalIdle,
            Some(Reason::BestBid) => Situation::BestBid,
            Some(Reason::FirstClaim) => Situation::FirstClaim,
            Some(Reason::Hedge) | None => return,
        };
        self.saw(situation);
    }

    fn send(&mut self, from: usize, to: NodeId, control: Control) {
        let Some(peer) = self.route(from, to) else { return };
        self.counts.messages += 1;
        let attempt = self.count(from, to, &control);
        self.marks.message(self.tracing, self.now, (from, peer), &control);
        let away = self.shells[peer].sleeps > 0;
        if !self.shells[peer].is_alive() || self.wire.is_apart(from, peer) || away {
            let boot = self.shells[from].boots;
            let Some(attempt) = attempt else { return };
            return self.later(REFUSED_US, Event::SendFailed { from, boot, to, attempt });
        }
        let as_node = self.shells[from].id;
        let delays = self.wire.datagram(from, peer);
        match delays.len() {
            0 => self.saw(Situation::MessageLost),
            1 => {}
            _ => self.saw(Situation::MessageTwice),
        }
        for delay in delays {
            let control = control.clone();
            self.later(delay, Event::Control { from, as_node, to: peer, control });
        }
    }

    fn count(&mut self, from: usize, to: NodeId, control: &Control) -> Option<AttemptId> {
        match control {
            Control::Offer(_) => {
                self.counts.offers += 1;
                self.check_member(from, to, "offered a job to");
            }
            Control::Claim { .. } => self.counts.claims += 1,
            Control::Unbound { .. } => {
                self.counts.unbound += 1;
                self.saw(Situation::BindWasLost);
            }
            Control::Refuse { refusal, .. } => {
                if *refusal == Refusal::Paused {
                    self.saw(Situation::RefusedPaused);
                }
            }
            Control::Bind { .. } => self.check_member(from, to, "bound a job to"),
            Control::Bid { .. } | Control::Gone { .. } | Control::Idle => {}
        }
        control.attempt()
    }

    pub(super) fn on_control(&mut self, from: usize, as_node: NodeId, to: usize, control: Control) {
        if self.wire.is_cut(from, to) {
            return;
        }
        if self.shells[to].spec.old && matches!(control, Control::Unbound { .. }) {
            return self.saw(Situation::OldVersion);
        }
        let control = match (self.canary, control) {
            (Some(Canary::LosersBound), Control::Gone { attempt }) => Control::Bind { attempt },
            (Some(Canary::SolitudeForgotten), Control::Offer(mut offer)) => {
                offer.alone = false;
                Control::Offer(offer)
            }
            (_, control) => control,
        };
        self.input(to, Input::Message { from: as_node, control });
    }

    fn on_job_state(&mut self, node: usize, job: JobId, state: JobState, stale: bool) {
        let task = self.task(node, job);
        self.check_failure(node, task, &state);
        self.note_end(task, &state);
        self.oracle.on_state(self.now, task, &state, stale);
        self.marks.state(self.tracing, self.now, node, self.job_number(job), &state);
        self.react(node, job, &state);
        self.on_work_state(node, job, &state);
    }
}

//! What engines do: load, unload, read prompts, write answers, end.

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{AttemptId, Fault, Finish, ModelName, NodeId, Phase, Timings, Usage};
use pumasi_scheduler::Input;

use crate::canary::Canary;
use crate::engine::{Chain, Place, Run};
use crate::oracle::{Crash, task_of};
use crate::scenario::CrashPoint;
use crate::shell::WorkAtHand;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// How often an executor gives a sign of life in these runs, in microseconds (a node: 250 ms).
const SIGN_US: u64 = 500_000;
/// Least time between two steps of an engine, in microseconds.
const SHORTEST_US: u64 = 1_000;

impl World<'_> {
    /// The work of an attempt that is bound here is at hand; signs of life begin.
    pub(super) fn take_work(&mut self, node: usize, attempt: AttemptId, work: WorkAtHand) {
        let ticks = work.ticks;
        self.shells[node].at_hand.insert(attempt, work);
        let boot = self.shells[node].boots;
        self.later(0, Event::Tick { node, boot, attempt, number: ticks });
        self.begin(node, attempt);
    }

    /// Starts the engine once the slot and the work are both there.
    pub(super) fn begin(&mut self, node: usize, attempt: AttemptId) {
        let now = self.now;
        let Some(job) = self.oracle.job(attempt.job).cloned() else { return };
        let shell = &mut self.shells[node];
        let awake = shell.awake_us(now);
        let Some((_, model)) = shell.told.get(&attempt).cloned() else { return };
        let Some(work) = shell.at_hand.get_mut(&attempt) else { return };
        let engine = shell.engines.models.get_mut(&model).expect("it holds the model");
        if engine.place != Place::Memory {
            return self.fail(node, attempt, Fault::EngineStart);
        }
        if engine.running.contains_key(&attempt) {
            return;
        }
        let prompt = u64::from(job.prompt) + work.delivered.len() as u64;
        let read_us = prompt * 1_000_000 / u64::from(shell.spec.prefill_per_s);
        let run = Run::new(job.number, &work.delivered, job.answer, read_us, awake);
        engine.running.insert(attempt, run);
        work.ticks += 1;
        let number = work.ticks;
        let delay = self.next_tick_us(node, attempt);
        let boot = self.shells[node].boots;
        self.later(delay, Event::Tick { node, boot, attempt, number });
    }

    fn token_us(&self, node: usize) -> u64 {
        (1_000_000 / u64::from(self.shells[node].spec.decode_per_s)).max(1)
    }

    fn run_of(&self, node: usize, attempt: AttemptId) -> Option<&Run> {
        self.shells[node].engines.models.values().find_map(|m| m.running.get(&attempt))
    }

    fn next_tick_us(&self, node: usize, attempt: AttemptId) -> u64 {
        let others = self.shells[node].engines.running().saturating_sub(1) as u64;
        let left = self.run_of(node, attempt).map(|run| run.left_us(self.token_us(node)));
        (left.unwrap_or(SIGN_US) * (2 + others) / 2).clamp(SHORTEST_US, SIGN_US)
    }

    /// An attempt whose work is at hand gives a sign of life, or what its engine has for it.
    pub(super) fn on_tick(&mut self, node: usize, boot: u64, attempt: AttemptId, number: u64) {
        let shell = &self.shells[node];
        let valid = shell.at_hand.get(&attempt).is_some_and(|work| work.ticks == number);
        if shell.boots != boot || !valid {
            return;
        }
        let mut delay = SIGN_US;
        match shell.engines.model_of(attempt).cloned() {
            None => {
                if shell.told.contains_key(&attempt) || shell.hangs == 0 {
                    self.say(attempt, AttemptEvent::Alive { phase: Phase::Load, step: 0 });
                }
            }
            Some(model) => {
                if !self.is_held_up(node, attempt) {
                    if !self.advance(node, attempt, &model) {
                        return;
                    }
                    delay = self.next_tick_us(node, attempt);
                }
            }
        }
        self.later(delay, Event::Tick { node, boot, attempt, number });
    }

    /// Whether the engine hangs, or its owner's client does not read on.
    fn is_held_up(&mut self, node: usize, attempt: AttemptId) -> bool {
        let hangs = self.shells[node].hangs > 0;
        if hangs {
            self.saw(Situation::EngineHung);
        }
        let owner = self.streams.get(&attempt).map(|stream| stream.owner);
        let chat = owner.and_then(|owner| self.shells[owner].chats.get(&attempt.job));
        let held = hangs || chat.is_some_and(|chat| chat.stalled);
        if held {
            let awake = self.shells[node].awake_us(self.now);
            if let Some(run) = self.run_mut(node, attempt) {
                run.last_us = awake;
            }
        }
        held
    }

    fn run_mut(&mut self, node: usize, attempt: AttemptId) -> Option<&mut Run> {
        let models = self.shells[node].engines.models.values_mut();
        models.into_iter().find_map(|m| m.running.get_mut(&attempt))
    }

    /// Lets an engine work up to this moment; whether the attempt goes on.
    fn advance(&mut self, node: usize, attempt: AttemptId, model: &ModelName) -> bool {
        if self.crashes_at(node, attempt, model, CrashPoint::Prefill) {
            return false;
        }
        let (awake, token_us) = (self.shells[node].awake_us(self.now), self.token_us(node));
        let others = self.shells[node].engines.running().saturating_sub(1) as u64;
        let Some(run) = self.run_mut(node, attempt) else { return false };
        let us = (awake - run.last_us) * 2 / (2 + others);
        run.last_us = awake;
        let said = run.work(us, token_us);
        for event in said {
            let event = self.distort(node, attempt, event);
            self.say(attempt, event);
        }
        if self.crashes_at(node, attempt, model, CrashPoint::Decode) {
            return false;
        }
        let Some(run) = self.run_of(node, attempt) else { return false };
        if !run.is_done() {
            return true;
        }
        if !self.crashes_at(node, attempt, model, CrashPoint::Last) {
            self.finish(node, attempt);
        }
        false
    }

    /// Whether the engine crashes here: because it was to, or because the job does that to it.
    fn crashes_at(
        &mut self,
        node: usize,
        attempt: AttemptId,
        model: &ModelName,
        point: CrashPoint,
    ) -> bool {
        let Some(run) = self.run_of(node, attempt) else { return false };
        let reached = match point {
            CrashPoint::Now | CrashPoint::Load => false,
            CrashPoint::Prefill => run.read_left_us > 0,
            CrashPoint::Decode => run.index > run.from && !run.is_done(),
            CrashPoint::Last => run.is_done(),
        };
        let poison = self.oracle.job(attempt.job).is_some_and(|job| job.poison);
        let is_poisoned = poison && point != CrashPoint::Prefill;
        let due = self.shells[node].next_crash == Some(point);
        if !reached || !(due || is_poisoned) {
            return false;
        }
        if due {
            self.shells[node].next_crash = None;
            self.shells[node].disturbed = self.now;
            self.saw(match point {
                CrashPoint::Prefill => Situation::CrashPrefill,
                CrashPoint::Decode => Situation::CrashDecode,
                CrashPoint::Now | CrashPoint::Load | CrashPoint::Last => Situation::CrashLast,
            });
        }
        self.crash_engine(node, model);
        true
    }

    /// What a broken engine, or a planted bug, makes of an event.
    fn distort(&mut self, node: usize, attempt: AttemptId, event: AttemptEvent) -> AttemptEvent {
        let AttemptEvent::Tokens { index, mut tokens } = event else { return event };
        if std::mem::take(&mut self.shells[node].spoil_next_tokens) {
            self.shells[node].disturbed = self.now;
            return AttemptEvent::Tokens { index: index + 1, tokens };
        }
        if self.shells[node].hostile > 0 {
            tokens.iter_mut().for_each(|token| token.id ^= 1);
            self.oracle.on_taint(task_of(attempt));
        }
        let runs = self.shells[node].engines.models.values().flat_map(|m| m.running.keys());
        let other = runs.copied().find(|other| other.job != attempt.job);
        if let (Some(Canary::StreamsMixed), Some(other)) = (self.canary, other) {
            let first = Chain::of(self.job_number(other.job)).next();
            tokens.iter_mut().for_each(|token| token.id = first);
        }
        AttemptEvent::Tokens { index, tokens }
    }

    fn finish(&mut self, node: usize, attempt: AttemptId) {
        let Some(run) = self.run_of(node, attempt) else { return };
        let (usage, timings) = self.measured(node, attempt, run.index - run.from);
        let finish = Finish::Stop;
        let last = AttemptEvent::Finished { finish, usage, timings };
        self.end(node, attempt, None, Some(last));
    }

    fn measured(&self, node: usize, attempt: AttemptId, written: u32) -> (Usage, Timings) {
        let spec = &self.shells[node].spec;
        let prompt = self.oracle.job(attempt.job).map_or(0, |job| job.prompt);
        let usage = Usage { prompt, cached: 0, completion: written };
        let timings = Timings {
            queued_us: 0,
            prefill_us: u64::from(prompt) * 1_000_000 / u64::from(spec.prefill_per_s),
            decode_us: u64::from(written) * 1_000_000 / u64::from(spec.decode_per_s),
        };
        (usage, timings)
    }

    /// An attempt that is bound here ends without a result, and its owner is told why.
    pub(super) fn fail(&mut self, node: usize, attempt: AttemptId, fault: Fault) {
        self.end(node, attempt, Some(fault.clone()), Some(AttemptEvent::Failed(fault)));
    }

    /// An attempt that is bound here ends, in its slot or before: both sides hear of it, the owner
    /// later, if the stream still stands.
    pub(super) fn end(
        &mut self,
        node: usize,
        attempt: AttemptId,
        fault: Option<Fault>,
        last: Option<AttemptEvent>,
    ) {
        let shell = &mut self.shells[node];
        let told = shell.told.remove(&attempt).map(|(owner, _)| owner);
        let expected = shell.expected.remove(&attempt);
        if told.or(expected).is_none() {
            return;
        }
        let run = shell.engines.end(attempt);
        shell.ends += 1;
        let ends = shell.ends;
        let swallowed = self.canary == Some(Canary::EndSwallowed) && ends.is_multiple_of(4);
        if !swallowed {
            shell.at_hand.remove(&attempt);
        }
        if let Some(last) = last.filter(|_| !swallowed) {
            self.say(attempt, last);
        }
        let (usage, timings) = self.measured(node, attempt, run.map_or(0, |r| r.index - r.from));
        let timings = if fault.is_none() { timings } else { Timings::default() };
        self.tidy(attempt);
        if self.canary != Some(Canary::SlotKept) || !ends.is_multiple_of(5) {
            self.input(node, Input::ExecutorDone { attempt, usage, timings, fault });
        }
    }

    /// The scheduler ends an attempt here.
    pub(super) fn stop(&mut self, node: usize, attempt: AttemptId, fault: Fault) {
        if self.canary == Some(Canary::CancelIgnored) {
            return;
        }
        if fault.ends_engine() {
            // It died while it was loading for this attempt.
            let crash = Crash { node, alone: false, single: true };
            self.oracle.on_crash(attempt, crash, false);
        }
        if self.shells[node].told.contains_key(&attempt) {
            return self.fail(node, attempt, fault);
        }
        self.shells[node].expected.remove(&attempt);
        if self.shells[node].at_hand.remove(&attempt).is_some() {
            self.say(attempt, AttemptEvent::Failed(fault));
        }
        self.tidy(attempt);
    }

    /// The owner cancels or is gone: the engine stops within a step.
    pub(super) fn on_stream_cancel(&mut self, from: usize, to: usize, attempt: AttemptId) {
        let deaf = self.streams.get(&attempt).is_none_or(|s| s.deaf_executor || s.owner != from);
        if deaf || self.canary == Some(Canary::CancelIgnored) {
            return;
        }
        let owner: NodeId = self.shells[from].id;
        let shell = &self.shells[to];
        let told = shell.told.get(&attempt).is_some_and(|(of, _)| *of == owner);
        let known = told || shell.expected.get(&attempt) == Some(&owner);
        if known || shell.at_hand.contains_key(&attempt) {
            self.end(to, attempt, Some(Fault::Cancelled), None);
            self.shells[to].at_hand.remove(&attempt);
            self.tidy(attempt);
        }
    }
}

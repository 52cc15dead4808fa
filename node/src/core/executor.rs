//! Attempts that run on this node, for itself or for others. A stream is accepted only if the
//! scheduler bound its attempt here; an engine starts only when stream and slot are both there.

use std::collections::BTreeMap;

use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::RequestId;
use pumasi_protocol::{AttemptId, Fault, ModelName, NodeId, Refusal, Tempo, Timings, Usage, Work};
use pumasi_scheduler::Input;
use tokio::sync::{mpsc, oneshot};

use super::Core;
use super::noting::Taken;
use super::pump::{EngineStart, ExecutorPump, ExecutorReport};
use crate::net::AttemptOpened;

/// Attempts of this node as an executor.
#[derive(Default)]
pub(super) struct Here {
    attempts: BTreeMap<AttemptId, Bound>,
    /// Streams that came before the scheduler said whether to expect them.
    early: Vec<AttemptOpened>,
}

/// An attempt that is bound here.
#[derive(Default)]
pub(super) struct Bound {
    pub(super) owner: Option<NodeId>,
    /// The model whose slot is this attempt's, once the scheduler said so.
    pub(super) slot: Option<ModelName>,
    /// What its work is, once that came.
    pub(super) taken: Option<Taken>,
    /// What the engine calls it, once it has its work, and at which tempo it is to run.
    request: Option<RequestId>,
    tempo: Tempo,
    /// Its work, until the engine has it.
    work: Option<Work>,
    pump: Option<Controls>,
}

struct Controls {
    engine: Option<oneshot::Sender<EngineStart>>,
    stop: Option<oneshot::Sender<Fault>>,
}

impl Here {
    /// Whether an attempt of this owner is bound here.
    pub(super) fn is_bound(&self, attempt: AttemptId, owner: NodeId) -> bool {
        self.attempts.get(&attempt).is_some_and(|bound| bound.owner == Some(owner))
    }

    /// Whether a stream is the one that an attempt waits for: of its owner, and the first.
    fn expects(&self, attempt: AttemptId, from: NodeId) -> bool {
        let bound = self.attempts.get(&attempt);
        bound.is_some_and(|bound| bound.owner == Some(from) && bound.pump.is_none())
    }

    /// Whether an attempt holds a slot of this model.
    pub(super) fn uses(&self, model: &ModelName) -> bool {
        self.attempts.values().any(|bound| bound.slot.as_ref() == Some(model))
    }

    /// Notes an attempt's tempo; whom to tell, if its engine has it already.
    pub(super) fn set_tempo(
        &mut self,
        attempt: AttemptId,
        tempo: Tempo,
    ) -> Option<(ModelName, RequestId)> {
        let bound = self.attempts.get_mut(&attempt)?;
        bound.tempo = tempo;
        bound.slot.clone().zip(bound.request)
    }
}

impl Core {
    pub(super) fn on_stream(&mut self, opened: AttemptOpened) {
        let (from, attempt) = (opened.from, opened.attempt);
        self.here.early.push(opened);
        self.tell(Input::StreamOpened { from, attempt });
    }

    pub(super) fn expect_stream(&mut self, attempt: AttemptId, owner: NodeId) {
        self.here.attempts.entry(attempt).or_default().owner = Some(owner);
    }

    /// Takes the streams that are expected and ends the others. Called when the scheduler has said
    /// all it has to say about the latest events.
    pub(super) fn refuse_unexpected_streams(&mut self) {
        for opened in std::mem::take(&mut self.here.early) {
            if self.here.expects(opened.attempt, opened.from) {
                self.accept(opened.attempt, opened.work, opened.events);
            } else {
                let last = AttemptEvent::Failed(Fault::Refused(Refusal::Stale));
                // A fresh channel has room for its only event.
                let _ = opened.events.try_send(last);
            }
        }
    }

    /// Takes over an attempt's stream, or the channel of a job of this node itself.
    pub(super) fn accept(
        &mut self,
        attempt: AttemptId,
        work: Work,
        owner: mpsc::Sender<AttemptEvent>,
    ) {
        let (engine, start) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let reports = self.events.clone();
        let pump = ExecutorPump { attempt, engine: start, owner, stop: stopped, reports };
        tokio::spawn(pump.run());
        let bound = self.here.attempts.entry(attempt).or_default();
        bound.taken = Some(Taken::of(&work));
        bound.work = Some(work);
        bound.pump = Some(Controls { engine: Some(engine), stop: Some(stop) });
        self.start_engine(attempt);
    }

    pub(super) fn run_attempt(&mut self, attempt: AttemptId, model: ModelName) {
        match self.here.attempts.get_mut(&attempt) {
            Some(bound) => {
                bound.slot = Some(model);
                self.start_engine(attempt);
            }
            // Its stream broke while it waited.
            None => self.tell(done(attempt, Some(Fault::Connection))),
        }
    }

    /// Gives the work to the engine once stream and slot are there.
    fn start_engine(&mut self, attempt: AttemptId) {
        let Some(bound) = self.here.attempts.get_mut(&attempt) else { return };
        let (Some(model), Some(pump)) = (&bound.slot, &mut bound.pump) else { return };
        let (Some(engine), Some(work)) = (pump.engine.take(), bound.work.take()) else { return };
        if let Work::Document(work) = work {
            let owner = bound.owner.unwrap_or(self.me);
            return self.start_document(attempt, owner, *work, engine);
        }
        let start = self.fleet.submit(model, work).map(|submitted| {
            bound.request = Some(submitted.request);
            if bound.tempo != Tempo::Full {
                self.fleet.set_tempo(model, submitted.request, bound.tempo);
            }
            submitted.events
        });
        let start = start.map_err(not_ready);
        // A pump that ended meanwhile drops the events, which cancels the request.
        let _ = engine.send(start);
    }

    pub(super) fn stop_attempt(&mut self, attempt: AttemptId, fault: Fault) {
        let Some(bound) = self.here.attempts.get_mut(&attempt) else { return };
        match &mut bound.pump {
            Some(pump) => {
                if let Some(stop) = pump.stop.take() {
                    let _ = stop.send(fault);
                }
            }
            None => self.forget(attempt, Some(fault)),
        }
    }

    pub(super) fn on_executor_report(&mut self, report: ExecutorReport) {
        let Some(bound) = self.here.attempts.remove(&report.attempt) else { return };
        self.note_ran(&report, &bound);
        if let Some(model) = &bound.slot {
            self.fleet.touch(model);
        }
        if bound.slot.is_some() {
            let ExecutorReport { attempt, usage, timings, fault } = report;
            self.tell(Input::ExecutorDone { attempt, usage, timings, fault });
        }
    }

    fn forget(&mut self, attempt: AttemptId, fault: Option<Fault>) {
        let bound = self.here.attempts.remove(&attempt);
        if bound.is_some_and(|bound| bound.slot.is_some()) {
            self.tell(done(attempt, fault));
        }
    }
}

/// An engine that was ready when the slot was given may have died since. The model is not absent for
/// that: the attempt may come again.
pub(super) fn not_ready(fault: Fault) -> Fault {
    if fault == Fault::Refused(Refusal::ModelAbsent) {
        return Fault::Refused(Refusal::Stale);
    }
    fault
}

fn done(attempt: AttemptId, fault: Option<Fault>) -> Input {
    let (usage, timings) = (Usage::default(), Timings::default());
    Input::ExecutorDone { attempt, usage, timings, fault }
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::{Epoch, JobId};

    use super::*;

    #[test]
    fn cat_p10_a_stream_is_taken_from_the_owner_of_its_attempt_and_once() {
        let (owner, other) = (NodeId([1; 32]), NodeId([2; 32]));
        let of = |epoch| AttemptId { job: JobId::from_parts(1, [0; 10]), epoch: Epoch(epoch) };
        let mut here = Here::default();
        assert!(!here.expects(of(1), owner), "nothing is bound here");
        here.attempts.insert(of(1), Bound { owner: Some(owner), ..Bound::default() });
        assert!(here.expects(of(1), owner));
        assert!(!here.expects(of(1), other), "somebody else names it");
        assert!(!here.expects(of(2), owner), "another attempt");
        // What runs for this node itself has no owner elsewhere.
        here.attempts.insert(of(3), Bound::default());
        assert!(!here.expects(of(3), owner));
        let bound = here.attempts.get_mut(&of(1)).expect("it is bound");
        bound.pump = Some(Controls { engine: None, stop: None });
        assert!(!here.expects(of(1), owner), "its stream is there already");
    }
}

//! One task per attempt on each side: the owner's, from an executor's events to the client, and the
//! executor's, from the engine to the owner. They carry text, so the scheduler never sees them.

use std::sync::Arc;
use std::time::Duration;

use pumasi_engine_host::Events;
use pumasi_protocol::stream::{AttemptEvent, EventOrder};
use pumasi_protocol::{AttemptId, Fault, JobId, Phase, Timings, Usage};
use pumasi_scheduler::Outcome;
use pumasi_web::mesh::{Placed, RunEvent};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::executor::not_ready;
use super::owned::Race;
use super::silence::{Ear, Heard};
use super::transcript::Transcript;

/// How long an executor waits for its owner to take the last event.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What an owner's pump tells the loop.
#[derive(Debug)]
pub(crate) enum OwnerReport {
    /// The first event of the attempt came.
    Started(AttemptId),
    /// How far it is.
    Progress(AttemptId, Phase, u32),
    /// Its first tokens came: this long after the last ones, if an attempt before wrote some.
    Begun(AttemptId, Option<Duration>),
    /// It ended; the transcript comes back for a possible next attempt.
    Ended(AttemptId, Outcome, Transcript),
}

/// How a try speaks to the client: the first one from the beginning, the second one once it writes.
pub(crate) struct Voice {
    /// Which try it is.
    pub(crate) id: JobId,
    pub(crate) client: mpsc::Sender<RunEvent>,
    pub(crate) race: Arc<Race>,
    /// What is to be said before its first words, while none were written.
    pub(crate) held: Option<Vec<RunEvent>>,
}

/// The client does not listen any more.
struct Gone;

impl Voice {
    /// What is not written, of a try that has lost, nobody hears.
    async fn say(&mut self, event: RunEvent) -> Result<(), Gone> {
        if let Some(held) = &mut self.held {
            // A sign of life of who writes nothing yet is nobody's business.
            if !matches!(event, RunEvent::Attempt(AttemptEvent::Alive { .. })) {
                held.push(event);
            }
            return Ok(());
        }
        let _turn = match self.race.winner() {
            None => Some(self.race.turn().await),
            Some(_) => None,
        };
        if self.race.winner().is_some_and(|winner| winner != self.id) {
            return Ok(());
        }
        self.client.send(event).await.map_err(|_| Gone)
    }

    /// From here on everything is said, if it is this try that writes.
    async fn speak_up(&mut self) -> Result<bool, Gone> {
        if self.race.winner().is_none() {
            let _turn = self.race.turn().await;
            if self.race.is_won_by(self.id) {
                for event in self.held.take().into_iter().flatten() {
                    self.client.send(event).await.map_err(|_| Gone)?;
                }
            }
        }
        Ok(self.race.is_won_by(self.id))
    }
}

/// An owner's attempt while it runs.
pub(crate) struct OwnerPump {
    pub(crate) attempt: AttemptId,
    pub(crate) placed: Placed,
    pub(crate) transcript: Transcript,
    pub(crate) ear: Ear,
    pub(crate) voice: Voice,
    pub(crate) cancelled: CancellationToken,
    pub(crate) reports: mpsc::Sender<Event>,
}

impl OwnerPump {
    /// Runs until the attempt ends, and reports how.
    pub(crate) async fn run(mut self) {
        let mut order = self.transcript.order();
        self.transcript.attempt_begins();
        // A client that is gone shows below.
        let _ = self.voice.say(RunEvent::Placed(self.placed.clone())).await;
        let outcome = loop {
            let first = !self.ear.has_begun();
            let heard = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => break Outcome::Cancelled,
                () = self.voice.client.closed() => break Outcome::Cancelled,
                heard = self.ear.next() => heard,
            };
            let event = match heard {
                Heard::Silent => break Outcome::Failed(Fault::Silent),
                Heard::Closed => break Outcome::Failed(Fault::Connection),
                Heard::Event(event) => event,
            };
            if first {
                self.report(OwnerReport::Started(self.attempt)).await;
            }
            if let Some(outcome) = self.pass_on(&mut order, event).await {
                break outcome;
            }
        };
        let transcript = std::mem::take(&mut self.transcript);
        self.report(OwnerReport::Ended(self.attempt, outcome, transcript)).await;
    }

    async fn report(&self, report: OwnerReport) {
        // The loop outlives its pumps except at the node's end, when nobody listens any more.
        let _ = self.reports.send(Event::Owner(report)).await;
    }

    /// Hands an event to the client. Returns the outcome, if it was the last.
    async fn pass_on(&mut self, order: &mut EventOrder, event: AttemptEvent) -> Option<Outcome> {
        if writes(&event) {
            match self.voice.speak_up().await {
                Ok(true) => {}
                Err(Gone) => return Some(Outcome::Cancelled),
                Ok(false) => {
                    // The other try writes; that this one is not needed, the scheduler will say.
                    tokio::select! {
                        () = self.cancelled.cancelled() => {}
                        () = self.voice.client.closed() => {}
                    }
                    return Some(Outcome::Cancelled);
                }
            }
        }
        let event = match self.transcript.take(order, event) {
            Ok(event) => event?,
            Err(_) => return Some(Outcome::Failed(Fault::PeerProtocol)),
        };
        if let AttemptEvent::Alive { phase, step } = event {
            self.report(OwnerReport::Progress(self.attempt, phase, step)).await;
        }
        if let Some(gap) = self.transcript.first_tokens() {
            self.report(OwnerReport::Begun(self.attempt, gap)).await;
        }
        let outcome = outcome_of(&event);
        if let Some(Outcome::Failed(_)) = outcome {
            return outcome;
        }
        let sent = self.voice.say(RunEvent::Attempt(event)).await;
        if sent.is_err() { Some(outcome.unwrap_or(Outcome::Cancelled)) } else { outcome }
    }
}

/// Whether an event gives the client something of the answer.
fn writes(event: &AttemptEvent) -> bool {
    match event {
        AttemptEvent::Tokens { .. }
        | AttemptEvent::Embedded { .. }
        | AttemptEvent::Part { .. }
        | AttemptEvent::Finished { .. } => true,
        AttemptEvent::Alive { .. } | AttemptEvent::Started { .. } | AttemptEvent::Failed(_) => {
            false
        }
    }
}

fn outcome_of(event: &AttemptEvent) -> Option<Outcome> {
    match event {
        AttemptEvent::Finished { usage, timings, .. } => {
            Some(Outcome::Completed { usage: *usage, timings: *timings })
        }
        AttemptEvent::Embedded { embedded, timings } => {
            let prompt = embedded.iter().map(|e| e.tokens).fold(0, u32::saturating_add);
            let usage = Usage { prompt, cached: 0, completion: 0 };
            Some(Outcome::Completed { usage, timings: *timings })
        }
        AttemptEvent::Failed(fault) => Some(Outcome::Failed(fault.clone())),
        AttemptEvent::Alive { .. }
        | AttemptEvent::Started { .. }
        | AttemptEvent::Tokens { .. }
        | AttemptEvent::Part { .. } => None,
    }
}

/// How an attempt ended on its executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecutorReport {
    pub(crate) attempt: AttemptId,
    pub(crate) usage: Usage,
    pub(crate) timings: Timings,
    pub(crate) fault: Option<Fault>,
}

/// How often an executor that has nothing to say gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_millis(250);

/// What an executor's pump waits for before its engine runs.
pub(crate) type EngineStart = Result<Events, Fault>;

/// An executor's attempt, from the acceptance of its stream until its last event is sent.
pub(crate) struct ExecutorPump {
    pub(crate) attempt: AttemptId,
    /// The engine's events, once a slot is free and the model is loaded.
    pub(crate) engine: oneshot::Receiver<EngineStart>,
    /// Towards the owner; closed when the owner or its connection is gone.
    pub(crate) owner: mpsc::Sender<AttemptEvent>,
    /// This node's scheduler ends it, with what to tell the owner.
    pub(crate) stop: oneshot::Receiver<Fault>,
    pub(crate) reports: mpsc::Sender<Event>,
}

impl ExecutorPump {
    /// Runs until the attempt ends, and reports how.
    pub(crate) async fn run(mut self) {
        let end = self.relay().await;
        let report = ExecutorReport {
            attempt: self.attempt,
            usage: end.usage,
            timings: end.timings,
            fault: end.fault,
        };
        // The slot is free before the owner has read the end: a slow reader must not hold it.
        let _ = self.reports.send(Event::Executor(report)).await;
        if let Some(last) = end.last {
            let _ = tokio::time::timeout(LAST_WAIT, self.owner.send(last)).await;
        }
    }

    async fn relay(&mut self) -> End {
        let mut engine = match self.wait_for_engine().await {
            Ok(engine) => engine,
            Err(fault) => return End::failed(fault),
        };
        loop {
            let event = tokio::select! {
                biased;
                fault = &mut self.stop => return End::stopped(fault),
                () = self.owner.closed() => return End::silent(Fault::Connection),
                event = engine.recv() => event,
            };
            let event = match event {
                None => return End::failed(Fault::EngineCrash),
                Some(AttemptEvent::Failed(fault)) => return End::failed(not_ready(fault)),
                Some(event) => event,
            };
            if event.is_last() {
                return End::of(event);
            }
            let sent = tokio::select! {
                biased;
                fault = &mut self.stop => return End::stopped(fault),
                sent = self.owner.send(event) => sent,
            };
            if sent.is_err() {
                return End::silent(Fault::Connection);
            }
        }
    }

    /// Gives signs of life until the engine starts.
    async fn wait_for_engine(&mut self) -> EngineStart {
        let mut sign = tokio::time::interval(SIGN_OF_LIFE);
        loop {
            tokio::select! {
                biased;
                fault = &mut self.stop => return Err(fault.unwrap_or(Fault::Cancelled)),
                () = self.owner.closed() => return Err(Fault::Connection),
                start = &mut self.engine => return start.unwrap_or(Err(Fault::EngineStart)),
                _ = sign.tick() => {
                    let alive = AttemptEvent::Alive { phase: Phase::Load, step: 0 };
                    // A full channel already holds a sign of life.
                    let _ = self.owner.try_send(alive);
                }
            }
        }
    }
}

/// How a relay ended, and what the owner still has to hear.
struct End {
    usage: Usage,
    timings: Timings,
    fault: Option<Fault>,
    last: Option<AttemptEvent>,
}

impl End {
    fn failed(fault: Fault) -> Self {
        let last = Some(AttemptEvent::Failed(fault.clone()));
        Self { last, ..Self::silent(fault) }
    }

    fn silent(fault: Fault) -> Self {
        let (usage, timings) = (Usage::default(), Timings::default());
        Self { usage, timings, fault: Some(fault), last: None }
    }

    fn stopped(fault: Result<Fault, oneshot::error::RecvError>) -> Self {
        Self::failed(fault.unwrap_or(Fault::Cancelled))
    }

    fn of(event: AttemptEvent) -> Self {
        let (usage, timings, fault) = match outcome_of(&event) {
            Some(Outcome::Completed { usage, timings }) => (usage, timings, None),
            Some(Outcome::Failed(fault)) => (Usage::default(), Timings::default(), Some(fault)),
            Some(Outcome::Cancelled) | None => {
                (Usage::default(), Timings::default(), Some(Fault::Cancelled))
            }
        };
        Self { usage, timings, fault, last: Some(event) }
    }
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::{Epoch, NodeId};
    use tokio::sync::watch;

    use super::super::silence::{PATIENCE, Patience, Questions};
    use super::*;
    use crate::net::Opening;

    /// How an attempt ends whose executor says `events`, and then nothing.
    async fn outcome(events: Vec<AttemptEvent>) -> Outcome {
        let attempt = AttemptId { job: JobId::from_parts(1, [1; 10]), epoch: Epoch(1) };
        let (node, name) = (NodeId([1; 32]), "far".parse().expect("a name"));
        let (why, epoch) = (String::new(), attempt.epoch);
        let placed = Placed { node, name, why, epoch, after: None, model: None };
        let (executor, source) = mpsc::channel(1);
        let (client, mut shown) = mpsc::channel(64);
        let (reports, mut told) = mpsc::channel(64);
        let (transcript, cancelled) = (Transcript::default(), CancellationToken::new());
        let soon = Duration::from_millis(50);
        let patience = Patience { first: soon, next: soon, most: soon, ..PATIENCE };
        let (_open, opening) = watch::channel(Opening::Open);
        let ear = Ear::new(source, opening, patience, Questions::to_self());
        let voice = Voice { id: attempt.job, client, race: Arc::default(), held: None };
        let pump = OwnerPump { attempt, placed, transcript, ear, voice, cancelled, reports };
        tokio::spawn(pump.run());
        tokio::spawn(async move {
            for event in events {
                if executor.send(event).await.is_err() {
                    return;
                }
            }
            executor.closed().await;
        });
        tokio::spawn(async move { while shown.recv().await.is_some() {} });
        loop {
            if let Event::Owner(OwnerReport::Ended(_, outcome, _)) =
                told.recv().await.expect("a report")
            {
                return outcome;
            }
        }
    }

    fn alive() -> AttemptEvent {
        AttemptEvent::Alive { phase: Phase::Decode, step: 1 }
    }

    #[tokio::test]
    async fn cat_p22_an_executor_that_accepts_and_falls_silent_is_given_up() {
        let silent = Outcome::Failed(Fault::Silent);
        assert_eq!(outcome(Vec::new()).await, silent);
        assert_eq!(outcome(vec![alive(); 3]).await, silent);
    }

    #[tokio::test]
    async fn the_last_event_is_the_outcome() {
        let last = AttemptEvent::Failed(Fault::Cancelled);
        assert_eq!(outcome(vec![alive(), last]).await, Outcome::Failed(Fault::Cancelled));
    }

    #[tokio::test]
    async fn cat_p20_an_event_that_breaks_the_order_ends_the_attempt() {
        let syntax = pumasi_protocol::engine::OutputSyntax::default();
        let started = AttemptEvent::Started { prompt: vec![1], cached: 0, syntax };
        let broken = Outcome::Failed(Fault::PeerProtocol);
        assert_eq!(outcome(vec![started.clone(), started]).await, broken);
    }

    /// A try that is said `events`; what its client gets goes to `client`.
    fn try_of(
        job: JobId,
        race: &Arc<Race>,
        client: &mpsc::Sender<RunEvent>,
        held: Option<Vec<RunEvent>>,
    ) -> (mpsc::Sender<AttemptEvent>, CancellationToken, mpsc::Receiver<Event>) {
        let attempt = AttemptId { job, epoch: Epoch(1) };
        let (node, name) = (NodeId([1; 32]), "far".parse().expect("a name"));
        let (why, epoch) = (String::new(), attempt.epoch);
        let placed = Placed { node, name, why, epoch, after: None, model: None };
        let (executor, source) = mpsc::channel(8);
        let (reports, told) = mpsc::channel(64);
        let cancelled = CancellationToken::new();
        let (_, opening) = watch::channel(Opening::Open);
        let ear = Ear::new(source, opening, PATIENCE, Questions::to_self());
        let voice = Voice { id: job, client: client.clone(), race: Arc::clone(race), held };
        let (transcript, stop) = (Transcript::default(), cancelled.clone());
        let pump = OwnerPump { attempt, placed, transcript, ear, voice, cancelled, reports };
        tokio::spawn(pump.run());
        (executor, stop, told)
    }

    fn started() -> AttemptEvent {
        let syntax = pumasi_protocol::engine::OutputSyntax::default();
        AttemptEvent::Started { prompt: vec![1], cached: 0, syntax }
    }

    fn first_token(id: u32) -> AttemptEvent {
        let token =
            pumasi_protocol::Token { id, bytes: vec![b'x'], logprob: None, top: Vec::new() };
        AttemptEvent::Tokens { index: 0, tokens: vec![token] }
    }

    #[tokio::test]
    async fn of_two_tries_only_the_first_to_write_is_heard() {
        let job = JobId::from_parts(1, [1; 10]);
        let (race, (client, mut shown)) = (Arc::default(), mpsc::channel(64));
        let (slow, stop, mut of_slow) = try_of(job, &race, &client, None);
        let (fast, _stop, _told) = try_of(job.twin(), &race, &client, Some(Vec::new()));
        assert!(matches!(shown.recv().await, Some(RunEvent::Placed(_))), "the first try's");
        for event in [alive(), started(), first_token(7)] {
            fast.send(event).await.expect("it listens");
        }
        assert!(matches!(shown.recv().await, Some(RunEvent::Placed(_))), "only now the second's");
        assert_eq!(shown.recv().await, Some(RunEvent::Attempt(started())));
        assert_eq!(shown.recv().await, Some(RunEvent::Attempt(first_token(7))));

        slow.send(started()).await.expect("it listens");
        slow.send(first_token(8)).await.expect("it listens");
        stop.cancel();
        let ended = async {
            loop {
                if let Some(Event::Owner(OwnerReport::Ended(_, outcome, transcript))) =
                    of_slow.recv().await
                {
                    return (outcome, transcript.has_begun());
                }
            }
        };
        assert_eq!(ended.await, (Outcome::Cancelled, false));
        assert!(shown.try_recv().is_err(), "nothing more of the slow one");
    }
}

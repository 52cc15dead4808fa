//! Signs of life: a thread that says every 250 ms what is under way, unless the engine is stuck in
//! one step for so long that silence is the truth.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pumasi_protocol::Phase;
use pumasi_protocol::worker::{Event, RequestId};

use crate::limits::{BEAT, LOAD_STALL, STEP_LONGEST};
use crate::outbox::Outbox;

#[derive(Debug, Clone, Copy)]
struct Activity {
    phase: Phase,
    step: u32,
    /// Nothing was sent for it since the last beat.
    quiet: bool,
}

#[derive(Debug, Default)]
struct Table {
    /// Permille of the load that is under way.
    load: Option<u32>,
    requests: BTreeMap<RequestId, Activity>,
    /// When the step began that has not ended, and how long it may take.
    step: Option<(Instant, Duration)>,
}

/// What is under way.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    table: Arc<Mutex<Table>>,
    outbox: Outbox,
}

impl Pulse {
    /// Starts the beating thread, which lives as long as the process.
    pub(crate) fn start(outbox: Outbox) -> std::io::Result<Self> {
        let pulse = Self { table: Arc::default(), outbox };
        let beating = pulse.clone();
        std::thread::Builder::new().name("pulse".into()).spawn(move || {
            loop {
                std::thread::sleep(BEAT);
                beating.beat(Instant::now());
            }
        })?;
        Ok(pulse)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing that can panic runs under this lock, so a poisoned table is still whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is under way. Holds the table meanwhile, so that no sign of life is put into the
    /// outbox after the last event of its request.
    fn beat(&self, now: Instant) {
        let mut table = self.lock();
        if table.step.is_some_and(|(began, longest)| now.duration_since(began) > longest) {
            return;
        }
        if let Some(step) = table.load {
            self.outbox.send_urgent(&Event::Alive { phase: Phase::Load, step, request: None });
        }
        for (request, activity) in &mut table.requests {
            let Activity { phase, step, quiet } = *activity;
            if quiet {
                let request = Some(*request);
                self.outbox.send_urgent(&Event::Alive { phase, step, request });
            }
            activity.quiet = true;
        }
    }

    /// A load has come this far.
    pub(crate) fn loading(&self, permille: u32) {
        let mut table = self.lock();
        table.load = Some(permille);
        table.step = Some((Instant::now(), LOAD_STALL));
    }

    /// The load ended.
    pub(crate) fn load_ended(&self) {
        let mut table = self.lock();
        table.load = None;
        table.step = None;
    }

    /// A request has come this far.
    pub(crate) fn at(&self, request: RequestId, phase: Phase, step: u32) {
        let activity = Activity { phase, step, quiet: true };
        self.lock().requests.insert(request, activity);
    }

    /// An event of the request was sent.
    pub(crate) fn heard(&self, request: RequestId, phase: Phase, step: u32) {
        let activity = Activity { phase, step, quiet: false };
        self.lock().requests.insert(request, activity);
    }

    /// The request is about to send its last event.
    pub(crate) fn ended(&self, request: RequestId) {
        self.lock().requests.remove(&request);
    }

    /// A step of computing begins.
    pub(crate) fn step_begins(&self) {
        self.lock().step = Some((Instant::now(), STEP_LONGEST));
    }

    /// It ended.
    pub(crate) fn step_ends(&self) {
        self.lock().step = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use pumasi_protocol::frame;

    use super::*;

    struct Sink(mpsc::Sender<Vec<u8>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The signs of life that one beat gives.
    fn signs(act: impl FnOnce(&Pulse)) -> Vec<Event> {
        let (sink, written) = mpsc::channel();
        let (outbox, writer) = Outbox::start(Sink(sink)).expect("a thread");
        act(&Pulse { table: Arc::default(), outbox: outbox.clone() });
        outbox.close();
        writer.join().expect("the writer ends");
        let bytes: Vec<u8> = written.iter().flatten().collect();
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (body, next) = body.split_at(u32::from_le_bytes(*length) as usize);
            events.push(frame::decode_body(body).expect("an event"));
            rest = next;
        }
        events
    }

    #[test]
    fn who_was_heard_since_the_last_beat_needs_no_sign_of_life() {
        let (a, b) = (RequestId(1), RequestId(2));
        let events = signs(|pulse| {
            pulse.at(a, Phase::Queued, 0);
            pulse.heard(b, Phase::Decode, 7);
            pulse.beat(Instant::now());
            pulse.ended(a);
            pulse.beat(Instant::now());
        });
        let alive = |phase, step, request| Event::Alive { phase, step, request: Some(request) };
        assert_eq!(events, [alive(Phase::Queued, 0, a), alive(Phase::Decode, 7, b)]);
    }

    #[test]
    fn cat_e02_an_engine_stuck_in_one_step_falls_silent() {
        let events = signs(|pulse| {
            pulse.loading(5);
            let now = Instant::now();
            pulse.beat(now + LOAD_STALL / 2);
            pulse.beat(now + LOAD_STALL * 2);
        });
        assert_eq!(events, [Event::Alive { phase: Phase::Load, step: 5, request: None }]);
    }
}

//! Signs of life: a thread that says every 250 ms which page is being read, and ends the process when
//! one takes too long. Whoever started it goes on with the other pages in a new process.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pumasi_document::limits::{BEAT, STEP_LONGEST};
use pumasi_protocol::Phase;
use pumasi_protocol::worker::{Event, RequestId};

use crate::{BROKEN, Outbox};

#[derive(Debug, Clone, Copy)]
struct Step {
    request: RequestId,
    number: u32,
    began: Instant,
}

/// What is under way.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    step: Arc<Mutex<Option<Step>>>,
    outbox: Outbox,
}

impl Pulse {
    pub(crate) fn start(outbox: Outbox) -> io::Result<Self> {
        let pulse = Self { step: Arc::default(), outbox };
        let beating = pulse.clone();
        std::thread::Builder::new().name("pulse".into()).spawn(move || {
            loop {
                std::thread::sleep(BEAT);
                beating.beat();
            }
        })?;
        Ok(pulse)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Step>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the step meanwhile, so that no sign of life comes after a request's last event.
    fn beat(&self) {
        let step = self.lock();
        let Some(Step { request, number, began }) = *step else { return };
        if began.elapsed() > STEP_LONGEST {
            tracing::error!(number, "a page takes too long");
            std::process::exit(i32::from(BROKEN));
        }
        let (phase, request) = (Phase::Decode, Some(request));
        self.outbox.send(&Event::Alive { phase, step: number, request });
    }

    /// A page begins.
    pub(crate) fn at(&self, request: RequestId, number: u32) {
        *self.lock() = Some(Step { request, number, began: Instant::now() });
    }

    /// The request is about to send its last event.
    pub(crate) fn ended(&self) {
        *self.lock() = None;
    }
}

//! The thread that reads the document: on a large stack, and if it panics the process ends, as with
//! everything else that a document can break.

use std::io;
use std::time::Instant;

use pumasi_document::Sink;
use pumasi_document::limits::STACK_BYTES;
use pumasi_protocol::document::{DocumentPart, DocumentWork};
use pumasi_protocol::worker::{Drafts, Event, RequestId};
use pumasi_protocol::{Fault, Finish, Timings, Usage};

use crate::pulse::Pulse;
use crate::{BROKEN, Outbox};

/// Bytes of a document for which one token is counted: what predicting its time goes by.
const BYTES_PER_TOKEN: u64 = 1_024;

struct Events {
    request: RequestId,
    outbox: Outbox,
    pulse: Pulse,
}

impl Sink for Events {
    fn part(&mut self, index: u32, part: DocumentPart) {
        self.outbox.send(&Event::Part { request: self.request, index, part });
    }

    fn step(&mut self, number: u32) {
        self.pulse.at(self.request, number);
        // Who may have to do without this page must know which one it is, however soon it breaks.
        let (phase, request) = (pumasi_protocol::Phase::Decode, Some(self.request));
        self.outbox.send(&Event::Alive { phase, step: number, request });
    }
}

pub(crate) fn start(
    request: RequestId,
    work: DocumentWork,
    bytes: Vec<u8>,
    outbox: Outbox,
    pulse: Pulse,
) -> io::Result<()> {
    let run = move || {
        let began = Instant::now();
        let prompt = u32::try_from(work.file.bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX);
        let mut events = Events { request, outbox: outbox.clone(), pulse: pulse.clone() };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pumasi_document::run(&work, bytes, &mut events)
        }));
        let Ok(result) = result else { std::process::exit(i32::from(BROKEN)) };
        let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        pulse.ended();
        outbox.send(&match result {
            Ok(counted) => Event::Finished {
                request,
                finish: Finish::Stop,
                usage: Usage { prompt, cached: 0, completion: counted.parts },
                timings: Timings { queued_us: 0, prefill_us: us, decode_us: 0 },
                drafts: Drafts::default(),
            },
            Err(problem) => Event::Failed { request, fault: Fault::Document(problem) },
        });
    };
    std::thread::Builder::new().name("document".into()).stack_size(STACK_BYTES).spawn(run)?;
    Ok(())
}

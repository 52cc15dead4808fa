//! Frames on their way to the node: a writer thread, control frames first, bounded in bytes.
//! Order within one class is kept, so a request's own events never overtake each other.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pumasi_protocol::frame;
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::Event;

use crate::limits::{OUTBOX_BYTES, OUTBOX_URGENT, WRITE_BYTES};

#[derive(Debug, Default)]
struct Queue {
    urgent: VecDeque<Vec<u8>>,
    ordered: VecDeque<Vec<u8>>,
    /// Bytes in `ordered`.
    bytes: usize,
    /// Nothing more comes in.
    closing: bool,
    /// The node does not read any more.
    broken: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    emptied: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under this lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where events are put. Clones share one writer.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    shared: Arc<Shared>,
}

/// Why an event was not taken: it is larger than a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Outbox {
    /// Starts the writer thread.
    pub(crate) fn start<W: Write + Send + 'static>(
        pipe: W,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared::default());
        let writer_side = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("frames out".into())
            .spawn(move || write_frames(pipe, &writer_side))?;
        Ok((Self { shared }, writer))
    }

    /// Puts an event behind those before it; waits while too many bytes wait.
    pub(crate) fn send(&self, event: &Event) -> Result<(), TooLong> {
        let frame = frame::encode(event, FRAME_BYTES).map_err(|_| TooLong)?;
        let mut queue = self.shared.lock();
        while queue.bytes > OUTBOX_BYTES && !queue.broken {
            queue = self.shared.emptied.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.broken {
            queue.bytes += frame.len();
            queue.ordered.push_back(frame);
            self.shared.filled.notify_one();
        }
        Ok(())
    }

    /// Puts a sign of life ahead of everything else; leaves it out when many wait already.
    pub(crate) fn send_urgent(&self, event: &Event) {
        let Ok(frame) = frame::encode(event, FRAME_BYTES) else { return };
        let mut queue = self.shared.lock();
        if queue.urgent.len() < OUTBOX_URGENT && !queue.broken {
            queue.urgent.push_back(frame);
            self.shared.filled.notify_one();
        }
    }

    /// Lets the writer finish what waits and end.
    pub(crate) fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.filled.notify_one();
    }
}

fn write_frames<W: Write>(mut pipe: W, shared: &Shared) {
    let mut bytes = Vec::with_capacity(WRITE_BYTES);
    while next_write(shared, &mut bytes) {
        if pipe.write_all(&bytes).and_then(|()| pipe.flush()).is_err() {
            let mut queue = shared.lock();
            queue.broken = true;
            queue.ordered.clear();
            queue.bytes = 0;
            shared.emptied.notify_all();
            return;
        }
    }
}

/// Gathers the frames of the next write; false when nothing more will come.
fn next_write(shared: &Shared, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    let mut queue = shared.lock();
    while queue.urgent.is_empty() && queue.ordered.is_empty() {
        if queue.closing {
            return false;
        }
        queue = shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    for frame in queue.urgent.drain(..) {
        bytes.extend_from_slice(&frame);
    }
    while let Some(frame) = queue.ordered.front() {
        if !bytes.is_empty() && bytes.len() + frame.len() > WRITE_BYTES {
            break;
        }
        bytes.extend_from_slice(frame);
        queue.bytes -= frame.len();
        queue.ordered.pop_front();
    }
    shared.emptied.notify_all();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use pumasi_protocol::Phase;
    use pumasi_protocol::worker::RequestId;

    fn alive(step: u32) -> Event {
        Event::Alive { phase: Phase::Decode, step, request: Some(RequestId(1)) }
    }

    #[test]
    fn signs_of_life_overtake_and_order_is_kept_within_a_class() {
        let shared = Shared::default();
        let outbox = Outbox { shared: Arc::new(shared) };
        for step in 0..3 {
            assert_eq!(outbox.send(&alive(step)), Ok(()));
        }
        outbox.send_urgent(&alive(9));
        let mut bytes = Vec::new();
        assert!(next_write(&outbox.shared, &mut bytes));
        let expected: Vec<u8> = [9, 0, 1, 2]
            .iter()
            .flat_map(|step| frame::encode(&alive(*step), FRAME_BYTES).expect("small"))
            .collect();
        assert_eq!(bytes, expected);
        outbox.close();
        assert!(!next_write(&outbox.shared, &mut bytes));
    }

    #[test]
    fn one_write_holds_at_most_256_kib_unless_one_frame_is_larger() {
        let outbox = Outbox { shared: Arc::new(Shared::default()) };
        let request = RequestId(1);
        let syntax = Default::default();
        let large = Event::Started { request, prompt: vec![70_000; 40_000], cached: 0, syntax };
        for _ in 0..3 {
            assert_eq!(outbox.send(&large), Ok(()));
        }
        let mut bytes = Vec::new();
        let mut writes = Vec::new();
        outbox.close();
        while next_write(&outbox.shared, &mut bytes) {
            writes.push(bytes.len());
        }
        assert_eq!(writes.len(), 3);
        assert!(writes.iter().all(|length| *length <= WRITE_BYTES));
    }

    #[test]
    fn a_reader_that_is_gone_lets_the_engine_go_on() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (outbox, writer) = Outbox::start(Gone).expect("a thread");
        assert_eq!(outbox.send(&alive(1)), Ok(()));
        writer.join().expect("the writer ends");
        let syntax = Default::default();
        let prompt = vec![u32::MAX; 500_000];
        let large = Event::Started { request: RequestId(1), prompt, cached: 0, syntax };
        for _ in 0..20 {
            assert_eq!(outbox.send(&large), Ok(()));
        }
    }
}

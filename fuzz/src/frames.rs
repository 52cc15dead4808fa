//! Frames between members: the control plane's requests and answers, the data plane's streams.
//! The first byte chooses.

use pumasi_protocol::blob::{BlobAsk, BlobFrame, BlobReader};
use pumasi_protocol::message::{Control, Offer, Request, Response};
use pumasi_protocol::providing::{ProviderAsk, ProviderFrame, ProviderMiss};
use pumasi_protocol::stream::{AttemptEvent, EventOrder, OwnerFrame};
use pumasi_protocol::{
    AttemptId, BlobId, BlobRight, CopyAsk, CopyFrame, CopyPart, CustodyMessage, Epoch, Fault,
    JobId, frame, limits,
};

use crate::{body, seed};

/// See the module.
///
/// # Panics
/// When a value is read differently from how it is written, or an order that is broken is taken.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 10 {
        0 => {
            body::<Request>(bytes, limits::CONTROL_BYTES);
        }
        1 => {
            body::<Response>(bytes, limits::CONTROL_BYTES);
        }
        2 => {
            body::<OwnerFrame>(bytes, limits::FRAME_BYTES);
        }
        3 => {
            body::<CustodyMessage>(bytes, limits::CONTROL_BYTES);
        }
        4 => attempt(bytes),
        5 => file(bytes),
        6 => {
            body::<CopyAsk>(bytes, limits::COPY_FRAME_BYTES);
        }
        7 => copy(bytes),
        8 => lent(bytes),
        _ => {
            body::<Offer>(bytes, limits::CONTROL_BYTES);
        }
    }
}

/// What a holder of a model says: whatever is within limits can be asked about any piece.
fn copy(bytes: &[u8]) {
    let frame = body::<CopyFrame>(bytes, limits::COPY_FRAME_BYTES);
    if let Some(CopyFrame::Held { part, .. }) = frame.filter(CopyFrame::is_within_limits) {
        let there = [0, 7, 8, 1 << 20, u64::MAX].map(|piece| part.has(piece));
        assert!(part == CopyPart::Whole || !there[4], "no file has that many pieces");
    }
}

/// The bodies of a stream of frames, as far as their lengths are true.
fn bodies(mut bytes: &[u8], limit: usize) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<{ frame::PREFIX }>() {
        let Ok(length) = frame::body_length(*prefix, limit) else { break };
        assert!((1..=limit).contains(&length));
        let Some((body, rest)) = rest.split_at_checked(length) else { break };
        bodies.push(body);
        bytes = rest;
    }
    bodies
}

/// A stream of an attempt's events: what is let through is in order.
fn attempt(bytes: &[u8]) {
    let mut order = EventOrder::after(0);
    let (mut tokens, mut last) = (0, false);
    for bytes in bodies(bytes, limits::FRAME_BYTES) {
        let Some(event) = body::<AttemptEvent>(bytes, limits::FRAME_BYTES) else { return };
        if order.check(&event).is_err() {
            return;
        }
        assert!(!last, "an event after the last");
        last = event.is_last();
        if let AttemptEvent::Tokens { index, tokens: more } = &event {
            assert_eq!(*index as usize, tokens, "a gap");
            tokens += more.len();
        }
    }
}

/// A frame of an answer through a member; what is within bounds stays so when it is written again.
fn lent(bytes: &[u8]) {
    if let Some(frame) = body::<ProviderFrame>(bytes, limits::SHARED_LIST_BYTES)
        && let ProviderFrame::Shared(shared) = &frame
        && frame.is_within_limits()
    {
        let models: usize = shared.iter().map(|provider| provider.models.len()).sum();
        assert!(models <= limits::SHARED_MODELS && shared.len() <= limits::SHARED_PROVIDERS);
    }
}

/// A stream of a file's chunks: what is whole has the hash that was asked for.
fn file(bytes: &[u8]) {
    const AT_MOST: usize = 1 << 20;
    let wanted = BlobId(*blake3::hash(b"a file").as_bytes());
    let mut frames = bodies(bytes, limits::BLOB_FRAME_BYTES).into_iter();
    let first = frames.next().and_then(|b| body::<BlobFrame>(b, limits::BLOB_FRAME_BYTES));
    let Some(BlobFrame::Found { size }) = first else { return };
    let Ok(mut reader) = BlobReader::new(wanted, size, AT_MOST) else { return };
    for bytes in frames {
        let frame = body::<BlobFrame>(bytes, limits::BLOB_FRAME_BYTES);
        let Some(BlobFrame::Chunk(chunk)) = frame else { return };
        if reader.push(&chunk).is_err() {
            return;
        }
    }
    if let Ok(file) = reader.finish() {
        assert_eq!(file, b"a file");
    }
}

/// One of each stream.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let attempt = AttemptId { job: JobId::from_parts(1, [2; 10]), epoch: Epoch(1) };
    let framed = |which: u8, frames: &[Vec<u8>]| [vec![which], frames.concat()].concat();
    let events = [AttemptEvent::Failed(Fault::Silent)];
    let events = events.map(|event| frame::encode(&event, 1_000).expect("small"));
    let chunks = [BlobFrame::Found { size: 6 }, BlobFrame::Chunk(b"a file".to_vec())];
    let chunks = chunks.map(|chunk| frame::encode(&chunk, 1_000).expect("small"));
    let ask = BlobAsk {
        blob: BlobId([1; 32]),
        right: BlobRight::Job(JobId::from_parts(1, [2; 10])),
        offset: 0,
        at_most: 9,
    };
    vec![
        seed(0, &Request::Scheduler(Control::Bind { attempt })),
        seed(0, &Request::Roster { known: vec![[0; 32], [255; 32]] }),
        seed(1, &Response::NotFound),
        seed(2, &OwnerFrame::Blob(ask)),
        seed(2, &OwnerFrame::Cancel),
        seed(3, &CustodyMessage::Want { jobs: vec![JobId::from_parts(1, [2; 10])] }),
        framed(4, &events),
        framed(5, &chunks),
        seed(6, &CopyAsk::Open(BlobId([1; 32]))),
        seed(7, &CopyFrame::Preparing { permille: 500 }),
        seed(2, &OwnerFrame::Provider(Box::new(ProviderAsk::Watch))),
        seed(8, &ProviderFrame::Ended(Some(ProviderMiss::bare("reset")))),
        seed(8, &ProviderFrame::Shared(Vec::new())),
    ]
}

//! The executor's end of attempts' streams: work in, events out. Whether an attempt was bound here is
//! the loop's to decide; who asks is known from the handshake.

use std::time::Instant;

use pumasi_protocol::providing::ProviderAsk;
use pumasi_protocol::stream::{AttemptEvent, OwnerFrame};
use pumasi_protocol::{BlobAsk, Fault, NodeId, Refusal, Work, limits};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::conduct::Kind;
use super::super::event::{AttemptOpened, NetEvent};
use super::super::frames::{self, StreamError};
use super::super::limits::{ATTEMPT_EVENTS, CANCEL_GRACE, OPEN_DEADLINE};
use super::{DataPlane, NOT_MEMBER, blob, copies, sharing};

/// Code of a stream that ends without a last event.
const ABANDONED: VarInt = VarInt::from_u32(3);
/// Code of a stream that is one too many.
const TOO_MANY: VarInt = VarInt::from_u32(4);

/// Serves the streams that the peer opens, until the connection ends, and hears why it did.
pub(super) async fn serve(node: NodeId, connection: Connection, plane: DataPlane) {
    let end = loop {
        let (mut out, mut input) = match connection.accept_bi().await {
            Ok(stream) => stream,
            Err(end) => break end,
        };
        if !plane.is_welcome(&node) {
            connection.close(NOT_MEMBER, b"");
            return;
        }
        if plane.inner.conduct.spend(node, Kind::Stream, 1, Instant::now()) {
            tokio::spawn(stream(node, out, input, plane.clone()));
        } else {
            // The other side may have given it up already.
            let _ = (out.reset(TOO_MANY), input.stop(TOO_MANY));
        }
    };
    plane.hear_farewell(node, &end).await;
}

async fn stream(from: NodeId, mut out: SendStream, mut input: RecvStream, plane: DataPlane) {
    let room = plane.with_peer(from, |peer| peer.frames.clone());
    let first = first_frame(&mut input, &room).await;
    let is_work = matches!(first, Ok(First::Attempt(_) | First::Blob(_)));
    if is_work && !plane.inner.conduct.spend(from, Kind::Work, 1, Instant::now()) {
        // The other side may have given it up already.
        let _ = (out.reset(TOO_MANY), input.stop(TOO_MANY));
        return;
    }
    match first {
        Ok(First::Attempt(opened)) => {
            attempt(from, *opened, out, input, plane.inner.events.clone()).await;
        }
        Ok(First::Blob(ask)) => blob::serve(from, ask, out, &plane).await,
        Ok(First::Copy) => copies::begin_quic(plane, from, out, input),
        Ok(First::Provider(ask)) => sharing::serve(from, *ask, out, input, &plane).await,
        Err(fault) => refuse(&mut out, fault).await,
    }
}

async fn attempt(
    from: NodeId,
    (attempt, model, work): Opened,
    mut out: SendStream,
    mut input: RecvStream,
    loop_events: mpsc::Sender<NetEvent>,
) {
    let (events, mut to_owner) = mpsc::channel(ATTEMPT_EVENTS);
    let cancelled = CancellationToken::new();
    let told = cancelled.clone();
    let opened = AttemptOpened { from, attempt, model, work, events, cancelled: told };
    if loop_events.try_send(NetEvent::AttemptOpened(Box::new(opened))).is_err() {
        return refuse(&mut out, Fault::Refused(Refusal::QueueFull)).await;
    }
    let ended = tokio::select! {
        ended = relay(&mut out, &mut to_owner) => ended,
        () = watch_owner(&mut input, &cancelled) => false,
    };
    cancelled.cancel();
    if !ended {
        let _ = out.reset(ABANDONED);
    }
}

type Opened = (pumasi_protocol::AttemptId, pumasi_protocol::ModelName, Work);

/// What a stream is for.
enum First {
    Attempt(Box<Opened>),
    Blob(BlobAsk),
    Copy,
    Provider(Box<ProviderAsk>),
}

async fn first_frame(input: &mut RecvStream, room: &Semaphore) -> Result<First, Fault> {
    let frame = frames::read_into::<OwnerFrame>(input, limits::FRAME_BYTES, room);
    let read = timeout(OPEN_DEADLINE, frame).await;
    match read.map_err(|_| Fault::Silent)? {
        Ok(OwnerFrame::Open { attempt, model, work }) if work.is_within_limits() => {
            Ok(First::Attempt(Box::new((attempt, model, work))))
        }
        Ok(OwnerFrame::Blob(ask)) => Ok(First::Blob(ask)),
        Ok(OwnerFrame::Copy) => Ok(First::Copy),
        Ok(OwnerFrame::Provider(ask)) => Ok(First::Provider(ask)),
        Ok(OwnerFrame::Open { .. } | OwnerFrame::Cancel) => Err(Fault::BadRequest),
        // A frame that cannot be read is most likely of a kind that a newer version knows.
        Err(StreamError::Frame(_)) => Err(Fault::Refused(Refusal::Unsupported)),
        Err(StreamError::Finished) => Err(Fault::BadRequest),
        Err(StreamError::Broken | StreamError::Slow) => Err(Fault::Connection),
    }
}

async fn refuse(out: &mut SendStream, fault: Fault) {
    let event = AttemptEvent::Failed(fault);
    if frames::write(out, &event, limits::FRAME_BYTES).await.is_ok() {
        let _ = out.finish();
    }
}

/// Sends events until the last one. True if that was sent, or stood in for.
async fn relay(out: &mut SendStream, events: &mut mpsc::Receiver<AttemptEvent>) -> bool {
    while let Some(event) = events.recv().await {
        let last = event.is_last();
        match frames::write(out, &event, limits::FRAME_BYTES).await {
            Ok(()) if last => return out.finish().is_ok(),
            Ok(()) => {}
            Err(StreamError::Frame(_)) => {
                refuse(out, Fault::EngineGarbage).await;
                return true;
            }
            Err(StreamError::Finished | StreamError::Broken | StreamError::Slow) => return false,
        }
    }
    false
}

/// Returns when the owner is gone, or did not get its last event in time after a cancel.
async fn watch_owner(input: &mut RecvStream, cancelled: &CancellationToken) {
    let grace = async {
        cancelled.cancelled().await;
        tokio::time::sleep(CANCEL_GRACE).await;
    };
    let frames = async {
        loop {
            match frames::read::<OwnerFrame>(input, limits::FRAME_BYTES).await {
                Ok(OwnerFrame::Cancel) => cancelled.cancel(),
                // A second opening on the same stream is nonsense.
                Ok(
                    OwnerFrame::Open { .. }
                    | OwnerFrame::Blob(_)
                    | OwnerFrame::Copy
                    | OwnerFrame::Provider(_),
                )
                | Err(StreamError::Frame(_)) => return,
                // The owner has nothing more to say, but listens.
                Err(StreamError::Finished) => std::future::pending().await,
                Err(StreamError::Broken | StreamError::Slow) => return,
            }
        }
    };
    tokio::select! {
        () = frames => {}
        () = grace => {}
    }
}

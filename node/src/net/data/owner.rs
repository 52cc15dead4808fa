//! The owner's end of an attempt's stream: work out, events in. Whatever happens, the last event
//! that the loop gets is one that `is_last`.

use pumasi_protocol::stream::{AttemptEvent, EventOrder, OwnerFrame};
use pumasi_protocol::{AttemptId, Fault, ModelName, NodeId, Work, limits};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::frames::{self, StreamError};
use super::super::handle::{Attempt, Opening};
use super::super::limits::{ATTEMPT_EVENTS, ATTEMPT_SILENCE, CANCEL_GRACE, OPEN_DEADLINE};
use super::DataPlane;

/// Code of a stream that its owner gives up.
const GIVEN_UP: VarInt = VarInt::from_u32(2);

pub(super) fn open(
    plane: DataPlane,
    to: NodeId,
    attempt: AttemptId,
    model: ModelName,
    work: Work,
) -> Attempt {
    let (events, receiver) = mpsc::channel(ATTEMPT_EVENTS);
    let cancel = CancellationToken::new();
    let cancelled = cancel.clone();
    let (told, opening) = watch::channel(Opening::Connecting);
    tokio::spawn(async move {
        let order = EventOrder::after(delivered(&work));
        let frame = OwnerFrame::Open { attempt, model, work };
        let opened = tokio::select! {
            opened = start(&plane, to, &frame, &told) => opened,
            () = cancelled.cancelled() => Err(Fault::Cancelled),
        };
        drop(frame);
        let ended = match opened {
            Ok((out, input)) => {
                Stream { out, input, order, events: &events }.relay(&cancelled).await
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = ended {
            // The loop may have dropped its end; then nobody waits for the last event.
            let _ = events.send(AttemptEvent::Failed(fault)).await;
        }
    });
    Attempt { opening, events: receiver, cancel }
}

/// Tokens of the answer that earlier attempts delivered.
fn delivered(work: &Work) -> u32 {
    let resumed = match work {
        Work::Generate(generate) => generate.resume.as_ref().map_or(0, |r| r.delivered.len()),
        Work::Embed(_) | Work::Documents(_) => 0,
        Work::Document(document) => usize::try_from(document.skip).unwrap_or(usize::MAX),
    };
    u32::try_from(resumed).unwrap_or(u32::MAX)
}

async fn start(
    plane: &DataPlane,
    to: NodeId,
    frame: &OwnerFrame,
    told: &watch::Sender<Opening>,
) -> Result<(SendStream, RecvStream), Fault> {
    let connection = plane.connection(to).await.ok_or(Fault::Connection)?;
    let opened = timeout(OPEN_DEADLINE, connection.open_bi()).await;
    let (mut out, input) = opened.map_err(|_| Fault::Silent)?.map_err(|_| Fault::Connection)?;
    told.send_replace(Opening::Sending(0));
    let taken = |bytes| {
        told.send_replace(Opening::Sending(bytes));
    };
    match frames::write_watched(&mut out, frame, limits::FRAME_BYTES, taken).await {
        Ok(()) => {
            told.send_replace(Opening::Open);
            Ok((out, input))
        }
        Err(StreamError::Frame(_)) => Err(Fault::BadRequest),
        Err(StreamError::Slow) => Err(Fault::Silent),
        Err(StreamError::Finished | StreamError::Broken) => Err(Fault::Connection),
    }
}

struct Stream<'a> {
    out: SendStream,
    input: RecvStream,
    order: EventOrder,
    events: &'a mpsc::Sender<AttemptEvent>,
}

/// What the relay waits for next.
enum Next {
    Read(Result<AttemptEvent, StreamError>),
    Cancelled,
    Deadline,
    LoopGone,
}

impl Stream<'_> {
    /// Hands events on until the last one. An error is the last event that is still to be sent.
    async fn relay(mut self, cancelled: &CancellationToken) -> Result<(), Fault> {
        let result = self.run(cancelled).await;
        if result.is_err() {
            // Already closed streams need no telling.
            let _ = self.input.stop(GIVEN_UP);
            let _ = self.out.reset(GIVEN_UP);
        }
        result
    }

    async fn run(&mut self, cancelled: &CancellationToken) -> Result<(), Fault> {
        let mut told = false;
        let mut deadline = Instant::now() + ATTEMPT_SILENCE;
        loop {
            // A read that is dropped half-way would lose bytes: it lives on across other turns.
            let mut read =
                std::pin::pin!(frames::read::<AttemptEvent>(&mut self.input, limits::FRAME_BYTES));
            let event = loop {
                let next = tokio::select! {
                    biased;
                    read = &mut read => Next::Read(read),
                    () = cancelled.cancelled(), if !told => Next::Cancelled,
                    () = self.events.closed() => Next::LoopGone,
                    () = sleep_until(deadline) => Next::Deadline,
                };
                match next {
                    Next::Read(read) => break read.map_err(fault_of)?,
                    Next::Cancelled => {
                        told = true;
                        deadline = Instant::now() + CANCEL_GRACE;
                        let frame = OwnerFrame::Cancel;
                        let sent = frames::write(&mut self.out, &frame, limits::FRAME_BYTES).await;
                        sent.map_err(|_| Fault::Cancelled)?;
                    }
                    Next::Deadline if told => return Err(Fault::Cancelled),
                    Next::Deadline => return Err(Fault::Silent),
                    Next::LoopGone => return Err(Fault::Cancelled),
                }
            };
            if !told {
                deadline = Instant::now() + ATTEMPT_SILENCE;
            }
            self.order.check(&event).map_err(|_| Fault::PeerProtocol)?;
            let last = event.is_last();
            self.events.send(event).await.map_err(|_| Fault::Cancelled)?;
            if last {
                let _ = self.out.finish();
                return Ok(());
            }
        }
    }
}

fn fault_of(error: StreamError) -> Fault {
    match error {
        StreamError::Finished | StreamError::Frame(_) => Fault::PeerProtocol,
        StreamError::Broken => Fault::Connection,
        StreamError::Slow => Fault::Silent,
    }
}

//! Streams on which members ask this node's providers. Who may ask what is the host's to decide; who asks
//! is known from the handshake. A stream that its asker leaves, or that ends with its connection because
//! the asker is no member any more, ends the call.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use pumasi_protocol::providing::{
    ProviderAsk, ProviderCall, ProviderFrame, ProviderMiss, SharedProvider,
};
use pumasi_protocol::{NodeId, frame, limits};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};

use super::super::frames;
use super::super::limits::{OFFERS_PAUSE, OPEN_DEADLINE, PROVIDER_BODY_TIME, PROVIDER_STALL};
use super::DataPlane;

/// Code of a stream that its end does not follow.
const ABANDONED: VarInt = VarInt::from_u32(3);

/// Asks this node's providers for its members.
pub(crate) trait ProviderHost: Send + Sync {
    /// What is shared with this member at the moment.
    fn shared_with(&self, node: NodeId) -> Vec<SharedProvider>;

    /// Changes whenever that may have changed, for anybody.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Whether this member may still use this provider.
    fn may_use(&self, node: NodeId, provider: &str) -> bool;

    /// Puts a member's call to a provider of this node. Dropped, it gives the call up.
    fn ask(
        &self,
        from: NodeId,
        call: ProviderCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Lent, ProviderMiss>>;
}

/// An answer for a member.
pub(crate) struct Lent {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Pieces; none is empty.
    pub(crate) body: BoxStream<'static, Result<Bytes, ProviderMiss>>,
}

/// Serves one stream.
pub(super) async fn serve(
    from: NodeId,
    ask: ProviderAsk,
    mut out: SendStream,
    input: RecvStream,
    plane: &DataPlane,
) {
    let Some(host) = host(plane).await else {
        return end_with(&mut out, ProviderMiss::bare("not_shared")).await;
    };
    match ask {
        ProviderAsk::Watch => tell(from, host.as_ref(), &mut out).await,
        ProviderAsk::Call(call) => {
            let sent = answer(from, call, input, &mut out, plane, host.as_ref()).await;
            if sent.is_none() {
                // It may be closed already.
                let _ = out.reset(ABANDONED);
            }
        }
    }
}

/// A node that has just begun answers its members before all of it is there.
async fn host(plane: &DataPlane) -> Option<Arc<dyn ProviderHost>> {
    let mut host = plane.inner.host.subscribe();
    let there = timeout(OPEN_DEADLINE, host.wait_for(Option::is_some)).await;
    there.ok()?.ok()?.clone()
}

/// Tells what is shared, and each change of it, until the other side is gone.
async fn tell(from: NodeId, host: &dyn ProviderHost, out: &mut SendStream) {
    let mut changes = host.changes();
    let mut told = None;
    loop {
        changes.mark_unchanged();
        let shared = host.shared_with(from);
        if told.as_ref() != Some(&shared) {
            let frame = ProviderFrame::Shared(shared.clone());
            if frames::write(out, &frame, limits::SHARED_LIST_BYTES).await.is_err() {
                return;
            }
            told = Some(shared);
        }
        // What changes all the time is told now and then.
        tokio::select! {
            _ = out.stopped() => return,
            () = sleep(OFFERS_PAUSE) => {}
        }
        tokio::select! {
            _ = out.stopped() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Serves one call; none where the stream broke off, or the asker left.
async fn answer(
    from: NodeId,
    call: ProviderCall,
    mut input: RecvStream,
    out: &mut SendStream,
    plane: &DataPlane,
    host: &dyn ProviderHost,
) -> Option<()> {
    if !call.is_within_limits() {
        plane.inner.conduct.blame(from, std::time::Instant::now());
        end_with(out, ProviderMiss::bare("refused")).await;
        return Some(());
    }
    let Some((body, room)) = read_body(from, &call, &mut input, plane).await else {
        end_with(out, ProviderMiss::bare("refused")).await;
        return Some(());
    };
    let provider = call.provider.clone();
    let asked = tokio::select! {
        asked = host.ask(from, call, body) => asked,
        // Dropping the question closes its connection.
        _ = out.stopped() => return None,
        () = withdrawn(from, &provider, host) => Err(ProviderMiss::bare("not_shared")),
    };
    drop(room);
    match asked {
        Ok(lent) => tokio::select! {
            sent = send(lent, out) => sent,
            () = withdrawn(from, &provider, host) => None,
        },
        Err(miss) => {
            end_with(out, miss).await;
            Some(())
        }
    }
}

/// The body, and the room that it takes in the memory for what this member sends.
async fn read_body(
    from: NodeId,
    call: &ProviderCall,
    input: &mut RecvStream,
    plane: &DataPlane,
) -> Option<(Bytes, OwnedSemaphorePermit)> {
    let room = plane.with_peer(from, |peer| peer.frames.clone());
    let read = async {
        let room = room.acquire_many_owned(call.body.div_ceil(1_024)).await.ok()?;
        let mut body = BytesMut::zeroed(usize::try_from(call.body).ok()?);
        input.read_exact(&mut body).await.ok()?;
        // Nothing may follow.
        let rest = input.read_chunk(1, true).await.ok()?;
        rest.is_none().then(|| (body.freeze(), room))
    };
    timeout(PROVIDER_BODY_TIME, read).await.ok()?
}

/// Returns once this provider is not for this member any more.
async fn withdrawn(from: NodeId, provider: &str, host: &dyn ProviderHost) {
    let mut changes = host.changes();
    while host.may_use(from, provider) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn send(lent: Lent, out: &mut SendStream) -> Option<()> {
    let Lent { status, headers, mut body } = lent;
    let head = ProviderFrame::Begun { status, headers };
    let head = frame::encode(&head, limits::PROVIDER_FRAME_BYTES).ok()?;
    write(out, &mut [Bytes::from(head)]).await?;
    let mut ended = None;
    loop {
        let piece = tokio::select! {
            piece = body.next() => piece,
            _ = out.stopped() => return None,
        };
        match piece {
            Some(Ok(mut piece)) => {
                while !piece.is_empty() {
                    let part = piece.split_to(piece.len().min(limits::PROVIDER_PIECE_BYTES));
                    let length = u32::try_from(part.len()).ok()?.to_le_bytes();
                    write(out, &mut [Bytes::copy_from_slice(&length), part]).await?;
                }
            }
            Some(Err(miss)) => {
                ended = Some(miss);
                break;
            }
            None => break,
        }
    }
    let mut last = vec![0; 4];
    let end = ProviderFrame::Ended(ended);
    last.extend_from_slice(&frame::encode(&end, limits::PROVIDER_FRAME_BYTES).ok()?);
    write(out, &mut [Bytes::from(last)]).await?;
    out.finish().ok()
}

/// Waits for the reader's window, which is how a slow client slows its provider down; not for ever.
async fn write(out: &mut SendStream, pieces: &mut [Bytes]) -> Option<()> {
    let written = timeout(PROVIDER_STALL, out.write_all_chunks(pieces)).await;
    written.ok()?.ok()
}

async fn end_with(out: &mut SendStream, miss: ProviderMiss) {
    let frame = ProviderFrame::Missed(miss);
    if frames::write(out, &frame, limits::PROVIDER_FRAME_BYTES).await.is_ok() {
        // The asker may be gone.
        let _ = out.finish();
    }
}

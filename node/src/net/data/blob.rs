//! Streams of files: a holder sends a range in chunks, a reader puts it together and checks its hash.
//! Who may read is the loop's to decide; who asks is known from the handshake.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use pumasi_protocol::stream::OwnerFrame;
use pumasi_protocol::{BlobAsk, BlobError, BlobFrame, BlobReader, BlobRight, NodeId, limits};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::super::event::NetEvent;
use super::super::frames;
use super::super::limits::{BLOB_SLOWEST, BLOB_START, OPEN_DEADLINE};
use super::DataPlane;

/// Code of a stream whose file is not wanted any more.
const GIVEN_UP: VarInt = VarInt::from_u32(2);

/// An open file that a member may read.
#[derive(Debug)]
pub struct BlobSource {
    /// The file, at any position.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a file did not come from a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It cannot be reached, or stopped sending.
    #[error("the other computer cannot be reached or stopped sending")]
    Unreachable,
    /// It has no such file, or not for this node.
    #[error("the other computer has no such file")]
    NotFound,
    /// It serves too many readers.
    #[error("the other computer serves too many readers at the moment")]
    Busy,
    /// It sent what no honest node sends.
    #[error("the other computer sent something else: {0}")]
    Wrong(#[from] BlobError),
}

/// Serves one ask.
pub(super) async fn serve(from: NodeId, ask: BlobAsk, mut out: SendStream, plane: &DataPlane) {
    let Ok(_permit) = plane.inner.sending.try_acquire() else {
        return end_with(&mut out, BlobFrame::Busy).await;
    };
    match permitted(from, ask, &plane.inner.events).await {
        Ok(source) => send(ask, source, &mut out).await,
        Err(frame) => end_with(&mut out, frame).await,
    }
}

async fn permitted(
    from: NodeId,
    ask: BlobAsk,
    events: &mpsc::Sender<NetEvent>,
) -> Result<BlobSource, BlobFrame> {
    let (reply, answer) = oneshot::channel();
    let event = NetEvent::BlobAsked { from, ask, reply };
    events.try_send(event).map_err(|_| BlobFrame::Busy)?;
    match timeout(OPEN_DEADLINE, answer).await {
        Ok(Ok(Some(source))) => Ok(source),
        Ok(Ok(None) | Err(_)) => Err(BlobFrame::NotFound),
        Err(_) => Err(BlobFrame::Busy),
    }
}

async fn end_with(out: &mut SendStream, frame: BlobFrame) {
    if frames::write(out, &frame, limits::BLOB_FRAME_BYTES).await.is_ok() {
        // The reader may be gone.
        let _ = out.finish();
    }
}

/// Sends the size, and the range unless the reader will not take it.
async fn send(ask: BlobAsk, source: BlobSource, out: &mut SendStream) {
    let BlobSource { mut file, size } = source;
    let found = BlobFrame::Found { size };
    if frames::write(out, &found, limits::BLOB_FRAME_BYTES).await.is_err() {
        return;
    }
    let mut left = if size > ask.at_most { 0 } else { size.saturating_sub(ask.offset) };
    let mut start = Some(ask.offset);
    while left > 0 {
        let length = left.min(limits::BLOB_CHUNK_BYTES as u64);
        let from = start.take();
        let read = tokio::task::spawn_blocking(move || read_chunk(file, from, length)).await;
        let Ok(Ok((back, chunk))) = read else { return drop(out.reset(GIVEN_UP)) };
        file = back;
        left -= length;
        let chunk = BlobFrame::Chunk(chunk);
        if frames::write(out, &chunk, limits::BLOB_FRAME_BYTES).await.is_err() {
            return drop(out.reset(GIVEN_UP));
        }
    }
    // The reader may be gone.
    let _ = out.finish();
}

fn read_chunk(mut file: File, start: Option<u64>, length: u64) -> std::io::Result<(File, Vec<u8>)> {
    if let Some(start) = start {
        file.seek(SeekFrom::Start(start))?;
    }
    let mut chunk = vec![0; usize::try_from(length).unwrap_or(limits::BLOB_CHUNK_BYTES)];
    file.read_exact(&mut chunk)?;
    Ok((file, chunk))
}

/// Fetches a whole file from a member; see [`super::super::NetHandle::fetch`].
pub(super) async fn fetch(
    plane: &DataPlane,
    to: NodeId,
    ask: BlobAsk,
) -> Result<Vec<u8>, FetchError> {
    let started = timeout(BLOB_START, start(plane, to, ask)).await;
    let (mut input, first) = started.map_err(|_| FetchError::Unreachable)??;
    let size = match first {
        BlobFrame::Found { size } => size,
        BlobFrame::NotFound => return Err(FetchError::NotFound),
        BlobFrame::Busy => return Err(FetchError::Busy),
        BlobFrame::Chunk(_) => return Err(BlobError::Chunk.into()),
    };
    let at_most = usize::try_from(ask.at_most).unwrap_or(usize::MAX);
    let reader = BlobReader::new(ask.blob, size, at_most)?;
    let patience = BLOB_START + std::time::Duration::from_secs(size / BLOB_SLOWEST);
    let read = timeout(patience, read(&mut input, reader)).await;
    let file = read.unwrap_or(Err(FetchError::Unreachable));
    if file.is_err() {
        // A stream that ended already needs no telling.
        let _ = input.stop(GIVEN_UP);
    }
    file
}

async fn start(
    plane: &DataPlane,
    to: NodeId,
    ask: BlobAsk,
) -> Result<(RecvStream, BlobFrame), FetchError> {
    let gone = FetchError::Unreachable;
    let connection = plane.connection(to).await.ok_or(gone)?;
    let (mut out, mut input) = connection.open_bi().await.map_err(|_| gone)?;
    let frame = OwnerFrame::Blob(ask);
    frames::write(&mut out, &frame, limits::BLOB_FRAME_BYTES).await.map_err(|_| gone)?;
    let _ = out.finish();
    let first = frames::read(&mut input, limits::BLOB_FRAME_BYTES).await.map_err(|_| gone)?;
    Ok((input, first))
}

async fn read(input: &mut RecvStream, mut reader: BlobReader) -> Result<Vec<u8>, FetchError> {
    while !reader.is_whole() {
        let frame = frames::read(input, limits::BLOB_FRAME_BYTES).await;
        match frame.map_err(|_| FetchError::Unreachable)? {
            BlobFrame::Chunk(chunk) => reader.push(&chunk)?,
            BlobFrame::Found { .. } | BlobFrame::NotFound | BlobFrame::Busy => {
                return Err(BlobError::Chunk.into());
            }
        }
    }
    let hashed = tokio::task::spawn_blocking(move || reader.finish()).await;
    hashed.map_err(|_| FetchError::Unreachable)?.map_err(FetchError::Wrong)
}

impl DataPlane {
    /// Fetches a whole file; see [`super::super::NetHandle::fetch`].
    pub(crate) async fn fetch(
        &self,
        to: NodeId,
        blob: pumasi_protocol::BlobId,
        right: BlobRight,
        at_most: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let _permit = self.inner.fetching.acquire().await.map_err(|_| FetchError::Busy)?;
        let ask = BlobAsk { blob, right, offset: 0, at_most: at_most as u64 };
        fetch(self, to, ask).await
    }
}

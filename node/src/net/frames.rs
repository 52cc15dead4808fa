//! Reading and writing length-prefixed frames on QUIC streams. The length is checked before anything
//! is allocated, and what began must go on.

use pumasi_protocol::frame::{self, FrameError};
use quinn::{ReadExactError, RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::limits::{FRAME_DEADLINE, FRAME_PIECE};

/// Why no frame was read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// The other side ended the stream between two frames.
    Finished,
    /// The stream was reset, or the connection broke.
    Broken,
    /// A frame began and did not go on.
    Slow,
    /// The bytes are no frame of this kind, or the value does not fit one.
    Frame(FrameError),
}

/// Reads one frame; waits for its beginning as long as it takes.
pub(crate) async fn read<T: DeserializeOwned>(
    stream: &mut RecvStream,
    limit: usize,
) -> Result<T, StreamError> {
    let length = length(stream, limit).await?;
    body(stream, length).await
}

/// The same, once there is room for its body, in KiB.
pub(crate) async fn read_into<T: DeserializeOwned>(
    stream: &mut RecvStream,
    limit: usize,
    room: &Semaphore,
) -> Result<T, StreamError> {
    let length = length(stream, limit).await?;
    let kib = u32::try_from(length.div_ceil(1_024)).unwrap_or(u32::MAX);
    let _permit = room.acquire_many(kib).await.map_err(|_| StreamError::Broken)?;
    body(stream, length).await
}

async fn length(stream: &mut RecvStream, limit: usize) -> Result<usize, StreamError> {
    let mut prefix = [0; frame::PREFIX];
    match stream.read_exact(&mut prefix).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Err(StreamError::Finished),
        Err(ReadExactError::FinishedEarly(_)) => return Err(StreamError::Frame(FrameError::Body)),
        Err(ReadExactError::ReadError(_)) => return Err(StreamError::Broken),
    }
    frame::body_length(prefix, limit).map_err(StreamError::Frame)
}

async fn body<T: DeserializeOwned>(
    stream: &mut RecvStream,
    length: usize,
) -> Result<T, StreamError> {
    let mut body = vec![0; length];
    match timeout(FRAME_DEADLINE, stream.read_exact(&mut body)).await {
        Err(_) => Err(StreamError::Slow),
        Ok(Err(ReadExactError::FinishedEarly(_))) => Err(StreamError::Frame(FrameError::Body)),
        Ok(Err(ReadExactError::ReadError(_))) => Err(StreamError::Broken),
        Ok(Ok(())) => frame::decode_body(&body).map_err(StreamError::Frame),
    }
}

/// Writes one frame; waits for the reader's window, but not for ever.
pub(crate) async fn write<T: Serialize>(
    stream: &mut SendStream,
    value: &T,
    limit: usize,
) -> Result<(), StreamError> {
    write_watched(stream, value, limit, |_| ()).await
}

/// The same, telling how many bytes the reader's window has taken so far.
pub(crate) async fn write_watched<T: Serialize>(
    stream: &mut SendStream,
    value: &T,
    limit: usize,
    mut taken: impl FnMut(usize),
) -> Result<(), StreamError> {
    let bytes = frame::encode(value, limit).map_err(StreamError::Frame)?;
    let writing = async {
        let mut sent = 0;
        for piece in bytes.chunks(FRAME_PIECE) {
            stream.write_all(piece).await.map_err(|_| StreamError::Broken)?;
            sent += piece.len();
            taken(sent);
        }
        Ok(())
    };
    timeout(FRAME_DEADLINE, writing).await.unwrap_or(Err(StreamError::Slow))
}

//! Reading and writing length-prefixed frames on QUIC streams. The length is checked before anything
//! is allocated, and what began must go on.

use pumasi_protocol::frame::{self, FrameError};
use quinn::{ReadExactError, RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::limits::FRAME_DEADLINE;

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
    let mut prefix = [0; frame::PREFIX];
    match stream.read_exact(&mut prefix).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Err(StreamError::Finished),
        Err(ReadExactError::FinishedEarly(_)) => return Err(StreamError::Frame(FrameError::Body)),
        Err(ReadExactError::ReadError(_)) => return Err(StreamError::Broken),
    }
    let length = frame::body_length(prefix, limit).map_err(StreamError::Frame)?;
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
    let bytes = frame::encode(value, limit).map_err(StreamError::Frame)?;
    match timeout(FRAME_DEADLINE, stream.write_all(&bytes)).await {
        Err(_) => Err(StreamError::Slow),
        Ok(Err(_)) => Err(StreamError::Broken),
        Ok(Ok(())) => Ok(()),
    }
}

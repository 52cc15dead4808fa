//! Frames: four bytes of length (little endian), then bincode 2 (standard configuration, hard limit).
//! The length is checked before anything is allocated. This is the only file that names bincode.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;

/// Why bytes are not a frame, or a value does not fit one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stated or needed length is above the limit.
    #[error("a frame of {length} bytes is above the limit of {limit}")]
    TooLong {
        /// The length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The body is not the expected value.
    #[error("the body of a frame cannot be decoded")]
    Body,
    /// The body holds more than the value.
    #[error("a frame has {0} bytes after its value")]
    Trailing(usize),
    /// Zero length.
    #[error("an empty frame")]
    Empty,
}

/// Bytes of the length before each body.
pub const PREFIX: usize = 4;

/// Checks a length prefix.
///
/// # Errors
/// [`FrameError::Empty`] or [`FrameError::TooLong`].
pub fn body_length(prefix: [u8; PREFIX], limit: usize) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(prefix) as usize;
    match length {
        0 => Err(FrameError::Empty),
        _ if length > limit => Err(FrameError::TooLong { length, limit }),
        _ => Ok(length),
    }
}

/// Encodes a body without its length.
///
/// # Errors
/// [`FrameError::TooLong`] above `limit`.
pub fn encode_body<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let body = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|_| FrameError::Body)?;
    if body.len() > limit {
        return Err(FrameError::TooLong { length: body.len(), limit });
    }
    Ok(body)
}

/// Encodes a whole frame.
///
/// # Errors
/// [`FrameError::TooLong`] above `limit`.
pub fn encode<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let body = encode_body(value, limit)?;
    let length =
        u32::try_from(body.len()).map_err(|_| FrameError::TooLong { length: body.len(), limit })?;
    let mut frame = Vec::with_capacity(PREFIX + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Limit that bincode enforces on what a value claims to hold. Bincode counts the bytes that
/// containers claim in memory, which exceeds their encoded size, hence a class above the frame limit.
const CLAIMED_BYTES: usize = limits::FRAME_BYTES * 16;

/// Decodes a body that was read whole.
///
/// # Errors
/// [`FrameError::Body`] or [`FrameError::Trailing`].
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let config = bincode::config::standard().with_limit::<CLAIMED_BYTES>();
    let (value, used) =
        bincode::serde::decode_from_slice(body, config).map_err(|_| FrameError::Body)?;
    match body.len() - used {
        0 => Ok(value),
        rest => Err(FrameError::Trailing(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{AttemptEvent, OwnerFrame};
    use crate::worker;
    use proptest::prelude::*;

    #[test]
    fn cat_p05_lengths_are_checked_before_anything_is_allocated() {
        let limit = 1_000;
        let too_long = |length| Err(FrameError::TooLong { length, limit });
        assert_eq!(body_length(0u32.to_le_bytes(), limit), Err(FrameError::Empty));
        assert_eq!(body_length(1u32.to_le_bytes(), limit), Ok(1));
        assert_eq!(body_length(1_000u32.to_le_bytes(), limit), Ok(1_000));
        assert_eq!(body_length(1_001u32.to_le_bytes(), limit), too_long(1_001));
        assert_eq!(body_length(u32::MAX.to_le_bytes(), limit), too_long(u32::MAX as usize));
    }

    #[test]
    fn cat_p05_short_bodies_and_trailing_bytes_are_refused() {
        let frame = encode(&AttemptEvent::Failed(crate::Fault::Silent), 100).expect("small");
        let body = &frame[PREFIX..];
        assert!(decode_body::<AttemptEvent>(body).is_ok());
        assert_eq!(decode_body::<AttemptEvent>(&body[..body.len() - 1]), Err(FrameError::Body));
        let longer = [body, &[0]].concat();
        assert_eq!(decode_body::<AttemptEvent>(&longer), Err(FrameError::Trailing(1)));
    }

    #[test]
    fn cat_p05_a_few_bytes_that_claim_a_huge_vector_are_refused() {
        // Variant 1 (Started), then a vector of 2^64-1 token ids.
        let claim = [1, 253, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(decode_body::<AttemptEvent>(&claim), Err(FrameError::Body));
    }

    proptest! {
        #[test]
        fn decoders_take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode_body::<AttemptEvent>(&bytes);
            let _ = decode_body::<OwnerFrame>(&bytes);
            let _ = decode_body::<worker::Event>(&bytes);
            let _ = decode_body::<worker::Command>(&bytes);
            let _ = decode_body::<crate::message::Request>(&bytes);
            let _ = decode_body::<crate::message::Response>(&bytes);
            let _ = decode_body::<crate::advert::Gossip>(&bytes);
        }
    }
}

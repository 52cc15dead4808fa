//! A record as it lies in the database: version, checksum, body. The checksum covers the key, so
//! that a record under a wrong key is found, too.

use pumasi_protocol::frame;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sorts of records; each has its own part of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Facts about this node.
    Node,
    /// Roster entries by hash.
    Roster,
    /// Invitations by the hash of their secret.
    Invitation,
    /// Jobs by id.
    Job,
    /// Settings by name.
    Setting,
}

impl Table {
    fn prefix(self) -> u8 {
        match self {
            Self::Node => b'n',
            Self::Roster => b'r',
            Self::Invitation => b'i',
            Self::Job => b'j',
            Self::Setting => b's',
        }
    }

    pub(super) fn key(self, key: &[u8]) -> Vec<u8> {
        [&[self.prefix()], key].concat()
    }
}

/// Layout of the body. A reader of version N also reads N−1, once there is one.
const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// Largest record: what is longer, the database would keep where it is never synced (from 16 KiB).
pub(super) const RECORD_BYTES: usize = 15 * 1024;

fn checksum(key: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new_derive_key("pumasi store record 1");
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(body);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    sum
}

/// The record of a value; the error is its size.
pub(super) fn encode<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, usize> {
    let limit = RECORD_BYTES - 1 - CHECKSUM;
    let body = frame::encode_body(value, limit).map_err(|error| match error {
        frame::FrameError::TooLong { length, .. } => length,
        frame::FrameError::Body | frame::FrameError::Trailing(_) | frame::FrameError::Empty => 0,
    })?;
    Ok([&[VERSION], checksum(key, &body).as_slice(), &body].concat())
}

/// Whether a record is whole, without knowing what it holds.
pub(super) fn body<'a>(key: &[u8], record: &'a [u8]) -> Option<&'a [u8]> {
    let (version, rest) = record.split_first()?;
    let (sum, body) = rest.split_first_chunk::<CHECKSUM>()?;
    (*version == VERSION && checksum(key, body) == *sum).then_some(body)
}

/// The value of a record; `None` if it is damaged.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], record: &[u8]) -> Option<T> {
    frame::decode_body(body(key, record)?).ok()
}

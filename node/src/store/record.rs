//! A record as it lies in the database: version, checksum, body. The checksum covers key and version,
//! so that a record under a wrong key is found, too.

use pumasi_protocol::roster::SignedEntry;
use pumasi_protocol::{MeshId, frame};
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
    /// API keys by id.
    Key,
    /// What was used of API keys, by id.
    KeyUse,
    /// What people changed, by number.
    Act,
    /// What ran, by number.
    JobNote,
    /// What was used, by day.
    Usage,
    /// The main figures, by minute.
    Minute,
    /// Conversations by id.
    Conversation,
    /// Messages by conversation and id.
    Message,
    /// What others used of this node's providers, by day.
    Lent,
}

impl Table {
    fn prefix(self) -> u8 {
        match self {
            Self::Node => b'n',
            Self::Roster => b'r',
            Self::Invitation => b'i',
            Self::Job => b'j',
            Self::Setting => b's',
            Self::Key => b'k',
            Self::KeyUse => b'u',
            Self::Act => b'a',
            Self::JobNote => b'b',
            Self::Usage => b'p',
            Self::Minute => b'm',
            Self::Conversation => b'c',
            Self::Message => b't',
            Self::Lent => b'l',
        }
    }

    pub(super) fn key(self, key: &[u8]) -> Vec<u8> {
        [&[self.prefix()], key].concat()
    }

    /// The first key that begins so, and the first above all that do.
    pub(super) fn below(self, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let from = self.key(prefix);
        let mut to = from.clone();
        // Prefixes end with a table's letter or a sign of ASCII.
        if let Some(last) = to.last_mut() {
            *last += 1;
        }
        (from, to)
    }

    /// The first key of the table, and the first above it.
    pub(super) fn range(self) -> (Vec<u8>, Vec<u8>) {
        (vec![self.prefix()], vec![self.prefix() + 1])
    }
}

/// What can be a record. Its layout has a version; a program of version N also reads N−1.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The layout that is written.
    const VERSION: u8 = 1;

    /// Reads the layout before [`Self::VERSION`].
    fn from_previous(_body: &[u8]) -> Option<Self> {
        None
    }
}

impl Record for u64 {}
impl Record for String {}
impl Record for MeshId {}
impl Record for SignedEntry {}

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not what was written.
    Damaged,
    /// It is whole, and of a layout that this program does not know.
    Unknown,
}

/// Newest layout of any record.
const NEWEST: u8 = 2;
const CHECKSUM: usize = 8;
/// Largest record.
pub(super) const RECORD_BYTES: usize = 15 * 1024;

fn checksum(version: u8, key: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = match version {
        1 => blake3::Hasher::new_derive_key("pumasi store record 1"),
        _ => blake3::Hasher::new_derive_key("pumasi store record 2"),
    };
    if version > 1 {
        hasher.update(&[version]);
    }
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(body);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    sum
}

/// The record of a value; the error is its size.
pub(super) fn encode<T: Record>(key: &[u8], value: &T) -> Result<Vec<u8>, usize> {
    let limit = RECORD_BYTES - 1 - CHECKSUM;
    let body = frame::encode_body(value, limit).map_err(|error| match error {
        frame::FrameError::TooLong { length, .. } => length,
        frame::FrameError::Body | frame::FrameError::Trailing(_) | frame::FrameError::Empty => 0,
    })?;
    Ok(with_version(T::VERSION, key, &body))
}

pub(super) fn with_version(version: u8, key: &[u8], body: &[u8]) -> Vec<u8> {
    [&[version], checksum(version, key, body).as_slice(), body].concat()
}

/// Version and body of a whole record, without knowing what it holds.
pub(super) fn body<'a>(key: &[u8], record: &'a [u8]) -> Result<(u8, &'a [u8]), Unreadable> {
    let parts = record.split_first();
    let parts = parts.and_then(|(version, rest)| Some((*version, rest.split_first_chunk()?)));
    let (version, (sum, body)) = parts.ok_or(Unreadable::Damaged)?;
    if checksum(version, key, body) != *sum {
        return Err(Unreadable::Damaged);
    }
    if version > NEWEST { Err(Unreadable::Unknown) } else { Ok((version, body)) }
}

/// The value of a record.
pub(super) fn decode<T: Record>(key: &[u8], record: &[u8]) -> Result<T, Unreadable> {
    let (version, body) = body(key, record)?;
    match version {
        _ if version == T::VERSION => frame::decode_body(body).map_err(|_| Unreadable::Damaged),
        _ if version + 1 == T::VERSION => T::from_previous(body).ok_or(Unreadable::Damaged),
        _ => Err(Unreadable::Unknown),
    }
}

//! A scheduler's life as bytes: how it was made, each input and deadline with its time, and a digest
//! of what it asked for. A node writes one, and whoever reads it can live through it again. There is
//! no user text in it, because no input holds any.
//!
//! Format: [`MAGIC`], the version (16 bits), then entries. An entry is its length (32 bits), a body in
//! the encoding of the mesh's frames, and the first four bytes of the body's BLAKE3; numbers are
//! little endian. What is missing at the end is what was not written when the node was killed.

use pumasi_protocol::NodeId;
use pumasi_protocol::frame::{self, FrameError};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::config::Config;
use crate::input::Input;
use crate::time::Time;

/// The first bytes of a recording.
pub const MAGIC: [u8; 8] = *b"PUMASIRC";
/// The version of the format and of everything in it. A reader knows its own only.
pub const VERSION: u16 = 1;
/// Largest body of an entry, in bytes.
pub const ENTRY_BYTES: usize = pumasi_protocol::limits::FRAME_BYTES;

const HEADER: usize = MAGIC.len() + 2;
const CHECK: usize = 4;

/// The BLAKE3 over all actions until some moment, in their order, each as it is encoded.
pub type ActionDigest = [u8; 32];

/// What a recording consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// How the scheduler was made. The first entry, and only that.
    Begin {
        /// Which node it is of.
        me: NodeId,
        /// Its settings.
        config: Box<Config>,
        /// What breaks its ties.
        seed: u64,
        /// When it was made.
        now: Time,
    },
    /// An input.
    Input {
        /// When.
        at: Time,
        /// What.
        input: Box<Input>,
    },
    /// Its deadlines that were due.
    Timeout {
        /// When.
        at: Time,
    },
    /// What it had asked for until here, since its beginning.
    Asked {
        /// How many actions.
        count: u64,
        /// Over all of them.
        digest: ActionDigest,
    },
}

/// The same without owning anything; variants in the same order.
#[derive(Serialize)]
enum EntryRef<'a> {
    Begin { me: NodeId, config: &'a Config, seed: u64, now: Time },
    Input { at: Time, input: &'a Input },
    Timeout { at: Time },
    Asked { count: u64, digest: ActionDigest },
}

/// Counts actions and hashes them.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    hasher: blake3::Hasher,
    count: u64,
}

impl Actions {
    /// Adds the next one.
    pub fn add(&mut self, action: &Action) {
        let body = frame::encode_body(action, ENTRY_BYTES).unwrap_or_default();
        self.hasher.update(&(body.len() as u64).to_le_bytes());
        self.hasher.update(&body);
        self.count += 1;
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The digest of all of them.
    #[must_use]
    pub fn digest(&self) -> ActionDigest {
        *self.hasher.finalize().as_bytes()
    }
}

/// Encodes a recording, piece by piece; the caller puts the pieces one after the other.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    actions: Actions,
    told: u64,
}

impl Recording {
    /// The first bytes, for a scheduler made from these arguments.
    ///
    /// # Errors
    /// When an entry is above [`ENTRY_BYTES`].
    pub fn begin(me: NodeId, config: &Config, seed: u64, now: Time) -> Result<Vec<u8>, FrameError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(encode(&EntryRef::Begin { me, config, seed, now })?);
        Ok(bytes)
    }

    /// An input, before the scheduler gets it.
    ///
    /// # Errors
    /// When it is above [`ENTRY_BYTES`].
    pub fn input(&self, at: Time, input: &Input) -> Result<Vec<u8>, FrameError> {
        encode(&EntryRef::Input { at, input })
    }

    /// Deadlines, before the scheduler acts on them.
    ///
    /// # Errors
    /// Never: it is small.
    pub fn timeout(&self, at: Time) -> Result<Vec<u8>, FrameError> {
        encode(&EntryRef::Timeout { at })
    }

    /// Counts an action that was polled.
    pub fn action(&mut self, action: &Action) {
        self.actions.add(action);
    }

    /// Everything was polled: what was asked for, if that is news.
    ///
    /// # Errors
    /// Never: it is small.
    pub fn asked(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let count = self.actions.count();
        if std::mem::replace(&mut self.told, count) == count {
            return Ok(None);
        }
        encode(&EntryRef::Asked { count, digest: self.actions.digest() }).map(Some)
    }
}

fn check_of(body: &[u8]) -> [u8; CHECK] {
    let hash = blake3::hash(body);
    let (check, _) = hash.as_bytes().split_first_chunk().expect("32 bytes are more than four");
    *check
}

fn encode(entry: &EntryRef<'_>) -> Result<Vec<u8>, FrameError> {
    let mut bytes = frame::encode(entry, ENTRY_BYTES)?;
    let check = check_of(&bytes[frame::PREFIX..]);
    bytes.extend(check);
    Ok(bytes)
}

/// Why bytes are no recording that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingError {
    /// They do not begin as one does.
    Foreign,
    /// Another version wrote it.
    Version {
        /// Which.
        found: u16,
    },
    /// An entry is not what was written.
    Damaged {
        /// Where it begins, in bytes from the start.
        at: u64,
    },
}

impl std::fmt::Display for RecordingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => write!(f, "this is no recording of a node"),
            Self::Version { found } => write!(
                f,
                "the recording is of format {found}, and this program reads format {VERSION}: replay \
                 it with the version that wrote it"
            ),
            Self::Damaged { at } => write!(
                f,
                "the recording is damaged {at} bytes from its start: what follows cannot be trusted"
            ),
        }
    }
}

impl std::error::Error for RecordingError {}

/// Reads a recording, entry by entry.
#[derive(Debug, Clone)]
pub struct RecordingReader<'a> {
    bytes: &'a [u8],
    at: usize,
    cut: bool,
}

impl<'a> RecordingReader<'a> {
    /// Looks at the beginning.
    ///
    /// # Errors
    /// When it is no recording, or of another version.
    pub fn new(bytes: &'a [u8]) -> Result<Self, RecordingError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(RecordingError::Foreign)?;
        let (version, _) = rest.split_first_chunk().ok_or(RecordingError::Foreign)?;
        match u16::from_le_bytes(*version) {
            VERSION => Ok(Self { bytes, at: HEADER, cut: false }),
            found => Err(RecordingError::Version { found }),
        }
    }

    /// Whether the end was cut off in the middle of an entry. Known once all was read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next entry; none at the end, whether it is whole or cut off.
    ///
    /// # Errors
    /// When the entry is damaged.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, RecordingError> {
        let damaged = RecordingError::Damaged { at: self.at as u64 };
        let rest = &self.bytes[self.at..];
        let Some((prefix, rest)) = rest.split_first_chunk() else {
            self.cut |= !rest.is_empty();
            return Ok(None);
        };
        let length = frame::body_length(*prefix, ENTRY_BYTES).map_err(|_| damaged)?;
        let Some((body, rest)) = rest.split_at_checked(length) else {
            self.cut = true;
            return Ok(None);
        };
        let Some(check) = rest.first_chunk::<CHECK>() else {
            self.cut = true;
            return Ok(None);
        };
        if *check != check_of(body) {
            return Err(damaged);
        }
        self.at += frame::PREFIX + length + CHECK;
        frame::decode_body(body).map(Some).map_err(|_| damaged)
    }
}

/// The kind of an input, in the words of its type.
#[must_use]
pub fn kind_of(input: &Input) -> &'static str {
    match input {
        Input::Submit { .. } => "submit",
        Input::Cancel { .. } => "cancel",
        Input::Message { .. } => "message",
        Input::SendFailed { .. } => "send failed",
        Input::Advert(_) => "advert",
        Input::Delta(_) => "delta",
        Input::State { .. } => "state",
        Input::Left { .. } => "left",
        Input::Peer { .. } => "peer",
        Input::Roster { .. } => "roster",
        Input::Local { .. } => "local",
        Input::Desk { .. } => "desk",
        Input::Preload { .. } => "preload",
        Input::Release { .. } => "release",
        Input::Pin { .. } => "pin",
        Input::ModelLoading { .. } => "model loading",
        Input::ModelLoaded { .. } => "model loaded",
        Input::ModelUnloaded { .. } => "model unloaded",
        Input::LoadFailed { .. } => "load failed",
        Input::AttemptStarted { .. } => "attempt started",
        Input::AnswerBegun { .. } => "answer begun",
        Input::AttemptEnded { .. } => "attempt ended",
        Input::StreamOpened { .. } => "stream opened",
        Input::ExecutorDone { .. } => "executor done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut recording = Recording::default();
        let config = Config::default();
        let me = NodeId([1; 32]);
        let mut bytes = Recording::begin(me, &config, 7, Time::START).expect("small");
        let input = Input::Left { node: NodeId([2; 32]) };
        bytes.extend(recording.input(Time(5), &input).expect("small"));
        bytes.extend(recording.timeout(Time(6)).expect("small"));
        assert_eq!(recording.asked(), Ok(None), "nothing was asked for");
        recording.action(&Action::Load { model: "m".parse().expect("a name") });
        bytes.extend(recording.asked().expect("small").expect("it is news"));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(Vec<Entry>, bool), RecordingError> {
        let mut reader = RecordingReader::new(bytes)?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            entries.push(entry);
        }
        Ok((entries, reader.is_cut()))
    }

    #[test]
    fn what_is_written_is_read_and_a_cut_end_leaves_what_is_whole() {
        let bytes = written();
        let (whole, cut) = read(&bytes).expect("it is one");
        assert_eq!((whole.len(), cut), (4, false));
        assert!(matches!(whole[0], Entry::Begin { seed: 7, .. }));
        assert!(matches!(whole[3], Entry::Asked { count: 1, .. }));
        for end in HEADER..bytes.len() {
            let (part, _) = read(&bytes[..end]).expect("a cut end is normal");
            assert_eq!(part, whole[..part.len()], "cut after {end} bytes");
        }
    }

    #[test]
    fn other_files_other_versions_and_flipped_bits_are_named() {
        let bytes = written();
        assert_eq!(read(b"GIF89a").expect_err("foreign"), RecordingError::Foreign);
        let mut newer = bytes.clone();
        newer[MAGIC.len()] = 9;
        assert_eq!(read(&newer).expect_err("newer"), RecordingError::Version { found: 9 });
        for at in HEADER..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            match read(&bad) {
                Err(RecordingError::Damaged { .. }) => {}
                // A flipped length may point beyond the end.
                Ok((_, cut)) => assert!(cut, "byte {at}"),
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
}

//! Identities: nodes, meshes, persons, blobs, jobs, attempts. Fixed-size, ordered, printable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was wrong with the text of an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the expected number of lower-case hexadecimal digits.
    #[error("expected {expected} lower-case hexadecimal digits")]
    Hex {
        /// How many digits the identity has.
        expected: usize,
    },
    /// Not a UUID.
    #[error("expected a job id such as 018f2b6e-7a10-7000-8000-000000000000")]
    Uuid,
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let error = IdError::Hex { expected: N * 2 };
    if text.len() != N * 2 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(error);
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| error)?;
    Ok(bytes)
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The first eight hexadecimal digits: for people and logs, not unique.
            #[must_use]
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self)
            }
        }
    };
}

hex_id!(
    /// A node: its Ed25519 public key (RFC 8032), the same key libp2p and the data plane's TLS use.
    NodeId,
    32
);
hex_id!(
    /// A mesh: the BLAKE3 hash of its signed founding entry.
    MeshId,
    32
);
hex_id!(
    /// A file by content: its BLAKE3 hash.
    BlobId,
    32
);
hex_id!(
    /// A person of the roster: BLAKE3 of mesh id and name, cut to 16 bytes.
    PersonId,
    16
);

impl PersonId {
    /// The id of the person called `name` in `mesh`.
    #[must_use]
    pub fn derive(mesh: &MeshId, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("pumasi person 1");
        hasher.update(&mesh.0).update(name.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(id)
    }
}

/// A job: a UUIDv7 (RFC 9562), so that ids sort by the time they were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new id from a Unix time in milliseconds and 10 random bytes; the caller owns clock and dice.
    #[must_use]
    pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
    }

    /// The id of a second try at the same job: the same clock, the opposite dice.
    #[must_use]
    pub fn twin(self) -> Self {
        let mut bytes = self.0.into_bytes();
        // The bytes before hold clock, version and variant (RFC 9562, 5.7).
        bytes[9..].iter_mut().for_each(|byte| *byte = !*byte);
        Self(Uuid::from_bytes(bytes))
    }

    /// The last eight hexadecimal digits (the first ones are the clock).
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0.as_bytes()[12..])
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.short())
    }
}

impl FromStr for JobId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Uuid)
    }
}

/// Counts a job's bindings: raised on each change of owner or executor, and fences what is older.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch after this one.
    ///
    /// # Panics
    /// After 2³² bindings of one job, which attempts are bounded far below.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("attempts of a job are bounded far below 2^32"))
    }
}

/// One binding of one job to one executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The job.
    pub job: JobId,
    /// The epoch under which it was bound.
    pub epoch: Epoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_round_trip_and_refuse_upper_case_short_and_foreign_text() {
        let id = NodeId([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let error = Err(IdError::Hex { expected: 64 });
        assert_eq!(id.to_string().to_uppercase().parse::<NodeId>(), error);
        assert_eq!("ab".parse::<NodeId>(), error);
        assert_eq!("zz".repeat(32).parse::<NodeId>(), error);
    }

    #[test]
    fn job_ids_sort_by_time() {
        let early = JobId::from_parts(1_000, [0xff; 10]);
        let late = JobId::from_parts(1_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!("job".parse::<JobId>(), Err(IdError::Uuid));
        let twin = late.twin();
        assert!(twin != late && twin.twin() == late && early < twin);
        assert_eq!(twin.0.get_version_num(), 7);
    }

    #[test]
    fn the_same_name_in_two_meshes_is_two_persons() {
        let (a, b) = (MeshId([1; 32]), MeshId([2; 32]));
        assert_ne!(PersonId::derive(&a, "kim"), PersonId::derive(&b, "kim"));
        assert_eq!(PersonId::derive(&a, "kim"), PersonId::derive(&a, "kim"));
    }
}

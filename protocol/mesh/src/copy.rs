//! Copies of model files between members: a reader opens a file by its content, then asks for groups of
//! it, which the holder sends with the hashes that prove them (BLAKE3 down to chunk groups of 16 KiB,
//! as the `bao-tree` crate lays them out). Nobody has to be believed: what does not match the file's
//! name is thrown away.

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, NodeId};
use crate::limits;

/// What a reader says, on a connection or stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyAsk {
    /// How much of this file is there? First of all, and again to learn what came since. Answered by
    /// [`CopyFrame::Held`], [`CopyFrame::Preparing`], [`CopyFrame::NotFound`] or [`CopyFrame::Busy`].
    Open(BlobId),
    /// Send groups of the file that was opened last. Answered by [`CopyFrame::Groups`] or
    /// [`CopyFrame::Lacking`], in the order of the asks.
    Groups(GroupRange),
}

/// Chunk groups, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRange {
    /// The first.
    pub first: u64,
    /// How many: at least one, at most [`limits::COPY_GROUPS`].
    pub count: u32,
}

impl GroupRange {
    /// The groups, if they are within bounds and within a file of `groups`.
    #[must_use]
    pub fn within(self, groups: u64) -> Option<std::ops::Range<u64>> {
        let end = self.first.checked_add(self.count.into())?;
        let is_sized = (1..=limits::COPY_GROUPS).contains(&self.count);
        (is_sized && end <= groups).then_some(self.first..end)
    }
}

/// What a holder says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyFrame {
    /// The file is here, or a part of it.
    Held {
        /// Size of the whole file in bytes. A claim, until its last group is proven.
        size: u64,
        /// Which part.
        part: Part,
        /// Other members that read it here, at most [`limits::COPY_READERS`]: they may have parts.
        readers: Vec<NodeId>,
    },
    /// It is here, but its tree is being made; ask again.
    Preparing {
        /// How far that is.
        permille: u16,
    },
    /// The groups that were asked for follow as bytes: hashes and content in the order of the tree.
    Groups,
    /// These groups are not here.
    Lacking,
    /// The file is not here, or not any more.
    NotFound,
    /// Too many read at the moment.
    Busy,
}

/// Which part of a file is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// All of it.
    Whole,
    /// These pieces of [`limits::COPY_GROUPS`] groups: one bit each, the lowest bit first; at most
    /// [`limits::COPY_PIECES`].
    Pieces(Vec<u8>),
}

impl Part {
    /// Whether a piece is there.
    #[must_use]
    pub fn has(&self, piece: u64) -> bool {
        match self {
            Self::Whole => true,
            Self::Pieces(bits) => {
                let byte = usize::try_from(piece / 8).ok().and_then(|byte| bits.get(byte));
                byte.is_some_and(|byte| byte >> (piece % 8) & 1 == 1)
            }
        }
    }
}

impl CopyFrame {
    /// Whether every length and number is within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        match self {
            Self::Held { size, part, readers } => {
                let is_sized = match part {
                    Part::Whole => true,
                    Part::Pieces(bits) => bits.len() <= limits::COPY_PIECES / 8,
                };
                is_sized && *size <= limits::CLAIMED_BYTES && readers.len() <= limits::COPY_READERS
            }
            Self::Preparing { permille } => *permille <= 1_000,
            Self::Groups | Self::Lacking | Self::NotFound | Self::Busy => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    #[test]
    fn cat_p23_ranges_beyond_the_file_empty_ones_and_huge_ones_are_none() {
        let within = |first, count| GroupRange { first, count }.within(100);
        assert_eq!(within(0, 64), Some(0..64));
        assert_eq!(within(99, 1), Some(99..100));
        for (first, count) in [(0, 0), (0, 65), (99, 2), (100, 1), (u64::MAX, 1), (0, u32::MAX)] {
            assert_eq!(within(first, count), None, "{count} from {first}");
        }
    }

    #[test]
    fn cat_x32_frames_of_version_1_are_read_and_written() {
        fn check<T>(value: &T, golden: &str)
        where
            T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
        {
            let written = frame::encode_body(value, limits::COPY_FRAME_BYTES).expect("it is small");
            assert_eq!(hex::encode(&written), golden);
            assert_eq!(frame::decode_body::<T>(&written).as_ref(), Ok(value));
        }
        let id = "07".repeat(32);
        check(&CopyAsk::Open(BlobId([7; 32])), &format!("00{id}"));
        let groups = CopyAsk::Groups(GroupRange { first: 70_000, count: 64 });
        check(&groups, "01fc7011010040");
        let (part, readers) = (Part::Pieces(vec![5]), vec![NodeId([7; 32])]);
        let held = CopyFrame::Held { size: 300, part, readers };
        check(&held, &format!("00fb2c01010105{}{id}", "01"));
        let whole = CopyFrame::Held { size: 1, part: Part::Whole, readers: Vec::new() };
        check(&whole, "00010000");
        check(&CopyFrame::Preparing { permille: 500 }, "01fbf401");
        let others = [CopyFrame::Groups, CopyFrame::Lacking, CopyFrame::NotFound, CopyFrame::Busy];
        for (frame, golden) in others.iter().zip(["02", "03", "04", "05"]) {
            check(frame, golden);
        }
    }

    #[test]
    fn pieces_beyond_the_bits_are_not_there() {
        let part = Part::Pieces(vec![0b101, 0x80]);
        let there: Vec<u64> = (0..40).filter(|piece| part.has(*piece)).collect();
        assert_eq!(there, [0, 2, 15]);
        assert!(!part.has(u64::MAX) && Part::Whole.has(u64::MAX));
    }
}

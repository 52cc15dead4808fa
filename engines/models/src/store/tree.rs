//! BLAKE3 trees beside files: made once, they let any part of a file be checked by itself. The hashes
//! are those of BLAKE3 itself, down to groups of 16 chunks (16 KiB), in the pre-order layout of the
//! `bao-tree` crate; the root is the file's BLAKE3 hash.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::{ControlFlow, Range};

use bao_tree::io::BaoContentItem;
use bao_tree::io::outboard::PreOrderOutboard;
use bao_tree::io::sync::{
    DecodeResponseIter, OutboardMut, WriteAt, encode_ranges, encode_ranges_validated,
};
use bao_tree::io::{DecodeError, EncodeError};
use bao_tree::iter::{BaoChunk, PostOrderChunkIter};
use bao_tree::{BaoTree, BlockSize, ChunkNum, ChunkRanges};
use blake3::hazmat::{self, HasherExt};

use super::groups::Groups;
use crate::hash::FileHash;
use crate::limits::{FILE_BYTES_MAX, GROUP_BYTES, GROUPS_PER_PIECE, HASH_CHUNK_BYTES};

/// Sixteen chunks of 1 KiB: [`GROUP_BYTES`].
const GROUP: BlockSize = BlockSize::from_chunk_log(4);
/// Chunks of BLAKE3 in a group.
const GROUP_CHUNKS: u64 = GROUP_BYTES / 1_024;

/// Content and size of a file, which say how its tree looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// BLAKE3 of the whole file.
    pub hash: FileHash,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why what a holder sent was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// It broke off.
    #[error("the file broke off ({0})")]
    Source(io::ErrorKind),
    /// The bytes are not those of the file. Nothing of the group was kept.
    #[error("group {group} is not that of the file")]
    Wrong {
        /// The first chunk group that is wrong.
        group: u64,
    },
    /// This computer's disk refused.
    #[error("the disk refused ({0})")]
    Disk(io::ErrorKind),
}

/// Why a part of a file was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The file or its tree cannot be read, or lacks the part.
    #[error("the file cannot be read ({0})")]
    Disk(io::ErrorKind),
    /// The reader is gone, or too slow.
    #[error("the reader is gone ({0})")]
    Reader(io::ErrorKind),
}

impl Shape {
    /// Chunk groups of the file; one for an empty file.
    pub fn groups(&self) -> u64 {
        self.bytes.div_ceil(GROUP_BYTES).max(1)
    }

    /// Pieces of [`GROUPS_PER_PIECE`] groups; the last is what is left.
    pub fn pieces(&self) -> u64 {
        self.groups().div_ceil(GROUPS_PER_PIECE)
    }

    /// The groups of one piece.
    pub fn piece(&self, piece: u64) -> Range<u64> {
        let start = piece * GROUPS_PER_PIECE;
        start.min(self.groups())..(start + GROUPS_PER_PIECE).min(self.groups())
    }

    /// Bytes of the file in these groups.
    pub fn bytes_of(&self, groups: &Range<u64>) -> u64 {
        let end = (groups.end * GROUP_BYTES).min(self.bytes);
        end.saturating_sub(groups.start * GROUP_BYTES)
    }

    /// Size of the tree's file, in bytes: 64 for all groups but one.
    pub fn tree_bytes(&self) -> u64 {
        self.geometry().outboard_size()
    }

    /// Whether a file may be that large.
    pub fn is_within_limits(&self) -> bool {
        self.bytes <= FILE_BYTES_MAX
    }

    fn geometry(&self) -> BaoTree {
        BaoTree::new(self.bytes, GROUP)
    }

    fn root(&self) -> blake3::Hash {
        blake3::Hash::from(*self.hash.as_bytes())
    }

    fn outboard<T>(&self, data: T) -> PreOrderOutboard<T> {
        PreOrderOutboard { root: self.root(), tree: self.geometry(), data }
    }
}

fn chunks(groups: &Range<u64>) -> ChunkRanges {
    let at = |group: u64| ChunkNum(group * GROUP_CHUNKS);
    ChunkRanges::from(at(groups.start)..at(groups.end))
}

/// Sends groups of a file with the hashes that prove them. Reads no more than a group at a time;
/// `out` should gather small writes. Nothing is checked here: the receiver does.
pub fn send(
    shape: &Shape,
    data: &File,
    tree: &File,
    groups: &Range<u64>,
    out: impl Write,
) -> Result<(), SendError> {
    let mut out = Out { out, failed: None };
    let sent = encode_ranges(data, shape.outboard(tree), &chunks(groups), &mut out);
    let error = match sent {
        Ok(()) => return Ok(()),
        Err(EncodeError::Io(error)) => error.kind(),
        Err(
            EncodeError::ParentHashMismatch(_)
            | EncodeError::LeafHashMismatch(_)
            | EncodeError::ParentWrite(_)
            | EncodeError::LeafWrite(_)
            | EncodeError::SizeMismatch,
        ) => io::ErrorKind::InvalidData,
    };
    Err(out.failed.map_or(SendError::Disk(error), SendError::Reader))
}

/// Remembers that it was the reader who failed.
struct Out<W> {
    out: W,
    failed: Option<io::ErrorKind>,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(error.kind());
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What becomes of what was received and found right.
pub trait Keep {
    /// Takes the bytes of a group. Its hashes, and those above it, came before.
    fn group(&mut self, group: u64, bytes: &[u8]) -> io::Result<()>;
}

/// Receives groups of a file as [`send`] sends them; each is kept once it is proven, and its hashes
/// are written to `tree`. Returns the bytes of the file that came.
pub fn receive(
    shape: &Shape,
    tree: Option<&File>,
    groups: &Range<u64>,
    input: impl Read,
    keep: &mut impl Keep,
) -> Result<u64, ReceiveError> {
    let wanted = chunks(groups);
    let mut outboard = tree.map(|tree| shape.outboard(Writer(tree)));
    let disk = |error: io::Error| ReceiveError::Disk(error.kind());
    let mut received = 0;
    for item in DecodeResponseIter::new(shape.root(), shape.geometry(), input, &wanted) {
        match item.map_err(|error| refusal(error, groups))? {
            BaoContentItem::Parent(parent) => {
                if let Some(outboard) = &mut outboard {
                    outboard.save(parent.node, &parent.pair).map_err(disk)?;
                }
            }
            BaoContentItem::Leaf(leaf) => {
                keep.group(leaf.offset / GROUP_BYTES, &leaf.data).map_err(disk)?;
                received += leaf.data.len() as u64;
            }
        }
    }
    Ok(received)
}

fn refusal(error: DecodeError, groups: &Range<u64>) -> ReceiveError {
    match error {
        DecodeError::LeafHashMismatch(chunk) => {
            ReceiveError::Wrong { group: chunk.0 / GROUP_CHUNKS }
        }
        DecodeError::ParentHashMismatch(_) => ReceiveError::Wrong { group: groups.start },
        DecodeError::Io(error) => ReceiveError::Source(error.kind()),
        DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_) => {
            ReceiveError::Source(io::ErrorKind::UnexpectedEof)
        }
    }
}

/// The groups of a file that are there and right, by its tree. Reads what the tree's hashes speak
/// for, and nothing else: of a sparse file only what was written.
pub fn valid_groups(shape: &Shape, data: &File, tree: &File) -> io::Result<Groups> {
    let total = shape.groups();
    let (mut valid, mut at) = (Groups::none(total), 0);
    while at < total {
        let rest = chunks(&(at..total));
        let checked = encode_ranges_validated(data, shape.outboard(tree), &rest, io::sink());
        // What comes before the first mismatch was found right.
        let wrong = match checked {
            Ok(()) => total..total,
            Err(EncodeError::ParentHashMismatch(node)) => {
                let below = node.chunk_range();
                below.start.0 / GROUP_CHUNKS..below.end.0.div_ceil(GROUP_CHUNKS)
            }
            Err(EncodeError::LeafHashMismatch(chunk)) => {
                let group = chunk.0 / GROUP_CHUNKS;
                group..group + 1
            }
            Err(EncodeError::Io(error)) => return Err(error),
            Err(
                EncodeError::ParentWrite(_) | EncodeError::LeafWrite(_) | EncodeError::SizeMismatch,
            ) => return Err(io::ErrorKind::InvalidData.into()),
        };
        valid.insert(at..wrong.start.max(at));
        at = wrong.end.max(at + 1);
    }
    Ok(valid)
}

/// Makes a tree while a file's bytes come in their order.
#[derive(Debug)]
pub struct TreeBuilder {
    shape: PreOrderOutboard<File>,
    steps: PostOrderChunkIter,
    next: Option<BaoChunk>,
    stack: Vec<[u8; 32]>,
    group: Vec<u8>,
    left: u64,
}

/// The bytes were more or fewer than was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file is not as large as was said")]
pub struct SizeError;

impl TreeBuilder {
    /// For a file of so many bytes, with an empty file for its tree.
    pub fn new(bytes: u64, tree: File) -> io::Result<Self> {
        let geometry = BaoTree::new(bytes, GROUP);
        tree.set_len(geometry.outboard_size())?;
        let root = blake3::Hash::from([0; 32]);
        let mut steps = geometry.post_order_chunks_iter();
        let next = steps.next();
        let shape = PreOrderOutboard { root, tree: geometry, data: tree };
        Ok(Self { shape, steps, next, stack: Vec::new(), group: Vec::new(), left: bytes })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
        while let Some(BaoChunk::Leaf { size, start_chunk, is_root, .. }) = self.next {
            let lacking = size - self.group.len();
            if bytes.len() < lacking {
                self.group.extend_from_slice(bytes);
                return Ok(());
            }
            let (now, later) = bytes.split_at(lacking);
            let hash = if self.group.is_empty() {
                group_hash(start_chunk.0, now, is_root)
            } else {
                self.group.extend_from_slice(now);
                group_hash(start_chunk.0, &self.group, is_root)
            };
            self.group.clear();
            bytes = later;
            self.stack.push(hash);
            self.next = self.steps.next();
            self.close_parents()?;
        }
        Ok(())
    }

    fn close_parents(&mut self) -> io::Result<()> {
        while let Some(BaoChunk::Parent { node, is_root, .. }) = self.next {
            let right = self.stack.pop().expect("both sides came before");
            let left = self.stack.pop().expect("both sides came before");
            let pair = (blake3::Hash::from(left), blake3::Hash::from(right));
            self.shape.save(node, &pair)?;
            self.stack.push(if is_root {
                *hazmat::merge_subtrees_root(&left, &right, hazmat::Mode::Hash).as_bytes()
            } else {
                hazmat::merge_subtrees_non_root(&left, &right, hazmat::Mode::Hash)
            });
            self.next = self.steps.next();
        }
        Ok(())
    }

    /// The hash of the whole file, and the file of its tree, which is not synced yet.
    pub fn finish(mut self) -> Result<(FileHash, File), SizeError> {
        if self.left == 0 && self.group.is_empty() && self.next.is_some() {
            // An empty file has one empty group.
            self.update(&[]).map_err(|_| SizeError)?;
        }
        match (self.next, self.stack.pop()) {
            (None, Some(root)) => Ok((FileHash::from_bytes(root), self.shape.data)),
            _ => Err(SizeError),
        }
    }
}

fn group_hash(start_chunk: u64, bytes: &[u8], is_root: bool) -> [u8; 32] {
    if is_root {
        return *blake3::hash(bytes).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start_chunk * 1_024);
    hasher.update(bytes).finalize_non_root()
}

/// Makes the tree of a file that is there. `progress` is told the bytes done and can stop it; then,
/// and when the file changes its size meanwhile, there is no tree.
pub fn build(
    mut data: File,
    bytes: u64,
    tree: File,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> io::Result<Option<(FileHash, File)>> {
    let mut builder = TreeBuilder::new(bytes, tree)?;
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    let mut done = 0;
    loop {
        match data.read(&mut chunk) {
            Ok(0) => return Ok(builder.finish().ok()),
            Ok(read) => {
                done += read as u64;
                if done > bytes || progress(done).is_break() {
                    return Ok(None);
                }
                builder.update(&chunk[..read])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A shared file as a place to write.
pub(super) struct Writer<'a>(pub(super) &'a File);

impl WriteAt for Writer<'_> {
    #[cfg(unix)]
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self.0, bytes, at)
    }

    #[cfg(windows)]
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(self.0, bytes, at)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

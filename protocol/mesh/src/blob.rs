//! The data plane's stream of one file: one frame in that asks for a range of it, chunks out. The
//! reader checks the hash of the whole, so that nobody has to be believed.

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, JobId};
use crate::limits;

/// What gives the asker the right to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobRight {
    /// It is the input or the result of this job, and the asker is one of its readers.
    Job(JobId),
}

/// The first frame of a file's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobAsk {
    /// Which file.
    pub blob: BlobId,
    /// Why the asker may have it.
    pub right: BlobRight,
    /// The first byte that is wanted.
    pub offset: u64,
    /// The largest file that the asker takes, in bytes; of a larger one it gets nothing.
    pub at_most: u64,
}

/// What the holder of a file sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobFrame {
    /// First of all: the size of the whole file, in bytes.
    Found {
        /// The size.
        size: u64,
    },
    /// The next bytes: [`limits::BLOB_CHUNK_BYTES`] of them, the last chunk what is left. With the
    /// last byte the stream ends.
    Chunk(Vec<u8>),
    /// The only frame: there is no such file here, or not for the asker.
    NotFound,
    /// The only frame: too many are read at the moment.
    Busy,
}

/// How a holder broke the stream of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The file is larger than was asked for, or ends before the offset.
    #[error("the size of the file is not what was asked for")]
    Size,
    /// A chunk that is too short or too long for its place, or comes where none belongs.
    #[error("a chunk of a wrong length")]
    Chunk,
    /// The bytes are another file's.
    #[error("the bytes do not match the name of the file")]
    Hash,
}

/// Puts a file together that comes from its first byte on, and checks everything about it.
#[derive(Debug)]
pub struct BlobReader {
    blob: BlobId,
    size: usize,
    bytes: Vec<u8>,
}

impl BlobReader {
    /// For a file of which a holder says that it has `size` bytes. Memory is taken as bytes come.
    ///
    /// # Errors
    /// [`BlobError::Size`] above `at_most`.
    pub fn new(blob: BlobId, size: u64, at_most: usize) -> Result<Self, BlobError> {
        let size = usize::try_from(size).ok().filter(|size| *size <= at_most);
        Ok(Self { blob, size: size.ok_or(BlobError::Size)?, bytes: Vec::new() })
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.size
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`BlobError::Chunk`] unless it has exactly the length that belongs there.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        let due = (self.size - self.bytes.len()).min(limits::BLOB_CHUNK_BYTES);
        if due == 0 || chunk.len() != due {
            return Err(BlobError::Chunk);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// [`BlobError::Chunk`] when bytes are missing, [`BlobError::Hash`] when they are wrong.
    pub fn finish(self) -> Result<Vec<u8>, BlobError> {
        if !self.is_whole() {
            return Err(BlobError::Chunk);
        }
        let is_named_so = blake3::hash(&self.bytes).as_bytes() == &self.blob.0;
        if is_named_so { Ok(self.bytes) } else { Err(BlobError::Hash) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = limits::BLOB_CHUNK_BYTES;

    fn read(file: &[u8], size: u64, chunks: &[&[u8]]) -> Result<Vec<u8>, BlobError> {
        let blob = BlobId(*blake3::hash(file).as_bytes());
        let mut reader = BlobReader::new(blob, size, 4 * CHUNK)?;
        chunks.iter().try_for_each(|chunk| reader.push(chunk))?;
        reader.finish()
    }

    #[test]
    fn cat_p23_only_the_right_bytes_in_the_right_chunks_are_a_file() {
        let file: Vec<u8> = (0..CHUNK + 10).map(|i| (i % 251) as u8).collect();
        let size = file.len() as u64;
        let (first, last) = file.split_at(CHUNK);
        assert_eq!(read(&file, size, &[first, last]), Ok(file.clone()));
        let mut wrong = last.to_vec();
        wrong[3] ^= 1;
        assert_eq!(read(&file, size, &[first, &wrong]), Err(BlobError::Hash), "right length");
        let cases: [(u64, &[&[u8]]); 7] = [
            (size, &[first]),
            (size, &[first, &last[..9]]),
            (size, &[first, last, &[]]),
            (size, &[first, last, last]),
            (size, &[&first[..1], &first[1..], last]),
            (size - 1, &[first, last]),
            (size + 1, &[first, last]),
        ];
        for (size, chunks) in cases {
            assert_eq!(read(&file, size, chunks), Err(BlobError::Chunk));
        }
        for size in [4 * CHUNK as u64 + 1, u64::MAX] {
            assert_eq!(read(&file, size, &[first, last]), Err(BlobError::Size));
        }
        assert_eq!(read(&[], 0, &[]), Ok(Vec::new()));
    }
}

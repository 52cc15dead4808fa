//! Files and trees of made-up bytes.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::ops::ControlFlow;

use super::tree::{self, Keep, Shape};
use crate::limits::GROUP_BYTES;

/// Bytes that differ from place to place.
pub(crate) fn bytes(size: u64, seed: u64) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut bytes = vec![0; usize::try_from(size).expect("a small file")];
    reader.fill(&mut bytes);
    bytes
}

pub(crate) fn file_of(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(content).and_then(|()| file.rewind()).expect("written");
    file
}

/// A file with its tree.
pub(crate) fn tree_of(content: &[u8]) -> (Shape, File, File) {
    let data = file_of(content);
    let copy = data.try_clone().expect("a second handle");
    let bytes = content.len() as u64;
    let made = tree::build(copy, bytes, file_of(&[]), &mut |_| ControlFlow::Continue(()));
    let (hash, tree) = made.expect("readable").expect("of that size");
    (Shape { hash, bytes }, data, tree)
}

/// Keeps groups in memory, one after the other.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Keep for Memory {
    fn group(&mut self, group: u64, bytes: &[u8]) -> io::Result<()> {
        assert_eq!((group - self.start) * GROUP_BYTES, self.bytes.len() as u64, "in their order");
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

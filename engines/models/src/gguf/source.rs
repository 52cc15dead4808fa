//! A byte source of known length that can only be read within it. Every length that a file states
//! is held against what is left before memory is taken for it.

use std::io::{BufRead, BufReader, ErrorKind, Read};

use crate::limits::{HEADER_BYTES_MAX, RETAINED_BYTES_MAX};

use super::error::{Counted, GgufError, Section};

/// Buffer between the file and the parser, in bytes. A guess: one disk read-ahead.
const BUFFER_BYTES: usize = 64 << 10;

pub(super) struct Source<R> {
    inner: BufReader<R>,
    position: u64,
    length: u64,
    retained: u64,
    /// What is being read, for the error when it ends here.
    pub(super) section: Section,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R, length: u64) -> Self {
        Self {
            inner: BufReader::with_capacity(BUFFER_BYTES, inner),
            position: 0,
            length,
            retained: 0,
            section: Section::Header,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Fails unless `bytes` more can be read, by the file's length and by the bound on headers.
    pub(super) fn expect(&self, bytes: u64) -> Result<(), GgufError> {
        if bytes > self.length - self.position {
            return Err(GgufError::Truncated { section: self.section });
        }
        let end = self.position + bytes;
        if end > HEADER_BYTES_MAX {
            let (what, limit) = (Counted::HeaderBytes, HEADER_BYTES_MAX);
            return Err(GgufError::TooLarge { what, found: end, limit });
        }
        Ok(())
    }

    /// Counts `bytes` that will stay in memory.
    pub(super) fn retain(&mut self, bytes: u64) -> Result<(), GgufError> {
        self.retained = self.retained.saturating_add(bytes);
        if self.retained > RETAINED_BYTES_MAX {
            let (what, limit) = (Counted::RetainedBytes, RETAINED_BYTES_MAX);
            return Err(GgufError::TooLarge { what, found: self.retained, limit });
        }
        Ok(())
    }

    pub(super) fn fill(&mut self, target: &mut [u8]) -> Result<(), GgufError> {
        self.expect(target.len() as u64)?;
        self.inner.read_exact(target).map_err(|error| self.failed(error.kind()))?;
        self.position += target.len() as u64;
        Ok(())
    }

    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), GgufError> {
        self.expect(bytes)?;
        let mut left = bytes;
        while left > 0 {
            let available = match self.inner.fill_buf() {
                Ok(buffer) => buffer.len() as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(error.kind())),
            };
            if available == 0 {
                return Err(self.failed(ErrorKind::UnexpectedEof));
            }
            let step = available.min(left);
            self.inner.consume(step as usize);
            left -= step;
        }
        self.position += bytes;
        Ok(())
    }

    /// Reads `bytes` bytes into `target`, which is cleared first. The caller has checked the bound
    /// that belongs to what is read.
    pub(super) fn read_into(&mut self, target: &mut Vec<u8>, bytes: u64) -> Result<(), GgufError> {
        self.expect(bytes)?;
        target.clear();
        target.resize(bytes as usize, 0);
        self.fill(target)
    }

    pub(super) fn u8(&mut self) -> Result<u8, GgufError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, GgufError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, GgufError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// An end before the stated length means that the file shrank, which is damage like any other.
    fn failed(&self, kind: ErrorKind) -> GgufError {
        if kind == ErrorKind::UnexpectedEof {
            return GgufError::Truncated { section: self.section };
        }
        GgufError::Read { kind }
    }
}

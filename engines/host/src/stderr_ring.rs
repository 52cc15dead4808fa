//! The last bytes that a worker wrote to stderr. Writing never blocks and never grows.

use std::collections::VecDeque;

use crate::limits::LAST_LINE_BYTES;

/// A ring of bytes.
#[derive(Debug)]
pub(crate) struct StderrRing {
    bytes: VecDeque<u8>,
    capacity: usize,
    total: u64,
}

impl StderrRing {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, total: 0 }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.total += chunk.len() as u64;
        let kept = &chunk[chunk.len().saturating_sub(self.capacity)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.capacity);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// Bytes ever pushed.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The last `limit` bytes as text.
    pub(crate) fn tail(&self, limit: usize) -> String {
        let skip = self.bytes.len().saturating_sub(limit);
        let tail: Vec<u8> = self.bytes.iter().skip(skip).copied().collect();
        String::from_utf8_lossy(&tail).into_owned()
    }

    /// The last line that is not blank, without control characters.
    pub(crate) fn last_line(&self) -> String {
        let tail = self.tail(LAST_LINE_BYTES);
        let line = tail.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.trim().chars().filter(|c| !c.is_control()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_e04_stderr_is_kept_in_a_ring() {
        let mut ring = StderrRing::new(8);
        ring.push(b"abc\n");
        ring.push(b"defghij\n");
        assert_eq!(ring.tail(100), "defghij\n");
        ring.push(&[b'x'; 100]);
        assert_eq!((ring.tail(100).as_str(), ring.total()), ("xxxxxxxx", 112));
    }

    #[test]
    fn the_last_line_is_short_and_printable() {
        let mut ring = StderrRing::new(1 << 16);
        ring.push(b"first\nthe \x1b[31mlast\xff\n  \n");
        assert_eq!(ring.last_line(), "the [31mlast\u{fffd}");
        ring.push(&[b'y'; 10_000]);
        assert_eq!(ring.last_line().len(), LAST_LINE_BYTES);
    }
}

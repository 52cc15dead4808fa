//! Where parts go: numbered through, and without those that were delivered before.

use crate::limits::OUTPUT_BYTES;
use pumasi_protocol::document::{DocumentPart, DocumentProblem, DocumentWork, PartKind};

/// Takes pieces of an answer. Whoever does not want any more ends the process.
pub trait Sink {
    /// The next piece, with its place among all.
    fn part(&mut self, index: u32, part: DocumentPart);
    /// A page, slide or sheet begins.
    fn step(&mut self, number: u32);
}

/// What was done, for measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Pieces of the answer, those that were delivered before included.
    pub parts: u32,
}

/// Numbers the pieces.
pub(crate) struct Parts<'a> {
    sink: &'a mut dyn Sink,
    work: &'a DocumentWork,
    next: u32,
    bytes: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(work: &'a DocumentWork, sink: &'a mut dyn Sink) -> Self {
        Self { sink, work, next: 0, bytes: 0 }
    }

    /// A page begins; false if it is not wanted, or must not be touched.
    pub(crate) fn begin(&mut self, number: u32) -> bool {
        if self.is_full() {
            return false;
        }
        if self.work.pages.is_some_and(|pages| !pages.contains(number)) {
            return false;
        }
        if self.work.avoid.contains(&number) {
            self.problem(number, DocumentProblem::TooComplex);
            return false;
        }
        self.sink.step(number);
        true
    }

    pub(crate) fn problem(&mut self, number: u32, problem: DocumentProblem) {
        self.put(number, PartKind::Problem(problem), &[]);
    }

    pub(crate) fn put(&mut self, number: u32, kind: PartKind, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.is_full() {
            return;
        }
        for part in DocumentPart::split(0, number, kind, bytes) {
            if self.next >= self.work.skip {
                self.sink.part(self.next, part);
            }
            self.next += 1;
        }
    }

    /// No more is taken.
    fn is_full(&self) -> bool {
        self.bytes > OUTPUT_BYTES
    }

    /// Says so where nothing came and nothing is wrong.
    pub(crate) fn note_if_empty(&mut self, note: &str) {
        if self.next == 0 {
            self.put(0, PartKind::Note, note.as_bytes());
        }
    }

    pub(crate) fn finish(self) -> Result<Counted, DocumentProblem> {
        match self.next {
            _ if self.is_full() => Err(DocumentProblem::TooLarge),
            0 if self.work.pages.is_some() => Err(DocumentProblem::NoSuchPages),
            0 => Err(DocumentProblem::NoText),
            parts => Ok(Counted { parts }),
        }
    }
}

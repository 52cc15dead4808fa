//! Every bound of the worker.

use std::time::Duration;

/// Between two signs of life.
pub const BEAT: Duration = Duration::from_millis(250);
/// How long one page, or opening a file, may take before the process ends itself (guess: the slowest
/// honest page of the corpus takes a fiftieth of it).
pub const STEP_LONGEST: Duration = Duration::from_secs(20);
/// Bytes of the stack of the thread that reads documents: parsers recurse up to 512 levels deep.
pub const STACK_BYTES: usize = 64 << 20;
/// Text pieces of one page; what comes after them is left out.
pub const PAGE_CHUNKS: usize = 200_000;
/// Blocks of a page that are ordered by where they stand; with more, the file's own order is taken.
pub const ORDERED_BLOCKS: usize = 400;
/// Bytes of a text file's beginning by which its encoding is guessed.
pub const GUESSED_BYTES: usize = 64 * 1024;
/// Members of an office file.
pub const MEMBERS: usize = 10_000;
/// Bytes of one unpacked member (row D03).
pub const MEMBER_BYTES: u64 = 75 << 20;
/// Bytes that one file is unpacked to in all.
pub const UNPACKED_BYTES: u64 = 512 << 20;
/// Depth of XML (Word's own files are some 40 deep).
pub const XML_DEPTH: usize = 512;
/// Cells of a sheet, empty ones between others included.
pub const CELLS: usize = 500_000;
/// Columns of a sheet: what spreadsheets have.
pub const COLUMNS: usize = 16_384;
/// Pixels of a side of a page's picture (row D05).
pub const PICTURE_SIDE: f32 = 8_192.0;
/// Pixels of a page's picture.
pub const PICTURE_PIXELS: f32 = 40e6;
/// Bytes of all parts of one answer.
pub const OUTPUT_BYTES: usize = 48 << 20;

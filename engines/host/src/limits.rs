//! Every bound of this crate.

/// Requests that one engine holds at a time, waiting ones included (guess: far above what a worker
/// of 64 slots can use).
pub const REQUESTS: usize = 1_024;
/// Orders that wait for the engine's task.
pub const ORDERS: usize = 1_024;
/// Frames read from a worker that wait for the engine's task.
pub const INCOMING_FRAMES: usize = 256;
/// Frames that wait to be written to a worker.
pub const OUTGOING_FRAMES: usize = 256;
/// Events of one request that its receiver has not taken. Signs of life and adjacent tokens merge,
/// so this many hold the longest answer that fits any context in practice.
pub const WAITING_EVENTS: usize = 8_192;
/// What is kept of a worker's stderr, in bytes (row E04).
pub const STDERR_BYTES: usize = 1 << 20;
/// The longest last line that diagnostics show, in bytes.
pub const LAST_LINE_BYTES: usize = 512;
/// The longest record of a started worker that is read back, in bytes.
pub const RECORD_BYTES: u64 = 4_096;
/// Address space of a process that reads a document, in bytes: its bytes, what they unpack to, and a
/// stack (an honest book of a thousand pages takes a fifth of it).
pub const DOCUMENT_ADDRESS_SPACE: u64 = 1_536 << 20;
/// How long one document may take in all, all processes together.
pub const DOCUMENT_LONGEST: std::time::Duration = std::time::Duration::from_secs(600);

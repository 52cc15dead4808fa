//! Every bound of the command line in one place.

/// Longest sum of arguments in bytes: what is longer comes on standard input.
pub(super) const ARGUMENT_BYTES: usize = 1024 * 1024;
/// Longest prompt from standard input in bytes (the API takes 2 MiB with everything around it).
pub(super) const PROMPT_BYTES: usize = 2 * 1024 * 1024 - 64 * 1024;
/// Longest answer of the API that is not a stream, in bytes (a document's pages as pictures, in JSON).
pub(super) const ANSWER_BYTES: usize = 128 * 1024 * 1024;
/// Longest line of an event stream in bytes (a snapshot of a full mesh).
pub(super) const EVENT_BYTES: usize = 32 * 1024 * 1024;
/// Turns that an interactive chat sends along.
pub(super) const CHAT_TURNS: usize = 1_024;

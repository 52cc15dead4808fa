//! Every bound of the tools in one place.

use std::time::Duration;

/// Bytes of one line on standard input: a request with the longest prompt, and what is around it.
pub(crate) const LINE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a prompt with its system prompt (the API takes 2 MiB with everything around it).
pub(crate) const PROMPT_BYTES: usize = 1024 * 1024;
/// Bytes of a text that is told; what is longer is cut off, and said to be.
pub(crate) const TEXT_BYTES: usize = 256 * 1024;
/// Entries of a list that is told; how many are left out is said.
pub(crate) const LISTED: usize = 200;
/// Jobs in a list where nothing is said.
pub(crate) const JOBS_DEFAULT: u32 = 20;
/// Texts that are turned into vectors at a time.
pub(crate) const EMBED_TEXTS: usize = 32;
/// Tokens of an answer where nothing is said.
pub(crate) const ANSWER_TOKENS: u32 = 4_096;
/// Characters of a job's id.
pub(crate) const JOB_CHARS: usize = 64;
/// Between two notes that a call is still under way, for clients that ask for them.
pub(crate) const PROGRESS: Duration = Duration::from_secs(5);

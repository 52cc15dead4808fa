//! Bounds of jobs about documents.

/// Files of one job that are worked on at a time. The mesh queues what is beyond its slots; this
/// bounds what of later files waits in memory for earlier ones.
pub(super) const FILES_AT_ONCE: usize = 8;
/// Questions of one job that are asked at a time.
pub(super) const QUESTIONS_AT_ONCE: usize = 16;
/// Times that one question is asked, where a computer was at fault. The mesh places each anew some
/// times by itself.
pub(super) const TRIES: u32 = 3;
/// Bytes of text in one question: about a quarter of the smallest context that models have today.
pub(super) const CHUNK_BYTES: usize = 6_000;
/// The same for the starter, whose context is 1,024 tokens of a character or two.
pub(super) const STARTER_CHUNK_BYTES: usize = 480;
/// Pieces that one document is taken apart into; longer ones are refused.
pub(super) const CHUNKS: usize = 4_096;
/// Times that summaries are summarised: each pass shortens several times over.
pub(super) const PASSES: usize = 8;
/// Tokens of a summary, or of an answer to a question.
pub(super) const ANSWER_TOKENS: u32 = 1_024;
/// Bytes of pages that are shown to a model for one question.
pub(super) const SHOWN_BYTES: usize = 12_000;
/// Texts that one document is translated in.
pub(super) const TEXTS: usize = 20_000;

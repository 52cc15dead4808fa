//! Every bound of the store, with its unit.

/// Largest head of an export, in bytes.
pub(super) const EXPORT_HEAD_BYTES: usize = 64 * 1024;
/// Largest file in an export, in bytes: its hash, and the largest kept question or outcome.
pub(super) const EXPORTED_FILE_BYTES: usize = 32 + 64 * 1024 * 1024;
/// Daily copies of the ledger that are kept.
pub(super) const DAILY_COPIES: usize = 7;
/// Free space below which nothing new is taken, in bytes (guess: a few outcomes, and the ledger twice).
pub(super) const RESERVE_BYTES: u64 = 32 * 1024 * 1024;
/// Jobs that one sweep of the retention forgets at most, so that nobody waits long behind it.
pub(super) const SWEPT_JOBS: usize = 256;
/// Changes of keys, invitations and policy that the audit log keeps (guess: years of an office).
pub(super) const AUDITED_ACTS: u64 = 4_096;
/// Bytes of a text that lies in its record; longer ones are files.
pub(super) const INLINE_TEXT_BYTES: usize = 12 * 1024;
/// Rows of usage, and as many minutes, that one sweep forgets at most.
pub(super) const SWEPT_ROWS: usize = 4_096;
/// Jobs that it keeps: some 200 bytes each (guess: weeks of an office).
pub(super) const AUDITED_JOBS: u64 = 20_000;

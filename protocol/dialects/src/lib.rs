//! API dialects: what programs say over HTTP, to and from the canonical request of `pumasi-protocol`.
//! Pure: no IO, no clock, no randomness.

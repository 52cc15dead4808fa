//! API dialects: what programs say over HTTP, to and from the canonical request of `pumasi-protocol`.
//! Pure: no IO, no clock, no randomness. [`openai`] is one dialect; [`assemble`] serves all of them.

pub mod assemble;
pub mod invalid;
mod json;
pub mod limits;
pub mod openai;

pub use assemble::{Assembler, Delta, Ending};
pub use invalid::{Invalid, Reason};

//! API dialects: what programs say over HTTP, to and from the canonical request of `pumasi-protocol`.
//! Pure: no IO, no clock, no randomness. [`openai`] is one dialect; [`assemble`] serves all of them.

pub mod assemble;
pub mod invalid;
mod json;
pub mod limits;
pub mod openai;

pub use assemble::{Assembler, Delta, Ending};
pub use invalid::{Invalid, Reason};

/// Reads a body that is one object: UTF-8, not nested too deeply, no field twice, and what `T` wants.
///
/// # Errors
/// What is wrong with it. Of what `T` finds wrong only the fact is told: its own words name types.
pub fn json_object<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Invalid> {
    json::body(bytes)?;
    serde_json::from_slice(bytes).map_err(|_| {
        Invalid::body(Reason::Type { expected: "an object with the fields that belong here" })
    })
}

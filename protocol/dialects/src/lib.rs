//! API dialects: what programs say over HTTP, to and from the canonical request of `pumasi-protocol`.
//! Pure: no IO, no clock, no randomness. Each dialect is a module; [`assemble`] serves all of them, and
//! [`provider`] is the other direction.

pub mod anthropic;
pub mod assemble;
mod failure;
mod fields;
pub mod gemini;
mod glance;
pub mod invalid;
mod json;
pub mod limits;
mod model;
pub mod ollama;
pub mod openai;
pub mod preferences;
pub mod provider;
mod reply;
pub mod request;
pub mod responses;
mod writer;

pub use assemble::{Assembler, Delta, Ending};
pub use failure::{Dialect, Failure};
pub use fields::keep_alive::seconds as keep_alive_seconds;
pub use fields::thinking::fitting_budget;
pub use glance::{Glance, glance};
pub use invalid::{Invalid, Reason};
pub use model::ModelCard;
pub use preferences::Preferences;
pub use reply::{Answer, Counts, Head, Provenance, Seam, TimingsMs};
pub use request::{EmbedForm, EmbedRequest, Form, GenerateRequest, Options};
pub use writer::{Writer, counted, embedded, whole};

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

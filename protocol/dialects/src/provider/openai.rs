//! A provider that speaks OpenAI's chat completions, which most do.

mod hearing;
mod request;

pub(super) use hearing::Hearing;
pub(super) use request::outgoing;

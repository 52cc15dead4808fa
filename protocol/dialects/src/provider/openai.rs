//! A provider that speaks OpenAI's chat completions, which most do.

mod hearing;
mod plain;
mod request;

pub(super) use hearing::Hearing;
pub(super) use plain::text as plain_text;
pub(super) use request::outgoing;

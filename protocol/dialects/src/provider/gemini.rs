//! A provider that speaks Gemini's API.

mod hearing;
mod request;

pub(super) use hearing::Hearing;
pub(super) use request::outgoing;

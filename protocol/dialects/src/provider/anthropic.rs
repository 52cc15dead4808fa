//! A provider that speaks Anthropic's messages.

mod hearing;
mod request;

pub(super) use hearing::Hearing;
pub(super) use request::outgoing;

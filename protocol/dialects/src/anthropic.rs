//! The Anthropic dialect: messages and the counting of their tokens, as the official clients speak it
//! (Messages API, version 2023-06-01). What the canonical request has no word for is named back or
//! refused: tools that run at Anthropic, documents other than text.

mod block;
mod message;
mod reply;
mod request;
mod stream;
mod tool;

pub(crate) use reply::error_body;
pub use reply::{count_reply, message_reply, model_list, model_object};
pub use request::{parse, parse_count};
pub(crate) use stream::Stream;

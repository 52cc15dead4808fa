//! OpenAI's responses: items in, items out, and a stream that tells of each item what becomes of it
//! (OpenAI API reference, Responses). Nothing is stored here, so whoever goes on with a conversation
//! sends all of it, and what would need a store is refused.

mod input;
mod reply;
mod request;
mod stream;
mod tool;

pub use reply::{count_reply, response_reply};
pub use request::{Echo, parse, parse_count};
pub(crate) use stream::Stream;

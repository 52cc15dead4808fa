//! The OpenAI dialect: chat completions, completions and embeddings, as the official clients speak them
//! (OpenAI API reference, 2025), with the extensions that local servers share (`top_k`, `min_p`,
//! `repetition_penalty`, `reasoning_content`) and one of our own: `pumasi`, where a request may run.

mod chat;
mod completion;
mod embedding;
mod message;
mod reply;
mod sampling;
mod stream;
mod tool;

pub use chat::parse as parse_chat;
pub use completion::parse as parse_completion;
pub use embedding::{embeddings, parse as parse_embeddings};
pub use reply::{FinishReason, chat_reply, completion_reply};
pub use stream::{DONE, Stream, error_event};
pub(crate) use tool::{function, parse as tools};

// What this dialect is read and written with, and shares with the others.
pub use crate::reply::{Answer, Counts, Head, Provenance, Seam, TimingsMs};
pub use crate::request::{EmbedRequest, GenerateRequest, Options};

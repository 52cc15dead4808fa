//! The Ollama dialect: chat, generate, embeddings and the lists of models, as the official client and
//! the command line of Ollama 0.12 speak them. Streams are lines of JSON; calls of tools come whole.

mod embedding;
mod message;
mod models;
mod preload;
mod reply;
mod request;
mod stream;

pub use embedding::{embeddings, parse as parse_embed, parse_one as parse_embed_one};
pub use models::{parse_show, running, show, tags, version};
pub use preload::{Preload, parse_preload, preloaded};
pub(crate) use reply::error_body;
pub use reply::{chat_reply, generate_reply};
pub use request::{parse_chat, parse_generate};
pub(crate) use stream::Stream;

use pumasi_protocol::ModelName;

use crate::invalid::{Invalid, Reason};
use crate::json::Value;

/// Ollama names what has no tag `latest`; here that is the name without it. What came from a hub it
/// names with the hub's host before; here a name has none.
fn model_name(value: &Value<'_>) -> Result<ModelName, Invalid> {
    let text = value.string()?;
    let bare = HUBS.iter().find_map(|hub| text.strip_prefix(hub)).unwrap_or(&text);
    let bare = bare.strip_suffix(":latest").unwrap_or(bare);
    ModelName::try_from(bare.to_owned()).map_err(|e| value.fail(Reason::ModelName(e)))
}

/// What Ollama's programs write before names of the Hugging Face Hub.
const HUBS: [&str; 2] = ["hf.co/", "huggingface.co/"];

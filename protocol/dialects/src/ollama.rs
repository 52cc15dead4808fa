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

use crate::fields;
use crate::invalid::{Invalid, Reason};
use crate::json::Value;

/// Ollama names what has no tag `latest`; here that is the name without it.
fn model_name(value: &Value<'_>) -> Result<ModelName, Invalid> {
    let name = fields::model_name(value)?;
    let Some(bare) = name.as_str().strip_suffix(":latest") else { return Ok(name) };
    ModelName::try_from(bare.to_owned()).map_err(|e| value.fail(Reason::ModelName(e)))
}

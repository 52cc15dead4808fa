//! The Gemini dialect: content, streamed content, the counting of tokens, embeddings and models, as the
//! official clients speak it (Gemini API `v1beta`). Field names are taken in both spellings that
//! protocol buffers have in JSON. The model's name and the method are in the address.

mod content;
mod embedding;
mod models;
mod reply;
mod request;
mod schema;
mod stream;
mod tool;

pub use embedding::{embeddings, parse as parse_embed, parse_batch as parse_embed_batch};
pub use models::{model_list, model_object};
pub(crate) use reply::error_body;
pub use reply::{content_reply, count_reply};
pub use request::{parse, parse_count};
pub(crate) use stream::Stream;

use crate::invalid::Invalid;
use crate::json::{Object, Value};

/// A field by its name of several words in snake case, or as protocol buffers spell it in JSON.
fn take<'a>(object: &mut Object<'a>, name: &str) -> Result<Option<Value<'a>>, Invalid> {
    object.take_either(&camel(name), name)
}

fn optional<'a, T>(
    object: &mut Object<'a>,
    name: &str,
    read: impl FnOnce(&Value<'a>) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    take(object, name)?.map(|value| read(&value)).transpose()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or("").to_owned();
    words.fold(first, |mut joined, word| {
        let mut chars = word.chars();
        joined.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        joined.push_str(chars.as_str());
        joined
    })
}

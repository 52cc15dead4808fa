//! Content blocks: text, pictures, documents of plain text, thinking, calls of tools and their results.

use pumasi_protocol::{Part, ToolCall};

use crate::fields::{picture, tool};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

/// A block, read.
#[derive(Debug, Clone)]
pub(super) enum Block {
    Part(Part),
    Thinking(String),
    Call(ToolCall),
    Result { id: String, content: Vec<Part> },
}

/// Reads a block; none if it is one that is left out, which is named.
pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Option<Block>, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let block = match kind.string()?.as_str() {
        "text" => Block::Part(Part::Text(object.require("text")?.string()?)),
        "image" => Block::Part(image(&object.require("source")?)?),
        "document" => Block::Part(document(&mut object)?),
        "thinking" => {
            // Only Anthropic could check it.
            object.optional("signature", Value::string)?;
            Block::Thinking(object.require("thinking")?.string()?)
        }
        "tool_use" => Block::Call(call(&mut object)?),
        "tool_result" => result(&mut object, ignored)?,
        "redacted_thinking" => {
            ignored.name(kind.path())?;
            return Ok(None);
        }
        _ => {
            let allowed = "text, image, document, thinking, tool_use, tool_result";
            return Err(kind.fail(Reason::UnknownValue { allowed }));
        }
    };
    object.take("citations").filter(|value| value.text() != "[]").map_or(Ok(()), |value| {
        // Where a source was named in an earlier answer of another model.
        ignored.name(value.path())
    })?;
    object.finish(ignored)?;
    Ok(Some(block))
}

fn call(object: &mut Object<'_>) -> Result<ToolCall, Invalid> {
    let call = ToolCall {
        id: object.require("id")?.label(limits::LABEL_CHARS)?,
        name: tool::long_name(&object.require("name")?)?,
        arguments: tool::input(&object.require("input")?)?,
    };
    // Who asked for the call: the model itself, or a program of Anthropic's.
    object.take("caller");
    Ok(call)
}

fn result(object: &mut Object<'_>, ignored: &mut Ignored) -> Result<Block, Invalid> {
    let id = object.require("tool_use_id")?.label(limits::LABEL_CHARS)?;
    let content = match object.take("content") {
        None => vec![Part::Text(String::new())],
        Some(value) if value.kind() == Kind::Array => parts(&value, ignored)?,
        Some(value) => vec![Part::Text(value.string()?)],
    };
    // Models are told of a failure by its text only.
    if let Some(value) = object.take("is_error")
        && value.bool()?
    {
        ignored.name(value.path())?;
    }
    Ok(Block::Result { id, content })
}

fn parts(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Part>, Invalid> {
    let part = |entry: &Value<'_>, ignored: &mut Ignored| match parse(entry, ignored)? {
        Some(Block::Part(part)) => Ok(part),
        Some(Block::Thinking(_) | Block::Call(_) | Block::Result { .. }) | None => {
            Err(entry.fail(Reason::UnknownValue { allowed: "text, image, document" }))
        }
    };
    value.array(limits::PARTS)?.iter().map(|entry| part(entry, ignored)).collect()
}

fn image(value: &Value<'_>) -> Result<Part, Invalid> {
    let mut source = value.object()?;
    let kind = source.require("type")?;
    match kind.string()?.as_str() {
        "base64" => picture::from_base64(&source.require("data")?),
        "url" => picture::from_url(&source.require("url")?),
        "file" => Err(kind.fail(Reason::Unsupported { what: "a stored file" })),
        _ => Err(kind.fail(Reason::UnknownValue { allowed: "base64, url" })),
    }
}

/// Plain text only, with its title and context before it.
fn document(object: &mut Object<'_>) -> Result<Part, Invalid> {
    let mut source = object.require("source")?.object()?;
    let kind = source.require("type")?;
    if kind.string()? != "text" {
        return Err(kind.fail(Reason::Unsupported { what: "a document other than plain text" }));
    }
    let title = object.optional("title", Value::string)?;
    let context = object.optional("context", Value::string)?;
    let text = source.require("data")?.string()?;
    let pieces: Vec<String> = title.into_iter().chain(context).chain([text]).collect();
    Ok(Part::Text(pieces.join("\n\n")))
}

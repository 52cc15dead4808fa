//! Messages: text with pictures beside it, calls with arguments as objects, results by the tool's name.

use pumasi_protocol::{Message, Part, Role, ToolCall, limits as protocol_limits};

use super::request::pictures;
use crate::fields::calls::Calls;
use crate::fields::tool;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Object, Value};
use crate::limits;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Message>, Invalid> {
    let max = protocol_limits::CHAT_MESSAGES;
    let entries = value.array_or(max, Reason::TooManyMessages { max })?;
    let mut calls = Calls::default();
    entries.iter().map(|entry| message(entry, &mut calls, ignored)).collect()
}

fn message(
    value: &Value<'_>,
    calls: &mut Calls,
    ignored: &mut Ignored,
) -> Result<Message, Invalid> {
    let mut object = value.object()?;
    let role = role(&object.require("role")?)?;
    let mut message = Message { content: Vec::new(), ..Message::text(role, "") };
    let text = object.optional("content", Value::string)?;
    message
        .content
        .extend(text.filter(|t| !t.is_empty() || role != Role::Assistant).map(Part::Text));
    message.content.extend(object.optional("images", pictures)?.unwrap_or_default());
    message.thinking = object.optional("thinking", Value::string)?.filter(|text| !text.is_empty());
    if let Some(value) = object.take("tool_calls") {
        let entries = value.array(limits::TOOL_CALLS)?;
        let made: Result<_, _> = entries.iter().map(|entry| call(entry, calls, ignored)).collect();
        message.tool_calls = made?;
    }
    if role == Role::Tool {
        message.tool_call_id = Some(answered(&mut object, calls, value.path())?);
    }
    object.finish(ignored)?;
    Ok(message)
}

fn role(value: &Value<'_>) -> Result<Role, Invalid> {
    match value.string()?.as_str() {
        "system" => Ok(Role::System),
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "tool" => Ok(Role::Tool),
        _ => Err(value.fail(Reason::Role)),
    }
}

/// Which call a result answers: by id, by the tool's name (at its former place, too), or the oldest.
fn answered(object: &mut Object<'_>, calls: &mut Calls, path: &str) -> Result<String, Invalid> {
    let id = object.optional("tool_call_id", |v| v.label(limits::LABEL_CHARS))?;
    let id = id.filter(|id| !id.is_empty());
    let name = match object.take_either("tool_name", "name")? {
        Some(value) => Some(tool::long_name(&value)?),
        None => None,
    };
    let field = if id.is_some() { "tool_call_id" } else { "tool_name" };
    calls.result(id.as_deref(), name.as_deref(), &format!("{path}.{field}"))
}

fn call(value: &Value<'_>, calls: &mut Calls, ignored: &mut Ignored) -> Result<ToolCall, Invalid> {
    let mut object = value.object()?;
    let id = object.optional("id", |v| v.label(limits::LABEL_CHARS))?.filter(|id| !id.is_empty());
    object.optional("type", Value::string)?;
    let mut function = object.require("function")?.object()?;
    let name = tool::long_name(&function.require("name")?)?;
    let arguments = function.optional("arguments", tool::input)?;
    function.take("index");
    function.take("description");
    function.finish(ignored)?;
    object.finish(ignored)?;
    let id = calls.call(id, &name);
    Ok(ToolCall { id, name, arguments: arguments.unwrap_or_else(|| "{}".to_owned()) })
}

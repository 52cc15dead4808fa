//! Messages of a chat: roles, contents as text or parts, pictures as data: URLs, tool results.

use std::collections::BTreeSet;

use pumasi_protocol::{Message, Part, Role, limits as protocol_limits};

use super::tool;
use crate::fields::picture;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Message>, Invalid> {
    let max = protocol_limits::CHAT_MESSAGES;
    let entries = value.array_or(max, Reason::TooManyMessages { max })?;
    if entries.is_empty() {
        return Err(value.fail(Reason::NoMessages));
    }
    let mut called = BTreeSet::new();
    let mut messages = Vec::with_capacity(entries.len());
    for entry in &entries {
        let message = message(entry, ignored)?;
        check_result(entry, &message, &called)?;
        called.extend(message.tool_calls.iter().map(|call| call.id.clone()));
        messages.push(message);
    }
    if messages.iter().all(|message| message.role == Role::System) {
        return Err(value.fail(Reason::OnlyInstructions));
    }
    Ok(messages)
}

fn check_result(
    entry: &Value<'_>,
    message: &Message,
    called: &BTreeSet<String>,
) -> Result<(), Invalid> {
    match &message.tool_call_id {
        Some(id) if !called.contains(id) => {
            Err(Invalid::at(format!("{}.tool_call_id", entry.path()), Reason::ResultWithoutCall))
        }
        Some(_) | None => Ok(()),
    }
}

fn message(value: &Value<'_>, ignored: &mut Ignored) -> Result<Message, Invalid> {
    let mut object = value.object()?;
    let role = role(&object.require("role")?)?;
    let mut message = Message {
        role,
        content: Vec::new(),
        thinking: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
        name: object.optional("name", |v| v.label(limits::LABEL_CHARS))?,
    };
    match role {
        Role::Assistant => assistant(&mut object, &mut message, ignored)?,
        Role::Tool => {
            let id = object.require("tool_call_id")?.label(limits::LABEL_CHARS)?;
            message.tool_call_id = Some(id);
            message.content = content(&object.require("content")?, role, ignored)?;
        }
        Role::System | Role::User => {
            message.content = content(&object.require("content")?, role, ignored)?;
        }
    }
    object.finish(ignored)?;
    Ok(message)
}

fn assistant(
    object: &mut Object<'_>,
    message: &mut Message,
    ignored: &mut Ignored,
) -> Result<(), Invalid> {
    let calls = object.optional("tool_calls", |v| tool::calls(v, ignored))?;
    message.tool_calls = calls.unwrap_or_default();
    message.thinking = object.optional("reasoning_content", Value::string)?;
    object.refuse("function_call", "function_call (use tool_calls)")?;
    object.refuse("audio", "audio")?;
    let said = object.take("content");
    let refused = object.optional("refusal", Value::string)?;
    message.content = match (said, refused) {
        (Some(value), _) => content(&value, Role::Assistant, ignored)?,
        (None, Some(refusal)) => vec![Part::Text(refusal)],
        (None, None) => Vec::new(),
    };
    Ok(())
}

fn role(value: &Value<'_>) -> Result<Role, Invalid> {
    match value.string()?.as_str() {
        "system" | "developer" => Ok(Role::System),
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "tool" => Ok(Role::Tool),
        _ => Err(value.fail(Reason::Role)),
    }
}

fn content(value: &Value<'_>, role: Role, ignored: &mut Ignored) -> Result<Vec<Part>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![Part::Text(value.string()?)]);
    }
    if value.kind() != Kind::Array {
        return Err(value.fail(Reason::Type { expected: "a string or an array of parts" }));
    }
    let entries = value.array(limits::PARTS)?;
    if entries.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    entries.iter().map(|entry| part(entry, role, ignored)).collect()
}

fn part(value: &Value<'_>, role: Role, ignored: &mut Ignored) -> Result<Part, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let part = match (kind.string()?.as_str(), role) {
        ("text", _) => Part::Text(object.require("text")?.string()?),
        ("refusal", Role::Assistant) => Part::Text(object.require("refusal")?.string()?),
        ("image_url", Role::User) => {
            let mut image = object.require("image_url")?.object()?;
            let part = picture::from_url(&image.require("url")?)?;
            image.take("detail");
            image.finish(ignored)?;
            part
        }
        (_, Role::User) => {
            return Err(kind.fail(Reason::UnknownValue { allowed: "text, image_url" }));
        }
        (_, Role::System | Role::Assistant | Role::Tool) => {
            return Err(kind.fail(Reason::UnknownValue { allowed: "text" }));
        }
    };
    object.finish(ignored)?;
    Ok(part)
}

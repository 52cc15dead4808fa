//! The input: text, or items. What the model did in one turn (thinking, text, calls) lies in several
//! items here and becomes one message.

use pumasi_protocol::{Message, Part, Role, ToolCall, limits as protocol_limits};

use crate::fields::calls::Calls;
use crate::fields::{picture, tool};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Message>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![Message::text(Role::User, value.string()?)]);
    }
    if value.kind() != Kind::Array {
        return Err(value.fail(Reason::Type { expected: "a string or an array of items" }));
    }
    let max = protocol_limits::CHAT_MESSAGES;
    let entries = value.array_or(max, Reason::TooManyMessages { max })?;
    if entries.is_empty() {
        return Err(value.fail(Reason::NoMessages));
    }
    let mut reader = Reader { messages: Vec::new(), calls: Calls::default(), thinking: None };
    for entry in &entries {
        reader.item(entry, ignored)?;
    }
    reader.end_turn();
    Ok(reader.messages)
}

struct Reader {
    messages: Vec<Message>,
    calls: Calls,
    /// Thoughts of a turn of which nothing else came yet.
    thinking: Option<String>,
}

impl Reader {
    fn item(&mut self, value: &Value<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
        let mut object = value.object()?;
        let kind = object.take("type");
        let word = kind.as_ref().map(Value::string).transpose()?;
        // The server's own marks, sent back as they came.
        object.take("id");
        object.take("status");
        match word.as_deref().unwrap_or("message") {
            "message" => self.message(&mut object, ignored)?,
            "reasoning" => self.reasoning(&mut object, ignored)?,
            "function_call" => self.call(&mut object, value)?,
            "function_call_output" => self.result(&mut object, value, ignored)?,
            "item_reference" => return Err(value.fail(Reason::NotStored)),
            _ => {
                let allowed = "message, reasoning, function_call, function_call_output";
                let path = format!("{}.type", value.path());
                return Err(Invalid::at(path, Reason::UnknownValue { allowed }));
            }
        }
        object.finish(ignored)
    }

    fn message(&mut self, object: &mut Object<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
        let role = object.require("role")?;
        let role = match role.string()?.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return Err(role.fail(Reason::Role)),
        };
        let content = content(&object.require("content")?, role, ignored)?;
        object.take("phase");
        if role == Role::Assistant {
            self.turn(|message| message.tool_calls.is_empty()).content.extend(content);
        } else {
            self.end_turn();
            self.messages.push(Message { content, ..Message::text(role, "") });
        }
        Ok(())
    }

    fn reasoning(&mut self, object: &mut Object<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
        self.end_turn();
        let mut text = String::new();
        if let Some(content) = object.take("content") {
            for entry in content.array(limits::PARTS)? {
                let mut part = entry.object()?;
                part.require("type")?;
                text.push_str(&part.require("text")?.string()?);
                part.finish(ignored)?;
            }
        }
        // A summary is not what was thought, and what is encrypted only OpenAI can read.
        for name in ["summary", "encrypted_content"] {
            let value = object.take(name).filter(|value| value.text() != "[]");
            value.map_or(Ok(()), |value| ignored.name(value.path()))?;
        }
        self.thinking = (!text.is_empty()).then_some(text);
        Ok(())
    }

    fn call(&mut self, object: &mut Object<'_>, value: &Value<'_>) -> Result<(), Invalid> {
        let id = object.require("call_id")?.label(limits::LABEL_CHARS)?;
        let name = tool::name(&object.require("name")?)?;
        let arguments = object.optional("arguments", tool::arguments)?;
        object.take("caller");
        self.calls.call(Some(id.clone()), &name);
        let message = self.turn(|_| true);
        if message.tool_calls.len() >= limits::TOOL_CALLS {
            return Err(value.fail(Reason::TooMany { max: limits::TOOL_CALLS }));
        }
        let arguments = arguments.unwrap_or_else(|| "{}".to_owned());
        message.tool_calls.push(ToolCall { id, name, arguments });
        Ok(())
    }

    fn result(
        &mut self,
        object: &mut Object<'_>,
        value: &Value<'_>,
        ignored: &mut Ignored,
    ) -> Result<(), Invalid> {
        self.end_turn();
        let id = object.require("call_id")?.label(limits::LABEL_CHARS)?;
        let id = self.calls.result(Some(&id), None, &format!("{}.call_id", value.path()))?;
        let content = content(&object.require("output")?, Role::Tool, ignored)?;
        object.take("caller");
        let mut message = Message { content, ..Message::text(Role::Tool, "") };
        message.tool_call_id = Some(id);
        self.messages.push(message);
        Ok(())
    }

    /// The message of the model's turn that is under way, if it takes more, or a new one.
    fn turn(&mut self, takes: impl FnOnce(&Message) -> bool) -> &mut Message {
        let goes_on = self.thinking.is_none()
            && self.messages.last().is_some_and(|last| last.role == Role::Assistant && takes(last));
        if !goes_on {
            let mut message = Message { content: Vec::new(), ..Message::text(Role::Assistant, "") };
            message.thinking = self.thinking.take();
            self.messages.push(message);
        }
        self.messages.last_mut().expect("there is one, or one was just added")
    }

    /// Thoughts to which nothing else belongs are a turn of their own.
    fn end_turn(&mut self) {
        if self.thinking.is_some() {
            self.turn(|_| false);
        }
    }
}

fn content(value: &Value<'_>, role: Role, ignored: &mut Ignored) -> Result<Vec<Part>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![Part::Text(value.string()?)]);
    }
    if value.kind() != Kind::Array {
        return Err(value.fail(Reason::Type { expected: "a string or an array of parts" }));
    }
    value.array(limits::PARTS)?.iter().map(|entry| part(entry, role, ignored)).collect()
}

fn part(value: &Value<'_>, role: Role, ignored: &mut Ignored) -> Result<Part, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let part = match (kind.string()?.as_str(), role) {
        ("input_text" | "output_text" | "text", _) => {
            for name in ["annotations", "logprobs"] {
                object.take(name);
            }
            Part::Text(object.require("text")?.string()?)
        }
        ("refusal", Role::Assistant) => Part::Text(object.require("refusal")?.string()?),
        ("input_image", Role::User | Role::Tool) => {
            object.take("detail");
            if let Some(file) = object.take("file_id") {
                return Err(file.fail(Reason::Unsupported { what: "a stored file" }));
            }
            picture::from_url(&object.require("image_url")?)?
        }
        ("input_file", _) => {
            return Err(kind.fail(Reason::Unsupported { what: "a file" }));
        }
        (_, Role::User | Role::Tool) => {
            return Err(kind.fail(Reason::UnknownValue { allowed: "input_text, input_image" }));
        }
        (_, Role::System | Role::Assistant) => {
            return Err(kind.fail(Reason::UnknownValue { allowed: "input_text, output_text" }));
        }
    };
    object.finish(ignored)?;
    Ok(part)
}

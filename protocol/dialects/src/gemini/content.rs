//! Contents: turns of parts. Calls and results are parts here, and may have no id.

use pumasi_protocol::{Message, Part, Role, ToolCall, limits as protocol_limits};

use super::{optional, take};
use crate::fields::calls::Calls;
use crate::fields::{picture, tool};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Message>, Invalid> {
    let max = protocol_limits::CHAT_MESSAGES;
    let entries = value.array_or(max, Reason::TooManyMessages { max })?;
    let mut reader = Reader { messages: Vec::new(), calls: Calls::default() };
    for entry in &entries {
        reader.content(entry, ignored)?;
    }
    if reader.messages.len() > max {
        return Err(value.fail(Reason::TooManyMessages { max }));
    }
    Ok(reader.messages)
}

/// A content of nothing but text: instructions.
pub(super) fn texts(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Part>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![Part::Text(value.string()?)]);
    }
    let mut object = value.object()?;
    object.take("role");
    let mut texts = Vec::new();
    for entry in object.require("parts")?.array(limits::PARTS)? {
        match part(&entry, ignored)? {
            Some(Piece::Said(text @ Part::Text(_))) => texts.push(text),
            Some(_) | None => return Err(entry.fail(Reason::UnknownValue { allowed: "text" })),
        }
    }
    object.finish(ignored)?;
    Ok(texts)
}

enum Piece {
    Said(Part),
    Thought(String),
    Call { id: Option<String>, name: String, arguments: String },
    Result { id: Option<String>, name: String, response: String },
}

struct Reader {
    messages: Vec<Message>,
    calls: Calls,
}

impl Reader {
    fn content(&mut self, value: &Value<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
        let mut object = value.object()?;
        let role = object.take("role");
        let parts = object.require("parts")?;
        let entries = parts.array(limits::PARTS)?;
        if entries.is_empty() {
            return Err(parts.fail(Reason::Empty));
        }
        let of_model = match &role {
            None => false,
            Some(role) => match role.string()?.as_str() {
                "user" | "function" => false,
                "model" => true,
                _ => return Err(role.fail(Reason::UnknownValue { allowed: "user, model" })),
            },
        };
        let mut pieces = Vec::with_capacity(entries.len());
        for entry in &entries {
            let piece = part(entry, ignored)?;
            pieces.extend(piece.map(|piece| (entry.path().to_owned(), piece)));
        }
        object.finish(ignored)?;
        if of_model { self.model(pieces) } else { self.user(pieces) }
    }

    fn user(&mut self, pieces: Vec<(String, Piece)>) -> Result<(), Invalid> {
        let mut said = Vec::new();
        for (path, piece) in pieces {
            match piece {
                Piece::Said(part) => said.push(part),
                Piece::Result { id, name, response } => {
                    self.say(&mut said);
                    let param = format!("{path}.functionResponse");
                    let id = self.calls.result(id.as_deref(), Some(&name), &param)?;
                    let mut message = Message::text(Role::Tool, response);
                    message.tool_call_id = Some(id);
                    self.messages.push(message);
                }
                Piece::Thought(_) | Piece::Call { .. } => {
                    let allowed = "text, inlineData, functionResponse";
                    return Err(Invalid::at(path, Reason::UnknownValue { allowed }));
                }
            }
        }
        self.say(&mut said);
        Ok(())
    }

    fn say(&mut self, said: &mut Vec<Part>) {
        if !said.is_empty() {
            let content = std::mem::take(said);
            self.messages.push(Message { content, ..Message::text(Role::User, "") });
        }
    }

    fn model(&mut self, pieces: Vec<(String, Piece)>) -> Result<(), Invalid> {
        let mut message = Message { content: Vec::new(), ..Message::text(Role::Assistant, "") };
        for (path, piece) in pieces {
            match piece {
                Piece::Said(part @ Part::Text(_)) => message.content.push(part),
                Piece::Thought(text) => {
                    message.thinking.get_or_insert_default().push_str(&text);
                }
                Piece::Call { id, name, arguments } => {
                    let id = self.calls.call(id, &name);
                    message.tool_calls.push(ToolCall { id, name, arguments });
                }
                Piece::Said(Part::Image(_)) | Piece::Result { .. } => {
                    let allowed = "text, functionCall";
                    return Err(Invalid::at(path, Reason::UnknownValue { allowed }));
                }
            }
        }
        if message.tool_calls.len() > limits::TOOL_CALLS {
            return Err(Invalid::at("contents", Reason::TooMany { max: limits::TOOL_CALLS }));
        }
        self.messages.push(message);
        Ok(())
    }
}

/// Reads a part; none if it is one that is left out, which is named.
fn part(value: &Value<'_>, ignored: &mut Ignored) -> Result<Option<Piece>, Invalid> {
    let mut object = value.object()?;
    let thought = object.flag("thought")?;
    // Only Google could check it.
    optional(&mut object, "thought_signature", Value::string)?;
    let text = object.optional("text", Value::string)?;
    let piece = match text {
        Some(text) if thought => Piece::Thought(text),
        Some(text) => Piece::Said(Part::Text(text)),
        None => other(&mut object, value, ignored)?,
    };
    object.finish(ignored)?;
    Ok(Some(piece))
}

fn other(
    object: &mut Object<'_>,
    value: &Value<'_>,
    ignored: &mut Ignored,
) -> Result<Piece, Invalid> {
    if let Some(data) = take(object, "inline_data")? {
        let mut data = data.object()?;
        optional(&mut data, "mime_type", Value::string)?;
        optional(&mut data, "display_name", Value::string)?;
        let picture = picture::from_base64(&data.require("data")?)?;
        data.finish(ignored)?;
        return Ok(Piece::Said(picture));
    }
    if let Some(call) = take(object, "function_call")? {
        let mut call = call.object()?;
        let id = call.optional("id", |v| v.label(limits::LABEL_CHARS))?;
        let name = tool::long_name(&call.require("name")?)?;
        let arguments = call.optional("args", tool::input)?.unwrap_or_else(|| "{}".to_owned());
        call.finish(ignored)?;
        return Ok(Piece::Call { id, name, arguments });
    }
    if let Some(result) = take(object, "function_response")? {
        let mut result = result.object()?;
        let id = result.optional("id", |v| v.label(limits::LABEL_CHARS))?;
        let name = tool::long_name(&result.require("name")?)?;
        let response = result.optional("response", tool::input)?;
        let response = response.unwrap_or_else(|| "{}".to_owned());
        result.finish(ignored)?;
        return Ok(Piece::Result { id, name, response });
    }
    if let Some(file) = take(object, "file_data")? {
        return Err(file.fail(Reason::RemoteUrl));
    }
    let allowed = "text, inlineData, functionCall, functionResponse";
    Err(value.fail(Reason::UnknownValue { allowed }))
}

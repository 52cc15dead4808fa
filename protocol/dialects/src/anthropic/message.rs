//! Messages of a conversation. Results of tools, which are parts of the person's message here, become
//! messages of their own.

use pumasi_protocol::{Message, Part, Role, ToolCall, limits as protocol_limits};

use super::block::{self, Block};
use crate::fields::calls::Calls;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Value};
use crate::limits;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Message>, Invalid> {
    let max = protocol_limits::CHAT_MESSAGES;
    let entries = value.array_or(max, Reason::TooManyMessages { max })?;
    if entries.is_empty() {
        return Err(value.fail(Reason::NoMessages));
    }
    let mut reader =
        Reader { messages: Vec::with_capacity(entries.len()), calls: Calls::default() };
    for entry in &entries {
        reader.message(entry, ignored)?;
    }
    if reader.messages.len() > max {
        return Err(value.fail(Reason::TooManyMessages { max }));
    }
    Ok(reader.messages)
}

/// The instructions: text, or blocks of text.
pub(super) fn system(value: &Value<'_>, ignored: &mut Ignored) -> Result<Message, Invalid> {
    let mut message = Message::text(Role::System, "");
    message.content = texts(value, ignored)?;
    Ok(message)
}

fn texts(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Part>, Invalid> {
    let only = |entry: &Value<'_>, ignored: &mut Ignored| match block::parse(entry, ignored)? {
        Some(Block::Part(part @ Part::Text(_))) => Ok(part),
        Some(_) | None => Err(entry.fail(Reason::UnknownValue { allowed: "text" })),
    };
    match value.kind() {
        Kind::Array => {
            value.array(limits::PARTS)?.iter().map(|entry| only(entry, ignored)).collect()
        }
        Kind::String | Kind::Null | Kind::Bool | Kind::Number | Kind::Object => {
            Ok(vec![Part::Text(value.string()?)])
        }
    }
}

struct Reader {
    messages: Vec<Message>,
    calls: Calls,
}

impl Reader {
    fn message(&mut self, value: &Value<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
        let mut object = value.object()?;
        let role = object.require("role")?;
        let content = object.require("content")?;
        match role.string()?.as_str() {
            "user" => self.user(&blocks(&content, ignored)?)?,
            "assistant" => self.assistant(&blocks(&content, ignored)?)?,
            "system" => {
                let content = texts(&content, ignored)?;
                self.messages.push(Message { content, ..Message::text(Role::System, "") });
            }
            _ => return Err(role.fail(Reason::Role)),
        }
        // What a reply said of itself, sent back as it came.
        for name in ["id", "type", "model", "stop_reason", "stop_sequence", "usage"] {
            object.take(name);
        }
        object.finish(ignored)
    }

    /// What the person said between two results stays between them.
    fn user(&mut self, blocks: &[(String, Block)]) -> Result<(), Invalid> {
        let mut said: Vec<Part> = Vec::new();
        for (path, block) in blocks {
            match block {
                Block::Part(part) => said.push(part.clone()),
                Block::Result { id, content } => {
                    self.say(&mut said);
                    let id = self.calls.result(Some(id), None, &format!("{path}.tool_use_id"))?;
                    let mut message = Message::text(Role::Tool, "");
                    (message.content, message.tool_call_id) = (content.clone(), Some(id));
                    self.messages.push(message);
                }
                Block::Thinking(_) | Block::Call(_) => {
                    let allowed = "text, image, document, tool_result";
                    return Err(misplaced(path, allowed));
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

    fn assistant(&mut self, blocks: &[(String, Block)]) -> Result<(), Invalid> {
        let mut message = Message { content: Vec::new(), ..Message::text(Role::Assistant, "") };
        for (path, block) in blocks {
            match block {
                Block::Part(part @ Part::Text(_)) => message.content.push(part.clone()),
                Block::Thinking(text) => {
                    message.thinking.get_or_insert_default().push_str(text);
                }
                Block::Call(call) => {
                    if message.tool_calls.len() >= limits::TOOL_CALLS {
                        let max = limits::TOOL_CALLS;
                        return Err(Invalid::at(path.clone(), Reason::TooMany { max }));
                    }
                    self.calls.call(Some(call.id.clone()), &call.name);
                    message.tool_calls.push(ToolCall::clone(call));
                }
                Block::Part(Part::Image(_)) | Block::Result { .. } => {
                    return Err(misplaced(path, "text, thinking, tool_use"));
                }
            }
        }
        self.messages.push(message);
        Ok(())
    }
}

fn misplaced(path: &str, allowed: &'static str) -> Invalid {
    Invalid::at(format!("{path}.type"), Reason::UnknownValue { allowed })
}

/// The blocks of a message with their paths; text alone is one.
fn blocks(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<(String, Block)>, Invalid> {
    if value.kind() == Kind::String {
        let part = Part::Text(value.string()?);
        return Ok(vec![(value.path().to_owned(), Block::Part(part))]);
    }
    if value.kind() != Kind::Array {
        return Err(value.fail(Reason::Type { expected: "a string or an array of blocks" }));
    }
    let entries = value.array(limits::PARTS)?;
    if entries.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    let mut blocks = Vec::with_capacity(entries.len());
    for entry in &entries {
        let block = block::parse(entry, ignored)?;
        blocks.extend(block.map(|block| (entry.path().to_owned(), block)));
    }
    Ok(blocks)
}

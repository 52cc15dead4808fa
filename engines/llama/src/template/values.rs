//! Messages and tools as the values that chat templates expect (the OpenAI shapes, with tool
//! arguments as objects), with marks around spelled control tokens.

use minijinja::Value;
use minijinja::value::Serde;
use pumasi_protocol::generate::{Message, Part, Role, Thinking, Tool, ToolCall};
use serde_json::{Map, Value as Json, json};

use super::Chat;
use crate::control_text::ControlTexts;

/// Bytes of text in a chat: what a template may write besides its own.
pub(super) fn text_bytes(chat: Chat<'_>) -> usize {
    let call = |call: &ToolCall| call.id.len() + call.name.len() + call.arguments.len();
    let message = |m: &Message| {
        let parts = m.content.iter().map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Image(_) => 0,
        });
        parts.sum::<usize>()
            + m.thinking.as_ref().map_or(0, String::len)
            + m.tool_calls.iter().map(call).sum::<usize>()
    };
    let tool = |t: &Tool| {
        t.name.len()
            + t.description.as_ref().map_or(0, String::len)
            + t.parameters.as_ref().map_or(0, String::len)
    };
    // JSON's escapes can make six bytes of one.
    6 * (chat.messages.iter().map(message).sum::<usize>()
        + chat.tools.iter().map(tool).sum::<usize>())
}

/// The variables of a rendering.
pub(super) fn context(chat: Chat<'_>, controls: &ControlTexts, bos: &str, eos: &str) -> Value {
    let messages: Vec<Json> = chat.messages.iter().map(|m| message(m, controls)).collect();
    let mut context = Map::new();
    context.insert("messages".into(), messages.into());
    context.insert("add_generation_prompt".into(), true.into());
    context.insert("bos_token".into(), bos.into());
    context.insert("eos_token".into(), eos.into());
    if !chat.tools.is_empty() {
        let tools: Vec<Json> = chat.tools.iter().map(|t| tool(t, controls)).collect();
        context.insert("tools".into(), tools.into());
    }
    match chat.thinking {
        Thinking::Default => {}
        Thinking::Off => {
            context.insert("enable_thinking".into(), false.into());
        }
        Thinking::On(_) | Thinking::Auto => {
            context.insert("enable_thinking".into(), true.into());
        }
    }
    Value::from(Serde(Json::Object(context)))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn message(message: &Message, controls: &ControlTexts) -> Json {
    let mut object = Map::new();
    object.insert("role".into(), role(message.role).into());
    object.insert("content".into(), controls.mark(&message.joined_text()).into());
    if let Some(thinking) = &message.thinking {
        object.insert("reasoning_content".into(), controls.mark(thinking).into());
    }
    if !message.tool_calls.is_empty() {
        let calls: Vec<Json> = message.tool_calls.iter().map(|c| tool_call(c, controls)).collect();
        object.insert("tool_calls".into(), calls.into());
    }
    if let Some(id) = &message.tool_call_id {
        object.insert("tool_call_id".into(), controls.mark(id).into());
    }
    if let Some(name) = &message.name {
        object.insert("name".into(), controls.mark(name).into());
    }
    Json::Object(object)
}

fn tool_call(call: &ToolCall, controls: &ControlTexts) -> Json {
    let marked = controls.mark(&call.arguments);
    let arguments = serde_json::from_str(&marked).unwrap_or(Json::String(marked));
    let function = json!({ "name": controls.mark(&call.name), "arguments": arguments });
    json!({ "id": controls.mark(&call.id), "type": "function", "function": function })
}

fn tool(tool: &Tool, controls: &ControlTexts) -> Json {
    let mut function = Map::new();
    function.insert("name".into(), controls.mark(&tool.name).into());
    let description = tool.description.as_deref().unwrap_or_default();
    function.insert("description".into(), controls.mark(description).into());
    let parameters = tool.parameters.as_deref().map(|text| controls.mark(text));
    let parameters = parameters.and_then(|text| serde_json::from_str(&text).ok());
    let none = || json!({ "type": "object", "properties": {} });
    function.insert("parameters".into(), parameters.unwrap_or_else(none));
    json!({ "type": "function", "function": function })
}

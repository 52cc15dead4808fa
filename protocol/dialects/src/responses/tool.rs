//! Functions on offer, and which of them may be called. Tools that run at OpenAI are refused.

use pumasi_protocol::generate::ToolChoice;
use pumasi_protocol::{Tool, limits as protocol_limits};

use crate::fields::tool::{check_unique, name};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Value};
use crate::openai;

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Tool>, Invalid> {
    let entries = value.array(protocol_limits::CHAT_TOOLS)?;
    let tools: Result<Vec<Tool>, Invalid> =
        entries.iter().map(|entry| tool(entry, ignored)).collect();
    let tools = tools?;
    check_unique(&entries, &tools)?;
    Ok(tools)
}

fn tool(value: &Value<'_>, ignored: &mut Ignored) -> Result<Tool, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    if kind.string()? != "function" {
        return Err(kind.fail(Reason::Unsupported { what: "a tool of OpenAI's own" }));
    }
    openai::function(object, ignored)
}

pub(super) fn choice(value: &Value<'_>, tools: &[Tool]) -> Result<ToolChoice, Invalid> {
    if value.kind() == Kind::Object {
        return named(value, tools);
    }
    match value.string()?.as_str() {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" if tools.is_empty() => Err(value.fail(Reason::UnknownTool)),
        "required" => Ok(ToolChoice::Required),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "none, auto, required" })),
    }
}

fn named(value: &Value<'_>, tools: &[Tool]) -> Result<ToolChoice, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    match kind.string()?.as_str() {
        "function" => {
            let wanted = object.require("name")?;
            let name = name(&wanted)?;
            let offered = tools.iter().any(|tool| tool.name == name);
            if offered {
                Ok(ToolChoice::Named(name))
            } else {
                Err(wanted.fail(Reason::UnknownTool))
            }
        }
        "allowed_tools" => {
            Err(kind.fail(Reason::Unsupported { what: "a choice among several tools" }))
        }
        _ => Err(kind.fail(Reason::Unsupported { what: "a tool of OpenAI's own" })),
    }
}

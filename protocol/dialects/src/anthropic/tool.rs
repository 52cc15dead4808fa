//! Tools on offer, and which of them may be called.

use pumasi_protocol::generate::ToolChoice;
use pumasi_protocol::{Tool, limits as protocol_limits};

use crate::fields::tool::{check_unique, long_name, schema};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Value};

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
    if let Some(kind) = object.take("type")
        && kind.string()? != "custom"
    {
        return Err(kind.fail(Reason::Unsupported { what: "a tool of Anthropic's own" }));
    }
    let tool = Tool {
        name: long_name(&object.require("name")?)?,
        description: object.optional("description", Value::string)?,
        parameters: Some(schema(&object.require("input_schema")?)?),
    };
    // The grammar of a call follows its schema whether or not the program asks for it.
    object.optional("strict", Value::bool)?;
    object.finish(ignored)?;
    Ok(tool)
}

/// Which tools, and whether several calls at a time are welcome.
pub(super) fn choice(
    value: &Value<'_>,
    tools: &[Tool],
    ignored: &mut Ignored,
) -> Result<(ToolChoice, bool), Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let one_at_a_time = object.flag("disable_parallel_tool_use")?;
    let choice = match kind.string()?.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" if tools.is_empty() => return Err(kind.fail(Reason::UnknownTool)),
        "any" => ToolChoice::Required,
        "tool" => {
            let name = object.require("name")?;
            let wanted = long_name(&name)?;
            if !tools.iter().any(|tool| tool.name == wanted) {
                return Err(name.fail(Reason::UnknownTool));
            }
            ToolChoice::Named(wanted)
        }
        _ => return Err(kind.fail(Reason::UnknownValue { allowed: "auto, any, tool, none" })),
    };
    object.finish(ignored)?;
    Ok((choice, !one_at_a_time))
}

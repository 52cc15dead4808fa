//! Tools on offer, which of them may be called, and calls that earlier turns made.

use std::collections::BTreeSet;

use pumasi_protocol::generate::ToolChoice;
use pumasi_protocol::{Tool, ToolCall, limits as protocol_limits};

use crate::fields::tool::{arguments, name, schema};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

pub(crate) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Tool>, Invalid> {
    let mut names = BTreeSet::new();
    let mut tools = Vec::new();
    for entry in value.array(protocol_limits::CHAT_TOOLS)? {
        let mut object = entry.object()?;
        expect_function(&object.require("type")?)?;
        let tool = function(object.require("function")?.object()?, ignored)?;
        object.finish(ignored)?;
        if !names.insert(tool.name.clone()) {
            return Err(entry.fail(Reason::DuplicateTool));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn expect_function(kind: &Value<'_>) -> Result<(), Invalid> {
    if kind.string()? == "function" {
        return Ok(());
    }
    Err(kind.fail(Reason::UnknownValue { allowed: "function" }))
}

/// A function on offer, in the fields that chat and responses share.
pub(crate) fn function(mut object: Object<'_>, ignored: &mut Ignored) -> Result<Tool, Invalid> {
    let tool = Tool {
        name: name(&object.require("name")?)?,
        description: object.optional("description", Value::string)?,
        parameters: object.optional("parameters", schema)?,
    };
    // The grammar of a call follows its schema whether or not the program asks for it.
    object.optional("strict", Value::bool)?;
    object.finish(ignored)?;
    Ok(tool)
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
    expect_function(&object.require("type")?)?;
    let wanted = object.require("function")?.object()?.require("name")?;
    let name = name(&wanted)?;
    if tools.iter().any(|tool| tool.name == name) {
        return Ok(ToolChoice::Named(name));
    }
    Err(wanted.fail(Reason::UnknownTool))
}

pub(super) fn calls(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<ToolCall>, Invalid> {
    let entries = value.array(limits::TOOL_CALLS)?;
    entries.iter().map(|entry| call(entry, ignored)).collect()
}

fn call(value: &Value<'_>, ignored: &mut Ignored) -> Result<ToolCall, Invalid> {
    let mut object = value.object()?;
    let id = object.require("id")?.label(limits::LABEL_CHARS)?;
    object.optional("type", expect_function)?;
    let mut function = object.require("function")?.object()?;
    let name = name(&function.require("name")?)?;
    let arguments = function.optional("arguments", arguments)?.unwrap_or_else(|| "{}".to_owned());
    // Pieces of a stream carry their index, and programs send them back as they came.
    object.take("index");
    function.finish(ignored)?;
    object.finish(ignored)?;
    Ok(ToolCall { id, name, arguments })
}

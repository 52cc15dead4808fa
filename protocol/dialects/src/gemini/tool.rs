//! Functions on offer, and which of them may be called.

use pumasi_protocol::generate::ToolChoice;
use pumasi_protocol::{Tool, limits as protocol_limits};

use super::{optional, schema, take};
use crate::fields::tool::{check_unique, long_name};
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Value};

pub(super) fn parse(value: &Value<'_>, ignored: &mut Ignored) -> Result<Vec<Tool>, Invalid> {
    let max = protocol_limits::CHAT_TOOLS;
    let (mut entries, mut tools) = (Vec::new(), Vec::new());
    for group in value.array(max)? {
        let mut object = group.object()?;
        if let Some(declared) = take(&mut object, "function_declarations")? {
            entries.extend(declared.array(max)?);
        }
        if let Some((_, other)) = object.rest().next() {
            return Err(other.fail(Reason::Unsupported { what: "a tool of Google's own" }));
        }
    }
    if entries.len() > max {
        return Err(value.fail(Reason::TooMany { max }));
    }
    for entry in &entries {
        tools.push(declaration(entry, ignored)?);
    }
    check_unique(&entries, &tools)?;
    Ok(tools)
}

fn declaration(value: &Value<'_>, ignored: &mut Ignored) -> Result<Tool, Invalid> {
    let mut object = value.object()?;
    let name = long_name(&object.require("name")?)?;
    let description = object.optional("description", Value::string)?;
    let own = object.optional("parameters", |v| schema::of_google(v, ignored))?;
    let standard = optional(&mut object, "parameters_json_schema", schema::standard)?;
    object.finish(ignored)?;
    Ok(Tool { name, description, parameters: own.or(standard) })
}

pub(super) fn choice(
    value: &Value<'_>,
    tools: &[Tool],
    ignored: &mut Ignored,
) -> Result<ToolChoice, Invalid> {
    let mut object = value.object()?;
    let Some(config) = take(&mut object, "function_calling_config")? else {
        object.finish(ignored)?;
        return Ok(ToolChoice::Auto);
    };
    let mut config = config.object()?;
    let mode = config.take("mode");
    let allowed = optional(&mut config, "allowed_function_names", |v| {
        let entries = v.array(protocol_limits::CHAT_TOOLS)?;
        let known = |entry: &Value<'_>| {
            let name = long_name(entry)?;
            let offered = tools.iter().any(|tool| tool.name == name);
            if offered { Ok(name) } else { Err(entry.fail(Reason::UnknownTool)) }
        };
        let names: Result<Vec<String>, Invalid> = entries.iter().map(known).collect();
        Ok((v.path().to_owned(), names?))
    })?;
    config.finish(ignored)?;
    object.finish(ignored)?;
    let word = mode.as_ref().map(Value::string).transpose()?.unwrap_or_default();
    let choice = match word.to_ascii_uppercase().as_str() {
        "" | "AUTO" | "MODE_UNSPECIFIED" | "VALIDATED" => ToolChoice::Auto,
        "NONE" => ToolChoice::None,
        "ANY" if tools.is_empty() => return Err(Invalid::at("toolConfig", Reason::UnknownTool)),
        "ANY" => ToolChoice::Required,
        _ => {
            let reason = Reason::UnknownValue { allowed: "AUTO, ANY, NONE, VALIDATED" };
            return Err(Invalid::at("toolConfig.functionCallingConfig.mode", reason));
        }
    };
    match allowed {
        None => Ok(choice),
        Some((_, names)) if names.is_empty() => Ok(choice),
        Some((_, names)) if names.len() == tools.len() => Ok(choice),
        Some((_, mut names)) if names.len() == 1 && choice == ToolChoice::Required => {
            Ok(ToolChoice::Named(names.remove(0)))
        }
        Some((path, _)) => {
            Err(Invalid::at(path, Reason::Unsupported { what: "a choice among several functions" }))
        }
    }
}

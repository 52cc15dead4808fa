//! Tools: their names, schemas and arguments, as every dialect has them.

use std::collections::BTreeSet;

use pumasi_protocol::{Tool, limits as protocol_limits};

use crate::invalid::{Invalid, Reason};
use crate::json::{self, Kind, Value};
use crate::limits;

/// A JSON schema, as it was written.
pub(crate) fn schema(value: &Value<'_>) -> Result<String, Invalid> {
    value.object()?;
    bounded(value, value.text().to_owned())
}

/// A schema that was made of `value`.
pub(crate) fn bounded(value: &Value<'_>, schema: String) -> Result<String, Invalid> {
    let max = protocol_limits::GRAMMAR_BYTES;
    if schema.len() > max { Err(value.fail(Reason::Schema { max })) } else { Ok(schema) }
}

/// A tool's name.
pub(crate) fn name(value: &Value<'_>) -> Result<String, Invalid> {
    name_within(value, limits::TOOL_NAME_CHARS)
}

/// A tool's name where the dialect allows longer ones.
pub(crate) fn long_name(value: &Value<'_>) -> Result<String, Invalid> {
    name_within(value, limits::LONG_TOOL_NAME_CHARS)
}

fn name_within(value: &Value<'_>, max: usize) -> Result<String, Invalid> {
    let name = value.string()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > max || !name.chars().all(allowed) {
        return Err(value.fail(Reason::Name { max }));
    }
    Ok(name)
}

/// Refuses a second tool of one name.
pub(crate) fn check_unique(entries: &[Value<'_>], tools: &[Tool]) -> Result<(), Invalid> {
    let mut names = BTreeSet::new();
    for (entry, tool) in entries.iter().zip(tools) {
        if !names.insert(tool.name.as_str()) {
            return Err(entry.fail(Reason::DuplicateTool));
        }
    }
    Ok(())
}

/// Arguments as a string that holds a JSON object.
pub(crate) fn arguments(value: &Value<'_>) -> Result<String, Invalid> {
    let text = value.string()?;
    if text.trim().is_empty() {
        return Ok("{}".to_owned());
    }
    if json::is_object(&text) { Ok(text) } else { Err(value.fail(Reason::Arguments)) }
}

/// Arguments as the JSON object itself.
pub(crate) fn input(value: &Value<'_>) -> Result<String, Invalid> {
    match value.kind() {
        Kind::Object => Ok(value.text().to_owned()),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String | Kind::Array => {
            Err(value.fail(Reason::Type { expected: "an object" }))
        }
    }
}

//! Google's schemas (a part of OpenAPI 3.0, types in capitals) as JSON schemas. The order of properties
//! is kept: answers are written in it.

use crate::fields::tool;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Value};

/// A JSON schema as it was written.
pub(super) fn standard(value: &Value<'_>) -> Result<String, Invalid> {
    tool::schema(value)
}

/// One of Google's, as a JSON schema.
pub(super) fn of_google(value: &Value<'_>, ignored: &mut Ignored) -> Result<String, Invalid> {
    let mut text = String::new();
    schema(value, &mut text, ignored)?;
    tool::bounded(value, text)
}

/// Formats that say what a number is stored in, and what a list of words is: nothing about JSON.
const FORMATS_OF_STORAGE: [&str; 5] = ["int32", "int64", "float", "double", "enum"];

fn schema(value: &Value<'_>, out: &mut String, ignored: &mut Ignored) -> Result<(), Invalid> {
    let mut object = value.object()?;
    let nullable = object.flag("nullable")?;
    let order = object.take_either("propertyOrdering", "property_ordering")?;
    let order = order.map(|value| names(&value)).transpose()?;
    let mut typed = false;
    out.push('{');
    for (name, field) in object.rest() {
        let mark = out.len();
        if !out.ends_with('{') {
            out.push(',');
        }
        match name.as_str() {
            "type" => {
                kind(&field, nullable, out)?;
                typed = true;
            }
            "properties" | "defs" | "$defs" => {
                key(if name == "properties" { "properties" } else { "$defs" }, out);
                properties(&field, order.as_deref(), out, ignored)?;
            }
            "items" | "additionalProperties" | "additional_properties"
                if field.kind() == Kind::Object =>
            {
                key(&super::camel(&name), out);
                schema(&field, out, ignored)?;
            }
            "anyOf" | "any_of" | "oneOf" | "allOf" | "prefixItems" | "prefix_items" => {
                key(&super::camel(&name), out);
                list(&field, out, ignored)?;
            }
            "format" if FORMATS_OF_STORAGE.contains(&field.string()?.as_str()) => {
                out.truncate(mark)
            }
            "example" | "title" => {
                out.truncate(mark);
                ignored.name(field.path())?;
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" | "min_items" | "max_items" | "min_length" | "max_length"
            | "min_properties" | "max_properties" => {
                key(&super::camel(&name), out);
                out.push_str(&count(&field)?);
            }
            "ref" => {
                key("$ref", out);
                out.push_str(field.text());
            }
            _ => {
                key(&name, out);
                out.push_str(field.text());
            }
        }
    }
    out.push('}');
    // What has no type of its own may be nothing only if one of its choices says so.
    if nullable && !typed { ignored.name(&format!("{}.nullable", value.path())) } else { Ok(()) }
}

fn key(name: &str, out: &mut String) {
    out.push_str(&crate::reply::to_json(&name));
    out.push(':');
}

/// `STRING` as `"string"`; what may also be nothing as a list of both.
fn kind(value: &Value<'_>, nullable: bool, out: &mut String) -> Result<(), Invalid> {
    let word = value.string()?.to_ascii_lowercase();
    let known = ["string", "number", "integer", "boolean", "array", "object", "null"];
    if !known.contains(&word.as_str()) {
        let allowed = "STRING, NUMBER, INTEGER, BOOLEAN, ARRAY, OBJECT, NULL";
        return Err(value.fail(Reason::UnknownValue { allowed }));
    }
    key("type", out);
    out.push_str(&if nullable { format!("[\"{word}\",\"null\"]") } else { format!("\"{word}\"") });
    Ok(())
}

/// Whole numbers of 64 bits are strings in the JSON of protocol buffers.
fn count(value: &Value<'_>) -> Result<String, Invalid> {
    let expected = || value.fail(Reason::Type { expected: "a whole number" });
    if value.kind() == Kind::String {
        let number: u32 = value.string()?.parse().map_err(|_| expected())?;
        return Ok(number.to_string());
    }
    value.integer(0, i64::from(u32::MAX)).map(|number| number.to_string())
}

fn names(value: &Value<'_>) -> Result<Vec<String>, Invalid> {
    value.array(crate::limits::PARTS)?.iter().map(Value::string).collect()
}

fn properties(
    value: &Value<'_>,
    order: Option<&[String]>,
    out: &mut String,
    ignored: &mut Ignored,
) -> Result<(), Invalid> {
    let mut fields: Vec<(String, Value<'_>)> = value.object()?.rest().collect();
    if let Some(order) = order {
        let place = |name: &str| order.iter().position(|other| other == name);
        fields.sort_by_key(|(name, _)| place(name).unwrap_or(order.len()));
    }
    out.push('{');
    for (index, (name, field)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        key(name, out);
        schema(field, out, ignored)?;
    }
    out.push('}');
    Ok(())
}

fn list(value: &Value<'_>, out: &mut String, ignored: &mut Ignored) -> Result<(), Invalid> {
    out.push('[');
    for (index, entry) in value.array(crate::limits::PARTS)?.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        schema(entry, out, ignored)?;
    }
    out.push(']');
    Ok(())
}

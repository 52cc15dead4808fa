//! `POST /v1/responses` and `…/input_tokens`.

use pumasi_protocol::generate::Thinking;
use pumasi_protocol::{Generate, JobKind, Message, OutputFormat, Prompt, Role, Sampling};
use serde_json::{Map, Value as Json};

use super::{input, tool};
use crate::fields::tool::schema;
use crate::fields::{placement, sampling, thinking};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Object, Value};
use crate::limits;
use crate::preferences;
use crate::request::{Form, GenerateRequest, Options};

/// What a response repeats of its request, as it was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Echo(pub(super) Map<String, Json>);

/// The fields that a response repeats.
const ECHOED: [&str; 11] = [
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "user",
];

/// Parses a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let body = json::body(bytes)?;
    let echo = echo(&body);
    let mut ignored = Ignored::new(options.strict);
    let mut request = read(body, &mut ignored)?;
    request.form = Form::Responses(Box::new(echo));
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

/// Parses a body whose prompt is only to be counted.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_count(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    parse(bytes, options)
}

fn echo(body: &Object<'_>) -> Echo {
    let wanted = ECHOED.iter().filter_map(|name| {
        let json = serde_json::from_str(body.text_of(name)?).ok()?;
        Some(((*name).to_owned(), json))
    });
    Echo(wanted.collect())
}

fn read(mut body: Object<'_>, ignored: &mut Ignored) -> Result<GenerateRequest, Invalid> {
    refuse_unserved(&mut body, ignored)?;
    let model = preferences::model(&mut body)?;
    let (format, prompt) = (text(&mut body, ignored)?, prompt(&mut body, ignored)?);
    let mut generate = Generate::new(prompt);
    generate.format = format;
    generate.max_tokens = body.optional("max_output_tokens", sampling::max_tokens)?;
    generate.sampling = Sampling {
        temperature: body.optional("temperature", |v| v.number(0.0, 2.0))?,
        top_p: body.optional("top_p", |v| v.number(0.0, 1.0))?,
        ..Sampling::default()
    };
    generate.logprobs = logprobs(&mut body, ignored)?;
    let form = Form::Responses(Box::default());
    let mut request = GenerateRequest::one(JobKind::Chat, model, generate, form);
    request.stream = body.flag("stream")?;
    let parallel = body.optional("parallel_tool_calls", Value::bool)?;
    request.parallel_tool_calls = parallel.unwrap_or(true);
    request.place(placement::parse(&mut body)?);
    body.optional("user", |v| v.label(limits::LABEL_CHARS))?;
    body.optional("metadata", |v| v.object().map(drop))?;
    body.finish(ignored)?;
    Ok(request)
}

/// What would need a store, or would change the answer's meaning if it were ignored.
fn refuse_unserved(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
    if let Some(value) = body.take("previous_response_id") {
        return Err(value.fail(Reason::NotStored));
    }
    if let Some(value) = body.take("conversation") {
        return Err(value.fail(Reason::NotStored));
    }
    body.refuse("prompt", "a stored prompt")?;
    if let Some(value) = body.take("background")
        && value.bool()?
    {
        return Err(value.fail(Reason::Unsupported { what: "background (submit a job instead)" }));
    }
    if let Some(value) = body.take("store")
        && value.bool()?
    {
        ignored.name(value.path())?;
    }
    match body.take("truncation") {
        Some(value) if value.string()? != "disabled" => ignored.name(value.path()),
        Some(_) | None => Ok(()),
    }
}

fn prompt(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<Prompt, Invalid> {
    let instructions = body.optional("instructions", Value::string)?;
    let instructions = instructions.map(|text| Message::text(Role::System, text));
    let said = body.require("input")?;
    let mut messages: Vec<Message> = instructions.into_iter().collect();
    messages.extend(input::parse(&said, ignored)?);
    if messages.iter().all(|message| message.role == Role::System) {
        return Err(said.fail(Reason::OnlyInstructions));
    }
    let tools = body.optional("tools", |v| tool::parse(v, ignored))?.unwrap_or_default();
    let choice = body.optional("tool_choice", |v| tool::choice(v, &tools))?;
    let thinking = body.optional("reasoning", |v| reasoning(v, ignored))?.unwrap_or_default();
    Ok(Prompt::Chat { messages, tools, tool_choice: choice.unwrap_or_default(), thinking })
}

fn reasoning(value: &Value<'_>, ignored: &mut Ignored) -> Result<Thinking, Invalid> {
    let mut object = value.object()?;
    let effort = object.optional("effort", thinking::effort)?;
    object.finish(ignored)?;
    Ok(effort.unwrap_or_default())
}

fn text(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<OutputFormat, Invalid> {
    let Some(value) = body.take("text") else { return Ok(OutputFormat::Text) };
    let mut object = value.object()?;
    let format = object.optional("format", |v| format(v, ignored))?;
    object.finish(ignored)?;
    Ok(format.unwrap_or_default())
}

fn format(value: &Value<'_>, ignored: &mut Ignored) -> Result<OutputFormat, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let format = match kind.string()?.as_str() {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::JsonObject,
        "json_schema" => {
            object.optional("name", |v| v.label(limits::TOOL_NAME_CHARS))?;
            object.optional("strict", Value::bool)?;
            object.optional("description", Value::string)?;
            OutputFormat::JsonSchema(schema(&object.require("schema")?)?)
        }
        _ => {
            return Err(
                kind.fail(Reason::UnknownValue { allowed: "text, json_object, json_schema" })
            );
        }
    };
    object.finish(ignored)?;
    Ok(format)
}

/// Asked for by `include`, or by a number of alternatives.
fn logprobs(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<Option<u8>, Invalid> {
    let top = body.optional("top_logprobs", sampling::alternatives)?;
    let mut wanted = top.filter(|top| *top > 0);
    if let Some(include) = body.take("include") {
        for entry in include.array(limits::PARTS)? {
            if entry.string()? == "message.output_text.logprobs" {
                wanted = Some(top.unwrap_or(0));
            } else {
                ignored.name(entry.path())?;
            }
        }
    }
    Ok(wanted)
}

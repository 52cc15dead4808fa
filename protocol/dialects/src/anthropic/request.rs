//! `POST /v1/messages` and `…/count_tokens`.

use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Generate, JobKind, OutputFormat, Prompt, Sampling};

use super::{message, tool};
use crate::fields::{calls, placement, sampling, thinking, tool::schema};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Object, Value};
use crate::limits;
use crate::preferences;
use crate::request::{Form, GenerateRequest, Options};

/// Parses a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    read(bytes, options, false)
}

/// Parses a body whose prompt is only to be counted: no ceiling of the answer is needed.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_count(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    read(bytes, options, true)
}

fn read(bytes: &[u8], options: Options, counting: bool) -> Result<GenerateRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let model = preferences::model(&mut body)?;
    let mut output = output(&mut body, &mut ignored)?;
    let (asked, hide_thinking) = body.optional("thinking", |v| asked(v, &mut ignored))?.unzip();
    let thinking = combined(asked, output.effort);
    let (prompt, parallel) = prompt(&mut body, thinking, &mut ignored)?;
    let mut generate = Generate::new(prompt);
    generate.max_tokens = body.optional("max_tokens", sampling::max_tokens)?;
    if generate.max_tokens.is_none() && !counting {
        return Err(Invalid::at("max_tokens", Reason::Missing));
    }
    generate.sampling = drawing(&mut body)?;
    generate.stop = body.optional("stop_sequences", sampling::stops)?.unwrap_or_default();
    generate.format = std::mem::take(&mut output.format);
    let form = Form::Messages { hide_thinking: hide_thinking.unwrap_or(false) };
    let mut request = GenerateRequest::one(JobKind::Chat, model, generate, form);
    request.stream = body.flag("stream")?;
    request.parallel_tool_calls = parallel;
    request.place(placement::parse(&mut body)?);
    body.optional("metadata", |v| metadata(v, &mut ignored))?;
    body.finish(&mut ignored)?;
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

/// Messages, tools and what steers them; and whether several calls at a time are welcome.
fn prompt(
    body: &mut Object<'_>,
    thinking: Thinking,
    ignored: &mut Ignored,
) -> Result<(Prompt, bool), Invalid> {
    let mut messages: Vec<_> =
        body.optional("system", |v| message::system(v, ignored))?.into_iter().collect();
    let said = body.require("messages")?;
    messages.extend(message::parse(&said, ignored)?);
    calls::check_turns(said.path(), &messages)?;
    let tools = body.optional("tools", |v| tool::parse(v, ignored))?.unwrap_or_default();
    let choice = body.optional("tool_choice", |v| tool::choice(v, &tools, ignored))?;
    let (tool_choice, parallel) = choice.unwrap_or((ToolChoice::Auto, true));
    Ok((Prompt::Chat { messages, tools, tool_choice, thinking }, parallel))
}

fn drawing(body: &mut Object<'_>) -> Result<Sampling, Invalid> {
    Ok(Sampling {
        temperature: body.optional("temperature", |v| v.number(0.0, 2.0))?,
        top_k: body.optional("top_k", sampling::top_k)?,
        top_p: body.optional("top_p", |v| v.number(0.0, 1.0))?,
        ..Sampling::default()
    })
}

/// Whose request it is, for Anthropic's own use.
fn metadata(value: &Value<'_>, ignored: &mut Ignored) -> Result<(), Invalid> {
    let mut object = value.object()?;
    object.optional("user_id", |v| v.label(limits::LABEL_CHARS))?;
    object.finish(ignored)
}

#[derive(Default)]
struct Output {
    format: OutputFormat,
    effort: Option<Thinking>,
}

/// `output_config`, and the format at its former place.
fn output(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<Output, Invalid> {
    let mut output = Output::default();
    if let Some(value) = body.take("output_config") {
        let mut object = value.object()?;
        output.effort = object.optional("effort", thinking::effort)?;
        output.format = object.optional("format", format)?.unwrap_or_default();
        object.finish(ignored)?;
    }
    if let Some(format) = body.optional("output_format", format)? {
        output.format = format;
    }
    Ok(output)
}

fn format(value: &Value<'_>) -> Result<OutputFormat, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    match kind.string()?.as_str() {
        "json_schema" => Ok(OutputFormat::JsonSchema(schema(&object.require("schema")?)?)),
        _ => Err(kind.fail(Reason::UnknownValue { allowed: "json_schema" })),
    }
}

/// What `thinking` asks for, and whether the text of the blocks is left out.
fn asked(value: &Value<'_>, ignored: &mut Ignored) -> Result<(Thinking, bool), Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let tokens = object.optional("budget_tokens", sampling::max_tokens)?;
    let hidden = object.optional("display", display)?.unwrap_or(false);
    object.finish(ignored)?;
    match kind.string()?.as_str() {
        "enabled" => Ok((Thinking::On(tokens), hidden)),
        "adaptive" => Ok((Thinking::Auto, hidden)),
        "disabled" => Ok((Thinking::Off, hidden)),
        _ => Err(kind.fail(Reason::UnknownValue { allowed: "enabled, adaptive, disabled" })),
    }
}

fn display(value: &Value<'_>) -> Result<bool, Invalid> {
    match value.string()?.as_str() {
        "summarized" => Ok(false),
        "omitted" => Ok(true),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "summarized, omitted" })),
    }
}

/// Who says nothing of thinking gets none: programs expect the answer in the first block then.
fn combined(asked: Option<Thinking>, effort: Option<Thinking>) -> Thinking {
    match (asked, effort) {
        (Some(Thinking::On(None) | Thinking::Auto), Some(effort)) => effort,
        (Some(asked), _) => asked,
        (None, Some(effort)) => effort,
        (None, None) => Thinking::Off,
    }
}

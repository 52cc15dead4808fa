//! `POST /v1/chat/completions`.

use pumasi_protocol::generate::Thinking;
use pumasi_protocol::{Generate, JobKind, OutputFormat, Prompt};

use super::{message, sampling, tool};
use crate::fields::{self, placement, placement::Placement, thinking};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Kind, Object, Value};
use crate::limits;
use crate::preferences;
use crate::request::{Form, GenerateRequest, Options};

/// Parses a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    refuse_unserved(&mut body)?;
    let model = preferences::model(&mut body)?;
    let prompt = prompt(&mut body, &mut ignored)?;
    let mut generate = Generate::new(prompt);
    generate.sampling = sampling::parse(&mut body)?;
    generate.max_tokens = sampling::max_tokens(&mut body)?;
    generate.stop = body.optional("stop", sampling::stop)?.unwrap_or_default();
    generate.format = body.optional("response_format", format)?.unwrap_or_default();
    generate.logprobs = logprobs(&mut body)?;
    let copies = sampling::count(&mut body)?;
    let answers = fields::sampling::copies(&generate, copies);
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    let request = GenerateRequest {
        kind: JobKind::Chat,
        model,
        answers,
        copies,
        stream: body.flag("stream")?,
        parallel_tool_calls: body.optional("parallel_tool_calls", Value::bool)?.unwrap_or(true),
        form: Form::Chat {
            include_usage: body
                .optional("stream_options", sampling::include_usage)?
                .unwrap_or(false),
        },
        constraints,
        priority,
        preferences,
        keep_alive,
        ignored: Vec::new(),
    };
    body.optional("user", |v| v.label(limits::LABEL_CHARS))?;
    body.finish(&mut ignored)?;
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

/// What would change the answer's meaning if it were ignored.
fn refuse_unserved(body: &mut Object<'_>) -> Result<(), Invalid> {
    body.refuse("functions", "functions (use tools)")?;
    body.refuse("function_call", "function_call (use tool_choice)")?;
    body.refuse("audio", "audio")?;
    body.refuse("web_search_options", "web search")?;
    let text_only = |value: &Value<'_>| {
        let modalities = value.array(8)?;
        match modalities.as_slice() {
            [one] if one.string()? == "text" => Ok(()),
            _ => Err(value.fail(Reason::Unsupported { what: "output other than text" })),
        }
    };
    body.optional("modalities", text_only)?;
    Ok(())
}

fn prompt(body: &mut Object<'_>, ignored: &mut Ignored) -> Result<Prompt, Invalid> {
    let messages = message::parse(&body.require("messages")?, ignored)?;
    let tools = body.optional("tools", |v| tool::parse(v, ignored))?.unwrap_or_default();
    let tool_choice = body.optional("tool_choice", |v| tool::choice(v, &tools))?;
    let tool_choice = tool_choice.unwrap_or_default();
    let thinking = asked_thinking(body)?;
    Ok(Prompt::Chat { messages, tools, tool_choice, thinking })
}

/// `thinking` (true, false, or Anthropic's object) before OpenAI's `reasoning_effort`.
fn asked_thinking(body: &mut Object<'_>) -> Result<Thinking, Invalid> {
    let effort = body.optional("reasoning_effort", thinking::effort)?;
    let explicit = body.optional("thinking", |value| match value.kind() {
        Kind::Bool => Ok(if value.bool()? { Thinking::On(None) } else { Thinking::Off }),
        Kind::Object => budget(value),
        Kind::Null | Kind::Number | Kind::String | Kind::Array => {
            Err(value.fail(Reason::Type { expected: "true, false or an object" }))
        }
    })?;
    Ok(explicit.or(effort).unwrap_or_default())
}

fn budget(value: &Value<'_>) -> Result<Thinking, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    let tokens = object.optional("budget_tokens", |v| v.integer(1, limits::MAX_TOKENS))?;
    object.finish(&mut Ignored::new(true))?;
    match kind.string()?.as_str() {
        "enabled" => Ok(Thinking::On(tokens.and_then(|t| u32::try_from(t).ok()))),
        "disabled" => Ok(Thinking::Off),
        _ => Err(kind.fail(Reason::UnknownValue { allowed: "enabled, disabled" })),
    }
}

fn format(value: &Value<'_>) -> Result<OutputFormat, Invalid> {
    let mut object = value.object()?;
    let kind = object.require("type")?;
    match kind.string()?.as_str() {
        "text" => Ok(OutputFormat::Text),
        "json_object" => Ok(OutputFormat::JsonObject),
        "json_schema" => {
            let mut wrapper = object.require("json_schema")?.object()?;
            wrapper.optional("name", |v| v.label(limits::TOOL_NAME_CHARS))?;
            Ok(OutputFormat::JsonSchema(fields::tool::schema(&wrapper.require("schema")?)?))
        }
        _ => Err(kind.fail(Reason::UnknownValue { allowed: "text, json_object, json_schema" })),
    }
}

fn logprobs(body: &mut Object<'_>) -> Result<Option<u8>, Invalid> {
    let wanted = body.flag("logprobs")?;
    let top = body.optional("top_logprobs", fields::sampling::alternatives)?.unwrap_or(0);
    Ok(wanted.then_some(top))
}

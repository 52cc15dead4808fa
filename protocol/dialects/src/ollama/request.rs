//! `POST /api/chat` and `POST /api/generate`. Here an answer is streamed unless the body says otherwise.

use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Generate, JobKind, Message, OutputFormat, Part, Prompt, Role};

use super::{message, model_name};
use crate::fields::{calls, picture, placement, sampling, thinking, tool};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Kind, Object, Value};
use crate::limits;
use crate::openai::tools;
use crate::request::{Form, GenerateRequest, Options};

/// Parses a body of `/api/chat`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_chat(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let model = model_name(&body.require("model")?)?;
    let said = body.require("messages")?;
    let messages = message::parse(&said, &mut ignored)?;
    calls::check_turns(said.path(), &messages)?;
    let tools = body.optional("tools", |v| tools(v, &mut ignored))?.unwrap_or_default();
    let thinking = body.optional("think", think)?.unwrap_or_default();
    let prompt = Prompt::Chat { messages, tools, tool_choice: ToolChoice::Auto, thinking };
    let generate = steered(&mut body, prompt, &mut ignored)?;
    let request = GenerateRequest::one(JobKind::Chat, model, generate, Form::OllamaChat);
    finish(body, ignored, request)
}

/// Parses a body of `/api/generate`: one prompt under the model's template, or raw.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_generate(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    let model = model_name(&body.require("model")?)?;
    body.refuse("template", "a template of the request's own (use raw)")?;
    refuse_text(&mut body, "suffix", "suffix")?;
    body.refuse("context", "context (use /api/chat)")?;
    let thinking = body.optional("think", think)?.unwrap_or_default();
    let raw = body.flag("raw")?;
    let (kind, prompt) = if raw {
        (JobKind::Completion, Prompt::Text(text(&mut body)?))
    } else {
        (JobKind::Chat, templated(&mut body, thinking)?)
    };
    let generate = steered(&mut body, prompt, &mut ignored)?;
    let request = GenerateRequest::one(kind, model, generate, Form::OllamaGenerate);
    finish(body, ignored, request)
}

fn text(body: &mut Object<'_>) -> Result<String, Invalid> {
    let value = body.require("prompt")?;
    let text = value.string()?;
    if text.is_empty() { Err(value.fail(Reason::Empty)) } else { Ok(text) }
}

/// The official client sends empty texts for what was not given.
fn refuse_text(body: &mut Object<'_>, name: &str, what: &'static str) -> Result<(), Invalid> {
    match body.take(name) {
        Some(value) if !(value.kind() == Kind::String && value.string()?.is_empty()) => {
            Err(value.fail(Reason::Unsupported { what }))
        }
        Some(_) | None => Ok(()),
    }
}

fn templated(body: &mut Object<'_>, thinking: Thinking) -> Result<Prompt, Invalid> {
    let system = body.optional("system", Value::string)?.filter(|text| !text.is_empty());
    let mut user = Message::text(Role::User, text(body)?);
    user.content.extend(body.optional("images", pictures)?.unwrap_or_default());
    let system = system.map(|text| Message::text(Role::System, text));
    Ok(Prompt::Chat {
        messages: system.into_iter().chain([user]).collect(),
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        thinking,
    })
}

pub(super) fn pictures(value: &Value<'_>) -> Result<Vec<Part>, Invalid> {
    value.array(limits::PARTS)?.iter().map(picture::from_base64).collect()
}

/// `true`, `false`, or how much.
fn think(value: &Value<'_>) -> Result<Thinking, Invalid> {
    match value.kind() {
        Kind::Bool => Ok(if value.bool()? { Thinking::On(None) } else { Thinking::Off }),
        Kind::String | Kind::Null | Kind::Number | Kind::Array | Kind::Object => {
            thinking::effort(value)
        }
    }
}

/// Everything but the prompt.
fn steered(
    body: &mut Object<'_>,
    prompt: Prompt,
    ignored: &mut Ignored,
) -> Result<Generate, Invalid> {
    let mut generate = Generate::new(prompt);
    generate.format = body.optional("format", format)?.unwrap_or_default();
    if let Some(value) = body.take("options") {
        draw(value.object()?, &mut generate, ignored)?;
    }
    let wanted = body.flag("logprobs")?;
    let top = body.optional("top_logprobs", sampling::alternatives)?.unwrap_or(0);
    generate.logprobs = wanted.then_some(top);
    Ok(generate)
}

fn draw(
    mut options: Object<'_>,
    generate: &mut Generate,
    ignored: &mut Ignored,
) -> Result<(), Invalid> {
    let sampling = &mut generate.sampling;
    sampling.temperature = options.optional("temperature", |v| v.number(0.0, 2.0))?;
    sampling.top_k = options.optional("top_k", sampling::top_k)?;
    sampling.top_p = options.optional("top_p", |v| v.number(0.0, 1.0))?;
    sampling.min_p = options.optional("min_p", |v| v.number(0.0, 1.0))?;
    sampling.repeat_penalty = options.optional("repeat_penalty", |v| v.number(0.01, 10.0))?;
    sampling.frequency_penalty = options.optional("frequency_penalty", |v| v.number(-2.0, 2.0))?;
    sampling.presence_penalty = options.optional("presence_penalty", |v| v.number(-2.0, 2.0))?;
    sampling.seed = options.optional("seed", sampling::seed)?;
    generate.max_tokens = options.optional("num_predict", num_predict)?.flatten();
    generate.stop = options.optional("stop", sampling::stops)?.unwrap_or_default();
    options.finish(ignored)
}

/// −1: without end, −2: what the context holds. Both are no ceiling here.
fn num_predict(value: &Value<'_>) -> Result<Option<u32>, Invalid> {
    match value.integer(-2, limits::MAX_TOKENS)? {
        0 => {
            Err(value.fail(Reason::Range { min: "1".into(), max: limits::MAX_TOKENS.to_string() }))
        }
        tokens => Ok(u32::try_from(tokens).ok()),
    }
}

/// A schema, `"json"`, or nothing as an empty string.
fn format(value: &Value<'_>) -> Result<OutputFormat, Invalid> {
    if value.kind() == Kind::Object {
        return Ok(OutputFormat::JsonSchema(tool::schema(value)?));
    }
    match value.string()?.as_str() {
        "" => Ok(OutputFormat::Text),
        "json" => Ok(OutputFormat::JsonObject),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "json, or a schema" })),
    }
}

fn finish(
    mut body: Object<'_>,
    mut ignored: Ignored,
    mut request: GenerateRequest,
) -> Result<GenerateRequest, Invalid> {
    request.stream = body.optional("stream", Value::bool)?.unwrap_or(true);
    request.place(placement::parse(&mut body)?);
    body.finish(&mut ignored)?;
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

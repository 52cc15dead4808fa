//! `POST …:generateContent`, `…:streamGenerateContent` and `…:countTokens`.

use pumasi_protocol::generate::Thinking;
use pumasi_protocol::{
    Generate, JobKind, Message, ModelName, OutputFormat, Prompt, Role, Sampling,
};

use super::{content, optional, schema, take, tool};
use crate::fields::{calls, placement, sampling, thinking};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Object, Value};
use crate::limits;
use crate::request::{Form, GenerateRequest, Options};

/// Parses a body for this model. `stream`: an answer in pieces, as server-sent events if `events`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(
    model: ModelName,
    bytes: &[u8],
    stream: bool,
    events: bool,
    options: Options,
) -> Result<GenerateRequest, Invalid> {
    let mut ignored = Ignored::new(options.strict);
    let mut request = read(model, json::body(bytes)?, &mut ignored)?;
    request.stream = stream;
    if let Form::Content { events: form, .. } = &mut request.form {
        *form = events;
    }
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

/// Parses a body whose prompt is only to be counted: contents, or a whole request.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_count(
    model: ModelName,
    bytes: &[u8],
    options: Options,
) -> Result<GenerateRequest, Invalid> {
    let mut ignored = Ignored::new(options.strict);
    let mut body = json::body(bytes)?;
    let request = match take(&mut body, "generate_content_request")? {
        None => read(model, body, &mut ignored)?,
        Some(value) => {
            let mut whole = value.object()?;
            whole.optional("model", Value::string)?;
            let request = read(model, whole, &mut ignored)?;
            body.finish(&mut ignored)?;
            request
        }
    };
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

fn read(
    model: ModelName,
    mut body: Object<'_>,
    ignored: &mut Ignored,
) -> Result<GenerateRequest, Invalid> {
    if let Some(value) = take(&mut body, "cached_content")? {
        return Err(value.fail(Reason::Unsupported { what: "cached content" }));
    }
    let mut config = match take(&mut body, "generation_config")? {
        Some(value) => Some(value.object()?),
        None => None,
    };
    let asked = match &mut config {
        Some(config) => optional(config, "thinking_config", |v| asked_thinking(v, ignored))?,
        None => None,
    };
    let (thinking, thoughts) = asked.unwrap_or_default();
    let prompt = prompt(&mut body, thinking, ignored)?;
    let form = Form::Content { thoughts, events: true };
    let mut request = GenerateRequest::one(JobKind::Chat, model, Generate::new(prompt), form);
    if let Some(config) = config {
        configure(config, &mut request, ignored)?;
    }
    request.place(placement::parse(&mut body)?);
    body.finish(ignored)?;
    Ok(request)
}

fn prompt(
    body: &mut Object<'_>,
    thinking: Thinking,
    ignored: &mut Ignored,
) -> Result<Prompt, Invalid> {
    let mut messages: Vec<Message> = Vec::new();
    if let Some(content) = optional(body, "system_instruction", |v| content::texts(v, ignored))? {
        messages.push(Message { content, ..Message::text(Role::System, "") });
    }
    let said = body.require("contents")?;
    messages.extend(content::parse(&said, ignored)?);
    calls::check_turns("contents", &messages)?;
    let tools = body.optional("tools", |v| tool::parse(v, ignored))?.unwrap_or_default();
    let choice = optional(body, "tool_config", |v| tool::choice(v, &tools, ignored))?;
    let tool_choice = choice.unwrap_or_default();
    Ok(Prompt::Chat { messages, tools, tool_choice, thinking })
}

fn configure(
    mut config: Object<'_>,
    request: &mut GenerateRequest,
    ignored: &mut Ignored,
) -> Result<(), Invalid> {
    let mut generate = request.answers.remove(0);
    generate.sampling = Sampling {
        temperature: config.optional("temperature", |v| v.number(0.0, 2.0))?,
        top_k: optional(&mut config, "top_k", top_k)?,
        top_p: optional(&mut config, "top_p", |v| v.number(0.0, 1.0))?,
        frequency_penalty: optional(&mut config, "frequency_penalty", |v| v.number(-2.0, 2.0))?,
        presence_penalty: optional(&mut config, "presence_penalty", |v| v.number(-2.0, 2.0))?,
        seed: config.optional("seed", sampling::seed)?,
        ..Sampling::default()
    };
    generate.max_tokens = optional(&mut config, "max_output_tokens", sampling::max_tokens)?;
    generate.stop = optional(&mut config, "stop_sequences", sampling::stops)?.unwrap_or_default();
    generate.format = format(&mut config, ignored)?;
    let wanted = optional(&mut config, "response_logprobs", Value::bool)?.unwrap_or(false);
    let top = optional(&mut config, "logprobs", sampling::alternatives)?.unwrap_or(0);
    generate.logprobs = wanted.then_some(top);
    optional(&mut config, "response_modalities", text_only)?;
    let copies = optional(&mut config, "candidate_count", |v| v.integer(1, limits::CHOICES))?;
    request.copies = usize::try_from(copies.unwrap_or(1)).expect("between one and eight");
    request.answers = sampling::copies(&generate, request.copies);
    config.finish(ignored)
}

/// A whole number, which the official client writes with a fraction of nothing.
fn top_k(value: &Value<'_>) -> Result<u32, Invalid> {
    let k = value.number(0.0, 1_000_000.0)?;
    if k.fract() != 0.0 {
        return Err(value.fail(Reason::Type { expected: "a whole number" }));
    }
    Ok(k as u32)
}

fn text_only(value: &Value<'_>) -> Result<(), Invalid> {
    for entry in value.array(8)? {
        if !entry.string()?.eq_ignore_ascii_case("text") {
            return Err(entry.fail(Reason::Unsupported { what: "output other than text" }));
        }
    }
    Ok(())
}

fn format(config: &mut Object<'_>, ignored: &mut Ignored) -> Result<OutputFormat, Invalid> {
    let kind = take(config, "response_mime_type")?;
    let json = match &kind {
        None => false,
        Some(value) => match value.string()?.as_str() {
            "text/plain" => false,
            "application/json" => true,
            _ => {
                let allowed = "text/plain, application/json";
                return Err(value.fail(Reason::UnknownValue { allowed }));
            }
        },
    };
    let own = optional(config, "response_schema", |v| schema::of_google(v, ignored))?;
    let standard = optional(config, "response_json_schema", |v| schema::standard(v))?;
    match own.or(standard) {
        Some(schema) => Ok(OutputFormat::JsonSchema(schema)),
        None if json => Ok(OutputFormat::JsonObject),
        None => Ok(OutputFormat::Text),
    }
}

/// How much to think, and whether the thoughts are to be given. A budget of 0 is none, −1 as much as suits
/// the question.
fn asked_thinking(value: &Value<'_>, ignored: &mut Ignored) -> Result<(Thinking, bool), Invalid> {
    let mut object = value.object()?;
    let thoughts = optional(&mut object, "include_thoughts", Value::bool)?.unwrap_or(false);
    let budget = optional(&mut object, "thinking_budget", |v| v.integer(-1, limits::MAX_TOKENS))?;
    let level = optional(&mut object, "thinking_level", level)?;
    object.finish(ignored)?;
    let by_budget = budget.map(|tokens| match tokens {
        0 => Thinking::Off,
        tokens => u32::try_from(tokens).map_or(Thinking::Auto, |most| Thinking::On(Some(most))),
    });
    let unsaid = if thoughts { Thinking::On(None) } else { Thinking::Default };
    Ok((by_budget.or(level).unwrap_or(unsaid), thoughts))
}

fn level(value: &Value<'_>) -> Result<Thinking, Invalid> {
    if value.string()? == "THINKING_LEVEL_UNSPECIFIED" {
        return Ok(Thinking::Default);
    }
    thinking::effort(value)
}

//! The body of `POST /chat/completions`.

use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{
    Generate, Message, OutputFormat, Part, Prompt, Role, Sampling, Tool, ToolCall,
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::fields::thinking;
use crate::preferences::Preferences;
use crate::provider::message::{Dropped, decimal, encoded, raw};
use crate::provider::{Outgoing, Target, Unsayable, has_begun};
use crate::reply::to_json;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Entry<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Called<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Offered<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    JsonObject,
    JsonSchema { json_schema: Schema },
}

#[derive(Serialize)]
struct Schema {
    name: &'static str,
    schema: Box<RawValue>,
}

pub(in crate::provider) fn outgoing(
    target: Target<'_>,
    generate: &Generate,
) -> Result<Outgoing, Unsayable> {
    let Prompt::Chat { messages, tools, tool_choice, thinking } = &generate.prompt else {
        return Err(Unsayable::Raw);
    };
    // OpenAI's own models would begin anew; the servers that know more go on.
    if has_begun(messages) && !target.extensions {
        return Err(Unsayable::Begun);
    }
    let mut dropped = Dropped::default();
    let entries: Result<Vec<Entry<'_>>, Unsayable> =
        messages.iter().map(|message| entry(message, target, &mut dropped)).collect();
    let mut rest = steering(target, generate, &mut dropped);
    if !tools.is_empty() {
        rest.insert("tool_choice".to_owned(), choice(tool_choice));
        if !target.parallel_tool_calls {
            rest.insert("parallel_tool_calls".to_owned(), false.into());
        }
    }
    if let Some(word) = thinking::word(*thinking) {
        let exact = !matches!(thinking, Thinking::On(Some(n)) if !thinking::is_word(*n));
        dropped.when(!exact, "thinking.budget");
        rest.insert("reasoning_effort".to_owned(), word.into());
    }
    if let Some(words) = target.preferences.and_then(Preferences::for_openrouter) {
        rest.insert("provider".to_owned(), words);
    }
    let offered: Result<Vec<Offered<'_>>, Unsayable> = tools.iter().map(offered).collect();
    let body = Body {
        model: target.model,
        messages: entries?,
        tools: offered?,
        response_format: format(&generate.format)?,
        rest,
    };
    let path = "/chat/completions".to_owned();
    Ok(Outgoing { path, headers: Vec::new(), body: to_json(&body), dropped: dropped.0 })
}

fn entry<'a>(
    message: &'a Message,
    target: Target<'_>,
    dropped: &mut Dropped,
) -> Result<Entry<'a>, Unsayable> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let thinking = message.thinking.as_deref();
    dropped.when(thinking.is_some() && !target.extensions, "messages.thinking");
    Ok(Entry {
        role,
        content: content(message)?,
        reasoning_content: thinking.filter(|_| target.extensions),
        tool_calls: message.tool_calls.iter().map(called).collect(),
        tool_call_id: message.tool_call_id.as_deref(),
        name: message.name.as_deref(),
    })
}

/// One text as it is, several parts as a list.
fn content(message: &Message) -> Result<Option<Value>, Unsayable> {
    if let [Part::Text(text)] = message.content.as_slice() {
        return Ok(Some(json!(text)));
    }
    if message.content.is_empty() {
        let calls = message.role == Role::Assistant && !message.tool_calls.is_empty();
        return Ok((!calls).then(|| json!("")));
    }
    let part = |part: &Part| match part {
        Part::Text(text) => Ok(json!({ "type": "text", "text": text })),
        Part::Image(bytes) => {
            let (kind, data) = encoded(bytes)?;
            let url = format!("data:{kind};base64,{data}");
            Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
        }
    };
    let parts: Result<Vec<Value>, Unsayable> = message.content.iter().map(part).collect();
    Ok(Some(json!(parts?)))
}

fn called(call: &ToolCall) -> Called<'_> {
    let function = CalledFunction { name: &call.name, arguments: &call.arguments };
    Called { id: &call.id, kind: "function", function }
}

fn offered(tool: &Tool) -> Result<Offered<'_>, Unsayable> {
    let parameters = tool.parameters.as_deref().map(raw).transpose()?;
    let description = tool.description.as_deref();
    let function = Function { name: &tool.name, description, parameters };
    Ok(Offered { kind: "function", function })
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}

fn format(format: &OutputFormat) -> Result<Option<Format>, Unsayable> {
    match format {
        OutputFormat::Text => Ok(None),
        OutputFormat::JsonObject => Ok(Some(Format::JsonObject)),
        OutputFormat::JsonSchema(schema) => {
            let json_schema = Schema { name: "answer", schema: raw(schema)? };
            Ok(Some(Format::JsonSchema { json_schema }))
        }
        OutputFormat::Lark(_) => Err(Unsayable::Format),
    }
}

/// Numbers and switches.
fn steering(target: Target<'_>, generate: &Generate, dropped: &mut Dropped) -> Map<String, Value> {
    let mut rest = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rest.insert(name.to_owned(), value);
        }
    };
    let Sampling { temperature, top_k, top_p, min_p, repeat_penalty, .. } = generate.sampling;
    put("temperature", temperature.map(decimal));
    put("top_p", top_p.map(decimal));
    put("frequency_penalty", generate.sampling.frequency_penalty.map(decimal));
    put("presence_penalty", generate.sampling.presence_penalty.map(decimal));
    // What was read as a signed integer is written as one.
    put("seed", generate.sampling.seed.map(|seed| json!(i64::from_le_bytes(seed.to_le_bytes()))));
    if !generate.sampling.logit_bias.is_empty() {
        let bias = generate.sampling.logit_bias.iter();
        let bias: Map<String, Value> =
            bias.map(|(id, bias)| (id.to_string(), decimal(*bias))).collect();
        put("logit_bias", Some(Value::Object(bias)));
    }
    if target.extensions {
        put("top_k", top_k.map(Value::from));
        put("min_p", min_p.map(decimal));
        put("repetition_penalty", repeat_penalty.map(decimal));
        dropped.when(generate.ignore_eos, "ignore_eos");
    } else {
        dropped.when(top_k.is_some(), "top_k");
        dropped.extensions(generate);
    }
    let ceiling = if target.older_ceiling { "max_tokens" } else { "max_completion_tokens" };
    put(ceiling, generate.max_tokens.map(Value::from));
    put("stop", (!generate.stop.is_empty()).then(|| json!(generate.stop)));
    put("logprobs", generate.logprobs.map(|_| true.into()));
    put("top_logprobs", generate.logprobs.map(Value::from));
    if target.stream {
        put("stream", Some(true.into()));
        let counts = target.stream_usage.then(|| json!({ "include_usage": true }));
        put("stream_options", counts);
    }
    rest
}

//! The body of `POST /v1/messages`.

use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Generate, Message, OutputFormat, Part, Prompt, Role, Tool};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::provider::message::{Dropped, decimal, encoded, raw};
use crate::provider::{Outgoing, Target, Unsayable};
use crate::reply::to_json;

/// Where nobody said how long an answer may be: this API must be told (guess: four pages of code).
const MAX_TOKENS: u32 = 8_192;
/// The least that this API takes as a budget.
const LEAST_BUDGET: u32 = 1_024;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Image { source: Source },
    ToolUse { id: &'a str, name: &'a str, input: Box<RawValue> },
    ToolResult { tool_use_id: &'a str, content: Vec<Block<'a>> },
}

#[derive(Serialize)]
struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'static str,
    data: String,
}

#[derive(Serialize)]
struct Offered<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Box<RawValue>,
}

#[derive(Serialize)]
struct OutputConfig {
    format: Format,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: Box<RawValue>,
}

pub(in crate::provider) fn outgoing(
    target: Target<'_>,
    generate: &Generate,
) -> Result<Outgoing, Unsayable> {
    let Prompt::Chat { messages, tools, tool_choice, thinking } = &generate.prompt else {
        return Err(Unsayable::Raw);
    };
    let mut dropped = Dropped::default();
    let max_tokens = generate.max_tokens.unwrap_or(MAX_TOKENS);
    let mut rest = steering(target, generate, &mut dropped);
    if let Some(thinking) = asked(*thinking, max_tokens, &mut dropped) {
        rest.insert("thinking".to_owned(), thinking);
    }
    if !tools.is_empty() {
        rest.insert("tool_choice".to_owned(), choice(tool_choice, target.parallel_tool_calls));
    }
    let instructions = messages.iter().take_while(|m| m.role == Role::System).count();
    let system: Result<Vec<Vec<Block<'_>>>, Unsayable> =
        messages[..instructions].iter().map(|message| parts(&message.content)).collect();
    let offered: Result<Vec<Offered<'_>>, Unsayable> = tools.iter().map(offered).collect();
    let body = Body {
        model: target.model,
        max_tokens,
        system: system?.into_iter().flatten().collect(),
        messages: turns(&messages[instructions..], &mut dropped)?,
        tools: offered?,
        output_config: format(&generate.format)?,
        rest,
    };
    let headers = vec![("anthropic-version", "2023-06-01".to_owned())];
    let path = "/v1/messages".to_owned();
    Ok(Outgoing { path, headers, body: to_json(&body), dropped: dropped.0 })
}

/// Neighbours of one role become one turn, so that results stand beside what the person adds.
fn turns<'a>(messages: &'a [Message], dropped: &mut Dropped) -> Result<Vec<Turn<'a>>, Unsayable> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages {
        dropped.when(message.thinking.is_some(), "messages.thinking");
        dropped.when(message.name.is_some(), "messages.name");
        let role = match message.role {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let blocks = blocks(message)?;
        match turns.last_mut() {
            Some(last) if last.role == role && role == "user" => last.content.extend(blocks),
            Some(_) | None => turns.push(Turn { role, content: blocks }),
        }
    }
    turns.retain(|turn| !turn.content.is_empty());
    Ok(turns)
}

fn blocks(message: &Message) -> Result<Vec<Block<'_>>, Unsayable> {
    let mut blocks = parts(&message.content)?;
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        return Ok(vec![Block::ToolResult { tool_use_id: id, content: blocks }]);
    }
    for call in &message.tool_calls {
        let input = raw(&call.arguments)?;
        blocks.push(Block::ToolUse { id: &call.id, name: &call.name, input });
    }
    Ok(blocks)
}

/// This API refuses empty texts.
fn parts(content: &[Part]) -> Result<Vec<Block<'_>>, Unsayable> {
    let said = content.iter().filter(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    said.map(block).collect()
}

fn block(part: &Part) -> Result<Block<'_>, Unsayable> {
    match part {
        Part::Text(text) => Ok(Block::Text { text }),
        Part::Image(bytes) => {
            let (media_type, data) = encoded(bytes)?;
            Ok(Block::Image { source: Source { kind: "base64", media_type, data } })
        }
    }
}

fn offered(tool: &Tool) -> Result<Offered<'_>, Unsayable> {
    let schema = tool.parameters.as_deref().unwrap_or(r#"{"type":"object"}"#);
    let description = tool.description.as_deref();
    Ok(Offered { name: &tool.name, description, input_schema: raw(schema)? })
}

fn choice(choice: &ToolChoice, parallel: bool) -> Value {
    let mut value = match choice {
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
    };
    if !parallel && *choice != ToolChoice::None {
        value["disable_parallel_tool_use"] = true.into();
    }
    value
}

fn format(format: &OutputFormat) -> Result<Option<OutputConfig>, Unsayable> {
    match format {
        OutputFormat::Text => Ok(None),
        OutputFormat::JsonSchema(schema) => {
            let format = Format { kind: "json_schema", schema: raw(schema)? };
            Ok(Some(OutputConfig { format }))
        }
        OutputFormat::JsonObject | OutputFormat::Lark(_) => Err(Unsayable::Format),
    }
}

/// A budget is at least what this API takes, and below the ceiling.
fn asked(thinking: Thinking, max_tokens: u32, dropped: &mut Dropped) -> Option<Value> {
    match thinking {
        Thinking::Default => None,
        Thinking::Off => Some(json!({ "type": "disabled" })),
        Thinking::On(None) | Thinking::Auto => Some(json!({ "type": "adaptive" })),
        Thinking::On(Some(tokens)) => {
            let budget = tokens.max(LEAST_BUDGET);
            dropped.when(budget != tokens, "thinking.budget");
            if budget >= max_tokens {
                dropped.when(true, "thinking");
                return Some(json!({ "type": "disabled" }));
            }
            Some(json!({ "type": "enabled", "budget_tokens": budget }))
        }
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
    let sampling = &generate.sampling;
    let hot = sampling.temperature.is_some_and(|temperature| temperature > 1.0);
    put("temperature", sampling.temperature.filter(|_| !hot).map(decimal));
    put("top_p", sampling.top_p.map(decimal));
    put("top_k", sampling.top_k.filter(|k| *k > 0).map(Value::from));
    put("stop_sequences", (!generate.stop.is_empty()).then(|| json!(generate.stop)));
    put("stream", target.stream.then(|| true.into()));
    dropped.when(hot, "temperature");
    dropped.when(sampling.seed.is_some(), "seed");
    dropped.when(sampling.frequency_penalty.is_some(), "frequency_penalty");
    dropped.when(sampling.presence_penalty.is_some(), "presence_penalty");
    dropped.when(generate.logprobs.is_some(), "logprobs");
    dropped.openais_own(generate);
    rest
}

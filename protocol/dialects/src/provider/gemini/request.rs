//! The body of `POST …:generateContent` and `…:streamGenerateContent`.

use std::collections::BTreeMap;

use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Generate, Message, OutputFormat, Part, Prompt, Role, Tool};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::json;
use crate::provider::message::{Dropped, decimal, encoded, raw};
use crate::provider::{Outgoing, Target, Unsayable, has_begun};
use crate::reply::to_json;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    generation_config: Config,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Box<RawValue>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Piece<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Piece<'a> {
    InlineData(Data),
    FunctionCall(Call<'a>),
    FunctionResponse(Answer<'a>),
    #[serde(untagged)]
    Said {
        text: &'a str,
    },
    #[serde(untagged)]
    Thought {
        text: &'a str,
        thought: bool,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    mime_type: &'static str,
    data: String,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    name: &'a str,
    args: Box<RawValue>,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    name: &'a str,
    response: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Box<RawValue>>,
}

pub(in crate::provider) fn outgoing(
    target: Target<'_>,
    generate: &Generate,
) -> Result<Outgoing, Unsayable> {
    let Prompt::Chat { messages, tools, tool_choice, thinking } = &generate.prompt else {
        return Err(Unsayable::Raw);
    };
    if has_begun(messages) {
        return Err(Unsayable::Begun);
    }
    let mut dropped = Dropped::default();
    let declared: Result<Vec<Declaration<'_>>, Unsayable> = tools.iter().map(declaration).collect();
    let function_declarations = declared?;
    let offers = !function_declarations.is_empty();
    dropped.when(offers && !target.parallel_tool_calls, "parallel_tool_calls");
    let body = Body {
        system_instruction: instructions(messages, &mut dropped)?,
        contents: contents(messages, &mut dropped)?,
        tools: if offers { vec![Tools { function_declarations }] } else { Vec::new() },
        tool_config: offers.then(|| choice(tool_choice)),
        generation_config: config(generate, *thinking, &mut dropped)?,
    };
    let method = if target.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let path = format!("/v1beta/models/{}:{method}", target.model);
    Ok(Outgoing { path, headers: Vec::new(), body: to_json(&body), dropped: dropped.0 })
}

/// All instructions come first here, wherever they stood.
fn instructions<'a>(
    messages: &'a [Message],
    dropped: &mut Dropped,
) -> Result<Option<Content<'a>>, Unsayable> {
    let first = messages.iter().take_while(|m| m.role == Role::System).count();
    let later = messages[first..].iter().any(|m| m.role == Role::System);
    dropped.when(later, "messages.role");
    let mut parts = Vec::new();
    for message in messages.iter().filter(|message| message.role == Role::System) {
        parts.extend(said(&message.content)?);
    }
    Ok((!parts.is_empty()).then_some(Content { role: None, parts }))
}

fn contents<'a>(
    messages: &'a [Message],
    dropped: &mut Dropped,
) -> Result<Vec<Content<'a>>, Unsayable> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut contents: Vec<Content<'a>> = Vec::new();
    for message in messages.iter().filter(|message| message.role != Role::System) {
        dropped.when(message.name.is_some(), "messages.name");
        names.extend(message.tool_calls.iter().map(|call| (call.id.as_str(), call.name.as_str())));
        let role = if message.role == Role::Assistant { "model" } else { "user" };
        let parts = parts(message, &names)?;
        match contents.last_mut() {
            Some(last) if last.role == Some(role) && role == "user" => last.parts.extend(parts),
            Some(_) | None => contents.push(Content { role: Some(role), parts }),
        }
    }
    contents.retain(|content| !content.parts.is_empty());
    Ok(contents)
}

fn parts<'a>(
    message: &'a Message,
    names: &BTreeMap<&'a str, &'a str>,
) -> Result<Vec<Piece<'a>>, Unsayable> {
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        let name = names.get(id.as_str()).copied().unwrap_or("");
        let response = response(&message.joined_text())?;
        let mut pieces = vec![Piece::FunctionResponse(Answer { id, name, response })];
        let pictures = message.content.iter().filter(|part| matches!(part, Part::Image(_)));
        for part in pictures {
            pieces.extend(said(std::slice::from_ref(part))?);
        }
        return Ok(pieces);
    }
    let thought = message.thinking.as_deref().filter(|text| !text.is_empty());
    let mut pieces: Vec<Piece<'a>> =
        thought.map(|text| Piece::Thought { text, thought: true }).into_iter().collect();
    pieces.extend(said(&message.content)?);
    for call in &message.tool_calls {
        let args = raw(&call.arguments)?;
        pieces.push(Piece::FunctionCall(Call { id: &call.id, name: &call.name, args }));
    }
    Ok(pieces)
}

fn said(content: &[Part]) -> Result<Vec<Piece<'_>>, Unsayable> {
    content.iter().map(piece).collect()
}

fn piece(part: &Part) -> Result<Piece<'_>, Unsayable> {
    match part {
        Part::Text(text) => Ok(Piece::Said { text }),
        Part::Image(bytes) => {
            let (mime_type, data) = encoded(bytes)?;
            Ok(Piece::InlineData(Data { mime_type, data }))
        }
    }
}

/// A response is an object here: what is none becomes the result in one.
fn response(text: &str) -> Result<Box<RawValue>, Unsayable> {
    if json::is_object(text) { raw(text) } else { raw(&to_json(&json!({ "result": text }))) }
}

fn declaration(tool: &Tool) -> Result<Declaration<'_>, Unsayable> {
    let parameters_json_schema = tool.parameters.as_deref().map(raw).transpose()?;
    let description = tool.description.as_deref();
    Ok(Declaration { name: &tool.name, description, parameters_json_schema })
}

fn choice(choice: &ToolChoice) -> Value {
    let config = match choice {
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    json!({ "functionCallingConfig": config })
}

fn config(
    generate: &Generate,
    thinking: Thinking,
    dropped: &mut Dropped,
) -> Result<Config, Unsayable> {
    let mut rest = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rest.insert(name.to_owned(), value);
        }
    };
    let sampling = &generate.sampling;
    put("temperature", sampling.temperature.map(decimal));
    put("topP", sampling.top_p.map(decimal));
    put("topK", sampling.top_k.map(Value::from));
    put("presencePenalty", sampling.presence_penalty.map(decimal));
    put("frequencyPenalty", sampling.frequency_penalty.map(decimal));
    put("seed", sampling.seed.map(|seed| json!(i64::from_le_bytes(seed.to_le_bytes()))));
    put("maxOutputTokens", generate.max_tokens.map(Value::from));
    put("stopSequences", (!generate.stop.is_empty()).then(|| json!(generate.stop)));
    put("responseLogprobs", generate.logprobs.map(|_| true.into()));
    put("logprobs", generate.logprobs.map(Value::from));
    put("thinkingConfig", asked(thinking));
    dropped.openais_own(generate);
    let schema = match &generate.format {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => {
            put("responseMimeType", Some("application/json".into()));
            None
        }
        OutputFormat::JsonSchema(schema) => {
            put("responseMimeType", Some("application/json".into()));
            Some(raw(schema)?)
        }
        OutputFormat::Lark(_) => return Err(Unsayable::Format),
    };
    Ok(Config { response_json_schema: schema, rest })
}

fn asked(thinking: Thinking) -> Option<Value> {
    match thinking {
        Thinking::Default => None,
        Thinking::Off => Some(json!({ "thinkingBudget": 0 })),
        Thinking::Auto => Some(json!({ "thinkingBudget": -1 })),
        Thinking::On(budget) => {
            let budget = budget.map_or(-1, i64::from);
            Some(json!({ "thinkingBudget": budget, "includeThoughts": true }))
        }
    }
}

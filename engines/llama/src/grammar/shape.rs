//! What shape an answer must have, as a grammar: a JSON schema, a Lark grammar, or tool calls in
//! the model's own notation.

use llguidance::api::TopLevelGrammar;
use pumasi_protocol::engine::ToolSyntax;
use pumasi_protocol::generate::Tool;
use serde_json::{Map, Value, json};

use super::GrammarError;
use crate::vocabulary::Vocabulary;

/// What an answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// JSON of this schema.
    Json(Value),
    /// Text of this Lark grammar.
    Lark(String),
    /// Tool calls, or else JSON of the schema, if there is one.
    Tools {
        /// How the model writes them.
        syntax: ToolSyntax,
        /// Which may be called.
        tools: Vec<ToolUse>,
        /// What the answer may be instead.
        or_json: Option<Value>,
    },
}

/// A tool that may be called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolUse {
    name: String,
    arguments: Value,
}

impl ToolUse {
    /// Takes a tool's own schema of its arguments; any object if it has none.
    pub(crate) fn of(tool: &Tool) -> Result<Self, GrammarError> {
        let arguments = match &tool.parameters {
            Some(text) => parse_schema(text)?,
            None => json!({ "type": "object" }),
        };
        Ok(Self { name: tool.name.clone(), arguments })
    }
}

/// Reads a schema. Nesting beyond the JSON reader's 128 levels is refused by it.
pub(crate) fn parse_schema(text: &str) -> Result<Value, GrammarError> {
    let schema: Value = serde_json::from_str(text).map_err(|_| GrammarError)?;
    if schema.is_object() || schema.is_boolean() { Ok(schema) } else { Err(GrammarError) }
}

/// Python's separators and no other white space: what models were trained on, and a small model
/// cannot lose itself in blanks.
fn spaced(schema: &Value) -> Value {
    let wrapped = || Map::from_iter([("allOf".to_owned(), json!([schema]))]);
    let mut object = schema.as_object().cloned().unwrap_or_else(wrapped);
    object.entry("x-guidance").or_insert_with(
        || json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " }),
    );
    Value::Object(object)
}

impl Shape {
    pub(super) fn grammar(&self, vocabulary: &Vocabulary) -> Result<TopLevelGrammar, GrammarError> {
        Ok(match self {
            Self::Json(schema) => TopLevelGrammar::from_json_schema(spaced(schema)),
            Self::Lark(text) => TopLevelGrammar::from_lark(text.clone()),
            Self::Tools { syntax, tools, or_json } => {
                let lark = tool_lark(*syntax, tools, or_json.as_ref(), vocabulary)?;
                TopLevelGrammar::from_lark(lark)
            }
        })
    }
}

/// A tag of the model's notation: its control token where it has one, else its text.
fn tag(text: &str, vocabulary: &Vocabulary) -> String {
    match vocabulary.control(text) {
        Some(id) => format!("<[{id}]>"),
        None => Value::from(text).to_string(),
    }
}

fn call_schema(tools: &[ToolUse], arguments: &str) -> Value {
    let one = |tool: &ToolUse| {
        json!({
            "type": "object",
            "properties": { "name": { "const": tool.name }, arguments: tool.arguments },
            "required": ["name", arguments],
            "additionalProperties": false,
        })
    };
    match tools {
        [tool] => one(tool),
        several => json!({ "anyOf": several.iter().map(one).collect::<Vec<_>>() }),
    }
}

fn tool_lark(
    syntax: ToolSyntax,
    tools: &[ToolUse],
    or_json: Option<&Value>,
    vocabulary: &Vocabulary,
) -> Result<String, GrammarError> {
    let (calls, schema) = match syntax {
        ToolSyntax::Hermes => {
            let (open, close) = (tag("<tool_call>", vocabulary), tag("</tool_call>", vocabulary));
            let one = format!(r#"{open} "\n" call "\n" {close}"#);
            (format!(r#"{one} ("\n" {one})*"#), call_schema(tools, "arguments"))
        }
        ToolSyntax::Mistral => {
            let calls = call_schema(tools, "arguments");
            let list = json!({ "type": "array", "items": calls, "minItems": 1 });
            (format!("{} call", tag("[TOOL_CALLS]", vocabulary)), list)
        }
        ToolSyntax::BareJson => ("call".to_owned(), call_schema(tools, "parameters")),
        ToolSyntax::None => return Err(GrammarError),
    };
    let start = if or_json.is_some() { "calls | other" } else { "calls" };
    let mut lark = format!("start: {start}\ncalls: {calls}\ncall: %json {}\n", spaced(&schema));
    if let Some(other) = or_json {
        lark.push_str(&format!("other: %json {}\n", spaced(other)));
    }
    Ok(lark)
}

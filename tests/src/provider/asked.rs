//! What the fake understands of a request, whatever the dialect, and what it answers.

use serde_json::{Map, Value, json};

use super::Behaviour;

/// A request, in short.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) stream: bool,
    /// Counts are wanted at the end of a stream.
    pub(super) counts: bool,
    /// The last thing that the person said.
    pub(super) said: String,
    /// All words of the prompt.
    pub(super) words: u64,
    /// What a tool answered, if that came last.
    pub(super) result: Option<String>,
    /// The tools on offer: their names and schemas.
    pub(super) tools: Vec<(String, Value)>,
    /// Tools are on offer but must not be called.
    pub(super) no_tools: bool,
    /// Each text to be turned into a vector.
    pub(super) inputs: Vec<String>,
    /// Vectors are wanted in base64.
    pub(super) packed: bool,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// What the fake answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) thought: Option<String>,
    /// The text, as it is streamed.
    pub(super) pieces: Vec<String>,
    pub(super) calls: Vec<Call>,
    pub(super) prompt: i64,
    pub(super) completion: i64,
}

impl Plan {
    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// The same prompt gives the same answer.
    pub(super) fn of(asked: &Asked, behaviour: &Behaviour) -> Self {
        let mut plan = Self::default();
        if behaviour.thinks {
            plan.thought = Some(format!("Somebody said {:?}.", asked.said));
        }
        plan.calls = calls(asked, behaviour);
        if plan.calls.is_empty() {
            let text = match &asked.result {
                Some(result) => format!("The tool said: {result}"),
                None => format!("You said: {}", asked.said),
            };
            let numbers = (1..=behaviour.long).map(|number| format!(" word{number}"));
            plan.pieces = words(&text).into_iter().chain(numbers).collect();
        }
        plan.prompt = i64::try_from(asked.words).unwrap_or(i64::MAX);
        let told = plan.pieces.len() + plan.calls.len() * 10;
        plan.completion = i64::try_from(told).unwrap_or(i64::MAX);
        if behaviour.negative_usage {
            (plan.prompt, plan.completion) = (-5, -1);
        }
        plan
    }
}

/// Pieces of a text, each a word with the space before it.
fn words(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for word in text.split_inclusive(' ') {
        pieces.push(word.to_owned());
    }
    pieces
}

/// The first tool on offer is called, unless a tool has just answered.
fn calls(asked: &Asked, behaviour: &Behaviour) -> Vec<Call> {
    let odd = behaviour.no_ids || behaviour.twice_ids || behaviour.huge_argument;
    let offered = asked.tools.first();
    if asked.result.is_some() || asked.no_tools || (offered.is_none() && !odd) {
        return Vec::new();
    }
    let (name, schema) = offered.cloned().unwrap_or_else(|| ("f".to_owned(), Value::Null));
    let arguments = if behaviour.huge_argument {
        json!({ "text": "x".repeat(1_000_000) })
    } else {
        fill(&schema, &asked.said)
    };
    let call =
        |id: &str| Call { id: id.to_owned(), name: name.clone(), arguments: arguments.clone() };
    match (behaviour.twice_ids, behaviour.no_ids) {
        (true, _) => vec![call("call_same"), call("call_same")],
        (false, true) => vec![call(""), call("")],
        (false, false) => vec![call("call_0001")],
    }
}

/// Arguments for a schema: what the person said for each text, and something for the rest.
fn fill(schema: &Value, said: &str) -> Value {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let value =
        |schema: &Value| match schema["type"].as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!(said),
        };
    properties.iter().map(|(name, schema)| (name.clone(), value(schema))).collect()
}

/// A vector for a text: the same for the same text, of length one.
pub(super) fn vector(text: &str) -> Vec<f32> {
    let mut sums = [1.0_f32; 8];
    for (place, byte) in text.bytes().enumerate() {
        sums[place % 8] += f32::from(byte);
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f32>().sqrt();
    sums.iter().map(|sum| sum / length).collect()
}

pub(super) fn count_words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The texts of a content that is a string or a list of parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

//! The OpenAI dialect from outside: bodies in, canonical requests or typed refusals out, and replies.

mod accepted;
mod numbers;
mod properties;
mod refused;
mod replies;

use pumasi_dialects::openai::parse_chat;
use pumasi_dialects::{GenerateRequest, Invalid, Options};
use serde_json::{Value, json};

/// A chat body with `extra` fields.
fn chat(extra: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    merge(&mut body, extra);
    body
}

fn merge(body: &mut Value, extra: Value) {
    if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
        body.extend(extra);
    }
}

fn parse(body: &Value) -> Result<GenerateRequest, Invalid> {
    parse_text(&body.to_string())
}

fn parse_text(body: &str) -> Result<GenerateRequest, Invalid> {
    parse_chat(body.as_bytes(), Options::default())
}

/// The code and the field of a refusal, as `code @ field`.
fn refusal(outcome: Result<GenerateRequest, Invalid>) -> String {
    match outcome {
        Ok(_) => "accepted".to_owned(),
        Err(invalid) => {
            format!("{} @ {}", invalid.code(), invalid.param.as_deref().unwrap_or("-"))
        }
    }
}

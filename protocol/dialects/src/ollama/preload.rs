//! A chat without messages, or a prompt without text: Ollama's way to have a model loaded, or, with a
//! `keep_alive` of 0, unloaded.

use pumasi_protocol::{KeepAlive, ModelName};
use serde::Serialize;
use serde_json::json;

use super::model_name;
use crate::fields::keep_alive;
use crate::fields::time::rfc3339;
use crate::json::{self, Kind};
use crate::reply::to_json;

/// What such a body asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preload {
    /// Which model.
    pub model: ModelName,
    /// How long it is to stay.
    pub keep_alive: Option<KeepAlive>,
    /// It was a chat.
    pub chat: bool,
}

impl Preload {
    /// Whether the model is to go.
    #[must_use]
    pub fn unloads(&self) -> bool {
        self.keep_alive == Some(KeepAlive::Seconds(0))
    }
}

/// Reads a body of `/api/chat` (`chat`) or `/api/generate`; `None` where it asks for an answer, or is
/// not one that can be read.
#[must_use]
pub fn parse_preload(bytes: &[u8], chat: bool) -> Option<Preload> {
    let mut body = json::body(bytes).ok()?;
    let model = model_name(&body.require("model").ok()?).ok()?;
    let said = body.take(if chat { "messages" } else { "prompt" });
    let is_empty = said.is_none_or(|said| match said.kind() {
        Kind::String => said.string().is_ok_and(|text| text.is_empty()),
        Kind::Array => said.array(1).is_ok_and(|entries| entries.is_empty()),
        Kind::Null => true,
        Kind::Bool | Kind::Number | Kind::Object => false,
    });
    let keep_alive = body.optional("keep_alive", keep_alive::keep_alive).ok()?;
    is_empty.then_some(Preload { model, keep_alive, chat })
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: &'static str,
}

/// The answer once that is done.
#[must_use]
pub fn preloaded(preload: &Preload, now_s: u64) -> String {
    let why = if preload.unloads() { "unload" } else { "load" };
    let mut reply = json!({
        "model": preload.model.as_str(), "created_at": rfc3339(now_s), "done": true,
        "done_reason": why,
    });
    if preload.chat {
        reply["message"] = json!(Message { role: "assistant", content: "" });
    } else {
        reply["response"] = json!("");
    }
    to_json(&reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_without_a_question_are_told_from_those_with_one() {
        let read = |text: &str, chat| parse_preload(text.as_bytes(), chat);
        let of = |keep_alive, chat| {
            Some(Preload { model: "words".parse().expect("a name"), keep_alive, chat })
        };
        assert_eq!(read(r#"{"model":"words"}"#, false), of(None, false));
        assert_eq!(read(r#"{"model":"words","prompt":""}"#, false), of(None, false));
        let zero = Some(KeepAlive::Seconds(0));
        assert_eq!(read(r#"{"model":"words","messages":[],"keep_alive":0}"#, true), of(zero, true));
        assert!(of(zero, true).is_some_and(|preload| preload.unloads()));
        for question in [
            r#"{"model":"words","messages":[{"role":"user","content":"hi"}]}"#,
            r#"{"messages":[]}"#,
            r#"{"model":"words","keep_alive":"soon"}"#,
            "{",
        ] {
            assert_eq!(read(question, true), None, "{question}");
        }
        assert_eq!(read(r#"{"model":"words","prompt":"hi"}"#, false), None);
    }

    #[test]
    fn the_answer_says_what_was_done() {
        let preload = parse_preload(br#"{"model":"words","keep_alive":"0"}"#, false).expect("one");
        assert_eq!(
            preloaded(&preload, 0),
            "{\"model\":\"words\",\"created_at\":\"1970-01-01T00:00:00Z\",\"done\":true,\
             \"done_reason\":\"unload\",\"response\":\"\"}"
        );
    }
}

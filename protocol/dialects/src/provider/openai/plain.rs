//! The chunk that nearly all chunks are: a piece of text and nothing else. It is read without building
//! a tree of it; whatever has more in it is left to [`super::Hearing`].

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Fields that say nothing about the answer are read over; any other makes the chunk no plain one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk<'a> {
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(rename = "object")]
    _object: Option<IgnoredAny>,
    #[serde(rename = "created")]
    _created: Option<IgnoredAny>,
    #[serde(rename = "model")]
    _model: Option<IgnoredAny>,
    #[serde(rename = "system_fingerprint")]
    _system_fingerprint: Option<IgnoredAny>,
    #[serde(rename = "service_tier")]
    _service_tier: Option<IgnoredAny>,
    #[serde(rename = "provider")]
    _provider: Option<IgnoredAny>,
    #[serde(rename = "obfuscation")]
    _obfuscation: Option<IgnoredAny>,
    #[serde(rename = "usage")]
    _usage: Option<Nothing>,
    #[serde(borrow)]
    choices: [Choice<'a>; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    delta: Delta<'a>,
    #[serde(rename = "logprobs")]
    _logprobs: Option<Nothing>,
    #[serde(rename = "finish_reason")]
    _finish_reason: Option<Nothing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta<'a> {
    #[serde(rename = "role")]
    _role: Option<IgnoredAny>,
    #[serde(rename = "refusal")]
    _refusal: Option<Nothing>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// No value has this type, so that an optional one is null or absent.
#[derive(Deserialize)]
enum Nothing {}

/// The text of a plain chunk.
pub(in crate::provider) fn text(data: &str) -> Option<String> {
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let [choice] = chunk.choices;
    (choice.index == 0).then(|| choice.delta.content.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::openai::Hearing;
    use crate::provider::{Heard, ProviderFault};

    fn slowly(chunk: &Value) -> (Vec<Heard>, Result<(), ProviderFault>) {
        let mut heard = Vec::new();
        let outcome = Hearing::default().chunk(chunk, &mut heard);
        (heard, outcome)
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(json!(0)),
            Just(json!(1)),
            any::<String>().prop_map(Value::String),
            Just(json!({})),
            Just(json!([])),
            Just(json!({"completion_tokens": 3})),
            Just(json!({"content": [{"token": "a", "logprob": -1.0}]})),
            Just(json!([{"index": 0, "function": {"name": "f", "arguments": ""}}])),
        ]
    }

    fn some_of(
        names: &'static [&'static str],
    ) -> impl Strategy<Value = serde_json::Map<String, Value>> {
        proptest::collection::vec((proptest::sample::select(names), any_value()), 0..4)
            .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    proptest! {
        /// Read either way a chunk says the same, and most that providers write are plain.
        #[test]
        fn a_plain_chunk_says_what_the_whole_one_says(
            text_of in any::<String>(),
            top in some_of(&["id", "usage", "x_groq", "error", "provider", "service_tier"]),
            choice in some_of(&["index", "finish_reason", "logprobs", "usage", "text", "message"]),
            delta in some_of(&["role", "reasoning", "reasoning_content", "tool_calls", "refusal"]),
        ) {
            let mut chunk = json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text_of}}]});
            chunk["choices"][0]["delta"].as_object_mut().expect("made so").extend(delta);
            chunk["choices"][0].as_object_mut().expect("made so").extend(choice);
            chunk.as_object_mut().expect("made so").extend(top);
            if let Some(text) = text(&chunk.to_string()) {
                let (heard, outcome) = slowly(&chunk);
                prop_assert_eq!(outcome, Ok(()));
                let said = !text.is_empty();
                let delta = crate::Delta::Content { text, logprobs: Vec::new() };
                let said = said.then_some(Heard::Delta(delta));
                prop_assert_eq!(heard, said.into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_usual_chunks_are_plain() {
        for chunk in [
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a\n\u00e9"},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"b"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"{"provider":"p","choices":[{"delta":{"content":"c"}}]}"#,
        ] {
            assert!(text(chunk).is_some(), "{chunk}");
        }
        assert_eq!(
            text(r#"{"choices":[{"delta":{"content":"a\n\u00e9"}}]}"#).as_deref(),
            Some("a\né")
        );
    }

    #[test]
    fn whatever_says_more_is_not_plain() {
        for chunk in [
            r#"{"choices":[]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a","tool_calls":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":{"message":"no"}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}]} more"#,
        ] {
            assert_eq!(text(chunk), None, "{chunk}");
        }
    }
}

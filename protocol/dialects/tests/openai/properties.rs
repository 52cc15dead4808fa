//! Whatever the bytes, parsing ends with a request within the protocol's limits or with a refusal.

use proptest::prelude::*;
use pumasi_dialects::Options;
use pumasi_dialects::openai::{parse_chat, parse_completion, parse_embeddings};
use serde_json::{Value, json};

/// JSON of any shape, with the names that the parsers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,12}".prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "role",
        "content",
        "type",
        "text",
        "image_url",
        "url",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "tool_call_id",
        "parameters",
        "only",
        "trust",
        "id",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "temperature",
        "top_k",
        "seed",
        "logit_bias",
        "stop",
        "n",
        "stream",
        "stream_options",
        "max_tokens",
        "thinking",
        "pumasi",
        "logprobs",
        "top_logprobs",
        "prompt",
        "input",
        "dimensions",
        "echo",
        "user",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_chat(&bytes, Options::default());
        let _ = parse_completion(&bytes, Options::default());
        let _ = parse_embeddings(&bytes, Options { strict: true });
    }

    #[test]
    fn what_is_accepted_is_within_the_protocols_limits(
        extra in prop::collection::vec((field(), any_json()), 0..5),
        messages in any_json(),
    ) {
        let mut body = json!({ "model": "m", "prompt": "p", "input": "i",
            "messages": [{ "role": "user", "content": "x" }, messages] });
        super::merge(&mut body, Value::Object(extra.into_iter().collect()));
        let text = body.to_string();
        if let Ok(request) = parse_chat(text.as_bytes(), Options::default()) {
            prop_assert!(request.answers.iter().all(pumasi_protocol::Generate::is_within_limits));
        }
        if let Ok(request) = parse_completion(text.as_bytes(), Options::default()) {
            prop_assert!(request.answers.iter().all(pumasi_protocol::Generate::is_within_limits));
        }
        if let Err(invalid) = parse_embeddings(text.as_bytes(), Options::default()) {
            prop_assert!(!invalid.code().is_empty());
        }
    }

    #[test]
    fn text_in_any_script_survives(content in ".{0,60}") {
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
        let request = super::parse(&body).expect("valid");
        let pumasi_protocol::Prompt::Chat { messages, .. } = &request.answers[0].prompt else {
            panic!("a chat")
        };
        prop_assert_eq!(messages[0].joined_text(), content);
    }
}

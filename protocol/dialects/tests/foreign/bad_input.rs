//! Rows H01 to H15 and H28 of bad input, for every dialect.

use pumasi_dialects::Options;
use serde_json::{Value, json};

use super::properties::{PARSERS, merge};
use super::refusal;

/// A body that every parser takes.
fn valid() -> Value {
    json!({ "model": "m", "max_tokens": 9, "prompt": "x", "input": "x",
        "messages": [{ "role": "user", "content": "x" }],
        "contents": [{ "role": "user", "parts": [{ "text": "x" }] }] })
}

fn with(extra: Value) -> String {
    let mut body = valid();
    merge(&mut body, extra);
    body.to_string()
}

fn each(body: &str, expected: &str) {
    for (name, parser) in PARSERS {
        let refused = refusal(parser, body);
        assert!(refused.starts_with(expected), "{name}: {refused} for {:.120}", body);
    }
}

#[test]
fn cat_h01_h06_h07_what_is_no_json_is_refused_by_every_dialect() {
    each(&valid().to_string(), "accepted");
    for body in ["", "{", "[]x", "\u{feff}{}"] {
        each(body, "invalid_json");
    }
    let half = ["content", "text", "input"].iter().fold(valid().to_string(), |body, field| {
        body.replace(&format!("\"{field}\":\"x\""), &format!("\"{field}\":\"\\ud800\""))
    });
    for (name, parser) in PARSERS.into_iter().filter(|(name, _)| *name != "ollama generate") {
        assert!(refusal(parser, &half).starts_with("invalid_json"), "{name}");
    }
    each("[]", "invalid_type");
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    each(&deep, "invalid_json");
    for (name, parser) in PARSERS {
        let refused = parser(b"{\"model\":\"\xff\"}", Options::default());
        assert_eq!(refused.map(drop).map_err(|i| i.code()), Err("invalid_json"), "{name}");
    }
}

#[test]
fn where_a_request_may_go_is_read_alike_in_every_dialect() {
    each(&with(json!({ "provider": { "sort": "speed" } })), "invalid_value @ provider.sort");
    each(&with(json!({ "provider": { "onyl": [] } })), "unknown_parameter @ provider.onyl");
    each(&with(json!({ "models": [] })), "empty_value @ models");
    let body = with(json!({ "provider": { "only": ["mesh"] }, "models": ["a", "b"] }));
    for (name, parser) in PARSERS {
        let request = parser(body.as_bytes(), Options { strict: false }).expect(name);
        let wanted = request.preferences.expect(name);
        assert_eq!((wanted.only, wanted.models.len()), (vec!["mesh".to_owned()], 2), "{name}");
        assert_eq!(request.model.as_str(), "m", "{name}");
        let plain = parser(valid().to_string().as_bytes(), Options::default()).expect(name);
        assert_eq!(plain.preferences, None, "{name}");
    }
    let mut body: Value = serde_json::from_str(&body).expect("JSON");
    body.as_object_mut().expect("an object").remove("model");
    for (name, parser) in PARSERS.into_iter().filter(|(name, _)| *name == "anthropic") {
        let request = parser(body.to_string().as_bytes(), Options::default()).expect(name);
        assert_eq!(request.model.as_str(), "a", "the first of them is the one asked for");
    }
}

#[test]
fn cat_h08_a_field_given_twice_is_refused_by_every_dialect() {
    let body = valid().to_string();
    let twice = format!("{},\"stream\":true,\"stream\":false}}", &body[..body.len() - 1]);
    each(&twice, "duplicate_field @ stream");
    let inner = |field: &str| {
        body.replace(&format!("\"{field}\":"), &format!("\"{field}\":\"user\",\"{field}\":"))
    };
    for (name, parser) in PARSERS {
        let refused = refusal(parser, &inner("role"));
        let reads_roles = !matches!(name, "ollama generate" | "responses");
        assert_eq!(refused.starts_with("duplicate_field"), reads_roles, "{name}: {refused}");
    }
}

#[test]
fn cat_h09_h10_numbers_are_judged_as_they_were_written() {
    let places = [
        ("anthropic", "max_tokens", ""),
        ("gemini", "maxOutputTokens", "generationConfig"),
        ("ollama chat", "num_predict", "options"),
        ("responses", "max_output_tokens", ""),
    ];
    for (name, field, inside) in places {
        let (_, parser) = PARSERS.iter().find(|(other, _)| *other == name).expect("a parser");
        for number in
            ["0", "-5", "1.5", "1e400", "-0", "NaN", "\"5\"", "2147483648", "9223372036854775808"]
        {
            let mut body = valid();
            body.as_object_mut().expect("an object").remove(field);
            let body = body.to_string();
            let value = match inside {
                "" => format!("\"{field}\":{number}"),
                _ => format!("\"{inside}\":{{\"{field}\":{number}}}"),
            };
            let body = format!("{},{value}}}", &body[..body.len() - 1]);
            let refused = refusal(*parser, &body);
            assert!(refused != "accepted", "{name} took {number}");
            let named = refused.ends_with(field) || number == "NaN";
            assert!(named, "{name} {number}: {refused}");
        }
    }
}

#[test]
fn cat_h12_unknown_fields_are_named_or_refused_where_the_server_is_strict() {
    let body = with(json!({ "n_discard": -1, "chat_template": "x" }));
    for (name, parser) in PARSERS {
        let request = parser(body.as_bytes(), Options::default()).expect("valid");
        for field in ["n_discard", "chat_template"] {
            assert!(request.ignored.iter().any(|ignored| ignored == field), "{name}");
        }
        let strict = parser(body.as_bytes(), Options { strict: true }).expect_err("strict");
        assert_eq!(strict.code(), "unknown_parameter", "{name}");
    }
}

#[test]
fn cat_h14_too_many_messages_are_refused_by_every_dialect_of_chats() {
    let message = json!({ "role": "user", "content": "x", "parts": [{ "text": "x" }] });
    let many = vec![message; 5_000];
    let body = with(json!({ "messages": many, "contents": many, "input": many }));
    for (name, parser) in PARSERS.into_iter().filter(|(name, _)| *name != "ollama generate") {
        assert!(refusal(parser, &body).starts_with("too_many_messages"), "{name}");
    }
}

#[test]
fn cat_h15_schemas_are_bounded_in_size_in_every_dialect() {
    let schema = json!({ "type": "object", "description": "x".repeat(300_000) });
    let body = with(json!({
        "output_config": { "format": { "type": "json_schema", "schema": schema } },
        "generationConfig": { "responseSchema": schema }, "format": schema,
        "text": { "format": { "type": "json_schema", "name": "n", "schema": schema } },
    }));
    each(&body, "schema_too_complex");
}

#[test]
fn cat_h28_h29_no_dialect_fetches_an_address() {
    for url in ["http://127.0.0.1:1/admin", "HTTPS://[::1]/", "http://169.254.169.254/"] {
        let anthropic = json!([{ "role": "user", "content": [
            { "type": "image", "source": { "type": "url", "url": url } }] }]);
        let responses = json!([{ "role": "user", "content": [
            { "type": "input_image", "image_url": url }] }]);
        let gemini = json!([{ "parts": [{ "fileData": { "fileUri": url } }] }]);
        let body = with(json!({ "messages": anthropic, "input": responses, "contents": gemini }));
        for (name, parser) in PARSERS.into_iter().filter(|(name, _)| !name.starts_with("ollama")) {
            assert!(refusal(parser, &body).starts_with("remote_urls_disabled"), "{name}");
        }
    }
    for url in ["file:///etc/passwd", "data:text/html,x", "javascript:x"] {
        let responses = json!([{ "role": "user", "content": [
            { "type": "input_image", "image_url": url }] }]);
        let body = with(json!({ "input": responses }));
        let refused = refusal(super::responses_parser, &body);
        assert!(refused.starts_with("invalid_image"), "{url}: {refused}");
    }
}

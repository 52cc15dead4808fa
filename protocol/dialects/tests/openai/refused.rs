//! Bodies that are refused, row by row of the catalogue of bad inputs.

use pumasi_dialects::Options;
use pumasi_dialects::openai::{parse_chat, parse_completion, parse_embeddings};
use serde_json::{Value, json};

use super::{chat, parse, parse_text, refusal};

fn check_texts(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(refusal(parse_text(body)), *expected, "{}", &body[..body.len().min(120)]);
    }
}

fn check(cases: &[(Value, &str)]) {
    for (body, expected) in cases {
        let shown = body.to_string();
        assert_eq!(refusal(parse(body)), *expected, "{}", &shown[..shown.len().min(120)]);
    }
}

#[test]
fn cat_h01_empty_body() {
    check_texts(&[
        ("", "invalid_json @ -"),
        (" ", "invalid_json @ -"),
        ("{", "invalid_json @ -"),
        ("{}{}", "invalid_json @ -"),
        ("[]", "invalid_type @ -"),
        ("null", "invalid_type @ -"),
        ("{}", "missing_required_parameter @ model"),
    ]);
}

#[test]
fn cat_h06_nesting_beyond_128_is_refused_without_recursion() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"x":{open}{close}}}"#)
    };
    check_texts(&[
        (&deep(127), "accepted"),
        (&deep(128), "invalid_json @ -"),
        (&deep(100_000), "invalid_json @ -"),
        (&"[".repeat(100_000), "invalid_json @ -"),
    ]);
}

#[test]
fn cat_h07_encodings_surrogates_nul_and_byte_order_marks_have_rules() {
    let bytes = |body: &[u8]| refusal(parse_chat(body, Options::default()));
    assert_eq!(bytes(b"{\"model\":\"\xff\"}"), "invalid_json @ -");
    assert_eq!(bytes(b"\xef\xbb\xbf{\"model\":\"m\"}"), "invalid_json @ -");
    assert_eq!(bytes(b"\xff\xfe{\0}\0"), "invalid_json @ -");
    let content = |content: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{content}"}}]}}"#)
    };
    check_texts(&[
        (&content(r"\ud800"), "invalid_json @ messages[0].content"),
        (&content(r"\udc00"), "invalid_json @ messages[0].content"),
        (&content(r"\ud800A"), "invalid_json @ messages[0].content"),
        (&content(r"\ud83e\udd8a"), "accepted"),
        (&content(r"a\u0000b"), "accepted"),
        (&content("a\u{feff}b"), "accepted"),
        (&content("a\0b"), "invalid_json @ -"),
    ]);
    check_texts(&[
        (r#"{"model":"a\u0000b","messages":[]}"#, "invalid_model_name @ model"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x","name":"a\u0000"}]}"#,
            "invalid_name @ messages[0].name",
        ),
        (r#"{"model":"m","messages":[{"role":"us\u0000er"}]}"#, "unknown_role @ messages[0].role"),
    ]);
}

#[test]
fn cat_h08_no_field_wins_by_coming_last() {
    check_texts(&[
        (r#"{"model":"a","model":"b","messages":[]}"#, "duplicate_field @ model"),
        (
            r#"{"model":"a","messages":[{"role":"user","role":"user","content":"x"}]}"#,
            "duplicate_field @ messages[0].role",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":"x"}],"temperature":1,"temperature":1}"#,
            "duplicate_field @ temperature",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":"x"}],"pumasi":{"trust":"mine","trust":"mesh"}}"#,
            "duplicate_field @ pumasi.trust",
        ),
        (
            r#"{"model":"a","messages":[{"role":"user","content":"x"}],"logit_bias":{"1":1,"1":2}}"#,
            "duplicate_field @ logit_bias.1",
        ),
    ]);
}

#[test]
fn cat_h11_lists_and_counts_have_stated_maxima() {
    let many = |count: usize| vec!["x"; count];
    let bias: serde_json::Map<String, Value> =
        (0..100_000).map(|i| (i.to_string(), json!(1))).collect();
    check(&[
        (chat(json!({ "n": 1_000_000_000 })), "out_of_range @ n"),
        (chat(json!({ "n": 9 })), "out_of_range @ n"),
        (chat(json!({ "n": 0 })), "out_of_range @ n"),
        (chat(json!({ "n": 8 })), "accepted"),
        (chat(json!({ "top_logprobs": 1_000_000_000 })), "out_of_range @ top_logprobs"),
        (chat(json!({ "logprobs": true, "top_logprobs": 20 })), "accepted"),
        (chat(json!({ "logit_bias": bias })), "too_many_entries @ logit_bias"),
        (chat(json!({ "logit_bias": { "x": 1 } })), "invalid_type @ logit_bias.x"),
        (chat(json!({ "logit_bias": { "1": 101 } })), "out_of_range @ logit_bias.1"),
        (chat(json!({ "stop": many(100_000) })), "too_many_entries @ stop"),
        (chat(json!({ "stop": many(16) })), "accepted"),
        (chat(json!({ "stop": ["x", ""] })), "empty_value @ stop[1]"),
        (chat(json!({ "stop": "x".repeat(257) })), "string_too_long @ stop"),
    ]);
    let best_of = |best_of: u64| {
        let body = json!({ "model": "m", "prompt": "x", "best_of": best_of }).to_string();
        refusal(parse_completion(body.as_bytes(), Options::default()))
    };
    assert_eq!(best_of(1_000_000_000), "out_of_range @ best_of");
    assert_eq!(best_of(2), "unsupported_parameter @ best_of");
    assert_eq!(best_of(1), "accepted");
}

#[test]
fn cat_h12_unknown_fields_are_ignored_and_named_or_refused_where_strict() {
    let unknown = json!({
        "n_discard": -1, "chat_template": "x", "chat_template_kwargs": {}, "cache_prompt": true,
        "grammar_file": "/etc/passwd", "lora": [], "store": false,
        "messages": [{ "role": "user", "content": "hi", "cache_control": { "x": 1 } }],
    });
    let body = chat(unknown);
    let parsed = parse(&body).expect("unknown fields are no error");
    let named = [
        "cache_prompt",
        "chat_template",
        "chat_template_kwargs",
        "grammar_file",
        "lora",
        "messages[].cache_control",
        "n_discard",
        "store",
    ];
    assert_eq!(parsed.ignored, named);
    assert_eq!(parsed.answers, parse(&chat(json!({}))).expect("plain").answers);
    let strict = parse_chat(body.to_string().as_bytes(), Options { strict: true });
    assert!(refusal(strict).starts_with("unknown_parameter @ "));
    let flood: serde_json::Map<String, Value> =
        (0..10_000).map(|i| (format!("x{i}\r\nset-cookie: a"), json!(1))).collect();
    let named = parse(&chat(Value::Object(flood))).expect("ignored").ignored;
    assert_eq!(named.len(), 32);
    assert!(named.iter().all(|name| name.bytes().all(|b| b.is_ascii_graphic())));
}

#[test]
fn cat_h14_message_lists_that_make_no_sense_have_codes_of_their_own() {
    let with = |messages: Value| json!({ "model": "m", "messages": messages });
    let user = json!({ "role": "user", "content": "x" });
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let answer = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "42" });
    check(&[
        (with(json!([])), "empty_messages @ messages"),
        (with(json!([{ "role": "root", "content": "x" }])), "unknown_role @ messages[0].role"),
        (with(json!([{ "role": "system", "content": "x" }])), "only_system_messages @ messages"),
        (with(json!([user, answer("c1")])), "tool_result_without_call @ messages[1].tool_call_id"),
        (
            with(json!([user, call, answer("c2")])),
            "tool_result_without_call @ messages[2].tool_call_id",
        ),
        (with(json!([user, call, answer("c1")])), "accepted"),
        (with(Value::Array(vec![user.clone(); 100_000])), "too_many_messages @ messages"),
        (with(json!([{ "role": "user" }])), "missing_required_parameter @ messages[0].content"),
        (with(json!([{ "role": "user", "content": 5 }])), "invalid_type @ messages[0].content"),
        (with(json!([{ "role": "user", "content": [] }])), "empty_value @ messages[0].content"),
        (with(json!("hi")), "invalid_type @ messages"),
    ]);
}

#[test]
fn cat_h15_a_schema_that_is_too_large_or_too_deep_is_too_complex() {
    let format = |schema: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"response_format":
            {{"type":"json_schema","json_schema":{{"name":"s","schema":{schema}}}}}}}"#
        )
    };
    let deep = format!("{}{}{}", r#"{"items":"#.repeat(200), "{}", "}".repeat(200));
    let large = format!(r#"{{"description":"{}"}}"#, "x".repeat(1 << 20));
    check_texts(&[
        (&format(&deep), "schema_too_complex @ response_format"),
        (&format(&large), "schema_too_complex @ response_format.json_schema.schema"),
        (&format("5"), "invalid_type @ response_format.json_schema.schema"),
        (&format(r##"{"$ref":"#"}"##), "accepted"),
    ]);
}

#[test]
fn cat_h28_cat_h29_addresses_of_pictures_are_refused_and_never_fetched() {
    let picture = |url: &str| {
        chat(json!({ "messages": [{ "role": "user", "content": [
            { "type": "image_url", "image_url": { "url": url } }] }] }))
    };
    let param = "messages[0].content[0].image_url.url";
    for url in [
        "http://127.0.0.1:7862/admin",
        "http://169.254.169.254/",
        "http://[::1]",
        "HTTPS://x",
        "http://2130706433/",
        "http://metadata.google.internal",
        "http://good.example\\@10.0.0.1/",
    ] {
        assert_eq!(
            refusal(parse(&picture(url))),
            format!("remote_urls_disabled @ {param}"),
            "{url}"
        );
    }
    for url in [
        "file:///etc/passwd",
        "ftp://x",
        "gopher://x",
        "data:text/html,x",
        "javascript:alert(1)",
        "",
        "data:image/png,x",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,aGk=",
    ] {
        assert_eq!(refusal(parse(&picture(url))), format!("invalid_image @ {param}"), "{url}");
    }
    assert_eq!(refusal(parse(&picture("data:image/png;base64,iVBORw0KGgo="))), "accepted");
    assert_eq!(refusal(parse(&picture("data:image/png;base64,iVBORw0KGgo"))), "accepted");
}

#[test]
fn cat_m02_model_names_that_are_paths_are_refused() {
    for name in ["../../x", "/abs", "a/b/c/d/e/f/g", "CON", "", "🦊", "%2e%2e", "a\0b"] {
        let body = chat(json!({ "model": name }));
        assert_eq!(refusal(parse(&body)), "invalid_model_name @ model", "{name:?}");
    }
}

#[test]
fn what_would_change_the_meaning_if_it_were_ignored_is_refused() {
    let text = "hello";
    check(&[
        (chat(json!({ "functions": [] })), "unsupported_parameter @ functions"),
        (chat(json!({ "modalities": ["text", "audio"] })), "unsupported_parameter @ modalities"),
        (chat(json!({ "modalities": ["text"] })), "accepted"),
        (chat(json!({ "tool_choice": "required" })), "unknown_tool @ tool_choice"),
        (chat(json!({ "tool_choice": "sometimes" })), "invalid_value @ tool_choice"),
        (chat(json!({ "reasoning_effort": "utmost" })), "invalid_value @ reasoning_effort"),
        (
            chat(json!({ "response_format": { "type": "xml" } })),
            "invalid_value @ response_format.type",
        ),
        (chat(json!({ "pumasi": { "only": ["me"] } })), "invalid_node_id @ pumasi.only[0]"),
        (chat(json!({ "pumasi": { "trsut": "mine" } })), "unknown_parameter @ pumasi.trsut"),
        (chat(json!({ "stream": "true" })), "invalid_type @ stream"),
        (chat(json!({ "user": "x".repeat(257) })), "string_too_long @ user"),
        (chat(json!({ "seed": text })), "invalid_type @ seed"),
    ]);
    let suffix = json!({ "model": "m", "prompt": "x", "suffix": "y" }).to_string();
    let suffix = refusal(parse_completion(suffix.as_bytes(), Options::default()));
    assert_eq!(suffix, "unsupported_parameter @ suffix");
}

#[test]
fn tools_are_checked() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
    let tools = |tools: Value| chat(json!({ "tools": tools }));
    check(&[
        (tools(json!([tool("f"), tool("f")])), "duplicate_tool @ tools[1]"),
        (tools(json!([tool("f g")])), "invalid_name @ tools[0].function.name"),
        (tools(json!([tool(&"f".repeat(65))])), "invalid_name @ tools[0].function.name"),
        (tools(json!([{ "type": "magic" }])), "invalid_value @ tools[0].type"),
        (
            tools(json!([{ "type": "function", "function": { "name": "f", "parameters": [] } }])),
            "invalid_type @ tools[0].function.parameters",
        ),
        (tools(json!(vec![tool("f"); 513])), "too_many_entries @ tools"),
    ]);
    let named = json!({ "tools": [tool("f")], "tool_choice":
        { "type": "function", "function": { "name": "g" } } });
    assert_eq!(refusal(parse(&chat(named))), "unknown_tool @ tool_choice.function.name");
    let call = |arguments: &str| {
        chat(json!({ "messages": [{ "role": "user", "content": "x" }, { "role": "assistant",
            "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": arguments } }] }] }))
    };
    let param = "messages[1].tool_calls[0].function.arguments";
    for bad in ["[]", "5", "{", "{}{}", "nonsense"] {
        assert_eq!(
            refusal(parse(&call(bad))),
            format!("invalid_tool_arguments @ {param}"),
            "{bad}"
        );
    }
    assert_eq!(refusal(parse(&call(""))), "accepted");
}

#[test]
fn embeddings_are_checked() {
    let outcome = |extra: Value| {
        let mut body = json!({ "model": "m" });
        super::merge(&mut body, extra);
        match parse_embeddings(body.to_string().as_bytes(), Options::default()) {
            Ok(_) => "accepted".to_owned(),
            Err(e) => format!("{} @ {}", e.code(), e.param.unwrap_or_default()),
        }
    };
    let cases = [
        (json!({}), "missing_required_parameter @ input"),
        (json!({ "input": "" }), "empty_value @ input"),
        (json!({ "input": [] }), "empty_value @ input"),
        (json!({ "input": ["a", ""] }), "empty_value @ input[1]"),
        (json!({ "input": vec!["a"; 2_049] }), "too_many_entries @ input"),
        (json!({ "input": ["a", 5] }), "invalid_type @ input[1]"),
        (json!({ "input": [5, "a"] }), "invalid_type @ input[1]"),
        (json!({ "input": [-1] }), "out_of_range @ input[0]"),
        (json!({ "input": "a", "dimensions": 0 }), "out_of_range @ dimensions"),
        (json!({ "input": "a", "encoding_format": "hex" }), "invalid_value @ encoding_format"),
        (json!({ "input": [[1, 2], [3]] }), "accepted"),
        (json!({ "input": [1, 2, 3], "encoding_format": "base64" }), "accepted"),
    ];
    for (extra, expected) in cases {
        assert_eq!(outcome(extra.clone()), expected, "{extra}");
    }
}

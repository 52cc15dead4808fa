//! What Anthropic's bodies become.

use expect_test::expect;
use pumasi_dialects::Form;
use pumasi_dialects::anthropic::{parse, parse_count};
use pumasi_protocol::OutputFormat;
use pumasi_protocol::generate::{Thinking, ToolChoice};
use serde_json::{Value, json};

use super::{PNG, chat, read, refusal, told};

fn body(extra: Value) -> Value {
    let mut body = json!({ "model": "m", "max_tokens": 9,
        "messages": [{ "role": "user", "content": "hi" }] });
    super::properties::merge(&mut body, extra);
    body
}

#[test]
fn a_plain_message_asks_for_no_thinking() {
    let request = read(parse, &body(json!({})));
    let chat = chat(&request);
    expect![[r#"
        User "hi"
    "#]]
    .assert_eq(&told(&chat.messages));
    assert_eq!((chat.thinking, chat.choice), (Thinking::Off, ToolChoice::Auto));
    assert_eq!(request.answers[0].max_tokens, Some(9));
    assert!(!request.stream && request.parallel_tool_calls && request.ignored.is_empty());
    assert_eq!(request.form, Form::Messages { hide_thinking: false });
}

#[test]
fn a_conversation_with_everything_keeps_its_order() {
    let request = read(
        parse,
        &body(json!({
            "system": [{ "type": "text", "text": "be ", "cache_control": { "type": "ephemeral" } },
                { "type": "text", "text": "brief" }],
            "messages": [
                { "role": "user", "content": [
                    { "type": "document", "title": "T",
                      "source": { "type": "text", "media_type": "text/plain", "data": "page" } },
                    { "type": "image",
                      "source": { "type": "base64", "media_type": "image/png", "data": PNG } },
                    { "type": "text", "text": "look" }] },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": "hm", "signature": "s" },
                    { "type": "redacted_thinking", "data": "zzz" },
                    { "type": "text", "text": "well", "citations": null },
                    { "type": "tool_use", "id": "t1", "name": "f", "input": { "a": 1e0 } },
                    { "type": "tool_use", "id": "t2", "name": "f", "input": {}, "caller": { "type": "direct" } }] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "t2", "is_error": true,
                      "content": [{ "type": "text", "text": "bad" }] },
                    { "type": "tool_result", "tool_use_id": "t1", "content": "good" },
                    { "type": "text", "text": "and?" }] },
                { "role": "system", "content": "now briefer" }],
        })),
    );
    expect![[r#"
        System "be brief"
        User "T\n\npagelook" +1
        Assistant "well" thought "hm" calls t1 f{"a":1.0} calls t2 f{}
        Tool "bad" answers t2
        Tool "good" answers t1
        User "and?"
        System "now briefer"
    "#]]
    .assert_eq(&told(&chat(&request).messages));
    expect![[r#"
        [
            "messages[].content[].is_error",
            "messages[].content[].type",
            "system[].cache_control",
        ]
    "#]]
    .assert_debug_eq(&request.ignored);
}

#[test]
fn tools_choices_sampling_and_schemas_arrive() {
    let request = read(
        parse,
        &body(json!({
            "stream": true, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "stop_sequences": ["END"],
            "tools": [{ "name": "f", "description": "d", "input_schema": { "type": "object" },
                "cache_control": { "type": "ephemeral" } }, { "type": "custom", "name": "g",
                "input_schema": {} }],
            "tool_choice": { "type": "tool", "name": "g", "disable_parallel_tool_use": true },
            "output_config": { "format": { "type": "json_schema", "schema": { "x": 1 } } },
            "metadata": { "user_id": "u" }, "service_tier": "auto",
        })),
    );
    let generate = &request.answers[0];
    assert!(request.stream && !request.parallel_tool_calls);
    assert_eq!((generate.sampling.temperature, generate.sampling.top_k), (Some(0.5), Some(3)));
    assert_eq!((generate.sampling.top_p, &generate.stop[..]), (Some(0.9), &["END".to_owned()][..]));
    assert_eq!(generate.format, OutputFormat::JsonSchema("{\"x\":1}".to_owned()));
    let chat = chat(&request);
    assert_eq!(chat.tools[0].parameters.as_deref(), Some("{\"type\":\"object\"}"));
    assert_eq!((chat.tools[0].description.as_deref(), chat.tools.len()), (Some("d"), 2));
    assert_eq!(chat.choice, ToolChoice::Named("g".to_owned()));
    assert_eq!(request.tools(), ["g"]);
    assert_eq!(request.ignored, ["service_tier", "tools[].cache_control"]);
}

#[test]
fn thinking_has_budgets_words_and_displays() {
    let asked = |extra: Value| {
        let request = read(parse, &body(extra));
        (chat(&request).thinking, request.form == Form::Messages { hide_thinking: true })
    };
    let thinking = |thinking: Value| asked(json!({ "thinking": thinking }));
    let enabled = json!({ "type": "enabled", "budget_tokens": 2_000 });
    assert_eq!(thinking(enabled), (Thinking::On(Some(2_000)), false));
    assert_eq!(thinking(json!({ "type": "disabled" })), (Thinking::Off, false));
    let hidden = json!({ "type": "adaptive", "display": "omitted" });
    assert_eq!(thinking(hidden), (Thinking::Auto, true));
    let effort =
        json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "low" } });
    assert_eq!(asked(effort), (Thinking::On(Some(1_024)), false));
    let max = json!({ "output_config": { "effort": "max" } });
    assert_eq!(asked(max), (Thinking::On(None), false));
}

#[test]
fn counting_needs_no_ceiling() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(refusal(parse, body), "missing_required_parameter @ max_tokens");
    assert_eq!(refusal(parse_count, body), "accepted");
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let said = |content: Value| json!({ "messages": [{ "role": "user", "content": content }] });
    let cases = [
        (
            json!({ "tools": [{ "type": "web_search_20250305", "name": "web_search" }] }),
            "unsupported_parameter @ tools[0].type",
        ),
        (
            said(
                json!([{ "type": "image", "source": { "type": "url", "url": "http://169.254.169.254/" } }]),
            ),
            "remote_urls_disabled @ messages[0].content[0].source.url",
        ),
        (
            said(json!([{ "type": "document", "source": { "type": "base64", "data": "" } }])),
            "unsupported_parameter @ messages[0].content[0].source.type",
        ),
        (
            said(json!([{ "type": "tool_result", "tool_use_id": "none", "content": "x" }])),
            "tool_result_without_call @ messages[0].content[0].tool_use_id",
        ),
        (
            said(json!([{ "type": "tool_use", "id": "t", "name": "f", "input": {} }])),
            "invalid_value @ messages[0].content[0].type",
        ),
        (said(json!([])), "empty_value @ messages[0].content"),
        (json!({ "messages": [] }), "empty_messages @ messages"),
        (
            json!({ "messages": [{ "role": "system", "content": "x" }] }),
            "only_system_messages @ messages",
        ),
        (
            json!({ "messages": [{ "role": "root", "content": "x" }] }),
            "unknown_role @ messages[0].role",
        ),
        (json!({ "tool_choice": { "type": "any" } }), "unknown_tool @ tool_choice.type"),
        (json!({ "max_tokens": 0 }), "out_of_range @ max_tokens"),
        (json!({ "temperature": 9 }), "out_of_range @ temperature"),
        (json!({ "output_config": { "effort": "much" } }), "invalid_value @ output_config.effort"),
    ];
    for (extra, expected) in cases {
        assert_eq!(refusal(parse, &body(extra).to_string()), expected);
    }
}

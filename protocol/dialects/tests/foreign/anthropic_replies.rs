//! What Anthropic's clients get.

use expect_test::expect;
use pumasi_dialects::anthropic::parse;
use pumasi_dialects::{Dialect, Ending, Failure, GenerateRequest, Writer};
use serde_json::{Value, json};

use super::{arguments, call, events, everything, head, read, streamed, text, whole};

fn request(thinking: Value) -> GenerateRequest {
    let messages = json!([{ "role": "user", "content": "x" }]);
    let body = json!({ "model": "m", "max_tokens": 9, "messages": messages, "thinking": thinking });
    read(parse, &body)
}

fn plain() -> GenerateRequest {
    request(Value::Null)
}

#[test]
fn a_whole_message_has_its_blocks_in_order() {
    let reply = whole(&plain(), "msg_1", &everything(), Ending::ToolCalls);
    expect![[r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"Hello"},{"type":"tool_use","id":"call0","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":7,"output_tokens_details":{"thinking_tokens":2}},"pumasi":[{"job":"j","node":null,"node_name":null,"attempts":1,"timings":{"queued_ms":1.0,"prefill_ms":2.0,"decode_ms":3.5}}]}"#]]
    .assert_eq(&reply.to_string());
}

#[test]
fn endings_have_anthropics_words() {
    let end = |ending: Ending| {
        let reply = whole(&plain(), "msg_1", &[text("x")], ending);
        format!("{} {}", reply["stop_reason"], reply["stop_sequence"])
    };
    assert_eq!(end(Ending::Stop), "\"end_turn\" null");
    assert_eq!(end(Ending::Length), "\"max_tokens\" null");
    assert_eq!(end(Ending::StopString("END".to_owned())), "\"stop_sequence\" \"END\"");
}

#[test]
fn a_call_that_was_cut_off_is_left_out_of_a_whole_message() {
    let deltas = [text("x"), call(0, "f"), arguments(0, "{\"a\":")];
    let reply = whole(&plain(), "msg_1", &deltas, Ending::Length);
    assert_eq!(reply["content"], json!([{ "type": "text", "text": "x" }]));
    let none = whole(&plain(), "msg_1", &[call(0, "f")], Ending::ToolCalls);
    assert_eq!(none["content"][0]["input"], json!({}));
}

#[test]
fn a_stream_opens_and_closes_each_block() {
    let stream = streamed(&plain(), "msg_1", &everything(), &Ending::ToolCalls);
    let names: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let events = events(&stream);
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(names, types);
    expect![[r#"
        {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":0,"output_tokens_details":{"thinking_tokens":0}}}}
        {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
        {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}
        {"type":"content_block_stop","index":0}
        {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
        {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}
        {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}
        {"type":"content_block_stop","index":1}
        {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call0","name":"f","input":{}}}
        {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}
        {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}
        {"type":"content_block_stop","index":2}
        {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":7,"output_tokens_details":{"thinking_tokens":2}},"pumasi":{"job":"j","node":null,"node_name":null,"attempts":1,"timings":{"queued_ms":1.0,"prefill_ms":2.0,"decode_ms":3.5}}}
        {"type":"message_stop"}
    "#]]
    .assert_eq(&events.iter().map(|event| format!("{event}\n")).collect::<String>());
}

#[test]
fn hidden_thinking_is_a_block_without_text() {
    let hidden = request(json!({ "type": "adaptive", "display": "omitted" }));
    let reply = whole(&hidden, "msg_1", &everything(), Ending::ToolCalls);
    assert_eq!(reply["content"][0], json!({ "type": "thinking", "thinking": "", "signature": "" }));
    assert!(!streamed(&hidden, "msg_1", &everything(), &Ending::ToolCalls).contains("hm"));
}

#[test]
fn errors_have_anthropics_shape_whole_and_in_a_stream() {
    let failure = Failure {
        status: 404,
        kind: "invalid_request_error",
        code: "model_not_found",
        param: Some("model".to_owned()),
        message: "no".to_owned(),
        request_id: "r".to_owned(),
    };
    let body = r#"{"type":"error","error":{"type":"not_found_error","message":"no","code":"model_not_found","param":"model"},"request_id":"r"}"#;
    assert_eq!(failure.body(Dialect::Anthropic), body);
    let mut writer = Writer::new(&plain(), head("msg_1"));
    assert_eq!(writer.failure(&failure), format!("event: error\ndata: {body}\n\n"));
    assert_eq!(writer.heartbeat(), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

//! OpenAI's responses: items in, items out.

use expect_test::expect;
use pumasi_dialects::responses::parse;
use pumasi_dialects::{Ending, Failure, GenerateRequest, Writer};
use pumasi_protocol::OutputFormat;
use pumasi_protocol::generate::{Thinking, ToolChoice};
use serde_json::{Value, json};

use super::{PNG, chat, events, everything, head, read, refusal, scored, streamed, told, whole};

fn body(extra: Value) -> Value {
    let mut body = json!({ "model": "m", "input": "hi" });
    super::properties::merge(&mut body, extra);
    body
}

fn request(extra: Value) -> GenerateRequest {
    read(parse, &body(extra))
}

#[test]
fn items_become_messages_and_a_turn_of_the_model_is_one() {
    let request = request(json!({ "instructions": "be brief", "store": true, "input": [
        { "role": "user", "content": [{ "type": "input_text", "text": "look" },
            { "type": "input_image", "image_url": format!("data:image/png;base64,{PNG}") }] },
        { "type": "reasoning", "id": "rs_1", "summary": [],
          "content": [{ "type": "reasoning_text", "text": "hm" }] },
        { "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
          "content": [{ "type": "output_text", "text": "well", "annotations": [], "logprobs": [] }] },
        { "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}" },
        { "type": "function_call", "call_id": "c2", "name": "g", "arguments": "" },
        { "type": "function_call_output", "call_id": "c2", "output": "G" },
        { "type": "function_call_output", "call_id": "c1",
          "output": [{ "type": "input_text", "text": "F" }] },
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }] },
        { "type": "message", "role": "developer", "content": "briefer" }] }));
    expect![[r#"
        System "be brief"
        User "look" +1
        Assistant "well" thought "hm" calls c1 f{"a":1} calls c2 g{}
        Tool "G" answers c2
        Tool "F" answers c1
        System "briefer"
    "#]]
    .assert_eq(&told(&chat(&request).messages));
    assert_eq!(request.ignored, ["input[].summary", "store"]);
}

#[test]
fn settings_tools_and_formats_arrive() {
    let format =
        json!({ "type": "json_schema", "name": "n", "strict": true, "schema": { "x": 1 } });
    let request = request(json!({
        "tools": [{ "type": "function", "name": "f", "parameters": {}, "strict": true }],
        "tool_choice": { "type": "function", "name": "f" }, "parallel_tool_calls": false,
        "text": { "format": format, "verbosity": "low" }, "reasoning": { "effort": "high" },
        "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_logprobs": 2,
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
    }));
    let generate = &request.answers[0];
    assert_eq!((generate.max_tokens, generate.logprobs), (Some(5), Some(2)));
    assert_eq!(generate.format, OutputFormat::JsonSchema("{\"x\":1}".to_owned()));
    let chat = chat(&request);
    assert_eq!(chat.choice, ToolChoice::Named("f".to_owned()));
    assert_eq!(chat.thinking, Thinking::On(Some(16_384)));
    assert!(!request.parallel_tool_calls);
    assert_eq!(request.ignored, ["include[]", "text.verbosity"]);
}

#[test]
fn what_needs_a_store_or_a_tool_of_openai_is_refused_by_name() {
    let cases = [
        (
            json!({ "previous_response_id": "resp_1" }),
            "previous_response_not_found @ previous_response_id",
        ),
        (json!({ "conversation": "c" }), "previous_response_not_found @ conversation"),
        (
            json!({ "input": [{ "type": "item_reference", "id": "x" }] }),
            "previous_response_not_found @ input[0]",
        ),
        (json!({ "background": true }), "unsupported_parameter @ background"),
        (json!({ "prompt": { "id": "p" } }), "unsupported_parameter @ prompt"),
        (json!({ "tools": [{ "type": "web_search" }] }), "unsupported_parameter @ tools[0].type"),
        (json!({ "input": [] }), "empty_messages @ input"),
        (
            json!({ "input": [{ "role": "system", "content": "x" }] }),
            "only_system_messages @ input",
        ),
        (
            json!({ "input": [{ "type": "function_call_output", "call_id": "c", "output": "x" }] }),
            "tool_result_without_call @ input[0].call_id",
        ),
        (json!({ "input": [{ "type": "computer_call" }] }), "invalid_value @ input[0].type"),
    ];
    for (extra, expected) in cases {
        assert_eq!(refusal(parse, &body(extra).to_string()), expected);
    }
}

#[test]
fn a_whole_response_repeats_what_was_asked() {
    let request =
        request(json!({ "temperature": 0.5, "tools": [{ "type": "function", "name": "f" }] }));
    let reply = whole(&request, "resp_ab", &everything(), Ending::ToolCalls);
    let output = reply["output"].as_array().expect("items");
    let items: String = output.iter().map(|item| format!("{item}\n")).collect();
    expect![[r#"
        {"id":"rs_ab00","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}
        {"id":"msg_ab01","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]}
        {"id":"fc_ab02","type":"function_call","status":"completed","call_id":"call0","name":"f","arguments":"{\"a\":1}"}
    "#]]
    .assert_eq(&items);
    assert_eq!((&reply["status"], &reply["temperature"]), (&json!("completed"), &json!(0.5)));
    assert_eq!(reply["tools"][0]["name"], "f");
    assert_eq!(
        reply["usage"],
        json!({ "input_tokens": 10,
        "input_tokens_details": { "cached_tokens": 4, "cache_write_tokens": 0 },
        "output_tokens": 7, "output_tokens_details": { "reasoning_tokens": 2 },
        "total_tokens": 17 })
    );
    let short = whole(&request, "resp_ab", &everything(), Ending::Length);
    assert_eq!(short["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(short["output"][2]["status"], "incomplete");
}

#[test]
fn a_stream_tells_of_each_item_and_ends_with_the_whole_response() {
    let request = request(json!({ "top_logprobs": 2 }));
    let mut deltas = everything();
    deltas[1] = scored("Hel");
    let stream = streamed(&request, "resp_ab", &deltas, &Ending::ToolCalls);
    let events = events(&stream);
    let order: String = events
        .iter()
        .map(|event| {
            format!("{} {}\n", event["sequence_number"], event["type"].as_str().unwrap_or(""))
        })
        .collect();
    expect![[r#"
        0 response.created
        1 response.in_progress
        2 response.output_item.added
        3 response.content_part.added
        4 response.reasoning_text.delta
        5 response.reasoning_text.done
        6 response.content_part.done
        7 response.output_item.done
        8 response.output_item.added
        9 response.content_part.added
        10 response.output_text.delta
        11 response.output_text.delta
        12 response.output_text.done
        13 response.content_part.done
        14 response.output_item.done
        15 response.output_item.added
        16 response.function_call_arguments.delta
        17 response.function_call_arguments.delta
        18 response.function_call_arguments.done
        19 response.output_item.done
        20 response.completed
    "#]]
    .assert_eq(&order);
    assert_eq!(events[2]["item"]["content"], json!([]));
    assert_eq!(events[10]["logprobs"][0]["token"], "Hel");
    assert_eq!(events[12]["logprobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(events[19]["item"]["arguments"], "{\"a\":1}");
    let mut last = events[20]["response"].clone();
    let mut reply = whole(&request, "resp_ab", &deltas, Ending::ToolCalls);
    for value in [&mut last, &mut reply] {
        value["output"][1]["content"][0]["logprobs"] = Value::Null;
    }
    assert_eq!(last, reply);
}

#[test]
fn a_stream_that_breaks_off_says_so_in_a_last_response() {
    let mut writer = Writer::new(&request(json!({})), head("resp_ab"));
    let _ = writer.begin(super::COUNTS);
    let failure = Failure {
        status: 503,
        kind: "server_error",
        code: "connection_lost",
        param: None,
        message: "gone".to_owned(),
        request_id: "q".to_owned(),
    };
    let events = events(&writer.failure(&failure));
    assert_eq!(events[0]["type"], "response.failed");
    assert_eq!(events[0]["response"]["error"]["code"], "connection_lost");
    assert_eq!(events[0]["response"]["status"], "failed");
}

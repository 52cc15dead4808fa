//! Ollama's bodies and replies.

use expect_test::expect;
use pumasi_dialects::ollama::{
    parse_chat, parse_embed, parse_embed_one, parse_generate, parse_show, running, show, tags,
};
use pumasi_dialects::{Dialect, Ending, Failure, Form, ModelCard, Options};
use pumasi_protocol::generate::{EmbedInput, Thinking};
use pumasi_protocol::{JobKind, OutputFormat, Prompt};
use serde_json::{Value, json};

use super::{PNG, chat, everything, read, refusal, scored, streamed, told, whole};

fn body(extra: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    super::properties::merge(&mut body, extra);
    body
}

#[test]
fn a_chat_streams_unless_it_says_otherwise_and_latest_is_no_tag() {
    let request = read(parse_chat, &body(json!({ "model": "org/m:latest" })));
    assert_eq!((request.stream, request.model.as_str()), (true, "org/m"));
    assert_eq!((&request.form, chat(&request).thinking), (&Form::OllamaChat, Thinking::Default));
    assert!(!read(parse_chat, &body(json!({ "stream": false }))).stream);
}

#[test]
fn a_conversation_with_everything_keeps_its_order() {
    let request = read(
        parse_chat,
        &body(json!({ "messages": [
        { "role": "system", "content": "be brief" },
        { "role": "user", "content": "look", "images": [PNG] },
        { "role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
            { "function": { "name": "f", "arguments": { "a": 1 } } },
            { "id": "own", "type": "function", "function": { "index": 1, "name": "g", "arguments": {} } }] },
        { "role": "tool", "tool_name": "g", "content": "G" },
        { "role": "tool", "content": "F" },
        { "role": "user", "content": "and?" }] })),
    );
    expect![[r#"
        System "be brief"
        User "look" +1
        Assistant "" thought "hm" calls call00000 f{"a":1} calls own g{}
        Tool "G" answers own
        Tool "F" answers call00000
        User "and?"
    "#]]
    .assert_eq(&told(&chat(&request).messages));
    assert_eq!(request.ignored, Vec::<String>::new());
}

#[test]
fn options_arrive_and_what_is_the_engines_business_is_named() {
    let request = read(
        parse_chat,
        &body(json!({
            "options": { "temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "seed": 4,
                "repeat_penalty": 1.1, "num_predict": 12, "stop": ["END"], "num_ctx": 4096 },
            "format": { "type": "object" }, "think": "low", "keep_alive": "5m",
            "logprobs": true, "top_logprobs": 2,
        })),
    );
    let generate = &request.answers[0];
    assert_eq!((generate.max_tokens, generate.logprobs), (Some(12), Some(2)));
    assert_eq!((generate.sampling.seed, generate.sampling.min_p), (Some(4), Some(0.1)));
    assert_eq!(generate.format, OutputFormat::JsonSchema("{\"type\":\"object\"}".to_owned()));
    assert_eq!(chat(&request).thinking, Thinking::On(Some(1_024)));
    assert_eq!(request.ignored, ["options.num_ctx"]);
    assert_eq!(request.keep_alive, Some(pumasi_protocol::KeepAlive::Seconds(300)));
    let endless = read(parse_chat, &body(json!({ "options": { "num_predict": -1 } })));
    assert_eq!(endless.answers[0].max_tokens, None);
    let json = read(parse_chat, &body(json!({ "format": "json", "think": false })));
    assert_eq!(json.answers[0].format, OutputFormat::JsonObject);
    assert_eq!(chat(&json).thinking, Thinking::Off);
}

#[test]
fn a_generation_is_templated_or_raw() {
    let templated = json!({ "model": "m", "prompt": "hi", "system": "be brief", "images": [PNG],
        "suffix": "" });
    let request = read(parse_generate, &templated);
    expect![[r#"
        System "be brief"
        User "hi" +1
    "#]]
    .assert_eq(&told(&chat(&request).messages));
    let raw = read(parse_generate, &json!({ "model": "m", "prompt": "hi", "raw": true }));
    assert_eq!(raw.answers[0].prompt, Prompt::Text("hi".to_owned()));
    assert_eq!((raw.kind, raw.form), (JobKind::Completion, Form::OllamaGenerate));
    for (extra, expected) in [
        (json!({ "suffix": "x" }), "unsupported_parameter @ suffix"),
        (json!({ "context": [1] }), "unsupported_parameter @ context"),
        (json!({ "template": "x" }), "unsupported_parameter @ template"),
        (json!({ "prompt": "" }), "empty_value @ prompt"),
    ] {
        let mut body = json!({ "model": "m", "prompt": "hi" });
        super::properties::merge(&mut body, extra);
        assert_eq!(refusal(parse_generate, &body.to_string()), expected);
    }
}

#[test]
fn embeddings_take_one_text_or_several() {
    let read = |body: Value| {
        let parsed = parse_embed(body.to_string().as_bytes(), Options::default());
        parsed.expect("valid").embed.inputs
    };
    let text = |text: &str| EmbedInput::Text(text.to_owned());
    assert_eq!(read(json!({ "model": "m", "input": "a" })), [text("a")]);
    assert_eq!(read(json!({ "model": "m", "input": ["a", "b"] })), [text("a"), text("b")]);
    let older = json!({ "model": "m", "prompt": "a" }).to_string();
    let older = parse_embed_one(older.as_bytes(), Options::default()).expect("valid");
    assert_eq!(older.embed.inputs, [text("a")]);
}

#[test]
fn a_whole_chat_has_counts_and_nanoseconds() {
    let reply = whole(&read(parse_chat, &body(json!({}))), "", &everything(), Ending::ToolCalls);
    expect![[r#"{"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"Hello","thinking":"hm","tool_calls":[{"id":"call0","function":{"index":0,"name":"f","arguments":{"a":1}}}]},"done":true,"done_reason":"stop","total_duration":6500000,"load_duration":1000000,"prompt_eval_count":10,"prompt_eval_duration":2000000,"eval_count":7,"eval_duration":3500000,"pumasi":{"job":"j","node":null,"node_name":null,"attempts":1,"timings":{"queued_ms":1.0,"prefill_ms":2.0,"decode_ms":3.5}}}"#]]
    .assert_eq(&reply.to_string());
    let generated = json!({ "model": "m", "prompt": "x", "logprobs": true });
    let reply = whole(&read(parse_generate, &generated), "", &[scored("a")], Ending::Length);
    assert_eq!((&reply["response"], &reply["done_reason"]), (&json!("a"), &json!("length")));
    assert_eq!(reply["logprobs"][0]["top_logprobs"][1]["token"], "x");
}

#[test]
fn a_stream_is_lines_and_its_calls_are_whole() {
    let request = read(parse_chat, &body(json!({})));
    let stream = streamed(&request, "", &everything(), &Ending::ToolCalls);
    let lines: Vec<Value> =
        stream.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let messages: String =
        lines.iter().map(|l| format!("{} {}\n", l["message"], l["done"])).collect();
    expect![[r#"
        {"role":"assistant","content":"","thinking":"hm"} false
        {"role":"assistant","content":"Hel"} false
        {"role":"assistant","content":"lo"} false
        {"role":"assistant","content":"","tool_calls":[{"id":"call0","function":{"index":0,"name":"f","arguments":{"a":1}}}]} false
        {"role":"assistant","content":""} true
    "#]]
    .assert_eq(&messages);
    assert_eq!(lines[4]["eval_count"], 7);
}

fn card(name: &str, loaded: bool) -> ModelCard {
    ModelCard {
        expires_s: 86_400,
        name: name.to_owned(),
        created_s: 1_700_000_000,
        context_tokens: 512,
        size_bytes: 9,
        digest: "ab".to_owned(),
        loaded,
        generates: true,
        embeds: true,
        tools: true,
        thinking: false,
        vision: false,
    }
}

#[test]
fn models_are_listed_shown_and_those_that_are_loaded_are_running() {
    let cards = [card("a", true), card("org/b", false)];
    let json = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
    let listed = json(tags(&cards));
    assert_eq!(listed["models"][1]["name"], "org/b");
    assert_eq!(listed["models"][0]["details"]["format"], "gguf");
    let running = json(running(&cards));
    assert_eq!(running["models"].as_array().map(Vec::len), Some(1));
    assert_eq!(running["models"][0]["context_length"], 512);
    assert_eq!(running["models"][0]["expires_at"], "1970-01-02T00:00:00Z");
    let shown = json(show(&cards[0]));
    assert_eq!(shown["capabilities"], json!(["completion", "embedding", "tools"]));
    let asked = parse_show(br#"{"name":"a:latest","verbose":true}"#, Options::default());
    assert_eq!(asked.map(|(name, _)| name.to_string()), Ok("a".to_owned()));
}

#[test]
fn an_error_is_a_sentence() {
    let failure = Failure {
        status: 404,
        kind: "",
        code: "",
        param: None,
        message: "no".to_owned(),
        request_id: String::new(),
    };
    assert_eq!(failure.body(Dialect::Ollama), r#"{"error":"no"}"#);
}

//! Gemini's bodies and replies.

use expect_test::expect;
use pumasi_dialects::gemini::{content_reply, parse, parse_count, parse_embed, parse_embed_batch};
use pumasi_dialects::{Dialect, Ending, Failure, Form, GenerateRequest, Options, Writer};
use pumasi_protocol::OutputFormat;
use pumasi_protocol::generate::{EmbedInput, Thinking, ToolChoice};
use serde_json::{Value, json};

use super::{
    COUNTS, PNG, answer, arguments, call, chat, events, everything, gemini_parser, head,
    provenance, read, refusal, scored, streamed, text, told, whole,
};

fn body(extra: Value) -> Value {
    let mut body = json!({ "contents": [{ "parts": [{ "text": "hi" }] }] });
    super::properties::merge(&mut body, extra);
    body
}

fn request(extra: Value) -> GenerateRequest {
    read(gemini_parser, &body(extra))
}

#[test]
fn a_conversation_with_everything_keeps_its_order() {
    let request = request(json!({
        "systemInstruction": { "parts": [{ "text": "be brief" }], "role": "user" },
        "contents": [
            { "role": "user", "parts": [{ "text": "look" },
                { "inlineData": { "mimeType": "image/png", "data": PNG } }] },
            { "role": "model", "parts": [{ "text": "hm", "thought": true },
                { "text": "well" },
                { "functionCall": { "name": "f", "args": { "a": 1 } }, "thoughtSignature": "c2ln" },
                { "function_call": { "id": "mine", "name": "f" } }] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "f", "response": { "x": 2 } } },
                { "functionResponse": { "id": "mine", "name": "f", "response": { "x": 3 } } },
                { "text": "and?" }] }],
        "safetySettings": [],
    }));
    expect![[r#"
        System "be brief"
        User "look" +1
        Assistant "well" thought "hm" calls call00000 f{"a":1} calls mine f{}
        Tool "{\"x\":2}" answers call00000
        Tool "{\"x\":3}" answers mine
        User "and?"
    "#]]
    .assert_eq(&told(&chat(&request).messages));
    assert_eq!(request.ignored, ["safetySettings"]);
    assert_eq!(chat(&request).thinking, Thinking::Default);
}

#[test]
fn settings_arrive_in_both_spellings() {
    let camel = json!({ "temperature": 0.5, "topP": 0.9, "topK": 40.0, "candidateCount": 2,
        "maxOutputTokens": 5, "stopSequences": ["END"], "seed": 7, "presencePenalty": 1,
        "frequencyPenalty": -1, "responseLogprobs": true, "logprobs": 3 });
    let snake = json!({ "temperature": 0.5, "top_p": 0.9, "top_k": 40, "candidate_count": 2,
        "max_output_tokens": 5, "stop_sequences": ["END"], "seed": 7, "presence_penalty": 1,
        "frequency_penalty": -1, "response_logprobs": true, "logprobs": 3 });
    let one = request(json!({ "generationConfig": camel }));
    assert_eq!(one, request(json!({ "generation_config": snake })));
    let generate = &one.answers[0];
    assert_eq!((generate.sampling.top_k, generate.max_tokens), (Some(40), Some(5)));
    assert_eq!((generate.sampling.top_p, generate.logprobs), (Some(0.9), Some(3)));
    assert_eq!((one.answers.len(), one.answers[1].sampling.seed), (2, Some(8)));
    let twice = body(json!({ "generationConfig": { "topP": 1, "top_p": 1 } })).to_string();
    assert_eq!(refusal(gemini_parser, &twice), "duplicate_field @ generationConfig.top_p");
}

#[test]
fn googles_schemas_become_json_schemas_in_their_order() {
    let schema = json!({ "type": "OBJECT", "title": "T", "propertyOrdering": ["b", "a"],
        "properties": {
            "a": { "type": "INTEGER", "format": "int32", "minimum": 0, "nullable": true },
            "b": { "type": "ARRAY", "minItems": "1", "items": { "type": "STRING", "enum": ["x"] } },
            "type": { "anyOf": [{ "type": "STRING" }, { "type": "NULL" }] } },
        "required": ["a"] });
    let config = json!({ "responseMimeType": "application/json", "responseSchema": schema });
    let request = request(json!({ "generationConfig": config }));
    let OutputFormat::JsonSchema(schema) = &request.answers[0].format else { panic!("a schema") };
    expect![[r#"{"type":"object","properties":{"b":{"type":"array","minItems":1,"items":{"type":"string","enum":["x"]}},"a":{"type":["integer","null"],"minimum":0},"type":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["a"]}"#]]
    .assert_eq(schema);
    assert_eq!(request.ignored, ["generationConfig.responseSchema.title"]);
}

#[test]
fn functions_and_choices_arrive() {
    let declarations = json!([{ "functionDeclarations": [
        { "name": "f", "description": "d", "parameters": { "type": "OBJECT" } },
        { "name": "g", "parametersJsonSchema": { "type": "object" } }] }]);
    let choose = |config: Value| {
        let config = json!({ "functionCallingConfig": config });
        body(json!({ "tools": declarations, "toolConfig": config }))
    };
    let asked = chat(&read(gemini_parser, &choose(json!({ "mode": "ANY" }))));
    assert_eq!((asked.tools.len(), asked.choice), (2, ToolChoice::Required));
    assert_eq!(asked.tools[0].parameters, asked.tools[1].parameters);
    let one = choose(json!({ "mode": "ANY", "allowedFunctionNames": ["g"] }));
    assert_eq!(chat(&read(gemini_parser, &one)).choice, ToolChoice::Named("g".to_owned()));
    let none = choose(json!({ "mode": "NONE" }));
    assert_eq!(chat(&read(gemini_parser, &none)).choice, ToolChoice::None);
    let unknown = choose(json!({ "mode": "ANY", "allowedFunctionNames": ["h"] })).to_string();
    let path = "toolConfig.functionCallingConfig.allowedFunctionNames[0]";
    assert_eq!(refusal(gemini_parser, &unknown), format!("unknown_tool @ {path}"));
    let search = body(json!({ "tools": [{ "googleSearch": {} }] })).to_string();
    let expected = "unsupported_parameter @ tools[0].googleSearch";
    assert_eq!(refusal(gemini_parser, &search), expected);
}

#[test]
fn thinking_has_budgets_and_levels() {
    let thinking = |config: Value| {
        let config = json!({ "generationConfig": { "thinkingConfig": config } });
        let request = request(config);
        let thoughts = matches!(request.form, Form::Content { thoughts: true, .. });
        (chat(&request).thinking, thoughts)
    };
    assert_eq!(thinking(json!({ "thinkingBudget": 0 })), (Thinking::Off, false));
    assert_eq!(thinking(json!({ "thinkingBudget": -1 })), (Thinking::Auto, false));
    let budget = json!({ "thinkingBudget": 512, "includeThoughts": true });
    assert_eq!(thinking(budget), (Thinking::On(Some(512)), true));
    assert_eq!(thinking(json!({ "thinkingLevel": "LOW" })), (Thinking::On(Some(1_024)), false));
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let parts = |parts: Value| json!({ "contents": [{ "role": "user", "parts": parts }] });
    let cases = [
        (
            parts(json!([{ "fileData": { "fileUri": "gs://x" } }])),
            "remote_urls_disabled @ contents[0].parts[0].fileData",
        ),
        (parts(json!([{ "executableCode": {} }])), "invalid_value @ contents[0].parts[0]"),
        (parts(json!([])), "empty_value @ contents[0].parts"),
        (
            parts(json!([{ "functionResponse": { "name": "f", "response": {} } }])),
            "tool_result_without_call @ contents[0].parts[0].functionResponse",
        ),
        (json!({ "contents": [] }), "empty_messages @ contents"),
        (
            json!({ "contents": [{ "role": "model", "parts": [{ "text": "x" }] }] }),
            "only_system_messages @ contents",
        ),
        (json!({ "cachedContent": "c" }), "unsupported_parameter @ cachedContent"),
        (
            json!({ "generationConfig": { "responseModalities": ["AUDIO"] } }),
            "unsupported_parameter @ generationConfig.responseModalities[0]",
        ),
    ];
    for (extra, expected) in cases {
        assert_eq!(refusal(gemini_parser, &body(extra).to_string()), expected);
    }
}

#[test]
fn counting_takes_contents_or_a_whole_request() {
    let count = |body: &Value| {
        let model = "m".parse().expect("a name");
        let parsed = parse_count(model, body.to_string().as_bytes(), Options::default());
        told(&chat(&parsed.expect("valid")).messages)
    };
    let inner = body(json!({ "model": "models/m" }));
    assert_eq!(count(&body(json!({}))), count(&json!({ "generateContentRequest": inner })));
}

#[test]
fn embeddings_are_one_or_a_batch() {
    let model = || "m".parse().expect("a name");
    let content = json!({ "parts": [{ "text": "a" }] });
    let one = json!({ "content": content, "outputDimensionality": 8, "taskType": "X" }).to_string();
    let one = parse_embed(model(), one.as_bytes(), Options::default()).expect("valid");
    assert_eq!(one.embed.inputs, [EmbedInput::Text("a".to_owned())]);
    assert_eq!((one.embed.dimensions, &one.ignored[..]), (Some(8), &["taskType".to_owned()][..]));
    let batch = json!({ "requests": [{ "model": "models/m", "content": content },
        { "model": "models/m", "content": content }] });
    let batch = parse_embed_batch(model(), batch.to_string().as_bytes(), Options::default());
    assert_eq!(batch.expect("valid").embed.inputs.len(), 2);
}

#[test]
fn a_whole_reply_leaves_thoughts_out_unless_they_were_asked_for() {
    let plain = whole(&request(json!({})), "r", &everything(), Ending::ToolCalls);
    expect![[r#"{"candidates":[{"content":{"parts":[{"text":"Hello"},{"functionCall":{"id":"call0","name":"f","args":{"a":1}}}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":2,"totalTokenCount":17},"modelVersion":"m","responseId":"r","pumasi":[{"job":"j","node":null,"node_name":null,"attempts":1,"timings":{"queued_ms":1.0,"prefill_ms":2.0,"decode_ms":3.5}}]}"#]]
    .assert_eq(&plain.to_string());
    let thoughts = json!({ "generationConfig": { "thinkingConfig": { "includeThoughts": true } } });
    let told = whole(&request(thoughts), "r", &everything(), Ending::Length);
    let first = &told["candidates"][0]["content"]["parts"][0];
    assert_eq!(first, &json!({ "text": "hm", "thought": true }));
    assert_eq!(told["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn log_probabilities_have_googles_names() {
    let answers = [answer(&[scored("a"), scored("b")], Ending::Stop)];
    let reply = content_reply(&head("r"), &answers, COUNTS, false, true, &[provenance()]);
    let reply: Value = serde_json::from_str(&reply).expect("JSON");
    let candidate = &reply["candidates"][0];
    assert_eq!(candidate["avgLogprobs"], -0.5);
    let chosen = &candidate["logprobsResult"]["chosenCandidates"][1];
    assert_eq!(chosen, &json!({ "token": "b", "logProbability": -0.5 }));
    let top = &candidate["logprobsResult"]["topCandidates"][0]["candidates"];
    assert_eq!(top.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_stream_has_whole_calls_and_ends_with_the_reason() {
    let stream = streamed(&request(json!({})), "r", &everything(), &Ending::ToolCalls);
    let events = events(&stream);
    let parts: Vec<String> = events
        .iter()
        .map(|event| {
            let candidate = &event["candidates"][0];
            format!("{} {}\n", candidate["content"]["parts"], candidate["finishReason"])
        })
        .collect();
    expect![[r#"
        [{"text":"Hel"}] null
        [{"text":"lo"}] null
        [{"functionCall":{"id":"call0","name":"f","args":{"a":1}}}] null
        [{"text":""}] "STOP"
    "#]]
    .assert_eq(&parts.concat());
    assert_eq!(events[0]["usageMetadata"]["promptTokenCount"], 10);
    assert_eq!(events[3]["usageMetadata"]["totalTokenCount"], 17);
}

#[test]
fn without_events_a_stream_is_one_array() {
    let model = "m".parse().expect("a name");
    let body = body(json!({})).to_string();
    let request = parse(model, body.as_bytes(), true, false, Options::default()).expect("valid");
    let cut_off = [text("a"), call(0, "f"), arguments(0, "{")];
    let stream = streamed(&request, "r", &cut_off, &Ending::Length);
    let array: Value = serde_json::from_str(&stream).expect("one JSON array");
    assert_eq!(array.as_array().map(Vec::len), Some(2));
    let mut writer = Writer::new(&request, head("r"));
    assert_eq!(writer.content_type(), "application/json");
    let mut broken = writer.piece(0, &text("a"));
    broken.push_str(&writer.heartbeat());
    broken.push_str(&writer.failure(&failure()));
    let array: Value = serde_json::from_str(&broken).expect("one JSON array");
    assert_eq!(array[1]["error"]["status"], "UNAVAILABLE");
}

fn failure() -> Failure {
    Failure {
        status: 503,
        kind: "server_error",
        code: "busy",
        param: None,
        message: "later".to_owned(),
        request_id: "q".to_owned(),
    }
}

#[test]
fn errors_have_googles_shape() {
    expect![[r#"{"error":{"code":503,"message":"later","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BUSY","domain":"pumasi","metadata":{"param":"","request_id":"q"}}]}}"#]]
    .assert_eq(&failure().body(Dialect::Gemini));
}

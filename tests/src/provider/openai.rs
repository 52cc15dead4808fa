//! OpenAI's formats: chat completions whole and in pieces, embeddings, lists of models.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Behaviour;
use super::asked::{Asked, Call, Plan, count_words, text_of, vector};

/// Any time will do, as long as it is one.
const CREATED: u64 = 1_750_000_000;

pub(super) fn asked(body: &Value) -> Asked {
    let empty = Vec::new();
    let messages = body["messages"].as_array().unwrap_or(&empty);
    let text = |message: &Value| text_of(&message["content"]);
    let mine = messages.iter().rev().find(|message| message["role"] == "user");
    let last = messages.last().filter(|message| message["role"] == "tool");
    let tools = body["tools"].as_array().unwrap_or(&empty).iter().filter_map(|tool| {
        let function = &tool["function"];
        Some((function["name"].as_str()?.to_owned(), function["parameters"].clone()))
    });
    let input = &body["input"];
    let inputs = input.as_array().map_or(std::slice::from_ref(input), Vec::as_slice);
    Asked {
        model: body["model"].as_str().unwrap_or("").to_owned(),
        stream: body["stream"] == true,
        counts: body["stream_options"]["include_usage"] == true,
        said: mine.map(text).unwrap_or_default(),
        words: messages.iter().map(|message| count_words(&text(message))).sum(),
        result: last.map(text),
        tools: tools.collect(),
        no_tools: body["tool_choice"] == "none",
        inputs: inputs.iter().map(text_of).collect(),
        packed: body["encoding_format"] == "base64",
    }
}

pub(super) fn whole(asked: &Asked, plan: &Plan) -> Value {
    let calls = plan.calls.iter().map(|call| {
        let mut value = json!({ "type": "function", "function": {
            "name": call.name, "arguments": call.arguments.to_string() } });
        put_id(&mut value, call);
        value
    });
    let calls: Vec<Value> = calls.collect();
    let mut message = json!({ "role": "assistant", "content": plan.text(), "refusal": null });
    if !calls.is_empty() {
        message["content"] = Value::Null;
        message["tool_calls"] = calls.into();
    }
    if let Some(thought) = &plan.thought {
        message["reasoning_content"] = thought.as_str().into();
    }
    json!({
        "id": "chatcmpl-fake", "object": "chat.completion", "created": CREATED,
        "model": asked.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null,
            "finish_reason": finish(plan) }],
        "usage": usage(plan),
        "system_fingerprint": "fp_fake",
    })
}

/// The events of a stream, one after the other.
pub(super) fn events(asked: &Asked, plan: &Plan) -> Vec<String> {
    let mut events = vec![delta(asked, json!({ "role": "assistant", "content": "" }))];
    if let Some(thought) = &plan.thought {
        events.push(delta(asked, json!({ "reasoning_content": thought })));
    }
    events.extend(plan.pieces.iter().map(|piece| delta(asked, json!({ "content": piece }))));
    for (index, call) in plan.calls.iter().enumerate() {
        events.extend(call_events(asked, index, call));
    }
    events.push(chunk(
        asked,
        json!([{ "index": 0, "delta": {}, "logprobs": null,
        "finish_reason": finish(plan) }]),
        Value::Null,
    ));
    if asked.counts {
        events.push(chunk(asked, json!([]), usage(plan)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn call_events(asked: &Asked, index: usize, call: &Call) -> Vec<String> {
    let mut head = json!({ "index": index, "type": "function",
        "function": { "name": call.name, "arguments": "" } });
    put_id(&mut head, call);
    let mut events = vec![delta(asked, json!({ "tool_calls": [head] }))];
    let arguments: Vec<char> = call.arguments.to_string().chars().collect();
    for piece in arguments.chunks(if arguments.len() > 1_000 { 50_000 } else { 8 }) {
        let piece: String = piece.iter().collect();
        let more = json!({ "index": index, "function": { "arguments": piece } });
        events.push(delta(asked, json!({ "tool_calls": [more] })));
    }
    events
}

fn put_id(value: &mut Value, call: &Call) {
    if !call.id.is_empty() {
        value["id"] = call.id.as_str().into();
    }
}

fn delta(asked: &Asked, delta: Value) -> String {
    let choice = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]);
    chunk(asked, choice, Value::Null)
}

fn chunk(asked: &Asked, choices: Value, usage: Value) -> String {
    let mut chunk = json!({
        "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": CREATED,
        "model": asked.model, "system_fingerprint": "fp_fake", "choices": choices,
    });
    if asked.counts {
        chunk["usage"] = usage;
    }
    format!("data: {chunk}\n\n")
}

fn finish(plan: &Plan) -> &'static str {
    if plan.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn usage(plan: &Plan) -> Value {
    json!({
        "prompt_tokens": plan.prompt, "completion_tokens": plan.completion,
        "total_tokens": plan.prompt + plan.completion,
        "prompt_tokens_details": { "cached_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

pub(super) fn embeddings(asked: &Asked) -> Value {
    let one = |(index, text): (usize, &String)| {
        let vector = vector(text);
        let embedding = if asked.packed {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = asked.inputs.iter().enumerate().map(one).collect();
    let tokens: u64 = asked.inputs.iter().map(|text| count_words(text)).sum();
    json!({ "object": "list", "data": data, "model": asked.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens } })
}

pub(super) fn models(names: &[&str]) -> Value {
    let one = |name: &&str| {
        json!({ "id": name, "object": "model", "created": CREATED,
        "owned_by": "fake" })
    };
    json!({ "object": "list", "data": names.iter().map(one).collect::<Vec<_>>() })
}

pub(super) fn error(status: u16, behaviour: &Behaviour) -> Value {
    let (kind, code, message) = match status {
        _ if behaviour.context => (
            "invalid_request_error",
            json!("context_length_exceeded"),
            "This model's maximum context length is 8192 tokens.",
        ),
        401 => (
            "invalid_request_error",
            json!("invalid_api_key"),
            "Incorrect API key provided: sk-xxxx.",
        ),
        404 => ("invalid_request_error", json!("model_not_found"), "The model does not exist."),
        429 => ("tokens", json!("rate_limit_exceeded"), "Rate limit reached."),
        // llama.cpp's words while it loads.
        503 if behaviour.loading > 0 => ("unavailable_error", json!(503), "Loading model"),
        500.. => ("server_error", Value::Null, "The server had an error."),
        _ => ("invalid_request_error", Value::Null, "Something is wrong with this request."),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

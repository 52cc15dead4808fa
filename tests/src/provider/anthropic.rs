//! Anthropic's formats: messages whole and in events, counts, lists of models.

use serde_json::{Value, json};

use super::Behaviour;
use super::asked::{Asked, Call, Plan, count_words, text_of};

pub(super) fn asked(body: &Value) -> Asked {
    let empty = Vec::new();
    let messages = body["messages"].as_array().unwrap_or(&empty);
    let mine =
        |message: &&Value| message["role"] == "user" && !text_of(&message["content"]).is_empty();
    let said = messages.iter().rev().find(mine);
    let parts = messages.last().and_then(|message| message["content"].as_array());
    let result = parts.and_then(|parts| parts.iter().find(|part| part["type"] == "tool_result"));
    let tools =
        body["tools"].as_array().unwrap_or(&empty).iter().filter_map(|tool| {
            Some((tool["name"].as_str()?.to_owned(), tool["input_schema"].clone()))
        });
    let all = messages.iter().map(|message| text_of(&message["content"]));
    let all = all.chain([text_of(&body["system"])]);
    Asked {
        model: body["model"].as_str().unwrap_or("").to_owned(),
        stream: body["stream"] == true,
        counts: true,
        said: said.map(|message| text_of(&message["content"])).unwrap_or_default(),
        words: all.map(|text| count_words(&text)).sum(),
        result: result.map(|part| text_of(&part["content"])),
        tools: tools.collect(),
        no_tools: body["tool_choice"]["type"] == "none",
        ..Asked::default()
    }
}

pub(super) fn whole(asked: &Asked, plan: &Plan) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = &plan.thought {
        content.push(json!({ "type": "thinking", "thinking": thought, "signature": "c2ln" }));
    }
    if !plan.pieces.is_empty() {
        content.push(json!({ "type": "text", "text": plan.text() }));
    }
    content.extend(plan.calls.iter().map(|call| block(call, call.arguments.clone())));
    let usage = json!({ "input_tokens": plan.prompt, "output_tokens": plan.completion });
    let mut message = message(asked, usage);
    message["content"] = content.into();
    message["stop_reason"] = stop(plan).into();
    message
}

fn message(asked: &Asked, usage: Value) -> Value {
    json!({ "id": "msg_fake", "type": "message", "role": "assistant", "model": asked.model,
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage })
}

/// The events of a stream, one after the other.
pub(super) fn events(asked: &Asked, plan: &Plan) -> Vec<String> {
    let usage = json!({ "input_tokens": plan.prompt, "output_tokens": 1,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0 });
    let start = json!({ "type": "message_start", "message": message(asked, usage) });
    let mut events = vec![event(start)];
    let mut index = 0;
    if let Some(thought) = &plan.thought {
        let delta = json!({ "type": "thinking_delta", "thinking": thought });
        let signed = json!({ "type": "signature_delta", "signature": "c2ln" });
        let begins = json!({ "type": "thinking", "thinking": "", "signature": "" });
        events.extend(blocks(&mut index, begins, vec![delta, signed]));
    }
    events.push(event(json!({ "type": "ping" })));
    if !plan.pieces.is_empty() {
        let delta = |piece: &String| json!({ "type": "text_delta", "text": piece });
        let deltas = plan.pieces.iter().map(delta).collect();
        events.extend(blocks(&mut index, json!({ "type": "text", "text": "" }), deltas));
    }
    for call in &plan.calls {
        let arguments: Vec<char> = call.arguments.to_string().chars().collect();
        let size = if arguments.len() > 1_000 { 50_000 } else { 8 };
        let pieces = arguments.chunks(size).map(|piece| piece.iter().collect::<String>());
        let delta = |piece| json!({ "type": "input_json_delta", "partial_json": piece });
        events.extend(blocks(&mut index, block(call, json!({})), pieces.map(delta).collect()));
    }
    events.push(event(json!({ "type": "message_delta",
        "delta": { "stop_reason": stop(plan), "stop_sequence": null },
        "usage": { "output_tokens": plan.completion } })));
    events.push(event(json!({ "type": "message_stop" })));
    events
}

/// One block's events; each block has the next number.
fn blocks(index: &mut u32, begins: Value, deltas: Vec<Value>) -> Vec<String> {
    let at = *index;
    *index += 1;
    let start = json!({ "type": "content_block_start", "index": at, "content_block": begins });
    let delta = |delta| json!({ "type": "content_block_delta", "index": at, "delta": delta });
    let stop = json!({ "type": "content_block_stop", "index": at });
    let all = [start].into_iter().chain(deltas.into_iter().map(delta)).chain([stop]);
    all.map(event).collect()
}

fn event(data: Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or(""))
}

fn block(call: &Call, input: Value) -> Value {
    let mut block = json!({ "type": "tool_use", "name": call.name, "input": input });
    if !call.id.is_empty() {
        block["id"] = call.id.as_str().into();
    }
    block
}

fn stop(plan: &Plan) -> &'static str {
    if plan.calls.is_empty() { "end_turn" } else { "tool_use" }
}

pub(super) fn models(names: &[&str]) -> Value {
    let one = |name: &&str| {
        json!({ "type": "model", "id": name, "display_name": name,
        "created_at": "2025-01-01T00:00:00Z" })
    };
    json!({ "data": names.iter().map(one).collect::<Vec<_>>(), "has_more": false,
        "first_id": names.first(), "last_id": names.last() })
}

pub(super) fn error(status: u16, behaviour: &Behaviour) -> Value {
    let (kind, message) = match status {
        _ if behaviour.context => {
            ("invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum")
        }
        401 => ("authentication_error", "invalid x-api-key"),
        404 => ("not_found_error", "model: no such model"),
        429 => ("rate_limit_error", "This request would exceed your rate limit."),
        503 if behaviour.loading > 0 => ("overloaded_error", "Loading model"),
        500.. => ("overloaded_error", "Overloaded"),
        _ => ("invalid_request_error", "Something is wrong with this request."),
    };
    json!({ "type": "error", "error": { "type": kind, "message": message },
        "request_id": "req_fake" })
}

//! Gemini's formats: content whole and in pieces, embeddings, lists of models.

use serde_json::{Value, json};

use super::Behaviour;
use super::asked::{Asked, Call, Plan, count_words, text_of, vector};

pub(super) fn asked(model: &str, stream: bool, body: &Value) -> Asked {
    let empty = Vec::new();
    let contents = body["contents"].as_array().unwrap_or(&empty);
    let mine =
        |content: &&Value| content["role"] != "model" && !text_of(&content["parts"]).is_empty();
    let said = contents.iter().rev().find(mine);
    let parts = contents.last().and_then(|content| content["parts"].as_array());
    let result = parts.and_then(|parts| {
        parts.iter().map(|part| &part["functionResponse"]["response"]).find(|r| !r.is_null())
    });
    let declared = &body["tools"][0]["functionDeclarations"];
    let tools = declared.as_array().unwrap_or(&empty).iter().filter_map(|tool| {
        let schemas = [&tool["parametersJsonSchema"], &tool["parameters"]];
        let schema = schemas.into_iter().find(|schema| !schema.is_null());
        Some((tool["name"].as_str()?.to_owned(), schema.cloned().unwrap_or_default()))
    });
    let all = contents.iter().chain([&body["systemInstruction"]]);
    let inputs = match body["requests"].as_array() {
        Some(requests) => requests.iter().map(|one| text_of(&one["content"]["parts"])).collect(),
        None => vec![text_of(&body["content"]["parts"])],
    };
    Asked {
        model: model.to_owned(),
        stream,
        counts: true,
        said: said.map(|content| text_of(&content["parts"])).unwrap_or_default(),
        words: all.map(|content| count_words(&text_of(&content["parts"]))).sum(),
        result: result.map(|result| result.to_string()),
        tools: tools.collect(),
        no_tools: body["toolConfig"]["functionCallingConfig"]["mode"] == "NONE",
        inputs,
        packed: false,
    }
}

pub(super) fn whole(asked: &Asked, plan: &Plan) -> Value {
    let mut parts = Vec::new();
    if let Some(thought) = &plan.thought {
        parts.push(json!({ "text": thought, "thought": true }));
    }
    if !plan.pieces.is_empty() {
        parts.push(json!({ "text": plan.text() }));
    }
    parts.extend(plan.calls.iter().map(called));
    response(asked, plan, parts, true)
}

/// Each piece of a stream is a whole response with more of the answer.
pub(super) fn events(asked: &Asked, plan: &Plan) -> Vec<String> {
    let mut parts: Vec<Value> = Vec::new();
    if let Some(thought) = &plan.thought {
        parts.push(json!({ "text": thought, "thought": true }));
    }
    parts.extend(plan.pieces.iter().map(|piece| json!({ "text": piece })));
    parts.extend(plan.calls.iter().map(called));
    let last = parts.len().saturating_sub(1);
    let event = |(place, part): (usize, Value)| {
        let response = response(asked, plan, vec![part], place == last);
        format!("data: {response}\r\n\r\n")
    };
    parts.into_iter().enumerate().map(event).collect()
}

fn called(call: &Call) -> Value {
    let mut value = json!({ "name": call.name, "args": call.arguments });
    if !call.id.is_empty() {
        value["id"] = call.id.as_str().into();
    }
    json!({ "functionCall": value })
}

fn response(asked: &Asked, plan: &Plan, parts: Vec<Value>, last: bool) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    let mut usage = json!({ "promptTokenCount": plan.prompt, "totalTokenCount": plan.prompt });
    if last {
        candidate["finishReason"] = "STOP".into();
        usage["candidatesTokenCount"] = plan.completion.into();
        usage["totalTokenCount"] = (plan.prompt + plan.completion).into();
    }
    json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model,
        "responseId": "fake" })
}

/// One vector, or one for each request of a batch.
pub(super) fn embeddings(asked: &Asked, batch: bool) -> Value {
    let one = |text: &String| json!({ "values": vector(text) });
    if batch {
        json!({ "embeddings": asked.inputs.iter().map(one).collect::<Vec<_>>() })
    } else {
        json!({ "embedding": asked.inputs.first().map(one) })
    }
}

pub(super) fn models(names: &[&str]) -> Value {
    let one = |name: &&str| {
        let methods = if name.contains("embed") {
            json!(["embedContent", "batchEmbedContents"])
        } else {
            json!(["generateContent", "countTokens"])
        };
        json!({ "name": format!("models/{name}"), "version": "001", "displayName": name,
            "inputTokenLimit": 32_768, "outputTokenLimit": 8_192,
            "supportedGenerationMethods": methods })
    };
    json!({ "models": names.iter().map(one).collect::<Vec<_>>() })
}

pub(super) fn error(status: u16, behaviour: &Behaviour) -> Value {
    let (word, message) = match status {
        _ if behaviour.context => (
            "INVALID_ARGUMENT",
            "The input token count exceeds the maximum number of tokens allowed (1048576).",
        ),
        // Here a wrong key is a wrong argument.
        400 | 401 if behaviour.bad_key => {
            ("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        }
        404 => ("NOT_FOUND", "models/x is not found for API version v1beta."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        500.. => ("INTERNAL", "An internal error has occurred."),
        _ => ("INVALID_ARGUMENT", "Something is wrong with this request."),
    };
    json!({ "error": { "code": status, "message": message, "status": word } })
}

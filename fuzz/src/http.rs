//! Bodies that programs send over HTTP. The first byte chooses the API; its highest bit, whether
//! unknown fields are refused.

use pumasi_dialects::Invalid;
use pumasi_dialects::openai::{self, Options};
use pumasi_protocol::limits;

/// See the module.
///
/// # Panics
/// When a body is let through that says what no job may say.
pub fn run(data: &[u8]) {
    let Some((which, body)) = data.split_first() else { return };
    let options = Options { strict: which & 0x80 != 0 };
    match which & 0x7f {
        0 => generate(openai::parse_chat(body, options)),
        1 => generate(openai::parse_completion(body, options)),
        2 => match openai::parse_embeddings(body, options) {
            Ok(request) => assert!(request.embed.inputs.len() <= limits::EMBED_INPUTS),
            Err(invalid) => tells(&invalid),
        },
        _ => {
            let object = pumasi_dialects::json_object::<serde_json::Value>(body);
            assert!(object.is_err() || object.is_ok_and(|value| value.is_object()));
        }
    }
}

fn generate(parsed: Result<openai::GenerateRequest, Invalid>) {
    let request = match parsed {
        Ok(request) => request,
        Err(invalid) => return tells(&invalid),
    };
    assert!(!request.answers.is_empty() && request.copies >= 1);
    for answer in &request.answers {
        assert!(answer.stop.len() <= limits::STOP_STRINGS);
        assert!(answer.logprobs.is_none_or(|top| top <= limits::TOP_LOGPROBS));
        let drawn = &answer.sampling;
        for number in [drawn.temperature, drawn.top_p, drawn.min_p, drawn.repeat_penalty] {
            assert!(number.is_none_or(f32::is_finite));
        }
        assert!(drawn.logit_bias.len() <= limits::LOGIT_BIAS_ENTRIES);
    }
}

/// A refusal is a sentence, and no longer than one.
fn tells(invalid: &Invalid) {
    let sentence = invalid.to_string();
    assert!(!sentence.is_empty() && sentence.len() < 1_000, "{sentence}");
}

/// Bodies that are taken, and the beginnings of bad ones.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let bodies: [(u8, &str); 12] = [
        (0, r#"{"model":"a","messages":[{"role":"user","content":"hi"}]}"#),
        (
            0,
            r#"{"model":"a/b:c","stream":true,"stream_options":{"include_usage":true},"max_tokens":5,
            "n":2,"temperature":0.7,"top_p":0.9,"top_k":40,"min_p":0.05,"seed":-1,"stop":["x","y"],
            "frequency_penalty":0.5,"presence_penalty":-0.5,"repetition_penalty":1.1,
            "logit_bias":{"5":-100},"logprobs":true,"top_logprobs":3,"user":"u",
            "messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"}]}]}"#,
        ),
        (
            0,
            r#"{"model":"a","tools":[{"type":"function","function":{"name":"f","description":"d",
            "parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}],
            "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
            "messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,
            "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
            {"role":"tool","tool_call_id":"c","content":"2"}]}"#,
        ),
        (
            0,
            r#"{"model":"a","response_format":{"type":"json_schema","json_schema":{"name":"n",
            "schema":{"type":"object","properties":{"a":{"enum":[1,"b",null]}},"required":["a"]}}},
            "reasoning_effort":"low","messages":[{"role":"user","content":"\ud83d\ude00"}]}"#,
        ),
        (
            0x80,
            r#"{"model":"a","messages":[{"role":"user","content":[{"type":"image_url",
            "image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}],"thinking":{"type":"enabled",
            "budget_tokens":9},"pumasi":{"not":["00"],"trust":"mine","priority":"batch"},"cache_prompt":1}"#,
        ),
        (1, r#"{"model":"a","prompt":"once","max_tokens":3,"echo":true,"logprobs":2,"n":1}"#),
        (1, r#"{"model":"a","prompt":[1,2,3],"ignore_eos":true}"#),
        (1, r#"{"model":"a","prompt":["a","b"],"suffix":null,"best_of":1}"#),
        (2, r#"{"model":"a","input":["a","b"],"encoding_format":"base64","dimensions":5}"#),
        (2, r#"{"model":"a","input":[[1,2],[3]]}"#),
        (3, r#"{"a":{"b":[1,2.5e3,true,null,"\u0000"]}}"#),
        (0, "\u{feff}{\"model\":\"a\",\"model\":\"b\"}"),
    ];
    bodies.iter().map(|(which, body)| [&[*which], body.as_bytes()].concat()).collect()
}

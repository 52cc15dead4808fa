//! Bodies that programs send over HTTP. The first byte chooses the API; its highest bit, whether
//! unknown fields are refused.

use pumasi_dialects::{
    EmbedRequest, GenerateRequest, Invalid, Options, anthropic, gemini, ollama, openai, responses,
};
use pumasi_protocol::{ModelName, limits};

/// See the module.
///
/// # Panics
/// When a body is let through that says what no job may say.
pub fn run(data: &[u8]) {
    let Some((which, body)) = data.split_first() else { return };
    let options = Options { strict: which & 0x80 != 0 };
    let model = || ModelName::try_from("a".to_owned()).expect("a name");
    match which & 0x7f {
        0 => generate(openai::parse_chat(body, options)),
        1 => generate(openai::parse_completion(body, options)),
        2 => embed(openai::parse_embeddings(body, options)),
        3 => {
            let object = pumasi_dialects::json_object::<serde_json::Value>(body);
            assert!(object.is_err() || object.is_ok_and(|value| value.is_object()));
        }
        4 => generate(anthropic::parse(body, options)),
        5 => generate(anthropic::parse_count(body, options)),
        6 => generate(ollama::parse_chat(body, options)),
        7 => generate(ollama::parse_generate(body, options)),
        8 => embed(ollama::parse_embed(body, options)),
        9 => drop(ollama::parse_show(body, options).map_err(|invalid| tells(&invalid))),
        10 => generate(gemini::parse(model(), body, true, true, options)),
        11 => embed(gemini::parse_embed_batch(model(), body, options)),
        12 => generate(responses::parse(body, options)),
        14 => embed(ollama::parse_embed_one(body, options)),
        15 => embed(gemini::parse_embed(model(), body, options)),
        16 => generate(gemini::parse_count(model(), body, options)),
        17 => generate(gemini::parse(model(), body, false, false, options)),
        _ => generate(responses::parse_count(body, options)),
    }
}

fn embed(parsed: Result<EmbedRequest, Invalid>) {
    match parsed {
        Ok(request) => assert!(request.embed.inputs.len() <= limits::EMBED_INPUTS),
        Err(invalid) => tells(&invalid),
    }
}

fn generate(parsed: Result<GenerateRequest, Invalid>) {
    let request = match parsed {
        Ok(request) => request,
        Err(invalid) => return tells(&invalid),
    };
    assert!(!request.answers.is_empty());
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
    let bodies: [(u8, &str); 26] = [
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
        (
            4,
            r#"{"model":"a","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":[{"type":"text","text":"t"}]},{"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"i","name":"f","input":{"x":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":"2"}]}],
            "tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},
            "thinking":{"type":"enabled","budget_tokens":1024},"stop_sequences":["x"],"stream":true}"#,
        ),
        (5, r#"{"model":"a","messages":[{"role":"user","content":"t"}]}"#),
        (
            6,
            r#"{"model":"a:latest","messages":[{"role":"user","content":"t","images":["iVBORw0KGgo="]}],"stream":false,
            "format":{"type":"object"},"options":{"num_ctx":9,"num_predict":5,"stop":["x"],"seed":3},"think":true,
            "keep_alive":"5m"}"#,
        ),
        (7, r#"{"model":"a","prompt":"t","suffix":"","raw":true,"system":"s","format":"json"}"#),
        (8, r#"{"model":"a","input":["t","u"],"truncate":true}"#),
        (
            10,
            r#"{"contents":[{"role":"user","parts":[{"text":"t"}]},{"role":"model","parts":[{"functionCall":{"name":"f",
            "args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":1}}}]}],
            "systemInstruction":{"parts":[{"text":"s"}]},"generationConfig":{"temperature":1,"maxOutputTokens":3,
            "responseMimeType":"application/json","thinkingConfig":{"thinkingBudget":0}}}"#,
        ),
        (11, r#"{"requests":[{"model":"models/a","content":{"parts":[{"text":"t"}]}}]}"#),
        (
            12,
            r#"{"model":"a","input":[{"role":"user","content":[{"type":"input_text","text":"t"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"1"}],"instructions":"i","stream":true,
            "reasoning":{"effort":"low"},"text":{"format":{"type":"text"}},"store":false}"#,
        ),
        (13, r#"{"model":"a","input":"t","instructions":"i"}"#),
        (14, r#"{"model":"a","prompt":"t","options":{"num_ctx":9}}"#),
        (15, r#"{"model":"models/a","content":{"parts":[{"text":"t"}]},"outputDimensionality":5}"#),
        (16, r#"{"contents":[{"parts":[{"text":"t"}]}]}"#),
        (
            16,
            r#"{"generateContentRequest":{"model":"models/a","contents":[{"role":"user","parts":[{"text":"t"}]}],
            "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}]}}"#,
        ),
        (
            17,
            r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}],
            "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},"safetySettings":[]}"#,
        ),
        (0, "\u{feff}{\"model\":\"a\",\"model\":\"b\"}"),
    ];
    bodies.iter().map(|(which, body)| [&[*which], body.as_bytes()].concat()).collect()
}

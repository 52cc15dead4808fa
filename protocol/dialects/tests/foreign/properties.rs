//! Whatever the bytes, parsing ends with a request within the protocol's limits or with a refusal; and
//! however an answer is cut into pieces, its stream says the same.

use proptest::prelude::*;
use pumasi_dialects::{Delta, Ending, Options, anthropic, ollama};
use serde_json::{Value, json};

use super::{Parser, everything, gemini_parser, responses_parser, streamed};

pub(crate) fn merge(body: &mut Value, extra: Value) {
    if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
        body.extend(extra);
    }
}

pub(crate) const PARSERS: [(&str, Parser); 5] = [
    ("anthropic", anthropic::parse),
    ("gemini", gemini_parser),
    ("ollama chat", ollama::parse_chat),
    ("ollama generate", ollama::parse_generate),
    ("responses", responses_parser),
];

/// JSON of any shape, with the names that the parsers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Names of fields and kinds of all dialects.
fn word() -> impl Strategy<Value = String> {
    let words = "role content parts type text user model assistant tool function tool_use \
        tool_result tool_use_id thinking image source base64 data document id name input \
        functionCall function_response args response inlineData mimeType function_call \
        function_call_output call_id output arguments reasoning summary tool_calls tool_name \
        images message input_text input_image image_url x";
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    prop::sample::select(words)
}

fn field() -> impl Strategy<Value = String> {
    let fields = "messages contents input system systemInstruction system_instruction tools \
        tool_choice toolConfig tool_config thinking think options format text reasoning \
        generationConfig generation_config output_config stop_sequences stream max_tokens \
        max_output_tokens temperature top_p top_k top_logprobs logprobs include metadata prompt \
        raw images pumasi instructions store truncation";
    let fields: Vec<String> = fields.split_whitespace().map(str::to_owned).collect();
    prop::sample::select(fields)
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for (_, parser) in PARSERS {
            let _ = parser(&bytes, Options { strict: true });
        }
    }

    #[test]
    fn what_is_accepted_is_within_the_protocols_limits(
        extra in prop::collection::vec((field(), any_json()), 0..5),
        message in any_json(),
    ) {
        let said = json!({ "role": "user", "content": "x" });
        let mut body = json!({ "model": "m", "prompt": "x", "max_tokens": 5,
            "messages": [said, message], "input": [said, message],
            "contents": [{ "role": "user", "parts": [{ "text": "x" }] }, message] });
        merge(&mut body, Value::Object(extra.into_iter().collect()));
        let text = body.to_string();
        for (name, parser) in PARSERS {
            if let Ok(request) = parser(text.as_bytes(), Options::default()) {
                let within = pumasi_protocol::Generate::is_within_limits;
                prop_assert!(request.answers.iter().all(within), "{}", name);
            }
        }
    }

    #[test]
    fn streams_say_the_same_however_the_answer_is_cut(cuts in prop::collection::vec(1_usize..4, 0..12)) {
        for (name, parser) in PARSERS {
            let request = super::read(parser, &simple());
            let stream = |deltas: &[Delta]| {
                said(name, &streamed(&request, "resp_1", deltas, &Ending::ToolCalls))
            };
            prop_assert_eq!(stream(&cut(&everything(), &cuts)), stream(&everything()), "{}", name);
        }
    }
}

/// A body that every parser takes.
fn simple() -> Value {
    json!({ "model": "m", "max_tokens": 9, "prompt": "x", "input": "x",
        "messages": [{ "role": "user", "content": "x" }],
        "contents": [{ "role": "user", "parts": [{ "text": "x" }] }],
        "generationConfig": { "thinkingConfig": { "includeThoughts": true } } })
}

/// The same answer in smaller pieces.
fn cut(deltas: &[Delta], cuts: &[usize]) -> Vec<Delta> {
    let mut sizes = cuts.iter().copied().cycle();
    let mut pieces = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(sizes.next().unwrap_or(9)).map(|piece| piece.iter().collect()).collect()
    };
    let smaller = deltas.iter().flat_map(|delta| match delta {
        Delta::Content { text, .. } => pieces(text).iter().map(|t| super::text(t)).collect(),
        Delta::Reasoning(text) => pieces(text).into_iter().map(Delta::Reasoning).collect(),
        Delta::Arguments { index, text } => {
            let index = *index;
            pieces(text).into_iter().map(|text| Delta::Arguments { index, text }).collect()
        }
        Delta::ToolCall { .. } => vec![delta.clone()],
    });
    smaller.collect()
}

/// What a stream says, whatever its pieces: its texts joined, each with the sort before it.
fn said(name: &str, stream: &str) -> String {
    let objects: Vec<Value> = if name.starts_with("ollama") {
        stream.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    } else {
        super::events(stream)
    };
    let mut said: Vec<(String, String)> = Vec::new();
    for object in &objects {
        for (path, text) in texts(object) {
            match said.last_mut() {
                Some((last, joined)) if *last == path => joined.push_str(&text),
                Some(_) | None => said.push((path, text)),
            }
        }
    }
    format!("{said:?}")
}

/// The texts of an event that grow piece by piece, by what they are.
fn texts(event: &Value) -> Vec<(String, String)> {
    let places = [
        "/delta/text",
        "/delta/thinking",
        "/delta/partial_json",
        "/delta",
        "/response",
        "/thinking",
        "/message/content",
        "/message/thinking",
        "/candidates/0/content/parts/0/text",
        "/candidates/0/content/parts/0/functionCall",
        "/message/tool_calls",
        "/response/output",
        "/delta/stop_reason",
    ];
    let kind = event["type"].as_str().unwrap_or("").to_owned()
        + event.pointer("/candidates/0/content/parts/0/thought").map_or("", |_| "thought");
    let found = places.iter().filter_map(|place| {
        let value = event.pointer(place)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let grows = value.is_string()
            || place.ends_with("Call")
            || place.ends_with("calls")
            || place.ends_with("output");
        (grows && !text.is_empty()).then(|| (format!("{kind} {place}"), text))
    });
    found.collect()
}

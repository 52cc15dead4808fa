//! Answers that our own server side writes are heard as they were said, however their bytes are cut.

use expect_test::expect;
use proptest::prelude::*;
use pumasi_dialects::assemble::TokenLogprob;
use pumasi_dialects::provider::{Heard, Speech, read_whole};
use pumasi_dialects::{Answer, Counts, Delta, Ending, Head};
use serde_json::Value;

use super::{COUNTS, SPEECHES, asked, hear, provenance, stream, told};

fn text(text: &str) -> Delta {
    Delta::Content { text: text.to_owned(), logprobs: Vec::new() }
}

/// Thinking, text, and calls with whole arguments in pieces, as an engine's answer has them.
fn answers() -> impl Strategy<Value = Vec<Delta>> {
    let thoughts = prop::collection::vec("[a-zé ]{1,6}", 0..3);
    let texts = prop::collection::vec("[a-z창\"\\\\\n ]{1,6}", 0..4);
    let calls = prop::collection::vec(("[a-z_]{1,8}", "[a-z창\" ]{0,6}", 1_usize..5), 0..3);
    (thoughts, texts, calls).prop_map(|(thoughts, texts, calls)| {
        let mut deltas: Vec<Delta> = thoughts.into_iter().map(Delta::Reasoning).collect();
        deltas.extend(texts.iter().map(|said| text(said)));
        for (index, (name, value, size)) in (0..).zip(calls) {
            deltas.push(Delta::ToolCall { index, id: format!("id{index}"), name });
            let arguments = serde_json::json!({ "a": value }).to_string();
            let chars: Vec<char> = arguments.chars().collect();
            for piece in chars.chunks(size) {
                deltas.push(Delta::Arguments { index, text: piece.iter().collect() });
            }
        }
        deltas
    })
}

/// How the server side's words for an ending are heard.
fn ending(deltas: &[Delta]) -> Ending {
    let called = deltas.iter().any(|delta| matches!(delta, Delta::ToolCall { .. }));
    if called { Ending::ToolCalls } else { Ending::Stop }
}

fn said(deltas: &[Delta], ending: Ending) -> String {
    let heard = deltas.iter().cloned().map(Heard::Delta);
    let heard: Vec<Heard> = heard.chain([Heard::Counts(COUNTS), Heard::Ended(ending)]).collect();
    told(&heard)
}

proptest! {
    #[test]
    fn what_our_own_server_side_says_is_heard(deltas in answers()) {
        for speech in SPEECHES {
            let stream = stream(speech, &deltas, &ending(&deltas));
            let heard = told(&hear(speech, [stream.as_bytes()]));
            prop_assert_eq!(heard, said(&deltas, ending(&deltas)), "{:?}", speech);
        }
    }

    #[test]
    fn however_the_bytes_are_cut_the_same_is_heard(
        deltas in answers(),
        cuts in prop::collection::vec(1_usize..40, 1..20),
        returns in any::<bool>(),
    ) {
        for speech in SPEECHES {
            let mut stream = stream(speech, &deltas, &ending(&deltas));
            if returns {
                stream = stream.replace('\n', "\r\n");
            }
            let (mut rest, mut pieces) = (stream.as_bytes(), Vec::new());
            for size in cuts.iter().copied().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(size.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(hear(speech, pieces), hear(speech, [stream.as_bytes()]), "{:?}", speech);
        }
    }

    #[test]
    fn whole_replies_say_the_same_as_streams(deltas in answers()) {
        for speech in SPEECHES {
            let mut answer = Answer::default();
            deltas.iter().for_each(|delta| answer.push(delta.clone()));
            answer.end(ending(&deltas));
            let head = Head { id: "id_1".to_owned(), created: 1, model: "m".to_owned() };
            let body =
                pumasi_dialects::whole(&asked(speech), &head, &[answer], COUNTS, &[provenance()]);
            let heard = told(&read_whole(speech, body.as_bytes()));
            prop_assert_eq!(heard, said(&deltas, ending(&deltas)), "{:?}", speech);
        }
    }

    #[test]
    fn no_bytes_make_hearing_panic(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
    ) {
        for speech in SPEECHES {
            let heard = hear(speech, pieces.iter().map(Vec::as_slice));
            prop_assert!(matches!(heard.last(), Some(Heard::Failed(_))));
        }
    }

    #[test]
    fn no_json_makes_hearing_panic(events in prop::collection::vec(any_event(), 0..6)) {
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        for speech in SPEECHES {
            let heard = hear(speech, [stream.as_bytes()]);
            let last = |one: &Heard| matches!(one, Heard::Ended(_) | Heard::Failed(_));
            prop_assert_eq!(heard.iter().filter(|one| last(one)).count(), 1);
            prop_assert!(heard.last().is_some_and(last));
        }
    }
}

/// JSON of any shape, with the names that are looked for.
fn any_event() -> impl Strategy<Value = Value> {
    let words = "choices delta message content tool_calls index id name function arguments type \
        text content_block content_block_start content_block_delta content_block_stop tool_use \
        input_json_delta partial_json message_delta stop_reason usage candidates parts functionCall \
        args finishReason finish_reason STOP stop length thinking input_tokens logprobs error";
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let word = prop::sample::select(words);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn log_probabilities_are_heard() {
    let token = TokenLogprob {
        bytes: vec![0xc3],
        logprob: -0.5,
        top: vec![(vec![0xc3], -0.5), (b"x".to_vec(), -2.25)],
    };
    let delta = Delta::Content { text: "é".to_owned(), logprobs: vec![token] };
    let stream = stream(Speech::OpenAi, std::slice::from_ref(&delta), &Ending::Stop);
    assert_eq!(hear(Speech::OpenAi, [stream.as_bytes()])[0], Heard::Delta(delta));
}

#[test]
fn endings_are_heard_as_far_as_a_dialect_tells_them() {
    let heard = |speech, ending: Ending| {
        let stream = stream(speech, &[text("x")], &ending);
        hear(speech, [stream.as_bytes()]).pop()
    };
    for speech in SPEECHES {
        assert_eq!(heard(speech, Ending::Length), Some(Heard::Ended(Ending::Length)), "{speech:?}");
    }
    let stop = Ending::StopString("END".to_owned());
    assert_eq!(heard(Speech::Anthropic, stop.clone()), Some(Heard::Ended(stop.clone())));
    assert_eq!(heard(Speech::OpenAi, stop), Some(Heard::Ended(Ending::Stop)));
}

#[test]
fn the_words_of_a_real_stream_of_each_dialect() {
    let openai = r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{\"b\":"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"2}"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}

data: [DONE]

"#;
    expect![[r#"
        call 0 call_a f 
        with 0 {"a":1}
        call 1 call_b g 
        with 1 {"b":2}
        ToolCalls 
        Counts { prompt: 5, cached: 2, completion: 3, reasoning: 0 }"#]]
    .assert_eq(&told(&hear(Speech::OpenAi, [openai.as_bytes()])));
    let anthropic = r#"event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: ping
data: {"type": "ping"}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;
    expect![[r#"
        thought hm
        call 0 toolu_1 f 
        ToolCalls 
        Counts { prompt: 30, cached: 5, completion: 15, reasoning: 0 }"#]]
    .assert_eq(&told(&hear(Speech::Anthropic, [anthropic.as_bytes()])));
    let gemini = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hi\"}],\"role\": \
        \"model\"}}],\"usageMetadata\": {\"promptTokenCount\": 5}}\r\n\r\n\
        data: {\"candidates\": [{\"content\": {\"parts\": [{\"functionCall\": {\"name\": \"f\",\
        \"args\": {\"a\": 1}}},{\"functionCall\": {\"name\": \"f\"}}]},\"finishReason\": \"STOP\"}],\
        \"usageMetadata\": {\"promptTokenCount\": 5,\"candidatesTokenCount\": 4,\
        \"thoughtsTokenCount\": 3}}\r\n\r\n";
    expect![[r#"
        text Hi
        call 0 call00000 f 
        with 0 {"a":1}
        call 1 call00001 f 
        with 1 {}
        ToolCalls 
        Counts { prompt: 5, cached: 0, completion: 7, reasoning: 3 }"#]]
    .assert_eq(&told(&hear(Speech::Gemini, [gemini.as_bytes()])));
    assert_eq!(Counts::default().prompt, 0);
}

//! Replies and streams, as the official clients read them.

use expect_test::{Expect, expect};
use pumasi_dialects::assemble::TokenLogprob;
use pumasi_dialects::openai::{Stream, chat_reply, completion_reply, embeddings, error_event};
use pumasi_dialects::{Answer, Counts, Delta, Ending, Head, Provenance, TimingsMs};
use pumasi_protocol::Embedded;

fn head() -> Head {
    Head { id: "chatcmpl-1".to_owned(), created: 1_700_000_000, model: "m".to_owned() }
}

fn provenance() -> Provenance {
    let timings = TimingsMs { queued_ms: 0.5, prefill_ms: 2.0, decode_ms: 8.25 };
    Provenance {
        job: "j".to_owned(),
        node: Some("n".to_owned()),
        node_name: Some("desk".to_owned()),
        provider: None,
        thinking_budget: None,
        attempts: 1,
        timings: Some(timings),
        seams: Vec::new(),
    }
}

const COUNTS: Counts = Counts { prompt: 5, cached: 2, completion: 7, reasoning: 3 };

fn text(text: &str) -> Delta {
    Delta::Content { text: text.to_owned(), logprobs: Vec::new() }
}

fn call(index: u32, id: &str, name: &str) -> Delta {
    Delta::ToolCall { index, id: id.to_owned(), name: name.to_owned() }
}

fn arguments(index: u32, text: &str) -> Delta {
    Delta::Arguments { index, text: text.to_owned() }
}

fn logprob(text: &str) -> Delta {
    let token = TokenLogprob {
        bytes: text.as_bytes().to_vec(),
        logprob: -0.5,
        top: vec![(text.as_bytes().to_vec(), -0.5), (vec![0xe2], -1.5)],
    };
    Delta::Content { text: text.to_owned(), logprobs: vec![token] }
}

fn answer(deltas: Vec<Delta>, ending: Ending) -> Answer {
    let mut answer = Answer::default();
    deltas.into_iter().for_each(|delta| answer.push(delta));
    answer.end(ending);
    answer
}

fn pretty(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON again")
}

fn check(actual: &str, expected: Expect) {
    expected.assert_eq(actual);
}

#[test]
fn a_chat_with_thinking_and_text() {
    let deltas = vec![Delta::Reasoning("hm".to_owned()), text("Hel"), text("lo")];
    let answers = [answer(deltas, Ending::Stop)];
    let reply = chat_reply(&head(), &answers, COUNTS, false, &[provenance()]);
    check(
        &reply,
        expect![[
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"hm","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"system_fingerprint":null,"pumasi":[{"job":"j","node":"n","node_name":"desk","attempts":1,"timings":{"queued_ms":0.5,"prefill_ms":2.0,"decode_ms":8.25}}]}"#
        ]],
    );
}

#[test]
fn a_chat_with_tool_calls_has_no_content() {
    let deltas =
        vec![call(0, "a", "f"), arguments(0, "{\"x\""), arguments(0, ":1}"), call(1, "b", "g")];
    let answers = [answer(deltas, Ending::ToolCalls)];
    let reply = pretty(&chat_reply(&head(), &answers, COUNTS, false, &[]));
    let value: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    let message = serde_json::to_string(&value["choices"][0]).expect("JSON");
    check(
        &message,
        expect![[
            r#"{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":""}}]},"logprobs":null,"finish_reason":"tool_calls"}"#
        ]],
    );
}

#[test]
fn log_probabilities_of_chats_and_completions() {
    let answers = [answer(vec![logprob("héy"), logprob("!")], Ending::Length)];
    let reply = chat_reply(&head(), &answers, COUNTS, true, &[]);
    let value: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    check(
        &value["choices"][0].to_string(),
        expect![[
            r#"{"index":0,"message":{"role":"assistant","content":"héy!","refusal":null},"logprobs":{"content":[{"token":"héy","logprob":-0.5,"bytes":[104,195,169,121],"top_logprobs":[{"token":"héy","logprob":-0.5,"bytes":[104,195,169,121]},{"token":"�","logprob":-1.5,"bytes":[226]}]},{"token":"!","logprob":-0.5,"bytes":[33],"top_logprobs":[{"token":"!","logprob":-0.5,"bytes":[33]},{"token":"�","logprob":-1.5,"bytes":[226]}]}],"refusal":null},"finish_reason":"length"}"#
        ]],
    );
    let echoes = ["ab".to_owned()];
    let reply = completion_reply(&head(), &answers, &echoes, COUNTS, true, &[]);
    let value: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    check(
        &value["choices"][0].to_string(),
        expect![[
            r#"{"index":0,"text":"abhéy!","logprobs":{"tokens":["héy","!"],"token_logprobs":[-0.5,-0.5],"top_logprobs":[{"héy":-0.5,"�":-1.5},{"!":-0.5,"�":-1.5}],"text_offset":[2,5]},"finish_reason":"length"}"#
        ]],
    );
}

#[test]
fn a_streamed_chat() {
    let mut stream = Stream::chat(head(), 1, true, false);
    let mut text_out = stream.begin(0, "");
    for delta in
        [Delta::Reasoning("hm".to_owned()), text("Hi"), call(0, "a", "f"), arguments(0, "{}")]
    {
        text_out.push_str(&stream.piece(0, &delta));
    }
    text_out.push_str(&stream.end(0, &Ending::ToolCalls, &provenance()));
    text_out.push_str(&stream.usage(COUNTS));
    check(
        &text_out,
        expect![[r#"
        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"reasoning_content":"hm"},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null,"pumasi":{"job":"j","node":"n","node_name":"desk","attempts":1,"timings":{"queued_ms":0.5,"prefill_ms":2.0,"decode_ms":8.25}}}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}

    "#]],
    );
}

#[test]
fn a_streamed_completion_with_echo_and_logprobs() {
    let mut stream = Stream::completion(head(), 1, false, true);
    let mut text_out = stream.begin(0, "ab");
    text_out.push_str(&stream.piece(0, &logprob("c")));
    text_out.push_str(&stream.piece(0, &logprob("d")));
    text_out.push_str(&stream.end(0, &Ending::Stop, &provenance()));
    text_out.push_str(&stream.usage(COUNTS));
    check(
        &text_out,
        expect![[r#"
        data: {"id":"chatcmpl-1","object":"text_completion","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"text":"ab","logprobs":null,"finish_reason":null}]}

        data: {"id":"chatcmpl-1","object":"text_completion","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"text":"c","logprobs":{"tokens":["c"],"token_logprobs":[-0.5],"top_logprobs":[{"c":-0.5,"�":-1.5}],"text_offset":[2]},"finish_reason":null}]}

        data: {"id":"chatcmpl-1","object":"text_completion","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"text":"d","logprobs":{"tokens":["d"],"token_logprobs":[-0.5],"top_logprobs":[{"d":-0.5,"�":-1.5}],"text_offset":[3]},"finish_reason":null}]}

        data: {"id":"chatcmpl-1","object":"text_completion","created":1700000000,"model":"m","system_fingerprint":null,"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"pumasi":{"job":"j","node":"n","node_name":"desk","attempts":1,"timings":{"queued_ms":0.5,"prefill_ms":2.0,"decode_ms":8.25}}}

    "#]],
    );
}

#[test]
fn embeddings_as_arrays_and_as_base64() {
    let embedded = [Embedded { vector: vec![0.5, -1.0], tokens: 3 }];
    check(
        &embeddings("m", &embedded, false, None),
        expect![[
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        ]],
    );
    check(
        &embeddings("m", &embedded, true, None),
        expect![[
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        ]],
    );
}

#[test]
fn an_error_in_a_stream_is_an_event() {
    assert_eq!(error_event("{}"), "data: {}\n\n");
}

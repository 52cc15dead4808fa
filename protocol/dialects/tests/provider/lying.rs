//! Providers that are slow of mind: pages instead of JSON, half a stream, ids that are missing or given
//! twice, counts below zero, arguments and events without end.

use pumasi_dialects::provider::{Heard, ProviderFault, Reader, Speech, read_whole};
use serde_json::json;

use super::{SPEECHES, hear, told};

fn last(heard: &[Heard]) -> ProviderFault {
    match heard.last() {
        Some(Heard::Failed(fault)) => *fault,
        other => panic!("not a failure: {other:?}"),
    }
}

fn events(speech: Speech, events: &[serde_json::Value]) -> Vec<Heard> {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    hear(speech, [stream.as_bytes()])
}

#[test]
fn a_page_with_status_200_is_garbled() {
    let page = b"<!DOCTYPE html><html><body>Sign in</body></html>";
    for speech in SPEECHES {
        assert_eq!(last(&read_whole(speech, page)), ProviderFault::Garbled, "{speech:?}");
        assert_eq!(last(&hear(speech, [&page[..]])), ProviderFault::CutOff, "{speech:?}");
        let framed = hear(speech, [&b"data: <html>\n\n"[..]]);
        assert_eq!(last(&framed), ProviderFault::Garbled, "{speech:?}");
        for odd in ["[]", "7", "\"x\"", "null"] {
            let framed = format!("data: {odd}\n\n");
            assert_eq!(last(&hear(speech, [framed.as_bytes()])), ProviderFault::Garbled, "{odd}");
        }
    }
}

#[test]
fn half_a_stream_is_cut_off_and_what_came_is_kept() {
    let half = [
        (Speech::OpenAi, json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }] })),
        (
            Speech::Anthropic,
            json!({ "type": "content_block_start", "index": 0,
            "content_block": { "type": "text", "text": "Hel" } }),
        ),
        (
            Speech::Gemini,
            json!({ "candidates": [{ "content": { "parts": [{ "text": "Hel" }] } }] }),
        ),
    ];
    for (speech, event) in half {
        assert_eq!(told(&events(speech, &[event])), "text Hel\nCutOff \n", "{speech:?}");
    }
}

#[test]
fn errors_in_a_stream_have_their_reason_and_none_of_their_words() {
    let cases = [
        (json!({ "message": "sk-secret", "type": "rate_limit_error" }), ProviderFault::RateLimited),
        (json!({ "type": "overloaded_error" }), ProviderFault::Unavailable),
        (
            json!({ "code": "context_length_exceeded", "type": "invalid_request_error" }),
            ProviderFault::Context,
        ),
        (json!({ "code": 429, "status": "RESOURCE_EXHAUSTED" }), ProviderFault::RateLimited),
        (json!({ "code": 404, "status": "NOT_FOUND" }), ProviderFault::NoModel),
        (json!({ "code": 503, "status": "UNAVAILABLE" }), ProviderFault::Unavailable),
        (json!("a sentence"), ProviderFault::Unavailable),
    ];
    for (error, fault) in cases {
        for speech in SPEECHES {
            let event = json!({ "type": "error", "error": error });
            let heard = events(speech, &[event]);
            assert_eq!(last(&heard), fault, "{speech:?} {error}");
            assert!(!format!("{heard:?} {fault}").contains("secret"));
        }
    }
    assert_eq!(ProviderFault::of_status(401), ProviderFault::Key);
    assert_eq!(ProviderFault::of_status(302), ProviderFault::Unavailable);
}

#[test]
fn ids_that_are_missing_or_given_twice_are_replaced() {
    let call = |index: u64, id: &str| {
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": index, "id": id,
            "function": { "name": "f", "arguments": "{}" } }] } }] })
    };
    let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let heard = events(Speech::OpenAi, &[call(0, "same"), call(1, "same"), call(2, ""), end]);
    let expected = "call 0 same f \nwith 0 {}\ncall 1 call00001 f \nwith 1 {}\n\
        call 2 call00002 f \nwith 2 {}\nToolCalls \n";
    assert_eq!(told(&heard), expected);
    let open = |index: i64| {
        json!({ "type": "content_block_start", "index": index,
        "content_block": { "type": "tool_use", "name": "f", "input": {} } })
    };
    assert_eq!(last(&events(Speech::Anthropic, &[open(0), open(0)])), ProviderFault::Garbled);
    assert_eq!(last(&events(Speech::Anthropic, &[open(-1)])), ProviderFault::Garbled);
    let stray =
        json!({ "type": "content_block_delta", "index": 9, "delta": { "type": "text_delta" } });
    assert_eq!(last(&events(Speech::Anthropic, &[stray])), ProviderFault::Garbled);
}

#[test]
fn counts_below_zero_or_of_another_kind_are_none() {
    for odd in [json!(-5), json!(1.5), json!("7"), json!(null)] {
        let chunk =
            json!({ "choices": [], "usage": { "prompt_tokens": odd, "completion_tokens": odd } });
        let heard = events(Speech::OpenAi, &[chunk]);
        assert_eq!(heard[0], Heard::Counts(pumasi_dialects::Counts::default()), "{odd}");
    }
    let huge = json!({ "type": "message_start", "message": { "usage": { "input_tokens": u64::MAX,
        "cache_read_input_tokens": u64::MAX } } });
    assert!(matches!(events(Speech::Anthropic, &[huge])[0], Heard::Counts(_)));
}

#[test]
fn a_million_characters_of_arguments_are_taken_and_what_never_ends_is_not() {
    let argument = "x".repeat(1_000_000);
    let call = json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": "a",
        "function": { "name": "f", "arguments": format!("{{\"a\":\"{argument}\"}}") } }] },
        "finish_reason": "tool_calls" }] });
    let heard = events(Speech::OpenAi, &[call]);
    assert_eq!(heard.last(), Some(&Heard::Ended(pumasi_dialects::Ending::ToolCalls)));
    let more = json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": "a",
        "function": { "name": "f", "arguments": argument } }] } }] });
    assert_eq!(last(&events(Speech::OpenAi, &vec![more; 6])), ProviderFault::TooLarge);
    for speech in SPEECHES {
        let mut reader = Reader::new(speech);
        let piece = vec![b'x'; 1 << 20];
        let heard: Vec<Heard> = (0..20).flat_map(|_| reader.push(&piece)).collect();
        assert_eq!(heard, [Heard::Failed(ProviderFault::TooLarge)], "{speech:?}");
    }
}

#[test]
fn what_a_filter_stopped_is_no_answer() {
    let cases = [
        (
            Speech::OpenAi,
            json!({ "choices": [{ "delta": {}, "finish_reason": "content_filter" }] }),
        ),
        (
            Speech::Anthropic,
            json!({ "type": "message_delta", "delta": { "stop_reason": "refusal" } }),
        ),
        (Speech::Gemini, json!({ "candidates": [{ "finishReason": "SAFETY" }] })),
        (Speech::Gemini, json!({ "promptFeedback": { "blockReason": "OTHER" } })),
    ];
    for (speech, event) in cases {
        assert_eq!(last(&events(speech, &[event])), ProviderFault::Filtered, "{speech:?}");
    }
}

//! How services that speak OpenAI's language differ from it: streams in the shapes that their references
//! and users show, cut short.

use expect_test::expect;
use pumasi_dialects::provider::Speech;

use super::{hear, told};

fn heard(stream: &str) -> String {
    told(&hear(Speech::OpenAi, [stream.as_bytes()]))
}

/// Chunks as events, with the last word.
fn events(chunks: &[&str]) -> String {
    let events: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    events + "data: [DONE]\n\n"
}

#[test]
fn deepseek_thinks_beside_the_content_and_counts_hits_of_its_cache() {
    let stream = [
        r#"{"id":"1","object":"chat.completion.chunk","model":"deepseek-reasoner","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":""},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"1","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Two and two"},"finish_reason":null}]}"#,
        r#"{"id":"1","choices":[{"index":0,"delta":{"content":"4","reasoning_content":null},"finish_reason":null}]}"#,
        r#"{"id":"1","choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":18,"completion_tokens":7,"total_tokens":25,"completion_tokens_details":{"reasoning_tokens":5},"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":2}}"#,
    ];
    let stream = format!(": keep-alive\n\n: keep-alive\n\n{}", events(&stream));
    expect![[r#"
        thought Two and two
        text 4
        Stop 
        Counts { prompt: 18, cached: 16, completion: 7, reasoning: 5 }"#]]
    .assert_eq(&heard(&stream));
}

#[test]
fn deepseek_without_resources_and_openrouter_with_an_error_have_failed() {
    let ends = |reason: &str| {
        let chunk =
            format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        heard(&events(&[&chunk]))
    };
    assert_eq!(ends("insufficient_system_resource"), "Unavailable \n");
    assert_eq!(ends("error"), "Unavailable \n");
    assert_eq!(ends("model_length"), "Length \n");
    assert_eq!(ends("eos"), "Stop \n");
}

#[test]
fn mistral_writes_content_in_parts_where_it_thinks() {
    let stream = [
        r#"{"id":"m","object":"chat.completion.chunk","created":1,"model":"magistral-small-latest","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"id":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm, "}]}]},"finish_reason":null}]}"#,
        r#"{"id":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"so."}],"closed":true},{"type":"text","text":"Four"}]},"finish_reason":null}]}"#,
        r#"{"id":"m","choices":[{"index":0,"delta":{"content":[{"type":"reference","reference_ids":[1]}]},"finish_reason":null}]}"#,
        r#"{"id":"m","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"total_tokens":21,"completion_tokens":12}}"#,
    ];
    expect![[r#"
        thought Hm, so.
        text Four.
        Stop 
        Counts { prompt: 9, cached: 0, completion: 12, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
}

#[test]
fn mistral_tells_a_call_whole_without_a_number() {
    let stream = [
        r#"{"id":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"id":"m","choices":[{"index":0,"delta":{"content":"","tool_calls":[{"id":"D681PevKs","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"yvdMzk3aB","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"total_tokens":21,"completion_tokens":12}}"#,
    ];
    expect![[r#"
        call 0 D681PevKs f 
        with 0 {"a": 1}
        call 1 yvdMzk3aB g 
        with 1 {}
        ToolCalls 
        Counts { prompt: 9, cached: 0, completion: 12, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
}

#[test]
fn groq_counts_in_a_place_of_its_own() {
    let stream = [
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"llama-3.3-70b-versatile","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_1"}}"#,
        r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.05,"prompt_tokens":36,"prompt_time":0.001,"completion_tokens":3,"completion_time":0.01,"total_tokens":39,"total_time":0.011}}}"#,
    ];
    expect![[r#"
        text Hi
        Stop 
        Counts { prompt: 36, cached: 0, completion: 3, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
}

#[test]
fn moonshot_counts_in_the_choice() {
    let stream = [
        r#"{"id":"cmpl-1","object":"chat.completion.chunk","model":"kimi-k2.6","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"id":"cmpl-1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
        r#"{"id":"cmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":13,"total_tokens":32}}]}"#,
    ];
    expect![[r#"
        text Hi
        Stop 
        Counts { prompt: 19, cached: 0, completion: 13, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
}

#[test]
fn openrouter_comments_while_it_waits_and_may_fail_in_the_middle() {
    let stream = [
        r#"{"id":"gen-1","provider":"Friendly","model":"x/y","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm"}]},"finish_reason":null,"native_finish_reason":null}]}"#,
        r#"{"id":"gen-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#,
    ];
    let comments = ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n";
    let begun: String = stream.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    let failed = r#"data: {"id":"gen-1","error":{"code":502,"message":"Provider returned error"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    let told = heard(&format!("{comments}{begun}{comments}{failed}\n\n"));
    assert_eq!(told, "thought Hm\ntext Hi\nUnavailable \n");
}

#[test]
fn perplexity_repeats_the_message_and_cites_in_every_chunk() {
    let stream = [
        r#"{"id":"p","model":"sonar","usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"search_context_size":"low"},"citations":["https://a.example"],"search_results":[{"title":"a","url":"https://a.example"}],"object":"chat.completion.chunk","choices":[{"index":0,"finish_reason":null,"message":{"role":"assistant","content":"It"},"delta":{"role":"assistant","content":"It"}}]}"#,
        r#"{"id":"p","model":"sonar","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7},"citations":["https://a.example"],"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"It is[1]"},"delta":{"role":"assistant","content":" is[1]"}}]}"#,
    ];
    // It ends with the connection, without a last word.
    let stream: String = stream.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
    expect![[r#"
        text It is[1]
        Stop 
        Counts { prompt: 5, cached: 0, completion: 2, reasoning: 0 }"#]]
    .assert_eq(&heard(&stream));
}

#[test]
fn azure_begins_without_a_choice_and_tells_what_its_filter_thinks() {
    let stream = [
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#,
        r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1,"id":"chatcmpl-1","model":"gpt-4o-2024-11-20","object":"chat.completion.chunk","usage":null}"#,
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Hi"},"finish_reason":null,"index":0,"logprobs":null}],"usage":null}"#,
        r#"{"choices":[{"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":46},"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],"usage":null}"#,
        r#"{"choices":[],"id":"chatcmpl-1","usage":{"completion_tokens":2,"prompt_tokens":8,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}}}"#,
    ];
    expect![[r#"
        text Hi
        Stop 
        Counts { prompt: 8, cached: 0, completion: 2, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
    let filtered = r#"{"choices":[{"delta":{},"finish_reason":"content_filter","index":0}]}"#;
    assert_eq!(heard(&events(&[filtered])), "Filtered \n");
}

#[test]
fn llama_server_and_vllm_think_in_their_fields() {
    let stream = [
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"chatcmpl-1","model":"x","object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"Hm"}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hi"}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[],"usage":{"completion_tokens":3,"prompt_tokens":10,"total_tokens":13},"timings":{"prompt_n":10,"predicted_n":3}}"#,
    ];
    expect![[r#"
        thought Hm
        text Hi
        Stop 
        Counts { prompt: 10, cached: 0, completion: 3, reasoning: 0 }"#]]
    .assert_eq(&heard(&events(&stream)));
}

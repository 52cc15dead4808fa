//! Answers in one piece: what is run, what comes back, and how failures look.

use expect_test::expect;
use pumasi_protocol::engine::{OutputSyntax, ToolSyntax};
use pumasi_protocol::generate::Thinking;
use pumasi_protocol::{Fault, Finish, ModelName, Priority, Prompt, Trust, Work};
use pumasi_web::mesh::{Caller, Run, RunError};
use serde_json::{Value, json};

use super::double::{Script, answer, embedding, failing, finished, placed, started, tokens};
use super::{Reply, TOKEN, serving};

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "x" }] })
}

#[tokio::test]
async fn a_chat_answers_and_says_where_it_ran() {
    let server = serving(&[("words", answer(&["Hel", "lo"]))]).await;
    let reply = Reply::of(server.post(CHAT, &chat("words"))).await;
    let mut json = reply.json();
    json["created"] = json!(0);
    expect![[r#"{"id":"chatcmpl-00000000006577078707070707070707","object":"chat.completion","created":0,"model":"words","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"system_fingerprint":null,"pumasi":[{"job":"00000000-0065-7707-8707-070707070707","node":"abababababababababababababababababababababababababababababababab","node_name":"창가 desk","attempts":1,"timings":{"queued_ms":0.01,"prefill_ms":1.0,"decode_ms":2.5}}]}"#]].assert_eq(&json.to_string());
    assert_eq!(reply.header("x-pumasi-job"), json["pumasi"][0]["job"]);
    assert_eq!(reply.header("x-pumasi-node"), "%EC%B0%BD%EA%B0%80 desk");
    assert_eq!(reply.header("x-pumasi-node-id"), "ab".repeat(32));
    assert_eq!(reply.header("x-pumasi-why"), "idle, and the model is loaded");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_runs_is_what_was_asked_by_whoever_asked() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let mut body = chat("words");
    body["pumasi"] = json!({ "trust": "mine", "priority": "batch" });
    Reply::of(server.post(CHAT, &body)).await;
    server.post_text(CHAT, chat("words").to_string()).await;
    let runs = server.mesh.runs.lock().expect("free");
    assert_eq!((&runs[0].caller, &runs[1].caller), (&Caller::Install, &Caller::Loopback));
    assert_eq!((runs[0].priority, runs[1].priority), (Priority::Batch, Priority::Interactive));
    assert_eq!(runs[0].constraints.trust, Trust::Mine);
    let Work::Generate(generate) = &runs[1].work else { panic!("a chat") };
    assert!(generate.sampling.seed.is_some(), "a continuation must draw alike");
}

#[tokio::test]
async fn how_much_to_think_is_settled_here_where_a_request_leaves_it_to_us() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    for effort in ["auto", "high"] {
        let mut body = chat("words");
        body["reasoning_effort"] = json!(effort);
        let json = Reply::of(server.post(CHAT, &body)).await.json();
        let told = (effort == "auto").then_some(512);
        assert_eq!(json["pumasi"][0].get("thinking_budget"), told.map(Value::from).as_ref());
    }
    let runs = server.mesh.runs.lock().expect("free");
    let thinking = |run: &Run| match &run.work {
        Work::Generate(generate) => match &generate.prompt {
            Prompt::Chat { thinking, .. } => Some(*thinking),
            Prompt::Text(_) | Prompt::Tokens(_) => None,
        },
        Work::Embed(_) | Work::Document(_) | Work::Documents(_) => None,
    };
    let settled: Vec<_> = runs.iter().map(thinking).collect();
    let wanted = [512, 16_384].map(|tokens| Some(Thinking::On(Some(tokens))));
    assert_eq!(settled, wanted);
}

#[tokio::test]
async fn several_answers_are_several_jobs_in_one_reply() {
    let server = serving(&[("words", answer(&["hi", "!"]))]).await;
    let mut body = chat("words");
    body["n"] = json!(3);
    let reply = Reply::of(server.post(CHAT, &body)).await;
    let json = reply.json();
    let texts: Vec<_> = (0..3).map(|i| json["choices"][i]["message"]["content"].clone()).collect();
    assert_eq!(texts, ["hi!", "hi!", "hi!"]);
    assert_eq!(json["usage"]["prompt_tokens"], 3);
    assert_eq!(json["usage"]["completion_tokens"], 6);
    assert_eq!(reply.header("x-pumasi-job").split(',').count(), 3);
    let runs = server.mesh.runs.lock().expect("free");
    let seed = |i: usize| match &runs[i].work {
        Work::Generate(generate) => generate.sampling.seed,
        Work::Embed(_) | Work::Document(_) | Work::Documents(_) => None,
    };
    assert!(seed(0) != seed(1) && seed(1) != seed(2));
}

#[tokio::test]
async fn completions_echo_and_count_each_prompt() {
    let server = serving(&[("words", answer(&[" c"]))]).await;
    let body = json!({ "model": "words", "prompt": ["a", "b"], "echo": true });
    let json = Reply::of(server.post("/v1/completions", &body)).await.json();
    assert_eq!(json["object"], "text_completion");
    assert_eq!(json["choices"][0]["text"], "a c");
    assert_eq!(json["choices"][1]["text"], "b c");
    assert_eq!(json["usage"]["prompt_tokens"], 6);
    assert_eq!(json["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
}

#[tokio::test]
async fn tool_calls_and_thinking_come_back_apart_from_the_text() {
    let syntax = OutputSyntax { tools: ToolSyntax::Hermes, thinking: true, thinking_open: false };
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
    let script = Script::Events(vec![
        placed(0),
        started(syntax),
        tokens(0, "<think>"),
        tokens(1, "hm"),
        tokens(2, "</think>"),
        tokens(3, call),
        finished(Finish::Stop, 9),
    ]);
    let server = serving(&[("words", script)]).await;
    let mut body = chat("words");
    body["tools"] = json!([{ "type": "function", "function": { "name": "f" } }]);
    let json = Reply::of(server.post(CHAT, &body)).await.json();
    let choice = &json["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    assert_eq!(choice["message"]["reasoning_content"], "hm");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\": 1}");
    assert_eq!(json["usage"]["completion_tokens_details"]["reasoning_tokens"], 3);
}

#[tokio::test]
async fn an_answer_that_moves_has_no_seam_and_counts_once() {
    let syntax = OutputSyntax::default();
    let script = Script::Events(vec![
        placed(0),
        started(syntax),
        tokens(0, "one "),
        placed(1),
        started(syntax),
        tokens(1, "two"),
        finished(Finish::Stop, 1),
    ]);
    let server = serving(&[("words", script)]).await;
    let json = Reply::of(server.post(CHAT, &chat("words"))).await.json();
    assert_eq!(json["choices"][0]["message"]["content"], "one two");
    assert_eq!(json["usage"]["prompt_tokens"], 3);
    assert_eq!(json["usage"]["completion_tokens"], 2);
    assert_eq!(json["pumasi"][0]["attempts"], 2);
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_base64() {
    let server = serving(&[("vectors", embedding())]).await;
    let body = json!({ "model": "vectors", "input": "hi" });
    let reply = Reply::of(server.post("/v1/embeddings", &body)).await;
    let json = reply.json();
    assert_eq!(json["data"][0]["embedding"], json!([0.6, -0.8]));
    assert_eq!(json["usage"], json!({ "prompt_tokens": 2, "total_tokens": 2 }));
    assert_eq!(reply.header("x-pumasi-node-id"), "ab".repeat(32));
    let body = json!({ "model": "vectors", "input": "hi", "encoding_format": "base64" });
    let json = Reply::of(server.post("/v1/embeddings", &body)).await.json();
    assert_eq!(json["data"][0]["embedding"], "mpkZP83MTL8=");
}

#[tokio::test]
async fn cat_h15_what_the_engine_finds_too_complex_is_a_400() {
    let server = serving(&[("words", failing(Fault::Grammar))]).await;
    let mut body = chat("words");
    let schema = json!({ "type": "string", "pattern": "(a+)+$" });
    body["response_format"] = json!({ "type": "json_schema", "json_schema": { "schema": schema } });
    let reply = Reply::of(server.post(CHAT, &body)).await;
    assert_eq!(reply.error(), "400 schema_too_complex @ -");
}

#[tokio::test]
async fn cat_h44_models_that_are_not_there_or_not_there_yet() {
    let name: ModelName = "org/model:8b".parse().expect("a name");
    let loading = Script::Refused(RunError::ModelLoading { model: name, retry_s: 7 });
    let server = serving(&[("org/model:8b", loading)]).await;
    let unknown = Reply::of(server.post(CHAT, &chat("nowhere"))).await;
    assert_eq!(unknown.error(), "404 model_not_found @ model");
    let on_gone_node = Reply::of(server.post(CHAT, &chat("was-on-a-removed-node"))).await;
    assert_eq!(on_gone_node.error(), "404 model_not_found @ model");
    let loading = Reply::of(server.post(CHAT, &chat("org/model:8b"))).await;
    assert_eq!(loading.error(), "503 model_loading @ -");
    assert_eq!(loading.header("retry-after"), "7");
    for path in ["/v1/models/nowhere", "/v1/models/a/b/c/d"] {
        assert_eq!(Reply::of(server.get(path)).await.error(), "404 model_not_found @ model");
    }
}

#[tokio::test]
async fn each_fault_has_its_status() {
    for (fault, expected) in [
        (Fault::Context { needed: 9, available: 8 }, "400 context_length_exceeded @ -"),
        (Fault::Template, "400 chat_template @ -"),
        (Fault::Capability, "400 unsupported_by_model @ -"),
        (Fault::Cancelled, "409 cancelled @ -"),
        (Fault::EngineCrash, "503 engine_crash @ -"),
        (Fault::Memory { needed: 9, available: 8 }, "503 insufficient_memory @ -"),
        (Fault::NoCandidate, "503 no_candidate @ -"),
        (Fault::Deadline, "503 queue_timeout @ -"),
        (Fault::NotContinued, "503 not_continued @ -"),
    ] {
        let server = serving(&[("words", failing(fault))]).await;
        let mut body = chat("words");
        assert_eq!(Reply::of(server.post(CHAT, &body)).await.error(), expected);
        // A stream that never began is no stream.
        body["stream"] = json!(true);
        assert_eq!(Reply::of(server.post(CHAT, &body)).await.error(), expected);
    }
}

#[tokio::test]
async fn a_channel_that_closes_early_is_a_lost_connection() {
    let script = Script::Events(vec![placed(0), started(OutputSyntax::default()), tokens(0, "a")]);
    let server = serving(&[("words", script)]).await;
    let reply = Reply::of(server.post(CHAT, &chat("words"))).await;
    assert_eq!(reply.error(), "503 connection_lost @ -");
}

#[tokio::test]
async fn models_are_listed_as_openai_lists_them() {
    let server = serving(&[]).await;
    let list = Reply::of(server.http.get(server.url("/v1/models"))).await;
    expect![[r#"{"object":"list","data":[{"id":"org/words","object":"model","created":1700000000,"owned_by":"pumasi","pumasi":{"context_tokens":512,"capabilities":["generate"],"starter":true,"nodes":["창가 desk"]}}]}"#]].assert_eq(&list.text);
    for path in ["/v1/models/org/words", "/v1/models/org%2Fwords"] {
        let one = Reply::of(server.http.get(server.url(path)).bearer_auth(TOKEN)).await;
        assert_eq!(one.json()["id"], "org/words", "{path}");
    }
}

//! The endpoints of Anthropic, Gemini, Ollama and OpenAI's responses: each asks the same mesh and answers
//! in its own words, whole, in pieces and with errors.

use pumasi_protocol::engine::{OutputSyntax, ToolSyntax};
use pumasi_protocol::{Fault, Finish, Prompt, Work};
use serde_json::{Value, json};

use super::double::{
    Double, Script, answer, embedding, failing, finished, placed, started, tokens,
};
use super::guard::ask;
use super::{Harness, KEY, Reply, network, serving, start, terms, with_keys};

/// A path, a body for it, and where the answer's text is.
fn endpoints(stream: bool) -> Vec<(&'static str, Value, &'static str)> {
    let said = json!([{ "role": "user", "content": "x" }]);
    let contents = json!([{ "role": "user", "parts": [{ "text": "x" }] }]);
    let method = if stream {
        "/v1beta/models/words:streamGenerateContent?alt=sse"
    } else {
        "/v1beta/models/words:generateContent"
    };
    vec![
        (
            "/v1/messages",
            json!({ "model": "words", "max_tokens": 5, "messages": said, "stream": stream }),
            "/content/0/text",
        ),
        (method, json!({ "contents": contents }), "/candidates/0/content/parts/0/text"),
        (
            "/api/chat",
            json!({ "model": "words", "messages": said, "stream": stream }),
            "/message/content",
        ),
        (
            "/api/generate",
            json!({ "model": "words", "prompt": "x", "stream": stream }),
            "/response",
        ),
        (
            "/v1/responses",
            json!({ "model": "words", "input": "x", "stream": stream }),
            "/output/0/content/0/text",
        ),
    ]
}

async fn words() -> Harness {
    serving(&[("words", answer(&["Hel", "lo"])), ("vectors", embedding())]).await
}

#[tokio::test]
async fn ollamas_routes_take_what_curl_sends_and_no_page_may() {
    let server = words().await;
    let body = r#"{"model":"words","prompt":"x","stream":false}"#;
    let post = || server.http.post(server.url("/api/generate")).body(body);
    let form = |request: reqwest::RequestBuilder| {
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    assert_eq!(Reply::of(post()).await.status, 200);
    assert_eq!(Reply::of(form(post())).await.status, 200);
    let own = format!("http://{}", server.address);
    for (origin, status) in [("https://example.com", 403), ("null", 403), (own.as_str(), 415)] {
        assert_eq!(
            Reply::of(form(post()).header("origin", origin)).await.status,
            status,
            "{origin}"
        );
    }
    let crossed = form(post()).header("sec-fetch-site", "cross-site");
    assert_ne!(Reply::of(crossed).await.status, 200);
    let mixed = post().header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(Reply::of(mixed).await.status, 415);
}

#[tokio::test]
async fn every_dialect_asks_the_same_and_answers_in_its_own_words() {
    let server = words().await;
    for (path, body, place) in endpoints(false) {
        let reply = Reply::of(server.post(path, &body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        assert_eq!(reply.json().pointer(place), Some(&json!("Hello")), "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("x-pumasi-node-id"), "ab".repeat(32));
    }
    let runs = server.mesh.runs.lock().expect("free");
    let prompts: Vec<Value> = runs
        .iter()
        .map(|run| match &run.work {
            Work::Generate(generate) => match &generate.prompt {
                Prompt::Chat { messages, .. } => json!(messages[0].joined_text()),
                Prompt::Text(_) | Prompt::Tokens(_) => Value::Null,
            },
            Work::Embed(_) | Work::Document(_) | Work::Documents(_) => Value::Null,
        })
        .collect();
    assert_eq!(prompts, vec![json!("x"); 5]);
}

#[tokio::test]
async fn every_dialect_streams() {
    let server = words().await;
    for (path, body, _) in endpoints(true) {
        let reply = Reply::of(server.post(path, &body)).await;
        let lines = path.starts_with("/api/");
        let kind = if lines { "application/x-ndjson" } else { "text/event-stream" };
        assert_eq!(reply.header("content-type"), kind, "{path}");
        for word in ["Hel", "lo"] {
            assert!(reply.text.contains(&format!("\"{word}\"")), "{path}: {}", reply.text);
        }
        let end = match path {
            "/v1/messages" => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            "/v1/responses" => "}\n\n",
            path if path.starts_with("/v1beta/") => "}\n\n",
            _ => "}\n",
        };
        assert!(reply.text.ends_with(end), "{path}: {}", reply.text);
        assert!(!reply.text.contains("[DONE]"), "{path}");
    }
    let array = "/v1beta/models/words:streamGenerateContent";
    let body = json!({ "contents": [{ "parts": [{ "text": "x" }] }] });
    let reply = Reply::of(server.post(array, &body)).await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.json().as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_prompts_count_is_known_when_a_message_starts() {
    let server = words().await;
    let (path, body, _) = endpoints(true).swap_remove(0);
    let reply = Reply::of(server.post(path, &body)).await;
    let first = reply.text.split("\n\n").next().expect("an event");
    assert!(
        first.contains("\"input_tokens\":2,") && first.contains("\"cache_read_input_tokens\":1")
    );
}

#[tokio::test]
async fn what_was_not_read_is_named_in_every_dialect() {
    let server = words().await;
    for (path, mut body, _) in endpoints(false) {
        body["n_discard"] = json!(-1);
        let reply = Reply::of(server.post(path, &body)).await;
        assert_eq!(reply.header("x-pumasi-ignored"), "n_discard", "{path}");
    }
}

#[tokio::test]
async fn tokens_are_counted_without_computing_one() {
    let script = Script::Events(vec![placed(0), started(OutputSyntax::default()), tokens(0, "x")]);
    let server = serving(&[("words", script)]).await;
    for (path, place) in [
        ("/v1/messages/count_tokens", "/input_tokens"),
        ("/v1/responses/input_tokens", "/input_tokens"),
        ("/v1beta/models/words:countTokens", "/totalTokens"),
    ] {
        let body = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }],
            "input": "x", "contents": [{ "parts": [{ "text": "x" }] }] });
        let reply = Reply::of(server.post(path, &body)).await;
        assert_eq!(reply.json().pointer(place), Some(&json!(3)), "{path}: {}", reply.text);
    }
    let server = serving(&[("words", failing(Fault::Template))]).await;
    let body = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }] });
    let reply = Reply::of(server.post("/v1/messages/count_tokens", &body)).await;
    assert_eq!(reply.json()["error"]["code"], "chat_template");
}

#[tokio::test]
async fn counting_ends_its_job_and_costs_a_key_no_tokens() {
    let server =
        start(with_keys(vec![terms(KEY)]), Double::new(&[("words", Script::Endless)])).await;
    let body = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }] });
    let request = server.http.post(server.url("/v1/messages/count_tokens"));
    let reply = Reply::of(request.header("x-api-key", KEY).json(&body)).await;
    assert_eq!(reply.json(), json!({ "input_tokens": 3 }));
    server.mesh.cancelled.notified().await;
    let keys = Reply::of(server.get("/api/v1/keys")).await.json();
    assert_eq!((&keys["data"][0]["requests"], &keys["data"][0]["tokens"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn errors_have_the_shape_of_their_dialect() {
    let server = words().await;
    for (path, mut body, _) in endpoints(false) {
        body["model"] = json!("never-was");
        let path = path.replace("words", "never-was");
        let reply = Reply::of(server.post(&path, &body)).await;
        let error = &reply.json()["error"];
        assert_eq!(reply.status, 404, "{path}");
        match path.as_str() {
            "/v1/messages" => {
                assert_eq!(reply.json()["type"], "error");
                assert_eq!(error["type"], "not_found_error");
                assert_eq!(reply.json()["request_id"], reply.header("request-id"));
            }
            "/api/chat" | "/api/generate" => assert!(error.is_string(), "{}", reply.text),
            "/v1/responses" => assert_eq!(error["code"], "model_not_found"),
            _ => assert_eq!((&error["code"], &error["status"]), (&json!(404), &json!("NOT_FOUND"))),
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_in_its_dialect() {
    let script = Script::Events(vec![
        placed(0),
        started(OutputSyntax::default()),
        tokens(0, "x"),
        pumasi_web::mesh::RunEvent::Failed(Fault::NotContinued),
    ]);
    let server = serving(&[("words", script)]).await;
    for (path, body, _) in endpoints(true) {
        let reply = Reply::of(server.post(path, &body)).await;
        assert_eq!(reply.status, 200, "{path}");
        let last = reply.text.trim_end().lines().last().expect("a line");
        let last = last.strip_prefix("data: ").unwrap_or(last);
        let last: Value = serde_json::from_str(last).expect("JSON");
        match path {
            "/v1/messages" => assert_eq!(last["error"]["code"], "not_continued"),
            "/v1/responses" => assert_eq!(last["response"]["error"]["code"], "not_continued"),
            path if path.starts_with("/api/") => assert!(last["error"].is_string()),
            _ => assert_eq!(last["error"]["status"], "UNAVAILABLE", "{last}"),
        }
    }
}

#[tokio::test]
async fn calls_come_whole_where_the_dialect_has_them_whole() {
    let syntax = OutputSyntax { tools: ToolSyntax::Hermes, thinking: false, thinking_open: false };
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
    let script = Script::Events(vec![
        placed(0),
        started(syntax),
        tokens(0, call),
        finished(Finish::Stop, 9),
    ]);
    let server = serving(&[("words", script)]).await;
    let said = json!([{ "role": "user", "content": "x" }]);
    let function = json!({ "type": "function", "function": { "name": "f" } });
    let body = json!({ "model": "words", "messages": said, "tools": [function], "stream": false });
    let reply = Reply::of(server.post("/api/chat", &body)).await.json();
    assert_eq!(reply["message"]["tool_calls"][0]["function"]["arguments"], json!({ "a": 1 }));
    let tool = json!({ "name": "f", "input_schema": { "type": "object" } });
    let body = json!({ "model": "words", "max_tokens": 9, "messages": said, "tools": [tool] });
    let reply = Reply::of(server.post("/v1/messages", &body)).await.json();
    assert_eq!(reply["content"][0]["input"], json!({ "a": 1 }));
    assert_eq!(reply["stop_reason"], "tool_use");
}

#[tokio::test]
async fn embeddings_come_in_every_dialect_that_has_them() {
    let server = words().await;
    let content = json!({ "parts": [{ "text": "x" }] });
    for (path, body, place) in [
        ("/api/embed", json!({ "model": "vectors", "input": "x" }), "/embeddings/0"),
        ("/api/embeddings", json!({ "model": "vectors", "prompt": "x" }), "/embedding"),
        ("/v1beta/models/vectors:embedContent", json!({ "content": content }), "/embedding/values"),
        (
            "/v1beta/models/vectors:batchEmbedContents",
            json!({ "requests": [{ "content": content }] }),
            "/embeddings/0/values",
        ),
    ] {
        let reply = Reply::of(server.post(path, &body)).await;
        assert_eq!(
            reply.json().pointer(place),
            Some(&json!([0.6, -0.8])),
            "{path}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn models_are_listed_in_every_dialect() {
    let server = words().await;
    let version = [("anthropic-version", "2023-06-01")];
    for (path, headers, place, name) in [
        ("/v1/models", &version[..], "/data/0/display_name", "org/words"),
        ("/v1/models/org/words", &version[..], "/type", "model"),
        ("/v1beta/models", &[][..], "/models/0/name", "models/org/words"),
        ("/v1beta/models/org/words", &[][..], "/displayName", "org/words"),
        ("/api/tags", &[][..], "/models/0/model", "org/words"),
        ("/api/ps", &[][..], "/models/0/name", "org/words"),
    ] {
        let reply = ask(&server, "GET", path, headers).await;
        assert_eq!(reply.json().pointer(place), Some(&json!(name)), "{path}: {}", reply.text);
    }
    let shown = Reply::of(server.post("/api/show", &json!({ "model": "org/words" }))).await;
    assert_eq!(shown.json()["capabilities"], json!(["completion"]));
    assert!(ask(&server, "GET", "/api/version", &[]).await.json()["version"].is_string());
    let unknown = ask(&server, "GET", "/v1/models/none", &version).await;
    assert_eq!(unknown.json()["error"]["type"], "not_found_error");
    let google = [("x-goog-api-client", "google-genai-sdk")];
    for (path, headers) in [("/v1beta/models/none", &[][..]), ("/v1/models/none", &google[..])] {
        let unknown = ask(&server, "GET", path, headers).await;
        assert_eq!(unknown.json()["error"]["status"], "NOT_FOUND", "{path}");
    }
    let listed = ask(&server, "GET", "/v1/models", &google).await;
    assert_eq!(listed.json()["models"][0]["name"], "models/org/words");
    let body = json!({ "contents": [{ "parts": [{ "text": "x" }] }] });
    let reply = Reply::of(server.post("/v1/models/words:generateContent", &body)).await;
    assert_eq!(reply.json()["modelVersion"], "words");
}

#[tokio::test]
async fn cat_h16_on_a_network_every_dialect_takes_a_key_where_its_clients_put_it() {
    let server = start(network(), Double::new(&[("words", answer(&["hi"]))])).await;
    for (path, body, _) in endpoints(false) {
        for header in ["x-api-key", "x-goog-api-key", "authorization"] {
            let key =
                if header == "authorization" { format!("Bearer {KEY}") } else { KEY.to_owned() };
            let request = server.http.post(server.url(path)).header(header, key).json(&body);
            assert_eq!(Reply::of(request).await.status, 200, "{path} {header}");
        }
        let wrong =
            server.http.post(server.url(path)).header("x-goog-api-key", "wrong").json(&body);
        assert_eq!(Reply::of(wrong).await.status, 401, "{path}");
        let query = format!("{path}{}key={KEY}", if path.contains('?') { "&" } else { "?" });
        let in_address = server.http.post(server.url(&query)).json(&body);
        assert_eq!(Reply::of(in_address).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn cat_h02_a_picture_lifts_the_bound_of_a_body_in_every_dialect() {
    let server = words().await;
    let picture = format!("iVBORw0KGgo{}", "A".repeat(3 * 1024 * 1024 + 1));
    let bodies = [
        (
            "/api/chat",
            json!({ "model": "words", "messages": [
            { "role": "user", "images": [picture], "content": "x" }], "stream": false }),
        ),
        (
            "/v1beta/models/words:generateContent",
            json!({ "contents": [{ "parts": [
            { "inlineData": { "data": picture, "mimeType": "image/png" } }, { "text": "x" }] }] }),
        ),
        (
            "/v1/messages",
            json!({ "max_tokens": 5, "model": "words", "messages": [
            { "role": "user", "content": [{ "type": "image", "source":
                { "type": "base64", "data": picture, "media_type": "image/png" } }] }] }),
        ),
    ];
    for (path, body) in bodies {
        assert_eq!(Reply::of(server.post(path, &body)).await.status, 200, "{path}");
    }
    let text = json!({ "model": "words", "messages": [
        { "role": "user", "content": "A".repeat(3 * 1024 * 1024) }] });
    assert_eq!(Reply::of(server.post("/api/chat", &text)).await.status, 413);
}

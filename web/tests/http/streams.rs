//! Answers in pieces: what the pieces are, and what becomes of clients that read slowly or leave.

use std::sync::atomic::Ordering;

use expect_test::expect;
use pumasi_protocol::engine::OutputSyntax;
use pumasi_protocol::{Fault, Finish};
use pumasi_web::mesh::RunEvent;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::double::{Script, TOKEN_BYTES, answer, finished, placed, started, tokens};
use super::raw::{connect, read_until, request};
use super::{Harness, Reply, serving};

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "x" }], "stream": true })
}

/// The data of each event.
fn events(text: &str) -> Vec<String> {
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_chat_streams_and_ends_with_usage_and_done() {
    let server = serving(&[("words", answer(&["Hel", "lo"]))]).await;
    let mut body = chat("words");
    body["stream_options"] = json!({ "include_usage": true });
    let reply = Reply::of(server.post(CHAT, &body)).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.header("x-pumasi-node"), "%EC%B0%BD%EA%B0%80 desk");
    let events = events(&reply.text);
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).expect("JSON"))
        .collect();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let usage = &chunks.last().expect("chunks")["usage"];
    assert_eq!(usage["total_tokens"], 5);
    let end = &chunks[chunks.len() - 2];
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert_eq!(end["pumasi"]["node_name"], "창가 desk");
}

#[tokio::test]
async fn a_completion_streams_several_answers() {
    let server = serving(&[("words", answer(&["a", "b"]))]).await;
    let body = json!({ "model": "words", "prompt": "p", "n": 2, "stream": true });
    let reply = Reply::of(server.post("/v1/completions", &body)).await;
    let mut texts = [String::new(), String::new()];
    let mut ends = 0;
    for event in events(&reply.text) {
        let Ok(chunk) = serde_json::from_str::<Value>(&event) else { continue };
        let choice = &chunk["choices"][0];
        let index = choice["index"].as_u64().expect("an index");
        texts[usize::try_from(index).expect("0 or 1")]
            .push_str(choice["text"].as_str().expect("text"));
        ends += u32::from(choice["finish_reason"] == "stop");
    }
    assert_eq!((texts, ends), (["ab".to_owned(), "ab".to_owned()], 2));
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_event() {
    let script = Script::Events(vec![
        placed(0),
        started(OutputSyntax::default()),
        tokens(0, "one"),
        RunEvent::Failed(Fault::Silent),
    ]);
    let server = serving(&[("words", script)]).await;
    let reply = Reply::of(server.post(CHAT, &chat("words"))).await;
    let events = events(&reply.text);
    let error: Value = serde_json::from_str(&events[events.len() - 2]).expect("JSON");
    assert_eq!(error["error"]["code"], "peer_silent");
    assert_eq!(error["error"]["request_id"], reply.header("x-request-id"));
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
}

#[tokio::test]
async fn a_move_is_a_comment() {
    let syntax = OutputSyntax::default();
    let script = Script::Events(vec![
        placed(0),
        started(syntax),
        tokens(0, "one"),
        placed(1),
        started(syntax),
        tokens(1, " two"),
        finished(Finish::Length, 1),
    ]);
    let server = serving(&[("words", script)]).await;
    let reply = Reply::of(server.post(CHAT, &chat("words"))).await;
    let comments: Vec<&str> = reply.text.lines().filter(|line| line.starts_with(':')).collect();
    expect![[r#": moved {"node":"abababababababababababababababababababababababababababababababab","name":"창가 desk"}"#]].assert_eq(&comments.join("\n"));
    assert!(reply.text.contains("\"finish_reason\":\"length\""));
}

#[tokio::test]
async fn a_stop_string_ends_the_stream_before_the_engine_ends() {
    let script = Script::Events(vec![
        placed(0),
        started(OutputSyntax::default()),
        tokens(0, "one. "),
        tokens(1, "two. "),
        finished(Finish::StopString, 2),
    ]);
    let server = serving(&[("words", script)]).await;
    let mut body = chat("words");
    body["stop"] = json!(["two"]);
    let reply = Reply::of(server.post(CHAT, &body)).await;
    assert!(reply.text.contains("one. ") && !reply.text.contains("tw"), "{}", reply.text);
    assert!(reply.text.contains("\"finish_reason\":\"stop\""));
}

/// Sends a request for a stream that never ends, and reads its beginning.
async fn endless(server: &Harness, mut stream: TcpStream) -> TcpStream {
    let body = chat("endless").to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
         content-length: {}",
        body.len()
    );
    let mut bytes = request(&head);
    bytes.extend_from_slice(body.as_bytes());
    stream.write_all(&bytes).await.expect("it listens");
    read_until(&mut stream, "xxxx").await;
    assert_eq!(server.mesh.runs.lock().expect("free").len(), 1);
    stream
}

#[tokio::test]
async fn cat_h35_a_client_that_leaves_cancels_its_job() {
    let server = serving(&[("endless", Script::Endless)]).await;
    let stream = endless(&server, connect(server.address).await).await;
    drop(stream);
    server.mesh.cancelled.notified().await;
}

#[tokio::test]
async fn cat_h35_a_client_that_half_closes_cancels_its_job() {
    let server = serving(&[("endless", Script::Endless)]).await;
    let mut stream = endless(&server, connect(server.address).await).await;
    stream.shutdown().await.expect("it stands");
    server.mesh.cancelled.notified().await;
}

#[tokio::test]
async fn cat_h35_a_client_that_leaves_before_the_first_token_cancels_its_job() {
    let server = serving(&[("silent", Script::Silent)]).await;
    for streamed in [true, false] {
        let mut body = chat("silent");
        body["stream"] = json!(streamed);
        let request = server.post(CHAT, &body).send();
        tokio::select! {
            _ = request => panic!("a silent model does not answer"),
            () = async {
                while server.mesh.runs.lock().expect("free").len() < 1 + usize::from(!streamed) {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        server.mesh.cancelled.notified().await;
    }
}

/// The client's window is small and nothing is read: what was taken from the engine until it paused
/// is what fits into bounded buffers.
#[tokio::test]
async fn cat_h35_a_client_that_does_not_read_pauses_its_job() {
    let server = serving(&[("endless", Script::Endless)]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8 * 1024).expect("a small window");
    let stream = socket.connect(server.address).await.expect("it listens");
    let stream = endless(&server, stream).await;
    server.mesh.paused.notified().await;
    let taken = server.mesh.sent.load(Ordering::Relaxed) * TOKEN_BYTES as u64;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes were taken");
    drop(stream);
    server.mesh.cancelled.notified().await;
}

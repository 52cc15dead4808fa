//! Heads and bodies as bytes: framing that two readers could read differently, size, and slowness.

use std::time::Duration;

use pumasi_web::{Patience, Settings};
use tokio::io::AsyncWriteExt;

use super::double::{Double, answer};
use super::raw::{connect, exchange, read_to_end, read_until, request, verdict};
use super::{loopback, patience, serving, start};

const BODY: &str = r#"{"model":"words","messages":[{"role":"user","content":"x"}]}"#;

#[tokio::test]
async fn cat_h03_heads_that_are_too_large_or_too_many_get_431() {
    let server = serving(&[]).await;
    let one = format!("GET /healthz HTTP/1.1\nhost: localhost\nx: {}", "a".repeat(1 << 20));
    let answer = exchange(server.address, &request(&one)).await;
    assert_eq!(verdict(&answer), "431 headers_too_large");
    let many = "GET /healthz HTTP/1.1\nhost: localhost".to_owned() + &"\nx: y".repeat(1_000);
    let answer = exchange(server.address, &request(&many)).await;
    assert_eq!(verdict(&answer), "431 headers_too_large");
}

/// Frames of HTTP/2 (RFC 9113, section 4.1).
fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head.as_slice(), payload].concat()
}

/// Nothing speaks HTTP/2 here, so nothing of it can be flooded: its preface is answered as a bad
/// request, whatever comes behind it, and the connection ends.
#[tokio::test]
async fn cat_h04_floods_of_http2_end_with_the_preface() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let server = serving(&[]).await;
    let (data, headers, reset, continuation) = (0, 1, 3, 9);
    let open = |stream| h2_frame(headers, 4, stream, &[0x82, 0x84, 0x86, 0x41, 0x01, b'a']);
    let rapid_reset = (0..10_000u32).map(|n| {
        let stream = 2 * n + 1;
        [open(stream), h2_frame(reset, 0, stream, &8u32.to_be_bytes())].concat()
    });
    let floods = [
        rapid_reset.collect::<Vec<_>>().concat(),
        [open(1), h2_frame(data, 0, 1, &[]).repeat(10_000)].concat(),
        [h2_frame(headers, 0, 1, &[0x82]), h2_frame(continuation, 0, 1, &[0x84]).repeat(10_000)]
            .concat(),
    ];
    for flood in floods {
        let answer = exchange(server.address, &[PREFACE, &flood].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    }
    let healthy = request("GET /healthz HTTP/1.1\nhost: localhost\nconnection: close");
    assert_eq!(verdict(&exchange(server.address, &healthy).await), "200 -");
}

#[tokio::test]
async fn cat_h05_slow_heads_and_bodies_get_408() {
    let short = Duration::from_millis(50);
    let hurried = |change: fn(&mut Patience, Duration)| {
        let mut patience = patience();
        change(&mut patience, short);
        Settings { patience, ..loopback() }
    };
    let server = start(hurried(|p, short| p.head = short), Double::new(&[])).await;
    let mut stream = connect(server.address).await;
    stream.write_all(b"GET /healthz HT").await.expect("it listens");
    assert_eq!(verdict(&read_to_end(&mut stream).await), "408 request_timeout");
    let mut silent = connect(server.address).await;
    assert_eq!(read_to_end(&mut silent).await, "");

    let server = start(hurried(|p, short| p.body_idle = short), Double::new(&[])).await;
    let mut stream = connect(server.address).await;
    let head = "POST /v1/chat/completions HTTP/1.1\nhost: localhost\n\
                content-type: application/json\ncontent-length: 9";
    stream.write_all(&request(head)).await.expect("it listens");
    stream.write_all(b"{").await.expect("it listens");
    assert_eq!(verdict(&read_to_end(&mut stream).await), "408 request_timeout");

    let server = start(hurried(|p, short| p.keep_alive = short), Double::new(&[])).await;
    let mut stream = connect(server.address).await;
    stream.write_all(&request("GET /healthz HTTP/1.1\nhost: localhost")).await.expect("listens");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn cat_h26_smuggled_requests_are_refused_and_the_connection_ends() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for framing in [
        "content-length: 4\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\ncontent-length: 4",
        "content-length: 4\ncontent-length: 5",
        "content-length: 4\ncontent-length: 4",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: chunked\ntransfer-encoding: identity",
        "content-length: -1",
        "content-length: 4 4",
        "transfer-encoding : chunked",
        "x: y\n folded: z",
    ] {
        let head = format!("POST /v1/chat/completions HTTP/1.1\nhost: localhost\n{framing}");
        let mut bytes = request(&head);
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes.extend_from_slice(smuggled.as_bytes());
        let answer = exchange(server.address, &bytes).await;
        assert_eq!(verdict(&answer), "400 malformed_request", "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
        assert!(answer.contains("connection: close"));
    }
    assert!(server.mesh.runs.lock().expect("free").is_empty());
}

#[tokio::test]
async fn requests_behind_one_another_are_answered_in_turn_up_to_the_refused_one() {
    let server = serving(&[]).await;
    let good = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let bad =
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n";
    let answer = exchange(server.address, format!("{good}{good}{bad}{good}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
    assert!(answer.ends_with('}'), "{answer}");
}

#[tokio::test]
async fn chunked_bodies_are_taken_and_end_the_connection() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let head = "POST /v1/chat/completions HTTP/1.1\nhost: localhost\n\
                content-type: application/json\ntransfer-encoding: chunked";
    let mut bytes = request(head);
    let (first, rest) = BODY.split_at(10);
    for piece in [first, rest] {
        bytes.extend_from_slice(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let answer = exchange(server.address, &bytes).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let mut stream = connect(server.address).await;
    for _ in 0..3 {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
             content-length: {}",
            BODY.len()
        );
        let mut bytes = request(&head);
        bytes.extend_from_slice(BODY.as_bytes());
        stream.write_all(&bytes).await.expect("it listens");
        let answer = read_until(&mut stream, "timings").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_told_to_come_back() {
    let settings = Settings { connections: 1, ..loopback() };
    let server = start(settings, Double::new(&[])).await;
    let mut first = connect(server.address).await;
    first.write_all(&request("GET /healthz HTTP/1.1\nhost: localhost")).await.expect("it listens");
    read_until(&mut first, "\"ok\"").await;
    let mut second = connect(server.address).await;
    let answer = read_to_end(&mut second).await;
    assert_eq!(verdict(&answer), "503 too_many_connections");
    assert!(answer.contains("retry-after: 1"));
}

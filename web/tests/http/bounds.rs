//! Bounds of the HTTP face, each at its limit and one beyond it, and clients that are too slow for them.

use std::time::Duration;

use pumasi_web::limits::{
    BODY_BYTES, HEAD_BYTES, HEADERS, OWN_REQUESTS, SMALL_BODY_BYTES, SOURCE_CONNECTIONS,
};
use pumasi_web::{Exposure, Patience, Settings, Tls};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::double::{Double, Script};
use super::raw::{connect, exchange, read_to_end, read_until, request, verdict};
use super::{KEY, Reply, TOKEN, loopback, network, patience, serving, start};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);
/// The one patience that a test waits for.
const SHORT: Duration = Duration::from_millis(100);

const HEALTH: &str = "GET /healthz HTTP/1.1\nhost: localhost";

#[tokio::test]
async fn cat_h03_heads_end_at_the_limits_and_not_before() {
    let server = serving(&[]).await;
    let of_size = |bytes: usize| {
        let bare = request(&format!("{HEALTH}\nconnection: close\nx: ")).len();
        request(&format!("{HEALTH}\nconnection: close\nx: {}", "a".repeat(bytes - bare)))
    };
    assert_eq!(of_size(HEAD_BYTES).len(), HEAD_BYTES);
    assert_eq!(verdict(&exchange(server.address, &of_size(HEAD_BYTES)).await), "200 -");
    let over = exchange(server.address, &of_size(HEAD_BYTES + 1)).await;
    assert_eq!(verdict(&over), "431 headers_too_large");
    let of_count = |count: usize| {
        request(&format!("{HEALTH}\nconnection: close{}", "\nx: y".repeat(count - 2)))
    };
    assert_eq!(verdict(&exchange(server.address, &of_count(HEADERS)).await), "200 -");
    let over = exchange(server.address, &of_count(HEADERS + 1)).await;
    assert_eq!(verdict(&over), "431 headers_too_large");
}

#[tokio::test]
async fn cat_h03_a_head_without_an_end_is_refused_at_the_limit() {
    let server = serving(&[]).await;
    let mut stream = connect(server.address).await;
    let endless =
        format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}", "a".repeat(HEAD_BYTES));
    stream.write_all(endless.as_bytes()).await.expect("it listens");
    let answer = timeout(LONG, read_to_end(&mut stream)).await.expect("it does not wait for more");
    assert_eq!(verdict(&answer), "431 headers_too_large");
}

#[tokio::test]
async fn cat_h02_names_and_numbers_need_no_large_bodies() {
    let server = serving(&[]).await;
    for path in ["/api/v1/keys", "/api/v1/join", "/api/v1/lending"] {
        for (bytes, is_taken) in [(SMALL_BODY_BYTES, true), (SMALL_BODY_BYTES + 1, false)] {
            let body = format!("{{{}}}", " ".repeat(bytes - 2));
            let asked = server.http.post(server.url(path)).bearer_auth(TOKEN);
            let asked = asked.header("content-type", "application/json").body(body);
            let error = Reply::of(asked).await.error();
            assert_eq!(error == "413 body_too_large @ -", !is_taken, "{path}: {error}");
        }
    }
}

#[tokio::test]
async fn cat_h02_bodies_that_do_not_say_how_long_they_are_end_at_the_limit_too() {
    let server = serving(&[]).await;
    for (path, limit) in [("/api/v1/keys", SMALL_BODY_BYTES), ("/v1/completions", BODY_BYTES)] {
        let head = format!(
            "POST {path} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
             authorization: Bearer {TOKEN}\ntransfer-encoding: chunked"
        );
        for (bytes, is_taken) in [(limit, true), (limit + 1, false)] {
            let body = format!("{{{}}}", " ".repeat(bytes - 2));
            let chunk = format!("{bytes:x}\r\n{body}\r\n0\r\n\r\n");
            let asked = [request(&head), chunk.into_bytes()].concat();
            let error = verdict(&exchange(server.address, &asked).await);
            assert_eq!(error == "413 body_too_large", !is_taken, "{path}: {error}");
        }
    }
}

async fn healthy(stream: &mut TcpStream) {
    let asked = request(&format!("{HEALTH}\nauthorization: Bearer {KEY}"));
    stream.write_all(&asked).await.expect("it listens");
    read_until(stream, "\"ok\"").await;
}

#[tokio::test]
async fn cat_h43_on_a_network_one_source_has_128_connections_and_no_more() {
    let server = start(network(), Double::new(&[])).await;
    let mut open = Vec::new();
    for _ in 0..SOURCE_CONNECTIONS {
        let mut stream = connect(server.address).await;
        healthy(&mut stream).await;
        open.push(stream);
    }
    let mut over = connect(server.address).await;
    let nothing = timeout(LONG, read_to_end(&mut over)).await.expect("it is let go at once");
    assert_eq!(nothing, "");
    let elsewhere = TcpSocket::new_v4().expect("a socket");
    elsewhere.bind("127.0.7.2:0".parse().expect("an address")).expect("this computer's address");
    let mut other = elsewhere.connect(server.address).await.expect("it listens");
    healthy(&mut other).await;
}

#[tokio::test]
async fn cat_h43_the_install_itself_leaves_room_for_programs_without_a_key() {
    let server = serving(&[]).await;
    let mut streams = Vec::new();
    let refused = loop {
        let stream = server.get("/api/v1/events").send().await.expect("an answer");
        if stream.status() != 200 {
            break stream;
        }
        streams.push(stream);
    };
    assert_eq!((streams.len(), refused.status().as_u16()), (OWN_REQUESTS, 429));
    let anybody = server.http.get(server.url("/v1/models"));
    assert_eq!(Reply::of(anybody).await.status, 200);
}

/// On TLS, with this patience for the handshake.
fn over_tls(head: Duration) -> Settings {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Tls::new(certificate.as_bytes(), key.as_bytes()).expect("they belong together");
    let exposure = Exposure::Network { names: Vec::new(), tls: Some(tls.config()) };
    Settings { exposure, patience: Patience { head, ..patience() }, ..network() }
}

#[tokio::test]
async fn cat_h05_a_tls_handshake_that_does_not_go_on_is_given_up() {
    let server = start(over_tls(SHORT), Double::new(&[])).await;
    // The head of a record, and nothing in it (RFC 8446, section 5.1).
    for begun in [&[][..], &[0x16, 3, 1, 2, 0]] {
        let mut stream = connect(server.address).await;
        stream.write_all(begun).await.expect("it listens");
        let nothing = timeout(LONG, read_to_end(&mut stream)).await.expect("it is closed");
        assert_eq!(nothing, "");
    }
}

#[tokio::test]
async fn cat_h35_a_client_that_never_reads_is_let_go() {
    let patience = Patience { stalled: SHORT, ..patience() };
    let scripts = [("endless", Script::Endless)];
    let server = start(Settings { patience, ..loopback() }, Double::new(&scripts)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8 * 1_024).expect("a small window");
    let mut stream = socket.connect(server.address).await.expect("it listens");
    let body = json!({ "model": "endless", "stream": true,
        "messages": [{ "role": "user", "content": "x" }] });
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
         content-length: {}",
        body.len()
    );
    let asked = [request(&head), body.into_bytes()].concat();
    stream.write_all(&asked).await.expect("it listens");
    let cancelled = server.mesh.cancelled.notified();
    timeout(LONG, cancelled).await.expect("its job is cancelled, although it stands there");
    drop(stream);
}

#[tokio::test]
async fn cat_h02_a_refusal_reaches_a_client_that_is_still_writing() {
    let server = serving(&[]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    // So that it cannot write it all before anybody reads.
    socket.set_send_buffer_size(16 * 1_024).expect("a small buffer");
    let mut stream = socket.connect(server.address).await.expect("it listens");
    let head = request("POST / HTTP/1.1\nhost: localhost\ncontent-length: 1\ncontent-length: 1");
    let asked = [head, vec![b'x'; 1 << 20]].concat();
    stream.write_all(&asked).await.expect("somebody reads on");
    assert_eq!(verdict(&read_to_end(&mut stream).await), "400 malformed_request");
}

#[tokio::test]
async fn cat_h02_who_writes_on_after_a_refusal_is_cut_off() {
    let server = serving(&[]).await;
    let mut stream = connect(server.address).await;
    let bad = request("POST / HTTP/1.1\nhost: localhost\ncontent-length: 1\ncontent-length: 1");
    stream.write_all(&bad).await.expect("it listens");
    let writing = async {
        let piece = vec![b'x'; 64 * 1_024];
        while stream.write_all(&piece).await.is_ok() {}
    };
    timeout(LONG, writing).await.expect("nobody reads that for ever");
}

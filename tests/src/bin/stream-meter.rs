//! Measures what a proxy adds to streams. It is both ends: a model service that writes a frame at a
//! steady pace, each with the time at which it was written, and the clients that read them. Prints one
//! JSON object: percentiles of the frames' ages as they arrive, in microseconds.
//!
//! `stream-meter serve` prints the address of the service; `stream-meter read URL STREAMS SECONDS BODY`
//! reads that many streams from URL at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Frames of one stream come this far apart.
const PACE: Duration = Duration::from_millis(20);
/// Frames of one stream.
const FRAMES: usize = 400;

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn frame(number: usize) -> String {
    let content = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_750_000_000, "model": "m",
        "choices": [{ "index": 0, "delta": { "content": format!("{}", now_us()) }, "finish_reason": null }],
        "n": number,
    });
    chunk(&format!("data: {content}\n\n"))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const MODELS: &str = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    loop {
        request.clear();
        if !read_request(&mut stream, &mut request).await? {
            return Ok(());
        }
        if request.starts_with(b"GET") {
            let length = MODELS.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            stream.write_all((head + MODELS).as_bytes()).await?;
            continue;
        }
        stream.write_all(HEAD.as_bytes()).await?;
        let mut due = tokio::time::Instant::now();
        for number in 0..FRAMES {
            due += PACE;
            tokio::time::sleep_until(due).await;
            stream.write_all(frame(number).as_bytes()).await?;
        }
        let end = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m",
            "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        let rest = chunk(&format!("data: {end}\n\n")) + &chunk("data: [DONE]\n\n") + "0\r\n\r\n";
        stream.write_all(rest.as_bytes()).await?;
        // Whoever reads without a gateway between waits for that.
        if find(&request.to_ascii_lowercase(), b"\r\nconnection: close\r\n").is_some() {
            return Ok(());
        }
    }
}

/// Reads a whole request; false where the connection ends instead.
async fn read_request(stream: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut bytes = [0; 4096];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(false);
        }
        request.extend_from_slice(&bytes[..count]);
        let Some(end) = find(request, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if request.len() >= end + 4 + length {
            return Ok(true);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Reads one stream after the other until `until`; gives the age of each frame.
async fn read(at: SocketAddr, path: String, body: String, until: Instant) -> Vec<u64> {
    let mut ages = Vec::new();
    while Instant::now() < until {
        let Ok(mut stream) = TcpStream::connect(at).await else { return ages };
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {at}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(request.as_bytes()).await.is_err() {
            return ages;
        }
        let (mut bytes, mut rest) = (vec![0; 16 * 1024], Vec::new());
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            let arrived = now_us();
            rest.extend_from_slice(&bytes[..count]);
            while let Some(end) = find(&rest, b"\n\n") {
                let frame: Vec<u8> = rest.drain(..end + 2).collect();
                ages.extend(sent(&frame).map(|sent| arrived.saturating_sub(sent)));
            }
            if Instant::now() >= until {
                break;
            }
        }
    }
    ages
}

/// When a frame was written.
fn sent(frame: &[u8]) -> Option<u64> {
    let mark = b"\"content\":\"";
    let at = find(frame, mark)? + mark.len();
    let digits: Vec<u8> = frame[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok().filter(|sent: &u64| *sent > 1_000_000)
}

fn percentile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share) as usize).copied().unwrap_or(0)
}

async fn measure(url: &str, streams: usize, seconds: u64, body: &str) -> serde_json::Value {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let at: SocketAddr = host.parse().expect("an address with a port");
    let until = Instant::now() + Duration::from_secs(seconds);
    let readers: Vec<_> = (0..streams)
        .map(|_| tokio::spawn(read(at, format!("/{path}"), body.to_owned(), until)))
        .collect();
    let mut ages = Vec::new();
    for reader in readers {
        ages.extend(reader.await.unwrap_or_default());
    }
    ages.sort_unstable();
    json!({ "frames": ages.len(), "p50_us": percentile(&ages, 0.5), "p90_us": percentile(&ages, 0.9),
        "p99_us": percentile(&ages, 0.99) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    #[expect(clippy::print_stdout, reason = "what it measured is its output")]
    match words.as_slice() {
        ["serve"] => {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback works");
            println!("http://{}", listener.local_addr().expect("a bound socket has an address"));
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(serve(stream));
            }
        }
        ["read", url, streams, seconds, body] => {
            let (streams, seconds) =
                (streams.parse().expect("a number"), seconds.parse().expect("a number"));
            println!("{}", measure(url, streams, seconds, body).await);
        }
        _ => println!("stream-meter serve | read URL STREAMS SECONDS BODY"),
    }
}

//! Servers of this computer, found on its ports.

use std::net::SocketAddr;
use std::time::Duration;

use pumasi_cloud::{Search, discover};
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that knows these paths; what it was asked stands in the list.
async fn server(answers: &'static [(&'static str, &'static str)]) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().as_ref().map(SocketAddr::port).expect("an address");
    let asked = Asked::default();
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answers, heard.clone()));
        }
    });
    (port, asked)
}

type Asked = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

async fn serve(
    mut stream: tokio::net::TcpStream,
    answers: &'static [(&'static str, &'static str)],
    asked: Asked,
) {
    let mut buffer = vec![0; 8_192];
    while let Ok(size) = stream.read(&mut buffer).await {
        let request = String::from_utf8_lossy(&buffer[..size]).into_owned();
        let Some(path) = request.split(' ').nth(1).map(str::to_owned) else { return };
        asked.lock().expect("nobody panics").push(request);
        let found = answers.iter().find(|(known, _)| *known == path);
        let (status, body) = found.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", *body));
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// With time enough for a busy computer; what is silent is not waited for any longer.
fn search(ports: Vec<u16>, own: Vec<u16>) -> Search {
    Search { ports, own, within: Duration::from_secs(5) }
}

const MODELS: (&str, &str) = ("/v1/models", r#"{"object":"list","data":[{"id":"m"}]}"#);

#[tokio::test]
async fn each_server_is_known_by_its_own_answer() {
    let cases: [(&str, &'static [(&str, &str)]); 6] = [
        ("ollama", &[("/api/version", r#"{"version":"0.12.0"}"#), MODELS]),
        ("lmstudio", &[("/api/v0/models", r#"{"object":"list","data":[]}"#), MODELS]),
        ("vllm", &[("/version", r#"{"version":"0.11.0"}"#), MODELS]),
        ("llama-server", &[("/props", r#"{"default_generation_settings":{}}"#), MODELS]),
        (
            "pumasi",
            &[
                ("/healthz", r#"{"status":"ok","version":"0.1.0"}"#),
                ("/api/version", r#"{"version":"0.12.0"}"#),
                MODELS,
            ],
        ),
        ("openai-compatible", &[MODELS]),
    ];
    for (kind, answers) in cases {
        let (port, asked) = server(answers).await;
        let search = search(vec![port], Vec::new());
        let found = soon(discover(&client(), &search)).await;
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0].kind.id, kind);
        assert_eq!(found[0].base, format!("http://127.0.0.1:{port}/v1"));
        assert_eq!(found[0].models.len(), 1, "{kind}");
        let asked = asked.lock().expect("nobody panics").concat().to_ascii_lowercase();
        assert!(!asked.contains("authorization") && !asked.contains("key"), "{kind}");
    }
}

#[tokio::test]
async fn what_answers_nothing_or_nonsense_or_is_the_node_itself_is_not_found() {
    let (web, _) = server(&[("/", "<html></html>"), ("/v1/models", "<html></html>")]).await;
    let (own, asked) = server(&[("/healthz", r#"{"status":"ok","version":"1"}"#)]).await;
    let mut gone = FakeProvider::start(FakeSpeech::OpenAi);
    gone.unplug();
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let silent_port = silent.local_addr().expect("an address").port();
    let ports = vec![web, own, gone.address().port(), silent_port, 0];
    let found = soon(discover(&client(), &search(ports, vec![own]))).await;
    assert_eq!(found, []);
    assert_eq!(*asked.lock().expect("nobody panics"), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_found_can_be_set_up_and_asked() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let search = search(vec![fake.address().port()], Vec::new());
    let found = soon(discover(&client(), &search)).await.remove(0);
    let mut settings = settings(&found.kind.id, &found.base);
    settings.models = vec![found.models[0].name.clone()];
    let provider = Provider::new(client(), settings, None).expect("it can be set up");
    soon(ask(&provider, "fine")).await.expect("an answer");
    assert!(fake.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn the_usual_ports_are_those_of_the_table() {
    let search = Search::usual(vec![1]);
    assert_eq!(search.ports, [1234, 7862, 8000, 8080, 11434]);
    assert_eq!((search.own, search.within), (vec![1], Duration::from_millis(300)));
}

//! Bodies on their way in: types, sizes, and what the dialect's refusals look like over HTTP.

use serde_json::json;

use super::double::answer;
use super::raw::{connect, read_to_end, request, verdict};
use super::{Reply, serving};
use tokio::io::AsyncWriteExt;

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"words","messages":[{"role":"user","content":"x"}]}"#;
const LIMIT: usize = 2 * 1024 * 1024;

/// A chat body of exactly this many bytes.
fn sized(bytes: usize) -> String {
    let empty = BODY.replace("\"x\"", "\"\"");
    BODY.replace("\"x\"", &format!("\"{}\"", "a".repeat(bytes - empty.len())))
}

#[tokio::test]
async fn cat_h01_an_empty_body_is_not_json() {
    let server = serving(&[]).await;
    for path in [CHAT, "/v1/completions", "/v1/embeddings"] {
        assert_eq!(server.post_text(path, "").await.error(), "400 invalid_json @ -", "{path}");
    }
    for path in ["/api/v1/jobs", "/api/v1/join"] {
        let request = server.http.post(server.url(path)).bearer_auth(super::TOKEN);
        let request = request.header("content-type", "application/json");
        let error = Reply::of(request).await.error();
        assert!(error.starts_with("400 invalid_"), "{path}: {error}");
    }
}

#[tokio::test]
async fn cat_h02_bodies_end_at_the_limit() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    assert_eq!(sized(LIMIT).len(), LIMIT);
    assert_eq!(server.post_text(CHAT, sized(LIMIT)).await.status, 200);
    let over = server.post_text(CHAT, sized(LIMIT + 1)).await;
    assert_eq!(over.error(), "413 body_too_large @ -");
    assert_eq!(over.header("connection"), "close");

    let mut stream = connect(server.address).await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
         transfer-encoding: chunked"
    );
    let mut bytes = request(&head);
    bytes.extend_from_slice(format!("{:x}\r\n", LIMIT + 1).as_bytes());
    bytes.extend_from_slice(&vec![b' '; LIMIT + 1]);
    stream.write_all(&bytes).await.expect("within what is drained");
    assert_eq!(verdict(&read_to_end(&mut stream).await), "413 body_too_large");

    let mut stream = connect(server.address).await;
    let announced = format!(
        "POST {CHAT} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
         content-length: {}",
        32 * 1024 * 1024 + 1
    );
    stream.write_all(&request(&announced)).await.expect("it listens");
    assert_eq!(verdict(&read_to_end(&mut stream).await), "413 body_too_large");
}

#[tokio::test]
async fn cat_h02_a_body_with_a_picture_may_be_larger() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let picture = |zeros: usize| {
        let url = format!("data:image/png;base64,iVBORw0KGgo{}", "A".repeat(zeros));
        let content = json!([{ "type": "image_url", "image_url": { "url": url } }]);
        json!({ "model": "words", "messages": [{ "role": "user", "content": content }] })
            .to_string()
    };
    assert_eq!(server.post_text(CHAT, picture(3 * 1024 * 1024)).await.status, 200);
    let over = server.post_text(CHAT, picture(32 * 1024 * 1024)).await;
    assert_eq!(over.error(), "413 body_too_large @ -");
    let text = server.post_text("/v1/completions", picture(3 * 1024 * 1024)).await;
    assert_eq!(text.error(), "413 body_too_large @ -");
}

#[tokio::test]
async fn cat_h12_ignored_fields_are_named_in_a_header_and_go_nowhere() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let body = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }],
        "n_discard": -1, "chat_template": "{{x}}", "lora": [1] });
    let reply = Reply::of(server.post(CHAT, &body)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-pumasi-ignored"), "chat_template, lora, n_discard");
    let runs = server.mesh.runs.lock().expect("free");
    assert!(!format!("{:?}", runs[0].work).contains("{{x}}"));
}

#[tokio::test]
async fn cat_h12_a_strict_server_refuses_unknown_fields() {
    let settings = pumasi_web::Settings { strict: true, ..super::loopback() };
    let server = super::start(settings, super::double::Double::new(&[])).await;
    let body = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }],
        "cache_prompt": true });
    let reply = Reply::of(server.post(CHAT, &body)).await;
    assert_eq!(reply.error(), "400 unknown_parameter @ cache_prompt");
}

#[tokio::test]
async fn cat_h13_a_very_long_message_arrives_whole_and_holds_nobody_up() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let long = server.post_text(CHAT, sized(1_900_000));
    let (long, health) = tokio::join!(long, Reply::of(server.get("/healthz")));
    assert_eq!((long.status, health.status), (200, 200));
    let runs = server.mesh.runs.lock().expect("free");
    assert!(format!("{:?}", runs[0].work).len() > 1_890_000);
}

#[tokio::test]
async fn cat_h27_forms_are_refused() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    for (kind, expected) in [
        ("text/plain", "415 unsupported_media_type @ -"),
        ("application/x-www-form-urlencoded", "415 unsupported_media_type @ -"),
        ("multipart/form-data; boundary=x", "415 unsupported_media_type @ -"),
        ("multipart/form-data", "400 invalid_content_type @ -"),
        ("application/json; charset=utf-16", "415 unsupported_media_type @ -"),
        ("application/jsonx", "415 unsupported_media_type @ -"),
        ("text/plain; application/json", "415 unsupported_media_type @ -"),
    ] {
        let request = server.http.post(server.url(CHAT)).header("content-type", kind).body(BODY);
        assert_eq!(Reply::of(request).await.error(), expected, "{kind}");
    }
    let request = server.http.post(server.url(CHAT)).body(BODY);
    assert_eq!(Reply::of(request).await.error(), "415 unsupported_media_type @ -");
    let twice = format!(
        "POST {CHAT} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n\
         content-type: text/plain\ncontent-length: {}\nconnection: close",
        BODY.len()
    );
    let asked = [super::raw::request(&twice), BODY.as_bytes().to_vec()].concat();
    let answer = super::raw::exchange(server.address, &asked).await;
    assert_eq!(verdict(&answer), "400 invalid_content_type", "two of them");
    let bare = server.http.post(server.url("/api/v1/models/words/load")).bearer_auth(super::TOKEN);
    let form = Reply::of(bare.body("{}")).await;
    assert_eq!(form.error(), "415 unsupported_media_type @ -");
    for kind in ["application/json", "Application/JSON; charset=UTF-8"] {
        let request = server.http.post(server.url(CHAT)).header("content-type", kind).body(BODY);
        assert_eq!(Reply::of(request).await.status, 200, "{kind}");
    }
}

/// Nothing takes a file with a name: where there is no upload, there is no name to be misled by.
#[tokio::test]
async fn cat_h39_no_route_takes_an_upload_whatever_its_file_is_called() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let long = "a".repeat(4 * 1_024);
    for name in ["../../x", "", &long, "\u{202e}gpj.exe", "a\nb"] {
        let body = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n\
             words\r\n--x--\r\n"
        );
        for (method, path) in super::guard::every_route().filter(|(method, _)| *method != "GET") {
            let method = http::Method::from_bytes(method.as_bytes()).expect("a method");
            let upload = server.http.request(method.clone(), server.url(path));
            let upload = upload.bearer_auth(super::TOKEN).body(body.clone());
            let upload = upload.header("content-type", "multipart/form-data; boundary=x");
            let reply = Reply::of(upload).await;
            // What needs no body is done, whatever is in it.
            let is_bare =
                matches!(reply.status, 200..300 | 404 | 409) && !reply.text.contains("words");
            assert!(
                is_bare || reply.status == 415 || reply.status == 400,
                "{method} {path}: {reply:?}"
            );
        }
    }
    assert!(server.mesh.runs.lock().expect("free").is_empty());
}

/// The dialect's own tests hold the whole table; these are the rows' statuses over HTTP.
#[tokio::test]
async fn refusals_of_the_dialect_are_400_with_code_and_field() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let with = |extra: &str| BODY.replacen('{', &format!("{{{extra},"), 1);
    let cases = [
        (format!(r#"{{"x":{deep}}}"#), "400 invalid_json @ -"),
        (with(r#""model":"b""#), "400 duplicate_field @ model"),
        (with(r#""max_tokens":0"#), "400 out_of_range @ max_tokens"),
        (with(r#""temperature":1e400"#), "400 out_of_range @ temperature"),
        (with(r#""n":1000000000"#), "400 out_of_range @ n"),
        (BODY.replace("user", "root"), "400 unknown_role @ messages[0].role"),
        (BODY.replace(r#""x""#, r#""\ud800""#), "400 invalid_json @ messages[0].content"),
        (BODY.replace("words", "../../x"), "400 invalid_model_name @ model"),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post_text(CHAT, body).await.error(), expected);
    }
    let large = format!(r#"{{"x":"{}","messages":5,"model":"m"}}"#, "a".repeat(100_000));
    let reply = server.post_text(CHAT, large).await;
    assert_eq!(reply.error(), "400 invalid_type @ messages");
    assert!(server.mesh.runs.lock().expect("free").is_empty());
}

/// What would be found out of a name or a redirect is never found out: nobody is asked for a picture.
#[tokio::test]
async fn cat_h30_cat_h31_cat_h32_cat_h33_cat_h34_no_picture_is_fetched_from_anywhere() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let port = elsewhere.local_addr().expect("it is bound").port();
    for url in [
        format!("http://localhost:{port}/a.png"),
        format!("http://127.0.0.1:{port}/redirects"),
        format!("http://good.example\\@127.0.0.1:{port}/"),
        format!("http://user:pass@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}\t/"),
        format!("http://loc\u{430}lhost:{port}/"),
        format!("https://localhost:{port}/endless"),
    ] {
        let picture = serde_json::json!({ "type": "image_url", "image_url": { "url": url } });
        let body = serde_json::json!({
            "model": "words", "messages": [{ "role": "user", "content": [picture] }] });
        let reply = Reply::of(server.post("/v1/chat/completions", &body)).await;
        let param = "messages[0].content[0].image_url.url";
        assert_eq!(reply.error(), format!("400 remote_urls_disabled @ {param}"), "{url}");
    }
    assert!(server.mesh.runs.lock().expect("free").is_empty());
    let knocked = tokio::time::timeout(std::time::Duration::ZERO, elsewhere.accept()).await;
    assert!(knocked.is_err(), "somebody was asked");
}

//! Who gets in: hosts, origins, tokens, methods and paths, on every route.

use http::Method;

use super::double::{Double, answer};
use super::raw::{exchange, request, verdict};
use super::{Harness, KEY, Reply, TOKEN, network, serving, start};

/// Every route, by what it is open to.
const INFERENCE: [(&str, &str); 21] = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/org/words"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/responses/input_tokens"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1/models/org/words:generateContent"),
    ("GET", "/v1beta/models"),
    ("GET", "/v1beta/models/org/words"),
    ("POST", "/v1beta/models/org/words:generateContent"),
    ("POST", "/api/chat"),
    ("POST", "/api/generate"),
    ("POST", "/api/embed"),
    ("POST", "/api/embeddings"),
    ("GET", "/api/tags"),
    ("GET", "/api/ps"),
    ("POST", "/api/show"),
    ("GET", "/api/version"),
];
const OPEN: [(&str, &str); 5] = [
    ("GET", "/healthz"),
    ("GET", "/"),
    ("GET", "/no/such/route"),
    ("GET", "/llms.txt"),
    ("GET", "/api/openapi.json"),
];
const OWNER: [(&str, &str); 76] = [
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/nodes"),
    ("GET", "/api/v1/models"),
    ("GET", "/api/v1/models/words/inspect"),
    ("GET", "/api/v1/recommendations"),
    ("POST", "/api/v1/models/words/load"),
    ("POST", "/api/v1/models/words/unload"),
    ("POST", "/api/v1/models/words/copy"),
    ("DELETE", "/api/v1/models/words/copy"),
    ("GET", "/api/v1/copies"),
    ("GET", "/api/v1/benchmarks"),
    ("POST", "/api/v1/benchmarks"),
    ("GET", "/api/v1/models/words/settings"),
    ("POST", "/api/v1/models/words/settings"),
    ("GET", "/api/v1/jobs"),
    ("POST", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/1"),
    ("DELETE", "/api/v1/jobs/1"),
    ("GET", "/api/v1/jobs/1/why"),
    ("POST", "/api/v1/jobs/1/adopt"),
    ("POST", "/api/v1/jobs/1/cancel"),
    ("GET", "/api/v1/jobs/1/result"),
    ("GET", "/api/v1/jobs/1/events"),
    ("POST", "/api/v1/documents"),
    ("POST", "/api/v1/documents/extract"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/providers"),
    ("POST", "/api/v1/providers"),
    ("DELETE", "/api/v1/providers/x"),
    ("POST", "/api/v1/providers/x/check"),
    ("POST", "/api/v1/providers/x/share"),
    ("PATCH", "/api/v1/routing"),
    ("POST", "/api/v1/nodes/1/remove"),
    ("GET", "/api/v1/invitations"),
    ("POST", "/api/v1/invitations"),
    ("DELETE", "/api/v1/invitations/1"),
    ("POST", "/api/v1/join"),
    ("GET", "/api/v1/pairing"),
    ("POST", "/api/v1/pairing"),
    ("POST", "/api/v1/pairing/approve"),
    ("POST", "/api/v1/mesh"),
    ("GET", "/api/v1/conversations"),
    ("POST", "/api/v1/conversations"),
    ("GET", "/api/v1/conversations/1"),
    ("PUT", "/api/v1/conversations/1"),
    ("DELETE", "/api/v1/conversations/1"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("PATCH", "/api/v1/keys/1"),
    ("DELETE", "/api/v1/keys/1"),
    ("GET", "/api/v1/lending"),
    ("POST", "/api/v1/lending"),
    ("GET", "/api/v1/doctor"),
    ("GET", "/api/v1/errors"),
    ("GET", "/api/v1/usage"),
    ("GET", "/api/v1/history"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/hub/search"),
    ("GET", "/api/v1/hub/repo"),
    ("GET", "/api/v1/hub/card"),
    ("POST", "/api/v1/hub/token"),
    ("GET", "/api/v1/pulls"),
    ("POST", "/api/v1/pulls"),
    ("DELETE", "/api/v1/pulls/1"),
    ("POST", "/api/v1/pulls/1/pause"),
    ("POST", "/api/v1/pulls/1/resume"),
    ("GET", "/api/v1/store"),
    ("PATCH", "/api/v1/store/models/1"),
    ("DELETE", "/api/v1/store/models/1"),
    ("POST", "/api/v1/store/import"),
    ("POST", "/api/v1/store/verify"),
    ("POST", "/api/v1/store/sweep"),
    ("POST", "/api/pull"),
    ("DELETE", "/api/delete"),
    ("POST", "/api/copy"),
];

pub(crate) fn every_route() -> impl Iterator<Item = (&'static str, &'static str)> {
    INFERENCE.into_iter().chain(OPEN).chain(OWNER)
}

/// Whether a path is one of a route's.
fn is_of(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(part), Some(_)) if part.starts_with('{') => {}
            (Some(part), Some(same)) if part == same => {}
            _ => return false,
        }
    }
}

#[test]
fn every_route_that_there_is_is_tried_here() {
    let source = include_str!("../../src/routes.rs");
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.lines().next());
    let mut count = 0;
    for route in routes {
        let (template, methods) = route.split_once('"').expect("a path ends");
        for method in ["get", "post", "put", "patch", "delete"] {
            if methods.contains(&format!("{method}(")) {
                let same = |(m, path): (&str, &str)| {
                    m.eq_ignore_ascii_case(method) && is_of(template, path)
                };
                assert!(every_route().any(same), "{method} {template} is in no list");
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} routes were found");
}

pub(crate) async fn ask(
    server: &Harness,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Reply {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = server.http.request(method, server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request).await
}

/// Ways of having no token.
const WITHOUT: [&[(&str, &str)]; 10] = [
    &[],
    &[("authorization", "Bearer ")],
    &[("authorization", "Bearer")],
    &[("authorization", "Basic YTpi")],
    &[("authorization", "Bearer wrong")],
    &[("authorization", "Bearer ' OR 1=1--")],
    &[("x-api-key", "wrong")],
    &[("x-goog-api-key", "wrong")],
    &[("cookie", "pumasi=wrong")],
    &[("sec-websocket-protocol", TOKEN)],
];

/// The body without the request's id.
fn anonymous(reply: &Reply) -> String {
    reply.text.replace(reply.header("x-request-id"), "ID")
}

#[tokio::test]
async fn cat_h16_without_a_token_nothing_but_inference_is_open_on_loopback() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let mut bodies = std::collections::BTreeSet::new();
    for (method, path) in OWNER {
        for headers in WITHOUT.into_iter().take(3) {
            let reply = ask(&server, method, path, headers).await;
            assert_eq!(reply.error(), "401 invalid_token @ -", "{method} {path} {headers:?}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            bodies.insert(anonymous(&reply));
        }
        let query = format!("{path}?token={TOKEN}&api_key={TOKEN}");
        assert_eq!(ask(&server, method, &query, &[]).await.status, 401, "{method} {path}");
    }
    for headers in WITHOUT {
        let reply = ask(&server, "GET", "/api/v1/status", headers).await;
        assert_eq!(reply.error(), "401 invalid_token @ -", "{headers:?}");
        bodies.insert(anonymous(&reply));
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(server.mesh.changes().is_empty());
    let body = r#"{"model":"words","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(server.post_text("/v1/chat/completions", body).await.status, 200);
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/v1beta/models"),
        ("GET", "/api/tags"),
        ("GET", "/healthz"),
    ] {
        let dummy = [("authorization", "Bearer sk-whatever-programs-send")];
        assert_eq!(ask(&server, method, path, &[]).await.status, 200, "{path}");
        assert_eq!(ask(&server, method, path, &dummy).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn cat_h16_on_a_network_every_route_needs_a_token() {
    let server = start(network(), Double::new(&[])).await;
    let mut bodies = std::collections::BTreeSet::new();
    for (method, path) in every_route() {
        for headers in WITHOUT.into_iter().take(4) {
            let reply = ask(&server, method, path, headers).await;
            assert_eq!(reply.error(), "401 invalid_token @ -", "{method} {path} {headers:?}");
            bodies.insert(anonymous(&reply));
        }
        let query = format!("{path}?token={KEY}");
        assert_eq!(ask(&server, method, &query, &[]).await.status, 401, "{method} {path}");
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let key = format!("Bearer {KEY}");
    for path in ["/healthz", "/v1/models", "/api/v1/status"] {
        let reply = ask(&server, "GET", path, &[("authorization", &key)]).await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn cat_h16_an_api_key_does_not_show_the_digits_that_let_this_computer_in() {
    let (key, token) = (format!("Bearer {KEY}"), format!("Bearer {TOKEN}"));
    for settings in [super::with_keys(vec![super::terms(KEY)]), network()] {
        let server = start(settings, Double::new(&[])).await;
        for (method, path) in [
            ("GET", "/api/v1/pairing"),
            ("POST", "/api/v1/pairing"),
            ("POST", "/api/v1/pairing/approve"),
            ("POST", "/api/v1/mesh"),
        ] {
            let reply = ask(&server, method, path, &[("authorization", &key)]).await;
            assert_eq!(reply.error(), "403 not_by_key @ -", "{method} {path}");
            assert!(!reply.text.contains("048291"));
        }
    }
    let server = serving(&[]).await;
    let reply = ask(&server, "GET", "/api/v1/pairing", &[("authorization", &token)]).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn cat_h16_two_authorization_headers_are_no_token() {
    let server = serving(&[]).await;
    let lines = format!(
        "GET /api/v1/status HTTP/1.1\nhost: localhost\nauthorization: Bearer {TOKEN}\n\
         authorization: Bearer {TOKEN}\nconnection: close"
    );
    let answer = exchange(server.address, &request(&lines)).await;
    assert_eq!(verdict(&answer), "401 invalid_token");
}

#[tokio::test]
async fn cat_h17_strange_tokens_are_wrong_tokens() {
    let server = serving(&[]).await;
    let long = "a".repeat(60 * 1024);
    for token in ["' OR 1=1--", long.as_str(), "%00", "null", "undefined"] {
        let headers = [("authorization", format!("Bearer {token}"))];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let reply = ask(&server, "GET", "/api/v1/status", &headers).await;
        assert_eq!(reply.error(), "401 invalid_token @ -");
    }
    let mut bytes = b"GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n".to_vec();
    bytes.extend_from_slice(b"connection: close\r\nauthorization: Bearer \xd0\xba\xff\r\n\r\n");
    assert_eq!(verdict(&exchange(server.address, &bytes).await), "401 invalid_token");
    let huge = format!(
        "GET /api/v1/status HTTP/1.1\nhost: localhost\nauthorization: Bearer {}",
        "a".repeat(1 << 20)
    );
    let answer = exchange(server.address, &request(&huge)).await;
    assert_eq!(verdict(&answer), "431 headers_too_large");
}

#[tokio::test]
async fn cat_h18_guessing_gets_429_and_locks_nobody_out() {
    let server = serving(&[]).await;
    let mut last = String::new();
    for guess in 0..30 {
        let token = format!("Bearer guess-{guess}");
        let reply = ask(&server, "GET", "/api/v1/status", &[("authorization", &token)]).await;
        last = reply.error();
        if reply.status == 429 {
            assert!(reply.header("retry-after").parse::<u32>().is_ok_and(|s| s >= 1));
        }
    }
    assert_eq!(last, "429 too_many_failures @ -");
    assert_eq!(Reply::of(server.get("/api/v1/status")).await.status, 200);
    let none = ask(&server, "GET", "/api/v1/status", &[]).await;
    assert_eq!(none.error(), "401 invalid_token @ -");
}

#[tokio::test]
async fn cat_h19_a_token_counts_the_same_wherever_it_is_carried() {
    let server = serving(&[]).await;
    let page = ask(&server, "GET", "/", &[]).await;
    let cookie = page.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    assert!(!page.header("set-cookie").contains(TOKEN));
    let bearer = format!("Bearer {TOKEN}");
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("x-api-key", TOKEN)],
        vec![("x-goog-api-key", TOKEN)],
        vec![("cookie", cookie.as_str())],
    ] {
        let reply = ask(&server, "GET", "/api/v1/status", &headers).await;
        assert_eq!(reply.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn cat_h20_cat_h22_a_rebound_name_is_refused_before_routing() {
    let server = serving(&[]).await;
    let bearer = format!("Bearer {TOKEN}");
    for (method, path) in every_route() {
        for host in ["evil.example", "evil.example:7862", "127.0.0.1.nip.io"] {
            let headers = [("host", host), ("authorization", bearer.as_str())];
            let reply = ask(&server, method, path, &headers).await;
            assert_eq!(reply.error(), "403 host_not_allowed @ -", "{method} {path}");
        }
    }
    assert!(server.mesh.changes().is_empty());
}

#[tokio::test]
async fn cat_h21_pages_of_other_sites_get_nothing_with_any_method() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let bearer = format!("Bearer {TOKEN}");
    for (_, path) in every_route() {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
            let headers = [("origin", "https://evil.example"), ("authorization", bearer.as_str())];
            let reply = ask(&server, method, path, &headers).await;
            assert_eq!(reply.status, 403, "{method} {path}");
            assert!(!reply.headers.contains_key("access-control-allow-origin"));
        }
    }
    assert!(server.mesh.changes().is_empty());
    assert!(server.mesh.runs.lock().expect("free").is_empty());
    let own = server.url("");
    let reply = ask(&server, "GET", "/v1/models", &[("origin", &own)]).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn cat_h21_methods_that_a_route_does_not_have_get_405() {
    let server = serving(&[]).await;
    let bearer = format!("Bearer {TOKEN}");
    for (method, path) in [
        ("PUT", "/v1/chat/completions"),
        ("GET", "/v1/messages"),
        ("POST", "/api/tags"),
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/models"),
        ("OPTIONS", "/v1/chat/completions"),
        ("TRACE", "/healthz"),
        ("FOO", "/api/v1/status"),
        ("POST", "/"),
    ] {
        let reply = ask(&server, method, path, &[("authorization", &bearer)]).await;
        assert_eq!(reply.error(), "405 method_not_allowed @ -", "{method} {path}");
    }
}

#[tokio::test]
async fn cat_h23_on_a_network_only_own_names_are_hosts() {
    let server = start(network(), Double::new(&[])).await;
    let bearer = format!("Bearer {KEY}");
    let own = server.address.to_string();
    for (host, expected) in [
        (own.as_str(), 200),
        ("desk.local", 200),
        ("DESK.LOCAL.:7862", 200),
        ("other.local", 403),
        ("x.internal", 403),
        ("192.0.2.1", 403),
    ] {
        let headers = [("host", host), ("authorization", bearer.as_str())];
        assert_eq!(ask(&server, "GET", "/healthz", &headers).await.status, expected, "{host}");
    }
}

#[tokio::test]
async fn cat_h24_the_host_header_is_there_once_and_is_a_host() {
    let server = serving(&[]).await;
    for (host_lines, expected) in [
        ("host: localhost", "200 -"),
        ("host: LOCALHOST.", "200 -"),
        ("host: [::1]:7862", "200 -"),
        ("x: y", "400 invalid_host"),
        ("host:", "400 invalid_host"),
        ("host: localhost\nhost: localhost", "400 invalid_host"),
        ("host: localhost\nhost: evil.example", "400 invalid_host"),
        ("host: localhost:80@evil", "400 invalid_host"),
        ("host: [fe80::1%25eth0]", "400 invalid_host"),
        ("host: localhost, evil.example", "400 invalid_host"),
        ("host: evil.example", "403 host_not_allowed"),
    ] {
        let lines = format!("GET /healthz HTTP/1.1\n{host_lines}\nconnection: close");
        let answer = exchange(server.address, &request(&lines)).await;
        assert_eq!(verdict(&answer), expected, "{host_lines}");
    }
    let old = exchange(server.address, &request("GET /healthz HTTP/1.0")).await;
    assert_eq!(verdict(&old), "400 invalid_host");
}

#[tokio::test]
async fn cat_h25_the_matched_route_decides_and_no_spelling_gets_around_it() {
    let server = serving(&[]).await;
    let authority = server.address;
    for (target, expected) in [
        ("/api/v1/status", "401 invalid_token"),
        ("//api/v1/status", "404 not_found"),
        ("/api//v1/status", "404 not_found"),
        ("/./api/v1/status", "404 not_found"),
        ("/v1/../api/v1/status", "404 not_found"),
        ("/v1/%2e%2e/api/v1/status", "404 not_found"),
        ("/api/v1/status/", "404 not_found"),
        ("/api/v1/status;x=y", "404 not_found"),
        ("/api/v1%2fstatus", "404 not_found"),
        ("/API/v1/status", "404 not_found"),
        ("/api/v1/%73tatus", "404 not_found"),
        ("/api/v1/jobs/..%2fstatus", "401 invalid_token"),
        ("//v1//chat", "404 not_found"),
        ("http://localhost/api/v1/status", "401 invalid_token"),
        ("http://evil.example/api/v1/status", "400 invalid_host"),
        ("/healthz", "200 -"),
    ] {
        let lines = format!("GET {target} HTTP/1.1\nhost: localhost\nconnection: close");
        let answer = exchange(authority, &request(&lines)).await;
        assert_eq!(verdict(&answer), expected, "{target}");
    }
    let host = "GET /api/v1/status HTTP/1.1\nhost: a/../v1/models\nconnection: close";
    let answer = exchange(authority, &request(host)).await;
    assert_eq!(verdict(&answer), "400 invalid_host");
}

#[tokio::test]
async fn cat_h37_an_error_inside_is_told_by_its_request_id_only() {
    let mesh = Double { panics: true, ..Double::new(&[]) };
    let server = start(super::loopback(), mesh).await;
    let reply = Reply::of(server.get("/api/v1/status")).await;
    assert_eq!(reply.error(), "500 internal_error @ -");
    assert!(!reply.text.contains("as the test wants it"));
    assert_eq!(Reply::of(server.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_the_plain_id_that_its_program_gave_it() {
    let server = serving(&[]).await;
    let reply = ask(&server, "GET", "/healthz", &[("x-request-id", "trace-1.a_b")]).await;
    assert_eq!(reply.header("x-request-id"), "trace-1.a_b");
    let reply = ask(&server, "GET", "/healthz", &[("x-request-id", "<script>")]).await;
    assert!(reply.header("x-request-id").starts_with("req-"));
}

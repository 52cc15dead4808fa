//! API keys from outside: made, limited, spent, revoked, and what they never open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;
use pumasi_web::api::{Event, JobState, JobUsage, KeyScope};
use pumasi_web::keys::Terms;
use pumasi_web::mesh::Caller;
use pumasi_web::{Exposure, Settings};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::double::{Double, Script, answer, embedding, job, job_id, placed, tokens};
use super::guard::ask;
use super::raw::{connect, exchange, read_to_end, request, verdict};
use super::{Harness, KEY, Reply, TOKEN, loopback, network, serving, start, terms, with_keys};

const CHAT: &str = r#"{"model":"words","messages":[{"role":"user","content":"x"}]}"#;
const STREAM: &str =
    r#"{"model":"words","stream":true,"messages":[{"role":"user","content":"x"}]}"#;

fn only(scopes: &[KeyScope]) -> Terms {
    Terms { scopes: scopes.iter().copied().collect(), ..terms(KEY) }
}

async fn with_key(server: &Harness, method: &str, path: &str) -> Reply {
    ask(server, method, path, &[("x-api-key", KEY)]).await
}

fn chat(server: &Harness, body: &'static str) -> reqwest::RequestBuilder {
    let request = server.http.post(server.url("/v1/chat/completions")).bearer_auth(KEY);
    request.header("content-type", "application/json").body(body)
}

/// The key as the install sees it.
async fn shown(server: &Harness, id: &str) -> Value {
    let keys = Reply::of(server.get("/api/v1/keys")).await.json();
    let keys = keys["data"].as_array().expect("a list");
    keys.iter().find(|key| key["id"] == id).expect("the key is listed").clone()
}

#[tokio::test]
async fn a_key_is_made_shown_once_changed_and_revoked() {
    let server = serving(&[("words", answer(&["hi"]))]).await;
    let asked = json!({ "name": "bot", "person": "lee", "valid_s": 60, "requests_per_min": 9 });
    let made = Reply::of(server.post("/api/v1/keys", &asked)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (secret, key) = (made.json()["secret"].clone(), made.json()["key"].clone());
    let (secret, id) = (secret.as_str().expect("text"), key["id"].as_str().expect("text"));
    assert_eq!((&key["person"], &key["scopes"]), (&json!("lee"), &json!(["inference"])));
    assert!(key["expires_ms"].as_u64() > key["created_ms"].as_u64());

    let bearer = format!("Bearer {secret}");
    let auth = [("authorization", bearer.as_str())];
    assert_eq!(ask(&server, "GET", "/v1/models", &auth).await.status, 200);
    let listed = Reply::of(server.get("/api/v1/keys")).await;
    assert!(!listed.text.contains(secret) && !listed.text.contains("hash"), "{}", listed.text);
    assert_eq!(shown(&server, id).await["requests"], 1);

    let path = format!("/api/v1/keys/{id}");
    let change = |body: Value| {
        Reply::of(server.http.patch(server.url(&path)).bearer_auth(TOKEN).json(&body))
    };
    let wider = change(json!({ "scopes": ["view", "inference"], "requests_per_min": 0 })).await;
    assert_eq!(wider.json()["scopes"], json!(["inference", "view"]));
    assert_eq!(wider.json()["requests_per_min"], Value::Null);
    assert_eq!(ask(&server, "GET", "/api/v1/status", &auth).await.status, 200);

    for _ in 0..2 {
        let revoked = Reply::of(server.http.delete(server.url(&path)).bearer_auth(TOKEN)).await;
        assert_eq!((revoked.status, &revoked.json()["state"]), (200, &json!("revoked")));
    }
    let refused = ask(&server, "GET", "/v1/models", &auth).await;
    assert_eq!(refused.error(), "401 key_revoked @ -", "also where programs without a key may");
    assert_eq!(change(json!({ "valid_s": 9 })).await.error(), "409 already_revoked @ -");
    let unknown = Reply::of(server.http.delete(server.url("/api/v1/keys/x")).bearer_auth(TOKEN));
    assert_eq!(unknown.await.error(), "404 key_not_found @ -");
    assert_eq!(server.mesh.changes().len(), 4, "{:?}", server.mesh.changes());
}

#[tokio::test]
async fn what_a_key_cannot_be_is_said_field_by_field() {
    let server = serving(&[]).await;
    for (body, expected) in [
        (json!({}), "400"),
        (json!({ "name": "" }), "400 invalid_name @ -"),
        (json!({ "name": "a", "person": "\u{202e}" }), "400 invalid_name @ -"),
        (json!({ "name": "a", "scopes": [] }), "400 empty_value @ scopes"),
        (json!({ "name": "a", "scopes": ["everything"] }), "400"),
        (json!({ "name": "a", "valid_s": 0 }), "400 out_of_range @ valid_s"),
        (json!({ "name": "a", "requests_per_min": 0 }), "400 out_of_range @ requests_per_min"),
        (json!({ "name": "a", "tokens_per_day": 0 }), "400 out_of_range @ tokens_per_day"),
        (json!({ "name": "a", "secret": "mine" }), "400"),
    ] {
        let reply = Reply::of(server.post("/api/v1/keys", &body)).await;
        assert!(reply.error().starts_with(expected), "{body}: {}", reply.text);
    }
    assert!(server.mesh.changes().is_empty());
}

#[tokio::test]
async fn a_key_that_is_not_written_down_opens_nothing_and_a_revoked_one_neither() {
    let server = start(with_keys(vec![terms(KEY)]), Double::new(&[])).await;
    server.mesh.full_disk.store(true, Ordering::Relaxed);
    let made = Reply::of(server.post("/api/v1/keys", &json!({ "name": "bot" }))).await;
    assert_eq!(made.error(), "500 store_failed @ -");
    assert_eq!(with_key(&server, "GET", "/api/v1/status").await.status, 200);
    let path = format!("/api/v1/keys/{KEY}");
    let revoked = Reply::of(server.http.delete(server.url(&path)).bearer_auth(TOKEN)).await;
    assert_eq!(revoked.error(), "500 store_failed @ -");
    let refused = with_key(&server, "GET", "/api/v1/status").await;
    assert_eq!(refused.error(), "401 key_revoked @ -");
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_other() {
    let routes = [
        (KeyScope::Inference, "GET", "/v1/models"),
        (KeyScope::Inference, "POST", "/v1/chat/completions"),
        (KeyScope::Jobs, "GET", "/api/v1/jobs"),
        (KeyScope::Jobs, "POST", "/api/v1/jobs"),
        (KeyScope::Jobs, "GET", "/api/v1/jobs/1"),
        (KeyScope::Jobs, "DELETE", "/api/v1/jobs/1"),
        (KeyScope::Jobs, "POST", "/api/v1/jobs/1/cancel"),
        (KeyScope::Jobs, "GET", "/api/v1/jobs/1/result"),
        (KeyScope::Jobs, "GET", "/api/v1/jobs/1/why"),
        (KeyScope::Jobs, "POST", "/api/v1/jobs/1/adopt"),
        (KeyScope::Jobs, "GET", "/api/v1/audit"),
        (KeyScope::View, "GET", "/api/v1/status"),
        (KeyScope::View, "GET", "/api/v1/nodes"),
        (KeyScope::View, "GET", "/api/v1/models"),
        (KeyScope::View, "GET", "/api/v1/models/words/inspect"),
        (KeyScope::View, "GET", "/api/v1/recommendations"),
        (KeyScope::View, "GET", "/api/v1/providers"),
        (KeyScope::Models, "POST", "/api/v1/models/words/load"),
        (KeyScope::Models, "POST", "/api/v1/models/words/unload"),
        (KeyScope::Models, "POST", "/api/v1/models/words/copy"),
        (KeyScope::Models, "DELETE", "/api/v1/models/words/copy"),
        (KeyScope::View, "GET", "/api/v1/copies"),
        (KeyScope::Operate, "GET", "/api/v1/lending"),
        (KeyScope::Operate, "POST", "/api/v1/lending"),
        (KeyScope::Operate, "GET", "/api/v1/doctor"),
        (KeyScope::Operate, "GET", "/api/v1/errors"),
    ];
    for scope in KeyScope::ALL {
        let server = start(with_keys(vec![only(&[scope])]), Double::new(&[])).await;
        for (needs, method, path) in routes {
            let reply = with_key(&server, method, path).await;
            let is_refused = reply.status == 403;
            assert_eq!(is_refused, needs != scope, "{scope:?} {method} {path}: {}", reply.text);
            if is_refused {
                assert_eq!(reply.error(), "403 scope_missing @ -");
                assert!(reply.text.contains(needs.word()));
            }
        }
    }
}

#[tokio::test]
async fn no_key_makes_keys_or_lets_computers_in() {
    for settings in [with_keys(vec![terms(KEY)]), network()] {
        let server = start(settings, Double::new(&[])).await;
        for (method, path) in [
            ("GET", "/api/v1/keys"),
            ("POST", "/api/v1/keys"),
            ("PATCH", "/api/v1/keys/1"),
            ("DELETE", "/api/v1/keys/1"),
            ("GET", "/api/v1/invitations"),
            ("POST", "/api/v1/invitations"),
            ("DELETE", "/api/v1/invitations/1"),
            ("POST", "/api/v1/join"),
            ("POST", "/api/v1/mesh"),
            ("POST", "/api/v1/nodes/1/remove"),
            ("POST", "/api/v1/providers"),
            ("DELETE", "/api/v1/providers/x"),
            ("POST", "/api/v1/providers/x/check"),
            ("POST", "/api/v1/providers/x/share"),
            ("PATCH", "/api/v1/routing"),
        ] {
            let reply = with_key(&server, method, path).await;
            assert_eq!(reply.error(), "403 not_by_key @ -", "{method} {path}");
        }
        assert!(server.mesh.changes().is_empty());
    }
}

#[tokio::test]
async fn cat_h19_a_restricted_key_gets_the_same_decision_wherever_it_is_carried() {
    for settings in [with_keys(vec![only(&[KeyScope::Inference])]), {
        let one = with_keys(vec![only(&[KeyScope::Inference])]);
        Settings { keys: one.keys, ..network() }
    }] {
        let server = start(settings, Double::new(&[])).await;
        let (bearer, cookie) = (format!("Bearer {KEY}"), format!("a=b; pumasi={KEY}"));
        for carried in
            [("authorization", bearer.as_str()), ("x-api-key", KEY), ("cookie", cookie.as_str())]
        {
            let decision = |method: &'static str, path: &'static str| {
                let server = &server;
                async move { ask(server, method, path, &[carried]).await }
            };
            assert_eq!(decision("GET", "/v1/models").await.status, 200, "{carried:?}");
            let refused = decision("GET", "/api/v1/status").await.error();
            assert_eq!(refused, "403 scope_missing @ -", "{carried:?}");
            let never = decision("POST", "/api/v1/keys").await.error();
            assert_eq!(never, "403 not_by_key @ -", "{carried:?}");
        }
        // There are no websockets, so a key in their header is none.
        let carried = [("sec-websocket-protocol", KEY), ("upgrade", "websocket")];
        let reply = ask(&server, "GET", "/api/v1/status", &carried).await;
        assert_eq!(reply.error(), "401 invalid_token @ -");
    }
}

#[tokio::test]
async fn cat_h25_the_scope_is_asked_of_the_matched_route_whatever_the_spelling() {
    let server = start(with_keys(vec![only(&[KeyScope::Inference])]), Double::new(&[])).await;
    for (target, expected) in [
        ("/v1/models", "200 -"),
        ("/api/v1/status", "403 scope_missing"),
        ("/api/v1/status?x=/v1/models", "403 scope_missing"),
        ("http://localhost/api/v1/status", "403 scope_missing"),
        ("/api/v1/jobs/..%2f..%2fv1%2fmodels", "403 scope_missing"),
        ("/api/v1/keys/..%2f..%2f..%2fv1%2fmodels", "405 method_not_allowed"),
        ("/v1/models/..%2f..%2fapi%2fv1%2fstatus", "404 model_not_found"),
        ("/v1/../api/v1/status", "404 not_found"),
        ("/v1/%2e%2e/api/v1/status", "404 not_found"),
        ("//api/v1/status", "404 not_found"),
        ("/api/v1/status;/v1/models", "404 not_found"),
        ("/api/v1/jobs/1/result", "403 scope_missing"),
    ] {
        let lines =
            format!("GET {target} HTTP/1.1\nhost: localhost\nx-api-key: {KEY}\nconnection: close");
        let answer = exchange(server.address, &request(&lines)).await;
        assert_eq!(verdict(&answer), expected, "{target}");
    }
}

#[tokio::test]
async fn cat_h16_on_a_network_the_token_of_the_install_opens_nothing() {
    let server = start(network(), Double::new(&[])).await;
    for (method, path) in super::guard::every_route() {
        let bearer = format!("Bearer {TOKEN}");
        let reply = ask(&server, method, path, &[("authorization", &bearer)]).await;
        // The guesses of one source are throttled, right token or not.
        assert!(matches!(reply.status, 401 | 429), "{method} {path}: {}", reply.text);
    }
    for path in ["/", "/index.html", "/jobs"] {
        let html = [("accept", "text/html"), ("x-api-key", KEY)];
        let page = ask(&server, "GET", path, &html).await;
        assert_eq!(page.error(), "404 not_found @ -", "the interface is not for others");
        assert!(!page.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn an_expired_key_is_refused_everywhere_and_says_so() {
    let expired = Terms { expires_ms: Some(1_000), ..terms(KEY) };
    for network in [false, true] {
        let mut settings = with_keys(vec![expired.clone()]);
        if network {
            settings.exposure = Exposure::Network { names: Vec::new(), tls: None };
        }
        let server = start(settings, Double::new(&[])).await;
        for path in ["/v1/models", "/api/v1/status", "/api/v1/keys"] {
            let reply = with_key(&server, "GET", path).await;
            assert_eq!(reply.error(), "401 key_expired @ -", "{path}");
        }
        assert!(!with_key(&server, "GET", "/v1/models").await.text.contains(KEY));
    }
}

#[tokio::test]
async fn requests_above_the_rate_get_429_and_when_to_come_back() {
    let limited = Terms { requests_per_min: Some(2), ..terms(KEY) };
    let server = start(with_keys(vec![limited, terms("other")]), Double::new(&[])).await;
    for _ in 0..2 {
        assert_eq!(with_key(&server, "GET", "/v1/models").await.status, 200);
    }
    let refused = with_key(&server, "GET", "/v1/models").await;
    assert_eq!(refused.error(), "429 rate_limited @ -");
    let retry_s: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=31).contains(&retry_s), "{retry_s}");
    let other = ask(&server, "GET", "/v1/models", &[("x-api-key", "other")]).await;
    assert_eq!(other.status, 200, "each key has its own rate");
    assert_eq!(shown(&server, KEY).await["requests"], 2, "what was refused is not counted");
}

#[tokio::test]
async fn tokens_are_charged_however_an_answer_ends_and_the_quota_ends_them() {
    let limited = Terms { tokens_in_all: Some(20), ..terms(KEY) };
    let scripts = [
        ("words", answer(&["one", "two"])),
        ("vectors", embedding()),
        (
            "broken",
            Script::Events(vec![
                placed(0),
                super::double::started(pumasi_protocol::engine::OutputSyntax::default()),
                tokens(0, "a"),
                super::double::placed(1),
                pumasi_web::mesh::RunEvent::Failed(pumasi_protocol::Fault::NotContinued),
            ]),
        ),
    ];
    let server = start(with_keys(vec![limited]), Double::new(&scripts)).await;
    // Three of the prompt, two of the answer.
    assert_eq!(Reply::of(chat(&server, CHAT)).await.status, 200);
    assert_eq!(shown(&server, KEY).await["tokens"], 5);
    let streamed = Reply::of(chat(&server, STREAM)).await;
    assert!(streamed.text.contains("[DONE]"), "{}", streamed.text);
    assert_eq!(shown(&server, KEY).await["tokens"], 10);
    let embed = server.http.post(server.url("/v1/embeddings")).bearer_auth(KEY);
    let embed = embed.json(&json!({ "model": "vectors", "input": "x" }));
    assert_eq!(Reply::of(embed).await.status, 200);
    assert_eq!(shown(&server, KEY).await["tokens"], 12);
    let broken = CHAT.replace("words", "broken");
    let broken = server.http.post(server.url("/v1/chat/completions")).bearer_auth(KEY).body(broken);
    let broken = Reply::of(broken.header("content-type", "application/json")).await;
    assert_eq!(broken.status, 503, "{}", broken.text);
    assert_eq!(shown(&server, KEY).await["tokens"], 16, "what was written was computed");
    assert_eq!(Reply::of(chat(&server, CHAT)).await.status, 200, "what has begun is finished");
    let refused = Reply::of(chat(&server, CHAT)).await;
    assert_eq!(refused.error(), "429 quota_exceeded @ -");
    assert_eq!(refused.header("retry-after"), "", "waiting does not help");
    assert_eq!(with_key(&server, "GET", "/v1/models").await.status, 200, "looking costs nothing");
    let submitted = server.http.post(server.url("/api/v1/jobs")).bearer_auth(KEY);
    let submitted = Reply::of(submitted.json(&json!({ "kind": "chat", "request": {} }))).await;
    assert_eq!(submitted.error(), "429 quota_exceeded @ -");
}

#[tokio::test]
async fn a_lasting_job_is_its_persons_and_costs_its_key_when_it_ends() {
    let server = start(with_keys(vec![terms(KEY)]), Double::new(&[])).await;
    let body: Value = serde_json::from_str(CHAT).expect("JSON");
    let submitted = server.http.post(server.url("/api/v1/jobs")).bearer_auth(KEY);
    let submitted = submitted.json(&json!({ "kind": "chat", "request": body }));
    assert_eq!(Reply::of(submitted).await.status, 201);
    let caller = server.mesh.runs.lock().expect("free")[0].caller.clone();
    let Caller::Key { person, id } = caller else { panic!("a key asked: {caller:?}") };
    assert_eq!((person.as_str(), id.is_some()), ("kim", true));
    assert_eq!(shown(&server, KEY).await["tokens"], 0);
    let usage = JobUsage { prompt_tokens: 7, cached_tokens: 0, completion_tokens: 4 };
    let done = pumasi_web::api::Job { usage: Some(usage), ..job(job_id(2), JobState::Completed) };
    for _ in 0..2 {
        server.mesh.publish_if_heard(Event::Job { job: Box::new(done.clone()) });
    }
    loop {
        let tokens = shown(&server, KEY).await["tokens"].clone();
        if tokens == 11 {
            break;
        }
        assert_eq!(tokens, 0, "charged once");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_what_runs_for_it_is_broken_off() {
    let first = with_keys(vec![terms(KEY)]);
    let keys = Arc::clone(&first.keys);
    let server = start(first, Double::new(&[("words", Script::Endless)])).await;
    let beside = start(Settings { keys, ..network() }, Double::new(&[])).await;
    let mut stream = chat(&server, STREAM).send().await.expect("an answer");
    assert!(stream.chunk().await.expect("it streams").is_some());
    let watching = server.http.get(server.url("/api/v1/events")).bearer_auth(KEY);
    let mut watching = watching.send().await.expect("an answer");
    assert!(watching.chunk().await.expect("it streams").is_some());

    let path = format!("/api/v1/keys/{KEY}");
    let revoked = Reply::of(server.http.delete(server.url(&path)).bearer_auth(TOKEN)).await;
    assert_eq!(revoked.status, 200);
    for listener in [&server, &beside] {
        assert_eq!(with_key(listener, "GET", "/v1/models").await.error(), "401 key_revoked @ -");
    }
    // Nobody reads the endless answer meanwhile, and it is cancelled all the same.
    server.mesh.cancelled.notified().await;
    for stream in [&mut stream, &mut watching] {
        let end = async {
            while stream.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        };
        assert!(end.await.is_err(), "nobody takes it for the whole");
    }
}

#[tokio::test]
async fn cat_h19_a_key_that_is_revoked_while_it_is_answered_gets_nothing_and_its_job_ends() {
    let server =
        start(with_keys(vec![terms(KEY)]), Double::new(&[("words", Script::Silent)])).await;
    let asking = tokio::spawn(chat(&server, CHAT).send());
    while server.mesh.runs.lock().expect("free").is_empty() {
        tokio::task::yield_now().await;
    }
    let path = format!("/api/v1/keys/{KEY}");
    let revoked = Reply::of(server.http.delete(server.url(&path)).bearer_auth(TOKEN)).await;
    assert_eq!(revoked.status, 200);
    let answer = asking.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.expect("a body").contains("key_revoked"));
    server.mesh.cancelled.notified().await;
}

#[tokio::test]
async fn cat_h19_what_a_key_had_begun_to_ask_when_it_was_revoked_is_not_done() {
    let server = start(with_keys(vec![terms(KEY)]), Double::new(&[])).await;
    let mut asking = connect(server.address).await;
    let head = format!(
        "POST /api/v1/models/words/load HTTP/1.1\nhost: localhost\nx-api-key: {KEY}\n\
         content-type: application/json\ncontent-length: 2"
    );
    asking.write_all(&[request(&head), b"{".to_vec()].concat()).await.expect("it listens");
    while shown(&server, KEY).await["requests"] != 1 {
        tokio::task::yield_now().await;
    }
    let path = format!("/api/v1/keys/{KEY}");
    let revoked = Reply::of(server.http.delete(server.url(&path)).bearer_auth(TOKEN)).await;
    assert_eq!(revoked.status, 200);
    let before = server.mesh.changes();
    // It may be refused, and closed, before this comes.
    let _ = asking.write_all(b"}").await;
    assert_eq!(verdict(&read_to_end(&mut asking).await), "401 key_revoked");
    assert_eq!(server.mesh.changes(), before);
}

#[tokio::test]
async fn cat_h43_one_key_has_64_requests_at_a_time_and_others_do_not_notice() {
    let scripts = [("words", Script::Silent)];
    let server = start(with_keys(vec![terms(KEY), terms("other")]), Double::new(&scripts)).await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        let stream = server.http.get(server.url("/api/v1/events")).bearer_auth(KEY);
        let stream = stream.send().await.expect("an answer");
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = with_key(&server, "GET", "/api/v1/events").await;
    assert_eq!(refused.error(), "429 too_many_requests @ -");
    assert_eq!((refused.header("retry-after"), refused.header("connection")), ("1", "close"));
    let other = ask(&server, "GET", "/v1/models", &[("x-api-key", "other")]).await;
    assert_eq!(other.status, 200);
    assert_eq!(Reply::of(server.get("/api/v1/status")).await.status, 200);
    drop(streams);
    while with_key(&server, "GET", "/v1/models").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cat_h43_programs_without_a_key_leave_room_for_the_interface() {
    let server = start(loopback(), Double::new(&[("words", Script::Endless)])).await;
    let mut streams = Vec::new();
    let refused = loop {
        let stream = server.http.post(server.url("/v1/chat/completions"));
        let stream = stream.header("content-type", "application/json").body(STREAM).send().await;
        let stream = stream.expect("an answer");
        if stream.status() != 200 {
            break stream;
        }
        streams.push(stream);
    };
    assert_eq!((streams.len(), refused.status().as_u16()), (448, 429));
    assert_eq!(Reply::of(server.get("/api/v1/status")).await.status, 200);
    let page = ask(&server, "GET", "/", &[]).await;
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
}

#[tokio::test]
async fn events_of_keys_are_told_to_the_install_only() {
    let server = start(with_keys(vec![terms(KEY)]), Double::new(&[])).await;
    let watch = |secret: &'static str| {
        server.http.get(server.url("/api/v1/events")).bearer_auth(secret).send()
    };
    let (own, other) = (watch(TOKEN).await, watch(KEY).await);
    let (mut own, mut other) = (own.expect("an answer"), other.expect("an answer"));
    let key = serde_json::from_value(shown(&server, KEY).await).expect("a key");
    server.mesh.publish(Event::Key { key });
    let done = Event::Job { job: Box::new(job(job_id(2), JobState::Completed)) };
    server.mesh.publish(done);
    server.mesh.publish(Event::ModelGone { name: "gone".to_owned() });
    let mut texts = [String::new(), String::new()];
    for (stream, text) in [&mut own, &mut other].into_iter().zip(&mut texts) {
        while !text.contains("model_gone") {
            let chunk = stream.chunk().await.expect("it streams").expect("it goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
    let [own, other] = texts;
    assert!(own.contains("event: key\n") && own.contains("event: job\n"), "{own}");
    assert!(!other.contains("event: key\n"), "{other}");
}

#[tokio::test]
async fn who_may_view_but_not_see_jobs_is_told_of_none() {
    let server = start(with_keys(vec![only(&[KeyScope::View])]), Double::new(&[])).await;
    let events = server.http.get(server.url("/api/v1/events")).bearer_auth(KEY).send();
    let mut events = events.await.expect("an answer");
    let of_kim = pumasi_web::api::Job {
        person: Some("kim".to_owned()),
        ..job(job_id(2), JobState::Completed)
    };
    server.mesh.publish(Event::Job { job: Box::new(of_kim) });
    server.mesh.publish(Event::ModelGone { name: "gone".to_owned() });
    let mut text = String::new();
    while !text.contains("model_gone") {
        let chunk = events.chunk().await.expect("it streams").expect("it goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("\"jobs\":[]") && !text.contains("event: job\n"), "{text}");
}

#[tokio::test]
async fn guesses_of_keys_are_throttled_and_a_right_key_is_not() {
    let server = start(network(), Double::new(&[])).await;
    let mut codes = BTreeSet::new();
    for guess in 0..30 {
        let guess = format!("pumasi-key-{guess}");
        codes.insert(ask(&server, "GET", "/v1/models", &[("x-api-key", &guess)]).await.error());
    }
    assert!(codes.contains("429 too_many_failures @ -"), "{codes:?}");
    assert_eq!(with_key(&server, "GET", "/v1/models").await.status, 200);
    let method = Method::GET.as_str();
    assert_eq!(ask(&server, method, "/v1/models", &[]).await.error(), "401 invalid_token @ -");
}

//! `/api/v1` behind the token.

use std::sync::atomic::Ordering;

use pumasi_protocol::engine::OutputSyntax;
use pumasi_protocol::generate::{Generate, Message, Prompt, Role};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Finish, JobKind, Priority, Work};
use pumasi_web::api;
use pumasi_web::mesh::{Caller, Kept, Placed, Run, RunEvent};
use serde_json::{Value, json};

use super::double::{finished, job, job_id, placed, started, tokens};
use super::{Reply, serving};

#[tokio::test]
async fn lists_and_lookups_answer() {
    let server = serving(&[]).await;
    for path in ["status", "nodes", "models", "jobs", "invitations", "doctor"] {
        let reply = Reply::of(server.get(&format!("/api/v1/{path}"))).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), "application/json", "{path}");
    }
    let live = Reply::of(server.get("/api/v1/jobs?live=true&limit=5")).await.json();
    assert_eq!(live["data"].as_array().map(Vec::len), Some(1));
    for (query, param) in [("live=maybe", "live"), ("limit=many", "limit"), ("limit=-1", "limit")] {
        let reply = Reply::of(server.get(&format!("/api/v1/jobs?{query}"))).await;
        assert_eq!(reply.error(), format!("400 invalid_query @ {param}"));
    }
}

#[tokio::test]
async fn cat_h36_unknown_ids_and_ids_that_are_none_look_alike() {
    let server = serving(&[]).await;
    for id in [job_id(99).to_string(), "1".to_owned(), "..%2fstatus".to_owned(), "%00".to_owned()] {
        for suffix in ["", "/why", "/result", "/events"] {
            let reply = Reply::of(server.get(&format!("/api/v1/jobs/{id}{suffix}"))).await;
            assert_eq!(reply.error(), "404 job_not_found @ -", "{id}{suffix}");
        }
    }
}

#[tokio::test]
async fn cat_h42_cancelling_a_job_that_runs_is_over_or_is_unknown() {
    let server = serving(&[]).await;
    let cancel = async |id: u64| {
        let path = server.url(&format!("/api/v1/jobs/{}/cancel", job_id(id)));
        Reply::of(server.http.post(path).bearer_auth(super::TOKEN)).await
    };
    assert_eq!(cancel(2).await.status, 200);
    assert_eq!(cancel(1).await.error(), "409 job_over @ -");
    assert_eq!(cancel(3).await.error(), "404 job_not_found @ -");
    assert_eq!(server.mesh.changes(), [format!("cancel {}", job_id(2))]);
}

#[tokio::test]
async fn what_is_asked_of_the_inspector_is_checked() {
    let server = serving(&[]).await;
    let ask = async |query: &str| {
        Reply::of(server.get(&format!("/api/v1/models/words/inspect{query}"))).await
    };
    assert_eq!(ask("").await.error(), "404 model_not_found @ model");
    let whole = "?context=8192&slots=2&cache=q8_0&flash=false&gpu_layers=3&language=ko";
    assert_eq!(ask(whole).await.error(), "404 model_not_found @ model");
    let asked = server.mesh.changes().pop().expect("the mesh was asked");
    for part in ["Some(8192)", "Some(2)", "Some(Q8_0)", "Some(false)", "Some(3)", "Some(Ko)"] {
        assert!(asked.contains(part), "{asked}");
    }
    for (query, param) in [
        ("?context=many", "context"),
        ("?context=-1", "context"),
        ("?slots=70000", "slots"),
        ("?cache=f64", "cache"),
        ("?flash=perhaps", "flash"),
        ("?language=xx", "language"),
        ("?unknown=1", "query"),
    ] {
        assert_eq!(ask(query).await.error(), format!("400 invalid_query @ {param}"), "{query}");
    }
}

#[tokio::test]
async fn models_are_loaded_where_asked() {
    let server = serving(&[]).await;
    let load = |model: &str, body: Value| {
        Reply::of(server.post(&format!("/api/v1/models/{model}/load"), &body))
    };
    assert_eq!(load("words", json!({})).await.status, 202);
    assert_eq!(load("org%2Fwords", json!({ "node": "cd".repeat(32) })).await.status, 202);
    assert_eq!(load("words", json!({ "node": "me" })).await.error(), "404 unknown_node @ -");
    assert_eq!(load("words", json!({ "nod": 1 })).await.error(), "400 invalid_type @ -");
    assert_eq!(load("..%2f..", json!({})).await.error(), "400 invalid_model_name @ model");
    let unload = Reply::of(server.post("/api/v1/models/words/unload", &json!({}))).await;
    assert_eq!(unload.error(), "409 model_in_use @ -");
    assert_eq!(
        server.mesh.changes(),
        ["load words here", "load org/words cdcdcdcd", "unload words"]
    );
}

#[tokio::test]
async fn models_are_copied_where_asked_and_what_comes_is_shown() {
    let server = serving(&[]).await;
    let copy = |model: &str, body: Value| {
        Reply::of(server.post(&format!("/api/v1/models/{model}/copy"), &body))
    };
    assert_eq!(copy("words", json!({})).await.status, 202);
    assert_eq!(copy("org%2Fwords", json!({ "node": "cd".repeat(32) })).await.status, 202);
    assert_eq!(copy("words", json!({ "node": "me" })).await.error(), "404 unknown_node @ -");
    assert_eq!(copy("..%2f..", json!({})).await.error(), "400 invalid_model_name @ model");
    let path = server.url("/api/v1/models/words/copy");
    let stopped = Reply::of(server.http.delete(path).bearer_auth(super::TOKEN)).await;
    assert_eq!(stopped.error(), "404 model_not_found @ model");
    let changes = ["copy words here", "copy org/words cdcdcdcd", "stop copy words"];
    assert_eq!(server.mesh.changes(), changes);
    let shown = Reply::of(server.http.get(server.url("/api/v1/copies")).bearer_auth(super::TOKEN));
    let shown: Value = serde_json::from_str(&shown.await.text).expect("JSON");
    assert_eq!(shown["data"][0]["state"], "running");
    assert_eq!(shown["data"][0]["sources"][0]["stage"], "sending");
}

#[tokio::test]
async fn cat_h41_an_idempotency_key_is_handed_on_and_a_bad_one_refused() {
    let server = serving(&[]).await;
    let request = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }] });
    let body = json!({ "kind": "chat", "request": request });
    let keyed = |keys: &[&str]| {
        let mut request = server.post("/api/v1/jobs", &body);
        for key in keys {
            request = request.header("idempotency-key", *key);
        }
        Reply::of(request)
    };
    assert_eq!(keyed(&["monday 1"]).await.status, 201);
    assert_eq!(server.mesh.changes(), ["submit words as monday 1"]);
    let long = "x".repeat(256);
    for bad in [&[""][..], &[long.as_str()], &["a\tb"], &["a", "a"]] {
        assert_eq!(keyed(bad).await.error(), "400 invalid_idempotency_key @ -");
    }
    assert_eq!(server.mesh.changes().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_over_is_forgotten() {
    let server = serving(&[]).await;
    let forget = async |id: u64| {
        let path = server.url(&format!("/api/v1/jobs/{}", job_id(id)));
        Reply::of(server.http.delete(path).bearer_auth(super::TOKEN)).await
    };
    assert_eq!(forget(1).await.status, 204);
    assert_eq!(forget(2).await.error(), "409 job_not_over @ -");
    assert_eq!(forget(3).await.error(), "404 job_not_found @ -");
    assert_eq!(server.mesh.changes(), [format!("forget {}", job_id(1))]);
}

#[tokio::test]
async fn jobs_are_submitted_as_the_endpoints_take_them() {
    let server = serving(&[]).await;
    let submit = |body: Value| Reply::of(server.post("/api/v1/jobs", &body));
    let request = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }] });
    let reply = submit(json!({ "kind": "chat", "request": request })).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("location"), format!("/api/v1/jobs/{}", job_id(2)));
    let embed =
        json!({ "model": "vectors", "input": "x", "pumasi": { "priority": "interactive" } });
    assert_eq!(submit(json!({ "kind": "embedding", "request": embed })).await.status, 201);
    {
        let runs = server.mesh.runs.lock().expect("free");
        assert_eq!((runs[0].kind, runs[0].priority), (JobKind::Chat, Priority::Batch));
        assert_eq!((runs[1].kind, runs[1].priority), (JobKind::Embedding, Priority::Interactive));
        assert_eq!(runs[0].caller, Caller::Install);
    }
    let mut twice = request.clone();
    twice["n"] = json!(2);
    for (body, expected) in [
        (json!({ "kind": "chat", "request": twice }), "400 unsupported_parameter @ request.n"),
        (
            json!({ "kind": "chat", "request": { "model": "words" } }),
            "400 missing_required_parameter @ request.messages",
        ),
        (json!({ "kind": "image", "request": {} }), "400 unsupported_job_kind @ -"),
        (json!({ "kind": "song", "request": {} }), "400 invalid_type @ -"),
        (json!({ "kind": "chat" }), "400 invalid_type @ -"),
    ] {
        assert_eq!(submit(body).await.error(), expected);
    }
    let duplicate = r#"{"kind":"chat","kind":"chat","request":{}}"#;
    let request = server.http.post(server.url("/api/v1/jobs")).bearer_auth(super::TOKEN);
    let request = request.header("content-type", "application/json").body(duplicate);
    assert_eq!(Reply::of(request).await.error(), "400 duplicate_field @ kind");
}

#[tokio::test]
async fn results_are_replies_of_the_endpoint() {
    let server = serving(&[]).await;
    let path = format!("/api/v1/jobs/{}/result", job_id(1));
    assert_eq!(Reply::of(server.get(&path)).await.error(), "410 result_not_kept @ -");
    let running = format!("/api/v1/jobs/{}/result", job_id(2));
    assert_eq!(Reply::of(server.get(&running)).await.error(), "409 job_not_over @ -");
    let attempt = |event: RunEvent| match event {
        RunEvent::Attempt(event) => Some(event),
        RunEvent::Placed(_)
        | RunEvent::Provided(_)
        | RunEvent::Heard(_)
        | RunEvent::Failed(_)
        | RunEvent::Refused(_) => None,
    };
    let events = [
        started(OutputSyntax::default()),
        tokens(0, "Hel"),
        tokens(1, "lo"),
        finished(Finish::Stop, 2),
    ];
    let events: Vec<AttemptEvent> = events.into_iter().filter_map(attempt).collect();
    *server.mesh.kept.lock().expect("free") = Some(kept(events));
    let reply = Reply::of(server.get(&path)).await.json();
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["choices"][0]["message"]["content"], "Hello");
    assert_eq!(reply["usage"]["total_tokens"], 5);
    assert_eq!(reply["pumasi"][0]["node_name"], "창가 desk");
    assert_eq!(reply["created"], 12);
}

fn kept(events: Vec<AttemptEvent>) -> Kept {
    let prompt = Prompt::Chat {
        messages: vec![Message::text(Role::User, "x")],
        tools: Vec::new(),
        tool_choice: Default::default(),
        thinking: Default::default(),
    };
    let run = Run {
        caller: Caller::Install,
        kind: JobKind::Chat,
        model: "words".parse().expect("a name"),
        work: Work::Generate(Box::new(Generate::new(prompt))),
        constraints: Default::default(),
        priority: Priority::Batch,
        keep_alive: None,
        abroad: Default::default(),
    };
    let placed: Option<Placed> = match placed(0) {
        RunEvent::Placed(placed) => Some(placed),
        RunEvent::Provided(_)
        | RunEvent::Attempt(_)
        | RunEvent::Heard(_)
        | RunEvent::Failed(_)
        | RunEvent::Refused(_) => None,
    };
    Kept { run, placed, events, ended_ms: 12_345 }
}

#[tokio::test]
async fn invitations_and_joining() {
    let server = serving(&[]).await;
    let made = Reply::of(server.post("/api/v1/invitations", &json!({ "person": "kim" }))).await;
    assert_eq!((made.status, made.json()["token"].as_str()), (201, Some("t")));
    let join = Reply::of(server.post("/api/v1/join", &json!({ "token": "x" }))).await;
    assert_eq!(join.error(), "400 invalid_invitation @ -");
    let withdrawn = |id: &str| {
        server
            .http
            .delete(server.url(&format!("/api/v1/invitations/{id}")))
            .bearer_auth(super::TOKEN)
    };
    assert_eq!(Reply::of(withdrawn("1")).await.status, 204);
    assert_eq!(Reply::of(withdrawn("2")).await.error(), "404 invitation_not_found @ -");
    let changes = ["invite Some(\"kim\")", "join x", "withdraw 1", "withdraw 2"];
    assert_eq!(server.mesh.changes(), changes);
}

#[tokio::test]
async fn pairing_shows_digits_and_passes_on_what_is_typed() {
    let server = serving(&[]).await;
    let shown = Reply::of(server.get("/api/v1/pairing")).await.json();
    assert_eq!(
        shown["own"],
        json!({ "state": "open", "digits": "048291", "left_s": 170, "wrong": 0 })
    );
    let asked = Reply::of(server.post("/api/v1/pairing", &json!({ "again": true }))).await;
    assert_eq!(asked.json()["own"]["digits"], "048291");
    let typed = json!({ "digits": "048 292", "node": "desk" });
    let approved = Reply::of(server.post("/api/v1/pairing/approve", &typed)).await;
    assert_eq!(approved.error(), "403 wrong_digits @ -");
    let found = Reply::of(server.post("/api/v1/mesh", &json!({ "name": "office" }))).await;
    assert_eq!(found.error(), "409 already_member @ -");
    assert_eq!(
        server.mesh.changes(),
        ["ask in true", "approve 048 292 Some(\"desk\")", "found Some(\"office\")"]
    );
}

/// The data of the next events, until `count` have come.
async fn next(response: &mut reqwest::Response, count: usize) -> Vec<Value> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let chunk = response.chunk().await.expect("it stands").expect("it goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

#[tokio::test]
async fn events_begin_with_everything_and_go_on_with_changes() {
    let server = serving(&[]).await;
    let mut response = server.get("/api/v1/events").send().await.expect("an answer");
    let first = next(&mut response, 1).await;
    assert_eq!(first[0]["type"], "snapshot");
    assert_eq!(first[0]["snapshot"]["models"][0]["name"], "org/words");
    server.mesh.publish(api::Event::NodeGone { id: "x".to_owned() });
    let second = next(&mut response, 1).await;
    assert_eq!(second[0], json!({ "type": "node_gone", "id": "x" }));
}

#[tokio::test]
async fn a_listener_that_falls_behind_gets_everything_anew() {
    let server = serving(&[]).await;
    let mut response = server.get("/api/v1/events").send().await.expect("an answer");
    next(&mut response, 1).await;
    // More than the channel holds, sent without a chance for the listener to run in between.
    for n in 0..20 {
        server.mesh.publish(api::Event::NodeGone { id: n.to_string() });
    }
    let mut kinds = Vec::new();
    while !kinds.iter().any(|kind| kind == "snapshot") {
        kinds.extend(next(&mut response, 1).await.into_iter().map(|event| event["type"].clone()));
    }
    assert_eq!(server.mesh.sent.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_jobs_events_end_with_the_job() {
    let server = serving(&[]).await;
    let path = format!("/api/v1/jobs/{}/events", job_id(2));
    let mut response = server.get(&path).send().await.expect("an answer");
    let first = next(&mut response, 1).await;
    assert_eq!(first[0]["job"]["state"], "running");
    let publish = |n: u64, state| {
        server.mesh.publish(api::Event::Job { job: Box::new(job(job_id(n), state)) });
    };
    publish(1, api::JobState::Failed);
    publish(2, api::JobState::Completed);
    let rest = response.text().await.expect("it ends");
    assert!(rest.contains("\"completed\"") && !rest.contains("\"failed\""), "{rest}");
    let over = format!("/api/v1/jobs/{}/events", job_id(1));
    let whole = Reply::of(server.get(&over)).await;
    assert_eq!(whole.text.matches("event: job").count(), 1);
}

#[tokio::test]
async fn errors_are_counted_by_code() {
    let server = serving(&[]).await;
    for _ in 0..3 {
        server.post_text("/v1/embeddings", "").await;
    }
    let counts = Reply::of(server.get("/api/v1/errors")).await.json();
    assert_eq!(counts, json!({ "invalid_json": 3 }));
}

//! Where a request goes by its own words, and what is asked once more, or of two at a time, where a
//! provider fails or is late: real nodes, and fakes that fail as they are told to.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, Reply, STARTER};
use pumasi_tests::provider::{FakeProvider, Speech};
use pumasi_tests::stream::read;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const PATIENCE: Duration = Duration::from_secs(60);

/// Sets a fake up as a provider of this kind, under this id, with these models.
fn set_up(node: &Node, kind: &str, id: &str, models: &[&str]) -> FakeProvider {
    let fake = FakeProvider::start(Speech::OpenAi);
    let request =
        json!({ "kind": kind, "id": id, "base": fake.base, "key": "sk-x", "models": models });
    let reply = node.post("/api/v1/providers", &request);
    assert_eq!(reply.body["id"], id, "{reply:?}");
    fake
}

/// A server in the office and a cloud whose price is known; both have `gpt-4o`.
fn lab_and_cloud() -> (Node, FakeProvider, FakeProvider) {
    let node = Node::start("desk");
    let lab = set_up(&node, "openai-compatible", "lab", &["gpt-4o"]);
    let cloud = set_up(&node, "openai", "cloud", &["gpt-4o", "unpriced"]);
    (node, lab, cloud)
}

/// Two servers in the office.
fn lab_and_spare() -> (Node, FakeProvider, FakeProvider) {
    let node = Node::start("desk");
    let lab = set_up(&node, "openai-compatible", "lab", &["fine"]);
    let spare = set_up(&node, "openai-compatible", "spare", &["fine"]);
    (node, lab, spare)
}

fn route(node: &Node, change: &Value) {
    let reply = node.request("PATCH", "/api/v1/routing", Some(change));
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn chat(model: &str) -> Value {
    json!({
        "model": model, "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 60
    })
}

/// A chat that wants something of its places.
fn wanting(model: &str, provider: Value) -> Value {
    let mut body = chat(model);
    body["provider"] = provider;
    body
}

fn ask(node: &Node, body: &Value) -> Reply {
    node.request("POST", CHAT, Some(body))
}

/// Who answers.
fn place(node: &Node, body: &Value) -> String {
    let reply = ask(node, body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let provider = reply.header("x-pumasi-provider").map(str::to_owned);
    provider.unwrap_or_else(|| reply.header("x-pumasi-node").unwrap_or("nobody").to_owned())
}

fn error(reply: &Reply) -> (u16, String, String) {
    let said = &reply.body["error"];
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    (reply.status, text("code"), text("message"))
}

#[test]
fn each_word_of_a_request_decides_where_it_goes() {
    let (node, lab, cloud) = lab_and_cloud();
    assert_eq!(place(&node, &chat("gpt-4o")), "lab");
    let goes = |provider: Value| place(&node, &wanting("gpt-4o", provider));
    assert_eq!(goes(json!({ "only": ["cloud"] })), "cloud");
    assert_eq!(goes(json!({ "only": ["openai"] })), "cloud", "its kind names it, too");
    assert_eq!(goes(json!({ "order": ["cloud"] })), "cloud");
    assert_eq!(goes(json!({ "ignore": ["lab"] })), "cloud");
    assert_eq!(goes(json!({ "order": ["cloud"], "max_price": { "prompt": 2.5 } })), "cloud");
    assert_eq!(goes(json!({ "order": ["cloud"], "max_price": { "prompt": 2.49 } })), "lab");
    assert_eq!(goes(json!({ "order": ["cloud"], "max_price": { "completion": 9 } })), "lab");
    assert_eq!(goes(json!({ "order": ["cloud"], "data_collection": "deny" })), "lab");
    assert_eq!(goes(json!({ "sort": "price" })), "lab");
    let vouched = json!({
        "kind": "openai", "id": "cloud", "base": cloud.base, "models": ["gpt-4o", "unpriced"],
        "keeps_nothing": true,
    });
    assert_eq!(node.post("/api/v1/providers", &vouched).body["keeps_nothing"], true);
    assert_eq!(goes(json!({ "order": ["cloud"], "data_collection": "deny" })), "cloud");
    for seen in lab.seen().into_iter().chain(cloud.seen()).filter(|seen| seen.method == "POST") {
        let body = seen.json();
        assert!(body["provider"].is_null() && body["models"].is_null(), "{body}");
    }
}

#[test]
fn who_leaves_nobody_is_told_by_which_words_and_why_names_who_was_left_out() {
    let (node, lab, _cloud) = lab_and_cloud();
    let told = |model: &str, provider: Value| error(&ask(&node, &wanting(model, provider)));
    let (status, code, message) = told("gpt-4o", json!({ "only": ["mesh"] }));
    assert_eq!((status, code.as_str()), (404, "no_place_left"), "{message}");
    assert!(message.contains("`only` leaves out lab, cloud"), "{message}");
    let (status, _, message) =
        told("cloud/unpriced", json!({ "max_price": { "prompt": 900_000 } }));
    assert_eq!(status, 404, "{message}");
    assert!(message.contains("`max_price` leaves out cloud (price not known)"), "{message}");
    let denied = json!({ "data_collection": "deny", "ignore": ["lab"] });
    let (_, _, message) = told("gpt-4o", denied);
    assert!(message.contains("`ignore` leaves out lab; `data_collection` leaves out cloud"));
    let reply = ask(&node, &wanting("gpt-4o", json!({ "max_price": { "prompt": 1 } })));
    let why = reply.header("x-pumasi-why").unwrap_or_default();
    assert!(why.contains("`max_price` leaves out cloud"), "{reply:?}");
    let jobs = node.get("/api/v1/jobs");
    let id = jobs["data"][0]["id"].as_str().expect("a job").to_owned();
    let told = node.pumasi(&["why", &id]);
    assert!(told.stdout.contains("`max_price` leaves out cloud"), "{told:?}");
    // What a person settled is not opened by a request.
    route(&node, &json!({ "policy": "never_cloud" }));
    let asked = lab.seen().len();
    let (status, code, _) = error(&ask(&node, &wanting("cloud/gpt-4o", json!({}))));
    assert_eq!((status, code.as_str(), lab.seen().len()), (403, "providers_disabled", asked));
}

#[test]
fn words_that_are_none_are_refused_with_those_that_are() {
    let (node, _lab, _cloud) = lab_and_cloud();
    for (provider, param, allowed) in [
        (json!({ "sort": "speed" }), "provider.sort", "price, throughput, latency"),
        (json!({ "data_collection": "no" }), "provider.data_collection", "allow, deny"),
        (json!({ "max_price": { "prompt": -1 } }), "provider.max_price.prompt", "from 0"),
        (json!({ "allow_fallbacks": 1 }), "provider.allow_fallbacks", "true or false"),
        (json!({ "zdr": true }), "provider.zdr", "not supported"),
    ] {
        let reply = ask(&node, &wanting("gpt-4o", provider));
        let (status, _, message) = error(&reply);
        assert_eq!((status, &reply.body["error"]["param"]), (400, &json!(param)), "{message}");
        assert!(message.contains(allowed), "{message}");
    }
}

#[test]
fn every_dialect_carries_the_words() {
    let (node, _lab, cloud) = lab_and_cloud();
    let words = json!({ "only": ["cloud"] });
    let user = json!([{ "role": "user", "content": "hi" }]);
    let contents = json!([{ "role": "user", "parts": [{ "text": "hi" }] }]);
    let model = "gpt-4o";
    for (path, body) in [
        (CHAT, chat(model)),
        ("/v1/responses", json!({ "model": model, "input": "hi" })),
        ("/v1/messages", json!({ "model": model, "messages": user, "max_tokens": 60 })),
        ("/v1beta/models/gpt-4o:generateContent", json!({ "contents": contents })),
        ("/api/chat", json!({ "model": model, "messages": user, "stream": false })),
        ("/v1/embeddings", json!({ "model": model, "input": "hi" })),
        ("/api/embed", json!({ "model": model, "input": "hi" })),
    ] {
        let mut body = body;
        body["provider"] = words.clone();
        let reply = node.post(path, &body);
        assert_eq!(reply.header("x-pumasi-provider"), Some("cloud"), "{path}: {reply:?}");
        body["provider"] = json!({ "only": ["mesh"] });
        let refused = node.request("POST", path, Some(&body));
        assert_eq!(refused.status, 404, "{path}: {refused:?}");
        assert!(refused.body.to_string().contains("`only` leaves out"), "{path}: {refused:?}");
    }
    let streamed = read(&node, CHAT, &wanting(model, words), |_, _| ());
    assert_eq!((streamed.text.as_str(), streamed.done), ("You said: hi", true), "{streamed:?}");
    assert!(cloud.seen().iter().all(|seen| seen.json()["provider"].is_null()));
}

#[test]
fn who_was_measured_faster_goes_first_where_that_is_wanted() {
    let (node, lab, spare) = lab_and_spare();
    // What takes no time at all has no pace.
    lab.slow_down(60);
    spare.slow_down(5);
    for only in ["lab", "spare"] {
        let streamed = read(&node, CHAT, &wanting("fine", json!({ "only": [only] })), |_, _| ());
        assert!(streamed.done, "{streamed:?}");
    }
    assert_eq!(place(&node, &chat("fine")), "lab", "it was set up first");
    for sort in ["latency", "throughput"] {
        assert_eq!(place(&node, &wanting("fine", json!({ "sort": sort }))), "spare", "{sort}");
    }
    assert_eq!(place(&node, &wanting("fine", json!({ "sort": "price" }))), "lab", "both are free");
    let both = json!({ "sort": "latency", "order": ["lab"] });
    assert_eq!(place(&node, &wanting("fine", both)), "lab");
    // What is handed on as it came is measured as well.
    let (node, other) = (Node::start("other"), &spare);
    let request = json!({
        "kind": "openai-compatible", "id": "spare", "base": other.base, "models": ["fine"]
    });
    node.post("/api/v1/providers", &request);
    assert!(read(&node, CHAT, &chat("spare/fine"), |_, _| ()).done);
    let measured = until("its pace is measured", PATIENCE, || {
        let providers = node.get("/api/v1/providers");
        let models = providers["providers"][0]["models"].as_array()?.clone();
        models.iter().find(|model| model["name"] == "spare/fine")?["tokens_per_s"].as_f64()
    });
    assert!(measured > 0.0);
}

#[test]
fn openrouter_alone_is_told_what_it_can_hold_to() {
    let node = Node::start("desk");
    let fake = set_up(&node, "openrouter", "router", &["gpt-4o"]);
    let words = json!({
        "only": ["openrouter"], "order": ["mesh", "router"], "data_collection": "deny",
        "sort": "throughput", "allow_fallbacks": false,
    });
    assert_eq!(place(&node, &wanting("gpt-4o", words)), "router");
    let told = json!({
        "data_collection": "deny", "sort": "throughput", "allow_fallbacks": false
    });
    assert_eq!(fake.seen().pop().expect("it was asked").json()["provider"], told);
    assert_eq!(place(&node, &wanting("gpt-4o", json!({ "only": ["router"] }))), "router");
    assert!(fake.seen().pop().expect("it was asked").json()["provider"].is_null());
}

#[test]
fn the_mesh_is_a_place_like_others() {
    let node = Node::start("desk");
    // Without any provider the words hold, too.
    let refused = ask(&node, &wanting(STARTER, json!({ "only": ["openai"] })));
    assert_eq!(error(&refused).1, "no_place_left", "{refused:?}");
    assert_eq!(place(&node, &wanting(STARTER, json!({ "only": ["mesh"] }))), "desk");
    let lab = set_up(&node, "openai-compatible", "lab", &[STARTER]);
    route(&node, &json!({ "policy": "cloud_first" }));
    // What the mesh has is looked at every two seconds.
    until("the mesh has the model", PATIENCE, || {
        let place = ask(&node, &wanting(STARTER, json!({ "only": ["mesh"] })));
        (place.header("x-pumasi-node") == Some("desk")).then_some(())
    });
    assert_eq!(place(&node, &chat(STARTER)), "lab");
    assert_eq!(place(&node, &wanting(STARTER, json!({ "order": ["mesh"] }))), "desk");
    assert_eq!(place(&node, &wanting(STARTER, json!({ "ignore": ["mesh"] }))), "lab");
    assert_eq!(lab.seen().iter().filter(|seen| seen.method == "POST").count(), 2);
    // Lasting jobs are the mesh's.
    let job = |provider: Value| {
        let request = wanting(STARTER, provider);
        node.request("POST", "/api/v1/jobs", Some(&json!({ "kind": "chat", "request": request })))
    };
    let refused = job(json!({ "only": ["lab"] }));
    assert_eq!(
        (refused.status, &refused.body["error"]["param"]),
        (400, &json!("request.provider"))
    );
    assert_eq!(job(json!({ "only": ["mesh"] })).status, 201);
}

#[test]
fn models_are_tried_in_order_and_no_fallbacks_means_none() {
    let (node, lab, _spare) = lab_and_spare();
    route(&node, &json!({ "retries": 0 }));
    let mut body = chat("lab/status-500");
    body["models"] = json!(["lab/status-503", "spare/fine"]);
    assert_eq!(place(&node, &body), "spare");
    assert_eq!(posts(&lab), 2);
    body.as_object_mut().expect("an object").remove("model");
    body["models"] = json!(["lab/bad-key", "lab/fine"]);
    assert_eq!(place(&node, &body), "lab");
    // The model's own list goes on; its places do not stand in for each other.
    route(&node, &json!({ "aliases": { "duo": ["lab/status-500", "spare/fine"] } }));
    assert_eq!(place(&node, &chat("duo")), "spare");
    let alone = wanting("duo", json!({ "only": ["lab"] }));
    assert_eq!(error(&ask(&node, &alone)).1, "provider_unavailable");
    let first = wanting("fine", json!({ "allow_fallbacks": false, "order": ["spare"] }));
    assert_eq!(place(&node, &first), "spare");
}

#[test]
fn a_model_that_a_named_provider_lacks_is_told_with_its_name() {
    let (node, _lab, _spare) = lab_and_spare();
    let (status, code, message) = error(&ask(&node, &chat("lab/status-404")));
    assert_eq!((status, code.as_str()), (404, "model_not_found"));
    assert!(message.contains("'lab'") && message.contains("pumasi providers"), "{message}");
}

/// How often a fake was asked for an answer.
fn posts(fake: &FakeProvider) -> usize {
    fake.seen().iter().filter(|seen| seen.method == "POST").count()
}

#[test]
fn a_lone_provider_that_loads_or_is_busy_for_a_moment_is_waited_for() {
    let (node, lab, _spare) = lab_and_spare();
    assert_eq!(place(&node, &chat("lab/loading-2")), "lab");
    assert_eq!(posts(&lab), 3, "it loads twice");
    let streamed = read(&node, CHAT, &chat("lab/loading-1"), |_, _| ());
    assert_eq!((streamed.text.as_str(), streamed.done), ("You said: hi", true), "{streamed:?}");
    // The same where the request is put in other words.
    let user = json!([{ "role": "user", "content": "hi" }]);
    let body = json!({ "model": "lab/loading-1.fine", "messages": user, "max_tokens": 60 });
    let reply = node.post("/v1/messages", &body);
    assert_eq!(reply.header("x-pumasi-provider"), Some("lab"), "{reply:?}");
    assert_eq!(posts(&lab), 7);
}

#[test]
fn who_is_busy_for_long_is_not_waited_for_and_the_client_is_told_for_how_long() {
    let (node, lab, spare) = lab_and_spare();
    let reply = ask(&node, &chat("lab/status-429-7"));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")), "{reply:?}");
    assert_eq!(posts(&lab), 1);
    // It is left in peace, which is said again without asking it.
    let reply = ask(&node, &chat("lab/status-429-7"));
    assert_eq!((reply.status, posts(&lab)), (429, 1), "{reply:?}");
    assert!(reply.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s <= 7)));
    let reply = ask(&node, &chat("lab/status-503-40"));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("40")), "{reply:?}");
    // One that never has time is asked as often as is settled.
    let reply = ask(&node, &chat("lab/status-429-1"));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")), "{reply:?}");
    assert_eq!(posts(&lab), 2 + 3);
    // Nobody is waited for where another can answer.
    route(&node, &json!({ "aliases": { "duo": ["lab/status-429-2", "spare/fine"] } }));
    assert_eq!(place(&node, &chat("duo")), "spare");
    assert_eq!((posts(&lab), posts(&spare)), (6, 1));
}

#[test]
fn tries_again_have_a_budget_and_end_with_the_first_word() {
    let (node, lab, _spare) = lab_and_spare();
    let asked = |model: &str| {
        let before = posts(&lab);
        let reply = ask(&node, &chat(model));
        assert_eq!(reply.status, 503, "{reply:?}");
        posts(&lab) - before
    };
    assert_eq!(asked("lab/status-500"), 3);
    route(&node, &json!({ "retries": 0 }));
    assert_eq!(asked("lab/status-500"), 1);
    route(&node, &json!({ "retries": 3, "retry_percent": 0, "retry_burst": 0 }));
    assert_eq!(asked("lab/status-502"), 1);
    route(&node, &json!({ "retry_percent": 50 }));
    let tries: usize = (0..3).map(|_| asked("lab/status-503")).sum();
    assert_eq!(tries, 4, "every other request may be asked once more");
    route(&node, &json!({ "retry_burst": 1_000 }));
    let before = posts(&lab);
    let streamed = read(&node, CHAT, &chat("lab/cut-3"), |_, _| ());
    assert!(streamed.error.is_some(), "{streamed:?}");
    assert_eq!(posts(&lab) - before, 1, "the client has its first words");
    let bad = node.request("PATCH", "/api/v1/routing", Some(&json!({ "retry_percent": 101 })));
    assert_eq!((bad.status, &bad.body["error"]["code"]), (400, &json!("provider_settings")));
    let shown = node.pumasi(&["route", "--retries", "1", "--wait-ms", "2500"]);
    assert!(shown.stdout.contains("asked again up to 1 times within 2500 ms"), "{shown:?}");
}

#[test]
fn what_breaks_off_in_other_words_than_it_was_asked_keeps_its_word() {
    let (node, _lab, _spare) = lab_and_spare();
    let user = json!([{ "role": "user", "content": "hi" }]);
    let body = json!({
        "model": "lab/cut-3", "messages": user, "max_tokens": 60, "stream": true
    });
    let reply = node.request("POST", "/v1/messages", Some(&body));
    assert_eq!(reply.status, 200, "it had begun: {reply:?}");
    let providers = node.get("/api/v1/providers");
    let models = providers["providers"][0]["models"].as_array().expect("models");
    let cut = models.iter().find(|model| model["name"] == "lab/cut-3").expect("it was asked for");
    assert_eq!((&cut["last_fault"], &cut["failed"]), (&json!("reset"), &json!(1)), "{cut}");
}

#[test]
fn a_late_stream_is_asked_of_a_second_provider_only_where_that_is_settled() {
    let (node, lab, spare) = lab_and_spare();
    let cloud = set_up(&node, "openai", "cloud", &["gpt-4o"]);
    let aliases = json!({
        "duo": ["lab/slow-1500", "spare/fine"], "paid": ["lab/slow-1500", "cloud/gpt-4o"]
    });
    route(&node, &json!({ "aliases": aliases }));
    let stream = |model: &str| {
        let streamed = read(&node, CHAT, &chat(model), |_, _| ());
        assert_eq!((streamed.text.as_str(), streamed.done), ("You said: hi", true), "{streamed:?}");
    };
    stream("duo");
    assert_eq!((posts(&lab), posts(&spare)), (1, 0), "it is off by default");
    route(&node, &json!({ "hedge_after_ms": 100 }));
    stream("duo");
    assert_eq!((posts(&lab), posts(&spare)), (2, 1));
    until("the first is left", PATIENCE, || (lab.left() == 1).then_some(()));
    let jobs = node.get("/api/v1/jobs");
    assert_eq!(jobs["data"][0]["provider"], "spare", "{jobs}");
    let id = jobs["data"][0]["id"].as_str().expect("a job").to_owned();
    let why = node.pumasi(&["why", &id]);
    assert!(why.stdout.contains("lab failed: another_was_first; spare answered"), "{why:?}");
    // In other words than they came in, too.
    let user = json!([{ "role": "user", "content": "hi" }]);
    let body = json!({ "model": "duo", "messages": user, "max_tokens": 60, "stream": true });
    assert_eq!(node.request("POST", "/v1/messages", Some(&body)).status, 200);
    assert_eq!((posts(&lab), posts(&spare)), (3, 2));
    // Whole answers are not late before they are done, and money is spent only where that is settled.
    assert_eq!(place(&node, &chat("duo")), "lab");
    stream("paid");
    assert_eq!((posts(&spare), posts(&cloud)), (2, 0));
    let shown = node.pumasi(&["route", "--hedge-paid", "on"]);
    assert!(shown.stdout.contains("100 ms late: a second one is asked, any two"), "{shown:?}");
    stream("paid");
    assert_eq!(posts(&cloud), 1);
}

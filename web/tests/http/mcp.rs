//! The tools for agents behind the guard, and what a key opens through them. The protocol itself is tried
//! with its official client, on a real node.

use std::collections::BTreeSet;

use pumasi_protocol::JobKind;
use pumasi_web::api::KeyScope;
use pumasi_web::keys::Terms;
use pumasi_web::mesh::Caller;
use serde_json::{Value, json};

use super::double::{Double, Script, answer};
use super::{Harness, KEY, Reply, TOKEN, serving, start, terms, with_keys};

fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn post(server: &Harness, body: &Value) -> reqwest::RequestBuilder {
    let request = server.http.post(server.url("/mcp")).json(body);
    request.header("accept", "application/json, text/event-stream")
}

async fn call(server: &Harness, secret: Option<&str>, tool: &str, arguments: Value) -> Value {
    let request =
        post(server, &message("tools/call", json!({ "name": tool, "arguments": arguments })));
    let request = match secret {
        Some(secret) => request.bearer_auth(secret),
        None => request,
    };
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["result"].clone()
}

fn said(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text")
}

fn only(scopes: &[KeyScope]) -> Terms {
    Terms { scopes: scopes.iter().copied().collect(), ..terms(KEY) }
}

#[tokio::test]
async fn pages_of_other_sites_and_rebound_names_get_nothing() {
    let server = serving(&[]).await;
    let list = message("tools/list", json!({}));
    for (name, value, expected) in [
        ("origin", "https://evil.example", "403 origin_not_allowed @ -"),
        ("sec-fetch-site", "cross-site", "403 origin_not_allowed @ -"),
        ("host", "evil.example", "403 host_not_allowed @ -"),
    ] {
        let reply = Reply::of(post(&server, &list).bearer_auth(TOKEN).header(name, value)).await;
        assert_eq!(reply.error(), expected, "{name}");
    }
    let form = server.http.post(server.url("/mcp")).header("content-type", "text/plain").body("{}");
    assert_eq!(Reply::of(form).await.error(), "415 unsupported_media_type @ -");
    let long = server.http.post(server.url("/mcp")).header("content-type", "application/json");
    let long = Reply::of(long.body(vec![b' '; 2 * 1024 * 1024 + 1])).await;
    assert_eq!(long.error(), "413 body_too_large @ -");
    assert_eq!(Reply::of(server.get("/mcp")).await.error(), "405 method_not_allowed @ -");
}

#[tokio::test]
async fn a_tool_does_what_its_key_may_do_and_no_more() {
    let scripts: [(&str, Script); 1] = [("words", answer(&["hi"]))];
    let question = json!({ "model": "words", "prompt": "x" });
    let keys = with_keys(vec![only(&[KeyScope::Inference])]);
    let server = start(keys, Double::new(&scripts)).await;
    let asked = call(&server, Some(KEY), "ask_model", question.clone()).await;
    assert_eq!((said(&asked), &asked["isError"]), ("hi", &json!(false)));
    for tool in ["list_computers", "list_jobs"] {
        let refused = call(&server, Some(KEY), tool, json!({})).await;
        assert!(said(&refused).starts_with("scope_missing: "), "{refused}");
    }
    let open = call(&server, None, "ask_model", question.clone()).await;
    assert_eq!(said(&open), "hi", "as programs of this computer may");
    let closed = call(&server, None, "list_jobs", json!({})).await;
    assert!(said(&closed).starts_with("invalid_token: "), "{closed}");
    let whole = call(&server, Some(TOKEN), "list_jobs", json!({})).await;
    assert_eq!(whole["structuredContent"]["jobs"].as_array().map(Vec::len), Some(2), "{whole}");

    let runs = server.mesh.runs.lock().expect("no test panics with it").clone();
    let callers: Vec<&Caller> = runs.iter().map(|run| &run.caller).collect();
    let key = Caller::Key { person: "kim".to_owned(), id: Some(KEY.to_owned()) };
    assert_eq!(callers, [&key, &Caller::Loopback]);
    assert!(runs.iter().all(|run| run.kind == JobKind::Chat));
}

#[tokio::test]
async fn what_a_tool_costs_is_charged_to_its_key() {
    let keys = with_keys(vec![Terms { requests_per_min: Some(2), ..terms(KEY) }]);
    let server = start(keys, Double::new(&[("words", answer(&["a", "b"]))])).await;
    let question = json!({ "model": "words", "prompt": "x" });
    for expected in ["ab", "ab", "rate_limited: "] {
        let asked = call(&server, Some(KEY), "ask_model", question.clone()).await;
        assert!(said(&asked).starts_with(expected), "{asked}");
    }
    let keys = Reply::of(server.get("/api/v1/keys")).await.json();
    assert_eq!((&keys["data"][0]["requests"], &keys["data"][0]["tokens"]), (&json!(2), &json!(10)));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_what_it_asked_for() {
    let server = serving(&[("silent", Script::Silent)]).await;
    let arguments =
        json!({ "name": "ask_model", "arguments": { "model": "silent", "prompt": "x" } });
    let request = post(&server, &message("tools/call", arguments)).bearer_auth(TOKEN);
    let asking = tokio::spawn(request.send());
    while server.mesh.runs.lock().expect("no test panics with it").is_empty() {
        tokio::task::yield_now().await;
    }
    asking.abort();
    server.mesh.cancelled.notified().await;
}

#[tokio::test]
async fn nonsense_is_an_error_of_the_protocol() {
    let server = serving(&[]).await;
    for body in
        [json!({}), json!([]), json!({ "jsonrpc": "1.0" }), json!({ "jsonrpc": "2.0", "id": 1 })]
    {
        let reply = Reply::of(post(&server, &body)).await;
        assert!((400..500).contains(&reply.status), "{body}: {} {}", reply.status, reply.text);
    }
    let unknown = post(&server, &message("tools/call", json!({ "name": "nothing" })));
    let unknown = Reply::of(unknown).await.json();
    assert_eq!(unknown["error"]["code"], -32_602, "{unknown}");
    let names = Reply::of(post(&server, &message("tools/list", json!({})))).await.json();
    let names = names["result"]["tools"].as_array().expect("tools").iter();
    let names: BTreeSet<&str> = names.filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains("ask_model") && names.len() == 9, "{names:?}");
}

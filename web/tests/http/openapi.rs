//! The document of the API beside the router: every route is in it and nothing else, and what opens a
//! route is what it says. That samples are as its schemas say is tried on a real node.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use pumasi_web::api::KeyScope;
use pumasi_web::keys::Terms;
use pumasi_web::openapi;
use serde_json::{Value, json};

use super::double::Double;
use super::{Harness, KEY, Reply, TOKEN, network, serving, start, terms, with_keys};

/// Path as the document writes it → methods.
fn described() -> BTreeMap<String, BTreeSet<String>> {
    let document = openapi::document();
    let paths = document["paths"].as_object().expect("paths");
    let methods = |operations: &Value| {
        let operations = operations.as_object().expect("operations");
        operations.keys().map(|method| method.to_ascii_uppercase()).collect()
    };
    paths.iter().map(|(path, operations)| (path.clone(), methods(operations))).collect()
}

/// A path with something in place of each parameter.
fn concrete(path: &str) -> String {
    let part = |part: &str| match part {
        "{call}" => "m:generateContent".to_owned(),
        part if part.starts_with('{') => "x1".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_is_in_the_document_and_nothing_else() {
    let routed: BTreeSet<String> = openapi::paths().into_iter().map(openapi::written).collect();
    let described = described();
    assert_eq!(routed, described.keys().cloned().collect());
    let server = serving(&[]).await;
    for (path, methods) in described {
        let url = server.url(&concrete(&path));
        let asked = Method::from_bytes(b"PROPFIND").expect("a method");
        let reply = Reply::of(server.http.request(asked, url).bearer_auth(TOKEN)).await;
        assert_eq!(reply.error(), "405 method_not_allowed @ -", "{path}");
        let allowed = reply.header("allow").split(',').map(|method| method.trim().to_owned());
        let allowed: BTreeSet<String> = allowed.filter(|method| method != "HEAD").collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// A server for each sort of asker, with the secret that it shows.
async fn askers() -> BTreeMap<&'static str, (Harness, Option<&'static str>)> {
    let scoped = |scope| Terms { scopes: BTreeSet::from([scope]), ..terms(KEY) };
    let mut askers = BTreeMap::new();
    for scope in KeyScope::ALL {
        let server = start(with_keys(vec![scoped(scope)]), Double::new(&[])).await;
        askers.insert(scope.word(), (server, Some(KEY)));
    }
    askers.insert("nothing", (serving(&[]).await, None));
    askers.insert("install", (serving(&[]).await, Some(TOKEN)));
    askers
}

/// With what a request is refused, or `open`.
async fn refusal(asker: &(Harness, Option<&str>), method: &str, path: &str) -> String {
    let (server, secret) = asker;
    let method = method.to_ascii_uppercase().parse().expect("a method");
    let request = server.http.request(method, server.url(path)).json(&json!({}));
    let request = match secret {
        Some(secret) => request.bearer_auth(secret),
        None => request,
    };
    // Streams need not end for this.
    let response = request.send().await.expect("an answer");
    if !matches!(response.status().as_u16(), 401 | 403) {
        return "open".to_owned();
    }
    let error: Value = response.json().await.expect("an error");
    let gemini = error["error"]["details"][0]["reason"].as_str();
    let code = error["error"]["code"].as_str().or(gemini);
    // Ollama's errors are sentences without a code.
    code.unwrap_or("scope_missing").to_ascii_lowercase()
}

#[tokio::test]
async fn what_opens_a_route_is_what_the_document_says() {
    let (document, askers) = (openapi::document(), askers().await);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let keyless = operation["security"].as_array().expect("security");
            let keyless = keyless.is_empty() || keyless.contains(&json!({}));
            let scope = operation["x-pumasi-scope"].as_str();
            for (who, asker) in &askers {
                let found = refusal(asker, method, &concrete(path)).await;
                let expected = match (*who, scope) {
                    ("install", _) | (_, None) => "open",
                    ("nothing", _) => {
                        if keyless {
                            "open"
                        } else {
                            "invalid_token"
                        }
                    }
                    (_, Some("never")) => "not_by_key",
                    (who, Some(scope)) if who == scope => "open",
                    (_, Some(_)) => "scope_missing",
                };
                assert_eq!(found, expected, "{who}: {method} {path}");
            }
        }
    }
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn what_is_referred_to_is_there_and_what_is_there_is_referred_to() {
    let document = openapi::document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let there: BTreeSet<String> =
        schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
    assert_eq!(found.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), there);
    let operations = document["paths"].as_object().expect("paths").values();
    let operations = operations.flat_map(|path| path.as_object().expect("operations").values());
    let ids: Vec<&str> = operations.filter_map(|one| one["operationId"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each id once");
}

#[tokio::test]
async fn the_document_and_the_page_are_open_here_and_say_nothing_of_the_mesh() {
    let server = serving(&[]).await;
    let document = Reply::of(server.http.get(server.url("/api/openapi.json"))).await;
    assert_eq!((document.status, document.json()), (200, openapi::document()));
    let page = Reply::of(server.http.get(server.url("/llms.txt"))).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(page.text.contains(&format!("http://{}/v1/models", server.address)), "{}", page.text);
    assert!(!page.text.contains("{ADDRESS}"), "{}", page.text);
    for text in [&document.text, &page.text] {
        assert!(!text.contains("org/words") && !text.contains("창가"), "no names");
    }
    let rebound = server.http.get(server.url("/llms.txt")).header("host", "evil.example");
    assert_eq!(Reply::of(rebound).await.error(), "403 host_not_allowed @ -");
}

#[tokio::test]
async fn on_a_network_the_document_and_the_page_want_a_key() {
    let server = start(network(), Double::new(&[])).await;
    for path in ["/api/openapi.json", "/llms.txt", "/mcp"] {
        let stranger = Reply::of(server.http.get(server.url(path))).await;
        assert_eq!(stranger.status, 401, "{path}");
    }
    let page = Reply::of(server.http.get(server.url("/llms.txt")).bearer_auth(KEY)).await;
    assert!(page.text.contains(&format!("https://{}", server.address)), "{}", page.text);
}

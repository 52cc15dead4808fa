//! The HTTP face from outside: a real server on a loopback port, real clients, and a mesh that does
//! what the test says.

mod api_routes;
mod assets;
mod bodies;
mod bounds;
mod conversations;
mod dialects;
mod double;
mod guard;
mod inference;
mod keys;
mod mcp;
mod metrics;
mod openapi;
mod raw;
mod stock;
mod streams;
mod tls;
mod upkeep;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use double::{Double, Handle, Script};
use pumasi_web::api::KeyScope;
use pumasi_web::keys::{KeptKey, Terms, Used, hash_of};
use pumasi_web::{Exposure, Keyring, Patience, Secret, Settings};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "install-token-of-the-tests";
pub(crate) const KEY: &str = "api-key-of-kim";

/// A server and its mesh.
pub(crate) struct Harness {
    pub(crate) address: SocketAddr,
    pub(crate) mesh: Arc<Double>,
    pub(crate) http: reqwest::Client,
    server: JoinHandle<()>,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Patience that no test runs into by accident.
pub(crate) fn patience() -> Patience {
    let long = Duration::from_secs(120);
    Patience { head: long, body_idle: long, keep_alive: long, stalled: long, ..Patience::default() }
}

pub(crate) fn loopback() -> Settings {
    Settings { patience: patience(), ..Settings::loopback(Secret::new(TOKEN)) }
}

pub(crate) fn network() -> Settings {
    let names = vec!["desk.local".to_owned()];
    Settings { exposure: Exposure::Network { names, tls: None }, ..with_keys(vec![terms(KEY)]) }
}

/// On loopback, with these keys.
pub(crate) fn with_keys(terms: Vec<Terms>) -> Settings {
    let keys = terms.into_iter().map(|terms| KeptKey { terms, used: Used::default() });
    Settings { keys: Arc::new(Keyring::new(keys.collect())), ..loopback() }
}

/// A key of Kim that opens all that keys open; its id is its secret.
pub(crate) fn terms(secret: &str) -> Terms {
    Terms {
        id: secret.to_owned(),
        name: "laptop".parse().expect("a name"),
        person: "kim".parse().expect("a name"),
        hash: hash_of(secret.as_bytes()),
        scopes: KeyScope::ALL.into_iter().collect(),
        created_ms: 5,
        expires_ms: None,
        requests_per_min: None,
        tokens_per_min: None,
        tokens_per_day: None,
        tokens_in_all: None,
        revoked_ms: None,
    }
}

pub(crate) async fn start(settings: Settings, double: Double) -> Harness {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let mesh = Arc::new(double);
    let handle = Arc::new(Handle(Arc::clone(&mesh)));
    let server = tokio::spawn(async move {
        let stop = std::future::pending();
        pumasi_web::serve(listener, handle, settings, stop).await.expect("a loopback address");
    });
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    Harness { address, mesh, http, server }
}

/// On loopback, with these models.
pub(crate) async fn serving(scripts: &[(&str, Script)]) -> Harness {
    start(loopback(), Double::new(scripts)).await
}

impl Harness {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(TOKEN)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(TOKEN).json(body)
    }

    /// Posts raw bytes as JSON, without a token.
    pub(crate) async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.http.post(self.url(path)).header("content-type", "application/json");
        Reply::of(request.body(body)).await
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        Self { status, headers, text }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// `status code @ param`.
    pub(crate) fn error(&self) -> String {
        let error = &self.json()["error"];
        for field in ["type", "code", "message", "request_id"] {
            assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{}", self.text);
        }
        assert_eq!(error["request_id"], self.header("x-request-id"));
        let param = error["param"].as_str().unwrap_or("-");
        format!("{} {} @ {param}", self.status, error["code"].as_str().unwrap_or_default())
    }
}

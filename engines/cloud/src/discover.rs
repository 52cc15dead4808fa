//! Model servers on this computer, found on their usual ports. Only 127.0.0.1 and ::1 are asked, and no
//! key is ever sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::time::timeout;

use crate::body::{Deadlines, ReplyBody};
use crate::call::Call;
use crate::client::Client;
use crate::kind::{Kind, kind, kinds};
use crate::listing::{self, ModelInfo};
use crate::pool::Pool;
use crate::{limits, request};

/// Which ports are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Ports to ask; at most 16 of them are.
    pub ports: Vec<u16>,
    /// Ports that are this node's own: what answers there is itself.
    pub own: Vec<u16>,
    /// How long each may take, all questions together. Default 300 ms (guess: a server of this computer
    /// that is busy with a model still answers these).
    pub within: Duration,
}

impl Search {
    /// The usual ports of all kinds.
    #[must_use]
    pub fn usual(own: Vec<u16>) -> Self {
        let mut ports: Vec<u16> =
            kinds().iter().flat_map(|kind| kind.local_ports.clone()).collect();
        ports.sort_unstable();
        ports.dedup();
        Self { ports, own, within: limits::DISCOVERY_TIME }
    }
}

/// A server that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is, as far as its answers tell.
    pub kind: &'static Kind,
    /// The base address to set it up with.
    pub base: String,
    /// The models that it lists without a key.
    pub models: Vec<ModelInfo>,
}

/// Asks the ports of this computer, all at once.
pub async fn discover(client: &Client, search: &Search) -> Vec<Found> {
    let ports = search.ports.iter().filter(|port| **port > 0 && !search.own.contains(port));
    let ports = ports.take(limits::DISCOVERY_PORTS);
    let asked = ports.map(|port| at_port(client, *port, search.within));
    join_all(asked).await.into_iter().flatten().collect()
}

/// What answers at this port, by the first of the two addresses that answers.
async fn at_port(client: &Client, port: u16, time: Duration) -> Option<Found> {
    let hosts = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let asked = hosts.map(|host| {
        let connector = client.connector(false, &host.to_string(), port, time);
        let pool = Arc::new(Pool::new(connector));
        let server = Server { pool, at: SocketAddr::new(host, port), time };
        async move { timeout(time, server.recognise()).await.ok().flatten() }
    });
    join_all(asked).await.into_iter().flatten().next()
}

struct Server {
    pool: Arc<Pool>,
    at: SocketAddr,
    time: Duration,
}

impl Server {
    async fn recognise(&self) -> Option<Found> {
        let listed = self.ask("/v1/models").await;
        let kind = kind(self.name(listed.as_ref()).await?)?;
        let mut models = Vec::new();
        if let Some(page) = listed {
            // What is no list says nothing; the server is there all the same.
            let _ = listing::read(kind, page.to_string().as_bytes(), &mut models);
        }
        Some(Found { kind, base: format!("http://{}/v1", self.at), models })
    }

    /// Each server by an answer that only it gives. A mesh answers as Ollama does, too, so it is first.
    async fn name(&self, listed: Option<&Value>) -> Option<&'static str> {
        let told = |value: Option<Value>, field: &str| value.is_some_and(|v| !v[field].is_null());
        let health = self.ask("/healthz").await;
        if health.is_some_and(|health| health["status"] == "ok" && health["version"].is_string()) {
            return Some("pumasi");
        }
        if told(self.ask("/api/version").await, "version") {
            return Some("ollama");
        }
        if self.ask("/api/v0/models").await.is_some_and(|list| list["data"].is_array()) {
            return Some("lmstudio");
        }
        if told(self.ask("/props").await, "default_generation_settings") {
            return Some("llama-server");
        }
        let owner = listed.and_then(|list| list["data"][0]["owned_by"].as_str());
        if owner == Some("vllm") || told(self.ask("/version").await, "version") {
            return Some("vllm");
        }
        listed.filter(|list| list["data"].is_array()).map(|_| "openai-compatible")
    }

    /// An answer in JSON; whatever else comes is none.
    async fn ask(&self, path: &str) -> Option<Value> {
        let call = Call { path: String::new(), headers: Vec::new(), body: Bytes::new() };
        let host = self.at.to_string();
        let message = request::message(&Method::GET, &host, path, &HeaderMap::new(), call);
        let exchange = self.pool.exchange(&message).await.ok()?;
        if !(200..300).contains(&exchange.head.status) {
            return None;
        }
        let deadlines = Deadlines::within(self.time);
        let body = ReplyBody::new(exchange, Arc::clone(&self.pool), deadlines, None);
        serde_json::from_slice(&body.whole(limits::DISCOVERY_BYTES).await.ok()?).ok()
    }
}

//! Asking a node that may be killed at any moment: no answer is an answer.

use std::time::Duration;

use serde_json::Value;

use crate::nodes::Node;

/// No single answer of a living node takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where and as whom to ask, also from another thread.
#[derive(Debug, Clone)]
pub struct Asker {
    base: String,
    token: String,
}

impl Asker {
    /// Asks this node.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self { base: node.url(""), token: node.token().to_owned() }
    }

    /// Asks this node with another secret than its own: an API key's.
    #[must_use]
    pub fn holding(node: &Node, secret: &str) -> Self {
        Self { base: node.url(""), token: secret.to_owned() }
    }

    /// The body of an answer as text, whatever it is.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        self.send_for_text(reqwest::Method::GET, path, None)
    }

    /// The same, of what is posted.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn post_text(&self, path: &str, body: &Value) -> String {
        self.send_for_text(reqwest::Method::POST, path, Some(body))
    }

    fn send_for_text(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
            let client = client.expect("a client");
            let mut request = client.request(method, format!("{}{path}", self.base));
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.bearer_auth(&self.token).send().await.expect("an answer");
            response.text().await.expect("text")
        })
    }

    /// The status and body of an answer; none if none came in full.
    ///
    /// # Panics
    /// When the method is none.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().ok()?;
            let method = method.parse().expect("a method");
            let request = client.request(method, format!("{}{path}", self.base));
            let request = request.bearer_auth(&self.token);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            let bytes = response.bytes().await.ok()?;
            Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
        })
    }
}

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

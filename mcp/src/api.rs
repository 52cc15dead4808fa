//! The seam: what tools ask of a node's HTTP API, whichever way there is to it.

use std::future::Future;

use http::Method;
use serde_json::Value;

/// A request to the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// The parts of its path: letters, digits and dashes.
    pub path: Vec<String>,
    /// Names and values behind the question mark.
    pub query: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Option<Value>,
    /// The asker's own word for it, by which it can be sent twice.
    pub idempotency_key: Option<String>,
}

impl Asked {
    pub(crate) fn get(path: &[&str]) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self { method: Method::GET, path, query: Vec::new(), body: None, idempotency_key: None }
    }

    pub(crate) fn post(path: &[&str], body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }
}

/// What the API answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The body; null where there is none.
    pub body: Value,
    /// The provider that answered, by id; none: the mesh did.
    pub provider: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable word for programs.
    pub code: String,
    /// What happened, and what to do next.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// A way to a node's API.
pub trait Api: Send + Sync + 'static {
    /// Sends a request. Dropping the future takes it back: what a model was computing for it is cancelled.
    fn ask(&self, asked: Asked) -> impl Future<Output = Result<Told, Problem>> + Send;
}

//! What a program reads first: the document of the API, and a page in plain words for agents. Neither
//! says anything of this mesh: no name, no model, no member.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::App;

/// The page for agents, with a place for the address at which they reached it.
const LLMS: &str = include_str!("llms.txt");
const ADDRESS: &str = "{ADDRESS}";

pub(super) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| Bytes::from(crate::openapi::document().to_string()));
    told("application/json", document.clone())
}

/// The guard has read the Host header: it names this computer.
pub(super) async fn llms(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let scheme = if app.guard.is_network() { "https" } else { "http" };
    let text = LLMS.replace(ADDRESS, &format!("{scheme}://{host}"));
    told("text/plain; charset=utf-8", Bytes::from(text))
}

fn told(kind: &'static str, body: Bytes) -> Response {
    let head: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (head, body).into_response()
}

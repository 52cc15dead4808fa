//! The UI, as it was built into the program. The page gets the cookie that opens the API: whoever can
//! open a page of this computer's loopback counts as its person.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::app::App;
use crate::error::ApiError;
use crate::guard::ui_cookie;

#[derive(RustEmbed)]
#[folder = "ui/dist/"]
struct Assets;

const INDEX: &str = "index.html";

/// What is shown where the program was built without its UI.
const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Pumasi</title>\
    <p>This program was built without its pages. Run <code>npm ci</code> and \
    <code>npm run build</code> in <code>web/ui</code>, and build it again. The API works as it is.\n";

/// Scripts, styles, fonts and connections from here only; shown in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    // The interface is for this computer; it would find nothing that it may ask here.
    if app.guard.is_network() {
        return ApiError::RouteNotFound.into_response();
    }
    let path = request.uri().path().strip_prefix('/').unwrap_or("");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !path.is_empty() && path != INDEX {
        match Assets::get(path) {
            Some(_) if !reads => return ApiError::MethodNotAllowed.into_response(),
            Some(file) => return asset(path, file, request.headers()),
            None if !reads || !is_page(path, request.headers()) => {
                return ApiError::RouteNotFound.into_response();
            }
            None => {}
        }
    }
    if reads { index(&app) } else { ApiError::MethodNotAllowed.into_response() }
}

/// Whether the UI routes this path itself: a plain one that a person opens, outside the API.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let plain = |part: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !part.is_empty() && part.bytes().all(allowed)
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let first = path.split('/').next().unwrap_or("");
    !matches!(first, "api" | "v1" | "assets")
        && path.split('/').all(plain)
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn index(app: &App) -> Response {
    let (status, page) = match Assets::get(INDEX) {
        Some(file) => (StatusCode::OK, bytes(file)),
        None => (StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(NOT_BUILT.as_bytes())),
    };
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    policy(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(cookie) = HeaderValue::from_str(&ui_cookie(&app.token)) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

fn policy(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
}

fn asset(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let kind = file.metadata.mimetype().to_owned();
    let body = if known { Body::empty() } else { Body::from(bytes(file)) };
    let mut response = Response::new(body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    // The build puts a hash of the content into the names of these.
    let cache = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers = response.headers_mut();
    policy(headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    for (name, text) in [(header::CONTENT_TYPE, kind), (header::ETAG, tag)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    response
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

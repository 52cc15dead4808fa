//! What goes out: the headers of every call, with the key where the provider's kind wants it.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::kind::{Auth, Kind};
use crate::secret::Secret;

/// Headers that are this crate's own, whatever a caller hands in: credentials, and what steers the
/// connection.
const OWN: [&str; 18] = [
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "cookie",
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "accept-encoding",
    "user-agent",
];

/// What every call to one provider carries.
pub(crate) fn standing_headers(kind: &Kind, key: Option<&Secret>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("pumasi/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    for (name, value) in &kind.quirks.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test reads every header");
        headers.insert(name, HeaderValue::from_str(value).expect("a test reads every header"));
    }
    if let Some((name, value)) = key.and_then(|key| credential(kind.auth, key)) {
        headers.insert(name, value);
    }
    headers
}

fn credential(auth: Auth, key: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let named = HeaderName::from_static;
    match auth {
        Auth::Bearer => Some((http::header::AUTHORIZATION, key.header("Bearer "))),
        Auth::XApiKey => Some((named("x-api-key"), key.header(""))),
        Auth::GoogApiKey => Some((named("x-goog-api-key"), key.header(""))),
        Auth::AzureApiKey => Some((named("api-key"), key.header(""))),
        Auth::None => None,
    }
}

/// Those of one call: the standing ones, and the caller's where they are not this crate's.
pub(crate) fn headers(standing: &HeaderMap, callers: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
    let mut headers = standing.clone();
    let theirs = callers.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    theirs.for_each(|(name, value)| {
        headers.insert(name, value);
    });
    headers
}

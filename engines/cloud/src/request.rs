//! What goes out: the headers of every call, with the key where the provider's kind wants it.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use zeroize::Zeroizing;

use crate::call::Call;
use crate::kind::{Auth, Kind};
use crate::limits;
use crate::pool::Message;
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

/// A call as it is written. The caller's headers stand in for the standing ones of the same name, where
/// they are not this crate's.
pub(crate) fn message(
    method: &Method,
    host: &str,
    path: &str,
    standing: &HeaderMap,
    call: Call,
) -> Message {
    let is_theirs = |(name, _): &&(HeaderName, HeaderValue)| !OWN.contains(&name.as_str());
    let theirs: Vec<_> = call.headers.iter().filter(is_theirs).collect();
    let has_body = method != Method::GET;
    let is_kept = |name: &HeaderName| {
        let replaced = theirs.iter().any(|(theirs, _)| theirs == name);
        !replaced && (has_body || name != CONTENT_TYPE)
    };
    let standing = standing.iter().filter(|(name, _)| is_kept(name));
    let headers = standing.chain(theirs.iter().map(|(name, value)| (name, value)));
    let headers: Vec<_> = headers.collect();
    // What has the key in it is wiped, and never moved while it grows.
    let size = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let around = method.as_str().len() + path.len() + host.len() + limits::CALL_LINES_BYTES;
    let mut head = Zeroizing::new(Vec::with_capacity(around + size.sum::<usize>()));
    for part in [method.as_str(), " ", path, " HTTP/1.1\r\nhost: ", host, "\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in headers {
        write_header(&mut head, name, value.as_bytes());
    }
    if has_body {
        write_header(&mut head, &CONTENT_LENGTH, call.body.len().to_string().as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    Message { head, body: call.body }
}

fn write_header(head: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

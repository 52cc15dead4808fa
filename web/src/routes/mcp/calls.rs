//! Calls under way that a later message may cancel. The transport keeps no sessions, but clients of the
//! protocol's versions before 2026-07-28 cancel by a message of its own: they get a name for their session,
//! and the name and the number of a call together say which one is meant. Nothing is kept for a session.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::combinators::BoxBody;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::app::random;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Bytes of a session's name: ours have 32.
const SESSION_BYTES: usize = 64;

/// A session's name, and a call's number as its client writes it.
type Name = (String, String);

/// Calls under way.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<BTreeMap<Name, CancellationToken>>);

/// What is read of a message here.
#[derive(Debug, Default, Deserialize)]
struct Glance {
    #[serde(default)]
    method: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    params: Params,
}

#[derive(Debug, Default, Deserialize)]
struct Params {
    #[serde(default, rename = "requestId")]
    request: Value,
}

impl Calls {
    /// Notes a message: a call can be cancelled from here on, a cancellation has cancelled.
    pub(super) fn note(self: &Arc<Self>, headers: &HeaderMap, message: &[u8]) -> Note {
        let glance: Glance = serde_json::from_slice(message).unwrap_or_default();
        let session = headers.get(SESSION).and_then(|name| name.to_str().ok());
        let session = session.filter(|name| name.len() <= SESSION_BYTES);
        let named = |id: &Value| Some((session?.to_owned(), id.to_string()));
        match glance.method.as_str() {
            "initialize" => Note { begins: true, call: None },
            "tools/call" => {
                Note { begins: false, call: named(&glance.id).map(|name| self.begin(name)) }
            }
            "notifications/cancelled" => {
                if let Some(name) = named(&glance.params.request) {
                    self.cancel(&name);
                }
                Note { begins: false, call: None }
            }
            _ => Note { begins: false, call: None },
        }
    }

    fn begin(self: &Arc<Self>, name: Name) -> Call {
        let cancelled = CancellationToken::new();
        // The map stays whole even if a thread ended while it held the lock.
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(name.clone(), cancelled.clone());
        Call { calls: Arc::clone(self), name, cancelled }
    }

    fn cancel(&self, name: &Name) {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = calls.get(name) {
            call.cancel();
        }
    }
}

/// A call under way: forgotten when it is dropped.
#[derive(Debug)]
struct Call {
    calls: Arc<Calls>,
    name: Name,
    cancelled: CancellationToken,
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.remove(&self.name);
    }
}

/// What a message is to the calls.
#[derive(Debug)]
pub(super) struct Note {
    /// A session begins, and wants a name.
    begins: bool,
    call: Option<Call>,
}

impl Note {
    /// Answers the message, unless it is cancelled before.
    pub(super) async fn answer(
        self,
        answer: impl Future<Output = http::Response<BoxBody<Bytes, Infallible>>>,
    ) -> Response {
        let Some(call) = self.call else {
            let mut response = answer.await.map(Body::new);
            if self.begins && response.status().is_success() {
                let name = HeaderValue::from_str(&hex::encode(random::<16>()));
                response.headers_mut().extend(name.ok().map(|name| (SESSION, name)));
            }
            return response;
        };
        let cancelled = call.cancelled.clone();
        tokio::select! {
            // A call that is cancelled has no answer.
            () = cancelled.cancelled() => StatusCode::ACCEPTED.into_response(),
            response = answer => response.map(|body| {
                let pieces = Body::new(body).into_data_stream();
                Body::from_stream(pieces.take_until(cancelled.cancelled_owned()).map(move |piece| {
                    let _under_way = &call;
                    piece
                }))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(session: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(SESSION, HeaderValue::from_static(session))])
    }

    fn call(id: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"x"}}}}"#)
    }

    fn cancel(id: &str) -> String {
        format!(r#"{{"method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#)
    }

    #[test]
    fn only_the_call_of_that_session_and_number_is_cancelled() {
        let calls = Arc::<Calls>::default();
        let under_way = |session, id| {
            let note = calls.note(&headers(session), call(id).as_bytes());
            note.call.expect("a call in a session")
        };
        let (mine, other, theirs) =
            (under_way("a", "1"), under_way("a", "\"1\""), under_way("b", "1"));
        let _ = calls.note(&headers("a"), cancel("1").as_bytes());
        let _ = calls.note(&headers("c"), cancel("1").as_bytes());
        let _ = calls.note(&HeaderMap::new(), cancel("1").as_bytes());
        let cancelled = [&mine, &other, &theirs].map(|call| call.cancelled.is_cancelled());
        assert_eq!(cancelled, [true, false, false]);
        drop((mine, other, theirs));
        assert!(calls.0.lock().expect("nobody panicked").is_empty(), "nothing is kept");
    }

    #[test]
    fn without_a_session_or_sense_there_is_nothing_to_cancel() {
        let calls = Arc::<Calls>::default();
        let long: &'static str = "a".repeat(SESSION_BYTES + 1).leak();
        for (headers, message) in [
            (HeaderMap::new(), call("1")),
            (headers(long), call("1")),
            (headers("a"), "not json".to_owned()),
            (headers("a"), "[]".to_owned()),
        ] {
            assert!(calls.note(&headers, message.as_bytes()).call.is_none(), "{message}");
        }
        assert!(calls.0.lock().expect("nobody panicked").is_empty());
    }
}

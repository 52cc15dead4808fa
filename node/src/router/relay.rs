//! A request that is handed on in the words it came in.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderValue, header};
use pumasi_cloud::{Call, CallError, Permit, ProviderFault, Reply, ReplyBody};
use pumasi_web::mesh::{Provided, Relay, RelayedAnswer};

use super::ask::Answer;
use super::fault::{Miss, fault_of};
use super::journal::Entry;

/// The request as it came, but for the name of the model where it has another one there.
pub(super) fn call(relay: &Relay, model: &str) -> Call {
    Call {
        path: relay.endpoint.path().to_owned(),
        headers: relay.headers.clone(),
        body: renamed(relay, model),
    }
}

/// Hands an answer back as it comes, if it is one.
pub(super) fn hand_back(
    answer: Answer,
    relay: &Relay,
    entry: Entry,
) -> Result<RelayedAnswer, (Miss, Entry)> {
    let Answer { place, model, permit, reply, first, .. } = answer;
    let Some(content_type) = content_type(&reply, relay.stream) else {
        let garbled = CallError::Provider(ProviderFault::Garbled);
        permit.failed(&garbled);
        entry.failed_at(place.id(), fault_of(&garbled).code());
        return Err((Miss::after(&place, &model, &garbled), entry));
    };
    entry.runs(place.id(), relay.stream.then_some(model.as_str()));
    let provided = Provided {
        id: place.id().to_owned(),
        name: place.name().to_owned(),
        model,
        why: entry.why(),
        after: None,
    };
    let job = entry.job();
    let body = Answering { first, body: reply.body, permit: Some(permit), entry };
    Ok(RelayedAnswer { job, provided, content_type, body: body.boxed() })
}

/// The body with the model's name as it is called there.
fn renamed(relay: &Relay, model: &str) -> Bytes {
    let body = &relay.body;
    let at = &relay.model_at;
    if &body[at.start + 1..at.end - 1] == model.as_bytes() {
        return body.clone();
    }
    let mut renamed = Vec::with_capacity(body.len() - at.len() + 2 + model.len());
    renamed.extend_from_slice(&body[..=at.start]);
    // Names of models have nothing that JSON escapes.
    renamed.extend_from_slice(model.as_bytes());
    renamed.extend_from_slice(&body[at.end - 1..]);
    renamed.into()
}

/// The answer's media type, if it is one of such an answer: a page that says "welcome" is none.
fn content_type(reply: &Reply, stream: bool) -> Option<HeaderValue> {
    let value = reply.headers.get(header::CONTENT_TYPE)?;
    let kind = value.as_bytes();
    let wanted: &[u8] = if stream { b"text/event-stream" } else { b"application/json" };
    let is_wanted = kind.get(..wanted.len()).is_some_and(|k| k.eq_ignore_ascii_case(wanted));
    is_wanted.then(|| value.clone())
}

/// An answer's body, which tells the breaker and the journal how it ends.
struct Answering {
    first: Option<Bytes>,
    body: ReplyBody,
    permit: Option<Permit>,
    entry: Entry,
}

impl Stream for Answering {
    type Item = Result<Bytes, ProviderFault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let polled = Pin::new(&mut self.body).poll_next(cx);
        Poll::Ready(match std::task::ready!(polled) {
            Some(Ok(bytes)) => Some(Ok(bytes)),
            Some(Err(error)) => {
                let fault = fault_of(&error);
                if let Some(permit) = self.permit.take() {
                    permit.failed(&error);
                }
                self.entry.failed_here(fault.code());
                self.entry.failed();
                Some(Err(fault))
            }
            None => {
                if let Some(permit) = self.permit.take() {
                    permit.succeeded();
                }
                self.entry.done();
                None
            }
        })
    }
}

//! What an answer holds until it has gone out: its place among its asker's requests. The answer to a key
//! that is revoked meanwhile is broken off.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::keys::{Holder, Place};

/// Put into an answer's extensions by whoever let the request in.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    _place: Arc<Place>,
    holder: Option<Arc<Holder>>,
}

impl Held {
    pub(crate) fn new(place: Place, holder: Option<Arc<Holder>>) -> Self {
        Self { _place: Arc::new(place), holder }
    }
}

/// An answer's body, with what it holds.
pub(super) struct HeldBody {
    body: Kept,
    revoked: Option<BoxFuture<'static, ()>>,
    _held: Option<Held>,
    _watch: Option<DropGuard>,
}

enum Kept {
    /// Nobody else may take it.
    Own(Body),
    /// It is taken away when the key is revoked, also while its client reads nothing.
    Shared(Arc<Mutex<Option<Body>>>),
}

impl HeldBody {
    pub(super) fn new(body: Body, held: Option<Held>) -> Self {
        let Some(holder) = held.as_ref().and_then(|held| held.holder.as_ref()) else {
            return Self { body: Kept::Own(body), revoked: None, _held: held, _watch: None };
        };
        let body = Arc::new(Mutex::new(Some(body)));
        let over = CancellationToken::new();
        tokio::spawn(take_away(Arc::clone(&body), holder.revoked(), over.clone()));
        let revoked = holder.revoked().cancelled_owned().boxed();
        Self {
            body: Kept::Shared(body),
            revoked: Some(revoked),
            _held: held,
            _watch: Some(over.drop_guard()),
        }
    }

    /// Asks the body, if it is still there.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Body) -> T) -> Option<T> {
        match &mut self.body {
            Kept::Own(body) => Some(question(body)),
            Kept::Shared(body) => lock(body).as_mut().map(question),
        }
    }
}

fn lock(body: &Mutex<Option<Body>>) -> MutexGuard<'_, Option<Body>> {
    // It is there or it is not, even if a thread ended while it held the lock.
    body.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cancels what runs for a revoked key, also while its client reads nothing.
async fn take_away(
    body: Arc<Mutex<Option<Body>>>,
    revoked: CancellationToken,
    over: CancellationToken,
) {
    tokio::select! {
        () = revoked.cancelled() => drop(lock(&body).take()),
        () = over.cancelled() => {}
    }
}

/// Ends the connection, so that nobody takes what came for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the API key was revoked")]
struct Revoked;

impl hyper::body::Body for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(revoked) = &mut self.revoked
            && revoked.poll_unpin(cx).is_ready()
        {
            self.revoked = None;
            if let Kept::Shared(body) = &self.body {
                drop(lock(body).take());
            }
        }
        let polled = self.ask(|body| Pin::new(body).poll_frame(cx));
        polled.unwrap_or_else(|| Poll::Ready(Some(Err(axum::Error::new(Revoked)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Kept::Own(body) => body.is_end_stream(),
            Kept::Shared(body) => lock(body).as_ref().is_some_and(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Kept::Own(body) => body.size_hint(),
            Kept::Shared(body) => {
                lock(body).as_ref().map_or_else(SizeHint::default, Body::size_hint)
            }
        }
    }
}

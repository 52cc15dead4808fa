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

/// A body that holds it.
pub(super) struct HeldBody {
    /// Gone once the key is revoked.
    body: Arc<Mutex<Option<Body>>>,
    revoked: Option<BoxFuture<'static, ()>>,
    _held: Held,
    _watch: Option<DropGuard>,
}

impl HeldBody {
    pub(super) fn new(body: Body, held: Held) -> Self {
        let body = Arc::new(Mutex::new(Some(body)));
        let (mut revoked, mut watch) = (None, None);
        if let Some(holder) = &held.holder {
            let over = CancellationToken::new();
            tokio::spawn(take_away(Arc::clone(&body), holder.revoked(), over.clone()));
            revoked = Some(holder.revoked().cancelled_owned().boxed());
            watch = Some(over.drop_guard());
        }
        Self { body, revoked, _held: held, _watch: watch }
    }

    fn body(&self) -> MutexGuard<'_, Option<Body>> {
        lock(&self.body)
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
            drop(self.body().take());
        }
        match self.body().as_mut() {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(Some(Err(axum::Error::new(Revoked)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body().as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body().as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

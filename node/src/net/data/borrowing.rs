//! The other side: what members share, heard on a stream for each of them, and calls of their providers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{BoxStream, unfold};
use pumasi_protocol::providing::{
    ProviderAsk, ProviderCall, ProviderFrame, ProviderMiss, SharedProvider,
};
use pumasi_protocol::stream::OwnerFrame;
use pumasi_protocol::{NodeId, frame, limits};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::bucket::{Bucket, Rate};
use super::super::frames::{self, StreamError};
use super::super::handle::NetHandle;
use super::super::limits::{BORROW_WAIT, OFFERS_AGAIN, OFFERS_REDIAL, PROVIDER_STALL};
use super::sharing::ProviderHost;
use super::{DataPlane, Peer};

/// Code of a stream whose answer is not wanted any more.
const GIVEN_UP: VarInt = VarInt::from_u32(2);
/// Lists that one member may tell: more is a flood.
const OFFERS: Rate = Rate { per_s: 2, burst: 64 };

/// What each member shares with this node.
pub(crate) type Offers = BTreeMap<NodeId, Arc<[SharedProvider]>>;

/// A good answer through a member.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: BoxStream<'static, Result<Bytes, ProviderMiss>>,
}

impl DataPlane {
    /// Listens to what a member shares, as long as there is a connection to it.
    pub(super) fn listen_to_offers(&self, node: NodeId) {
        let is_first = self.with_peer(node, |peer| !std::mem::replace(&mut peer.is_watched, true));
        if !is_first {
            return;
        }
        let plane = self.clone();
        tokio::spawn(async move {
            let ending = plane.inner.ending.clone();
            let listening = async {
                while let Some(connection) = plane.connection_or_leave(node).await {
                    let heard = plane.hear_offers(node, &connection).await;
                    plane.set_offer(node, None);
                    let pause = if heard.is_some() { OFFERS_AGAIN / 30 } else { OFFERS_AGAIN };
                    tokio::select! {
                        () = sleep(pause) => {}
                        _ = connection.closed() => {}
                    }
                }
            };
            ending.run_until_cancelled(listening).await;
        });
    }

    /// A connection, dialled anew a few times where it broke; else nobody listens any more, and the next
    /// connection begins again.
    async fn connection_or_leave(&self, node: NodeId) -> Option<Connection> {
        for pause in OFFERS_REDIAL {
            if let Some(open) = self.with_peer(node, Peer::open_connection) {
                return Some(open);
            }
            sleep(pause).await;
            if let Some(dialled) = self.connection(node).await {
                return Some(dialled);
            }
        }
        self.with_peer(node, |peer| {
            let open = peer.open_connection();
            peer.is_watched = open.is_some();
            open
        })
    }

    fn set_offer(&self, node: NodeId, offer: Option<Vec<SharedProvider>>) {
        self.inner.offers.send_if_modified(|offers| {
            let offer = offer.filter(|offer| !offer.is_empty());
            let before = offers.get(&node);
            if before.map(AsRef::as_ref) == offer.as_deref() {
                return false;
            }
            let mut next = Offers::clone(offers);
            match offer {
                Some(offer) => next.insert(node, offer.into()),
                None => next.remove(&node),
            };
            *offers = Arc::new(next);
            true
        });
    }

    /// Hears lists until the stream ends; none where the member has never told one: it is of a former
    /// version, or breaks the protocol.
    async fn hear_offers(&self, node: NodeId, connection: &Connection) -> Option<()> {
        let (_out, mut input) = open(connection, ProviderAsk::Watch).await.ok()?;
        let mut bucket = Bucket::new(OFFERS, Instant::now());
        let mut heard = None;
        loop {
            let frame = frames::read(&mut input, limits::SHARED_LIST_BYTES).await;
            let shared = match frame {
                Ok(frame @ ProviderFrame::Shared(_)) if frame.is_within_limits() => frame,
                // It has no providers yet, or ends.
                Ok(ProviderFrame::Missed(_)) => return Some(()),
                Ok(_) => {
                    self.inner.conduct.blame(node, Instant::now());
                    return None;
                }
                Err(_) => return heard,
            };
            if !bucket.take(1, Instant::now()) {
                self.inner.conduct.blame(node, Instant::now());
                return None;
            }
            heard = Some(());
            if let ProviderFrame::Shared(shared) = shared {
                tracing::debug!(peer = %node.short(), providers = shared.len(), "shares providers");
                self.set_offer(node, Some(shared));
            }
        }
    }

    /// Has a member's provider asked. Dropped, it gives the call up; so does dropping the body.
    async fn borrow(
        &self,
        node: NodeId,
        mut call: ProviderCall,
        body: Bytes,
    ) -> Result<Answer, ProviderMiss> {
        call.body = u32::try_from(body.len()).unwrap_or(u32::MAX);
        if !call.is_within_limits() {
            return Err(ProviderMiss::bare("context"));
        }
        let busy = |wait_ms| ProviderMiss { wait_ms: Some(wait_ms), ..miss("rate_limited") };
        if !self.with_peer(node, |peer| peer.borrows.take(1, Instant::now())) {
            return Err(busy(100));
        }
        let connection = self.connection(node).await.ok_or_else(|| miss("connect"))?;
        let opening = open(&connection, ProviderAsk::Call(call));
        let opened = timeout(BORROW_WAIT, opening).await;
        // Every stream to that member is taken.
        let opened = opened.map_err(|_| busy(1_000))?;
        let (out, mut input) = opened.map_err(|()| miss("connect"))?;
        // Whoever refuses a call need not read its body to the end.
        let (sent, first) = tokio::join!(
            send_body(out, body),
            frames::read::<ProviderFrame>(&mut input, limits::PROVIDER_FRAME_BYTES)
        );
        let first = match first {
            Ok(first) if first.is_within_limits() => first,
            Ok(_) | Err(StreamError::Frame(_)) => return Err(miss("garbled")),
            Err(_) if !sent => return Err(miss("timeout_connect")),
            Err(_) => return Err(miss("reset")),
        };
        match first {
            ProviderFrame::Begun { status, headers } => {
                let body = Pieces { input, left: 0 };
                let body = unfold(Some(body), |pieces| async { pieces?.next().await }).boxed();
                Ok(Answer { status, headers, body })
            }
            ProviderFrame::Missed(miss) => Err(miss),
            ProviderFrame::Shared(_) | ProviderFrame::Ended(_) => Err(miss("garbled")),
        }
    }
}

fn miss(word: &str) -> ProviderMiss {
    ProviderMiss::bare(word)
}

async fn open(connection: &Connection, ask: ProviderAsk) -> Result<(SendStream, RecvStream), ()> {
    let (mut out, input) = connection.open_bi().await.map_err(drop)?;
    let frame = OwnerFrame::Provider(Box::new(ask));
    let frame = frame::encode(&frame, limits::PROVIDER_FRAME_BYTES).map_err(drop)?;
    out.write_all(&frame).await.map_err(drop)?;
    Ok((out, input))
}

/// Sends the body; false where nobody takes it.
async fn send_body(mut out: SendStream, body: Bytes) -> bool {
    let sent = timeout(PROVIDER_STALL, out.write_all_chunks(&mut [body])).await;
    match sent {
        Ok(Ok(())) => out.finish().is_ok(),
        Ok(Err(_)) | Err(_) => {
            // It may be stopped already.
            let _ = out.reset(GIVEN_UP);
            false
        }
    }
}

/// An answer's pieces as they come.
struct Pieces {
    input: RecvStream,
    /// Bytes of the piece that has begun.
    left: usize,
}

type Next = Option<(Result<Bytes, ProviderMiss>, Option<Pieces>)>;

impl Pieces {
    async fn next(mut self) -> Next {
        match self.read().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(self))),
            Ok(None) => None,
            Err(miss) => Some((Err(miss), None)),
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, ProviderMiss> {
        let broken = || ProviderMiss::bare("reset");
        if self.left == 0 {
            let mut length = [0; 4];
            self.input.read_exact(&mut length).await.map_err(|_| broken())?;
            self.left = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            if self.left == 0 {
                return self.end().await;
            }
            if self.left > limits::PROVIDER_PIECE_BYTES {
                return Err(ProviderMiss::bare("garbled"));
            }
        }
        let chunk = self.input.read_chunk(self.left, true).await.map_err(|_| broken())?;
        let bytes = chunk.ok_or_else(broken)?.bytes;
        self.left -= bytes.len();
        Ok(Some(bytes))
    }

    async fn end(&mut self) -> Result<Option<Bytes>, ProviderMiss> {
        let frame = frames::read(&mut self.input, limits::PROVIDER_FRAME_BYTES).await;
        match frame {
            Ok(frame @ ProviderFrame::Ended(_)) if frame.is_within_limits() => match frame {
                ProviderFrame::Ended(Some(miss)) => Err(miss),
                _ => Ok(None),
            },
            Ok(_) | Err(StreamError::Frame(_)) => Err(ProviderMiss::bare("garbled")),
            Err(_) => Err(ProviderMiss::bare("reset")),
        }
    }
}

impl NetHandle {
    /// What each member shares with this node, as it changes.
    pub(crate) fn offers(&self) -> watch::Receiver<Arc<Offers>> {
        self.data.inner.offers.subscribe()
    }

    /// Has a member's provider asked; see [`DataPlane::borrow`].
    pub(crate) async fn borrow(
        &self,
        node: NodeId,
        call: ProviderCall,
        body: Bytes,
    ) -> Result<Answer, ProviderMiss> {
        self.data.borrow(node, call, body).await
    }

    /// From now on this host asks this node's providers for members.
    pub(crate) fn share_providers(&self, host: Arc<dyn ProviderHost>) {
        self.data.inner.host.send_replace(Some(host));
    }
}

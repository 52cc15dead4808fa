//! Connections: names to addresses, the addresses tried one beside the other, TLS, and no delay of small
//! pieces. Nothing of the environment changes where they go.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::call::{CallError, Which};
use crate::limits;

/// Why no connection could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoConnection(pub(crate) CallError);

/// Makes connections for one provider.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) within: Duration,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Link>;
    type Error = NoConnection;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoConnection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let link = timeout(connector.within, connector.link(&address)).await;
            let late = CallError::Timeout(Which::Connect);
            link.unwrap_or(Err(late)).map(TokioIo::new).map_err(NoConnection)
        })
    }
}

impl Connector {
    async fn link(&self, address: &Uri) -> Result<Link, CallError> {
        let began = Instant::now();
        let host = address.host().ok_or(CallError::Resolve)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = address.scheme() == Some(&Scheme::HTTPS);
        let port = address.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = dial(&addresses(host, port).await?).await?;
        // A piece of a stream is small and must not wait for the next.
        stream.set_nodelay(true).map_err(|_| CallError::Connect)?;
        let io = if is_tls {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| CallError::Tls)?;
            let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
            Io::Tls(Box::new(secured.map_err(|_| CallError::Tls)?))
        } else {
            Io::Plain(stream)
        };
        let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(Link { io, took: Took(Arc::new(AtomicU64::new(us.max(1)))) })
    }
}

/// The name's addresses, both families in turn.
async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, CallError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| CallError::Resolve)?;
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) = found.partition(SocketAddr::is_ipv6);
    let mut mixed = Vec::new();
    for place in 0..first.len().max(second.len()) {
        mixed.extend(first.get(place));
        mixed.extend(second.get(place));
    }
    mixed.truncate(limits::ADDRESSES);
    if mixed.is_empty() { Err(CallError::Resolve) } else { Ok(mixed) }
}

/// The first address that answers. The next one is tried when the one before failed or is slow.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, CallError> {
    let mut under_way = FuturesUnordered::new();
    for address in addresses {
        under_way.push(TcpStream::connect(*address));
        let patience = Instant::now() + limits::NEXT_ADDRESS;
        while let Ok(Some(outcome)) = timeout_at(patience, under_way.next()).await {
            if let Ok(stream) = outcome {
                return Ok(stream);
            }
        }
    }
    while let Some(outcome) = under_way.next().await {
        if let Ok(stream) = outcome {
            return Ok(stream);
        }
    }
    Err(CallError::Connect)
}

/// How long the connection took to make, in microseconds; 0 once somebody asked.
#[derive(Debug, Clone)]
pub(crate) struct Took(Arc<AtomicU64>);

impl Took {
    /// The time, the first time that it is asked for: later calls found the connection open.
    pub(crate) fn take(&self) -> Option<Duration> {
        let us = self.0.swap(0, Relaxed);
        (us > 0).then(|| Duration::from_micros(us))
    }
}

/// One connection.
pub(crate) struct Link {
    io: Io,
    took: Took,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.took.clone())
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Io::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_write_vectored(cx, pieces),
            Io::Tls(io) => Pin::new(io).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower::Service;

    use super::*;
    use crate::client::{Client, ClientConfig};

    #[tokio::test]
    async fn small_pieces_are_not_delayed_and_the_time_is_told_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let at = listener.local_addr().expect("an address");
        let client = Client::new(&ClientConfig { only_these: true, ..ClientConfig::default() });
        let mut connector = client.connector(Duration::from_secs(10));
        let address: Uri = format!("http://{at}/").parse().expect("an address");
        let link = connector.call(address).await.expect("a connection").into_inner();
        let Io::Plain(stream) = &link.io else { panic!("no TLS was asked for") };
        assert!(stream.nodelay().expect("a socket"));
        assert!(link.took.take().is_some());
        assert_eq!(link.took.take(), None);
    }

    #[tokio::test]
    async fn a_dead_address_does_not_keep_a_live_one_waiting() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let live = listener.local_addr().expect("an address");
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let dead = gone.local_addr().expect("an address");
        drop(gone);
        assert!(dial(&[dead, live]).await.is_ok());
        assert_eq!(dial(&[dead]).await.err(), Some(CallError::Connect));
        assert_eq!(dial(&[]).await.err(), Some(CallError::Connect));
    }
}

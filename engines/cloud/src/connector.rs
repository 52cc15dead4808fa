//! Connections: names to addresses, the addresses tried one beside the other, TLS, and no delay of small
//! pieces. Nothing of the environment changes where they go.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::call::{CallError, Which};
use crate::limits;

/// Makes connections to one place.
#[derive(Clone)]
pub(crate) struct Connector {
    /// None: in the open.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) within: Duration,
}

impl Connector {
    pub(crate) async fn connect(&self) -> Result<Line, CallError> {
        let late = CallError::Timeout(Which::Connect);
        timeout(self.within, self.line()).await.unwrap_or(Err(late))
    }

    async fn line(&self) -> Result<Line, CallError> {
        let stream = dial(&addresses(&self.host, self.port).await?).await?;
        // A piece of a stream is small and must not wait for the next.
        stream.set_nodelay(true).map_err(|_| CallError::Connect)?;
        let Some(tls) = &self.tls else { return Ok(Line::Plain(stream)) };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| CallError::Tls)?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Ok(Line::Tls(Box::new(secured.map_err(|_| CallError::Tls)?)))
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

/// One connection.
pub(crate) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    /// Whether nothing came that nobody asked for: no byte, and not the end.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(self).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Self::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, pieces),
            Self::Tls(io) => Pin::new(io).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, ClientConfig};

    #[tokio::test]
    async fn small_pieces_are_not_delayed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let at = listener.local_addr().expect("an address");
        let client = Client::new(&ClientConfig { only_these: true, ..ClientConfig::default() });
        let connector = client.connector(false, "127.0.0.1", at.port(), Duration::from_secs(10));
        let line = connector.connect().await.expect("a connection");
        let Line::Plain(stream) = &line else { panic!("no TLS was asked for") };
        assert!(stream.nodelay().expect("a socket"));
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

//! The TCP side of the data plane's port: handshakes as on the QUIC side, then a thread for each reader.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use pumasi_protocol::NodeId;
use rustls::{ServerConnection, StreamOwned};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::super::super::conduct::Kind;
use super::super::super::limits::{COPY_WRITE_BYTES, DATA_DIAL};
use super::super::super::tls::{Accept, node_of};
use super::super::DataPlane;
use super::{PROTOCOL, Socket, serve, set_patience};

/// How long to wait after the system could not give a connection (too many open files).
const AGAIN: Duration = Duration::from_millis(100);

/// The port of the data plane for TCP; none where another program has it, and copies go over QUIC.
pub(in super::super) fn bind(address: SocketAddr) -> Option<TcpListener> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    match bound {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::info!(%address, %error, "copies of models go over UDP only");
            None
        }
    }
}

/// Serves readers until the plane is shut down.
pub(in super::super) async fn listen(plane: DataPlane, listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener);
    let listener = listener.expect("a listener that does not block, within the runtime");
    let accept = Accept::Members(plane.inner.members.clone());
    let acceptor = TlsAcceptor::from(plane.inner.certificate.server_tls(&[PROTOCOL], accept));
    let ending = plane.inner.ending.clone();
    while let Some(accepted) = ending.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, from)) => receive(&plane, acceptor.clone(), stream, from),
            Err(_) => sleep(AGAIN).await,
        }
    }
}

fn receive(plane: &DataPlane, acceptor: TlsAcceptor, stream: TcpStream, from: SocketAddr) {
    let room = plane.inner.handshakes.clone().try_acquire_owned();
    let (Ok(room), Some(place)) = (room, plane.inner.sources.enter(from.ip())) else { return };
    let plane = plane.clone();
    tokio::spawn(async move {
        let shaken = timeout(DATA_DIAL, acceptor.accept(stream)).await;
        drop((room, place));
        let Ok(Ok(stream)) = shaken else { return };
        let (stream, tls) = stream.into_inner();
        let node = tls.peer_certificates().and_then(|chain| node_of(chain.first()?).ok());
        let Some(node) = node.filter(|node| plane.is_welcome(node)) else { return };
        if plane.inner.conduct.spend(node, Kind::Connection, 1, Instant::now())
            && let Ok(permit) = plane.inner.copying.clone().try_acquire_owned()
        {
            begin(plane, node, stream, tls, permit);
        }
    });
}

/// Goes on in a thread of its own, which ends with its reader.
fn begin(
    plane: DataPlane,
    node: NodeId,
    stream: TcpStream,
    mut tls: ServerConnection,
    permit: OwnedSemaphorePermit,
) {
    let Some(serving) = plane.inner.copies.serve(node) else { return };
    let Ok(stream) = stream.into_std() else { return };
    let entered = plane.inner.copies.enter(node, &stream);
    let (Ok(entry), Ok(())) = (entered, set_patience(&stream)) else { return };
    tls.set_buffer_limit(Some(COPY_WRITE_BYTES));
    let thread = std::thread::Builder::new().name("copy".to_owned());
    let begun = thread.spawn(move || {
        let mut stream = StreamOwned::new(tls, Socket::new(stream));
        serve::serve(node, &mut stream, &plane);
        stream.conn.send_close_notify();
        let _ = std::io::Write::flush(&mut stream);
        drop((entry, permit, serving));
    });
    if let Err(error) = begun {
        tracing::warn!(%error, "no thread to serve a copy");
    }
}

/// The same over a stream of the data plane.
pub(in super::super) fn begin_quic(
    plane: DataPlane,
    node: NodeId,
    out: quinn::SendStream,
    input: quinn::RecvStream,
) {
    let permit = plane.inner.copying.clone().try_acquire_owned();
    let (Ok(permit), Some(serving)) = (permit, plane.inner.copies.serve(node)) else { return };
    let mut stream = super::quic::Stream::new(out, input);
    let thread = std::thread::Builder::new().name("copy".to_owned());
    let begun = thread.spawn(move || {
        serve::serve(node, &mut stream, &plane);
        drop((permit, serving));
    });
    if let Err(error) = begun {
        tracing::warn!(%error, "no thread to serve a copy");
    }
}

//! Connections: accepted up to a bound, judged by the gate, served one request after another, closed so
//! that the client can read the last answer. Knows HTTP's frame, not its routes.

mod gate;
mod head;
mod held;
mod serve;
mod sources;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pumasi_dialects::Dialect;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use gate::RefusalPath;
use gate::{Activity, Gate};
pub(crate) use held::Held;
use serve::{Ends, Watched};
pub(crate) use serve::{RequestId, Route, spoken};
use sources::Sources;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;
use crate::mesh::Mesh;
use crate::routes;
use crate::settings::{BindRefused, Exposure, Settings, check_bind};

/// Why the server did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener would be unsafe.
    #[error(transparent)]
    Refused(#[from] BindRefused),
    /// The listener has no address.
    #[error("the listening socket is broken")]
    Listener(#[source] io::Error),
}

/// How long connections may finish what they are doing when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a closed connection is read from, so that the client gets the answer and not a reset.
const LINGER: Duration = Duration::from_millis(500);

/// Serves `mesh` on `listener` until `stop` is done; then lets running requests end for a few seconds.
///
/// # Errors
/// When the listener is reachable for others than it may be, or is broken.
pub async fn serve(
    listener: TcpListener,
    mesh: Arc<dyn Mesh>,
    settings: Settings,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    serve_until(listener, mesh, settings, stop.boxed()).await
}

/// Names no type of its caller's, so that all of it is compiled here, where every step is optimised.
fn serve_until(
    listener: TcpListener,
    mesh: Arc<dyn Mesh>,
    settings: Settings,
    stop: BoxFuture<'static, ()>,
) -> BoxFuture<'static, Result<(), ServeError>> {
    accept(listener, mesh, settings, stop).boxed()
}

async fn accept(
    listener: TcpListener,
    mesh: Arc<dyn Mesh>,
    settings: Settings,
    mut stop: BoxFuture<'static, ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    check_bind(address, &settings.exposure, &settings.keys)?;
    let tls = match &settings.exposure {
        Exposure::Network { tls: Some(config), .. } => Some(TlsAcceptor::from(Arc::clone(config))),
        Exposure::Network { tls: None, .. } | Exposure::Loopback => None,
    };
    let app = Arc::new(App::new(mesh, &settings));
    let server = Server { router: routes::router(Arc::clone(&app)), app, tls };
    let sources = Sources::new(match settings.exposure {
        Exposure::Loopback => usize::MAX,
        Exposure::Network { .. } => limits::SOURCE_CONNECTIONS,
    });
    let slots = Arc::new(Semaphore::new(settings.connections));
    let stopping = CancellationToken::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, most likely: a moment later there are some.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Whoever has too many is let go without a word: there is no handshake to say it in.
        let Some(connected) = sources.enter(peer.ip()) else { continue };
        match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => {
                let held = (slot, connected);
                connections.spawn(server.clone().connection(stream, peer, stopping.clone(), held));
            }
            Err(_) => {
                server.app.errors.add(ApiError::TooManyConnections.code());
                // Nothing is awaited: the kernel takes a few hundred bytes, or the client is gone.
                let _ = stream.try_write(overload().as_bytes());
            }
        }
    }
    stopping.cancel();
    let all_gone = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, all_gone).await;
    Ok(())
}

fn overload() -> String {
    let body = ApiError::TooManyConnections.body("none", Dialect::OpenAi);
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[derive(Clone)]
struct Server {
    app: Arc<App>,
    router: Router,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// `_held` is let go of when the connection has ended.
    async fn connection<H>(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        stopping: CancellationToken,
        _held: H,
    ) {
        let Ok(local) = stream.local_addr() else { return };
        // Streams of small events: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let ends = Ends { local: local.ip(), peer: peer.ip() };
        let Some(tls) = self.tls.clone() else {
            return self.http(stream, ends, stopping).await;
        };
        // In boxes: a connection without TLS does not carry their size.
        let handshake = tokio::time::timeout(self.app.patience.head, tls.accept(stream));
        if let Ok(Ok(stream)) = Box::pin(handshake).await {
            Box::pin(self.http(stream, ends, stopping)).await;
        }
    }

    async fn http<S>(self, stream: S, ends: Ends, stopping: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let (patience, refusals) = (self.app.patience, self.app.refusals.clone());
        let (gate, returned) = Gate::new(stream, patience, refusals, Arc::clone(&activity));
        let service = service_fn(move |request: Request<Incoming>| {
            let server = self.clone();
            let activity = Arc::clone(&activity);
            // In a box, so that it is not moved as it is handed on.
            Box::pin(async move {
                activity.answering.store(true, Ordering::Relaxed);
                let response = serve::answer(&server.app, server.router, request, ends).await;
                Ok::<_, Infallible>(response.map(|body| Watched::new(body, activity)))
            })
        });
        converse(gate, service, &stopping).await;
        if let Ok(mut stream) = returned.await {
            linger(&mut stream).await;
        }
    }
}

/// Serves the requests of one connection. Lets go of it at the end, so that the gate gives it back.
async fn converse<S, V>(gate: Gate<S>, service: V, stopping: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: hyper::service::HttpService<Incoming, ResBody = Watched, Error = Infallible>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The gate keeps these bounds, and answers with a body.
        .header_read_timeout(None)
        .max_buf_size(limits::HEAD_BYTES + limits::REPLY_BUFFER_BYTES)
        .serve_connection(TokioIo::new(gate), service);
    tokio::pin!(connection);
    // What breaks a connection concerns nobody but its client, who is gone.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Reads on for a moment: closing a socket with unread bytes would take the answer from the client.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let drain = async {
        let _ = stream.shutdown().await;
        let mut scratch = vec![0; 16 * 1024];
        let mut left = limits::LINGER_BYTES;
        while let Ok(count @ 1..) = stream.read(&mut scratch).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    // A client that keeps writing is cut off.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

//! One request over one connection: names to checked addresses, a proxy of the environment, TLS, and the
//! head of the answer within its limits. Nothing is followed and nothing is pooled: a hub is asked
//! seldom, and its files come from elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::endpoint::is_public_host;
use crate::error::{HubError, LineFault, TlsFault};
use crate::limits::{ADDRESSES_MAX, CONNECT, HEAD_BYTES_MAX, HEADERS_MAX, SILENCE};
use crate::resolver::{Lookup, is_global};

/// What connections are made with.
#[derive(Clone)]
pub(crate) struct Lines {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) lookup: Arc<dyn Lookup>,
    /// None: no proxy is used.
    pub(crate) proxies: Option<Arc<Matcher>>,
}

/// The head of an answer, and its body as it comes.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    connection: Connection,
}

/// Ends the task that drives a connection.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Answer {
    /// The body, piece by piece; a piece that does not come for a while is an error.
    pub(crate) fn into_stream(self) -> BoxStream<'static, Result<Bytes, HubError>> {
        stream::try_unfold((self.body, self.connection), |(mut body, connection)| async move {
            loop {
                let frame = timeout(SILENCE, body.frame()).await;
                let frame = frame.map_err(|_| LineFault::Timeout)?;
                let Some(frame) = frame else { return Ok::<_, HubError>(None) };
                let frame = frame.map_err(|_| LineFault::Broken)?;
                // Trailers say nothing that is needed.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some((data, (body, connection))));
                }
            }
        })
        .boxed()
    }
}

impl Lines {
    /// Asks once. `url` is `http` or `https` and has a host.
    pub(crate) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, HubError> {
        let proxy = self.proxy(url);
        let stream = timeout(CONNECT, self.connect(url, proxy.as_ref())).await;
        let stream = stream.map_err(|_| LineFault::Timeout)??;
        let mut builder = http1::Builder::new();
        builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|_| LineFault::Broken)?;
        // A broken connection shows in the answer.
        let driving = tokio::spawn(async move { drop(connection.await) });
        let connection = Connection(driving.abort_handle());
        let request = request(url, headers, proxy.as_ref())?;
        let answer = timeout(SILENCE, sender.send_request(request)).await;
        let answer = answer.map_err(|_| LineFault::Timeout)?.map_err(|_| LineFault::Broken)?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body, connection })
    }

    fn proxy(&self, url: &Url) -> Option<Intercept> {
        let uri = url.as_str().parse().ok()?;
        self.proxies.as_ref()?.intercept(&uri)
    }

    async fn connect(
        &self,
        url: &Url,
        proxy: Option<&Intercept>,
    ) -> Result<Box<dyn Stream>, HubError> {
        let (host, port) = (host(url), url.port_or_known_default().unwrap_or(443));
        let is_encrypted = url.scheme() == "https";
        let stream = match proxy {
            None => self.dial(host, port).await?,
            Some(proxy) => {
                let at = proxy.uri();
                if at.scheme_str() != Some("http") {
                    return Err(LineFault::Connect.into());
                }
                let name = at.host().unwrap_or("").trim_matches(['[', ']']);
                let mut stream = self.dial(name, at.port_u16().unwrap_or(80)).await?;
                if is_encrypted {
                    tunnel(&mut stream, host, port, proxy.basic_auth()).await?;
                }
                stream
            }
        };
        if !is_encrypted {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsFault::Other)?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        Ok(Box::new(secured.map_err(|error| refused_certificate(&error))?))
    }

    /// The first address that answers. A public name that leads into this network is refused; other
    /// names are those that a person set up (a mirror, its CDN, a proxy) and may be in the house.
    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, HubError> {
        let mut found = match host.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            Err(_) => self.lookup.addresses(host).await,
        };
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() {
            return Err(LineFault::Resolve.into());
        }
        if is_public_host(host) && !found.iter().all(|ip| is_global(*ip)) {
            return Err(LineFault::LocalAddress.into());
        }
        for ip in found {
            if let Ok(stream) = TcpStream::connect(SocketAddr::new(ip, port)).await {
                return Ok(stream);
            }
        }
        Err(LineFault::Connect.into())
    }
}

/// Name or number, without brackets.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("").trim_matches(['[', ']'])
}

fn request(
    url: &Url,
    headers: &HeaderMap,
    proxy: Option<&Intercept>,
) -> Result<Request<Empty<Bytes>>, HubError> {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let is_through = proxy.is_some() && url.scheme() == "http";
    let target = if is_through { url.as_str() } else { path };
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::get(target).body(Empty::new()).map_err(|_| HubError::Answer)?;
    let all = request.headers_mut();
    all.extend(headers.clone());
    all.insert(header::HOST, HeaderValue::from_str(authority).map_err(|_| HubError::Answer)?);
    if let Some(auth) = proxy.and_then(Intercept::basic_auth).filter(|_| is_through) {
        all.insert(header::PROXY_AUTHORIZATION, auth.clone());
    }
    Ok(request)
}

/// Asks a proxy for a way through (RFC 9110, 9.3.6).
async fn tunnel(
    stream: &mut TcpStream,
    host: &str,
    port: u16,
    auth: Option<&HeaderValue>,
) -> Result<(), HubError> {
    let at = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut asked = format!("CONNECT {at} HTTP/1.1\r\nhost: {at}\r\n").into_bytes();
    if let Some(auth) = auth {
        asked.extend_from_slice(b"proxy-authorization: ");
        asked.extend_from_slice(auth.as_bytes());
        asked.extend_from_slice(b"\r\n");
    }
    asked.extend_from_slice(b"\r\n");
    let broken = |_| LineFault::Connect;
    stream.write_all(&asked).await.map_err(broken)?;
    // Byte by byte, so that nothing of what follows is taken.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX {
            return Err(LineFault::Connect.into());
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    let is_open = head.starts_with(b"HTTP/1.1 2") || head.starts_with(b"HTTP/1.0 2");
    if is_open { Ok(()) } else { Err(LineFault::Connect.into()) }
}

fn refused_certificate(error: &std::io::Error) -> HubError {
    use rustls::CertificateError as Bad;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(bad)) = inner else {
        return if inner.is_some() { TlsFault::Other.into() } else { LineFault::Broken.into() };
    };
    let is_old = matches!(
        bad,
        Bad::Expired
            | Bad::ExpiredContext { .. }
            | Bad::NotValidYet
            | Bad::NotValidYetContext { .. }
    );
    let is_other = matches!(bad, Bad::NotValidForName | Bad::NotValidForNameContext { .. });
    let fault = if is_old {
        TlsFault::Expired
    } else if is_other {
        TlsFault::WrongHost
    } else if matches!(bad, Bad::UnknownIssuer | Bad::BadSignature) {
        TlsFault::UnknownIssuer
    } else {
        TlsFault::Other
    };
    fault.into()
}

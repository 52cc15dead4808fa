//! A program on another computer: HTTP over TLS that trusts one certificate and shows one key.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::nodes::Reply;

/// No answer of the tests takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where to ask, and whom to trust.
#[derive(Debug, Clone)]
pub struct Https {
    address: SocketAddr,
    name: String,
    config: Arc<ClientConfig>,
}

impl Https {
    /// Asks `name` at `address`, which must show a certificate that this file holds.
    ///
    /// # Panics
    /// When the file holds none.
    #[must_use]
    pub fn new(address: SocketAddr, name: &str, trusted: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(trusted).expect("a certificate as PEM");
        roots.add(certificate).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS is there")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address, name: name.to_owned(), config: Arc::new(config) }
    }

    /// Sends a request with these header lines; the error is why there was no whole answer.
    ///
    /// # Errors
    /// When the connection or the handshake fails, or the answer is cut off.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> std::io::Result<(Reply, String)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.name);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += "content-type: application/json\r\n";
        }
        head += &format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (bytes, fingerprint) = runtime.block_on(async {
            // A timer needs the runtime around it.
            tokio::time::timeout(PATIENCE, self.exchange(head)).await
        })??;
        let reply = parse(&bytes).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        Ok((reply, fingerprint))
    }

    /// The same with an API key, and an answer that must come.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn ask(&self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let bearer = format!("Bearer {key}");
        let asked = self.try_ask(method, path, &[("authorization", &bearer)], body);
        asked.unwrap_or_else(|error| panic!("{method} {path} has no answer: {error}")).0
    }

    /// The SHA-256 of the certificate that the listener shows, as `openssl` prints it.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.try_ask("GET", "/healthz", &[], None).expect("an answer").1
    }

    async fn exchange(&self, request: String) -> std::io::Result<(Vec<u8>, String)> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(self.name.clone()).expect("a name");
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let mut stream = connector.connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let fingerprint = shown.map(|der| fingerprint_of(der)).unwrap_or_default();
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok((answer, fingerprint))
    }
}

fn fingerprint_of(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// A whole answer; its body is JSON, or text, pieces joined.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let is_chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
    let body = if is_chunked { unchunked(body)? } else { body.to_owned() };
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Some(Reply { status, headers, body })
}

fn unchunked(mut rest: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        match usize::from_str_radix(length, 16).ok()? {
            0 => return Some(whole),
            length => {
                whole.push_str(after.get(..length)?);
                rest = after.get(length..)?.strip_prefix("\r\n")?;
            }
        }
    }
}

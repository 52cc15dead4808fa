//! What all providers share of HTTP: whose certificates are believed, and how connections are kept.
//! HTTP/1.1 only; no redirect is followed, no proxy of the environment is used, no cookie is kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::connector::Connector;
use crate::limits;

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub struct ClientConfig {
    /// Certificate authorities besides those of this computer, as of an office's own proxy.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Those of this computer are left out.
    pub only_these: bool,
}

/// Shared by all providers; a copy costs nothing.
#[derive(Clone)]
pub struct Client {
    tls: Arc<rustls::ClientConfig>,
    has_roots: bool,
}

/// The connections to one provider.
pub(crate) type Pool = legacy::Client<Connector, Full<Bytes>>;

impl Client {
    /// Reads this computer's certificate authorities. TLS is 1.3.
    #[must_use]
    pub fn new(config: &ClientConfig) -> Self {
        let mut roots = RootCertStore::empty();
        if !config.only_these {
            let native = rustls_native_certs::load_native_certs();
            if !native.errors.is_empty() {
                tracing::warn!(errors = native.errors.len(), "some certificates were not read");
            }
            roots.add_parsable_certificates(native.certs);
        }
        roots.add_parsable_certificates(config.authorities.iter().cloned());
        let has_roots = !roots.is_empty();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(ring)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { tls: Arc::new(tls), has_roots }
    }

    /// Whether any certificate can be checked.
    pub(crate) fn has_roots(&self) -> bool {
        self.has_roots
    }

    /// Connections that must stand within this time.
    pub(crate) fn pool(&self, connect: Duration) -> Pool {
        legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::IDLE_TIME)
            .pool_max_idle_per_host(limits::IDLE_CONNECTIONS)
            .http1_max_headers(limits::HEADERS)
            .http1_max_buf_size(limits::READ_BUFFER)
            .build(self.connector(connect))
    }

    pub(crate) fn connector(&self, within: Duration) -> Connector {
        Connector { tls: Arc::clone(&self.tls), within }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("has_roots", &self.has_roots).finish_non_exhaustive()
    }
}

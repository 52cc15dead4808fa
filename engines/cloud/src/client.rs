//! What all providers share: whose certificates are believed. TLS is 1.3, and what is spoken inside is
//! HTTP/1.1.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::connector::Connector;

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

impl Client {
    /// Reads this computer's certificate authorities.
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

    /// Connections to this place, which must stand within this time.
    pub(crate) fn connector(
        &self,
        is_encrypted: bool,
        host: &str,
        port: u16,
        within: Duration,
    ) -> Connector {
        let tls = is_encrypted.then(|| Arc::clone(&self.tls));
        Connector { tls, host: host.to_owned(), port, within }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("has_roots", &self.has_roots).finish_non_exhaustive()
    }
}

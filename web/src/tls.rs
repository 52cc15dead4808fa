//! TLS for listeners that other computers can reach, from a certificate and a key as PEM (RFC 7468).

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Why certificate and key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The certificate file holds none.
    #[error("the certificate file holds no certificate in PEM form")]
    NoCertificate,
    /// The key file holds none.
    #[error("the key file holds no private key in PEM form")]
    NoKey,
    /// The two do not belong together, or are of a kind that is not known.
    #[error("the certificate and the key do not belong together, or are of an unknown kind")]
    Mismatch,
}

/// A certificate with its key, as it is served; another can take its place meanwhile.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// What new connections are shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn get(&self) -> Arc<CertifiedKey> {
        // Nothing in here is ever half done.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl Tls {
    /// From PEM: TLS 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// What is wrong with certificate or key.
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown(RwLock::new(certified(certificates, key)?)));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| TlsError::Mismatch)?;
        let resolver: Arc<dyn ResolvesServerCert> = shown.clone();
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), shown })
    }

    /// For [`crate::Exposure::Network`].
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// From here on new connections are shown what another one shows; those that are open stay.
    pub fn show(&self, other: &Self) {
        let new = other.shown.get();
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

fn certified(certificates: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(|_| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
    let made = CertifiedKey::from_der(chain, key, &ring::default_provider());
    made.map(Arc::new).map_err(|_| TlsError::Mismatch)
}

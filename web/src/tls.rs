//! TLS for listeners that other computers can reach, from a certificate and a key as PEM (RFC 7468).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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

/// The configuration for [`crate::Exposure::Network`]: TLS 1.3, HTTP/1.1.
///
/// # Errors
/// What is wrong with certificate or key.
pub fn tls_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(|_| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| TlsError::Mismatch)?;
    let config = builder.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|_| TlsError::Mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

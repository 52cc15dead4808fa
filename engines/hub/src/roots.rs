//! Whose certificates are believed: those of this computer's authorities, an office's own included.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// TLS with these authorities besides the computer's.
pub(crate) fn tls(
    authorities: &[CertificateDer<'static>],
    only_these: bool,
) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    if !only_these {
        let native = rustls_native_certs::load_native_certs();
        if !native.errors.is_empty() {
            tracing::warn!(errors = native.errors.len(), "some certificates were not read");
        }
        roots.add_parsable_certificates(native.certs);
    }
    roots.add_parsable_certificates(authorities.iter().cloned());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}

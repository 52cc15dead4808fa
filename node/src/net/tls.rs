//! TLS for our own QUIC endpoints: the certificate carries the node's key (libp2p's TLS extension),
//! and a verifier asks of each key whether it may. No session is resumed, because resuming would
//! skip that question; no key log.

use std::sync::Arc;

use libp2p_tls::certificate;
use pumasi_protocol::NodeId;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};

use super::identity::{Identity, node_id};
use super::members::Members;

/// The name that our clients ask for; it means nothing, the key does.
pub(crate) const SERVER_NAME: &str = "pumasi.invalid";

/// Whose key is accepted.
#[derive(Clone)]
pub(crate) enum Accept {
    /// Every member's.
    Members(Members),
    /// This member's only.
    Member(NodeId, Members),
    /// This node's only, member or not.
    Node(NodeId),
    /// Anybody's: the join door looks at what they bring.
    Anybody,
}

impl Accept {
    fn admits(&self, node: &NodeId) -> bool {
        match self {
            Self::Members(members) => members.contains(node),
            Self::Member(expected, members) => node == expected && members.contains(node),
            Self::Node(expected) => node == expected,
            Self::Anybody => true,
        }
    }
}

struct Verifier {
    accept: Accept,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

/// The node whose key a certificate proves.
pub(crate) fn node_of(certificate: &CertificateDer<'_>) -> Result<NodeId, Error> {
    let peer = certificate::parse(certificate)?.peer_id();
    node_id(&peer).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

impl Verifier {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<(), Error> {
        let refused = CertificateError::ApplicationVerificationFailure;
        let alone = others.is_empty();
        let admitted = alone && self.accept.admits(&node_of(certificate)?);
        if admitted { Ok(()) } else { Err(Error::InvalidCertificate(refused)) }
    }
}

fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = certificate::parse(certificate)?;
    certificate.verify_signature(signed.scheme, message, signed.signature())?;
    Ok(HandshakeSignatureValid::assertion())
}

/// libp2p's certificates are signed with P-256; Ed25519 is allowed by its specification.
fn schemes() -> Vec<SignatureScheme> {
    vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
}

/// TLS 1.2 is not offered, so nobody can have signed for it.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(certificate, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(certificate, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}

/// This node's certificate, made once per start, and what signs with it.
#[derive(Clone)]
pub(crate) struct Certificate {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

impl Certificate {
    pub(crate) fn make(identity: &Identity) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (certificate, key) = certificate::generate(identity.keypair())
            .expect("the system gives random numbers, as it did for the identity");
        let signer = provider
            .key_provider
            .load_private_key(key)
            .expect("the key that was just made is of a kind that ring signs with");
        Self { provider, key: Arc::new(CertifiedKey::new(vec![certificate], signer)) }
    }

    /// Of a certificate that was made elsewhere, and its key (PKCS #8).
    #[cfg(test)]
    pub(crate) fn from_parts(chain: Vec<CertificateDer<'static>>, key: Vec<u8>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key).into();
        let signer = provider.key_provider.load_private_key(key).expect("ring signs with it");
        Self { provider, key: Arc::new(CertifiedKey::new(chain, signer)) }
    }

    pub(crate) fn server(&self, protocols: &[&[u8]], accept: Accept) -> Arc<QuicServerConfig> {
        let config = self.server_tls(protocols, accept);
        Arc::new(QuicServerConfig::try_from(config).expect("ring has QUIC's initial suite"))
    }

    /// The same for TCP.
    pub(crate) fn server_tls(
        &self,
        protocols: &[&[u8]],
        accept: Accept,
    ) -> Arc<rustls::ServerConfig> {
        let verifier = Arc::new(Verifier { accept });
        let mut config = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(self.key.clone())));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    pub(crate) fn client(&self, protocol: &[u8], accept: Accept) -> Arc<QuicClientConfig> {
        let config = self.client_tls(protocol, accept);
        Arc::new(QuicClientConfig::try_from(config).expect("ring has QUIC's initial suite"))
    }

    /// The same for TCP.
    pub(crate) fn client_tls(&self, protocol: &[u8], accept: Accept) -> Arc<rustls::ClientConfig> {
        let verifier = Arc::new(Verifier { accept });
        let mut config = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(self.key.clone())));
        config.alpn_protocols = vec![protocol.to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

/// What both ends of an established connection named in the handshake.
pub(crate) fn protocol_of(connection: &quinn::Connection) -> Option<Vec<u8>> {
    let data = connection.handshake_data()?;
    data.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?.protocol
}

/// The node at the other end of an established connection.
pub(crate) fn peer_of(connection: &quinn::Connection) -> Option<NodeId> {
    let identity = connection.peer_identity()?;
    let certificates = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    node_of(certificates.first()?).ok()
}

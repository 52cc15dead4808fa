//! Whose certificates are believed (row F17).

use std::net::IpAddr;

use async_trait::async_trait;
use pumasi_hub::{Lookup, TlsFault};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority, and a server with a certificate of its for this name.
struct Office {
    authority: CertificateDer<'static>,
    port: u16,
}

async fn office(name: &str, expired: bool) -> Office {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
    let issuer = issuer.expect("a certificate");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    if expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    }
    let key = KeyPair::generate().expect("a key");
    let leaf = params.signed_by(&key, &issuer).expect("a certificate");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        );
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(serve(listener, acceptor));
    Office { authority: issuer.der().clone(), port }
}

/// Answers everything with an empty search.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let _ = stream.read(&mut [0; 4_096]).await;
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

struct Here;

#[async_trait]
impl Lookup for Here {
    async fn addresses(&self, _host: &str) -> Vec<IpAddr> {
        vec![IpAddr::from([127, 0, 0, 1])]
    }
}

async fn searched(
    office: &Office,
    host: &str,
    authorities: Vec<CertificateDer<'static>>,
) -> Result<usize, HubError> {
    let endpoint = Endpoint::parse(&format!("https://{host}:{}", office.port)).expect("fine");
    let lookup = Arc::new(Here);
    let config = HubConfig { authorities, lookup, proxies: false, ..HubConfig::new(endpoint) };
    let hub = Hub::new(HubConfig { only_these: true, ..config });
    hub.search(&pumasi_hub::Query::default()).await.map(|page| page.found.len())
}

#[tokio::test]
async fn cat_f17_certificates_that_are_not_believed_are_named_by_their_cause() {
    let fine = office("hub.office", false).await;
    let known = vec![fine.authority.clone()];
    assert_eq!(searched(&fine, "hub.office", known.clone()).await, Ok(0));
    let tls = |fault| Err(HubError::Tls(fault));
    assert_eq!(searched(&fine, "other.office", known).await, tls(TlsFault::WrongHost));
    let stranger = office("hub.office", false).await.authority;
    assert_eq!(searched(&fine, "hub.office", vec![stranger]).await, tls(TlsFault::UnknownIssuer));
    let old = office("hub.office", true).await;
    let known = vec![old.authority.clone()];
    assert_eq!(searched(&old, "hub.office", known).await, tls(TlsFault::Expired));
}

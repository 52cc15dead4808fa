//! A listener with certificate and key, as the refusal of an unsafe one advises.

use std::sync::Arc;

use pumasi_web::{Exposure, Settings, Tls, TlsError};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::double::Double;
use super::raw::{connect, request, verdict};
use super::{KEY, network, start};

fn client(root: rustls::pki_types::CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is there")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_network_listener_serves_over_tls_and_nothing_in_the_clear() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Tls::new(certificate.as_bytes(), key.as_bytes()).expect("they belong together");
    let settings = network();
    let Exposure::Network { names, .. } = settings.exposure.clone() else { panic!("a network") };
    let exposure = Exposure::Network { names, tls: Some(tls.config()) };
    let server = start(Settings { exposure, ..settings }, Double::new(&[])).await;

    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connect(server.address).await;
    let connector = client(made.cert.der().clone());
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    let lines = format!(
        "GET /healthz HTTP/1.1\nhost: localhost\nauthorization: Bearer {KEY}\nconnection: close"
    );
    stream.write_all(&request(&lines)).await.expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a whole answer");
    assert_eq!(verdict(&answer), "200 -");

    let clear = super::raw::exchange(server.address, &request(&lines)).await;
    assert!(!clear.contains("HTTP/1.1"), "{clear}");
}

#[test]
fn certificates_and_keys_that_do_not_work_are_told_apart() {
    let pem = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let ((certificate, key), (_, other)) = (pem("a"), pem("b"));
    let outcome =
        |certificate: &str, key: &str| Tls::new(certificate.as_bytes(), key.as_bytes()).map(drop);
    assert_eq!(outcome(&certificate, &key), Ok(()));
    assert_eq!(outcome("", &key), Err(TlsError::NoCertificate));
    assert_eq!(outcome(&certificate, "nonsense"), Err(TlsError::NoKey));
    assert_eq!(outcome(&certificate, &other), Err(TlsError::Mismatch));
}

//! Whose certificates are believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pumasi_cloud::{CallError, Client, ClientConfig};
use pumasi_tests::provider::FakeProvider;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority, and a certificate of its for this name.
struct Office {
    authority: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn office(name: &str, expired: bool) -> Office {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    if expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    }
    let key = KeyPair::generate().expect("a key");
    let leaf = params.signed_by(&key, &issuer).expect("a certificate");
    Office {
        authority: issuer.der().clone(),
        chain: vec![leaf.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
    }
}

fn acceptor(office: &Office) -> TlsAcceptor {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(office.chain.clone(), office.key.clone_key())
        .expect("a certificate");
    TlsAcceptor::from(Arc::new(config))
}

/// A server that answers everything with an empty list, and its port.
async fn serve(office: &Office) -> u16 {
    let acceptor = acceptor(office);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4_096]).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

async fn listed(port: u16, host: &str, authorities: Vec<CertificateDer<'static>>) -> Outcome {
    let client = Client::new(&ClientConfig { authorities, only_these: false });
    let settings = settings("openai", &format!("https://{host}:{port}/v1"));
    let provider = Provider::new(client, settings, Some(key())).expect("it can be set up");
    soon(provider.models()).await.map(|models| models.len())
}

type Outcome = Result<usize, CallError>;

#[tokio::test]
async fn an_offices_own_authority_is_believed_if_it_is_given_and_no_other() {
    let office = office("localhost", false);
    let port = serve(&office).await;
    assert_eq!(listed(port, "localhost", vec![office.authority.clone()]).await, Ok(0));
    assert_eq!(listed(port, "localhost", Vec::new()).await, Err(CallError::Tls));
    let other = self::office("localhost", false).authority;
    assert_eq!(listed(port, "localhost", vec![other]).await, Err(CallError::Tls));
}

#[tokio::test]
async fn another_name_and_an_expired_certificate_are_refused() {
    let elsewhere = office("example.com", false);
    let port = serve(&elsewhere).await;
    assert_eq!(listed(port, "localhost", vec![elsewhere.authority]).await, Err(CallError::Tls));
    let late = office("localhost", true);
    let port = serve(&late).await;
    assert_eq!(listed(port, "localhost", vec![late.authority]).await, Err(CallError::Tls));
}

#[tokio::test]
async fn what_speaks_no_tls_is_refused_and_gets_no_key() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let port = fake.address().port();
    assert_eq!(listed(port, "localhost", Vec::new()).await, Err(CallError::Tls));
    assert_eq!(fake.seen(), []);
}

#[tokio::test]
async fn a_stream_over_tls_comes_whole_and_its_connection_is_used_again() {
    let office = office("localhost", false);
    let acceptor = acceptor(&office);
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let behind = fake.address();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut front = acceptor.accept(stream).await?;
                let mut back = tokio::net::TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut front, &mut back).await
            });
        }
    });
    let authorities = vec![office.authority.clone()];
    let client = Client::new(&ClientConfig { authorities, only_these: true });
    let settings = settings("openai", &format!("https://localhost:{port}/v1"));
    let provider = Provider::new(client, settings, Some(key())).expect("it can be set up");
    for model in ["pause-2+long-50", "huge-argument", "fine", "status-400", "fine"] {
        let outcome = soon(ask(&provider, model)).await;
        assert_eq!(outcome.is_ok(), model != "status-400", "{model}: {outcome:?}");
    }
    assert_eq!(made.load(Ordering::Relaxed), 1);
    let error = soon(ask(&provider, "cut-3")).await.expect_err("cut");
    assert_eq!(error, CallError::Reset);
}

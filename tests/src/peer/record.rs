//! A stranger that writes down all it is given: it dials every port with every protocol, or waits
//! until it is dialled, goes as far as it is let, and keeps each byte that came out of the encryption.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::identity::Keypair;
use libp2p::noise;
use libp2p::tcp::tokio::TcpStream;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::{CONTROL, DATA, JOIN, MULTISTREAM, PROTOCOLS, dial, line, listen, socket};

/// How long it waits for more.
const SILENCE: Duration = Duration::from_millis(700);
const NOISE: &str = "/noise";

/// All that a stranger was given.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<Vec<u8>>>);

impl Record {
    fn keep(&self, bytes: &[u8]) {
        self.0.lock().expect("no code that holds this lock panics").extend_from_slice(bytes);
    }

    /// Everything so far.
    ///
    /// # Panics
    /// When a recorder panicked.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no code that holds this lock panics").clone()
    }

    /// Whether a text is in it, letter case aside.
    #[must_use]
    pub fn tells(&self, text: &str) -> bool {
        let (all, wanted) = (self.bytes().to_ascii_lowercase(), text.to_ascii_lowercase());
        all.windows(wanted.len()).any(|part| part == wanted.as_bytes())
    }

    /// Reads until there is nothing more for a while.
    async fn read<T: AsyncRead + Unpin>(&self, stream: &mut T) {
        let mut piece = [0; 4_096];
        while let Ok(Ok(count)) = timeout(SILENCE, stream.read(&mut piece)).await {
            if count == 0 {
                return;
            }
            self.keep(&piece[..count]);
        }
    }

    async fn read_quic(&self, input: &mut RecvStream) {
        let mut piece = [0; 4_096];
        while let Ok(Ok(Some(count))) = timeout(SILENCE, input.read(&mut piece)).await {
            self.keep(&piece[..count]);
        }
    }

    /// Keeps what a QUIC connection shows of the other side, and takes what it says on its streams.
    fn watch(&self, connection: &Connection) {
        let certificates = connection.peer_identity();
        let certificates = certificates.and_then(|i| i.downcast::<Vec<CertificateDer<'_>>>().ok());
        for certificate in certificates.into_iter().flat_map(|certificates| *certificates) {
            self.keep(&certificate);
        }
        let (record, connection) = (self.clone(), connection.clone());
        tokio::spawn(async move {
            while let Ok((mut out, mut input)) = connection.accept_bi().await {
                let record = record.clone();
                tokio::spawn(async move {
                    record.read_quic(&mut input).await;
                    let _ = out.write_all(&line(MULTISTREAM)).await;
                    record.read_quic(&mut input).await;
                });
            }
            record.keep(connection.closed().await.to_string().as_bytes());
        });
    }
}

/// What it proposes on a connection of libp2p: a list of all, and each that members speak.
fn proposals() -> Vec<u8> {
    let lines = ["ls", "/ipfs/id/1.0.0", "/ipfs/kad/1.0.0"].into_iter().chain(PROTOCOLS);
    [line(MULTISTREAM), lines.flat_map(line).collect()].concat()
}

/// Frames of Yamux: opens a stream and sends all proposals on it.
fn yamux() -> Vec<u8> {
    let said = proposals();
    let header = |kind: u8, flags: u16, length: u32| {
        [&[0, kind][..], &flags.to_be_bytes(), &1u32.to_be_bytes(), &length.to_be_bytes()].concat()
    };
    let length = u32::try_from(said.len()).expect("it is short");
    [header(1, 1, 0), header(0, 0, length), said].concat()
}

/// Whatever is not understood at the port it is said to.
fn noise_bytes() -> Vec<u8> {
    let frame = [&40u32.to_le_bytes()[..], &[0; 40]].concat();
    [proposals(), frame].concat()
}

async fn try_stream(record: &Record, streams: Result<(SendStream, RecvStream), String>) {
    let Ok((mut out, mut input)) = streams else { return };
    let _ = out.write_all(&noise_bytes()).await;
    record.read_quic(&mut input).await;
}

/// Dials a QUIC port for each protocol of Pumasi, and others.
pub async fn call_quic(record: &Record, key: &Keypair, at: SocketAddr) {
    let others: [&[u8]; 2] = [b"h3", b"pumasi"];
    for protocol in [CONTROL, DATA].into_iter().chain(JOIN).chain(others) {
        let endpoint = socket(IpAddr::from([127, 0, 0, 1]));
        match dial(&endpoint, key, at, protocol).await {
            Ok(connection) => {
                record.watch(&connection);
                let opened = connection.open_bi().await.map_err(|error| error.to_string());
                try_stream(record, opened).await;
                for name in PROTOCOLS {
                    let opened = timeout(SILENCE, super::open(&connection, name)).await;
                    if let Ok(Ok(_)) = opened {
                        record.keep(name.as_bytes());
                    }
                }
            }
            Err(why) => record.keep(why.as_bytes()),
        }
    }
}

/// Dials a TCP port of the control plane.
pub async fn call_tcp(record: &Record, key: &Keypair, at: SocketAddr) {
    let Ok(Ok(stream)) = timeout(SILENCE, tokio::net::TcpStream::connect(at)).await else {
        return;
    };
    let mut stream = TcpStream(stream);
    let hello = [line(MULTISTREAM), line(NOISE)].concat();
    let agreed = async {
        stream.write_all(&hello).await.ok()?;
        let mut answer = vec![0; hello.len()];
        stream.read_exact(&mut answer).await.ok()?;
        record.keep(&answer);
        let noise = noise::Config::new(key).ok()?;
        let (_, secret) = noise.upgrade_outbound(stream, NOISE).await.ok()?;
        Some(secret)
    };
    if let Ok(Some(mut secret)) = timeout(SILENCE * 4, agreed).await {
        talk(record, &mut secret).await;
    }
}

/// Says on a secret channel what a node of libp2p says, and all proposals.
async fn talk<T: AsyncRead + AsyncWrite + Unpin>(record: &Record, channel: &mut T) {
    let said = [line(MULTISTREAM), line("/yamux/1.0.0"), yamux()].concat();
    let _ = channel.write_all(&said).await;
    let _ = channel.flush().await;
    record.read(channel).await;
}

/// A stranger that waits to be dialled, on one port for TCP and QUIC.
#[derive(Debug)]
pub struct Trap {
    /// What it was told.
    pub record: Record,
    /// Where it waits.
    pub at: SocketAddr,
}

/// Begins to wait.
///
/// # Panics
/// When it cannot listen.
pub async fn wait(key: &Keypair) -> Trap {
    let record = Record::default();
    let endpoint = listen(key, &[CONTROL, DATA, JOIN[0], JOIN[1]]);
    let at = endpoint.local_addr().expect("it listens");
    let tcp = TcpListener::bind(at).await.expect("the same port of TCP is free");
    let (kept, own) = (record.clone(), key.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = tcp.accept().await {
            tokio::spawn(answer_tcp(kept.clone(), own.clone(), TcpStream(stream)));
        }
    });
    let kept = record.clone();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move {
                match incoming.await {
                    Ok(connection) => {
                        kept.watch(&connection);
                        let opened = connection.open_bi().await.map_err(|e| e.to_string());
                        try_stream(&kept, opened).await;
                        connection.closed().await;
                    }
                    Err(why) => kept.keep(why.to_string().as_bytes()),
                }
            });
        }
    });
    Trap { record, at }
}

async fn answer_tcp(record: Record, key: Keypair, mut stream: TcpStream) {
    let hello = [line(MULTISTREAM), line(NOISE)].concat();
    let agreed = async {
        let mut said = vec![0; hello.len()];
        stream.read_exact(&mut said).await.ok()?;
        record.keep(&said);
        stream.write_all(&hello).await.ok()?;
        let noise = noise::Config::new(&key).ok()?;
        let (_, secret) = noise.upgrade_inbound(stream, NOISE).await.ok()?;
        Some(secret)
    };
    if let Ok(Some(mut secret)) = timeout(SILENCE * 4, agreed).await {
        talk(&record, &mut secret).await;
    }
}

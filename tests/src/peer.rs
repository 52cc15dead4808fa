//! A program at the other end of the wire that says whatever it is told: with a key of its own, or
//! with a member's, over QUIC. What libp2p's own types would not let one say, it writes by hand.

pub mod forge;
pub mod gossip;
pub mod record;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libp2p::identity::Keypair;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig,
};

/// What libp2p names in the handshake of its QUIC connections: the control plane.
pub const CONTROL: &[u8] = b"libp2p";
/// What the data plane names.
pub const DATA: &[u8] = b"pumasi-data/1";
/// What the join door names, for each of its exchanges.
pub const JOIN: [&[u8]; 2] = [b"pumasi-join/1", b"pumasi-pair/1"];
/// What a member says on the control plane.
pub const PROTOCOLS: [&str; 5] = [
    "/meshsub/1.2.0",
    "/meshsub/1.1.0",
    "/pumasi/control/1",
    "/pumasi/state/1",
    "/ipfs/ping/1.0.0",
];

/// How long one exchange may take here.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first line of every negotiation of libp2p.
const MULTISTREAM: &str = "/multistream/1.0.0";

/// A key from 32 bytes.
#[must_use]
pub fn key(seed: [u8; 32]) -> Keypair {
    Keypair::ed25519_from_bytes(seed).expect("any 32 bytes are an Ed25519 secret")
}

/// The configuration of a dialler with this key that names this protocol.
fn client(key: &Keypair, protocol: &[u8]) -> ClientConfig {
    let mut tls = libp2p_tls::make_client_config(key, None).expect("a certificate is made");
    tls.alpn_protocols = vec![protocol.to_vec()];
    let tls = QuicClientConfig::try_from(tls).expect("it has QUIC's initial suite");
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(transport());
    config
}

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_secs(5)));
    Arc::new(transport)
}

/// A socket to dial from, at this address.
///
/// # Panics
/// When the address is not this computer's.
#[must_use]
pub fn socket(from: IpAddr) -> Endpoint {
    Endpoint::client(SocketAddr::new(from, 0)).expect("an address of this computer")
}

/// Dials a port of a node. An error says how the other side refused.
///
/// # Errors
/// How the connection failed.
pub async fn dial(
    endpoint: &Endpoint,
    key: &Keypair,
    at: SocketAddr,
    protocol: &[u8],
) -> Result<Connection, String> {
    let dialled = endpoint.connect_with(client(key, protocol), at, "l").map_err(text)?;
    tokio::time::timeout(PATIENCE, dialled).await.map_err(text)?.map_err(text)
}

/// Listens where a node may dial, for all these protocols.
///
/// # Panics
/// When it cannot.
#[must_use]
pub fn listen(key: &Keypair, protocols: &[&[u8]]) -> Endpoint {
    let mut tls = libp2p_tls::make_server_config(key).expect("a certificate is made");
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let tls = QuicServerConfig::try_from(tls).expect("it has QUIC's initial suite");
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(transport());
    Endpoint::server(config, "127.0.0.1:0".parse().expect("an address")).expect("a free port")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A line of libp2p's negotiation.
#[must_use]
pub fn line(text: &str) -> Vec<u8> {
    let mut line = varint(text.len() as u64 + 1);
    line.extend(text.as_bytes());
    line.push(b'\n');
    line
}

/// A number as QUIC writes it (RFC 9000), in as few bytes as hold it.
#[must_use]
pub fn varint_of_quic(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    match number {
        0..=0x3f => vec![bytes[7]],
        0x40..=0x3fff => vec![bytes[6] | 0x40, bytes[7]],
        0x4000..=0x3fff_ffff => [&[bytes[4] | 0x80], &bytes[5..]].concat(),
        _ => [&[bytes[0] | 0xc0], &bytes[1..]].concat(),
    }
}

/// A number as protobuf and libp2p write it.
#[must_use]
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Opens a stream of a protocol on a control connection, and waits until the other side agrees.
///
/// # Errors
/// How it refused.
pub async fn open(
    connection: &Connection,
    protocol: &str,
) -> Result<(SendStream, RecvStream), String> {
    let opening = async {
        let (mut out, mut input) = connection.open_bi().await.map_err(text)?;
        let proposal = [line(MULTISTREAM), line(protocol)].concat();
        out.write_all(&proposal).await.map_err(text)?;
        let mut agreed = vec![0; proposal.len()];
        input.read_exact(&mut agreed).await.map_err(text)?;
        if agreed == proposal { Ok((out, input)) } else { Err("not agreed".to_owned()) }
    };
    tokio::time::timeout(PATIENCE, opening).await.map_err(text)?
}

/// Takes the streams that the other side opens, agrees to what they are for, and says nothing on them.
pub fn ignore(connection: &Connection) {
    let connection = connection.clone();
    tokio::spawn(async move {
        while let Ok((mut out, mut input)) = connection.accept_bi().await {
            let connection = connection.clone();
            tokio::spawn(async move {
                let (mut said, mut piece) = (Vec::new(), [0; 4_096]);
                let mut agreed = false;
                while let Ok(Some(count)) = input.read(&mut piece).await {
                    said.extend_from_slice(&piece[..count]);
                    let ends = said.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                    if let Some((end, _)) = { ends }.nth(1).filter(|_| !agreed) {
                        agreed = out.write_all(&said[..=end]).await.is_ok();
                    }
                    if agreed {
                        said.clear();
                    }
                }
                // Without an end, the other side waits for an answer.
                connection.closed().await;
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(varint(u64::MAX).len(), 10);
        assert_eq!(line("/x"), b"\x03/x\n");
    }
}

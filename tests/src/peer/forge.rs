//! A QUIC client that keeps to its keys and breaks the rest: transport parameters of its own, and frames
//! of its own in place of those that it would send.

use std::any::Any;
use std::sync::Arc;

use bytes::BytesMut;
use libp2p::identity::Keypair;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::crypto::{
    ClientConfig, CryptoError, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey,
    Session,
};
use quinn::{ConnectError, ConnectionId, Side};
use quinn_proto::TransportError;
use quinn_proto::transport_parameters::TransportParameters;

use super::{transport, varint_of_quic};

/// Changes the parameters that a client would send, or leaves them out.
pub type Parameters = Arc<dyn Fn(Vec<Parameter>) -> Option<Vec<Parameter>> + Send + Sync>;
/// What stands in a packet instead of its frames; it is given how many bytes there are.
pub type Frames = Arc<dyn Fn(usize) -> Option<Vec<u8>> + Send + Sync>;

/// A transport parameter: its number, and what it says.
pub type Parameter = (u64, Vec<u8>);

/// The extension of TLS that carries them (RFC 9001).
const EXTENSION: u16 = 0x39;
/// How a ClientHello begins, and where its first list of changing length lies: after kind, length,
/// version and random bytes (RFC 8446).
const CLIENT_HELLO: u8 = 1;
const SESSION_ID: usize = 38;

/// What is forged; the default is an honest client.
#[derive(Default, Clone)]
pub struct Forgery {
    /// The parameters of the first flight.
    pub parameters: Option<Parameters>,
    /// The frames of first flights.
    pub first: Option<Frames>,
    /// The frames of an established connection.
    pub later: Option<Frames>,
}

struct Forger {
    inner: Arc<QuicClientConfig>,
    forgery: Forgery,
}

/// The configuration of a dialler with this key that names this protocol.
///
/// # Panics
/// When no certificate can be made.
#[must_use]
pub fn client(key: &Keypair, protocol: &[u8], forgery: Forgery) -> quinn::ClientConfig {
    let mut tls = libp2p_tls::make_client_config(key, None).expect("a certificate is made");
    tls.alpn_protocols = vec![protocol.to_vec()];
    let inner = QuicClientConfig::try_from(tls).expect("it has QUIC's initial suite");
    let mut config = quinn::ClientConfig::new(Arc::new(Forger { inner: Arc::new(inner), forgery }));
    config.transport_config(transport());
    config
}

impl ClientConfig for Forger {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let inner = Arc::clone(&self.inner).start_session(version, server_name, params)?;
        Ok(Box::new(Forged { inner, forgery: self.forgery.clone(), levels: 0 }))
    }
}

struct Forged {
    inner: Box<dyn Session>,
    forgery: Forgery,
    /// Keys that the handshake gave so far: its own, then those of the connection.
    levels: u32,
}

/// Encrypts other frames than those it is given.
struct ForgedKey {
    inner: Box<dyn PacketKey>,
    frames: Frames,
}

fn forged(key: Box<dyn PacketKey>, frames: Option<&Frames>) -> Box<dyn PacketKey> {
    match frames {
        Some(frames) => Box::new(ForgedKey { inner: key, frames: Arc::clone(frames) }),
        None => key,
    }
}

impl PacketKey for ForgedKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let end = buf.len() - self.inner.tag_len();
        let payload = &mut buf[header_len..end];
        if let Some(frames) = (self.frames)(payload.len()) {
            assert!(frames.len() <= payload.len(), "no more than there is room for");
            // The rest is padding.
            payload.fill(0);
            payload[..frames.len()].copy_from_slice(&frames);
        }
        self.inner.encrypt(packet, buf, header_len);
    }

    fn decrypt(
        &self,
        packet: u64,
        header: &[u8],
        payload: &mut BytesMut,
    ) -> Result<(), CryptoError> {
        self.inner.decrypt(packet, header, payload)
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.inner.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.inner.integrity_limit()
    }
}

impl Session for Forged {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        let mut keys = self.inner.initial_keys(dst_cid, side);
        keys.packet.local = forged(keys.packet.local, self.forgery.first.as_ref());
        keys
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let begin = buf.len();
        let keys = self.inner.write_handshake(buf);
        if let Some(change) = &self.forgery.parameters
            && buf.get(begin) == Some(&CLIENT_HELLO)
        {
            let hello = buf.split_off(begin);
            buf.extend(with_parameters(&hello, change));
        }
        let mut keys = keys?;
        self.levels += 1;
        if self.levels == 2 {
            keys.packet.local = forged(keys.packet.local, self.forgery.later.as_ref());
        }
        Some(keys)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let mut keys = self.inner.next_1rtt_keys()?;
        keys.local = forged(keys.local, self.forgery.later.as_ref());
        Some(keys)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.inner.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.inner.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.inner.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.inner.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        self.inner.read_handshake(buf)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.inner.transport_parameters()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.inner.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.inner.export_keying_material(output, label, context)
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn length<const N: usize>(length: usize) -> [u8; N] {
    let bytes = u32::try_from(length).expect("it is short").to_be_bytes();
    bytes[4 - N..].try_into().expect("as many as asked for")
}

/// The same ClientHello with other parameters.
fn with_parameters(hello: &[u8], change: &Parameters) -> Vec<u8> {
    let ciphers = SESSION_ID + 1 + usize::from(hello[SESSION_ID]);
    let compression = ciphers + 2 + number(&hello[ciphers..ciphers + 2]);
    let list = compression + 1 + usize::from(hello[compression]);
    let mut rest = &hello[list + 2..];
    let mut extensions = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let (content, after) = after.split_at(number(&head[2..]));
        rest = after;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let content = if kind == EXTENSION {
            let Some(changed) = change(read(content)) else { continue };
            write(&changed)
        } else {
            content.to_vec()
        };
        extensions.extend(kind.to_be_bytes());
        extensions.extend(length::<2>(content.len()));
        extensions.extend(content);
    }
    let body = [&hello[4..list], &length::<2>(extensions.len()), &extensions].concat();
    [&[CLIENT_HELLO][..], &length::<3>(body.len()), &body].concat()
}

/// Takes a number as QUIC writes it off the front.
fn take(bytes: &mut &[u8]) -> u64 {
    let size = 1 << (bytes[0] >> 6);
    let (head, rest) = bytes.split_at(size);
    *bytes = rest;
    head.iter().skip(1).fold(u64::from(head[0] & 0x3f), |n, byte| n << 8 | u64::from(*byte))
}

fn read(mut content: &[u8]) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    while !content.is_empty() {
        let number = take(&mut content);
        let size = usize::try_from(take(&mut content)).expect("it is short");
        let (value, rest) = content.split_at(size);
        parameters.push((number, value.to_vec()));
        content = rest;
    }
    parameters
}

fn write(parameters: &[Parameter]) -> Vec<u8> {
    let one = |(number, value): &Parameter| {
        [varint_of_quic(*number), varint_of_quic(value.len() as u64), value.clone()].concat()
    };
    parameters.iter().flat_map(one).collect()
}

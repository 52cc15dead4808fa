//! QUIC endpoints of ours: how much may be under way, and which port.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig};

use super::super::handle::NetError;
use super::super::limits::{DATA_FULL_STREAMS, DATA_IDLE, DATA_KEEP_ALIVE, DATA_STREAM_BYTES};

pub(in super::super) fn transport(streams: u32) -> Arc<TransportConfig> {
    let idle = IdleTimeout::try_from(DATA_IDLE).expect("seconds fit");
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(streams.into())
        .max_concurrent_uni_streams(0u32.into())
        .stream_receive_window(DATA_STREAM_BYTES.into())
        .receive_window((DATA_STREAM_BYTES * streams.clamp(1, DATA_FULL_STREAMS)).into())
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(DATA_KEEP_ALIVE));
    Arc::new(transport)
}

/// Binds a UDP socket for one of our endpoints.
fn bind(address: SocketAddr, plane: &'static str) -> Result<std::net::UdpSocket, NetError> {
    std::net::UdpSocket::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => NetError::PortTaken { plane, port: address.port() },
        _ => NetError::Listen { plane, error },
    })
}

pub(in super::super) fn endpoint(
    address: SocketAddr,
    plane: &'static str,
    server: ServerConfig,
) -> Result<Endpoint, NetError> {
    let socket = bind(address, plane)?;
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(EndpointConfig::default(), Some(server), socket, runtime)
        .map_err(|error| NetError::Listen { plane, error })
}

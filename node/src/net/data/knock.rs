//! Whether anything listens at a UDP port: one byte to a closed one is answered by its system (ICMP
//! "port unreachable", RFC 1122), which a connected socket gets as an error. A QUIC endpoint ignores
//! the byte, and a frozen process or a firewall says nothing.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use futures::future::join_all;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::super::limits::KNOCK;

/// Whether all of them are closed, and there is one at all.
pub(super) async fn are_closed(addresses: &[SocketAddr]) -> bool {
    let knocks = addresses.iter().map(|address| is_closed(*address));
    !addresses.is_empty() && join_all(knocks).await.into_iter().all(|closed| closed)
}

async fn is_closed(address: SocketAddr) -> bool {
    let refused = async {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        socket.send(&[0]).await?;
        socket.recv(&mut [0]).await
    };
    let answer = timeout(KNOCK, refused).await;
    let is_refusal = |error: std::io::Error| {
        matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
    };
    answer.is_ok_and(|answer| answer.is_err_and(is_refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_told_from_a_silent_one() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("it is bound");
        assert!(!are_closed(&[address]).await);
        assert!(!are_closed(&[]).await, "where nobody is known to be, nothing is known");
        drop(silent);
        let closed = are_closed(&[address]).await;
        assert!(closed || !cfg!(target_os = "linux"));
    }
}

//! Asks ports whether anybody is there. A QUIC endpoint answers a packet of a version that does not
//! exist with those that it knows (RFC 9000, 6), to anybody, so that this needs no membership and tells
//! nobody anything.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::facts::Echo;

/// Bytes of the packet: what servers answer to (RFC 9000, 14.1).
const PACKET: usize = 1_200;
/// A version that is reserved so that nobody ever speaks it (RFC 9000, 15).
const NO_VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];
/// How often it is asked, since packets get lost.
const TRIES: usize = 3;
/// How long each answer may take: a wide network's round trip, and a busy computer.
const ANSWER: Duration = Duration::from_millis(400);
/// How long a TCP connection may take: one repetition of its first packet, after a second.
const CONNECT: Duration = Duration::from_millis(1_500);

/// What a QUIC port answers.
pub(crate) async fn udp(address: SocketAddr) -> Echo {
    for _ in 0..TRIES {
        match timeout(ANSWER, ask(address)).await {
            Ok(Ok(echo)) => return echo,
            Ok(Err(error)) => return of_error(&error),
            Err(_) => {}
        }
    }
    Echo::Silent
}

async fn ask(address: SocketAddr) -> std::io::Result<Echo> {
    let socket = UdpSocket::bind(any(address.ip())).await?;
    socket.connect(address).await?;
    let mut packet = [0; PACKET];
    // A long header: version, destination and source connection ids of eight bytes.
    packet[0] = 0xc0;
    packet[1..5].copy_from_slice(&NO_VERSION);
    packet[5] = 8;
    packet[14] = 8;
    socket.send(&packet).await?;
    let mut answer = [0; PACKET];
    let length = socket.recv(&mut answer).await?;
    let negotiates = length > 5 && answer[0] & 0x80 != 0 && answer[1..5] == [0; 4];
    Ok(if negotiates { Echo::Answered } else { Echo::Strange })
}

/// Whether anything takes a TCP connection there.
pub(crate) async fn tcp(address: SocketAddr) -> Echo {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Echo::Answered,
        Ok(Err(error)) => of_error(&error),
        Err(_) => Echo::Silent,
    }
}

fn of_error(error: &Error) -> Echo {
    let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
    if is(&[ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset]) {
        Echo::Refused
    } else if is(&[ErrorKind::PermissionDenied]) {
        Echo::Forbidden
    } else if is(&[ErrorKind::TimedOut]) {
        Echo::Silent
    } else {
        // No way, nobody of that address, or a router that says so.
        Echo::NoRoute
    }
}

fn any(like: IpAddr) -> SocketAddr {
    match like {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// The address that this computer would speak from; nothing is sent.
pub(crate) fn source_towards(address: SocketAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(any(address.ip())).ok()?;
    socket.connect(address).ok()?;
    socket.local_addr().ok().map(|own| own.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_a_silent_one_and_a_stranger_are_told_apart() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let at = silent.local_addr().expect("it is bound");
        assert_eq!(udp(at).await, Echo::Silent);
        let answering = async {
            let mut packet = [0; 2_000];
            let (_, from) = silent.recv_from(&mut packet).await.expect("a packet");
            silent.send_to(b"what?", from).await.expect("it is sent");
            std::future::pending::<Echo>().await
        };
        // What was asked before still lies there; the last packet is answered.
        while silent.try_recv_from(&mut [0; 2_000]).is_ok() {}
        let echo = tokio::select! { echo = udp(at) => echo, echo = answering => echo };
        assert_eq!(echo, Echo::Strange);
        drop(silent);
        let closed = udp(at).await;
        assert!(closed == Echo::Refused || !cfg!(target_os = "linux"), "{closed:?}");

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("it is bound");
        assert_eq!(tcp(at).await, Echo::Answered);
        drop(listener);
        assert_eq!(tcp(at).await, Echo::Refused);
    }

    #[test]
    fn the_way_to_this_computer_begins_at_this_computer() {
        let there = SocketAddr::from(([127, 0, 0, 1], 9));
        assert_eq!(source_towards(there), Some(Ipv4Addr::LOCALHOST.into()));
    }
}

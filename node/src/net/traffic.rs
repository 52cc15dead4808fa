//! How many bytes the state plane costs: counted where they are written and read, with the headers of
//! the packets that carry them. Knows no message.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libp2p::multiaddr::{Multiaddr, Protocol};

/// Time between two samples, and how many are kept: the rates are those of the last minute.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const SAMPLES: usize = 61;
/// Bytes of one packet that are not headers (QUIC's smallest maximum, RFC 9000).
const PACKET_BYTES: usize = 1_200;

/// What a packet costs besides what it carries, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    packet: u64,
    /// A packet that only acknowledges: traffic this sparse has one for each.
    acknowledgement: u64,
}

impl Envelope {
    /// On the way to an address. QUIC: UDP 8, short header with an 8-byte connection id 11, tag 16,
    /// stream frame 5, acknowledgement frame 6. TCP: header with timestamps 32, Noise 18, Yamux 12.
    pub(crate) fn of(address: &Multiaddr) -> Self {
        let ip = match address.iter().next() {
            Some(Protocol::Ip6(ip)) if ip.to_ipv4_mapped().is_none() => 40,
            _ => 20,
        };
        if address.iter().any(|part| matches!(part, Protocol::Tcp(_))) {
            return Self { packet: ip + 32 + 18 + 12, acknowledgement: ip + 32 };
        }
        Self { packet: ip + 8 + 11 + 16 + 5, acknowledgement: ip + 8 + 11 + 16 + 6 }
    }
}

/// Bytes in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// Since the start of the node.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
    samples: Mutex<VecDeque<(Instant, u64, u64)>>,
}

impl Traffic {
    pub(crate) fn on_sent(&self, bytes: usize, envelope: Envelope) {
        let packets = packets(bytes);
        self.sent.fetch_add(bytes as u64 + packets * envelope.packet, Ordering::Relaxed);
        self.received.fetch_add(packets * envelope.acknowledgement, Ordering::Relaxed);
    }

    pub(crate) fn on_received(&self, bytes: usize, envelope: Envelope) {
        let packets = packets(bytes);
        self.received.fetch_add(bytes as u64 + packets * envelope.packet, Ordering::Relaxed);
        self.sent.fetch_add(packets * envelope.acknowledgement, Ordering::Relaxed);
    }

    /// Remembers how far it is. May be called as often as one likes.
    pub(crate) fn sample(&self, now: Instant) {
        let mut samples = self.samples.lock().expect("no code that holds this lock panics");
        if samples.back().is_some_and(|(at, ..)| now.duration_since(*at) < SAMPLE_EVERY) {
            return;
        }
        let sum = |of: &AtomicU64| of.load(Ordering::Relaxed);
        samples.push_back((now, sum(&self.sent), sum(&self.received)));
        if samples.len() > SAMPLES {
            samples.pop_front();
        }
    }

    /// Of the last minute, or since the start if that is less; `None`: too early to say.
    pub(crate) fn rates(&self) -> Option<Rates> {
        let samples = self.samples.lock().expect("no code that holds this lock panics");
        let ((from, sent, received), (to, sent_now, received_now)) =
            (samples.front()?, samples.back()?);
        let ms = u64::try_from(to.duration_since(*from).as_millis()).ok().filter(|ms| *ms > 0)?;
        let rate = |bytes: u64| bytes * 1_000 / ms;
        Some(Rates { sent: rate(sent_now - sent), received: rate(received_now - received) })
    }
}

fn packets(bytes: usize) -> u64 {
    bytes.div_ceil(PACKET_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_with_their_headers_over_the_last_minute() {
        let (traffic, start) = (Traffic::default(), Instant::now());
        let quic =
            |ip: &str| -> Multiaddr { format!("{ip}/udp/1/quic-v1").parse().expect("an address") };
        let envelope = Envelope::of(&quic("/ip4/10.0.0.1"));
        assert_eq!(traffic.rates(), None);
        for second in 0..100 {
            traffic.sample(start + Duration::from_secs(second));
            traffic.on_sent(40, envelope);
        }
        let expected = Rates { sent: 100, received: 61 };
        assert_eq!(traffic.rates(), Some(expected));
        let longer = Envelope::of(&quic("/ip6/fd00::1"));
        assert_eq!(longer.packet - envelope.packet, 20);
        let tcp: Multiaddr = "/ip4/10.0.0.1/tcp/1".parse().expect("an address");
        assert_eq!(Envelope::of(&tcp).packet, 82);
    }
}

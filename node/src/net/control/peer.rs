//! A member with at least one connection, as the control plane knows it: its connections, which of
//! them are too many, and whether it is here. Pure; time is passed in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libp2p::swarm::ConnectionId;

use super::super::limits::TWIN_WINDOW;
use super::requests::Sync;

/// How long a second connection that the other side dialled must stand before the first counts as
/// lost there: its own judgement on two that were dialled at once is through by then.
const SETTLED: Duration = Duration::from_millis(300);

/// One libp2p connection.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) remote: SocketAddr,
    pub(super) dialled_by_me: bool,
    pub(super) since: Instant,
    /// The other side takes states over it.
    pub(super) carries: bool,
    /// It is QUIC, else TCP.
    pub(super) quic: bool,
}

/// A member with at least one connection.
pub(super) struct Peer {
    pub(super) links: BTreeMap<ConnectionId, Link>,
    /// The rosters are in step, and the loop was told.
    pub(super) up: bool,
    /// The state plane counts on it.
    pub(super) linked: bool,
    /// Since when the state plane finds it dead, frozen or out of reach.
    pub(super) down_since: Option<Instant>,
    pub(super) sync: Sync,
    /// When its advert was last asked for.
    pub(super) asked: Instant,
}

impl Peer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            links: BTreeMap::new(),
            up: false,
            linked: false,
            down_since: None,
            sync: Sync::default(),
            asked: now,
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.links.values().any(|link| link.remote.ip().to_canonical().is_loopback())
    }

    /// Whether the loop counts on it.
    pub(super) fn is_here(&self) -> bool {
        self.up && self.down_since.is_none()
    }

    /// The newest connection that takes states.
    pub(super) fn carrier(&self) -> Option<ConnectionId> {
        let carriers = self.links.iter().filter(|(_, link)| link.carries);
        carriers.map(|(connection, _)| *connection).next_back()
    }

    /// Which connections to close because `new` came. Of two that this side dialled, the later one;
    /// of two that both dialled at once, the lower id closes the other's. So no two sides close
    /// different ones.
    pub(super) fn surplus(&self, new: ConnectionId, is_lower: bool) -> Vec<ConnectionId> {
        let by_me = |by_me: bool| self.links.iter().filter(move |(_, l)| l.dialled_by_me == by_me);
        if by_me(true).count() > 1 {
            return by_me(true).map(|(c, _)| *c).filter(|connection| *connection == new).collect();
        }
        let Some((_, mine)) = by_me(true).next().filter(|_| is_lower) else { return Vec::new() };
        let at_once = |link: &Link| apart(link.since, mine.since) < TWIN_WINDOW;
        by_me(false).filter(|(_, link)| at_once(link)).map(|(c, _)| *c).collect()
    }

    /// Connections that the other side has lost: who is connected does not dial, so that a new one
    /// from there, long after them, replaces them.
    pub(super) fn replaced(&self, now: Instant) -> Vec<ConnectionId> {
        let Some((newest, link)) = self.links.iter().next_back() else { return Vec::new() };
        let stands = now.duration_since(link.since) >= SETTLED || self.down_since.is_some();
        if link.dialled_by_me || !stands {
            return Vec::new();
        }
        self.links.keys().filter(|connection| *connection != newest).copied().collect()
    }
}

fn apart(a: Instant, b: Instant) -> Duration {
    a.max(b) - a.min(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    /// A peer with connections: whether this side dialled each, and its age in milliseconds.
    fn peer(links: &[(bool, u64)], now: Instant) -> Peer {
        let mut peer = Peer::new(now);
        for (number, (dialled_by_me, age_ms)) in links.iter().enumerate() {
            let since = now - Duration::from_millis(*age_ms);
            let remote = SocketAddr::from(([10, 0, 0, 1], 7_863));
            let link = Link {
                remote,
                dialled_by_me: *dialled_by_me,
                since,
                carries: number != 1,
                quic: true,
            };
            peer.links.insert(connection(number), link);
        }
        peer
    }

    /// Long ago, so that ages can be taken off.
    fn now() -> Instant {
        Instant::now() + Duration::from_secs(3_600)
    }

    #[test]
    fn of_two_that_were_dialled_at_once_one_side_closes_one() {
        let (now, new) = (now(), connection(1));
        let both = peer(&[(true, 20), (false, 0)], now);
        assert_eq!(both.surplus(new, true), [connection(1)]);
        assert_eq!(both.surplus(new, false), []);
        let other_way = peer(&[(false, 20), (true, 0)], now);
        assert_eq!(other_way.surplus(new, true), [connection(0)]);
        let twice = peer(&[(true, 9_000), (true, 0)], now);
        assert_eq!(twice.surplus(new, false), [new]);
    }

    #[test]
    fn a_node_that_started_again_is_not_closed_for_its_former_connection() {
        let now = now();
        let again = peer(&[(true, 60_000), (false, 0)], now);
        assert_eq!(again.surplus(connection(1), true), []);
        assert_eq!(again.replaced(now), [], "it may be about to close it");
        let later = now + SETTLED;
        assert_eq!(again.replaced(later), [connection(0)]);
        assert_eq!(peer(&[(false, 60_000), (true, 900)], now).replaced(now), []);
        assert_eq!(peer(&[(true, 60_000)], now).replaced(later), []);
        let dead = Peer { down_since: Some(now), ..again };
        assert_eq!(dead.replaced(now), [connection(0)], "it was known to be lost");
    }

    #[test]
    fn states_go_over_the_newest_connection_that_takes_them() {
        assert_eq!(peer(&[(true, 2), (true, 1)], now()).carrier(), Some(connection(0)));
        let three = peer(&[(true, 2), (true, 1), (true, 0)], now());
        assert_eq!(three.carrier(), Some(connection(2)));
        assert_eq!(peer(&[], now()).carrier(), None);
    }
}

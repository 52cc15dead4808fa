//! The address book: where members may be reached, when to dial them next. Pure; time is passed in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pumasi_protocol::NodeId;

use super::super::limits::{
    ADDRESSES, BACK_OFF_EACH, BACK_OFF_MAX, BACK_OFF_MIN, CHAIN_AGAIN, DIAL_GRACE, KNOWN_NODES,
    REMEMBERED_ADDRESSES, REMEMBERED_NODES,
};
use crate::config::{JOIN_PORT, PeerAddress};

/// Whether an address that somebody named may be dialled. Loopback means this machine, so only
/// who spoke to us over loopback may name it.
pub(super) fn is_dialable(address: &SocketAddr, loopback: bool) -> bool {
    let ip = address.ip().to_canonical();
    let special = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    address.port() != 0
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && !special
        && ip.is_loopback() <= loopback
}

/// A node with addresses.
#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// Its join door, where discovery saw one.
    doors: Vec<SocketAddr>,
    /// When this node last showed its chain there.
    shown: Option<Instant>,
    not_before: Instant,
    dialled: Option<Instant>,
    failures: u32,
}

/// An address that was given by hand; who answers there is found out by dialling.
#[derive(Debug)]
struct Given {
    address: PeerAddress,
    node: Option<NodeId>,
    not_before: Instant,
    failures: u32,
}

#[derive(Debug)]
pub(super) struct Book {
    me: NodeId,
    nodes: BTreeMap<NodeId, Known>,
    given: Vec<Given>,
    changed: bool,
}

/// How long to wait after this many failures, if this many are dialled in vain.
fn back_off(failures: u32, many: usize) -> Duration {
    let each = BACK_OFF_EACH.saturating_mul(u32::try_from(many).unwrap_or(u32::MAX));
    BACK_OFF_MIN.saturating_mul(1 << failures.min(16)).min(BACK_OFF_MAX.max(each))
}

impl Book {
    pub(super) fn new(me: NodeId) -> Self {
        Self { me, nodes: BTreeMap::new(), given: Vec::new(), changed: false }
    }

    /// Adds an address that a person gave.
    pub(super) fn give(&mut self, address: PeerAddress, now: Instant) {
        let known = self.given.iter().any(|given| given.address == address);
        if !known && self.given.len() < KNOWN_NODES {
            self.given.push(Given { address, node: None, not_before: now, failures: 0 });
        }
    }

    /// Notes where a node says it listens, or was found. New ones come first.
    pub(super) fn learn(&mut self, node: NodeId, addresses: &[SocketAddr], now: Instant) {
        if node == self.me || self.nodes.len() >= KNOWN_NODES && !self.nodes.contains_key(&node) {
            return;
        }
        let not_before = now + self.head_start(&node);
        let known = self.nodes.entry(node).or_insert_with(|| Known {
            addresses: Vec::new(),
            doors: Vec::new(),
            shown: None,
            not_before,
            dialled: None,
            failures: 0,
        });
        for address in addresses.iter().rev() {
            if !known.addresses.contains(address) {
                known.addresses.insert(0, *address);
                self.changed = true;
                // Somewhere new: worth a try at once.
                known.not_before = known.not_before.min(not_before);
            }
        }
        known.addresses.truncate(ADDRESSES);
    }

    /// Notes a node that does not know this one's addresses yet, so that waiting for it is in vain.
    pub(super) fn learn_first(&mut self, node: NodeId, address: SocketAddr, now: Instant) {
        self.learn(node, &[address], now);
        if let Some(known) = self.nodes.get_mut(&node) {
            known.not_before = now;
        }
    }

    /// Notes where discovery saw the join door of a known node.
    pub(super) fn learn_doors(&mut self, node: NodeId, doors: Vec<SocketAddr>) {
        if let Some(known) = self.nodes.get_mut(&node).filter(|_| !doors.is_empty()) {
            known.doors = doors;
            known.doors.truncate(ADDRESSES);
        }
    }

    /// The join door of a node that closed its mesh door to this one, if it is time to go there: where
    /// it was seen, or at the usual port of where the node is.
    pub(super) fn doors_due(&mut self, node: &NodeId, now: Instant) -> Vec<SocketAddr> {
        let Some(known) = self.nodes.get_mut(node) else { return Vec::new() };
        if known.shown.is_some_and(|shown| now.duration_since(shown) < CHAIN_AGAIN) {
            return Vec::new();
        }
        known.shown = Some(now);
        if !known.doors.is_empty() {
            return known.doors.clone();
        }
        known.addresses.iter().map(|at| SocketAddr::new(at.ip(), JOIN_PORT)).collect()
    }

    /// A node knows this one from now on: it is due.
    pub(super) fn welcomed(&mut self, node: &NodeId, now: Instant) {
        if let Some(known) = self.nodes.get_mut(node) {
            (known.not_before, known.failures) = (now, 0);
        }
    }

    /// The node with the lower id dials first, so that a pair does not dial each other at once.
    fn head_start(&self, node: &NodeId) -> Duration {
        if self.me < *node { Duration::ZERO } else { DIAL_GRACE }
    }

    pub(super) fn connected(&mut self, node: NodeId, at: SocketAddr) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.failures = 0;
            // What worked is tried first next time.
            if let Some(found) = known.addresses.iter().position(|address| *address == at) {
                known.addresses[..=found].rotate_right(1);
            }
        }
    }

    /// Notes who answered at a given address.
    pub(super) fn answered(&mut self, address: &PeerAddress, node: NodeId) {
        for given in self.given.iter_mut().filter(|given| given.address == *address) {
            given.node = Some(node);
            given.failures = 0;
        }
    }

    pub(super) fn disconnected(&mut self, node: NodeId, now: Instant) {
        let not_before = now + self.head_start(&node);
        if let Some(known) = self.nodes.get_mut(&node) {
            known.not_before = not_before;
        }
        for given in self.given.iter_mut().filter(|given| given.node == Some(node)) {
            given.not_before = not_before;
        }
    }

    /// A node was admitted, or addresses may have come back: what waits is due.
    pub(super) fn hurry(&mut self, node: NodeId, now: Instant) {
        let not_before = now + self.head_start(&node);
        if let Some(known) = self.nodes.get_mut(&node) {
            known.not_before = known.not_before.min(not_before);
            known.failures = 0;
        }
    }

    /// Where a node may be; what worked last comes first.
    pub(super) fn addresses(&self, node: &NodeId) -> Vec<SocketAddr> {
        self.nodes.get(node).map(|known| known.addresses.clone()).unwrap_or_default()
    }

    /// What a person gave, and who answered there.
    pub(super) fn given(&self) -> Vec<(String, Option<NodeId>)> {
        self.given.iter().map(|given| (given.address.to_string(), given.node)).collect()
    }

    /// Somebody else reaches it: it is due, if it was not dialled a moment ago.
    pub(super) fn hear_of(&mut self, node: NodeId, now: Instant) {
        let not_before = now + self.head_start(&node);
        if let Some(known) = self.nodes.get_mut(&node) {
            let again = known.dialled.map_or(not_before, |at| not_before.max(at + BACK_OFF_MAX));
            known.not_before = known.not_before.min(again);
        }
    }

    /// What is to be dialled; each counts as failed until it is connected.
    pub(super) fn due_nodes(
        &mut self,
        now: Instant,
        wanted: impl Fn(&NodeId) -> bool,
    ) -> Vec<(NodeId, Vec<SocketAddr>)> {
        let absent =
            self.nodes.iter_mut().filter(|(node, k)| !k.addresses.is_empty() && wanted(node));
        let absent: Vec<_> = absent.collect();
        let many = absent.len();
        let due = absent.into_iter().filter(|(_, known)| known.not_before <= now);
        due.map(|(node, known)| {
            known.not_before = now + back_off(known.failures, many);
            known.dialled = Some(now);
            known.failures += 1;
            (*node, known.addresses.clone())
        })
        .collect()
    }

    /// Likewise for addresses that were given; with how often they failed.
    pub(super) fn due_given(
        &mut self,
        now: Instant,
        wanted: impl Fn(Option<&NodeId>) -> bool,
    ) -> Vec<PeerAddress> {
        let absent = self.given.iter_mut().filter(|given| wanted(given.node.as_ref()));
        let absent: Vec<_> = absent.collect();
        let many = absent.len();
        let due = absent.into_iter().filter(|given| given.not_before <= now);
        due.map(|given| {
            given.not_before = now + back_off(given.failures, many);
            given.failures += 1;
            given.address.clone()
        })
        .collect()
    }

    /// One line per node, for the next start, if anything changed since the last time.
    pub(super) fn changes(&mut self) -> Option<String> {
        let line = |(node, known): (&NodeId, &Known)| {
            let addresses = known.addresses.iter().take(REMEMBERED_ADDRESSES);
            addresses.fold(node.to_string(), |line, address| format!("{line} {address}"))
        };
        let lines = || self.nodes.iter().take(REMEMBERED_NODES).map(line).collect::<Vec<_>>();
        std::mem::take(&mut self.changed).then(|| lines().join("\n"))
    }

    /// Takes in what [`Self::changes`] gave; lines that cannot be read are left out.
    pub(super) fn recall(&mut self, text: &str, now: Instant) {
        for line in text.lines() {
            let mut words = line.split(' ');
            let Some(node) = words.next().and_then(|word| word.parse().ok()) else { continue };
            let addresses: Vec<SocketAddr> = words.filter_map(|word| word.parse().ok()).collect();
            self.learn(node, &addresses, now);
        }
        self.changed = false;
    }

    /// Forgets nodes that do not belong.
    pub(super) fn keep(&mut self, belongs: impl Fn(&NodeId) -> bool) {
        self.nodes.retain(|node, _| belongs(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn book() -> (Book, Instant) {
        (Book::new(NodeId([5; 32])), Instant::now())
    }

    const LOWER: NodeId = NodeId([1; 32]);
    const HIGHER: NodeId = NodeId([9; 32]);

    #[test]
    fn cat_p18_loopback_and_meaningless_addresses_are_not_dialled_on_somebodys_word() {
        for (text, remote, local) in [
            ("10.0.0.7:7863", true, true),
            ("[fd00::7]:7863", true, true),
            ("127.0.0.1:7863", false, true),
            ("[::1]:7863", false, true),
            ("[::ffff:127.0.0.1]:7863", false, true),
            ("0.0.0.0:7863", false, false),
            ("[::]:7863", false, false),
            ("224.0.0.251:7863", false, false),
            ("[ff02::fb]:7863", false, false),
            ("255.255.255.255:7863", false, false),
            ("[fe80::1]:7863", false, false),
            ("10.0.0.7:0", false, false),
        ] {
            assert_eq!(is_dialable(&address(text), false), remote, "{text}");
            assert_eq!(is_dialable(&address(text), true), local, "{text}");
        }
    }

    #[test]
    fn the_lower_id_dials_at_once_and_the_higher_one_after_a_while() {
        let (mut book, now) = book();
        book.learn(HIGHER, &[address("10.0.0.9:1")], now);
        book.learn(LOWER, &[address("10.0.0.1:1")], now);
        let due = book.due_nodes(now, |_| true);
        assert_eq!(due, [(HIGHER, vec![address("10.0.0.9:1")])]);
        let later = book.due_nodes(now + DIAL_GRACE, |_| true);
        assert!(later.iter().any(|(node, _)| *node == LOWER));
        let (mut newcomer, now) = self::book();
        newcomer.learn_first(LOWER, address("10.0.0.1:1"), now);
        assert_eq!(newcomer.due_nodes(now, |_| true).len(), 1, "it knows that it must dial");
    }

    #[test]
    fn failed_dials_wait_longer_and_longer_up_to_a_bound() {
        let (mut book, mut now) = book();
        book.learn(HIGHER, &[address("10.0.0.9:1")], now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(book.due_nodes(now, |_| true).len(), 1);
            let from = now;
            while book.due_nodes(now, |_| true).is_empty() {
                now += Duration::from_millis(100);
                if book.nodes[&HIGHER].not_before <= now {
                    break;
                }
            }
            pauses.push(now - from);
        }
        assert!(pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&BACK_OFF_MAX));
    }

    #[test]
    fn many_that_are_away_are_dialled_in_turn_and_who_is_heard_of_at_once() {
        let (mut book, now) = book();
        let node = |n: u8| NodeId([n; 32]);
        (10..110).for_each(|n| book.learn(node(n), &[address(&format!("10.0.0.{n}:1"))], now));
        let mut dials = 0;
        let later = |ms: u64| now + Duration::from_millis(ms);
        (0..200_000).step_by(250).for_each(|ms| dials += book.due_nodes(later(ms), |_| true).len());
        assert!(dials <= 200 * 2 + 100 * 8, "two a second after the first few: {dials}");
        let at = later(200_000);
        book.hear_of(node(50), at);
        let due: Vec<_> = book.due_nodes(at + BACK_OFF_MAX, |_| true);
        assert!(due.iter().any(|(due, _)| *due == node(50)));
        book.hear_of(node(50), at + BACK_OFF_MAX);
        let again = book.due_nodes(at + BACK_OFF_MAX, |_| true);
        assert!(again.iter().all(|(due, _)| *due != node(50)), "not for each word of it");
    }

    #[test]
    fn what_worked_is_tried_first_and_old_addresses_give_way() {
        let (mut book, now) = book();
        let many: Vec<_> = (1..=20).map(|n| address(&format!("10.0.0.{n}:1"))).collect();
        book.learn(HIGHER, &many, now);
        book.connected(HIGHER, many[3]);
        let due = book.due_nodes(now, |_| true);
        assert_eq!((due[0].1[0], due[0].1.len()), (many[3], ADDRESSES));
    }

    #[test]
    fn what_is_known_outlives_a_start() {
        let (mut book, now) = book();
        let seats = [address("10.0.0.9:1"), address("[fd00::9]:1")];
        book.learn(HIGHER, &seats, now);
        let text = book.changes().expect("something new");
        assert_eq!(book.changes(), None);
        let mut next = Book::new(NodeId([5; 32]));
        next.recall(&format!("{text}\nnonsense\n"), now);
        assert_eq!(next.due_nodes(now, |_| true), [(HIGHER, seats.to_vec())]);
    }

    #[test]
    fn a_join_door_is_where_it_was_seen_or_at_the_usual_port_and_not_due_at_once_again() {
        let (mut book, now) = book();
        assert_eq!(book.doors_due(&HIGHER, now), []);
        book.learn(HIGHER, &[address("10.0.0.9:1")], now);
        assert_eq!(book.doors_due(&HIGHER, now), [address("10.0.0.9:7865")]);
        book.learn_doors(HIGHER, vec![address("10.0.0.9:2")]);
        assert_eq!(book.doors_due(&HIGHER, now), []);
        assert_eq!(book.doors_due(&HIGHER, now + CHAIN_AGAIN), [address("10.0.0.9:2")]);
        assert_eq!(book.due_nodes(now, |_| true).len(), 1);
        assert_eq!(book.due_nodes(now, |_| true).len(), 0);
        book.welcomed(&HIGHER, now);
        assert_eq!(book.due_nodes(now, |_| true).len(), 1);
    }

    #[test]
    fn cat_p02_the_book_is_bounded_and_who_is_in_it_stays() {
        let (mut book, now) = book();
        book.learn(HIGHER, &[address("10.0.0.9:1")], now);
        for n in 0..10_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_be_bytes());
            book.learn(NodeId(id), &[address("10.0.0.1:1")], now);
            book.give(format!("10.0.0.1:{}", n + 1).parse().expect("an address"), now);
        }
        assert_eq!((book.nodes.len(), book.given().len()), (KNOWN_NODES, KNOWN_NODES));
        book.learn(HIGHER, &[address("10.0.0.9:2")], now);
        let newest_first = [address("10.0.0.9:2"), address("10.0.0.9:1")];
        assert_eq!(book.addresses(&HIGHER), newest_first);
    }

    #[test]
    fn nodes_that_are_not_wanted_are_left_alone() {
        let (mut book, now) = book();
        book.learn(HIGHER, &[address("10.0.0.9:1")], now);
        assert!(book.due_nodes(now, |_| false).is_empty());
        assert_eq!(book.due_nodes(now, |_| true).len(), 1);
        book.keep(|_| false);
        assert!(book.due_nodes(now + BACK_OFF_MAX, |_| true).is_empty());
    }
}

//! Where discovery saw nodes that are no members. Discovery tells each once; who becomes a member later
//! is dialled there. Bounded, and who was seen first stays.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use pumasi_protocol::NodeId;

use super::super::limits::CANDIDATES;

/// Where a node was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seat {
    /// Its control addresses.
    pub(super) control: Vec<SocketAddr>,
    /// Its join door.
    pub(super) doors: Vec<SocketAddr>,
}

#[derive(Debug, Default)]
pub(super) struct Sighted(BTreeMap<NodeId, Seat>);

impl Sighted {
    pub(super) fn note(&mut self, node: NodeId, seat: Seat) {
        if self.0.len() < CANDIDATES || self.0.contains_key(&node) {
            self.0.insert(node, seat);
        }
    }

    pub(super) fn take(&mut self, node: &NodeId) -> Option<Seat> {
        self.0.remove(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_p02_a_flood_of_records_neither_grows_the_table_nor_hides_who_was_there() {
        let mut sighted = Sighted::default();
        let seat = |port| Seat { control: vec![([10, 0, 0, 7], port).into()], doors: Vec::new() };
        let node = |n: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_le_bytes());
            NodeId(id)
        };
        sighted.note(node(0), seat(1));
        (1..10_000).for_each(|n| sighted.note(node(n), seat(1)));
        sighted.note(node(0), seat(2));
        assert_eq!(sighted.0.len(), CANDIDATES);
        assert_eq!(sighted.take(&node(0)), Some(seat(2)));
        assert_eq!(sighted.take(&node(0)), None);
    }
}

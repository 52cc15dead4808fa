//! The sockets over which copies go, so that those of who is not welcome any more can be cut.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use pumasi_protocol::NodeId;

use super::super::super::limits::COPIES_PER_READER;

/// Open sockets, by number. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Connections(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, (NodeId, TcpStream)>,
    /// How many connections of each member are served.
    served: BTreeMap<NodeId, u32>,
}

/// A socket of the table, until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Entry {
    number: u64,
    connections: Connections,
}

/// A reader that is served, until this is dropped.
#[derive(Debug)]
pub(super) struct Serving {
    node: NodeId,
    connections: Connections,
}

impl Connections {
    /// Begins to serve a member; none if it has its share of readers already.
    pub(super) fn serve(&self, node: NodeId) -> Option<Serving> {
        let mut table = self.lock();
        let count = table.served.entry(node).or_default();
        if *count >= COPIES_PER_READER {
            return None;
        }
        *count += 1;
        Some(Serving { node, connections: self.clone() })
    }

    /// Takes in a socket to a member.
    pub(super) fn enter(&self, node: NodeId, stream: &TcpStream) -> std::io::Result<Entry> {
        let stream = stream.try_clone()?;
        let mut table = self.lock();
        table.next += 1;
        let number = table.next;
        table.open.insert(number, (node, stream));
        drop(table);
        Ok(Entry { number, connections: self.clone() })
    }

    /// Cuts all but those whose member stays.
    pub(in super::super) fn keep(&self, stays: impl Fn(&NodeId) -> bool) {
        for (node, stream) in self.lock().open.values() {
            if !stays(node) {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().expect("no code that holds this lock panics")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        let left = table.served.get(&self.node).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            table.served.remove(&self.node);
        } else {
            table.served.insert(self.node, left);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_p09_one_member_does_not_take_the_place_of_all_readers() {
        let connections = Connections::default();
        let (greedy, other) = (NodeId([1; 32]), NodeId([2; 32]));
        let held: Vec<_> = (0..100).filter_map(|_| connections.serve(greedy)).collect();
        assert_eq!(held.len(), COPIES_PER_READER as usize);
        assert!(connections.serve(other).is_some());
        drop(held);
        assert!(connections.serve(greedy).is_some());
        assert!(connections.lock().served.is_empty());
    }
}

//! The known nodes in slots: small numbers that are used again, so that lists and indexes of nodes
//! are short, and a walk over all nodes is one over an array.

use std::collections::BTreeMap;

use pumasi_protocol::NodeId;

use crate::input::MemberFacts;

use super::known::Known;

/// The nodes by id and by slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Nodes {
    by_id: BTreeMap<NodeId, u16>,
    /// `None`: free.
    slots: Vec<Option<Known>>,
    free: Vec<u16>,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, node: &NodeId) -> Option<&Known> {
        let slot = *self.by_id.get(node)?;
        self.slots[usize::from(slot)].as_ref()
    }

    pub(super) fn get_mut(&mut self, node: &NodeId) -> Option<&mut Known> {
        let slot = *self.by_id.get(node)?;
        self.slots[usize::from(slot)].as_mut()
    }

    /// The entry of a node, made if there is none.
    pub(super) fn entry(&mut self, node: NodeId, member: Option<MemberFacts>) -> &mut Known {
        let (slots, free) = (&mut self.slots, &mut self.free);
        let slot = *self.by_id.entry(node).or_insert_with(|| {
            let slot = free.pop().unwrap_or_else(|| {
                slots.push(None);
                u16::try_from(slots.len() - 1).expect("nodes are bounded far below 65,536")
            });
            slots[usize::from(slot)] = Some(Known::new(node, slot, member));
            slot
        });
        self.slots[usize::from(slot)].as_mut().expect("a slot in use has a node")
    }

    pub(super) fn remove(&mut self, node: &NodeId) -> Option<Known> {
        let slot = self.by_id.remove(node)?;
        self.free.push(slot);
        self.slots[usize::from(slot)].take()
    }

    /// The node of the first slot.
    pub(super) fn first(&self) -> Option<&Known> {
        self.slots.first()?.as_ref()
    }

    /// Takes over what a roster says of each of them.
    pub(super) fn set_members(&mut self, members: &BTreeMap<NodeId, MemberFacts>) {
        let mut members = members.iter().peekable();
        for (node, slot) in &self.by_id {
            while members.next_if(|(member, _)| *member < node).is_some() {}
            let facts = members.next_if(|(member, _)| *member == node).map(|(_, facts)| *facts);
            if let Some(known) = &mut self.slots[usize::from(*slot)] {
                known.member = facts;
            }
        }
    }

    /// All of them, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.slots.iter().flatten()
    }

    /// All of them, in the order of their ids.
    pub(super) fn by_id(&self) -> impl Iterator<Item = &Known> {
        self.by_id.values().filter_map(|slot| self.slots[usize::from(*slot)].as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_ids_keep_their_order() {
        let mut nodes = Nodes::default();
        let [a, b, c] = [3, 1, 2].map(|n| NodeId([n; 32]));
        assert_eq!([a, b].map(|node| nodes.entry(node, None).slot), [0, 1]);
        assert_eq!(nodes.remove(&a).map(|known| known.slot), Some(0));
        assert!(nodes.remove(&a).is_none() && nodes.get(&a).is_none());
        assert_eq!(nodes.entry(c, None).slot, 0);
        assert_eq!(nodes.entry(b, None).slot, 1);
        assert_eq!(nodes.by_id().map(|known| known.node).collect::<Vec<_>>(), [b, c]);
        assert_eq!(nodes.iter().map(|known| known.node).collect::<Vec<_>>(), [c, b]);
        assert_eq!(nodes.len(), 2);
    }
}

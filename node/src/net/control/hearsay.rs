//! What is done with a gossiped message: believe it, pass it on unread, leave it, or refuse it.
//! Pure.

use std::collections::BTreeMap;

use pumasi_protocol::NodeId;
use pumasi_protocol::advert::Gossip;
use pumasi_protocol::envelope::{Addresses, Envelope, EnvelopeError, Opened, order};
use pumasi_protocol::roster::Roster;

/// What a message is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New and true to its author; to be handed to the loop and passed on.
    Gossip(NodeId, Gossip),
    /// Likewise, for the address book.
    Addresses(NodeId, Addresses),
    /// Of a newer version: to be passed on only.
    Opaque(NodeId),
    /// Not newer than what the author said before: neither believed nor passed on.
    Old,
    /// No honest node sends or passes on this.
    Refused(EnvelopeError),
}

/// Remembers how far each author is.
#[derive(Debug, Default)]
pub(super) struct Hearsay {
    gossip: BTreeMap<NodeId, (u64, u64)>,
    addresses: BTreeMap<NodeId, (u64, u64)>,
}

impl Hearsay {
    /// Judges bytes that came from `source`, as the gossip protocol's own signature shows.
    pub(super) fn judge(
        &mut self,
        bytes: &[u8],
        source: Option<NodeId>,
        roster: &Roster,
    ) -> Verdict {
        let opened = match Envelope::open(bytes, roster) {
            Ok(opened) => opened,
            Err(error) => return Verdict::Refused(error),
        };
        match opened {
            Opened::Gossip { from, .. }
            | Opened::Addresses { from, .. }
            | Opened::Opaque { from }
                if source != Some(from) =>
            {
                Verdict::Refused(EnvelopeError::WrongNode)
            }
            Opened::Gossip { from, gossip } if self.is_newer(from, &gossip) => {
                Verdict::Gossip(from, gossip)
            }
            Opened::Addresses { from, addresses } => {
                let at = (addresses.incarnation, addresses.sequence);
                let newer = advance(&mut self.addresses, from, at);
                if newer { Verdict::Addresses(from, addresses) } else { Verdict::Old }
            }
            Opened::Gossip { .. } => Verdict::Old,
            Opened::Opaque { from } => Verdict::Opaque(from),
        }
    }

    /// Whether gossip is newer than all that its author said before; notes it if so.
    pub(super) fn is_newer(&mut self, from: NodeId, gossip: &Gossip) -> bool {
        advance(&mut self.gossip, from, order(gossip))
    }

    /// The number of a node's latest start that was heard of.
    pub(super) fn run(&self, node: &NodeId) -> Option<u64> {
        self.gossip.get(node).map(|(run, _)| *run)
    }

    /// Forgets authors that do not belong.
    pub(super) fn keep(&mut self, belongs: impl Fn(&NodeId) -> bool) {
        self.gossip.retain(|node, _| belongs(node));
        self.addresses.retain(|node, _| belongs(node));
    }
}

fn advance(seen: &mut BTreeMap<NodeId, (u64, u64)>, from: NodeId, at: (u64, u64)) -> bool {
    let newer = seen.get(&from).is_none_or(|last| *last < at);
    if newer {
        seen.insert(from, at);
    }
    newer
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use pumasi_protocol::Admission;
    use pumasi_protocol::advert::{AdvertDelta, Queue};
    use pumasi_protocol::roster::{Change, RosterLog, SignedEntry};

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn me() -> NodeId {
        NodeId(key().verifying_key().to_bytes())
    }

    fn roster() -> Roster {
        let name = || "name".parse().expect("good");
        let (mesh_name, node_name, person) = (name(), name(), name());
        let found = Change::Found { mesh_name, node_name, person, nonce: [0; 16] };
        let found = SignedEntry::sign(&key(), None, Vec::new(), 0, &found).expect("small");
        RosterLog::begin(found).expect("founds").roster().clone()
    }

    fn delta(incarnation: u64, sequence: u64) -> Gossip {
        Gossip::Delta(AdvertDelta {
            node: me(),
            incarnation,
            sequence,
            queue: Queue::default(),
            admission: Admission::Accepting,
            memory_free: 0,
            models: Vec::new(),
        })
    }

    #[test]
    fn cat_p07_repeated_older_and_former_gossip_is_left() {
        let (mut hearsay, roster) = (Hearsay::default(), roster());
        let mut judge = |gossip: &Gossip| {
            let bytes = Envelope::seal(&key(), &roster.mesh, gossip).expect("small");
            matches!(hearsay.judge(&bytes, Some(me()), &roster), Verdict::Gossip(..))
        };
        assert!(judge(&delta(2, 5)));
        assert!(!judge(&delta(2, 5)), "a replay");
        assert!(!judge(&delta(2, 4)), "an older one");
        assert!(!judge(&delta(1, 9)), "one of a former start");
        assert!(judge(&delta(3, 0)), "a new start begins anew");
        assert!(judge(&Gossip::Leaving { node: me(), incarnation: 3 }));
        assert!(!judge(&delta(3, 1)), "after the goodbye");
    }

    #[test]
    fn cat_p06_an_envelope_in_somebody_elses_message_is_refused() {
        let (mut hearsay, roster) = (Hearsay::default(), roster());
        let bytes = Envelope::seal(&key(), &roster.mesh, &delta(1, 1)).expect("small");
        let wrong = Verdict::Refused(EnvelopeError::WrongNode);
        assert_eq!(hearsay.judge(&bytes, Some(NodeId([2; 32])), &roster), wrong);
        assert_eq!(hearsay.judge(&bytes, None, &roster), wrong);
        let malformed = Verdict::Refused(EnvelopeError::Malformed);
        assert_eq!(hearsay.judge(b"noise", Some(me()), &roster), malformed);
        assert!(matches!(hearsay.judge(&bytes, Some(me()), &roster), Verdict::Gossip(..)));
    }
}

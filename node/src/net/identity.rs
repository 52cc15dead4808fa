//! The one Ed25519 key of this install: node id, libp2p key and TLS certificate come from it.

use ed25519_dalek::SigningKey;
use libp2p::identity::{Keypair, PublicKey, ed25519};
use libp2p::{PeerId, multihash::Multihash};
use pumasi_protocol::NodeId;

/// Multihash code for "the bytes themselves", which libp2p uses for short public keys.
const MULTIHASH_IDENTITY: u64 = 0;

/// The key of this install.
#[derive(Clone)]
pub struct Identity {
    signing: SigningKey,
    keypair: Keypair,
}

impl Identity {
    /// From the secret seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let keypair =
            Keypair::ed25519_from_bytes(seed).expect("any 32 bytes are an Ed25519 secret");
        Self { signing: SigningKey::from_bytes(&seed), keypair }
    }

    /// This node's public id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        NodeId(self.signing.verifying_key().to_bytes())
    }

    /// Signs roster entries and gossip.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub(crate) fn keypair(&self) -> &Keypair {
        &self.keypair
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.node().short())
    }
}

/// The libp2p id of a node; `None` if the id is not a point of the curve.
pub(crate) fn peer_id(node: &NodeId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&node.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The node behind a libp2p id; `None` for other kinds of keys than Ed25519.
pub(crate) fn node_id(peer: &PeerId) -> Option<NodeId> {
    let hash: &Multihash<64> = peer.as_ref();
    if hash.code() != MULTIHASH_IDENTITY {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    Some(NodeId(key.try_into_ed25519().ok()?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_and_peer_ids_name_the_same_key() {
        let identity = Identity::from_seed([7; 32]);
        let peer = peer_id(&identity.node()).expect("a real key");
        assert_eq!(peer, identity.keypair().public().to_peer_id());
        assert_eq!(node_id(&peer), Some(identity.node()));
        assert_eq!(node_id(&PeerId::random()), None);
    }
}

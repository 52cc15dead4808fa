//! Signed, versioned envelopes of what is gossiped; unknown kinds are kept and forwarded opaque.
//! An envelope is for one mesh: its signature covers the mesh id, which does not travel.

use std::net::SocketAddr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::advert::Gossip;
use crate::frame;
use crate::ids::{MeshId, NodeId};
use crate::limits;
use crate::roster::Roster;

/// What every signature of an envelope covers first.
const SIGNATURE_DOMAIN: &[u8] = b"pumasi gossip envelope 1\0";
/// Kind of a body that is a [`Gossip`].
const KIND_GOSSIP: u16 = 1;
/// Kind of a body that is [`Addresses`].
const KIND_ADDRESSES: u16 = 2;
/// Version of the body's layout.
const VERSION: u16 = 1;
/// What an envelope adds to its body, at most.
const OVERHEAD: usize = 192;

/// Why bytes are not an envelope, or an envelope is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Larger than [`limits::GOSSIP_BYTES`].
    #[error("a gossiped message is too large")]
    TooLarge,
    /// It cannot be decoded.
    #[error("a gossiped message cannot be decoded")]
    Malformed,
    /// The signature is not the author's, or it was made for another mesh.
    #[error("the signature of a gossiped message is not valid")]
    Signature,
    /// The author does not belong to the mesh, or does no more.
    #[error("the author of a gossiped message is no member")]
    NotMember,
    /// The body speaks for another node than its author.
    #[error("a gossiped message speaks for another node than its author")]
    WrongNode,
    /// A number or length is out of all proportion.
    #[error("a gossiped message claims what cannot be")]
    Implausible,
}

/// What a node gossips, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    author: NodeId,
    kind: u16,
    version: u16,
    body: Vec<u8>,
    signature: Vec<u8>,
}

/// Where a node says it can be reached. Hints: whoever answers there must prove its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Its start number, as in its adverts.
    pub incarnation: u64,
    /// Counts these messages within one incarnation.
    pub sequence: u64,
    /// Its control plane, UDP and TCP.
    pub control: Vec<SocketAddr>,
    /// Its data plane, UDP.
    pub data: Vec<SocketAddr>,
}

/// An envelope that may be believed, or at least passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Gossip of this version.
    Gossip {
        /// Who says so.
        from: NodeId,
        /// What.
        gossip: Gossip,
    },
    /// Addresses of this version.
    Addresses {
        /// Whose.
        from: NodeId,
        /// Which.
        addresses: Addresses,
    },
    /// Rightly signed by a member, of a kind or version that is not known here.
    Opaque {
        /// Who says so.
        from: NodeId,
    },
}

impl Envelope {
    /// Signs gossip for one mesh; the bytes are ready to travel.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`].
    pub fn seal(
        key: &SigningKey,
        mesh: &MeshId,
        gossip: &Gossip,
    ) -> Result<Vec<u8>, EnvelopeError> {
        Self::seal_body(key, mesh, KIND_GOSSIP, gossip)
    }

    /// Signs addresses for one mesh, likewise.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`].
    pub fn seal_addresses(
        key: &SigningKey,
        mesh: &MeshId,
        addresses: &Addresses,
    ) -> Result<Vec<u8>, EnvelopeError> {
        Self::seal_body(key, mesh, KIND_ADDRESSES, addresses)
    }

    fn seal_body<T: Serialize>(
        key: &SigningKey,
        mesh: &MeshId,
        kind: u16,
        body: &T,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let body = frame::encode_body(body, limits::GOSSIP_BYTES - OVERHEAD)
            .map_err(|_| EnvelopeError::TooLarge)?;
        let signature = key.sign(&signed_bytes(mesh, kind, VERSION, &body)).to_bytes().to_vec();
        let author = NodeId(key.verifying_key().to_bytes());
        let envelope = Self { author, kind, version: VERSION, body, signature };
        frame::encode_body(&envelope, limits::GOSSIP_BYTES).map_err(|_| EnvelopeError::TooLarge)
    }

    /// Checks size, membership, signature, and that what is said can be.
    ///
    /// # Errors
    /// Why the bytes must not be believed, nor passed on.
    pub fn open(bytes: &[u8], roster: &Roster) -> Result<Opened, EnvelopeError> {
        if bytes.len() > limits::GOSSIP_BYTES {
            return Err(EnvelopeError::TooLarge);
        }
        let envelope: Self = frame::decode_body(bytes).map_err(|_| EnvelopeError::Malformed)?;
        let from = envelope.author;
        if !roster.contains(&from) {
            return Err(EnvelopeError::NotMember);
        }
        envelope.verify(&roster.mesh)?;
        match (envelope.kind, envelope.version) {
            (KIND_GOSSIP, VERSION) => {
                let gossip = envelope.decode()?;
                check(&gossip, &from)?;
                Ok(Opened::Gossip { from, gossip })
            }
            (KIND_ADDRESSES, VERSION) => {
                let addresses: Addresses = envelope.decode()?;
                let most = addresses.control.len().max(addresses.data.len());
                if most > limits::ADVERT_ADDRESSES {
                    return Err(EnvelopeError::Implausible);
                }
                Ok(Opened::Addresses { from, addresses })
            }
            _ => Ok(Opened::Opaque { from }),
        }
    }

    fn decode<T: DeserializeOwned>(&self) -> Result<T, EnvelopeError> {
        frame::decode_body(&self.body).map_err(|_| EnvelopeError::Malformed)
    }

    fn verify(&self, mesh: &MeshId) -> Result<(), EnvelopeError> {
        let signed = signed_bytes(mesh, self.kind, self.version, &self.body);
        let signature =
            Signature::from_slice(&self.signature).map_err(|_| EnvelopeError::Signature)?;
        VerifyingKey::from_bytes(&self.author.0)
            .and_then(|key| key.verify_strict(&signed, &signature))
            .map_err(|_| EnvelopeError::Signature)
    }
}

fn check(gossip: &Gossip, from: &NodeId) -> Result<(), EnvelopeError> {
    let (node, plausible) = match gossip {
        Gossip::Advert(advert) => (&advert.node, advert.is_plausible()),
        Gossip::Delta(delta) => (&delta.node, delta.models.len() <= limits::ADVERT_MODELS),
        Gossip::Leaving { node, .. } => (node, true),
    };
    match (node == from, plausible) {
        (false, _) => Err(EnvelopeError::WrongNode),
        (true, false) => Err(EnvelopeError::Implausible),
        (true, true) => Ok(()),
    }
}

fn signed_bytes(mesh: &MeshId, kind: u16, version: u16, body: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, &mesh.0, &kind.to_le_bytes(), &version.to_le_bytes(), body].concat()
}

/// The place of gossip in its author's sequence: what is not above the last one is old.
#[must_use]
pub fn order(gossip: &Gossip) -> (u64, u64) {
    match gossip {
        Gossip::Advert(advert) => (advert.incarnation, advert.sequence),
        Gossip::Delta(delta) => (delta.incarnation, delta.sequence),
        Gossip::Leaving { incarnation, .. } => (*incarnation, u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::advert::{Admission, Device, DeviceKind, NodeAdvert, Queue};
    use crate::roster::{Change, Roster, RosterLog, SignedEntry};

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn id(n: u8) -> NodeId {
        NodeId(key(n).verifying_key().to_bytes())
    }

    /// A mesh of the one node 1; node 2 was revoked.
    fn roster(nonce: u8) -> Roster {
        let name = || "name".parse().expect("good");
        let (mesh_name, node_name, person) = (name(), name(), name());
        let found = Change::Found { mesh_name, node_name, person, nonce: [nonce; 16] };
        let found = SignedEntry::sign(&key(1), None, Vec::new(), 0, &found).expect("small");
        let mut log = RosterLog::begin(found).expect("founds");
        let admit =
            Change::Admit { node: id(2), name: name(), person: None, roles: Default::default() };
        for change in [admit, Change::Revoke { node: id(2), heads: log.heads() }] {
            let entry = log.sign(&key(1), 0, &change).expect("an admin");
            log.take(vec![entry]);
        }
        log.roster().clone()
    }

    fn advert() -> NodeAdvert {
        NodeAdvert {
            node: id(1),
            incarnation: 5,
            sequence: 7,
            name: "name".parse().expect("good"),
            version: "0.1.0".into(),
            platform: "Linux x86_64".into(),
            devices: vec![Device {
                name: "CPU".into(),
                kind: DeviceKind::Cpu,
                backend: "CPU".into(),
                memory_total: 2,
                memory_free: 1,
            }],
            memory_total: 2,
            memory_free: 1,
            engines: Vec::new(),
            models: Vec::new(),
            queue: Queue::default(),
            admission: Admission::Accepting,
            data: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    fn sealed(by: u8, roster: &Roster, advert: NodeAdvert) -> Vec<u8> {
        let gossip = Gossip::Advert(Box::new(advert));
        Envelope::seal(&key(by), &roster.mesh, &gossip).expect("small")
    }

    #[test]
    fn what_a_member_says_of_itself_is_believed() {
        let roster = roster(0);
        let opened = Envelope::open(&sealed(1, &roster, advert()), &roster);
        let gossip = Gossip::Advert(Box::new(advert()));
        assert_eq!(order(&gossip), (5, 7));
        assert_eq!(opened, Ok(Opened::Gossip { from: id(1), gossip }));
    }

    #[test]
    fn cat_p06_strangers_revoked_wrong_authors_and_unsigned_envelopes_are_refused() {
        let roster = roster(0);
        let stranger = NodeAdvert { node: id(3), ..advert() };
        let revoked = NodeAdvert { node: id(2), ..advert() };
        let open = |bytes: &[u8]| Envelope::open(bytes, &roster);
        assert_eq!(open(&sealed(3, &roster, stranger)), Err(EnvelopeError::NotMember));
        assert_eq!(open(&sealed(2, &roster, revoked.clone())), Err(EnvelopeError::NotMember));
        assert_eq!(open(&sealed(1, &roster, revoked)), Err(EnvelopeError::WrongNode));
        let good: Envelope =
            frame::decode_body(&sealed(1, &roster, advert())).expect("just encoded");
        let mut flipped = good.signature.clone();
        flipped[5] ^= 1;
        let forged = [
            Envelope { signature: Vec::new(), ..good.clone() },
            Envelope { signature: flipped, ..good.clone() },
            Envelope { kind: 2, ..good.clone() },
            Envelope { version: 2, ..good.clone() },
            Envelope { body: [good.body.clone(), vec![0]].concat(), ..good.clone() },
        ];
        for envelope in forged {
            let bytes = frame::encode_body(&envelope, limits::GOSSIP_BYTES).expect("small");
            assert_eq!(open(&bytes), Err(EnvelopeError::Signature));
        }
        assert_eq!(open(&vec![0; limits::GOSSIP_BYTES + 1]), Err(EnvelopeError::TooLarge));
        assert_eq!(open(&[]), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn cat_p07_envelopes_of_another_mesh_are_refused() {
        let (ours, theirs) = (roster(0), roster(1));
        let bytes = sealed(1, &theirs, advert());
        assert_eq!(Envelope::open(&bytes, &ours), Err(EnvelopeError::Signature));
    }

    #[test]
    fn cat_p08_impossible_claims_void_the_whole_advert() {
        let roster = roster(0);
        let good = advert();
        let device = |total, free| Device {
            memory_total: total,
            memory_free: free,
            ..good.devices[0].clone()
        };
        let long = Device { name: "x".repeat(300), ..good.devices[0].clone() };
        let adverts = [
            NodeAdvert { memory_total: u64::MAX, ..good.clone() },
            NodeAdvert { memory_free: 3, ..good.clone() },
            NodeAdvert { devices: vec![device(1, 2)], ..good.clone() },
            NodeAdvert { devices: vec![device(u64::MAX, 0)], ..good.clone() },
            NodeAdvert { devices: vec![good.devices[0].clone(); 65], ..good.clone() },
            NodeAdvert { devices: vec![long], ..good.clone() },
            NodeAdvert { version: "v".repeat(65), ..good.clone() },
            NodeAdvert { prefixes: vec![0; limits::ADVERT_PREFIXES + 1], ..good.clone() },
            NodeAdvert { data: vec!["10.0.0.1:1".parse().expect("good"); 17], ..good.clone() },
        ];
        for advert in adverts {
            let opened = Envelope::open(&sealed(1, &roster, advert), &roster);
            assert_eq!(opened, Err(EnvelopeError::Implausible));
        }
    }

    #[test]
    fn cat_p18_more_addresses_than_a_node_has_are_refused() {
        let roster = roster(0);
        let address: SocketAddr = "10.0.0.1:7863".parse().expect("an address");
        let open = |count| {
            let control = vec![address; count];
            let addresses = Addresses { incarnation: 1, sequence: 2, control, data: Vec::new() };
            let bytes = Envelope::seal_addresses(&key(1), &roster.mesh, &addresses);
            Envelope::open(&bytes.expect("small"), &roster).map(|_| ())
        };
        assert_eq!(open(16), Ok(()));
        assert_eq!(open(17), Err(EnvelopeError::Implausible));
    }

    #[test]
    fn newer_kinds_and_versions_are_passed_on_unread() {
        let roster = roster(0);
        for (kind, version) in [(3, 1), (1, 2)] {
            let body = vec![1, 2, 3];
            let signed = signed_bytes(&roster.mesh, kind, version, &body);
            let signature = key(1).sign(&signed).to_bytes().to_vec();
            let envelope = Envelope { author: id(1), kind, version, body, signature };
            let bytes = frame::encode_body(&envelope, limits::GOSSIP_BYTES).expect("small");
            assert_eq!(Envelope::open(&bytes, &roster), Ok(Opened::Opaque { from: id(1) }));
        }
    }

    #[test]
    fn rosters_without_members_believe_nobody() {
        let empty = Roster { members: BTreeMap::new(), ..roster(0) };
        let bytes = sealed(1, &empty, advert());
        assert_eq!(Envelope::open(&bytes, &empty), Err(EnvelopeError::NotMember));
    }
}

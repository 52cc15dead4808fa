//! The exchange: both sides find out whether they mean the same digits, and nothing else. The caller
//! brings the keys that TLS proved, and 64 random bytes that are used once.

use std::convert::Infallible;

use spake2::rand_core::{TryCryptoRng, TryRng};
use spake2::{Ed25519Group, Group, Identity, Password, Spake2};

use super::message::{Element, Hello, Here, Proof};
use super::{Digits, PairingRefusal};
use crate::ids::NodeId;
use crate::name::NodeName;

/// What the crate puts before a message to say whose it is; we know, and do not send it.
const SIDE_A: u8 = b'A';
const SIDE_B: u8 = b'B';

/// BLAKE3 contexts: what is hashed, and the two keys, which differ so that no proof can be reflected.
const TRANSCRIPT: &str = "pumasi pairing transcript 1";
const APPROVER_KEY: &str = "pumasi pairing approver's proof 1";
const NEWCOMER_KEY: &str = "pumasi pairing newcomer's proof 1";

/// Why an exchange fails. The other side, or somebody between, caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// An element is no point of the prime-order group: not on the curve, the identity, of low
    /// order, or with a part of low order.
    #[error("a message of the pairing is not valid")]
    Element,
    /// The two sides do not mean the same digits, or not the same keys, mesh and names.
    #[error("the digits are not the same")]
    Proof,
}

impl From<PairingError> for PairingRefusal {
    fn from(error: PairingError) -> Self {
        match error {
            PairingError::Element => Self::Protocol,
            PairingError::Proof => Self::Wrong,
        }
    }
}

/// Who takes part: the keys that TLS proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    /// The member that lets in.
    pub approver: NodeId,
    /// The computer that is let in.
    pub newcomer: NodeId,
}

/// Bytes that were drawn beforehand, handed out once.
struct Drawn([u8; 64]);

impl TryRng for Drawn {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a scalar is drawn in one piece");
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a scalar is drawn in one piece");
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

/// SPAKE2's own identities: the roles' keys and the mesh. The transcript binds the rest.
fn identities(parties: &Parties, hello: &[u8; 32]) -> (Identity, Identity) {
    let approver = [b"pumasi pairing 1".as_slice(), &parties.approver.0, hello].concat();
    (Identity::new(&approver), Identity::new(&parties.newcomer.0))
}

fn password(digits: Digits) -> Password {
    Password::new(digits.to_string())
}

/// Checks a point before it is calculated with. The digits have no part in it: an answer that
/// depended on them would be a guess that costs nothing. (Encodings with y above the prime need no
/// check: of the curve's points that have one, none but the identity is in the prime-order group.)
fn check(element: &Element) -> Result<(), PairingError> {
    let point = Ed25519Group::bytes_to_element(element).ok_or(PairingError::Element)?;
    let sound = !point.is_small_order() && point.is_torsion_free();
    sound.then_some(()).ok_or(PairingError::Element)
}

/// Whether nothing but the blinding of these digits was sent: then the shared secret would be the
/// identity, which everybody knows.
fn is_bare(element: &Element, digits: Digits, blinding: &<Ed25519Group as Group>::Element) -> bool {
    let digits = Ed25519Group::hash_to_scalar(digits.to_string().as_bytes());
    let blinding = Ed25519Group::scalarmult(blinding, &digits);
    Ed25519Group::bytes_to_element(element) == Some(blinding)
}

fn sent(message: &[u8]) -> Element {
    let (_, element) = message.split_first().expect("the crate's messages begin with a side");
    element.try_into().expect("its elements have 32 bytes")
}

fn finish(
    spake: Spake2<Ed25519Group>,
    side: u8,
    element: &Element,
) -> Result<Vec<u8>, PairingError> {
    let message = [[side].as_slice(), element].concat();
    spake.finish(&message).map_err(|_| PairingError::Element)
}

/// Both proofs, from the shared secret and all that was said.
pub(super) struct Proofs {
    pub(super) approver: Proof,
    pub(super) newcomer: Proof,
}

impl Proofs {
    fn derive(secret: &[u8], parties: &Parties, hello: &Hello, here: &Here) -> Self {
        let transcript = transcript(parties, hello, here);
        let proof = |context| {
            *blake3::keyed_hash(&blake3::derive_key(context, secret), &transcript).as_bytes()
        };
        Self { approver: proof(APPROVER_KEY), newcomer: proof(NEWCOMER_KEY) }
    }
}

/// A hash of all that was said. Each part stands after its length, so that none can flow over.
fn transcript(parties: &Parties, hello: &Hello, here: &Here) -> [u8; 32] {
    let person = here.person.as_ref().map_or("", NodeName::as_str);
    let parts: [&[u8]; 9] = [
        &parties.approver.0,
        &parties.newcomer.0,
        &hello.mesh.0,
        hello.mesh_name.as_str().as_bytes(),
        hello.name.as_str().as_bytes(),
        &hello.element,
        here.name.as_str().as_bytes(),
        // A name is never empty, so that no person and a person differ.
        person.as_bytes(),
        &here.element,
    ];
    let mut hasher = blake3::Hasher::new_derive_key(TRANSCRIPT);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Takes the same time wherever the two differ.
fn equal(a: &Proof, b: &Proof) -> bool {
    blake3::Hash::from_bytes(*a) == blake3::Hash::from_bytes(*b)
}

/// The side that was told the digits, before it heard the newcomer.
pub struct Approver {
    spake: Spake2<Ed25519Group>,
    digits: Digits,
    parties: Parties,
    hello: Hello,
}

impl Approver {
    /// Begins; `hello` needs no element yet. Gives what to send.
    #[must_use]
    pub fn begin(
        digits: Digits,
        parties: Parties,
        mut hello: Hello,
        random: [u8; 64],
    ) -> (Self, Hello) {
        let (a, b) = identities(&parties, &hello.mesh.0);
        let (spake, message) = Spake2::start_a_with_rng(&password(digits), &a, &b, Drawn(random));
        hello.element = sent(&message);
        (Self { spake, digits, parties, hello: hello.clone() }, hello)
    }

    /// Takes the newcomer's first word; gives the proof to send.
    ///
    /// # Errors
    /// [`PairingError::Element`].
    pub fn answer(self, here: &Here) -> Result<(Awaiting, Proof), PairingError> {
        check(&here.element)?;
        if is_bare(&here.element, self.digits, &Ed25519Group::const_n()) {
            return Err(PairingError::Element);
        }
        let secret = finish(self.spake, SIDE_B, &here.element)?;
        let proofs = Proofs::derive(&secret, &self.parties, &self.hello, here);
        Ok((Awaiting { expected: proofs.newcomer }, proofs.approver))
    }
}

/// The approver, once it has proved what it knows.
pub struct Awaiting {
    expected: Proof,
}

impl Awaiting {
    /// Checks the newcomer's proof. Only then may it be admitted.
    ///
    /// # Errors
    /// [`PairingError::Proof`].
    pub fn check(self, proof: &Proof) -> Result<(), PairingError> {
        if equal(proof, &self.expected) { Ok(()) } else { Err(PairingError::Proof) }
    }
}

/// The side that shows the digits, once it has heard the approver.
pub struct Newcomer {
    pub(super) proofs: Proofs,
    /// No proof is good: but that is told only to who spends the digits on it.
    bare: bool,
}

impl Newcomer {
    /// Takes the approver's first word; `here` needs no element yet. Gives what to send. Until the
    /// approver's proof, neither side has learned anything of the digits.
    ///
    /// # Errors
    /// [`PairingError::Element`].
    pub fn answer(
        digits: Digits,
        parties: Parties,
        hello: &Hello,
        mut here: Here,
        random: [u8; 64],
    ) -> Result<(Self, Here), PairingError> {
        check(&hello.element)?;
        let bare = is_bare(&hello.element, digits, &Ed25519Group::const_m());
        let (a, b) = identities(&parties, &hello.mesh.0);
        let (spake, message) = Spake2::start_b_with_rng(&password(digits), &a, &b, Drawn(random));
        here.element = sent(&message);
        let secret = finish(spake, SIDE_A, &hello.element)?;
        Ok((Self { proofs: Proofs::derive(&secret, &parties, hello, &here), bare }, here))
    }

    /// Checks the approver's proof: a guess, and the only one at these digits. Gives the proof to
    /// send.
    ///
    /// # Errors
    /// [`PairingError::Proof`].
    pub fn check(self, proof: &Proof) -> Result<Proof, PairingError> {
        if equal(proof, &self.proofs.approver) && !self.bare {
            Ok(self.proofs.newcomer)
        } else {
            Err(PairingError::Proof)
        }
    }
}

//! Packets of gossipsub, written by hand: also those that no library sends.

use libp2p::identity::Keypair;

use super::varint;

/// What a signature of gossipsub covers first.
const SIGNATURE_DOMAIN: &[u8] = b"libp2p-pubsub:";

/// A part of a packet with its length, as protobuf has it.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number_field(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A packet with its length before it.
fn packet(body: &[u8]) -> Vec<u8> {
    [varint(body.len() as u64), body.to_vec()].concat()
}

/// One message, rightly signed by its author.
#[must_use]
pub fn message(author: &Keypair, sequence: u64, topic: &str, data: &[u8]) -> Vec<u8> {
    let from = author.public().to_peer_id().to_bytes();
    let plain = [
        field(1, &from),
        field(2, data),
        field(3, &sequence.to_be_bytes()),
        field(4, topic.as_bytes()),
    ]
    .concat();
    let signature = author.sign(&[SIGNATURE_DOMAIN, &plain].concat()).expect("Ed25519 signs");
    packet(&field(2, &[plain, field(5, &signature)].concat()))
}

/// The same with a signature of nobody.
#[must_use]
pub fn unsigned(author: &Keypair, sequence: u64, topic: &str, data: &[u8]) -> Vec<u8> {
    let from = author.public().to_peer_id().to_bytes();
    let plain = [
        field(1, &from),
        field(2, data),
        field(3, &sequence.to_be_bytes()),
        field(4, topic.as_bytes()),
        field(5, &[0; 64]),
    ];
    packet(&field(2, &plain.concat()))
}

/// Subscribes to topics.
#[must_use]
pub fn subscribe<'a>(topics: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let one = |topic: &str| field(1, &[number_field(1, 1), field(2, topic.as_bytes())].concat());
    packet(&topics.flat_map(one).collect::<Vec<_>>())
}

fn control(body: &[u8]) -> Vec<u8> {
    packet(&field(3, body))
}

/// Asks to be taken into the mesh of topics.
#[must_use]
pub fn graft<'a>(topics: impl Iterator<Item = &'a str>) -> Vec<u8> {
    control(&topics.flat_map(|topic| field(3, &field(1, topic.as_bytes()))).collect::<Vec<_>>())
}

/// Takes the other side out of topics' meshes, and says for how many seconds.
#[must_use]
pub fn prune<'a>(topics: impl Iterator<Item = &'a str>, back_off_s: u64) -> Vec<u8> {
    let one =
        |topic: &str| field(4, &[field(1, topic.as_bytes()), number_field(3, back_off_s)].concat());
    control(&topics.flat_map(one).collect::<Vec<_>>())
}

/// Says that it has messages.
#[must_use]
pub fn have(topic: &str, ids: &[Vec<u8>]) -> Vec<u8> {
    let ids: Vec<u8> = ids.iter().flat_map(|id| field(2, id)).collect();
    control(&field(1, &[field(1, topic.as_bytes()), ids].concat()))
}

/// Asks for messages.
#[must_use]
pub fn want(ids: &[Vec<u8>]) -> Vec<u8> {
    let ids: Vec<u8> = ids.iter().flat_map(|id| field(1, id)).collect();
    control(&field(2, &ids))
}

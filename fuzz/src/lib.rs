//! What strangers and members may send, read as the product reads it, with what must hold afterwards.
//! Each target is a function over bytes: `scripts/fuzz` looks for bytes that break it, and the tests
//! replay what was found worth keeping (`corpus/`) and thousands of its neighbours.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod adverts;
pub mod answers;
pub mod chain;
pub mod frames;
pub mod gguf;
pub mod http;
pub mod join;
mod keys;
pub mod provider;
pub mod roster;
pub mod worker;

/// One decoder, or a few that belong together.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Reads the bytes.
    ///
    /// # Panics
    /// When something does not hold: a finding.
    pub run: fn(&[u8]),
    /// What to begin with: bytes that are read to the end.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target { name: "adverts", run: adverts::run, seeds: adverts::seeds },
    Target { name: "answers", run: answers::run, seeds: answers::seeds },
    Target { name: "chain", run: chain::run, seeds: chain::seeds },
    Target { name: "frames", run: frames::run, seeds: frames::seeds },
    Target { name: "gguf", run: gguf::run, seeds: gguf::seeds },
    Target { name: "http", run: http::run, seeds: http::seeds },
    Target { name: "join", run: join::run, seeds: join::seeds },
    Target { name: "provider", run: provider::run, seeds: provider::seeds },
    Target { name: "roster", run: roster::run, seeds: roster::seeds },
    Target { name: "worker", run: worker::run, seeds: worker::seeds },
];

/// A frame's body is refused, or it is a value that is written and read back as the same.
fn body<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Option<T> {
    use pumasi_protocol::frame;
    let value: T = frame::decode_body(bytes).ok()?;
    // Bytes can be longer than what they say needs, never shorter.
    let written = frame::encode_body(&value, limit.max(bytes.len())).expect("it came in fewer");
    let again: T = frame::decode_body(&written).expect("what we write we can read");
    let rewritten = frame::encode_body(&again, written.len()).expect("the same again");
    assert_eq!(written, rewritten, "what we write says the same");
    Some(value)
}

/// A seed: which of a target's decoders, then the body.
fn seed<T: Serialize>(which: u8, value: &T) -> Vec<u8> {
    let body = pumasi_protocol::frame::encode_body(value, usize::MAX).expect("a seed");
    [&[which], body.as_slice()].concat()
}

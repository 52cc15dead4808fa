//! The reader on random bytes, on a valid model with random changes, and on a source that fails:
//! always an answer, never a panic.

use std::io::{self, Read};

use proptest::prelude::*;
use proptest::sample::Index;
use pumasi_models::gguf::{self, GgufError, Section};
use pumasi_models::inspect::Inspection;
use pumasi_models::kv_cache::{CachePlan, CacheType};
use pumasi_models::test_support::{GgufBuilder, Sizes};

/// Everything that the crate does with a header, including what follows an acceptance.
fn exercise(bytes: &[u8]) -> Result<Inspection, GgufError> {
    let inspection =
        gguf::read(bytes, bytes.len() as u64).and_then(|gguf| Inspection::of(&gguf))?;
    let plan = CachePlan {
        context_per_slot: u64::MAX >> 1,
        slots: u64::MAX,
        batch: u64::MAX,
        unified: true,
        full_windows: false,
        key_type: CacheType::F16,
        value_type: CacheType::Q8_0,
    };
    inspection.cache.bytes(&plan);
    Ok(inspection)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(exercise(&bytes).is_err());
    }

    #[test]
    fn random_bytes_after_a_good_start(
        counts in any::<[u8; 2]>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        for count in counts {
            file.extend(u64::from(count % 8).to_le_bytes());
        }
        file.extend(bytes);
        let answer = exercise(&file);
        prop_assert!(answer.is_err());
    }

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        let file = GgufBuilder::llama(Sizes::default());
        let header = file.header().len();
        let mut bytes = file.build();
        for (at, value) in changes {
            bytes[at.index(header)] = value;
        }
        if let Err(error) = exercise(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn changed_words(changes in proptest::collection::vec((any::<Index>(), any::<u64>()), 1..4)) {
        let file = GgufBuilder::llama(Sizes::default());
        let header = file.header().len();
        let mut bytes = file.build();
        for (at, value) in changes {
            let at = at.index(header - 8);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let _ = exercise(&bytes);
    }

    #[test]
    fn cut_short(at in any::<Index>()) {
        let bytes = GgufBuilder::llama(Sizes::default()).build();
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(exercise(cut).is_err());
    }
}

/// Delivers one byte at a time, then fails.
struct Trickle<'a> {
    bytes: &'a [u8],
    left: usize,
    failure: io::ErrorKind,
}

impl Read for Trickle<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(self.failure.into());
        }
        self.left -= 1;
        let (first, rest) = self.bytes.split_at(1);
        target[..1].copy_from_slice(first);
        self.bytes = rest;
        Ok(1)
    }
}

#[test]
fn a_slow_source_gives_the_same_model() {
    let bytes = GgufBuilder::llama(Sizes::default()).build();
    let length = bytes.len() as u64;
    let source = Trickle { bytes: &bytes, left: bytes.len(), failure: io::ErrorKind::Other };
    assert_eq!(gguf::read(source, length), gguf::read(&bytes[..], length));
}

#[test]
fn a_failing_source_is_told_from_a_damaged_file() {
    let bytes = GgufBuilder::llama(Sizes::default()).build();
    let length = bytes.len() as u64;
    let read = |left, failure| gguf::read(Trickle { bytes: &bytes, left, failure }, length);
    let failed = read(100, io::ErrorKind::TimedOut);
    assert_eq!(failed, Err(GgufError::Read { kind: io::ErrorKind::TimedOut }));
    let shrunk = gguf::read(&bytes[..100], length);
    assert_eq!(shrunk, Err(GgufError::Truncated { section: Section::Metadata }));
}

/// Reads only the header: the weights of a large model are never asked for.
#[test]
fn weights_are_not_read() {
    let file = GgufBuilder::llama(Sizes { embedding: 1_024, heads: 16, ..Sizes::default() });
    let bytes = file.build();
    let mut source = &bytes[..];
    gguf::read(&mut source, bytes.len() as u64).expect("the model is whole");
    let read = bytes.len() - source.len();
    assert!(read < file.header().len() + (64 << 10) + 1, "{read} bytes were read");
}

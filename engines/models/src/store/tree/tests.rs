//! What tests of trees hold them to: they are BLAKE3, and nothing wrong is taken.

use std::io::Seek;

use proptest::prelude::*;

use super::*;
use crate::store::test_support::{Memory, bytes, file_of, tree_of};

const SIZES: [u64; 12] =
    [0, 1, 1_023, 1_024, 16_383, 16_384, 16_385, 32_768, 40_000, 1 << 20, 1_048_577, 3_333_333];

#[test]
fn trees_that_grow_with_the_bytes_are_those_of_the_whole_and_their_root_is_blake3() {
    for size in SIZES {
        let content = bytes(size, 7);
        for step in [1_000, 16_384, 100_000] {
            let mut builder = TreeBuilder::new(size, file_of(&[])).expect("a file");
            content.chunks(step).for_each(|part| builder.update(part).expect("written"));
            let (hash, mut tree) = builder.finish().expect("all bytes came");
            assert_eq!(hash.as_bytes(), blake3::hash(&content).as_bytes(), "{size} bytes");
            let whole = bao_tree::io::outboard::PreOrderMemOutboard::create(&content, GROUP);
            let mut made = Vec::new();
            tree.rewind().and_then(|()| tree.read_to_end(&mut made)).expect("read");
            assert_eq!(made, whole.data, "{size} bytes");
        }
    }
}

#[test]
fn a_tree_of_more_or_fewer_bytes_than_were_said_is_none() {
    for (said, came) in [(10, 9), (0, 1), (16_384, 16_385), (16_385, 16_384), (1, 0)] {
        let mut builder = TreeBuilder::new(said, file_of(&[])).expect("a file");
        let taken = builder.update(&vec![0; came]);
        assert!(taken.is_err() || builder.finish().is_err(), "{came} of {said} bytes");
        let built =
            build(file_of(&vec![0; came]), said, file_of(&[]), &mut |_| ControlFlow::Continue(()));
        assert!(built.expect("readable").is_none(), "{came} of {said} bytes");
    }
}

#[test]
fn a_tree_is_not_made_once_it_is_not_wanted() {
    let stopped = build(file_of(&[1; 9]), 9, file_of(&[]), &mut |_| ControlFlow::Break(()));
    assert!(stopped.expect("readable").is_none());
}

fn sent(content: &[u8], groups: &Range<u64>) -> (Shape, Vec<u8>) {
    let (shape, data, tree) = tree_of(content);
    let mut out = Vec::new();
    send(&shape, &data, &tree, groups, &mut out).expect("a file and its tree");
    (shape, out)
}

#[test]
fn every_size_travels_whole_and_the_bytes_are_the_same() {
    for size in SIZES {
        let content = bytes(size, 3);
        let (shape, out) = sent(&content, &(0..content.len() as u64 / GROUP_BYTES + 1));
        let mut memory = Memory::default();
        let groups = 0..shape.groups();
        let came = receive(&shape, None, &groups, &out[..], &mut memory);
        assert_eq!((came, memory.bytes), (Ok(size), content), "{size} bytes");
    }
}

#[test]
fn cat_p23_a_lying_source_costs_one_group_and_nothing_of_that_group_is_kept() {
    let content = bytes(10 * GROUP_BYTES, 1);
    let (shape, mut out) = sent(&content, &(0..10));
    let at = out.len() - 3 * GROUP_BYTES as usize - 1_000;
    out[at] ^= 1;
    let mut memory = Memory::default();
    let came = receive(&shape, None, &(0..10), &out[..], &mut memory);
    assert!(matches!(came, Err(ReceiveError::Wrong { group: 6 })), "{came:?}");
    assert_eq!(memory.bytes, content[..6 * GROUP_BYTES as usize]);
}

#[test]
fn a_size_that_is_not_the_files_is_not_proven_by_its_last_group() {
    let content = bytes(5 * GROUP_BYTES + 100, 4);
    for claimed in [1, 5 * GROUP_BYTES, content.len() as u64 + 1, 6 * GROUP_BYTES + 100, 1 << 40] {
        let (shape, out) = sent(&content, &(0..6));
        let claims = Shape { bytes: claimed, ..shape };
        let last = claims.groups() - 1..claims.groups();
        let mut memory = Memory::default();
        assert!(receive(&claims, None, &last, &out[..], &mut memory).is_err(), "{claimed} bytes");
        assert!(memory.bytes.is_empty());
    }
}

#[test]
fn who_failed_is_told_apart() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let content = bytes(100_000, 2);
    let (shape, data, tree) = tree_of(&content);
    let reader = Err(SendError::Reader(io::ErrorKind::ConnectionReset));
    assert_eq!(send(&shape, &data, &tree, &(0..1), Gone), reader);
    data.set_len(10).expect("cut");
    let disk = Err(SendError::Disk(io::ErrorKind::UnexpectedEof));
    assert_eq!(send(&shape, &data, &tree, &(0..1), Vec::new()), disk);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_ranges_prove_themselves_and_nothing_else_is_taken(
        size in 1u64..600_000,
        start in 0u64..40,
        length in 1u64..40,
        flip in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let content = bytes(size, size);
        let total = size.div_ceil(GROUP_BYTES);
        let start = start.min(total - 1);
        let groups = start..(start + length).min(total);
        let (shape, out) = sent(&content, &groups);
        let range = (groups.start * GROUP_BYTES) as usize
            ..(groups.end * GROUP_BYTES).min(size) as usize;
        let right = &content[range];
        let mut memory = Memory { start: groups.start, ..Memory::default() };
        let came = receive(&shape, None, &groups, &out[..], &mut memory);
        prop_assert_eq!(came, Ok(right.len() as u64));
        prop_assert_eq!(&memory.bytes[..], right);

        let mut flipped = out.clone();
        flipped[flip.index(out.len())] ^= 0x10;
        let mut memory = Memory { start: groups.start, ..Memory::default() };
        prop_assert!(receive(&shape, None, &groups, &flipped[..], &mut memory).is_err());
        prop_assert!(right.starts_with(&memory.bytes), "what was kept is right");

        let mut memory = Memory { start: groups.start, ..Memory::default() };
        let short = &out[..cut.index(out.len())];
        prop_assert!(receive(&shape, None, &groups, short, &mut memory).is_err());
        prop_assert!(right.starts_with(&memory.bytes), "what was kept is right");
    }
}

//! What tests of unfinished files hold them to: whatever a crash leaves, the content is right.

use proptest::prelude::*;

use super::*;
use crate::store::test_support::{bytes, tree_of};

fn encoded(content: &[u8], groups: &Range<u64>) -> (Shape, Vec<u8>) {
    let (shape, data, tree) = tree_of(content);
    let mut out = Vec::new();
    tree::send(&shape, &data, &tree, groups, &mut out).expect("sent");
    (shape, out)
}

/// Fetches what is missing; how many bytes that took.
fn complete(partial: &Partial, content: &[u8]) -> u64 {
    let mut fetched = 0;
    let everything = 0..partial.shape().groups();
    while let Some(gap) = partial.with_groups(|g| g.first_gap(everything.clone())) {
        let (_, out) = encoded(content, &gap);
        fetched += partial.receive(&gap, &out[..]).expect("right bytes");
    }
    fetched
}

fn check(partial: &Partial, content: &[u8]) {
    let complete = partial.finish().expect("nothing is missing");
    assert!(fs::read(&complete.path).expect("the file") == content, "the content is right");
    let (shape, _, mut made) = tree_of(content);
    assert_eq!(complete.shape, shape);
    let mut tree = Vec::new();
    made.read_to_end(&mut tree).expect("the tree");
    assert!(fs::read(&complete.tree).expect("the tree") == tree, "so is the tree");
}

#[test]
fn groups_in_any_order_make_the_file_and_serve_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = bytes(7 * GROUP_BYTES + 55, 1);
    let (shape, _) = encoded(&content, &(0..1));
    let partial = Partial::open(folder.path(), shape).expect("begun");
    for groups in [7..8, 2..4, 0..1, 3..5] {
        let (_, out) = encoded(&content, &groups);
        partial.receive(&groups, &out[..]).expect("right bytes");
        let mut again = Vec::new();
        partial.send(&groups, &mut again).expect("it is there");
        assert_eq!(again, out, "served as it came");
    }
    assert_eq!(partial.bytes_held(), 4 * GROUP_BYTES + 55);
    let missing = partial.send(&(0..2), Vec::new());
    assert_eq!(missing, Err(SendError::Disk(io::ErrorKind::NotFound)));
    assert_eq!(complete(&partial, &content), 3 * GROUP_BYTES);
    check(&partial, &content);
}

#[test]
fn an_unfinished_file_is_worked_on_once_and_never_finished_early() {
    let folder = tempfile::tempdir().expect("a folder");
    let (shape, out) = encoded(&bytes(100_000, 1), &(0..1));
    let partial = Partial::open(folder.path(), shape).expect("begun");
    partial.receive(&(0..1), &out[..]).expect("right bytes");
    let second = Partial::open(folder.path(), shape);
    assert!(matches!(second, Err(PartialError::Busy)), "{second:?}");
    let early = partial.finish();
    assert!(matches!(early, Err(PartialError::Incomplete { missing: 6, total: 7 })), "{early:?}");
    let huge = Shape { bytes: FILE_BYTES_MAX + 1, ..shape };
    assert!(matches!(Partial::open(folder.path(), huge), Err(PartialError::TooLarge { .. })));
}

#[test]
fn files_of_one_group_and_of_none_need_no_tree() {
    for size in [0, 1, GROUP_BYTES] {
        let folder = tempfile::tempdir().expect("a folder");
        let content = bytes(size, 5);
        let (shape, _) = encoded(&content, &(0..1));
        let partial = Partial::open(folder.path(), shape).expect("begun");
        assert_eq!(complete(&partial, &content), size);
        drop(partial);
        let partial = Partial::open(folder.path(), shape).expect("again");
        assert_eq!(complete(&partial, &content), 0, "it is there already");
        check(&partial, &content);
    }
}

/// After a kill at any byte of the stream, all but the group that was under way is there.
#[test]
fn killed_at_any_point_it_goes_on_where_it_was() {
    let content = bytes(6 * GROUP_BYTES + 9, 8);
    let (shape, out) = encoded(&content, &(0..7));
    for kill in (0..out.len()).step_by(4_999) {
        let folder = tempfile::tempdir().expect("a folder");
        let partial = Partial::open(folder.path(), shape).expect("begun");
        let broken = partial.receive(&(0..7), &out[..kill]);
        assert!(matches!(broken, Err(ReceiveError::Source(_))), "{broken:?}");
        let held = partial.bytes_held();
        drop(partial);
        let partial = Partial::open(folder.path(), shape).expect("again");
        assert_eq!(partial.bytes_held(), held, "killed at byte {kill}");
        assert!(kill as u64 - held <= GROUP_BYTES + 64 * 7, "{held} of {kill} bytes are there");
        assert_eq!(complete(&partial, &content), shape.bytes - held);
        check(&partial, &content);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A power cut may leave each page of both files as it was before, or as anything else.
    #[test]
    fn whatever_the_disk_lost_is_fetched_again_and_nothing_else_counts(
        size in 1u64..500_000,
        taken in 0u64..32,
        lost in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 0..9),
    ) {
        let content = bytes(size, size);
        let folder = tempfile::tempdir().expect("a folder");
        let total = size.div_ceil(GROUP_BYTES);
        let groups = 0..taken.clamp(1, total);
        let (shape, out) = encoded(&content, &groups);
        let partial = Partial::open(folder.path(), shape).expect("begun");
        partial.receive(&groups, &out[..]).expect("right bytes");
        drop(partial);
        let (data, tree) = Partial::paths(folder.path(), &shape);
        for (of_data, page, filler) in lost {
            let mut file = open(if of_data { &data } else { &tree }).expect("there");
            let pages = file.metadata().expect("there").len().div_ceil(4_096);
            if pages > 0 {
                let page = page.index(pages as usize) as u64 * 4_096;
                file.write_all_at(page, &[filler; 4_096]).expect("written");
            }
        }
        let partial = Partial::open(folder.path(), shape).expect("again");
        complete(&partial, &content);
        check(&partial, &content);
    }
}

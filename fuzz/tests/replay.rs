//! Replays the corpus, the seeds and neighbours of both through every target: what was once a
//! finding is tried at each run of the tests, and so is whatever lies beside it.

use std::path::{Path, PathBuf};

use pumasi_fuzz::{TARGETS, Target};

/// Changed copies of each input.
const NEIGHBOURS: u32 = 40;
/// Largest input in the corpus, in bytes: what is larger should be made smaller first.
const CORPUS_BYTES: usize = 16 * 1024;

fn corpus(target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder that can be read").path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file that can be read");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

/// One copy, changed in a place or two, cut or repeated; the same at every run.
fn neighbour(bytes: &[u8], number: u32) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes).update(&number.to_le_bytes());
    let mut random = hasher.finalize_xof();
    let mut draw = |below: usize| {
        let mut eight = [0; 8];
        random.fill(&mut eight);
        usize::try_from(u64::from_le_bytes(eight) % below.max(1) as u64).expect("small")
    };
    let mut changed = bytes.to_vec();
    for _ in 0..=draw(3) {
        if changed.is_empty() {
            break;
        }
        let at = draw(changed.len());
        match draw(5) {
            0 => changed[at] ^= 1 << draw(8),
            1 => changed[at] = [0, 1, 0x7f, 0x80, 0xfb, 0xfd, 0xff][draw(7)],
            2 => changed.truncate(at),
            3 => changed.insert(at, u8::try_from(draw(256)).expect("a byte")),
            _ => {
                let piece = changed[at..changed.len().min(at + 16)].to_vec();
                let to = draw(changed.len());
                changed.splice(to..to, piece);
            }
        }
    }
    changed
}

fn replay(name: &str) {
    let target = *TARGETS.iter().find(|target| target.name == name).expect("a target");
    let files = corpus(target);
    assert!(!files.is_empty(), "{name} has a corpus");
    let mut inputs = (target.seeds)();
    for (path, bytes) in files {
        assert!(bytes.len() <= CORPUS_BYTES, "{} is large", path.display());
        inputs.push(bytes);
    }
    for input in inputs {
        (target.run)(&input);
        for number in 0..NEIGHBOURS {
            (target.run)(&neighbour(&input, number));
        }
    }
}

macro_rules! replays {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|target| target.name).as_slice(), replayed);
        }
    };
}

replays!(adverts, answers, chain, frames, gguf, http, join, provider, roster, worker);

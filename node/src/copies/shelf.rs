//! The model files that members may read here: whole ones, once their trees are made, and those that are
//! being fetched, as far as they are there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use pumasi_models::hash::FileHash;
use pumasi_models::open::{FileIdentity, check_unchanged, open_model};
use pumasi_models::store::partial::Partial;
use pumasi_models::store::tree::{self, Shape};
use pumasi_protocol::{BlobId, NodeId, limits};

/// A whole file and its tree, open.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) shape: Shape,
    pub(crate) data: File,
    pub(crate) tree: File,
}

/// What is there of a file.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    /// All.
    Whole(Arc<Whole>),
    /// What was fetched so far.
    Part(Arc<Partial>),
}

impl Held {
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Whole(whole) => whole.shape,
            Self::Part(partial) => partial.shape(),
        }
    }

    /// Whether these groups are there.
    pub(crate) fn has(&self, groups: &Range<u64>) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Part(partial) => partial.with_groups(|held| held.covers(groups.clone())),
        }
    }
}

/// What is said of a file that somebody asks for.
#[derive(Debug)]
pub(crate) enum Shelved {
    /// It can be read.
    Held(Held),
    /// Its tree is being made; permille done.
    Preparing(u16),
    /// It is not here.
    Absent,
}

/// A whole file that may be lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lendable {
    /// Its content.
    pub(crate) blob: BlobId,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// The state in which it was hashed.
    pub(crate) identity: FileIdentity,
    /// Where its tree lies, or will.
    pub(crate) tree: PathBuf,
}

/// All of them. Shared by the threads that serve and the loop that says what there is.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<BlobId, Lendable>,
    parts: BTreeMap<BlobId, Arc<Partial>>,
    /// Open ones, so that all readers share the handles.
    open: BTreeMap<BlobId, Arc<Whole>>,
    /// Trees that are made, and how far they are.
    making: BTreeMap<BlobId, Arc<AtomicU16>>,
    /// Who reads what, and over how many connections.
    readers: BTreeMap<BlobId, BTreeMap<NodeId, u32>>,
}

/// A reader counts as one until this is dropped.
#[derive(Debug)]
pub(crate) struct Reading {
    shelf: Arc<Mutex<Inner>>,
    blob: BlobId,
    node: NodeId,
}

impl Shelf {
    /// The whole files that there are.
    pub(crate) fn set_files(&self, files: Vec<Lendable>) {
        let mut inner = self.lock();
        inner.files = files.into_iter().map(|file| (file.blob, file)).collect();
        let Inner { open, files, .. } = &mut *inner;
        open.retain(|blob, _| files.contains_key(blob));
    }

    /// A file that is being fetched can be read as far as it is there.
    pub(crate) fn put_part(&self, partial: &Arc<Partial>) {
        let blob = BlobId(*partial.shape().hash.as_bytes());
        self.lock().parts.insert(blob, Arc::clone(partial));
    }

    /// It is whole, or given up.
    pub(crate) fn take_part(&self, blob: &BlobId) {
        self.lock().parts.remove(blob);
    }

    /// What is there of a file. Begins to make its tree if that is all that is missing.
    pub(crate) fn find(&self, blob: &BlobId) -> Shelved {
        let mut inner = self.lock();
        if let Some(open) = inner.open.get(blob) {
            return Shelved::Held(Held::Whole(Arc::clone(open)));
        }
        if let Some(made) = inner.making.get(blob) {
            return Shelved::Preparing(made.load(Ordering::Relaxed));
        }
        let Some(file) = inner.files.get(blob).cloned() else {
            let part = inner.parts.get(blob).map(|part| Held::Part(Arc::clone(part)));
            return part.map_or(Shelved::Absent, Shelved::Held);
        };
        match open_whole(&file) {
            Some(whole) => {
                let whole = Arc::new(whole);
                inner.open.insert(*blob, Arc::clone(&whole));
                Shelved::Held(Held::Whole(whole))
            }
            None => {
                let done = Arc::new(AtomicU16::new(0));
                inner.making.insert(*blob, Arc::clone(&done));
                drop(inner);
                self.make_tree(file, done);
                Shelved::Preparing(0)
            }
        }
    }

    fn make_tree(&self, file: Lendable, done: Arc<AtomicU16>) {
        let shelf = Arc::clone(&self.0);
        let making = std::thread::Builder::new().name("tree".to_owned());
        let blob = file.blob;
        let made = making.spawn(move || {
            let is_made = make_tree(&file, &done);
            let mut inner = lock(&shelf);
            inner.making.remove(&file.blob);
            if !is_made {
                tracing::warn!(path = %file.path.display(), "a model file cannot be lent");
                inner.files.remove(&file.blob);
            }
        });
        if made.is_err() {
            self.lock().making.remove(&blob);
        }
    }

    /// Counts a reader.
    pub(crate) fn read(&self, blob: BlobId, node: NodeId) -> Reading {
        *self.lock().readers.entry(blob).or_default().entry(node).or_default() += 1;
        Reading { shelf: Arc::clone(&self.0), blob, node }
    }

    /// Who else reads a file here.
    pub(crate) fn readers(&self, blob: &BlobId, but: &NodeId) -> Vec<NodeId> {
        let inner = self.lock();
        let readers = inner.readers.get(blob).into_iter().flat_map(BTreeMap::keys);
        readers.filter(|node| *node != but).take(limits::COPY_READERS).copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

fn lock(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().expect("no code that holds this lock panics")
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut inner = lock(&self.shelf);
        let Some(readers) = inner.readers.get_mut(&self.blob) else { return };
        match readers.get_mut(&self.node) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(readers.remove(&self.node)),
        }
        if readers.is_empty() {
            inner.readers.remove(&self.blob);
        }
    }
}

fn shape(file: &Lendable) -> Shape {
    Shape { hash: FileHash::from_bytes(file.blob.0), bytes: file.identity.bytes }
}

/// Opens a file and its tree, if both are as they should be.
fn open_whole(file: &Lendable) -> Option<Whole> {
    let shape = shape(file);
    let data = open_model(&file.path).ok().filter(|opened| opened.identity == file.identity)?.file;
    let tree = File::open(&file.tree).ok()?;
    let is_whole = tree.metadata().is_ok_and(|m| m.is_file() && m.len() == shape.tree_bytes());
    is_whole.then_some(Whole { shape, data, tree })
}

/// Makes the tree of a file, under another name until it is whole and right.
fn make_tree(file: &Lendable, done: &AtomicU16) -> bool {
    let part = file.tree.with_extension("tree.part");
    let made = write_tree(file, &part, done);
    let is_made = made && std::fs::rename(&part, &file.tree).is_ok();
    if !is_made {
        let _ = std::fs::remove_file(&part);
    }
    is_made
}

fn write_tree(file: &Lendable, part: &Path, done: &AtomicU16) -> bool {
    if let Some(folder) = part.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(part);
    let (Ok(tree), Ok(opened)) = (options, open_model(&file.path)) else { return false };
    if opened.identity != file.identity {
        return false;
    }
    let bytes = file.identity.bytes;
    let mut progress = |read: u64| {
        let permille = read.saturating_mul(1_000) / bytes.max(1);
        done.store(u16::try_from(permille).unwrap_or(1_000), Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let built = tree::build(opened.file, bytes, tree, &mut progress);
    let Ok(Some((hash, tree))) = built else { return false };
    let is_same = check_unchanged(&file.path, &file.identity).is_ok();
    hash.as_bytes() == &file.blob.0 && is_same && tree.sync_all().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lendable(folder: &Path, content: &[u8]) -> Lendable {
        let path = folder.join("model.gguf");
        std::fs::write(&path, content).expect("written");
        let identity = open_model(&path).expect("it is there").identity;
        let blob = BlobId(*blake3::hash(content).as_bytes());
        Lendable { blob, path, identity, tree: folder.join("trees/model.tree") }
    }

    fn wait(shelf: &Shelf, blob: &BlobId) -> Shelved {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let found = shelf.find(blob);
            if !matches!(found, Shelved::Preparing(_)) || std::time::Instant::now() >= end {
                return found;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn a_file_is_lent_once_its_tree_is_made_and_never_when_it_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let content = vec![7; 100_000];
        let (shelf, file) = (Shelf::default(), lendable(folder.path(), &content));
        assert!(matches!(shelf.find(&file.blob), Shelved::Absent));
        shelf.set_files(vec![file.clone()]);
        assert!(matches!(shelf.find(&file.blob), Shelved::Preparing(_)));
        assert!(matches!(wait(&shelf, &file.blob), Shelved::Held(Held::Whole(_))));
        assert!(file.tree.is_file(), "kept for the next start");
        let other = Lendable { blob: BlobId([1; 32]), tree: folder.path().join("other"), ..file };
        shelf.set_files(vec![other.clone()]);
        assert!(matches!(wait(&shelf, &other.blob), Shelved::Absent), "not that content");
        assert!(!other.tree.exists());
    }

    #[test]
    fn readers_hear_of_each_other_while_they_read() {
        let shelf = Shelf::default();
        let (blob, [a, b]) = (BlobId([9; 32]), [NodeId([1; 32]), NodeId([2; 32])]);
        let first = shelf.read(blob, a);
        let again = shelf.read(blob, a);
        let second = shelf.read(blob, b);
        assert_eq!(shelf.readers(&blob, &a), [b]);
        drop(first);
        assert_eq!(shelf.readers(&blob, &b), [a], "over another connection");
        drop((again, second));
        assert_eq!(shelf.readers(&blob, &b), []);
        assert!(shelf.lock().readers.is_empty());
    }
}

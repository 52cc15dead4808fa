//! The models in one directory. A damaged file is an entry that says what is wrong with it, and
//! stops nothing. Links and subdirectories are not followed.

mod hash_cache;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::gguf::{self, GgufError};
use crate::hash::{FileHash, VerifyError, hash_file};
use crate::inspect::Inspection;
use crate::limits::{CATALOG_FILES_MAX, CATALOG_MODELS_MAX};
use crate::name::ModelName;
use crate::open::{FileIdentity, OpenError, check_extension, open_model};
use crate::store::{Store, StoreError, StoredBlob};
use hash_cache::HashCache;

/// Name of the side file with known hashes, in the scanned directory.
pub const HASH_CACHE_FILE: &str = ".pumasi-hashes.json";

/// Why a file in the directory is no usable model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFault {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is damaged, or of a kind that cannot be run.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// Its content differs from what it was.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The store has it otherwise than it was checked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another file has the same name but for case, spaces and the like.
    #[error("The file {taken_by} already has this name here. Rename one of the two.")]
    NameTaken {
        /// The file that keeps the name.
        taken_by: String,
    },
}

impl ModelFault {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ModelFault::Open(error) => error.code(),
            ModelFault::Gguf(error) => error.code(),
            ModelFault::Verify(error) => error.code(),
            ModelFault::Store(error) => error.code(),
            ModelFault::NameTaken { .. } => "name_taken",
        }
    }
}

/// One model file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name, from the file's.
    pub name: ModelName,
    /// Where it lies.
    pub path: PathBuf,
    /// Which state of the file was inspected; `None` if it could not be opened.
    pub identity: Option<FileIdentity>,
    /// Its hash, once known.
    pub hash: Option<FileHash>,
    /// What it is, or why it cannot be used.
    pub model: Result<Box<Inspection>, ModelFault>,
}

/// The models of a directory, in the order of their file names.
#[derive(Debug)]
pub struct Catalog {
    directory: PathBuf,
    entries: Vec<Entry>,
    cache: HashCache,
    /// Files beyond [`CATALOG_MODELS_MAX`], which are not listed.
    pub left_out: usize,
}

impl Catalog {
    /// Lists and inspects the `.gguf` files of `directory`, headers only. Hashes come from the side
    /// file where a file is unchanged since; the others wait for
    /// [`hash_pending`](Self::hash_pending). Fails only if the directory itself cannot be read.
    pub fn scan(directory: &Path) -> io::Result<Self> {
        let mut names = gguf_names(directory)?;
        let left_out = names.len().saturating_sub(CATALOG_MODELS_MAX);
        names.truncate(CATALOG_MODELS_MAX);
        let mut cache = HashCache::load(&directory.join(HASH_CACHE_FILE));
        cache.retain(|file| names.binary_search(&OsString::from(file)).is_ok());
        let mut taken: BTreeMap<ModelName, String> = BTreeMap::new();
        let mut entries = Vec::with_capacity(names.len());
        for file in names {
            let mut entry = inspect(directory.join(&file));
            let shown = file.to_string_lossy().into_owned();
            if let Some(taken_by) = taken.get(&entry.name) {
                entry.model = Err(ModelFault::NameTaken { taken_by: taken_by.clone() });
            } else {
                taken.insert(entry.name.clone(), shown.clone());
            }
            entry.hash = entry.identity.and_then(|identity| cache.find(&shown, &identity));
            entries.push(entry);
        }
        Ok(Self { directory: directory.to_owned(), entries, cache, left_out })
    }

    /// All entries, damaged ones included.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this name; of two files that claim it, the one that keeps it.
    pub fn find(&self, name: &ModelName) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == *name)
    }

    /// Bytes that [`hash_pending`](Self::hash_pending) would read.
    pub fn pending_bytes(&self) -> u64 {
        let pending = self.entries.iter().filter(|entry| is_pending(entry));
        pending.filter_map(|entry| entry.identity).map(|identity| identity.bytes).sum()
    }

    /// Hashes every usable model whose hash is not known, and remembers it in the side file.
    /// `progress` is told the bytes done over all of them, and can stop between two chunks. A file
    /// that cannot be read becomes an entry that says so.
    pub fn hash_pending(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) {
        let mut before: u64 = 0;
        for entry in self.entries.iter_mut().filter(|entry| is_pending(entry)) {
            let Some(identity) = entry.identity else { continue };
            match hash_entry(entry, &identity, &mut |done| progress(before + done)) {
                Ok(hash) => {
                    entry.hash = Some(hash);
                    self.cache.insert(&file_name(&entry.path), identity, hash);
                }
                Err(VerifyError::Stopped) => break,
                Err(error) => entry.model = Err(error.into()),
            }
            before += identity.bytes;
        }
        // Without the side file the hashes are computed again at the next start; nothing is lost.
        let _ = self.cache.store(&self.directory.join(HASH_CACHE_FILE));
    }
}

fn is_pending(entry: &Entry) -> bool {
    entry.hash.is_none() && entry.model.is_ok()
}

fn hash_entry(
    entry: &Entry,
    identity: &FileIdentity,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<FileHash, VerifyError> {
    crate::open::check_unchanged(&entry.path, identity)?;
    let hash = hash_file(&entry.path, progress)?;
    crate::open::check_unchanged(&entry.path, identity)?;
    Ok(hash)
}

/// File names that end in `.gguf`, sorted, from the first [`CATALOG_FILES_MAX`] of the directory.
/// Hidden ones are left out: unfinished downloads and what some systems scatter.
fn gguf_names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)?.take(CATALOG_FILES_MAX) {
        let name = entry?.file_name();
        let hidden = name.to_string_lossy().starts_with('.');
        if !hidden && check_extension(Path::new(&name)).is_ok() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn inspect(path: PathBuf) -> Entry {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = ModelName::from_file_stem(&stem);
    let (identity, model) = match open_model(&path) {
        Ok(opened) => {
            let gguf = gguf::read(&opened.file, opened.identity.bytes);
            let model = gguf.and_then(|gguf| Inspection::of(&gguf));
            (Some(opened.identity), model.map(Box::new).map_err(ModelFault::from))
        }
        Err(error) => (None, Err(ModelFault::from(error))),
    };
    Entry { name, path, identity, hash: None, model }
}

/// The models of a store, as a scan of a folder would list them. A blob that was touched since it was
/// checked is read again.
pub fn of_store(store: &Store) -> Vec<Entry> {
    let models = store.models().into_iter();
    models.filter_map(|model| stored(store, model.name, model.blobs.first()?)).collect()
}

fn stored(store: &Store, name: ModelName, blob: &StoredBlob) -> Option<Entry> {
    let mut entry = inspect(blob.path.clone());
    entry.name = name;
    entry.hash = Some(FileHash::from_bytes(*blob.id.as_bytes()));
    if let (Ok(_), Err(error)) = (&entry.model, store.recheck(blob)) {
        entry.model = Err(ModelFault::Store(error));
    }
    Some(entry)
}

/// Inspects one file by its path, as a scan would.
pub fn inspect_file(path: &Path) -> Result<(Inspection, FileIdentity), ModelFault> {
    let entry = inspect(path.to_owned());
    let inspection = *entry.model?;
    let identity = entry.identity.expect("a file that was inspected had been opened");
    Ok((inspection, identity))
}

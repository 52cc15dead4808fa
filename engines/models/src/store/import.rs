//! Files of this computer become blobs: without a second copy where the disk allows it. A hard link is
//! made only where nobody else could change the content; else a clone that shares blocks, else a copy.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::gguf;
use crate::inspect::Inspection;
use crate::limits::HASH_CHUNK_BYTES;
use crate::name::ModelName;
use crate::open::{OpenError, OpenedModel, check_extension, check_unchanged_blob, open_blob};

use super::layout::{blob_name, no_follow};
use super::rows::Origin;
use super::verify::{Watch, hash, hash_with_tree};
use super::{Complete, Sha256, Store, StoreError, StoredBlob};

/// The tree of what is being imported: one import at a time.
const IMPORT_TREE: &str = "tree.import";

/// How a file came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was there already.
    Known,
    /// A second name of the same file: it takes no further space.
    Linked,
    /// A copy that shares its blocks until one is changed.
    Cloned,
    /// A copy.
    Copied,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The blob.
    pub blob: StoredBlob,
    /// How it came.
    pub taken: Taken,
}

impl Store {
    /// Takes a model file in under a name. `expected`: what its content must be, where that is known.
    ///
    /// # Errors
    /// When it is no GGUF file, no ordinary file, changes meanwhile, differs from what is expected,
    /// the name is taken, or there is no room for it.
    pub fn import(
        &self,
        path: &Path,
        name: &ModelName,
        expected: Option<&Sha256>,
        origin: Option<Origin>,
        watch: Watch<'_>,
    ) -> Result<Imported, StoreError> {
        let _one = self.importing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut opened = open_import(path)?;
        check_gguf(&opened)?;
        let tree = self.layout.partials().join(IMPORT_TREE);
        let hashed = hash_with_tree(&mut opened, self.create(&tree)?, watch)?;
        check_unchanged_blob(path, &opened.identity)?;
        if let Some(expected) = expected.filter(|expected| **expected != hashed.sha256) {
            return Err(StoreError::Mismatch { expected: *expected, found: hashed.sha256 });
        }
        self.check_name(name, &[hashed.sha256])?;
        let is_known =
            self.blob_of(&hashed.sha256).is_some_and(|known| self.recheck(&known).is_ok());
        let mut complete = Complete {
            data: self.partial(&hashed.sha256).with_extension("import"),
            tree: Some(tree),
            id: hashed.blake3,
            sha256: hashed.sha256,
            bytes: hashed.bytes,
        };
        let taken =
            if is_known { Taken::Known } else { self.bring(path, &opened, &mut complete, watch)? };
        let blob = match self.blob_of(&hashed.sha256).filter(|_| is_known) {
            Some(blob) => {
                self.place_tree(&complete)?;
                blob
            }
            None => self.add_blob(&complete)?,
        };
        self.name_blobs(name, &[blob.sha256], origin)?;
        Ok(Imported { blob, taken })
    }

    /// Puts the content among what is under way.
    fn bring(
        &self,
        path: &Path,
        opened: &OpenedModel,
        complete: &mut Complete,
        watch: Watch<'_>,
    ) -> Result<Taken, StoreError> {
        let data = &complete.data;
        let _ = fs::remove_file(data);
        if is_ours_alone(opened)? && fs::hard_link(path, data).is_ok() {
            // The link must be to what was hashed, not to what was put in its place since.
            if open_blob(data)?.identity == opened.identity {
                return Ok(Taken::Linked);
            }
            fs::remove_file(data)?;
            return Err(OpenError::Changed.into());
        }
        self.check_room(complete.bytes)?;
        let mut file = self.create(data)?;
        let mut source = open_import(path)?;
        if source.identity != opened.identity {
            return Err(OpenError::Changed.into());
        }
        let cloned = clone_into(&source.file, &file);
        if !cloned {
            copy(&mut source.file, &mut file, watch)?;
        }
        self.check_copy(complete)?;
        Ok(if cloned { Taken::Cloned } else { Taken::Copied })
    }

    /// A new file among what is under way.
    fn create(&self, path: &Path) -> Result<File, StoreError> {
        let _ = fs::remove_file(path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        no_follow(&mut options);
        Ok(options.open(path)?)
    }

    /// A copy is read again: what was hashed is the source, and disks and memory err.
    fn check_copy(&self, complete: &Complete) -> Result<(), StoreError> {
        let mut opened = open_blob(&complete.data)?;
        let found = hash(&mut opened, &mut |_| ControlFlow::Continue(()))?.sha256;
        if found != complete.sha256 {
            fs::remove_file(&complete.data)?;
            return Err(StoreError::Mismatch { expected: complete.sha256, found });
        }
        Ok(())
    }
}

/// Opens what is to be imported: a `.gguf` file, or a blob of a cache that is named by its digest.
/// Links are not followed.
fn open_import(path: &Path) -> Result<OpenedModel, StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if blob_name(&name).is_none() && Sha256::parse(&name).is_err() {
        check_extension(path)?;
    }
    Ok(open_blob(path)?)
}

/// Reads the header; what is no model does not come in.
fn check_gguf(opened: &OpenedModel) -> Result<(), StoreError> {
    let read = gguf::read(&opened.file, opened.identity.bytes);
    let inspected = read.and_then(|gguf| Inspection::of(&gguf));
    inspected.map_err(|error| StoreError::NotAModel { error })?;
    io::Seek::rewind(&mut &opened.file)?;
    Ok(())
}

/// This user's own file, which nobody else may write: a second name of it is as safe as a copy.
#[cfg(unix)]
fn is_ours_alone(opened: &OpenedModel) -> Result<bool, StoreError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = opened.file.metadata()?;
    Ok(metadata.uid() == super::layout::own_user() && metadata.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_ours_alone(_opened: &OpenedModel) -> Result<bool, StoreError> {
    Ok(true)
}

/// Shares the blocks of one file with another (`FICLONE`: btrfs, XFS, bcachefs).
#[cfg(target_os = "linux")]
fn clone_into(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn clone_into(_from: &File, _to: &File) -> bool {
    false
}

fn copy(from: &mut File, to: &mut File, watch: Watch<'_>) -> Result<(), StoreError> {
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    let mut done = 0;
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok(to.sync_all()?),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        to.write_all(&chunk[..read])?;
        done += read as u64;
        if watch(done).is_break() {
            return Err(StoreError::Stopped);
        }
    }
}

/// Removes what an import that was ended left.
pub(super) fn clear_left_over(partials: &Path) {
    let entries = fs::read_dir(partials).into_iter().flatten().flatten();
    let left: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    for path in left.iter().filter(|path| path.extension().is_some_and(|e| e == "import")) {
        // What cannot be removed is garbage later.
        let _ = fs::remove_file(path);
    }
}

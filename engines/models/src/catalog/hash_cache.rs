//! The side file with hashes that were computed before, so that a start does not read every model.
//! It is only a memory: anything wrong with it means that hashes are computed again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hash::FileHash;
use crate::limits::HASH_CACHE_BYTES_MAX;
use crate::open::FileIdentity;

/// Version of the side file; another one is ignored.
const VERSION: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct HashCache {
    files: BTreeMap<String, Known>,
    changed: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Known {
    identity: FileIdentity,
    hash: FileHash,
}

#[derive(Serialize, Deserialize)]
struct SideFile {
    version: u32,
    files: BTreeMap<String, Known>,
}

impl HashCache {
    pub(super) fn load(path: &Path) -> Self {
        let files = read_side_file(path).filter(|side| side.version == VERSION);
        Self { files: files.map(|side| side.files).unwrap_or_default(), changed: false }
    }

    /// Forgets files that are gone.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let before = self.files.len();
        self.files.retain(|file, _| keep(file));
        self.changed |= self.files.len() != before;
    }

    pub(super) fn find(&self, file: &str, identity: &FileIdentity) -> Option<FileHash> {
        let known = self.files.get(file)?;
        (known.identity == *identity).then_some(known.hash)
    }

    pub(super) fn insert(&mut self, file: &str, identity: FileIdentity, hash: FileHash) {
        self.files.insert(file.to_owned(), Known { identity, hash });
        self.changed = true;
    }

    /// Writes the side file if anything changed, by way of a second file, so that a crash leaves
    /// either the old or the new one.
    pub(super) fn store(&mut self, path: &Path) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let side = SideFile { version: VERSION, files: self.files.clone() };
        let unfinished = path.with_extension(format!("{}.part", std::process::id()));
        let written = fs::File::create(&unfinished).and_then(|mut file| {
            serde_json::to_writer(&mut file, &side)?;
            file.flush()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, path)) {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.changed = false;
        Ok(())
    }
}

fn read_side_file(path: &Path) -> Option<SideFile> {
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(HASH_CACHE_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

//! What stays and what goes: removing names, pins, and what no name means any more.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use crate::name::ModelName;

use super::layout::blob_name;
use super::placing::now_s;
use super::{Row, Sha256, Store, StoreError};

/// What may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Names that are not pinned and were neither loaded nor added for so long.
    pub unused: Option<Duration>,
    /// Of what is under way, what nobody touched for so long.
    pub partial: Duration,
    /// Only say what would go.
    pub dry: bool,
}

/// What went, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Names.
    pub models: Vec<ModelName>,
    /// Blobs that no name means.
    pub blobs: usize,
    /// Files of downloads that were given up.
    pub partials: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Store {
    /// Removes a name, and the blobs that no other name means. A pinned one stays.
    ///
    /// # Errors
    /// When there is none, it is pinned, or the disk says no.
    pub fn remove(&self, name: &ModelName) -> Result<Row, StoreError> {
        let row = self.change(|rows| {
            let known = rows.models.get(&name.folded());
            let known = known.ok_or_else(|| StoreError::NoModel { name: name.clone() })?;
            if known.pinned {
                return Err(StoreError::Pinned { name: known.name.clone() });
            }
            Ok(rows.models.remove(&name.folded()).expect("it was there"))
        })?;
        self.drop_blobs(&row.files)?;
        Ok(row)
    }

    /// Keeps a model whatever else goes, or does so no more.
    ///
    /// # Errors
    /// When there is none of this name, or the disk says no.
    pub fn pin(&self, name: &ModelName, pinned: bool) -> Result<(), StoreError> {
        self.change_row(name, |row| row.pinned = pinned)
    }

    /// Notes that a model was loaded.
    ///
    /// # Errors
    /// When there is none of this name, or the disk says no.
    pub fn touch(&self, name: &ModelName) -> Result<(), StoreError> {
        self.change_row(name, |row| row.used_s = now_s())
    }

    /// Lets a second name mean what the first does.
    ///
    /// # Errors
    /// When the first is not there, or the second means something else.
    pub fn copy(&self, from: &ModelName, to: &ModelName) -> Result<(), StoreError> {
        let model = self.model(from).ok_or_else(|| StoreError::NoModel { name: from.clone() })?;
        self.name_blobs(to, &model.row.files, model.row.origin)
    }

    fn change_row(
        &self,
        name: &ModelName,
        change: impl FnOnce(&mut Row),
    ) -> Result<(), StoreError> {
        self.change(|rows| {
            let row = rows.models.get_mut(&name.folded());
            change(row.ok_or_else(|| StoreError::NoModel { name: name.clone() })?);
            Ok(())
        })
    }

    /// Removes what may go. `in_use`: blobs that something under way still needs.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn sweep(&self, garbage: &Garbage, in_use: &BTreeSet<Sha256>) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        if let Some(unused) = garbage.unused {
            swept.models = self.unused(unused);
        }
        let gone: BTreeSet<String> = swept.models.iter().map(ModelName::folded).collect();
        let kept = |row: &&Row| !gone.contains(&row.name.folded());
        let named: BTreeSet<Sha256> =
            self.rows().models.values().filter(kept).flat_map(|row| row.files.clone()).collect();
        let free: Vec<_> = self.blobs();
        let free =
            free.iter().filter(|b| !named.contains(&b.sha256) && !in_use.contains(&b.sha256));
        for blob in free.clone() {
            swept.blobs += 1;
            swept.bytes += blob.bytes;
        }
        let files: Vec<Sha256> = free.map(|blob| blob.sha256).collect();
        if !garbage.dry {
            self.change(|rows| {
                rows.models.retain(|key, _| !gone.contains(key));
                Ok(())
            })?;
            self.drop_blobs(&files)?;
        }
        self.sweep_strays(garbage, in_use, &mut swept)?;
        Ok(swept)
    }

    fn unused(&self, unused: Duration) -> Vec<ModelName> {
        let before = now_s().saturating_sub(unused.as_secs());
        let rows = self.rows();
        let old = rows.models.values().filter(|row| !row.pinned);
        let old = old.filter(|row| row.used_s.max(row.added_s) < before);
        old.map(|row| row.name.clone()).collect()
    }

    /// Files that no row knows: of a crash between a rename and its row, and of given-up downloads.
    fn sweep_strays(
        &self,
        garbage: &Garbage,
        in_use: &BTreeSet<Sha256>,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let now = SystemTime::now();
        for folder in [self.layout.partials(), self.layout.blobs()] {
            for entry in fs::read_dir(folder)?.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let bare = name.split('.').next().unwrap_or("");
                let digest = blob_name(bare);
                let known = digest.is_some_and(|digest| {
                    in_use.contains(&digest) || self.rows().blobs.contains_key(&digest)
                });
                let Ok(metadata) = entry.metadata() else { continue };
                let age = metadata.modified().ok().and_then(|at| now.duration_since(at).ok());
                if known || age.is_none_or(|age| age < garbage.partial) {
                    continue;
                }
                swept.partials += 1;
                swept.bytes += metadata.len();
                if !garbage.dry {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Removes blobs that no name means: the row first, so that no row ever means a file that is gone.
    fn drop_blobs(&self, files: &[Sha256]) -> Result<(), StoreError> {
        let gone = self.change(|rows| {
            let named = |file: &Sha256| rows.models.values().any(|row| row.files.contains(file));
            let gone: Vec<Sha256> = files.iter().filter(|file| !named(file)).copied().collect();
            for file in &gone {
                rows.blobs.remove(file);
            }
            Ok(gone)
        })?;
        for file in gone {
            for path in [self.layout.blob(&file), self.layout.tree(&file)] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }
}

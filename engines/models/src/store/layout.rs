//! Where what lies. Every path of the store is made here, from a digest or a constant, so none can
//! lead out of it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::hash::FileHash;

use super::{Sha256, StoreError};

/// What a blob's file name begins with; 64 hexadecimal digits follow.
pub const BLOB_PREFIX: &str = "sha256-";
const BLOBS: &str = "blobs";
const PARTIALS: &str = "partial";
const TREES: &str = "trees";
const ROWS: &str = "rows.json";
const LOCK: &str = "store.lock";

/// The folder of a store, its parts made.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        create_private(root)?;
        let layout = Self { root: root.to_owned() };
        close_to_others(root)?;
        check_own(root)?;
        for part in [BLOBS, PARTIALS, TREES] {
            let folder = root.join(part);
            create_private(&folder)?;
            check_own(&folder)?;
        }
        Ok(layout)
    }

    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        no_follow(&mut options);
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            // A file system without locks: the node's own data directory is locked besides.
            Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn rows(&self) -> PathBuf {
        self.root.join(ROWS)
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join(BLOBS)
    }

    pub(super) fn partials(&self) -> PathBuf {
        self.root.join(PARTIALS)
    }

    pub(super) fn trees(&self) -> PathBuf {
        self.root.join(TREES)
    }

    pub(super) fn blob(&self, sha256: &Sha256) -> PathBuf {
        self.blobs().join(format!("{BLOB_PREFIX}{sha256}"))
    }

    pub(super) fn tree(&self, sha256: &Sha256) -> PathBuf {
        self.blobs().join(format!("{BLOB_PREFIX}{sha256}.tree"))
    }

    pub(super) fn partial(&self, sha256: &Sha256) -> PathBuf {
        self.partials().join(format!("{BLOB_PREFIX}{sha256}.part"))
    }

    pub(super) fn outside_tree(&self, id: &FileHash) -> PathBuf {
        self.trees().join(format!("blake3-{id}.tree"))
    }
}

/// The digest in a blob's file name; `None` for every other name.
pub(crate) fn blob_name(name: &str) -> Option<Sha256> {
    Sha256::parse(name.strip_prefix(BLOB_PREFIX)?).ok()
}

/// Makes a folder for its user only, and those above it.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(path)?)
}

/// The models' folder may be from before there was a store, made with the system's usual mode.
#[cfg(unix)]
fn close_to_others(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() && metadata.uid() == own_user() && metadata.mode() & 0o022 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(metadata.mode() & 0o755))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// A folder itself, and one that no other user can put links into.
#[cfg(unix)]
fn check_own(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path)?;
    let is_ours = metadata.uid() == own_user() && metadata.mode() & 0o022 == 0;
    if metadata.is_dir() && is_ours { Ok(()) } else { Err(StoreError::Exposed) }
}

#[cfg(not(unix))]
fn check_own(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() { Ok(()) } else { Err(StoreError::Exposed) }
}

/// The user as whom this process acts.
#[cfg(unix)]
pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Opens the file itself, never what a link points at.
#[cfg(unix)]
pub(super) fn no_follow(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).mode(0o600);
}

#[cfg(not(unix))]
pub(super) fn no_follow(_options: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn cat_f03_no_text_becomes_a_path_outside_the_store(text in "\\PC{0,80}", bytes in proptest::array::uniform32(0_u8..)) {
            let layout = Layout { root: PathBuf::from("/store") };
            let texts = [text.clone(), format!("sha256-{text}"), format!("../{text}")];
            let parsed = texts.iter().filter_map(|text| blob_name(text).or(Sha256::parse(text).ok()));
            for digest in parsed.chain([Sha256::from_bytes(bytes)]) {
                let id = FileHash::from_bytes(*digest.as_bytes());
                let paths = [
                    (layout.blob(&digest), layout.blobs()),
                    (layout.tree(&digest), layout.blobs()),
                    (layout.partial(&digest), layout.partials()),
                    (layout.outside_tree(&id), layout.trees()),
                ];
                for (path, folder) in paths {
                    proptest::prop_assert_eq!(path.parent(), Some(folder.as_path()));
                    let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
                    proptest::prop_assert!(plain);
                }
            }
        }
    }
}

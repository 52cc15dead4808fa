//! The secret seed of this install: a file of its own that only this user can read, not a record, so
//! that a backup of the database is no copy of the node.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{StoreError, sync_dir};

const NAME: &str = "identity.key";

pub(super) fn load_or_create(dir: &Path) -> Result<[u8; 32], StoreError> {
    let path = dir.join(NAME);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| StoreError::Damaged { path }),
        Err(error) if error.kind() == ErrorKind::NotFound => create(dir, &path),
        Err(error) => Err(StoreError::io(&path, &error)),
    }
}

fn create(dir: &Path, path: &Path) -> Result<[u8; 32], StoreError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StoreError::Random)?;
    let written = dir.join("identity.key.new");
    let io = |error: std::io::Error| StoreError::io(&written, &error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&written).map_err(io)?;
    file.write_all(&seed).map_err(io)?;
    file.sync_all().map_err(io)?;
    std::fs::rename(&written, path).map_err(io)?;
    sync_dir(dir).map_err(io)?;
    Ok(seed)
}

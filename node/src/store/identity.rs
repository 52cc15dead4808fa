//! The secret seed of this install: a file of its own that only this user can read, not a record, so
//! that a backup of the database is no copy of the node. Beside it the number of the last start, so
//! that a ledger that was put back from a copy does not count from where it was.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{StoreError, sync_dir};

const NAME: &str = "identity.key";
const STARTS: &str = "incarnation";

/// The seed, if this install has one yet.
pub(super) fn load(dir: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    let path = dir.join(NAME);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map(Some).map_err(|_| StoreError::Damaged { path }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(&path, &error)),
    }
}

/// Makes the seed. The ledger is made before it: where there is a seed, there was a ledger.
pub(super) fn create(dir: &Path) -> Result<[u8; 32], StoreError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StoreError::Random)?;
    replace(dir, NAME, &seed)?;
    Ok(seed)
}

/// The highest number of a start that was kept beside the ledger; 0 where there is none.
pub(super) fn last_start(dir: &Path) -> u64 {
    let text = std::fs::read_to_string(dir.join(STARTS)).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

pub(super) fn keep_start(dir: &Path, incarnation: u64) -> Result<(), StoreError> {
    replace(dir, STARTS, incarnation.to_string().as_bytes())
}

fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let written = dir.join(format!("{name}.new"));
    let io = |error: std::io::Error| StoreError::io(&written, &error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(&written).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&written, dir.join(name)).map_err(io)?;
    sync_dir(dir).map_err(io)
}

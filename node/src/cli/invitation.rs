//! An invitation before the node's first start: kept in the data directory, used by the next `up`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::failure::{Failure, Kind};
use super::text::escape;
use crate::runtime;

const FILE: &str = "invitation";
/// Longest invitation in bytes (a few addresses and a secret take under 600).
const BYTES: usize = 4_096;

/// The invitation without the white space that copying adds.
pub(super) fn check(text: &str) -> Result<String, Failure> {
    let token: String = text.split_whitespace().collect();
    let well_formed = !token.is_empty() && token.len() <= BYTES && token.is_ascii();
    well_formed.then_some(token).ok_or_else(|| {
        Failure::usage(
            "this is not an invitation: copy the whole line that `pumasi invite` printed",
        )
    })
}

/// The invitation in the file at `path`.
pub(super) fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let path = escape(&path.to_string_lossy());
        Failure::new(Kind::NotFound, "no_input", format!("{path} cannot be read: {error}"))
    })
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Keeps it for the next start.
pub(super) fn keep(data_dir: &Path, token: &str) -> Result<(), Failure> {
    let written = runtime::create_data_dir(data_dir)
        .and_then(|()| runtime::write_private(&path(data_dir), token.as_bytes()));
    written.map_err(|error| failure(data_dir, &error))
}

/// The kept one, if there is one.
pub(super) fn kept(data_dir: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path(data_dir)) {
        Ok(text) => check(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(data_dir, &error)),
    }
}

/// Removes the kept one: it was used, or never will be.
pub(super) fn forget(data_dir: &Path) {
    // If it stays, the next start tries it again and says that it is used up.
    let _ = std::fs::remove_file(path(data_dir));
}

fn failure(data_dir: &Path, error: &std::io::Error) -> Failure {
    let data_dir = escape(&data_dir.to_string_lossy());
    let sentence = format!("the invitation in {data_dir} cannot be read or written: {error}");
    Failure::new(Kind::Config, "data_dir", sentence)
}
